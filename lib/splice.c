/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two connections joined: a front's client and its session stream. What one
 * reads the other writes; a reader stops while the other's output is full. The
 * end of one side's input is passed on as the end of the other's output, so a
 * client that closes its sending half still gets its last replies.
 */
#include <bastide/mem.h>

#include "conn_parts.h"

struct splice {
	struct conn *side[2];
	bool gone[2]; /* closed was told */
	bool held[2]; /* by the owner */
	struct splice_rules rules;
	void *arg;
	struct later check;
	struct loop *loop;
};

static void on_input(void *arg);
static void on_low(void *arg);
static void on_closed(void *arg, enum err why);

static const struct conn_events splice_events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

static struct conn *other_of(const struct conn *c)
{
	struct splice *s = c->splice;

	return s ? s->side[s->side[0] == c] : NULL;
}

/* False: what is left waits. */
static bool move_some(struct splice *s, struct conn *from, struct conn *to)
{
	struct slice in = conn_input(from);
	size_t n = s->rules.pass ? s->rules.pass(s->arg, from, in) : in.n;

	if (!n)
		return false;
	conn_write(to, slice_head(in, n));
	conn_consume(from, n);
	if (s->rules.passed)
		s->rules.passed(s->arg, from);
	return true;
}

static void on_input(void *arg)
{
	struct conn *from = arg, *to = other_of(from);

	if (!to)
		return;
	while (conn_input(from).n && move_some(from->splice, from, to))
		;
	if (conn_full(to))
		conn_pause(from);
}

static void on_low(void *arg)
{
	struct conn *from = other_of(arg);

	if (from && !from->splice->held[from->splice->side[1] == from])
		conn_resume(from);
}

static void on_closed(void *arg, enum err why)
{
	struct conn *c = arg;
	struct splice *s = c->splice;

	if (!s)
		return;
	s->gone[s->side[1] == c] = true;
	splice_changed(s);
}

static bool all_sent(const struct conn *c)
{
	return c->eof && c->fin_sent;
}

static void check(void *arg)
{
	struct splice *s = arg;
	struct conn *a = s->side[0], *b = s->side[1];

	if ((s->gone[0] && s->gone[1]) || (all_sent(a) && all_sent(b))) {
		void (*done)(void *) = s->rules.done;
		void *done_arg = s->arg;
		/* From here on the owner's two frees are all that comes. */
		a->splice = b->splice = NULL;
		a->told_closed = b->told_closed = true;
		mem_free(s);
		done(done_arg);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct conn *c = s->side[i], *to = s->side[!i];
		if (c->eof && !c->view.n && !s->gone[!i] && s->rules.ended &&
			s->rules.ended(s->arg, c))
			return; /* there is no splice any more */
		if (s->gone[i] && !s->gone[!i]) {
			conn_finish(to);
		} else if (c->eof && !c->view.n && !to->fin_wanted) {
			to->fin_wanted = true;
			loop_at_end(to->loop, &to->flush);
		}
	}
}

void splice_changed(struct splice *s)
{
	loop_later(s->loop, &s->check);
}

void splice_forget(struct conn *c)
{
	struct splice *s = c->splice;

	if (!s)
		return;
	s->side[0]->splice = s->side[1]->splice = NULL;
	loop_later_cancel(&s->check);
	mem_free(s);
}

void conn_hold(struct conn *c, bool hold)
{
	c->splice->held[c->splice->side[1] == c] = hold;
	if (hold)
		conn_pause(c);
	else
		conn_resume(c);
}

void conn_unsplice(struct conn *c)
{
	splice_forget(c);
}

void conn_splice(struct conn *a, struct conn *b,
	const struct splice_rules *rules, void *arg)
{
	struct splice *s = mem_new(struct splice);

	if (!s) {
		conn_fail(a, ERR_NOMEM);
		conn_fail(b, ERR_NOMEM);
		return;
	}
	*s = (struct splice){
		.side = { a, b }, .rules = *rules, .arg = arg, .loop = a->loop
	};
	s->check = (struct later){ .run = check, .arg = s };
	a->splice = b->splice = s;
	conn_set_events(a, &splice_events, a);
	conn_set_events(b, &splice_events, b);
	/* Whoever waited for this moment with a pause need not end it. */
	conn_resume(a);
	conn_resume(b);
}
