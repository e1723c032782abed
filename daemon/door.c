/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Logins on their way to a tenant. Where the tokens of an address or account
 * (attempts.h) are all held by logins that are under way, the next one waits
 * here until some have ended: hundreds behind one address may sign in at the
 * same moment, and still no more passwords are tried than may be refused.
 */
#include <bastide/mem.h>

#include "bastided.h"

#define WAIT_MS 15000
#define WAITING_MAX 4096
#define LOOK_MS 1000
#define SOON_MS 1 /* those that end at one moment are looked at once */

static struct {
	struct pending *first, **last;
	size_t n;
	struct timer *timer;
	struct attempts *attempts;
} door;

static void refuse(struct pending *p)
{
	if (p->front)
		front_reply(p->front, p->id, ERR_BUSY, -1);
	mem_free(p);
}

/* True: it went on, or was refused, and is gone. */
static bool try(struct pending *p, uint64_t now)
{
	switch (attempts_take(door.attempts, &p->attempt, now)) {
	case ATTEMPT_TAKEN:
		tenant_route(p);
		return true;
	case ATTEMPT_WAIT:
		if (p->front && now < p->until_ms)
			return false;
		break;
	case ATTEMPT_REFUSED:
		break;
	}
	refuse(p);
	return true;
}

static void look(void *arg)
{
	uint64_t now = loop_now_ms();

	timer_set(door.timer, LOOK_MS); /* door_end() may make it sooner */
	for (struct pending **at = &door.first; *at;) {
		struct pending *p = *at, *next = p->next;
		if (try(p, now)) {
			*at = next;
			door.n--;
		} else {
			at = &p->next;
		}
		door.last = at;
	}
	if (!door.first)
		timer_cancel(door.timer);
}

enum err door_open(void)
{
	door.last = &door.first;
	TRY(timer_new(bastided.process.loop, look, NULL, &door.timer));
	return attempts_new(bastided.process.config, &door.attempts);
}

void door_enter(struct pending *p)
{
	uint64_t now = loop_now_ms();

	/* Counted before anything is looked up: names that do not exist cost
	 * the same as those that do. */
	if (attempt_of(bastided.router_key, slice_str(p->peer),
		    slice_str(p->address), &p->attempt) != ERR_OK) {
		refuse(p);
		return;
	}
	p->until_ms = now + (door.n < WAITING_MAX ? WAIT_MS : 0);
	p->next = NULL;
	if (try(p, now))
		return;
	if (!door.first)
		timer_set(door.timer, LOOK_MS);
	*door.last = p;
	door.last = &p->next;
	door.n++;
}

void door_end(struct attempt *t, enum attempt_end end)
{
	attempts_end(door.attempts, t, end, loop_now_ms());
	if (door.first)
		timer_set(door.timer, SOON_MS);
}

void door_forget_front(struct front_process *f)
{
	for (struct pending *p = door.first; p; p = p->next)
		if (p->front == f)
			p->front = NULL;
}
