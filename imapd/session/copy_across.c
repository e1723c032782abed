/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * COPY and MOVE into another account. Each account has its own key, so the body
 * is sealed again, in pieces; then the message, with its keywords by name,
 * enters the other mailbox (and leaves this one) in one transaction.
 */
#include "copy.h"

#define PIECE KIB(256)
#define SCRATCH MIB(4)

void copy_across_end(struct copy *w)
{
	body_abort(w->body);
	w->body = NULL;
	arena_free(w->arena);
	w->arena = NULL;
}

/* The next message that is still there. */
static enum err begin_one(struct imap *i, struct copy *w)
{
	size_t n;

	TRY(view_rows(i, &w->set, &w->next, 0, NULL, &w->row, 1, &n));
	if (n == 0 || !view_seq(i, w->row.uid))
		return ERR_OK;
	TRY(copy_room(w, 1));
	if (!w->arena)
		w->arena = arena_new(SCRATCH);
	if (!w->arena)
		return ERR_NOMEM;
	arena_reset(w->arena);
	w->offset = 0;
	return body_begin(w->to.account, w->row.size, &w->body);
}

/* A keyword that finds no bit left there is lost. */
static enum err translate(struct imap *i, struct copy *w, struct flags *f)
{
	struct slice names[LIMIT_KEYWORDS];
	struct flags to = { .system = f->system };
	size_t n;

	TRY(keyword_list(i->box, i->st.mailbox, w->arena, names, &n));
	for (unsigned k = 0; k < n; k++) {
		unsigned bit;
		if (!(f->keyword[k / 64] >> (k % 64) & 1))
			continue;
		enum err e = keyword_bit(
			w->to.account, w->to.row.id, names[k], true, &bit);
		if (e == ERR_OK)
			to.keyword[bit / 64] |= (uint64_t)1 << (bit % 64);
		else if (e != ERR_LIMIT)
			return e;
	}
	*f = to;
	return ERR_OK;
}

static enum err put_one(struct imap *i, struct copy *w)
{
	struct message_new m = { .flags = w->row.flags,
		.internal_date = w->row.internal_date,
		.internal_zone = w->row.internal_zone };
	struct body_writer *body = w->body;
	struct body_meta meta;
	uint64_t modseq;

	w->body = NULL; /* body_finish frees it in every case */
	enum err e = body_get_meta(i->box, w->row.body, w->arena, &meta);
	if (e != ERR_OK) {
		body_abort(body);
		return e;
	}
	TRY(body_finish(body, &meta, &m.body));
	rights_limit_flags(w->to.rights, &m.flags);
	TRY(translate(i, w, &m.flags));
	TRY(message_add(
		w->to.account, w->to.row.id, &m, &w->to_uids[w->n], &modseq));
	w->from_uids[w->n] = w->row.uid;
	return w->move ? message_expunge(
				 i->box, i->st.mailbox, w->row.uid, &modseq)
		       : ERR_OK;
}

enum err copy_across(struct imap *i, struct copy *w)
{
	if (!w->body) {
		TRY(begin_one(i, w));
		if (!w->body)
			return ERR_OK;
	}
	TRY(body_copy_more(i->box, w->row.body, w->body, &w->offset, PIECE));
	TRY(store_begin(i->tenant->store));
	TRY(imap_commit(i, put_one(i, w)));
	w->n++;
	i->cmd.done = (uint32_t)w->n;
	return ERR_OK;
}
