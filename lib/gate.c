/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The gate: which commits are durable, and which connections hold output back
 * for one that is not yet. Promise: a byte written after conn_gate(c, n) is
 * not handed to the kernel before gate_advance(g, n).
 */
#include <bastide/mem.h>

#include "gate.h"

struct gate {
	uint64_t durable;
	struct gate_waiter *waiters;
};

enum err gate_new(struct gate **out)
{
	struct gate *g = mem_new(struct gate);

	if (!g)
		return ERR_NOMEM;
	*out = g;
	return ERR_OK;
}

void gate_free(struct gate *g)
{
	mem_free(g);
}

uint64_t gate_durable(const struct gate *g)
{
	return g->durable;
}

void gate_wait(struct gate *g, struct gate_waiter *w)
{
	if (w->prev)
		return;
	w->next = g->waiters;
	w->prev = &g->waiters;
	if (w->next)
		w->next->prev = &w->next;
	g->waiters = w;
}

void gate_unwait(struct gate_waiter *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
	w->next = NULL;
}

void gate_advance(struct gate *g, uint64_t commit)
{
	if (commit <= g->durable)
		return;
	g->durable = commit;
	for (struct gate_waiter *w = g->waiters, *next; w; w = next) {
		next = w->next;
		w->opened(w->arg);
	}
}
