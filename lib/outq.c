/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The output queue: a list of chunks, none while nothing waits, so that an
 * idle connection holds no output memory. A mark says "bytes from position
 * `at` wait for commit `commit`"; positions and commits both grow, so the
 * first open mark alone decides what may leave.
 */
#include <assert.h>
#include <stdlib.h>

#include <bastide/mem.h>

#include "outq.h"

#define CHUNK_DATA 16384 /* one TLS record */
#define SPARE_CHUNKS 32

struct chunk {
	struct chunk *next;
	size_t start, end;
	char data[CHUNK_DATA];
};

struct mark {
	uint64_t at, commit;
};

/* Chunks come and go with every reply; a few are kept for the next. */
static struct chunk *spare;
static size_t n_spare;

static struct chunk *chunk_new(void)
{
	struct chunk *c = spare;

	if (c) {
		spare = c->next;
		n_spare--;
	} else {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
	}
	c->next = NULL;
	c->start = c->end = 0;
	return c;
}

static void chunk_free(struct chunk *c)
{
	if (n_spare == SPARE_CHUNKS) {
		free(c);
		return;
	}
	c->next = spare;
	spare = c;
	n_spare++;
}

void outq_free(struct outq *q)
{
	while (q->first) {
		struct chunk *c = q->first;
		q->first = c->next;
		chunk_free(c);
	}
	mem_free(q->marks);
	*q = (struct outq){ 0 };
}

enum err outq_add(struct outq *q, struct slice s)
{
	while (s.n) {
		struct chunk *c = q->last;
		if (!c || c->end == CHUNK_DATA) {
			c = chunk_new();
			if (!c)
				return ERR_NOMEM;
			if (q->last)
				q->last->next = c;
			else
				q->first = c;
			q->last = c;
		}
		size_t n = CHUNK_DATA - c->end;
		if (n > s.n)
			n = s.n;
		memcpy(c->data + c->end, s.p, n);
		c->end += n;
		q->written += n;
		s = slice_from(s, n);
	}
	return ERR_OK;
}

enum err outq_gate(struct outq *q, uint64_t commit)
{
	if (q->n_marks > q->mark) {
		struct mark *last = &q->marks[q->n_marks - 1];
		if (last->commit >= commit)
			return ERR_OK;
		if (last->at == q->written) {
			last->commit = commit;
			return ERR_OK;
		}
	}
	if (q->mark && q->n_marks == q->cap_marks) {
		size_t open = q->n_marks - q->mark;
		memmove(q->marks, q->marks + q->mark, open * sizeof(*q->marks));
		q->mark = 0;
		q->n_marks = open;
	}
	if (q->n_marks * 2 >= q->cap_marks) {
		size_t cap = q->cap_marks ? q->cap_marks * 2 : 4;
		struct mark *p = mem_resize(q->marks, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		q->marks = p;
		q->cap_marks = cap;
	}
	q->marks[q->n_marks++] = (struct mark){ q->written, commit };
	return ERR_OK;
}

uint64_t outq_sendable(struct outq *q, uint64_t durable)
{
	while (q->mark < q->n_marks && q->marks[q->mark].commit <= durable)
		q->mark++;
	if (q->mark < q->n_marks)
		return q->marks[q->mark].at - q->sent;
	q->mark = q->n_marks = 0;
	return outq_pending(q);
}

size_t outq_pieces(
	const struct outq *q, uint64_t most, struct iovec *iov, size_t max)
{
	size_t n = 0;

	for (struct chunk *c = q->first; c && n < max && most; c = c->next) {
		size_t len = c->end - c->start;
		if (len > most)
			len = (size_t)most;
		iov[n++] = (struct iovec){ c->data + c->start, len };
		most -= len;
	}
	return n;
}

void outq_drop(struct outq *q, size_t n)
{
	assert(n <= outq_pending(q));
	q->sent += n;
	while (q->first && n >= q->first->end - q->first->start) {
		struct chunk *c = q->first;
		n -= c->end - c->start;
		q->first = c->next;
		if (!q->first)
			q->last = NULL;
		chunk_free(c);
	}
	if (q->first)
		q->first->start += n;
}
