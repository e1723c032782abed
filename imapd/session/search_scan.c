/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The walk of SEARCH over a mailbox: batches of rows, each judged by
 * search_match(), the hits kept until the answer.
 */
#include "search.h"

#define BATCH_ARENA MIB(64)
/* Headers and pieces of one message's parts. */
#define ROW_ARENA MIB(256)

enum err search_scan_begin(struct search_scan *s)
{
	s->next = 1;
	buf_init(&s->hits, LIMIT_SEARCH_HITS * sizeof(struct search_hit));
	s->arena = arena_new(BATCH_ARENA);
	s->scratch = arena_new(ROW_ARENA);
	return s->arena && s->scratch ? ERR_OK : ERR_NOMEM;
}

void search_scan_free(struct search_scan *s)
{
	arena_free(s->arena);
	arena_free(s->scratch);
	buf_free(&s->hits);
}

size_t search_n_hits(const struct search_scan *s)
{
	return s->hits.n / sizeof(struct search_hit);
}

static enum err one_row(struct imap *i, struct search_scan *s)
{
	const struct message_row *row = &s->rows[s->at];
	uint32_t seq = view_seq(i, row->uid);
	bool found = false;

	if (seq == 0)
		return ERR_OK;
	arena_reset(s->scratch);
	TRY(search_match(i, &s->program, row, s->scratch, &found));
	if (!found)
		return ERR_OK;
	struct search_hit hit = {
		.modseq = row->modseq, .uid = row->uid, .seq = seq
	};
	if (s->found)
		TRY(s->found(i, s->arg, row, &hit));
	return buf_add(&s->hits, &hit, sizeof(hit));
}

static enum err next_batch(struct imap *i, struct search_scan *s)
{
	static struct range all = { 1, UINT32_MAX };
	struct set everything = { .list = &all, .n = 1 };

	arena_reset(s->arena);
	s->at = 0;
	return view_rows(i, &everything, &s->next,
		s->program.meta ? MESSAGE_META : 0, s->arena, s->rows,
		SEARCH_BATCH, &s->n);
}

enum err search_scan_more(struct imap *i, struct search_scan *s)
{
	uint64_t started = loop_now_us();

	do {
		if (s->at < s->n) {
			TRY(one_row(i, s));
			s->at++;
		} else if (s->next == 0) {
			return ERR_OK;
		} else {
			TRY(next_batch(i, s));
		}
		if (search_n_hits(s) >= s->enough)
			return ERR_OK;
	} while (loop_now_us() - started <= SLICE_US);
	return ERR_AGAIN;
}
