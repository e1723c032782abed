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
	s->step = SCAN_BEGIN;
	buf_init(&s->ranges, LIMIT_SEARCH_HITS * sizeof(struct range));
	buf_init(&s->hits, LIMIT_SEARCH_HITS * sizeof(struct search_hit));
	s->arena = arena_new(BATCH_ARENA);
	s->scratch = arena_new(ROW_ARENA);
	return s->arena && s->scratch ? ERR_OK : ERR_NOMEM;
}

void search_scan_free(struct search_scan *s)
{
	arena_free(s->arena);
	arena_free(s->scratch);
	buf_free(&s->ranges);
	buf_free(&s->hits);
	search_index_free(&s->program);
}

size_t search_n_hits(const struct search_scan *s)
{
	return s->hits.n / sizeof(struct search_hit);
}

static enum err one_row(struct imap *i, struct search_scan *s)
{
	const struct message_row *row = &s->rows[s->at];
	uint32_t seq =
		s->program.at.selected ? view_seq(i, row->uid) : row->uid;
	unsigned score = 0;

	if (seq == 0)
		return ERR_OK;
	arena_reset(s->scratch);
	enum err e = search_match(&s->program, row, s->scratch, &score);
	/* Its text went since the row was read: it is expunged. */
	if (e != ERR_NOTFOUND)
		TRY(e);
	if (score == 0 || e == ERR_NOTFOUND)
		return ERR_OK;
	struct search_hit hit = { .modseq = row->modseq,
		.uid = row->uid,
		.seq = seq,
		.score = (uint8_t)score };
	if (s->found)
		TRY(s->found(i, s->arg, row, &hit));
	return buf_add(&s->hits, &hit, sizeof(hit));
}

static enum err next_batch(struct imap *i, struct search_scan *s)
{
	struct set set = { .list = (void *)s->ranges.p,
		.n = s->ranges.n / sizeof(struct range) };

	arena_reset(s->arena);
	s->at = 0;
	return search_rows(&s->program.at, &set, &s->next,
		s->program.meta ? MESSAGE_META : 0, s->arena, s->rows,
		SEARCH_BATCH, &s->n);
}

/* One row, or the next batch. ERR_OK: all is looked at. */
static enum err scan_rows(struct imap *i, struct search_scan *s)
{
	if (s->at < s->n) {
		TRY(one_row(i, s));
		s->at++;
	} else if (s->next == 0) {
		return ERR_OK;
	} else {
		TRY(next_batch(i, s));
	}
	return search_n_hits(s) < s->enough ? ERR_AGAIN : ERR_OK;
}

/* RFC 9738: looks at the last messages only of those that keys like UIDBEFORE
 * leave, when they are too many for one command. */
static enum err limit(struct imap *i, struct search_scan *s)
{
	struct set all = { .list = (void *)s->ranges.p,
		.n = s->ranges.n / sizeof(struct range) };
	const struct set *least = &all;

	for (size_t n = 0; n < s->program.n; n++) {
		const struct search_key *k = &s->program.keys[n];
		if (k->needed && (k->op == OP_UID || k->op == OP_SEQ) &&
			view_count(i, &k->set) < view_count(i, least))
			least = &k->set;
	}
	struct set set = { .n = least->n,
		.list = arena_array(i->arena, struct range, least->n + 1) };
	if (!set.list)
		return ERR_NOMEM;
	if (set.n)
		memcpy(set.list, least->list, set.n * sizeof(struct range));
	message_limit(i, &set);
	if (i->cmd.limited_to)
		s->next = i->cmd.limited_to;
	return ERR_AGAIN;
}

/* What is walked over is known. */
static enum err begin_rows(struct imap *i, struct search_scan *s)
{
	s->step = SCAN_ROWS;
	s->next = s->ranges.n ? 1 : 0;
	return s->next && s->program.at.selected ? limit(i, s) : ERR_AGAIN;
}

static enum err everything(struct imap *i, struct search_scan *s)
{
	static const struct range all = { 1, UINT32_MAX };

	TRY(buf_add(&s->ranges, &all, sizeof(all)));
	return begin_rows(i, s);
}

static enum err one_step(struct imap *i, struct search_scan *s)
{
	enum err e = ERR_BUG;

	switch (s->step) {
	case SCAN_BEGIN:
		TRY(search_index_begin(&s->program));
		s->step = SCAN_ASK;
		return ERR_AGAIN;
	case SCAN_ASK:
		TRY(search_index_more(&s->program));
		if (!search_index_narrows(&s->program))
			return everything(i, s);
		s->step = SCAN_NARROW;
		return ERR_AGAIN;
	case SCAN_NARROW:
		TRY(search_index_narrow(&s->program, &s->next, &s->ranges));
		return begin_rows(i, s);
	case SCAN_ROWS:
		e = scan_rows(i, s);
	}
	return e;
}

enum err search_scan_more(struct imap *i, struct search_scan *s)
{
	uint64_t started = loop_now_us();
	enum err e;

	do
		e = one_step(i, s);
	while (e == ERR_AGAIN && loop_now_us() - started <= SLICE_US);
	return e;
}
