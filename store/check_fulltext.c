/* SPDX-License-Identifier: EUPL-1.2 */
/* The index of words: segments, their bodies, words and postings. */
#include <inttypes.h>

#include "check.h"
#include "fulltext.h"

enum { NEXT, BLOCKS };

/* Bodies ascend, and none is above what the index says it has. */
static enum err check_docs(struct check *k, const struct fulltext_segment *s)
{
	struct fulltext_state state;
	uint64_t *body = mem_alloc(((size_t)s->docs + 1) * sizeof(*body));

	if (!body)
		return ERR_NOMEM;
	enum err e = fulltext_docs(k->account, s, body);
	if (e == ERR_CORRUPT) {
		check_report(k, "words %" PRIu64 ": bodies", s->id);
		e = ERR_OK;
	} else if (e == ERR_OK) {
		e = fulltext_state_get(k->account, &state);
		if (e == ERR_OK && s->docs && body[s->docs - 1] > state.upto)
			check_report(k,
				"words %" PRIu64 ": body above the index's end",
				s->id);
	}
	mem_free(body);
	return e;
}

static bool postings_hold(struct slice postings, uint32_t n, uint32_t docs)
{
	uint32_t before = 0, last = 0;
	struct posting p;

	for (uint32_t i = 0; i < n; i++) {
		if (posting_next(&postings, &before, &p) != ERR_OK ||
			p.doc >= docs || (i && p.doc <= last) ||
			p.zones > (FULLTEXT_HEADER | FULLTEXT_BODY))
			return false;
		last = p.doc;
	}
	return postings.n == 0;
}

static bool block_holds(struct block *b, uint32_t docs)
{
	struct slice word, postings, before = { 0 };
	uint32_t n;
	enum err e;

	while ((e = block_next(b, &word, &n, &postings)) == ERR_OK) {
		if (word.n > WORD_MAX || slice_cmp(before, word) >= 0 ||
			!postings_hold(postings, n, docs))
			return false;
		before = word;
	}
	return e == ERR_NOTFOUND;
}

static enum err check_block(struct check *k)
{
	struct block b;

	block_init(&b);
	enum err e =
		block_read(k->account, k->at.id, (uint32_t)k->at.after, &b);
	if (e == ERR_NOTFOUND ||
		(e == ERR_OK && !block_holds(&b, (uint32_t)k->at.second))) {
		check_report(k, "words %" PRIu64 ": block %" PRIu64, k->at.id,
			k->at.after);
		e = ERR_OK;
	}
	block_free(&b);
	k->at.after++;
	return e;
}

enum err check_fulltext(struct check *k, const struct check_part *part)
{
	struct fulltext_segment s;
	size_t n;

	if (k->at.stage == BLOCKS) {
		if (k->at.after < k->at.end) {
			TRY(check_block(k));
			return ERR_AGAIN;
		}
		k->at.stage = NEXT;
	}
	TRY(fulltext_segments(k->account, k->at.id, &s, 1, &n));
	if (n == 0)
		return ERR_OK;
	k->at.id = s.id;
	k->at.after = 0;
	k->at.second = s.docs;
	k->at.end = s.blocks;
	k->at.stage = BLOCKS;
	TRY(check_docs(k, &s));
	return ERR_AGAIN;
}
