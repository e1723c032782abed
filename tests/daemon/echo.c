/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sessions of the test's tenantd: one that says who signed in, and then
 * does what it is told, a line each:
 *
 *	ECHO text	text comes back
 *	WRITE text	a row in the trace; "OK commit" when it is durable
 *	READ		the rows of the trace
 *	OPEN		holds the account open until the session ends
 *	CRASH		aborts
 *	PROBE ...	tries what the walls forbid (probe.h)
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/frame.h>
#include <bastide/mem.h>
#include <bastide/queue.h>

#include "../../daemon/tenantd.h"
#include "probe.h"

struct echo {
	struct tenant *tenant;
	struct conn *conn;
	struct account *account;
	uint32_t number;
	uint64_t id;
};

static void write_row(struct echo *e, struct slice text)
{
	struct trace_row row = { .event = TRACE_RECEIVED, .detail = text };
	uint64_t commit = 0;
	struct store *s = e->tenant->store;

	enum err r = store_begin(s);
	if (r == ERR_OK) {
		r = trace_add(s, &row);
		if (r == ERR_OK)
			r = store_commit(s, &commit);
		else
			store_rollback(s);
	}
	conn_gate(e->conn, commit);
	conn_writef(e->conn, "%s %llu\r\n", err_info(r)->name,
		(unsigned long long)commit);
}

static void read_rows(struct echo *e)
{
	struct trace_row rows[100];
	struct arena *arena = arena_new(MIB(1));
	size_t n = 0;

	if (trace_list(e->tenant->store, UINT64_MAX >> 1, arena, rows, 100,
		    &n) != ERR_OK)
		n = 0;
	for (size_t i = n; i; i--)
		conn_writef(e->conn, "%.*s,", SLICE_ARG(rows[i - 1].detail));
	conn_writes(e->conn, "\r\n");
	arena_free(arena);
}

static void command(struct echo *e, struct slice line)
{
	struct slice rest, word = slice_cut(line, ' ', &rest);
	char text[2000];

	if (slice_eqs(word, "ECHO"))
		conn_writef(e->conn, "%.*s\r\n", SLICE_ARG(rest));
	else if (slice_eqs(word, "WRITE"))
		write_row(e, rest);
	else if (slice_eqs(word, "READ"))
		read_rows(e);
	else if (slice_eqs(word, "OPEN"))
		conn_writef(e->conn, "%s\r\n",
			err_info(account_open(e->tenant->store, e->number,
					 &e->account))
				->name);
	else if (slice_eqs(word, "PROBE"))
		conn_writef(e->conn, "%s\r\n", probe(rest, text, sizeof(text)));
	else if (slice_eqs(word, "CRASH"))
		_exit(99);
	else
		conn_writes(e->conn, "what?\r\n");
}

static void on_input(void *arg)
{
	struct echo *e = arg;

	for (;;) {
		struct slice line = { NULL, 0 };
		size_t taken;
		enum err err;
		enum frame_step step = line_step(
			conn_input(e->conn), 8000, &line, &taken, &err);
		struct buf copy;
		buf_init(&copy, 8000);
		buf_add_slice(&copy, line);
		conn_consume(e->conn, taken);
		if (step == FRAME_DONE)
			command(e, buf_slice(&copy));
		buf_free(&copy);
		if (step == FRAME_MORE)
			return;
	}
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	struct echo *e = arg;

	if (e->account)
		account_close(e->account);
	conn_free(e->conn);
	session_ended(e->tenant, e->id);
	mem_free(e);
}

static enum err echo_new(const struct session_start *s)
{
	static const struct conn_events events = {
		.input = on_input,
		.low = on_low,
		.closed = on_closed,
	};
	struct echo *e = mem_new(struct echo);
	char tenant[OID_TEXT + 1];

	if (!e)
		return ERR_NOMEM;
	*e = (struct echo){ .tenant = s->tenant,
		.conn = s->conn,
		.number = s->account,
		.id = s->id };
	oid_text(&s->tenant->id, tenant);
	conn_set_events(e->conn, &events, e);
	conn_writef(e->conn,
		"* account=%u login=%.*s peer=%.*s extra=%.*s tls=%d "
		"tenant=%s pid=%d\r\n",
		s->account, SLICE_ARG(s->login), SLICE_ARG(s->peer),
		SLICE_ARG(s->extra), s->tls, tenant, (int)getpid());
	return ERR_OK;
}

/* An echo hides nothing. */
enum err imap_without_check(struct slice names)
{
	return ERR_OK;
}

const struct house houses[] = {
	{ PROTOCOL_IMAP, echo_new, NULL, "echo", NULL, NULL },
	{ PROTOCOL_DELIVER, echo_new, NULL, "deliver", NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL },
};
