/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The event loop: one in each process, on libevent. A turn is: wait, run what
 * is ready, run the turn hooks. Nothing in a turn blocks or sleeps.
 */
#ifndef BASTIDE_LOOP_H
#define BASTIDE_LOOP_H

#include <bastide/err.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
MUST_CHECK enum err loop_new(struct loop **out);
void loop_free(struct loop *l);
/* Until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Monotonic time: milliseconds, microseconds. */
uint64_t loop_now_ms(void);
uint64_t loop_now_us(void);

/* Called at the end of every turn, in the order they were added. */
struct turn_hook {
	void (*run)(void *arg);
	void *arg;
	struct turn_hook *next; /* the loop's */
};
void loop_add_turn_hook(struct loop *l, struct turn_hook *h);

/* Run once in the next turn, after other input was looked at: how long work
 * gives way between two slices. Adding twice is adding once. */
struct later {
	void (*run)(void *arg);
	void *arg;
	struct later *next, **prev; /* the loop's; prev NULL: not waiting */
};
void loop_later(struct loop *l, struct later *w);
void loop_later_cancel(struct later *w);

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct watch;
MUST_CHECK enum err watch_new(struct loop *l, int fd,
	void (*ready)(void *arg, int events), void *arg, struct watch **out);
/* LOOP_READ | LOOP_WRITE, or 0 to rest. */
void watch_set(struct watch *w, int events);
void watch_free(struct watch *w); /* does not close the descriptor */

struct timer;
MUST_CHECK enum err timer_new(
	struct loop *l, void (*fire)(void *arg), void *arg, struct timer **out);
void timer_set(struct timer *t, uint64_t ms); /* once, replaces */
void timer_cancel(struct timer *t);
void timer_free(struct timer *t);

MUST_CHECK enum err loop_on_signal(
	struct loop *l, int signo, void (*fire)(void *arg), void *arg);

#endif
