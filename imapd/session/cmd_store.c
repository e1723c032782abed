/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * STORE (RFC 3501 6.4.6; UNCHANGEDSINCE and MODIFIED, RFC 7162 3.1.3). In each
 * slice: first what others changed, then this command's changes in one
 * transaction, then their FETCH responses. So the session's own changes are
 * never told twice.
 */
#include "place.h"

#define BATCH 50

enum store_mode { STORE_REPLACE, STORE_ADD, STORE_REMOVE };

struct store_work {
	struct set set;
	uint32_t next;
	enum store_mode mode;
	unsigned rights; /* to the flags that may change */
	bool silent;
	bool conditional;
	uint64_t unchanged_since;
	struct flag_list list;
	struct flags flags;
	bool resolved;
	struct slice names[LIMIT_KEYWORDS];
	uint32_t *modified; /* UIDs that failed the condition */
	size_t n_modified, max_modified;
};

/* \Deleted is on the way to EXPUNGE: it must work on a full disk. */
static enum err begin(struct imap *i, const struct store_work *w)
{
	bool deletes = w->mode != STORE_REMOVE && w->list.system & FLAG_DELETED;

	return deletes ? store_begin_freeing(i->tenant->store)
		       : store_begin(i->tenant->store);
}

static enum err resolve(struct imap *i, struct store_work *w)
{
	TRY(begin(i, w));
	enum err e = flags_resolve(i->box, i->st.mailbox, &w->list,
		w->mode != STORE_REMOVE, &w->flags);
	TRY(imap_commit(i, e));
	w->resolved = true;
	return view_keywords(i, i->arena, w->names);
}

static void apply(const struct store_work *w, struct flags *f)
{
	size_t n = LIMIT_KEYWORDS / 64;

	switch (w->mode) {
	case STORE_REPLACE:
		*f = w->flags;
		break;
	case STORE_ADD:
		f->system |= w->flags.system;
		for (size_t k = 0; k < n; k++)
			f->keyword[k] |= w->flags.keyword[k];
		break;
	case STORE_REMOVE:
		f->system &= ~w->flags.system;
		for (size_t k = 0; k < n; k++)
			f->keyword[k] &= ~w->flags.keyword[k];
		break;
	}
}

static enum err note_modified(
	struct imap *i, struct store_work *w, uint32_t uid)
{
	if (w->n_modified == w->max_modified) {
		size_t max = w->max_modified ? w->max_modified * 2 : 64;
		uint32_t *p = arena_array(i->arena, uint32_t, max);
		if (!p)
			return ERR_NOMEM;
		if (w->n_modified)
			memcpy(p, w->modified, w->n_modified * sizeof(*p));
		w->modified = p;
		w->max_modified = max;
	}
	w->modified[w->n_modified++] = uid;
	return ERR_OK;
}

/* What changed nothing keeps its modseq (RFC 7162 3.1.3). */
static bool same_flags(const struct flags *a, const struct flags *b)
{
	return a->system == b->system &&
	       memcmp(a->keyword, b->keyword, sizeof(a->keyword)) == 0;
}

static enum err change_rows(struct imap *i, struct store_work *w,
	struct message_row *rows, size_t n, uint64_t *last)
{
	for (size_t k = 0; k < n; k++) {
		struct message_row *row = &rows[k];
		struct flags now = row->flags;
		if (!view_seq(i, row->uid))
			continue;
		if (w->conditional && row->modseq > w->unchanged_since) {
			TRY(note_modified(i, w, row->uid));
			row->uid = 0; /* no response for it */
			continue;
		}
		apply(w, &now);
		rights_keep_flags(w->rights, &row->flags, &now);
		if (same_flags(&now, &row->flags))
			continue;
		TRY(message_set_flags(
			i->box, i->st.mailbox, row->uid, &now, &row->modseq));
		row->flags = now;
		*last = row->modseq;
	}
	return ERR_OK;
}

static enum err one_batch(struct imap *i, struct store_work *w)
{
	struct message_row rows[BATCH];
	uint64_t last = 0;
	size_t n;

	TRY(view_rows(i, &w->set, &w->next, 0, NULL, rows, BATCH, &n));
	i->cmd.done += (uint32_t)n;
	TRY(begin(i, w));
	TRY(imap_commit(i, change_rows(i, w, rows, n, &last)));
	imap_gate(i);
	if (last) {
		i->st.modseq = last;
		i->st.modseq_uid = UINT32_MAX;
	}
	/* With CONDSTORE on, a silent STORE still tells the new modseq. */
	for (size_t k = 0; k < n; k++)
		if (rows[k].uid &&
			(!w->silent || imap_enabled(i, ENABLED_CONDSTORE)))
			put_fetch_flags(i, view_seq(i, rows[k].uid), &rows[k],
				!w->silent, w->names);
	imap_flush(i);
	return ERR_OK;
}

/* MODIFIED names sequence numbers, or UIDs for UID STORE. */
static void put_modified(struct imap *i, struct store_work *w)
{
	struct buf b;

	if (w->n_modified == 0)
		return;
	if (!i->cmd.uid)
		for (size_t k = 0; k < w->n_modified; k++)
			w->modified[k] = view_seq(i, w->modified[k]);
	buf_init(&b, MIB(1));
	buf_adds(&b, "MODIFIED ");
	put_uid_set(&b, w->modified, w->n_modified);
	i->cmd.code = arena_copy(i->arena, buf_slice(&b)).p;
	i->cmd.text = "Some were changed in the meantime";
	buf_free(&b);
}

static enum err more(struct imap *i)
{
	struct store_work *w = i->cmd.work;
	uint64_t started = loop_now_us();

	while (w->next) {
		TRY(view_sync(i, false));
		if (!w->resolved)
			TRY(resolve(i, w));
		TRY(one_batch(i, w));
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	put_modified(i, w);
	return ERR_OK;
}

static bool condition(struct cursor *c, struct store_work *w)
{
	if (!p_char(c, '('))
		return true;
	w->conditional = true;
	return p_word(c, "UNCHANGEDSINCE") && p_sp(c) &&
	       p_u64(c, &w->unchanged_since) && p_char(c, ')') && p_sp(c);
}

static bool parse(struct imap *i, struct store_work *w)
{
	struct cursor *c = &i->cmd.args;

	if (!p_sp(c) || !imap_set(c, i->arena, &w->set) || !p_sp(c) ||
		!condition(c, w))
		return false;
	w->mode = p_char(c, '+')   ? STORE_ADD
		  : p_char(c, '-') ? STORE_REMOVE
				   : STORE_REPLACE;
	if (!p_word(c, "FLAGS"))
		return false;
	w->silent = p_word(c, ".SILENT");
	return p_sp(c) && imap_flag_list(c, true, &w->list) && p_end(c);
}

/* RFC 4314 4: it fails only when none of the flags may be changed. */
static enum err limit_by_rights(struct imap *i, struct store_work *w)
{
	unsigned needed = w->mode == STORE_REPLACE ? RIGHTS_OF_FLAGS
						   : rights_for(&w->list);

	w->rights = i->st.rights & RIGHTS_OF_FLAGS;
	rights_limit_list(w->rights, &w->list);
	return needed && !(needed & w->rights) ? ERR_NOPERM : ERR_OK;
}

enum err cmd_store(struct imap *i)
{
	struct store_work *w = arena_alloc(i->arena, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	if (!parse(i, w))
		return ERR_SYNTAX;
	TRY(limit_by_rights(i, w));
	if (w->conditional)
		imap_enable(i, ENABLED_CONDSTORE);
	TRY(set_to_uids(i, &w->set, i->cmd.uid));
	message_limit(i, &w->set);
	w->next = w->set.n ? 1 : 0;
	i->cmd.total = view_count(i, &w->set);
	i->cmd.work = w;
	i->cmd.more = more;
	return more(i);
}
