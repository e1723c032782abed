/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sealed index of words of one account: which bodies have a word that
 * contains a given piece of text. It knows bodies and folded text, nothing of
 * mail: who feeds it (imapd/session/indexer.c) decodes and folds exactly as
 * the scan that it replaces does.
 *
 * A word is a run of letters and digits, where everything beyond ASCII counts
 * as a letter; ideographs and kana, which are written without gaps, are words
 * of one character each. A run that is very long is kept in pieces that
 * overlap. So text without a gap is contained in the folded text of a body if
 * and only if a word of that body contains it; of other text
 * the index gives candidates, and the text decides.
 *
 * Bodies are indexed in the order of their numbers, in batches: those above
 * fulltext_upto() are not in the index yet, and are to be scanned.
 */
#ifndef BASTIDE_FULLTEXT_H
#define BASTIDE_FULLTEXT_H

#include <bastide/store.h>

/* Where in a message: its own header, or everything below it. */
enum { FULLTEXT_HEADER = 1, FULLTEXT_BODY = 2 };

/* --- feeding ------------------------------------------------------------------ */
/* An account that was quiet for a while since bodies came, or has waited long:
 * look at it. ERR_NOTFOUND: none. */
MUST_CHECK enum err fulltext_due(struct store *s, uint32_t *account_out);
/* It was looked at; it is due again when more bodies come. */
void fulltext_settled(struct account *a);
/* Fewer are not worth a segment: they are scanned. */
#define FULLTEXT_WORTH 32
/* What the index has, and how far it is. */
struct fulltext_figures {
	uint64_t upto, last; /* numbers: indexed, and of the newest change */
	uint64_t bodies;     /* in the index */
	uint64_t segments, bytes; /* bytes of words and postings */
	bool complete;            /* too little is missing to be worth it */
};
MUST_CHECK enum err fulltext_figures(
	struct account *a, struct fulltext_figures *out);

/* The first body above `after` that has a structure, and how many bodies of
 * the account are above `after`. ERR_NOTFOUND: none. */
MUST_CHECK enum err fulltext_next(struct account *a, uint64_t after,
	uint64_t *body_out, uint64_t *left_out);

/* Words of several bodies, in memory. */
struct fulltext_batch;
MUST_CHECK enum err fulltext_batch_new(struct fulltext_batch **out);
void fulltext_batch_free(struct fulltext_batch *b);
/* The text that follows is of this body; numbers ascend. */
MUST_CHECK enum err fulltext_body(struct fulltext_batch *b, uint64_t body);
/* Folded UTF-8, in pieces of any size: a word may go on in the next piece of
 * the same zone. */
MUST_CHECK enum err fulltext_text(
	struct fulltext_batch *b, unsigned zone, struct slice folded);
/* The field or part ends, and with it the word. */
MUST_CHECK enum err fulltext_break(struct fulltext_batch *b);
/* Not all text of the current body could be given: only a scan can tell. */
MUST_CHECK enum err fulltext_unknown(struct fulltext_batch *b);
/* It is large enough to be kept. */
bool fulltext_full(const struct fulltext_batch *b);
/* In a transaction: everything up to body `upto` is in the index, where up to
 * `from` was when the batch was begun; ERR_CONFLICT: no longer. An empty batch
 * only moves the mark. */
MUST_CHECK enum err fulltext_keep(struct account *a, struct fulltext_batch *b,
	uint64_t from, uint64_t upto);
/* In a transaction: the index is empty, as at the beginning, and due now. */
MUST_CHECK enum err fulltext_reset(struct account *a);

/* --- tidying: small parts of the index become large ones ------------------------ */
struct fulltext_tidy;
MUST_CHECK enum err fulltext_tidy_new(
	struct account *a, struct fulltext_tidy **out);
/* One step, of about 1 ms, in a transaction of its own. ERR_AGAIN: more to do;
 * ERR_OK: all is tidy. What it did not finish, another one begins anew. */
MUST_CHECK enum err fulltext_tidy_more(struct fulltext_tidy *t);
void fulltext_tidy_free(struct fulltext_tidy *t);

/* --- fuzzy text (RFC 6203): the same by the index and by a scan ---------------------- */
/* A text is like the one asked for when it has each of its words, in any order
 * and wherever: the word itself (100), a word that contains it (50), or, of
 * words with five letters and more, one with one letter more, less or other
 * (1). The score is the mean of these. Of a word the first 32 bytes count, of
 * a query the first FUZZY_WORDS words. */
#define FUZZY_WORDS 10
struct fulltext_fuzzy;
/* ERR_UNSUPPORTED: there is no word in it. */
MUST_CHECK enum err fulltext_fuzzy_new(
	struct slice folded, struct fulltext_fuzzy **out);
void fulltext_fuzzy_free(struct fulltext_fuzzy *f);
/* Another text begins; it comes in pieces of any size, as for a batch. */
void fulltext_fuzzy_begin(struct fulltext_fuzzy *f);
MUST_CHECK enum err fulltext_fuzzy_text(
	struct fulltext_fuzzy *f, struct slice folded);
MUST_CHECK enum err fulltext_fuzzy_break(struct fulltext_fuzzy *f);
/* 0: some word is missing so far; else 1 to 100. */
unsigned fulltext_fuzzy_score(const struct fulltext_fuzzy *f);

/* --- asking --------------------------------------------------------------------- */
MUST_CHECK enum err fulltext_upto(struct account *a, uint64_t *upto_out);

struct fulltext_query;
/* ERR_UNSUPPORTED: the index cannot say anything about this text. */
MUST_CHECK enum err fulltext_query_new(struct account *a, struct slice folded,
	unsigned zones, struct fulltext_query **out);
/* Text that is like it; `f` is borrowed until the end. */
MUST_CHECK enum err fulltext_query_fuzzy(struct account *a,
	const struct fulltext_fuzzy *f, unsigned zones,
	struct fulltext_query **out);
/* One step, of about 1 ms. ERR_AGAIN: more to do. */
MUST_CHECK enum err fulltext_query_more(struct fulltext_query *q);
void fulltext_query_free(struct fulltext_query *q);
/* After ERR_OK: what the index says of a body's text. */
enum fulltext_answer {
	FULLTEXT_NO,
	FULLTEXT_MAYBE, /* not indexed, or only the text itself can tell */
	FULLTEXT_YES,
};
enum fulltext_answer fulltext_says(
	const struct fulltext_query *q, uint64_t body);
/* Of a fuzzy query that says yes: 1 to 100. */
unsigned fulltext_score(const struct fulltext_query *q, uint64_t body);
/* Bodies above this number are not in the index. */
uint64_t fulltext_query_upto(const struct fulltext_query *q);

#endif
