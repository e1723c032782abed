/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * EXPUNGE, UID EXPUNGE and CLOSE (RFC 3501 6.4.2, 6.4.3; RFC 4315 2.1). The
 * messages with \Deleted go in batches, each a transaction; the client hears
 * of them as of anybody's expunges, by view_sync.
 */
#include "place.h"

#define BATCH 100

struct expunge {
	struct set set;
	uint32_t next;
	bool silent; /* CLOSE */
	bool some;   /* one went */
};

static enum err expunge_rows(
	struct imap *i, const struct message_row *rows, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		uint64_t modseq;
		if (!(rows[k].flags.system & FLAG_DELETED))
			continue;
		TRY(message_expunge(
			i->box, i->st.mailbox, rows[k].uid, &modseq));
	}
	return ERR_OK;
}

static enum err one_batch(struct imap *i, struct expunge *x)
{
	struct message_row rows[BATCH];
	size_t n;

	TRY(view_rows(i, &x->set, &x->next, 0, NULL, rows, BATCH, &n));
	i->cmd.done += (uint32_t)n;
	for (size_t k = 0; k < n; k++)
		x->some |= (rows[k].flags.system & FLAG_DELETED) != 0;
	TRY(store_begin_freeing(i->tenant->store));
	return imap_commit(i, expunge_rows(i, rows, n));
}

static enum err more(struct imap *i)
{
	struct expunge *x = i->cmd.work;
	uint64_t started = loop_now_us();

	while (x->next) {
		TRY(one_batch(i, x));
		/* At once: the store remembers so many expunges only. */
		imap_gate(i);
		if (!x->silent)
			TRY(view_sync(i, true));
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	if (x->silent) {
		imap_deselect(i);
		return ERR_OK;
	}
	/* RFC 7162 3.2.7 */
	return x->some ? imap_highest_code(i) : ERR_OK;
}

static enum err begin(struct imap *i, struct expunge *x)
{
	struct mailbox_row row;

	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &row));
	x->next = row.deleted && x->set.n ? 1 : 0;
	i->cmd.total = row.exists;
	i->cmd.work = x;
	i->cmd.more = more;
	return more(i);
}

static enum err everything(struct imap *i, struct expunge **out)
{
	struct expunge *x = arena_alloc(i->arena, sizeof(*x));

	if (!x || !(x->set.list = arena_array(i->arena, struct range, 1)))
		return ERR_NOMEM;
	x->set.n = 1;
	x->set.list[0] = (struct range){ 1, UINT32_MAX };
	*out = x;
	return ERR_OK;
}

enum err cmd_expunge(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct expunge *x;

	TRY(everything(i, &x));
	if (i->cmd.uid) {
		if (!p_sp(c) || !imap_set(c, i->arena, &x->set))
			return ERR_SYNTAX;
		TRY(set_to_uids(i, &x->set, true));
		message_limit(i, &x->set);
	}
	if (!p_end(c))
		return ERR_SYNTAX;
	if (!(i->st.rights & RIGHT_EXPUNGE))
		return ERR_NOPERM;
	return begin(i, x);
}

enum err cmd_close(struct imap *i)
{
	struct expunge *x;

	if (!p_end(&i->cmd.args))
		return ERR_SYNTAX;
	/* RFC 4314 4: without the right, CLOSE only closes. */
	if (i->st.read_only || !(i->st.rights & RIGHT_EXPUNGE)) {
		imap_deselect(i);
		return ERR_OK;
	}
	TRY(everything(i, &x));
	x->silent = true;
	return begin(i, x);
}
