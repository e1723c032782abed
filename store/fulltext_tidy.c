/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Eight segments of one level become one of the next; what they were made of
 * is removed. Each step is a transaction:
 *
 *   REMOVE --nothing old is left--> CHOOSE --eight of a level--> BODIES
 *   BODIES --all looked for--> MERGE --no word is left--> REMOVE
 *
 * A segment that is being made has a row from the start, so that what a crash
 * or an end leaves of it is removed like the old ones. Bodies that are gone
 * are left out, and words that nobody has any more with them.
 */

#include "fulltext.h"

#define FAN 8
#define STEP_US 1000
#define ROWS_A_STEP 8
#define BODIES_A_STEP 256
#define DOC_GONE UINT32_MAX

enum tidy_step { REMOVE, CHOOSE, BODIES, MERGE };

struct source {
	struct fulltext_segment s;
	uint64_t *body;
	uint32_t *doc; /* ordinal in the new segment, or DOC_GONE */
	struct block block;
	uint32_t next_block;
	bool has; /* the word below is to be taken */
	struct slice word, postings;
	uint32_t n;
};

struct fulltext_tidy {
	struct account *account;
	enum tidy_step step;
	bool fresh; /* what another one was making is not marked as old yet */
	struct source source[FAN];
	size_t at;       /* source whose bodies are looked for */
	uint32_t at_doc; /* from here on */
	uint64_t *body;  /* of the new segment */
	size_t n_bodies, cap_bodies;
	uint64_t segment;
	struct block_writer writer;
};

static void forget(struct fulltext_tidy *t)
{
	for (size_t i = 0; i < FAN; i++) {
		struct source *s = &t->source[i];
		mem_free(s->body);
		mem_free(s->doc);
		block_free(&s->block);
		*s = (struct source){ 0 };
	}
	mem_free(t->body);
	t->body = NULL;
	t->n_bodies = t->cap_bodies = 0;
	block_writer_free(&t->writer);
	t->segment = 0;
	t->step = REMOVE;
}

enum err fulltext_tidy_new(struct account *a, struct fulltext_tidy **out)
{
	struct fulltext_tidy *t = mem_new(struct fulltext_tidy);

	if (!t)
		return ERR_NOMEM;
	t->account = a;
	t->fresh = true;
	*out = t;
	return ERR_OK;
}

void fulltext_tidy_free(struct fulltext_tidy *t)
{
	if (!t)
		return;
	forget(t);
	mem_free(t);
}

/* --- removing ----------------------------------------------------------------------- */

static enum err remove_some(struct fulltext_tidy *t)
{
	struct db *d = account_db(t->account);
	int64_t id;

	enum err e = db_int(d, &id,
		"SELECT id FROM fulltext_segment WHERE state = ? LIMIT 1", "i",
		(int64_t)SEGMENT_OLD);
	if (e == ERR_NOTFOUND) {
		t->step = CHOOSE;
		return ERR_OK;
	}
	TRY(e);
	TRY(db_write(d));
	TRY(db_run(d,
		"DELETE FROM fulltext_block WHERE id IN (SELECT id FROM"
		" fulltext_block WHERE id >= ? AND id < ? LIMIT ?)",
		"uui", (uint64_t)id << BLOCK_BITS,
		((uint64_t)id + 1) << BLOCK_BITS, (int64_t)ROWS_A_STEP));
	if (db_changes(d) > 0)
		return ERR_OK;
	return db_run(d, "DELETE FROM fulltext_segment WHERE id = ?", "u",
		(uint64_t)id);
}

/* What a life before was making. */
static enum err mark_unfinished(struct fulltext_tidy *t)
{
	struct db *d = account_db(t->account);

	TRY(db_write(d));
	TRY(db_run(d, "UPDATE fulltext_segment SET state = ? WHERE state = ?",
		"ii", (int64_t)SEGMENT_OLD, (int64_t)SEGMENT_MAKING));
	t->fresh = false;
	return ERR_OK;
}

/* --- choosing ----------------------------------------------------------------------- */

static enum err open_source(struct source *s, const struct fulltext_segment *of)
{
	s->s = *of;
	block_init(&s->block);
	s->body = mem_alloc((of->docs + 1) * sizeof(*s->body));
	s->doc = mem_alloc((of->docs + 1) * sizeof(*s->doc));
	return s->body && s->doc ? ERR_OK : ERR_NOMEM;
}

/* The eight oldest of the lowest level that has so many. ERR_NOTFOUND. */
static enum err choose(struct fulltext_tidy *t)
{
	struct fulltext_segment rows[FAN];
	int64_t level;
	size_t n;

	TRY(db_int(account_db(t->account), &level,
		"SELECT level FROM fulltext_segment WHERE state = ?"
		" GROUP BY level HAVING count(*) >= ? ORDER BY level LIMIT 1",
		"ii", (int64_t)SEGMENT_LIVE, (int64_t)FAN));
	TRY(fulltext_segments_of(t->account, (unsigned)level, rows, FAN, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(open_source(&t->source[i], &rows[i]));
		TRY(fulltext_docs(t->account, &rows[i], t->source[i].body));
	}
	TRY(fulltext_segment_new(t->account, (unsigned)level + 1, &t->segment));
	block_writer_init(&t->writer, t->account, t->segment);
	t->at = t->at_doc = 0;
	t->step = BODIES;
	return ERR_OK;
}

/* --- bodies ------------------------------------------------------------------------- */

static enum err keep_body(struct fulltext_tidy *t, uint64_t body, uint32_t *doc)
{
	int64_t there;
	enum err e = db_int(account_db(t->account), &there,
		"SELECT 1 FROM body WHERE id = ?", "u", body);

	*doc = DOC_GONE;
	if (e == ERR_NOTFOUND)
		return ERR_OK;
	TRY(e);
	uint64_t *at = PUSH(t->body, t->n_bodies, t->cap_bodies);
	if (!at)
		return ERR_NOMEM;
	*at = body;
	*doc = (uint32_t)(t->n_bodies - 1);
	return ERR_OK;
}

static enum err look_for_bodies(struct fulltext_tidy *t)
{
	for (unsigned k = 0; k < BODIES_A_STEP; k++) {
		while (t->at < FAN && t->at_doc == t->source[t->at].s.docs) {
			t->at++;
			t->at_doc = 0;
		}
		if (t->at == FAN) {
			t->step = MERGE;
			return ERR_OK;
		}
		struct source *s = &t->source[t->at];
		TRY(keep_body(t, s->body[t->at_doc], &s->doc[t->at_doc]));
		t->at_doc++;
	}
	return ERR_OK;
}

/* --- merging ------------------------------------------------------------------------ */

/* The source's next word, from its next block when this one is used up. */
static enum err next_word(struct fulltext_tidy *t, struct source *s)
{
	enum err e = ERR_NOTFOUND;

	while (!s->has) {
		if (s->block.words.n)
			e = block_next(
				&s->block, &s->word, &s->n, &s->postings);
		s->has = e == ERR_OK;
		if (e != ERR_NOTFOUND)
			return e;
		if (s->next_block == s->s.blocks)
			return ERR_NOTFOUND;
		e = block_read(t->account, s->s.id, s->next_block++, &s->block);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_CORRUPT : e;
	}
	return ERR_OK;
}

static enum err take_postings(
	struct source *s, struct buf *out, uint32_t *before, uint32_t *n)
{
	struct slice rest = s->postings;
	uint32_t mine = 0;
	struct posting p;

	while (rest.n) {
		TRY(posting_next(&rest, &mine, &p));
		if (p.doc >= s->s.docs)
			return ERR_CORRUPT;
		if (s->doc[p.doc] == DOC_GONE)
			continue;
		p.doc = s->doc[p.doc];
		TRY(posting_put(out, before, &p));
		++*n;
	}
	s->has = false;
	return ERR_OK;
}

/* The smallest word, from all sources that have it. ERR_NOTFOUND: the end. */
static enum err merge_word(struct fulltext_tidy *t, struct buf *postings)
{
	struct source *least = NULL;
	uint32_t before = 0, n = 0;
	char word[WORD_MAX];

	for (size_t i = 0; i < FAN; i++) {
		struct source *s = &t->source[i];
		enum err e = next_word(t, s);
		if (e == ERR_NOTFOUND)
			continue;
		TRY(e);
		if (!least || slice_cmp(s->word, least->word) < 0)
			least = s;
	}
	if (!least)
		return ERR_NOTFOUND;
	struct slice copy = slice_of(word, least->word.n);
	if (copy.n > sizeof(word))
		return ERR_CORRUPT;
	memcpy(word, least->word.p, copy.n);
	buf_reset(postings);
	/* In the order of their bodies. */
	for (size_t i = 0; i < FAN; i++)
		if (t->source[i].has && slice_eq(t->source[i].word, copy))
			TRY(take_postings(
				&t->source[i], postings, &before, &n));
	return n ? block_put(&t->writer, copy, n, buf_slice(postings)) : ERR_OK;
}

static enum err finish(struct fulltext_tidy *t)
{
	struct db *d = account_db(t->account);

	TRY(block_flush(&t->writer));
	for (size_t i = 0; i < FAN; i++)
		TRY(db_run(d,
			"UPDATE fulltext_segment SET state = ? WHERE id = ?",
			"iu", (int64_t)SEGMENT_OLD, t->source[i].s.id));
	return fulltext_segment_live(
		t->account, t->segment, t->writer.blocks, t->body, t->n_bodies);
}

static enum err merge_some(struct fulltext_tidy *t)
{
	int64_t started = clock_us();
	struct buf postings;
	enum err e;

	TRY(db_write(account_db(t->account)));
	buf_init(&postings, t->writer.postings.max);
	do
		e = merge_word(t, &postings);
	while (e == ERR_OK && clock_us() - started < STEP_US);
	buf_free(&postings);
	if (e != ERR_NOTFOUND)
		return e;
	TRY(finish(t));
	t->step = REMOVE;
	return ERR_OK;
}

/* --- steps ---------------------------------------------------------------------------- */

/* Somebody emptied the index meanwhile. */
static enum err still_valid(struct fulltext_tidy *t)
{
	int64_t live;

	TRY(db_int(account_db(t->account), &live,
		"SELECT count(*) FROM fulltext_segment WHERE id = ?"
		" AND state = ?",
		"ui", t->source[0].s.id, (int64_t)SEGMENT_LIVE));
	return live ? ERR_OK : ERR_CONFLICT;
}

static enum err one_step(struct fulltext_tidy *t)
{
	if (t->fresh)
		return mark_unfinished(t);
	if (t->step >= BODIES)
		TRY(still_valid(t));
	switch (t->step) {
	case REMOVE:
		return remove_some(t);
	case CHOOSE:
		return choose(t);
	case BODIES:
		return look_for_bodies(t);
	case MERGE:
		return merge_some(t);
	}
	return ERR_BUG;
}

enum err fulltext_tidy_more(struct fulltext_tidy *t)
{
	struct store *s = account_store(t->account);

	TRY(store_begin(s));
	enum err e = one_step(t);
	if (e == ERR_OK)
		e = store_commit(s, NULL);
	else
		store_rollback(s);
	if (e == ERR_OK && t->step == REMOVE && t->segment)
		forget(t);
	if (e == ERR_OK)
		return ERR_AGAIN;
	bool nothing = e == ERR_NOTFOUND && t->step == CHOOSE;
	bool again = e == ERR_CONFLICT;
	forget(t);
	t->fresh = !nothing;
	return nothing ? ERR_OK : again ? ERR_AGAIN : e;
}
