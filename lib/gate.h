/* SPDX-License-Identifier: EUPL-1.2 */
/* The gate's other side: who waits for it (conn.c). */
#ifndef LIB_GATE_H
#define LIB_GATE_H

#include <bastide/conn.h>

struct gate_waiter {
	void (*opened)(void *arg); /* must not call the owner back */
	void *arg;
	struct gate_waiter *next,
		**prev; /* the gate's; prev NULL: not waiting */
};

uint64_t gate_durable(const struct gate *g);
/* Until gate_unwait: `opened` at each advance. */
void gate_wait(struct gate *g, struct gate_waiter *w);
void gate_unwait(struct gate_waiter *w);

#endif
