/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Connections: life, callbacks, the API of conn.h. In every process.
 *
 * Callbacks are made in one place only, `tell`, which is entered from the
 * loop: from the watch after reading and writing, from the timer, or from a
 * poke (loop_later) when an API call changed something. So no owner is called
 * from inside one of its own calls, and a free inside a callback waits for the
 * callback's return (`depth`, `dead`).
 *
 * The end of a connection:
 *
 *	open --peer's EOF, output drained--> closed(ERR_EOF)
 *	open --failed---------------------> closed(why)
 *	open --conn_finish--> finishing --drained, FIN, peer's EOF or 2 s-->
 *	                                    closed(ERR_OK)
 *
 * FIN first and then waiting for the peer's keeps the last reply from being
 * lost to a reset that unread input would cause.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/mem.h>

#include "conn_parts.h"

#define INPUT_MAX KIB(64)
#define LINGER_MS 2000
/* The peer closed its side and takes no byte of what waits. */
#define DRAIN_MS 30000

static void on_ready(void *arg, int events);
static void on_timer(void *arg);

void conn_poke(struct conn *c)
{
	if (!c->dead)
		loop_later(c->loop, &c->poke);
}

void conn_fail(struct conn *c, enum err e)
{
	if (c->failed == ERR_OK)
		c->failed = e;
	conn_poke(c);
}

/* --- telling ----------------------------------------------------------------- */

static bool is_over(const struct conn *c, enum err *why)
{
	*why = c->failed;
	if (c->failed)
		return true;
	if (c->finishing)
		return c->fin_sent && (c->eof || c->linger_over);
	*why = ERR_EOF;
	return c->eof && !c->splice && !c->paused && !c->tell_input &&
	       !c->tell_low && !c->tell_secured && outq_pending(&c->out) == 0;
}

static bool may_tell_input(const struct conn *c)
{
	return c->tell_input && !c->paused && !c->finishing && c->view.n;
}

static void tell(struct conn *c)
{
	enum err why;

	if (c->told_closed)
		return;
	if (c->tell_secured) {
		c->tell_secured = false;
		if (c->events->secured && !c->finishing)
			c->events->secured(c->arg);
	}
	if (!c->dead && may_tell_input(c)) {
		c->tell_input = false;
		c->events->input(c->arg);
	}
	if (c->tell_low && !c->dead) {
		c->tell_low = false;
		if (!c->finishing)
			c->events->low(c->arg);
	}
	if (!c->dead && c->view.n == 0)
		c->tell_input = false;
	if (!c->dead && c->splice && c->eof)
		splice_changed(c->splice);
	if (!c->dead && !c->told_closed && is_over(c, &why)) {
		c->told_closed = true;
		c->events->closed(c->arg, why);
	}
}

/* --- settling: what to wait for --------------------------------------------- */

static int wanted_events(struct conn *c)
{
	if (c->failed || c->told_closed)
		return 0;
	if (c->tls == TLS_SHAKE)
		return c->read_wants_write ? LOOP_WRITE : LOOP_READ;
	int events = 0;
	bool reading = !c->eof && c->tls != TLS_WAIT &&
		       (c->finishing || (!c->paused && c->view.n < c->in_max));
	if (reading)
		events |= c->read_wants_write ? LOOP_WRITE : LOOP_READ;
	uint64_t durable = c->gate ? gate_durable(c->gate) : 0;
	if (outq_sendable(&c->out, durable))
		events |= c->write_wants_read ? LOOP_READ : LOOP_WRITE;
	return events;
}

/* When the timer must look again; 0: never. */
static uint64_t deadline(const struct conn *c)
{
	if (c->told_closed || c->failed)
		return 0;
	if (c->finishing && c->fin_sent)
		return c->fin_ms + LINGER_MS;
	uint64_t idle =
		c->idle_s ? c->active_ms + c->idle_s * (uint64_t)1000 : 0;
	if (c->eof || c->finishing) {
		uint64_t drain = c->active_ms + DRAIN_MS;
		return idle && idle < drain ? idle : drain;
	}
	return idle;
}

static void arm(struct conn *c)
{
	uint64_t at = deadline(c);

	if (!at || (c->armed_ms && c->armed_ms <= at))
		return;
	uint64_t now = loop_now_ms();
	timer_set(c->timer, at > now ? at - now : 1);
	c->armed_ms = at;
}

static void watch_gate(struct conn *c)
{
	if (!c->gate)
		return;
	if (outq_sendable(&c->out, gate_durable(c->gate)) <
		outq_pending(&c->out))
		gate_wait(c->gate, &c->waiter);
	else
		gate_unwait(&c->waiter);
}

static void settle(struct conn *c)
{
	conn_keep_input(c);
	watch_gate(c);
	watch_set(c->watch, wanted_events(c));
	arm(c);
	enum err why;
	if (may_tell_input(c) || c->tell_low || c->tell_secured ||
		conn_has_more(c) || (!c->told_closed && is_over(c, &why)))
		conn_poke(c);
}

static void release(struct conn *c)
{
	loop_later_cancel(&c->poke);
	loop_later_cancel(&c->flush);
	outq_free(&c->out);
	buf_wipe(&c->in);
	deflate_free(c->deflate);
	mem_free(c);
}

static void leave(struct conn *c)
{
	c->depth--;
	if (c->depth)
		return;
	if (c->dead)
		release(c);
	else
		settle(c);
}

static void on_ready(void *arg, int events)
{
	struct conn *c = arg;

	c->depth++;
	if (c->tls == TLS_SHAKE) {
		tls_shake(c);
		if (c->tls == TLS_UP)
			conn_read_more(c);
	} else {
		if (events & LOOP_WRITE || c->write_wants_read)
			conn_flush(c);
		if (events & LOOP_READ || c->read_wants_write)
			conn_read_more(c);
	}
	tell(c);
	leave(c);
}

static void on_poke(void *arg)
{
	struct conn *c = arg;

	c->depth++;
	if (conn_has_more(c))
		conn_read_more(c);
	tell(c);
	leave(c);
}

static void on_flush(void *arg)
{
	struct conn *c = arg;

	if (c->dead)
		return;
	conn_flush(c);
	if (!c->depth)
		settle(c);
}

static void on_timer(void *arg)
{
	struct conn *c = arg;
	uint64_t at = deadline(c);

	c->armed_ms = 0;
	c->depth++;
	if (at && loop_now_ms() >= at) {
		if (c->finishing && c->fin_sent)
			c->linger_over = true;
		else
			conn_fail(c, ERR_TIMEOUT);
	}
	tell(c);
	leave(c);
}

/* --- life ---------------------------------------------------------------------- */

static void note_peer(struct conn *c)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	const void *addr = NULL;
	int one = 1;

	strcpy(c->peer, "local");
	if (getpeername(c->fd, (struct sockaddr *)&ss, &n) != 0)
		return;
	if (ss.ss_family == AF_INET)
		addr = &((struct sockaddr_in *)&ss)->sin_addr;
	else if (ss.ss_family == AF_INET6)
		addr = &((struct sockaddr_in6 *)&ss)->sin6_addr;
	else
		return;
	inet_ntop(ss.ss_family, addr, c->peer, sizeof(c->peer));
	if (slice_iprefix(slice_str(c->peer), "::ffff:") &&
		strchr(c->peer, '.'))
		memmove(c->peer, c->peer + 7, strlen(c->peer + 7) + 1);
	c->tcp = true;
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* A client speaks first: it waits for the socket to take bytes. */
static enum err shake_soon(struct conn *c, struct tls_context *tls)
{
	TRY(tls_session_new(tls, c->fd, &c->ssl));
	c->tls = outq_pending(&c->out) ? TLS_WAIT : TLS_SHAKE;
	c->read_wants_write = !SSL_is_server(c->ssl);
	if (c->ask_certificate)
		tls_session_ask(c->ssl);
	return ERR_OK;
}

enum err conn_new(struct loop *l, int fd, struct tls_context *tls,
	struct gate *gate, const struct conn_events *events, void *arg,
	struct conn **out)
{
	struct conn *c = mem_new(struct conn);
	enum err e = c ? ERR_OK : ERR_NOMEM;

	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	*c = (struct conn){ .loop = l,
		.fd = fd,
		.gate = gate,
		.events = events,
		.arg = arg,
		.in_max = INPUT_MAX,
		.active_ms = loop_now_ms() };
	c->poke = (struct later){ .run = on_poke, .arg = c };
	c->flush = (struct later){ .run = on_flush, .arg = c };
	c->waiter = (struct gate_waiter){ .opened = on_flush, .arg = c };
	buf_init(&c->in, INPUT_MAX);
	note_peer(c);
	e = watch_new(l, fd, on_ready, c, &c->watch);
	if (e == ERR_OK)
		e = timer_new(l, on_timer, c, &c->timer);
	if (e == ERR_OK && tls)
		e = shake_soon(c, tls);
	if (e != ERR_OK) {
		conn_free(c);
		return e;
	}
	settle(c);
	*out = c;
	return ERR_OK;
}

void conn_free(struct conn *c)
{
	if (!c || c->dead)
		return;
	c->dead = true;
	splice_forget(c);
	gate_unwait(&c->waiter);
	watch_free(c->watch);
	timer_free(c->timer);
	SSL_free(c->ssl);
	close(c->fd);
	if (!c->depth)
		release(c);
}

void conn_set_events(
	struct conn *c, const struct conn_events *events, void *arg)
{
	c->events = events;
	c->arg = arg;
	if (c->view.n)
		c->tell_input = true;
	conn_poke(c);
}

/* --- input ---------------------------------------------------------------------- */

struct slice conn_input(const struct conn *c)
{
	return c->view;
}

void conn_consume(struct conn *c, size_t n)
{
	c->view = slice_from(c->view, n);
	if (!c->depth)
		settle(c);
}

void conn_set_input_max(struct conn *c, size_t n)
{
	c->in_max = n;
	if (!c->depth)
		settle(c);
}

void conn_pause(struct conn *c)
{
	c->paused = true;
	if (!c->depth)
		settle(c);
}

void conn_resume(struct conn *c)
{
	c->paused = false;
	if (c->view.n)
		c->tell_input = true;
	conn_poke(c);
}

/* --- output --------------------------------------------------------------------- */

void conn_write(struct conn *c, struct slice s)
{
	if (c->failed || c->fin_wanted || !s.n)
		return;
	if (outq_pending(&c->out) + s.n > OUTPUT_MAX) {
		conn_fail(c, ERR_LIMIT);
		return;
	}
	enum err e = c->deflate ? deflate_write(c, s) : outq_add(&c->out, s);
	if (e != ERR_OK) {
		conn_fail(c, e);
		return;
	}
	if (outq_pending(&c->out) >= OUTPUT_HIGH)
		c->was_full = true;
	loop_at_end(c->loop, &c->flush);
}

void conn_writes(struct conn *c, const char *cstr)
{
	conn_write(c, slice_str(cstr));
}

void conn_writef(struct conn *c, const char *fmt, ...)
{
	char small[512], *p = small;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		conn_fail(c, ERR_BUG);
		return;
	}
	if ((size_t)n >= sizeof(small)) {
		p = malloc((size_t)n + 1);
		if (!p) {
			conn_fail(c, ERR_NOMEM);
			return;
		}
		va_start(ap, fmt);
		vsnprintf(p, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	conn_write(c, slice_of(p, (size_t)n));
	if (p != small)
		free(p);
}

void conn_gate(struct conn *c, uint64_t commit)
{
	if (!c->gate || commit <= gate_durable(c->gate))
		return;
	enum err e = c->deflate ? deflate_gate(c, commit) : ERR_OK;
	if (e == ERR_OK)
		e = outq_gate(&c->out, commit);
	if (e != ERR_OK)
		conn_fail(c, e);
}

bool conn_full(const struct conn *c)
{
	return outq_pending(&c->out) >= OUTPUT_HIGH;
}

size_t conn_pending(const struct conn *c)
{
	return (size_t)outq_pending(&c->out);
}

void conn_finish(struct conn *c)
{
	if (c->finishing)
		return;
	c->finishing = c->fin_wanted = true;
	c->view = slice_of(NULL, 0);
	c->in_scratch = false;
	loop_at_end(c->loop, &c->flush);
}

void conn_hang_up(struct conn *c)
{
	(void)shutdown(c->fd, SHUT_RD);
}

void conn_set_timeout(struct conn *c, unsigned seconds)
{
	c->idle_s = seconds;
	if (!c->depth)
		arm(c);
}

/* --- TLS ------------------------------------------------------------------------ */

enum err conn_start_tls(struct conn *c, struct tls_context *tls)
{
	if (c->tls != TLS_NONE)
		return ERR_WRONGSTATE;
	TRY(shake_soon(c, tls));
	c->view = slice_of(NULL, 0);
	c->in_scratch = false;
	c->tell_input = false;
	loop_at_end(c->loop, &c->flush);
	return ERR_OK;
}

enum err conn_start_tls_client(
	struct conn *c, struct tls_context *tls, const char *name, bool verify)
{
	TRY(conn_start_tls(c, tls));
	return tls_session_expect(c->ssl, name, verify);
}

bool conn_is_tls(const struct conn *c)
{
	return c->tls == TLS_UP;
}

const char *conn_tls_text(const struct conn *c)
{
	return c->tls_text;
}

const char *conn_peer(const struct conn *c)
{
	return c->peer;
}
