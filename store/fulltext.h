/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the index of words (doc/FORMAT.md "Words"). It is a set of
 * segments, each the words of some bodies, sorted, in blocks:
 *
 *   batch --fulltext_keep--> segment of level 0 --8 of a level--> level + 1
 *
 * A block is one row: `words`, each followed by a line feed, which no word
 * contains, so that looking for a piece of text is one memmem(); and
 * `postings`, for each word in the same order the bodies that have it, as
 * ordinals in the segment's list of bodies.
 *
 * Why not FTS5: the contentless table of SQLite 3.40 cannot forget a body
 * without its text, its merges run inside a commit, longer than a turn of the
 * loop may take, and words cannot be searched by substring without reading all
 * postings.
 */
#ifndef STORE_FULLTEXT_H
#define STORE_FULLTEXT_H

#include <bastide/fulltext.h>

#include "schema.h"

/* --- words (fulltext_word.c) ----------------------------------------------------- */
/* Bytes of a word; of a longer run, pieces that overlap by so much. */
#define WORD_MAX 96
#define WORD_OVERLAP 32

struct word_cutter {
	char p[WORD_MAX];
	size_t n;
	size_t fresh;  /* from here on not given in a piece yet */
	uint32_t code; /* of the character that is not complete, */
	unsigned need; /* and how many bytes it lacks */
	size_t begin;  /* where it begins */
};
typedef enum err word_fn(void *arg, struct slice word);
MUST_CHECK enum err words_feed(
	struct word_cutter *c, struct slice folded, word_fn *fn, void *arg);
MUST_CHECK enum err words_end(struct word_cutter *c, word_fn *fn, void *arg);
/* As much of a word asked for as is always inside one piece. */
struct slice words_head(struct slice word);

/* --- fuzzy text (fulltext_fuzzy.c) ------------------------------------------------ */
struct fulltext_fuzzy {
	struct fuzzy_word {
		char p[WORD_OVERLAP];
		size_t n;
		bool may_be_near;
	} word[FUZZY_WORDS];
	size_t n;
	struct word_cutter cutter; /* of the text */
	uint32_t found;
};
/* How far this word of a text is what is asked for; joined by OR. Bit 31 is
 * free. */
uint32_t fuzzy_bits(const struct fulltext_fuzzy *f, struct slice word);
/* Of all words' bits. */
unsigned fuzzy_score(const struct fulltext_fuzzy *f, uint32_t bits);

/* --- blocks (fulltext_block.c) --------------------------------------------------- */
#define BLOCK_BITS 20 /* of a row's id; the segment is above them */
/* Of this "word" are the bodies of which not every word is known. */
#define WORD_UNKNOWN "\x01"

struct posting {
	uint32_t doc;   /* ordinal */
	unsigned zones; /* FULLTEXT_HEADER, FULLTEXT_BODY */
};
enum err posting_put(struct buf *b, uint32_t *before, const struct posting *p);
/* false: there is none, or it is broken. */
bool varint_get(struct slice *rest, uint64_t *out);
enum err varint_put(struct buf *b, uint64_t v);

struct block_writer {
	struct account *account;
	uint64_t segment;
	uint32_t blocks;
	struct buf words, postings;
};
void block_writer_init(
	struct block_writer *w, struct account *a, uint64_t segment);
void block_writer_free(struct block_writer *w);
/* Words ascend; `postings`: `n` of them, packed. */
MUST_CHECK enum err block_put(struct block_writer *w, struct slice word,
	uint32_t n, struct slice postings);
/* Writes the last block. */
MUST_CHECK enum err block_flush(struct block_writer *w);

/* A block in memory, read word by word. */
struct block {
	struct buf words, postings;
	struct slice word_rest, posting_rest;
};
void block_init(struct block *k);
void block_free(struct block *k);
/* ERR_NOTFOUND: the segment has no such block. */
MUST_CHECK enum err block_read(
	struct account *a, uint64_t segment, uint32_t number, struct block *k);
/* The next word and its postings; ERR_NOTFOUND at the end, ERR_CORRUPT. */
MUST_CHECK enum err block_next(struct block *k, struct slice *word, uint32_t *n,
	struct slice *postings);
/* Steps over one word's postings, or takes the next of them. */
MUST_CHECK enum err posting_next(
	struct slice *rest, uint32_t *before, struct posting *out);

/* --- segments (fulltext.c) --------------------------------------------------------- */
enum segment_state { SEGMENT_MAKING, SEGMENT_LIVE, SEGMENT_OLD };
struct fulltext_state {
	uint64_t upto;    /* bodies up to here are in it */
	uint64_t version; /* grows when the set of live segments changes */
};
MUST_CHECK enum err fulltext_state_get(
	struct account *a, struct fulltext_state *out);
struct fulltext_segment {
	uint64_t id;
	unsigned level;
	uint32_t blocks;
	uint32_t docs;
};
/* Live ones above `after`, in the order of their ids. */
MUST_CHECK enum err fulltext_segments(struct account *a, uint64_t after,
	struct fulltext_segment *rows, size_t max, size_t *n_out);
/* Live ones of a level, the oldest first. */
MUST_CHECK enum err fulltext_segments_of(struct account *a, unsigned level,
	struct fulltext_segment *rows, size_t max, size_t *n_out);
/* The bodies of the segment's ordinals; `docs` of them. */
MUST_CHECK enum err fulltext_docs(
	struct account *a, const struct fulltext_segment *s, uint64_t *bodies);
/* In a transaction. A row in the state MAKING. */
MUST_CHECK enum err fulltext_segment_new(
	struct account *a, unsigned level, uint64_t *id_out);
/* It has these bodies and is live. */
MUST_CHECK enum err fulltext_segment_live(struct account *a, uint64_t id,
	uint32_t blocks, const uint64_t *bodies, size_t n);

#endif
