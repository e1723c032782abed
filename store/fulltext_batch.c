/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The words of some bodies in memory, until they are a segment. A table of
 * words finds the entry; the bodies that have it are a list, the newest last.
 */
#include <stdlib.h>

#include "fulltext.h"
#include "seal.h"

/* Enough that the words of one are mostly those of the others. */
#define BATCH_BODIES 256
/* Bytes of memory from which on it is kept. */
#define BATCH_BYTES MIB(8)
/* Different words of one batch; a body that brings more is looked through. */
#define BATCH_WORDS 500000
#define FIRST_SLOTS 4096

struct entry {
	uint64_t hash;
	uint32_t at, n; /* of the word, in `text` */
	uint32_t first, last;
};

struct node {
	uint32_t next; /* 0: none */
	uint16_t doc;
	uint16_t zones;
};

struct fulltext_batch {
	struct buf text;
	struct entry *entry;
	size_t n_entries, cap_entries;
	uint32_t *slot; /* index + 1 of the entry */
	size_t slots;   /* a power of two */
	struct node *node;
	size_t n_nodes, cap_nodes;
	uint64_t body[BATCH_BODIES];
	size_t n_bodies;
	struct word_cutter cutter;
	unsigned zone;
	uint64_t seed[2]; /* words are chosen by who sends mail */
};

enum err fulltext_batch_new(struct fulltext_batch **out)
{
	struct fulltext_batch *b = mem_new(struct fulltext_batch);

	if (!b)
		return ERR_NOMEM;
	buf_init(&b->text, BATCH_WORDS * (size_t)WORD_MAX);
	b->slots = FIRST_SLOTS;
	b->slot = mem_alloc(b->slots * sizeof(*b->slot));
	/* Number 0 is "none". */
	struct node *none = PUSH(b->node, b->n_nodes, b->cap_nodes);
	enum err e = b->slot && none ? seal_random(b->seed, sizeof(b->seed))
				     : ERR_NOMEM;
	if (e != ERR_OK) {
		fulltext_batch_free(b);
		return e;
	}
	*out = b;
	return ERR_OK;
}

void fulltext_batch_free(struct fulltext_batch *b)
{
	if (!b)
		return;
	if (b->text.p)
		mem_wipe(b->text.p, b->text.n);
	buf_free(&b->text);
	mem_free(b->entry);
	mem_free(b->slot);
	mem_free(b->node);
	mem_free(b);
}

/* --- the table ------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 u128;

static uint64_t mix(uint64_t a, uint64_t b)
{
	u128 product = (u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct fulltext_batch *b, struct slice word)
{
	uint64_t h = b->seed[0] ^ word.n;

	while (word.n) {
		uint64_t part = 0;
		size_t n = word.n < 8 ? word.n : 8;
		memcpy(&part, word.p, n);
		h = mix(h ^ part, b->seed[1] | 1);
		word = slice_from(word, n);
	}
	return mix(h, b->seed[0] | 1);
}

static struct slice word_of(
	const struct fulltext_batch *b, const struct entry *e)
{
	return slice_of(b->text.p + e->at, e->n);
}

/* The slot of the word, or the free one where it belongs. */
static size_t slot_of(
	const struct fulltext_batch *b, struct slice word, uint64_t hash)
{
	size_t at = hash & (b->slots - 1);

	for (; b->slot[at]; at = (at + 1) & (b->slots - 1)) {
		const struct entry *e = &b->entry[b->slot[at] - 1];
		if (e->hash == hash && slice_eq(word_of(b, e), word))
			break;
	}
	return at;
}

static enum err more_slots(struct fulltext_batch *b)
{
	size_t slots = b->slots * 2;
	uint32_t *slot = mem_alloc(slots * sizeof(*slot));

	if (!slot)
		return ERR_NOMEM;
	mem_free(b->slot);
	b->slot = slot;
	b->slots = slots;
	for (size_t i = 0; i < b->n_entries; i++) {
		size_t at = b->entry[i].hash & (slots - 1);
		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return ERR_OK;
}

static enum err new_entry(struct fulltext_batch *b, size_t slot,
	struct slice word, uint64_t hash, struct entry **out)
{
	struct entry *e = PUSH(b->entry, b->n_entries, b->cap_entries);

	if (!e)
		return ERR_NOMEM;
	*e = (struct entry){
		.hash = hash, .at = (uint32_t)b->text.n, .n = (uint32_t)word.n
	};
	b->slot[slot] = (uint32_t)b->n_entries;
	*out = e;
	return buf_add_slice(&b->text, word);
}

static enum err add_word(
	struct fulltext_batch *b, struct slice word, unsigned zone)
{
	uint64_t hash = hash_of(b, word);
	size_t slot = slot_of(b, word, hash);
	uint16_t doc = (uint16_t)(b->n_bodies - 1);
	struct entry *e;

	if (b->slot[slot])
		e = &b->entry[b->slot[slot] - 1];
	else
		TRY(new_entry(b, slot, word, hash, &e));
	if (e->last && b->node[e->last].doc == doc) {
		b->node[e->last].zones |= (uint16_t)zone;
		return ERR_OK;
	}
	uint32_t number = (uint32_t)b->n_nodes;
	struct node *node = PUSH(b->node, b->n_nodes, b->cap_nodes);
	if (!node)
		return ERR_NOMEM;
	*node = (struct node){ .doc = doc, .zones = (uint16_t)zone };
	if (e->last)
		b->node[e->last].next = number;
	else
		e->first = number;
	e->last = number;
	return b->n_entries * 2 > b->slots ? more_slots(b) : ERR_OK;
}

static enum err on_word(void *arg, struct slice word)
{
	struct fulltext_batch *b = arg;

	if (b->n_entries >= BATCH_WORDS)
		word = slice_str(WORD_UNKNOWN);
	return add_word(b, word, b->zone);
}

/* --- feeding ---------------------------------------------------------------------- */

bool fulltext_full(const struct fulltext_batch *b)
{
	return b->n_bodies == BATCH_BODIES ||
	       b->text.n + b->n_entries * sizeof(struct entry) +
			       b->n_nodes * sizeof(struct node) >=
		       BATCH_BYTES;
}

enum err fulltext_body(struct fulltext_batch *b, uint64_t body)
{
	TRY(fulltext_break(b));
	if (b->n_bodies == BATCH_BODIES ||
		(b->n_bodies && b->body[b->n_bodies - 1] >= body))
		return ERR_BUG;
	b->body[b->n_bodies++] = body;
	return ERR_OK;
}

enum err fulltext_text(
	struct fulltext_batch *b, unsigned zone, struct slice folded)
{
	b->zone = zone;
	return words_feed(&b->cutter, folded, on_word, b);
}

enum err fulltext_unknown(struct fulltext_batch *b)
{
	TRY(fulltext_break(b));
	return add_word(
		b, slice_str(WORD_UNKNOWN), FULLTEXT_HEADER | FULLTEXT_BODY);
}

enum err fulltext_break(struct fulltext_batch *b)
{
	return words_end(&b->cutter, on_word, b);
}

/* --- keeping ------------------------------------------------------------------------ */

static int by_word(const void *x, const void *y, void *arg)
{
	return slice_cmp(word_of(arg, x), word_of(arg, y));
}

static enum err put_entry(struct block_writer *w,
	const struct fulltext_batch *b, const struct entry *e,
	struct buf *postings)
{
	uint32_t n = 0, before = 0;

	buf_reset(postings);
	for (uint32_t at = e->first; at; at = b->node[at].next) {
		const struct posting p = { b->node[at].doc, b->node[at].zones };
		TRY(posting_put(postings, &before, &p));
		n++;
	}
	return block_put(w, word_of(b, e), n, buf_slice(postings));
}

static enum err put_all(struct block_writer *w, struct fulltext_batch *b)
{
	struct buf postings;
	enum err e = ERR_OK;

	buf_init(&postings, KIB(4));
	qsort_r(b->entry, b->n_entries, sizeof(*b->entry), by_word, b);
	for (size_t i = 0; i < b->n_entries && e == ERR_OK; i++)
		e = put_entry(w, b, &b->entry[i], &postings);
	buf_free(&postings);
	return e == ERR_OK ? block_flush(w) : e;
}

static enum err keep_segment(struct account *a, struct fulltext_batch *b)
{
	struct block_writer w;
	uint64_t id;

	TRY(fulltext_segment_new(a, 0, &id));
	block_writer_init(&w, a, id);
	enum err e = put_all(&w, b);
	if (e == ERR_OK)
		e = fulltext_segment_live(
			a, id, w.blocks, b->body, b->n_bodies);
	block_writer_free(&w);
	return e;
}

enum err fulltext_keep(struct account *a, struct fulltext_batch *b,
	uint64_t from, uint64_t upto)
{
	struct db *d = account_db(a);

	TRY(fulltext_break(b));
	TRY(db_write(d));
	TRY(db_run(d, "UPDATE fulltext_state SET upto = ? WHERE upto = ?", "uu",
		upto, from));
	if (db_changes(d) == 0)
		return ERR_CONFLICT;
	return b->n_entries ? keep_segment(a, b) : ERR_OK;
}
