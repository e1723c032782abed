/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The event loop on libevent. One turn:
 *
 *	wait for events -> their callbacks -> what was put off (later)
 *	  -> turn hooks -> flushes (loop_at_end)
 *
 * Work put off during a turn runs in the next one, after that one's events, so
 * a long command never keeps another client's bytes waiting.
 */
#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <time.h>

#include <bastide/loop.h>
#include <bastide/mem.h>

#include "loop_parts.h"

#define SIGNALS 8

struct loop {
	struct event_base *base;
	struct turn_hook *hooks;
	struct later *later;   /* for the next turn */
	struct later *running; /* of this turn */
	struct later *at_end;
	bool stop;
	struct event *signals[SIGNALS];
	size_t n_signals;
};

struct watch {
	struct event *ev;
	struct loop *loop;
	int fd, events;
	void (*ready)(void *arg, int events);
	void *arg;
};

struct timer {
	struct event *ev;
	void (*fire)(void *arg);
	void *arg;
};

enum err loop_new(struct loop **out)
{
	struct loop *l = mem_new(struct loop);

	if (!l)
		return ERR_NOMEM;
	/* A peer that went away is an error of write(), not our end. */
	signal(SIGPIPE, SIG_IGN);
	l->base = event_base_new();
	if (!l->base) {
		mem_free(l);
		return ERR_NOMEM;
	}
	*out = l;
	return ERR_OK;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_signals; i++)
		event_free(l->signals[i]);
	event_base_free(l->base);
	mem_free(l);
}

/* A list takes at its head; run_list turns it round, so that what came first
 * runs first and adding and cancelling cost the same however many wait. */
static void list_add(struct later **list, struct later *w)
{
	if (w->prev)
		return;
	w->next = *list;
	w->prev = list;
	if (w->next)
		w->next->prev = &w->next;
	*list = w;
}

void loop_later_cancel(struct later *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
	w->next = NULL;
}

void loop_later(struct loop *l, struct later *w)
{
	list_add(&l->later, w);
}

void loop_at_end(struct loop *l, struct later *w)
{
	list_add(&l->at_end, w);
}

static void list_move_reversed(struct later **from, struct later **to)
{
	struct later *w;

	while ((w = *from)) {
		loop_later_cancel(w);
		list_add(to, w);
	}
}

static void run_list(struct later **list)
{
	struct later *w;

	while ((w = *list)) {
		loop_later_cancel(w);
		w->run(w->arg);
	}
}

static void turn(struct loop *l)
{
	int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

	list_move_reversed(&l->later, &l->running);
	if (l->running || l->at_end)
		flags |= EVLOOP_NONBLOCK;
	event_base_loop(l->base, flags);
	run_list(&l->running);
	for (struct turn_hook *h = l->hooks; h; h = h->next)
		h->run(h->arg);
	struct later *flushes = NULL;
	list_move_reversed(&l->at_end, &flushes);
	run_list(&flushes);
}

void loop_run(struct loop *l)
{
	l->stop = false;
	while (!l->stop)
		turn(l);
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

uint64_t loop_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t loop_now_ms(void)
{
	return loop_now_us() / 1000;
}

void loop_add_turn_hook(struct loop *l, struct turn_hook *h)
{
	struct turn_hook **at = &l->hooks;

	while (*at)
		at = &(*at)->next;
	h->next = NULL;
	*at = h;
}

/* --- descriptors ----------------------------------------------------------- */

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	w->ready(w->arg, (what & EV_READ ? LOOP_READ : 0) |
				 (what & EV_WRITE ? LOOP_WRITE : 0));
}

enum err watch_new(struct loop *l, int fd, void (*ready)(void *arg, int events),
	void *arg, struct watch **out)
{
	struct watch *w = mem_new(struct watch);

	if (!w)
		return ERR_NOMEM;
	*w = (struct watch){ .loop = l, .fd = fd, .ready = ready, .arg = arg };
	w->ev = event_new(l->base, fd, EV_PERSIST, on_watch, w);
	if (!w->ev) {
		mem_free(w);
		return ERR_NOMEM;
	}
	*out = w;
	return ERR_OK;
}

void watch_set(struct watch *w, int events)
{
	if (events == w->events)
		return;
	if (w->events)
		event_del(w->ev);
	w->events = events;
	if (!events)
		return;
	short what = (short)(EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) |
			     (events & LOOP_WRITE ? EV_WRITE : 0));
	/* event_assign cannot fail for a descriptor that event_new took. */
	event_assign(w->ev, w->loop->base, w->fd, what, on_watch, w);
	event_add(w->ev, NULL);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	event_free(w->ev);
	mem_free(w);
}

/* --- time and signals ------------------------------------------------------ */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	t->fire(t->arg);
}

enum err timer_new(
	struct loop *l, void (*fire)(void *arg), void *arg, struct timer **out)
{
	struct timer *t = mem_new(struct timer);

	if (!t)
		return ERR_NOMEM;
	*t = (struct timer){ .fire = fire, .arg = arg };
	t->ev = evtimer_new(l->base, on_timer, t);
	if (!t->ev) {
		mem_free(t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

void timer_set(struct timer *t, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	event_add(t->ev, &tv);
}

void timer_cancel(struct timer *t)
{
	event_del(t->ev);
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	mem_free(t);
}

struct on_signal {
	void (*fire)(void *arg);
	void *arg;
};

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct on_signal *s = arg;

	s->fire(s->arg);
}

/* Lives as long as the process: a handful, set at start. */
static struct on_signal on_signals[SIGNALS];

enum err loop_on_signal(
	struct loop *l, int signo, void (*fire)(void *arg), void *arg)
{
	if (l->n_signals == SIGNALS)
		return ERR_LIMIT;
	struct on_signal *s = &on_signals[l->n_signals];
	*s = (struct on_signal){ fire, arg };
	struct event *ev = evsignal_new(l->base, signo, on_signal, s);
	if (!ev)
		return ERR_NOMEM;
	if (event_add(ev, NULL) != 0) {
		event_free(ev);
		return ERR_IO;
	}
	l->signals[l->n_signals++] = ev;
	return ERR_OK;
}
