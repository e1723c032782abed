/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which bodies have a word that contains the text. The text is cut into words
 * like any other; a body is found when, for each of them, it has a word that
 * contains it. Only words of one block are in memory at a time.
 */
#include <stdlib.h>

#include "fulltext.h"

#define STEP_US 1000
/* Pieces of the text that are looked for: the longest. */
#define PIECES 3
/* The set of segments changed so often while it was asked: then at once. */
#define RESTARTS 3

struct piece {
	char p[WORD_OVERLAP];
	size_t n;
};

struct fulltext_query {
	struct account *account;
	unsigned zones;
	struct piece piece[PIECES];
	size_t n_pieces;
	const struct fulltext_fuzzy *fuzzy; /* instead of pieces, or NULL */
	bool exact;
	struct fulltext_state state; /* that it began with */
	bool begun;
	unsigned restarts;
	struct fulltext_segment segment; /* that is looked at; id 0: none */
	uint32_t block;                  /* next one of it */
	uint32_t *hit;   /* for each ordinal: pieces found, or fuzzy_bits */
	uint64_t *found; /* body, score, it is not certain */
	size_t n_found, cap_found;
};

#define HIT_UNKNOWN ((uint32_t)1 << 31)

static uint64_t found_of(uint64_t body, unsigned score, bool certain)
{
	return body << 8 | score << 1 | !certain;
}

static uint64_t body_of(uint64_t found)
{
	return found >> 8;
}

/* --- the text --------------------------------------------------------------------- */

struct cutting {
	struct fulltext_query *q;
	size_t words;
	size_t bytes; /* of all words */
	bool cut;     /* one was longer than a piece may be */
};

static enum err on_word(void *arg, struct slice word)
{
	struct cutting *c = arg;
	struct fulltext_query *q = c->q;
	struct piece *to = &q->piece[0];

	c->words++;
	c->bytes += word.n;
	c->cut |= word.n > WORD_OVERLAP;
	word = words_head(word);
	if (q->n_pieces < PIECES) {
		to = &q->piece[q->n_pieces++];
	} else {
		for (size_t i = 1; i < PIECES; i++)
			if (q->piece[i].n < to->n)
				to = &q->piece[i];
		if (to->n >= word.n)
			return ERR_OK;
	}
	memcpy(to->p, word.p, word.n);
	to->n = word.n;
	return ERR_OK;
}

static enum err cut_text(struct fulltext_query *q, struct slice folded)
{
	struct word_cutter cutter = { 0 };
	struct cutting c = { .q = q };

	TRY(words_feed(&cutter, folded, on_word, &c));
	TRY(words_end(&cutter, on_word, &c));
	if (c.words == 0)
		return ERR_UNSUPPORTED;
	q->exact = c.words == 1 && c.bytes == folded.n && !c.cut;
	return ERR_OK;
}

static struct fulltext_query *query_of(struct account *a, unsigned zones)
{
	struct fulltext_query *q = mem_new(struct fulltext_query);

	if (!q)
		return NULL;
	q->account = a;
	q->zones = zones;
	return q;
}

enum err fulltext_query_fuzzy(struct account *a, const struct fulltext_fuzzy *f,
	unsigned zones, struct fulltext_query **out)
{
	struct fulltext_query *q = query_of(a, zones);

	if (!q)
		return ERR_NOMEM;
	q->fuzzy = f;
	*out = q;
	return ERR_OK;
}

enum err fulltext_query_new(struct account *a, struct slice folded,
	unsigned zones, struct fulltext_query **out)
{
	struct fulltext_query *q = query_of(a, zones);

	if (!q)
		return ERR_NOMEM;
	enum err e = cut_text(q, folded);
	if (e != ERR_OK) {
		mem_free(q);
		return e;
	}
	*out = q;
	return ERR_OK;
}

void fulltext_query_free(struct fulltext_query *q)
{
	if (!q)
		return;
	mem_free(q->hit);
	mem_free(q->found);
	mem_wipe(q->piece, sizeof(q->piece));
	mem_free(q);
}

/* --- one block -------------------------------------------------------------------- */

static enum err mark(struct fulltext_query *q, struct slice postings,
	uint64_t count, unsigned zones, uint32_t bits, struct slice *rest_out)
{
	uint32_t before = 0;
	struct posting p;

	for (uint64_t i = 0; i < count; i++) {
		TRY(posting_next(&postings, &before, &p));
		if (p.doc >= q->segment.docs)
			return ERR_CORRUPT;
		if (p.zones & zones)
			q->hit[p.doc] |= bits;
	}
	*rest_out = postings;
	return ERR_OK;
}

/* Walks postings and words side by side, the words only as far as needed. */
struct walk {
	struct slice words, postings;
	size_t at; /* start of the word whose postings come next */
};

/* Steps over words until the one that begins at `to`. */
static enum err walk_to(struct fulltext_query *q, struct walk *w, size_t to)
{
	uint64_t count;

	while (w->at < to) {
		size_t n = slice_find(slice_from(w->words, w->at), '\n');
		if (!varint_get(&w->postings, &count))
			return ERR_CORRUPT;
		TRY(mark(q, w->postings, count, 0, 0, &w->postings));
		w->at += n + 1;
	}
	return w->at == to ? ERR_OK : ERR_CORRUPT;
}

static enum err look_for_piece(struct fulltext_query *q, struct slice words,
	struct slice postings, struct slice piece, uint32_t bit)
{
	struct walk w = { words, postings, 0 };
	uint64_t count;
	size_t from = 0;

	for (;;) {
		struct slice rest = slice_from(words, from);
		size_t at = slice_find_slice(rest, piece);
		if (at > rest.n)
			return ERR_OK;
		size_t start = from + at;
		while (start && words.p[start - 1] != '\n')
			start--;
		TRY(walk_to(q, &w, start));
		if (!varint_get(&w.postings, &count))
			return ERR_CORRUPT;
		TRY(mark(q, w.postings, count, q->zones, bit, &w.postings));
		w.at = from + at + slice_find(slice_from(rest, at), '\n') + 1;
		from = w.at;
	}
}

/* Every word of the block is held against every one that is asked for. */
static enum err look_fuzzily(
	struct fulltext_query *q, struct slice words, struct slice postings)
{
	uint64_t count;

	while (words.n) {
		struct slice word = slice_cut(words, '\n', &words);
		uint32_t bits = fuzzy_bits(q->fuzzy, word);
		if (!varint_get(&postings, &count))
			return ERR_CORRUPT;
		TRY(mark(q, postings, count, bits ? q->zones : 0, bits,
			&postings));
	}
	return ERR_OK;
}

static enum err look_at(
	struct fulltext_query *q, struct slice words, struct slice postings)
{
	static const struct slice unknown = SLICE(WORD_UNKNOWN "\n");

	/* It sorts before every word. */
	if (q->block == 0 && words.n >= unknown.n &&
		memcmp(words.p, unknown.p, unknown.n) == 0) {
		struct slice rest = postings;
		uint64_t count;
		if (!varint_get(&rest, &count))
			return ERR_CORRUPT;
		TRY(mark(q, rest, count, q->zones, HIT_UNKNOWN, &rest));
	}
	if (q->fuzzy)
		return look_fuzzily(q, words, postings);
	for (size_t i = 0; i < q->n_pieces; i++)
		TRY(look_for_piece(q, words, postings,
			slice_of(q->piece[i].p, q->piece[i].n),
			(uint32_t)1 << i));
	return ERR_OK;
}

static enum err look_at_block(struct fulltext_query *q)
{
	sqlite3_stmt *st = db_stmt(account_db(q->account),
		"SELECT words, postings FROM fulltext_block WHERE id = ?");

	db_bind(st, "u", q->segment.id << BLOCK_BITS | q->block);
	enum err e = db_step(st);
	if (e == ERR_OK)
		e = look_at(q, db_column(st, 0), db_column(st, 1));
	db_done(st);
	if (e == ERR_NOTFOUND)
		e = ERR_CORRUPT;
	q->block++;
	return e;
}

/* --- segments ---------------------------------------------------------------------- */

/* What was found of one body's words. */
static bool has_all(
	const struct fulltext_query *q, uint32_t hit, unsigned *score)
{
	uint32_t all = ((uint32_t)1 << q->n_pieces) - 1;

	if (!q->fuzzy)
		return (hit & all) == all;
	*score = fuzzy_score(q->fuzzy, hit & ~HIT_UNKNOWN);
	return *score != 0;
}

static enum err take_found(struct fulltext_query *q)
{
	bool exact = q->exact || q->fuzzy;
	uint64_t *body = mem_alloc((q->segment.docs + 1) * sizeof(*body));

	if (!body)
		return ERR_NOMEM;
	enum err e = fulltext_docs(q->account, &q->segment, body);
	for (uint32_t i = 0; i < q->segment.docs && e == ERR_OK; i++) {
		bool unknown = q->hit[i] & HIT_UNKNOWN;
		unsigned score = 0;
		bool has = has_all(q, q->hit[i], &score);
		if (!has && !unknown)
			continue;
		uint64_t *to = PUSH(q->found, q->n_found, q->cap_found);
		if (to)
			*to = found_of(body[i], score,
				has && exact && !(q->fuzzy && unknown));
		else
			e = ERR_NOMEM;
	}
	mem_free(body);
	return e;
}

static enum err next_segment(struct fulltext_query *q)
{
	uint64_t after = q->segment.id;
	size_t n;

	if (after)
		TRY(take_found(q));
	TRY(fulltext_segments(q->account, after, &q->segment, 1, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	q->block = 0;
	mem_free(q->hit);
	q->hit = mem_alloc(((size_t)q->segment.docs + 1) * sizeof(*q->hit));
	return q->hit ? ERR_OK : ERR_NOMEM;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static enum err begin(struct fulltext_query *q)
{
	struct fulltext_state now;

	TRY(fulltext_state_get(q->account, &now));
	if (q->begun && now.version == q->state.version)
		return ERR_OK;
	q->restarts += q->begun;
	q->begun = true;
	q->state = now;
	q->segment = (struct fulltext_segment){ 0 };
	q->block = 0;
	q->n_found = 0;
	return ERR_OK;
}

enum err fulltext_query_more(struct fulltext_query *q)
{
	int64_t started = clock_us();
	enum err e;

	TRY(begin(q));
	do {
		if (q->segment.id && q->block < q->segment.blocks)
			e = look_at_block(q);
		else
			e = next_segment(q);
		if (e == ERR_NOTFOUND) {
			if (q->n_found)
				qsort(q->found, q->n_found, sizeof(*q->found),
					by_number);
			return ERR_OK;
		}
		TRY(e);
	} while (q->restarts >= RESTARTS || clock_us() - started < STEP_US);
	return ERR_AGAIN;
}

/* --- answers ------------------------------------------------------------------------ */

uint64_t fulltext_query_upto(const struct fulltext_query *q)
{
	return q->state.upto;
}

/* NULL: the body is not among those found. */
static const uint64_t *find(const struct fulltext_query *q, uint64_t body)
{
	size_t low = 0, high = q->n_found;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (body_of(q->found[mid]) < body)
			low = mid + 1;
		else
			high = mid;
	}
	return low < q->n_found && body_of(q->found[low]) == body
		       ? &q->found[low]
		       : NULL;
}

enum fulltext_answer fulltext_says(
	const struct fulltext_query *q, uint64_t body)
{
	if (body > q->state.upto)
		return FULLTEXT_MAYBE;
	const uint64_t *found = find(q, body);
	if (!found)
		return FULLTEXT_NO;
	return *found & 1 ? FULLTEXT_MAYBE : FULLTEXT_YES;
}

unsigned fulltext_score(const struct fulltext_query *q, uint64_t body)
{
	const uint64_t *found = find(q, body);

	return found ? *found >> 1 & 0x7f : 0;
}
