/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index of words in a SEARCH. Each key that asks for text is asked of the
 * index first, in slices; search_match() then takes its yes and no, and reads
 * the text of a message only where it says maybe. Where a message must have
 * such a key's text to be found at all, only those that may have it are
 * walked over. Fuzzy text is asked for in the same way.
 */
#include "search.h"

#define BATCH 1000

static unsigned zones_of(enum search_op op)
{
	return op == OP_TEXT     ? FULLTEXT_HEADER | FULLTEXT_BODY
	       : op == OP_BODY   ? FULLTEXT_BODY
	       : op == OP_HEADER ? FULLTEXT_HEADER
				 : 0;
}

static enum err ask(struct account *a, struct search_key *k)
{
	unsigned zones = zones_of(k->op);

	if (!zones || k->text.n == 0)
		return ERR_OK;
	if (k->like)
		return fulltext_query_fuzzy(a, k->like, zones, &k->query);
	enum err e = fulltext_query_new(a, k->text, zones, &k->query);
	return e == ERR_UNSUPPORTED ? ERR_OK : e;
}

/* Text without any word is looked for as it is. */
static enum err begin_fuzzy(struct search_key *k)
{
	if (!k->fuzzy || !k->text.p || k->op < OP_FROM)
		return ERR_OK;
	enum err e = fulltext_fuzzy_new(k->text, &k->like);
	return e == ERR_UNSUPPORTED ? ERR_OK : e;
}

void search_index_free(struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++) {
		fulltext_query_free(p->keys[n].query);
		fulltext_fuzzy_free(p->keys[n].like);
		p->keys[n].query = NULL;
		p->keys[n].like = NULL;
	}
}

enum err search_index_begin(struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++)
		TRY(begin_fuzzy(&p->keys[n]));
	/* It is made by that one. */
	if (p->collation != COLLATE_UNICODE_CASEMAP)
		return ERR_OK;
	for (size_t n = 0; n < p->n; n++)
		TRY(ask(p->at.account, &p->keys[n]));
	return ERR_OK;
}

/* Keys that stand for themselves at the top: every message found has them. In
 * postfix order the operands of the last AND end right before it. */
static void mark_needed(struct search_program *p)
{
	size_t at = p->n - 1, left = 1;

	if (p->keys[at].op == OP_AND)
		left = (size_t)p->keys[at--].number;
	/* A leaf before the first operator from the end is an operand; what
	 * lies below an OR or NOT is not looked at. */
	for (; left && p->keys[at].op > OP_NOT; left--) {
		p->keys[at].needed = true;
		if (at-- == 0)
			break;
	}
}

enum err search_index_more(struct search_program *p)
{
	for (; p->asked < p->n; p->asked++) {
		struct fulltext_query *q = p->keys[p->asked].query;
		if (q)
			TRY(fulltext_query_more(q));
	}
	mark_needed(p);
	return ERR_OK;
}

static bool may_be_found(const struct search_program *p, uint64_t body)
{
	for (size_t n = 0; n < p->n; n++)
		if (p->keys[n].needed && p->keys[n].query &&
			fulltext_says(p->keys[n].query, body) == FULLTEXT_NO)
			return false;
	return true;
}

bool search_index_narrows(const struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++)
		if (p->keys[n].needed && p->keys[n].query)
			return true;
	return false;
}

/* Joins it to the last range when that ends with the message before it. */
static enum err add_uid(struct buf *ranges, uint32_t before, uint32_t uid)
{
	const struct range r = { uid, uid };
	struct range *last = NULL;

	if (ranges->n)
		last = (struct range *)(void *)(ranges->p + ranges->n) - 1;
	if (!last || last->to != before)
		return buf_add(ranges, &r, sizeof(r));
	last->to = uid;
	return ERR_OK;
}

enum err search_index_narrow(
	const struct search_program *p, uint32_t *next, struct buf *ranges)
{
	struct message_body rows[BATCH];
	uint32_t before = *next - 1; /* UID of the message before */
	size_t n;

	TRY(message_bodies(
		p->at.account, p->at.mailbox, *next, rows, BATCH, &n));
	for (size_t k = 0; k < n; before = rows[k++].uid)
		if (may_be_found(p, rows[k].body))
			TRY(add_uid(ranges, before, rows[k].uid));
	if (n < BATCH)
		return ERR_OK;
	*next = rows[n - 1].uid + 1;
	return ERR_AGAIN;
}
