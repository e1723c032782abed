/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A front of the plainest protocol, for tests of logins, routes and walls. It
 * runs as bastided's "imapd". Lines:
 *
 *	STARTTLS			then TLS
 *	AUTH mechanism [base64]		"+ base64" asks for more, then
 *					"OK base64" and the session, or "NO err"
 *	DELIVER address			"OK" and the session, or "NO err"
 *	PROBE ...			tries what the walls forbid (probe.h)
 */
#include <stdio.h>
#include <stdlib.h>

#include <bastide/frame.h>
#include <bastide/mem.h>
#include <bastide/session.h>

#include "probe.h"

#define LINE_LIMIT 16000

struct client {
	struct front *front;
	struct conn *conn, *stream;
	struct login *login;
	struct route *route;
	bool spliced;
};

static void client_free(struct client *c)
{
	login_free(c->login);
	route_cancel(c->route);
	conn_free(c->stream);
	conn_free(c->conn);
	front_released(c->front);
	mem_free(c);
}

static void on_spliced_end(void *arg)
{
	client_free(arg);
}

static void join(struct client *c, struct conn *stream)
{
	static const struct splice_rules rules = { .done = on_spliced_end };

	c->stream = stream;
	conn_set_timeout(c->conn, 0);
	conn_splice(c->conn, c->stream, &rules, c);
}

static void say(struct client *c, const char *word, struct slice bytes)
{
	struct buf b;

	buf_init(&b, KIB(64));
	if (base64_encode(&b, bytes) != ERR_OK)
		abort();
	conn_writef(c->conn, "%s %.*s\r\n", word, SLICE_ARG(buf_slice(&b)));
	buf_free(&b);
}

static void on_challenge(void *arg, struct slice message)
{
	say(arg, "+", message);
}

static void on_success(void *arg, struct conn *stream, struct slice final)
{
	struct client *c = arg;

	say(c, "OK", final);
	join(c, stream);
}

static void on_failure(void *arg, enum err e)
{
	struct client *c = arg;

	conn_writef(c->conn, "NO %s\r\n", err_info(e)->name);
	login_free(c->login);
	c->login = NULL;
}

static const struct login_events login_events = { on_challenge, on_success,
	on_failure };

static void give(struct client *c, struct slice base64)
{
	struct buf b;

	buf_init(&b, KIB(64));
	if (base64.p && base64_decode(&b, base64) != ERR_OK)
		abort();
	login_input(c->login,
		base64.p ? slice_of(b.p ? b.p : "", b.n) : slice_of(NULL, 0));
	buf_free(&b);
}

static void auth(struct client *c, struct slice rest)
{
	struct slice initial, mechanism = slice_cut(rest, ' ', &initial);

	enum err e = login_new(c->front, PROTOCOL_IMAP, mechanism, c->conn,
		slice_str("extra"), &login_events, c, &c->login);
	if (e != ERR_OK) {
		conn_writef(c->conn, "NO %s\r\n", err_info(e)->name);
		return;
	}
	give(c, initial.n ? initial : slice_of(NULL, 0));
}

static void on_nothing(void *arg)
{
}

static void on_stream_closed(void *arg, enum err why)
{
}

static const struct conn_events stream_events = {
	.input = on_nothing,
	.low = on_nothing,
	.closed = on_stream_closed,
};

static void on_route(void *arg, enum err e, int fd)
{
	struct client *c = arg;
	struct conn *stream;

	c->route = NULL;
	if (e == ERR_OK)
		e = conn_new(c->front->loop, fd, NULL, NULL, &stream_events, c,
			&stream);
	if (e != ERR_OK) {
		conn_writef(c->conn, "NO %s\r\n", err_info(e)->name);
		return;
	}
	conn_writes(c->conn, "OK\r\n");
	join(c, stream);
}

static void deliver(struct client *c, struct slice address)
{
	enum err e = route_ask(c->front, PROTOCOL_DELIVER, address,
		conn_peer(c->conn), on_route, c, &c->route);

	if (e != ERR_OK)
		conn_writef(c->conn, "NO %s\r\n", err_info(e)->name);
}

static void command(struct client *c, struct slice line)
{
	struct slice rest, word = slice_cut(line, ' ', &rest);
	char text[4000];

	if (c->login)
		give(c, line);
	else if (slice_eqs(word, "AUTH"))
		auth(c, rest);
	else if (slice_eqs(word, "DELIVER"))
		deliver(c, rest);
	else if (slice_eqs(word, "PROBE"))
		conn_writef(c->conn, "%s\r\n", probe(rest, text, sizeof(text)));
	else if (slice_eqs(word, "STARTTLS") && c->front->tls) {
		conn_writes(c->conn, "OK\r\n");
		if (conn_start_tls(c->conn, c->front->tls) != ERR_OK)
			abort();
	} else {
		conn_writes(c->conn, "NO syntax\r\n");
	}
}

static void on_input(void *arg)
{
	struct client *c = arg;

	while (!c->stream) {
		struct slice line = { NULL, 0 };
		size_t taken;
		enum err e;
		enum frame_step step = line_step(
			conn_input(c->conn), LINE_LIMIT, &line, &taken, &e);
		struct buf copy;
		buf_init(&copy, LINE_LIMIT);
		buf_add_slice(&copy, line);
		conn_consume(c->conn, taken);
		if (step == FRAME_DONE)
			command(c, buf_slice(&copy));
		buf_free(&copy);
		if (step == FRAME_MORE)
			return;
	}
}

static void on_secured(void *arg)
{
	struct client *c = arg;

	conn_writes(c->conn, "* secured\r\n");
}

static void on_closed(void *arg, enum err why)
{
	client_free(arg);
}

static void accepted(
	struct front *f, int fd, const char *service, bool implicit_tls)
{
	static const struct conn_events events = { on_input, on_nothing,
		on_secured, on_closed };
	struct client *c = mem_new(struct client);

	if (!c)
		abort();
	c->front = f;
	if (conn_new(f->loop, fd, implicit_tls ? f->tls : NULL, NULL, &events,
		    c, &c->conn) != ERR_OK) {
		mem_free(c);
		front_released(f);
		return;
	}
	conn_set_timeout(c->conn, LIMIT_PREAUTH_S);
	conn_writef(c->conn, "* ready %s\r\n", service);
}

int main(int argc, char **argv)
{
	static struct front front = { .name = "imapd", .accepted = accepted };

	return front_main(&front, argc, argv);
}
