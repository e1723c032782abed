/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * COPY and MOVE (RFC 3501 6.4.7, RFC 6851, COPYUID of RFC 4315 3). Batches of
 * one transaction each. RFC 3501 wants a COPY that fails to leave nothing: what
 * earlier batches copied is taken back then. MOVE moves each message whole;
 * what was moved before a failure stays moved (RFC 6851 3.3 allows it).
 */
#include "copy.h"

#define BATCH 50

static void abandon(struct imap *i)
{
	struct copy *w = i->cmd.work;

	copy_across_end(w);
	mem_free(w->from_uids);
	mem_free(w->to_uids);
}

enum err copy_room(struct copy *w, size_t more)
{
	if (w->n + more <= w->max)
		return ERR_OK;
	size_t max = w->max * 2 + more;
	uint32_t *from = mem_resize(w->from_uids, max, sizeof(*from));
	if (!from)
		return ERR_NOMEM;
	w->from_uids = from;
	uint32_t *to = mem_resize(w->to_uids, max, sizeof(*to));
	if (!to)
		return ERR_NOMEM;
	w->to_uids = to;
	w->max = max;
	return ERR_OK;
}

/* RFC 4314 4: flags that the user may not set there are lost. */
static enum err limit_flags(
	struct copy *w, const struct flags *had, uint32_t uid)
{
	struct message_row row;
	uint64_t modseq;
	size_t n;
	struct flags may = *had;

	rights_limit_flags(w->to.rights, &may);
	if (may.system == had->system &&
		memcmp(may.keyword, had->keyword, sizeof(may.keyword)) == 0)
		return ERR_OK;
	TRY(message_list(
		w->to.account, w->to.row.id, uid, uid, 0, NULL, &row, 1, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	rights_limit_flags(w->to.rights, &row.flags);
	return message_set_flags(
		w->to.account, w->to.row.id, uid, &row.flags, &modseq);
}

static enum err copy_rows(struct imap *i, struct copy *w,
	const struct message_row *rows, size_t n)
{
	size_t had = w->n;
	enum err e = ERR_OK;

	for (size_t k = 0; k < n && e == ERR_OK; k++) {
		uint64_t modseq;
		if (!view_seq(i, rows[k].uid))
			continue;
		w->from_uids[w->n] = rows[k].uid;
		e = w->move ? message_move(i->box, i->st.mailbox, rows[k].uid,
				      w->to.row.id, &w->to_uids[w->n], &modseq)
			    : message_copy(i->box, i->st.mailbox, rows[k].uid,
				      w->to.row.id, &w->to_uids[w->n]);
		if (e == ERR_OK)
			e = limit_flags(w, &rows[k].flags, w->to_uids[w->n]);
		w->n += e == ERR_OK;
	}
	if (e != ERR_OK)
		w->n = had;
	return e;
}

static enum err one_batch(struct imap *i, struct copy *w)
{
	struct message_row rows[BATCH];
	size_t n, had = w->n;

	TRY(view_rows(i, &w->set, &w->next, 0, NULL, rows, BATCH, &n));
	TRY(copy_room(w, n));
	/* Clients delete by moving to Trash. */
	TRY(w->move ? store_begin_freeing(i->tenant->store)
		    : store_begin(i->tenant->store));
	enum err e = imap_commit(i, copy_rows(i, w, rows, n));
	if (e != ERR_OK)
		w->n = had;
	arrivals_own(
		i, w->to.account, w->to.row.id, w->to_uids + had, w->n - had);
	i->cmd.done = (uint32_t)w->n;
	return e;
}

static void take_back(struct imap *i, struct copy *w)
{
	enum err e = ERR_OK;

	if (w->n == 0 || store_begin_freeing(i->tenant->store) != ERR_OK)
		return;
	for (size_t k = 0; k < w->n && e == ERR_OK; k++) {
		uint64_t modseq;
		e = message_expunge(
			w->to.account, w->to.row.id, w->to_uids[k], &modseq);
		if (e == ERR_NOTFOUND)
			e = ERR_OK; /* somebody was quicker */
	}
	(void)!imap_commit(i, e);
}

/* COPYUID may be long: a MOVE tells it before its EXPUNGEs, untagged. */
static enum err tell(struct imap *i, struct copy *w)
{
	struct buf b;

	if (w->n == 0)
		return ERR_OK;
	buf_init(&b, MIB(4));
	buf_addf(&b, "COPYUID %u ", w->to.row.uidvalidity);
	put_uid_set(&b, w->from_uids, w->n);
	buf_addc(&b, ' ');
	put_uid_set(&b, w->to_uids, w->n);
	enum err e = buf_err(&b);
	if (e == ERR_OK && w->move) {
		imap_gate(i);
		buf_adds(&i->out, "* OK [");
		buf_add_slice(&i->out, buf_slice(&b));
		buf_adds(&i->out, "] Moved\r\n");
		imap_flush(i);
	} else if (e == ERR_OK) {
		i->cmd.code = arena_copy(i->arena, buf_slice(&b)).p;
	}
	buf_free(&b);
	return e;
}

static enum err more(struct imap *i)
{
	struct copy *w = i->cmd.work;
	uint64_t started = loop_now_us();
	bool across = w->to.account != i->box;

	while (w->next || w->body) {
		enum err e = across ? copy_across(i, w) : one_batch(i, w);
		if (e == ERR_AGAIN)
			return e;
		if (e != ERR_OK) {
			if (w->move)
				(void)!tell(i, w);
			else
				take_back(i, w);
			return e;
		}
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	TRY(tell(i, w));
	/* RFC 6851 4.4 */
	return w->move && w->n ? imap_highest_code(i) : ERR_OK;
}

/* RFC 6851 4.6: those of STORE and EXPUNGE. */
#define RIGHTS_TO_MOVE (RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE)

static enum err begin(struct imap *i, bool move)
{
	struct copy *w = arena_alloc(i->arena, sizeof(*w));
	struct cursor *c = &i->cmd.args;
	struct slice name;

	if (!w)
		return ERR_NOMEM;
	if (!p_sp(c) || !imap_set(c, i->arena, &w->set) || !p_sp(c) ||
		!imap_mailbox(i, c, &name) || !p_end(c))
		return ERR_SYNTAX;
	TRY(set_to_uids(i, &w->set, i->cmd.uid));
	if (move)
		message_limit(i, &w->set);
	else
		TRY(message_limit_refuse(i, &w->set));
	if (move && (i->st.rights & RIGHTS_TO_MOVE) != RIGHTS_TO_MOVE)
		return ERR_NOPERM;
	enum err e = imap_place_mailbox(i, name, RIGHT_INSERT, &w->to);
	if (e == ERR_NOTFOUND) {
		i->cmd.error_code = "TRYCREATE";
		return ERR_NOTFOUND;
	}
	TRY(e);
	i->cmd.total = view_count(i, &w->set);
	w->move = move;
	w->next = w->set.n ? 1 : 0;
	i->cmd.work = w;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return more(i);
}

enum err cmd_copy(struct imap *i)
{
	return begin(i, false);
}

enum err cmd_move(struct imap *i)
{
	return begin(i, true);
}
