/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * UID FETCH (PARTIAL n:m), RFC 9394: a part of the messages that would have been
 * shown. With CHANGEDSINCE these are known after a walk over the rows only.
 */
#include "fetch.h"

#define BATCH 100

static void keep(struct imap *i, struct fetch_narrow *n, uint32_t uid)
{
	uint32_t seq = view_seq(i, uid);
	struct range *r = (struct range *)(void *)(n->matches.p + n->matches.n);

	if (seq == 0)
		return;
	if (n->matches.n && seq == n->last + 1)
		r[-1].to = uid;
	else
		buf_add(&n->matches, &(struct range){ uid, uid }, sizeof(*r));
	n->last = seq;
}

static enum err find_changed(struct imap *i, const struct fetch_request *r,
	struct fetch_narrow *n, const struct set *set)
{
	struct message_row rows[BATCH];
	uint64_t started = loop_now_us();
	size_t got;

	while (n->next) {
		TRY(view_rows(i, set, &n->next, 0, NULL, rows, BATCH, &got));
		for (size_t k = 0; k < got; k++)
			if (rows[k].modseq > r->changed_since)
				keep(i, n, rows[k].uid);
		if (n->next && loop_now_us() - started > SLICE_US)
			return ERR_AGAIN;
	}
	return buf_err(&n->matches);
}

enum err fetch_narrow_more(struct imap *i, struct fetch_request *r,
	struct fetch_narrow *n, struct set *set)
{
	if (r->changed_since != UINT64_MAX) {
		if (n->matches.max == 0) {
			buf_init(&n->matches,
				LIMIT_SAVED_RANGES * sizeof(struct range));
			n->next = set->n ? 1 : 0;
		}
		TRY(find_changed(i, r, n, set));
		set->list = (struct range *)(void *)n->matches.p;
		set->n = n->matches.n / sizeof(struct range);
	}
	view_narrow(i, set, &r->partial);
	r->partial.asked = false;
	return ERR_OK;
}
