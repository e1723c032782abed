/* SPDX-License-Identifier: EUPL-1.2 */
/* Records of the front, one after another, to the transaction's functions. */
#include <bastide/log.h>

#include "session.h"

#define RECORD_ARENA KIB(64)

static void reply(struct smtp_session *s, enum err e, const char *text)
{
	struct msg m;

	/* A 250 leaves when what it acknowledges is durable. */
	if (e == ERR_OK)
		conn_gate(s->conn, store_last_commit(s->tenant->store));
	msg_begin(&m, SMTP_REPLY);
	msg_add_err(&m, e);
	msg_add_slice(&m, slice_str(text ? text : ""));
	record_send(s->conn, &m);
}

static void copy_text(char *to, size_t size, struct slice s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	memcpy(to, s.p, n);
	to[n] = 0;
}

static enum err on_mail(
	struct smtp_session *s, struct msg_in *m, const char **text)
{
	struct slice from = msg_slice(m);
	uint32_t flags = msg_u32(m);
	uint64_t size = msg_u64(m);
	struct slice helo = msg_slice(m), peer = msg_slice(m),
		     tls = msg_slice(m);

	TRY(msg_end(m));
	if (size > LIMIT_MESSAGE)
		return ERR_LIMIT;
	transaction_free(s);
	s->t.flags = flags;
	copy_text(s->t.helo, sizeof(s->t.helo), helo);
	copy_text(s->t.peer, sizeof(s->t.peer), peer);
	copy_text(s->t.tls, sizeof(s->t.tls), tls);
	return transaction_mail(s, from, text);
}

static enum err on_rcpt(
	struct smtp_session *s, struct msg_in *m, const char **text)
{
	struct slice to = msg_slice(m);

	TRY(msg_end(m));
	return transaction_rcpt(s, to, text);
}

static void on_data(struct smtp_session *s, struct msg_in *m)
{
	struct slice data = msg_slice(m);

	if (msg_end(m) == ERR_OK)
		transaction_data(s, data);
}

static void on_end(struct smtp_session *s)
{
	const char *text = NULL;
	enum err e =
		s->t.stage == OPEN ? transaction_end(s, &text) : ERR_WRONGSTATE;

	reply(s, e, text);
	transaction_free(s);
}

static void take(struct smtp_session *s, struct msg_in *m)
{
	const char *text = NULL;
	enum err e;

	switch (m->type) {
	case SMTP_MAIL:
		e = on_mail(s, m, &text);
		reply(s, e, text);
		break;
	case SMTP_RCPT:
		e = on_rcpt(s, m, &text);
		reply(s, e, text);
		break;
	case SMTP_OPEN:
		reply(s, transaction_open(s), NULL);
		break;
	case SMTP_DATA:
		on_data(s, m);
		break;
	case SMTP_END:
		on_end(s);
		break;
	case SMTP_RESET:
		transaction_free(s);
		break;
	default:
		conn_finish(s->conn);
	}
}

static void on_input(void *arg)
{
	struct smtp_session *s = arg;
	struct msg_in m;

	for (;;) {
		enum err e = record_next(s->conn, &m);
		if (e == ERR_AGAIN)
			return;
		if (e != ERR_OK) {
			conn_finish(s->conn);
			return;
		}
		take(s, &m);
		record_done(s->conn);
		arena_reset(s->arena);
	}
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	struct smtp_session *s = arg;
	struct tenant *t = s->tenant;
	uint64_t id = s->id;

	loop_later_cancel(&s->first);
	transaction_free(s);
	conn_free(s->conn);
	arena_free(s->arena);
	mem_free(s);
	session_ended(t, id);
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

enum err smtp_session_new(const struct session_start *start)
{
	struct smtp_session *s = mem_new(struct smtp_session);

	if (!s)
		return ERR_NOMEM;
	s->arena = arena_new(RECORD_ARENA);
	if (!s->arena) {
		mem_free(s);
		return ERR_NOMEM;
	}
	s->tenant = start->tenant;
	s->conn = start->conn;
	s->protocol = start->protocol;
	s->account = start->account;
	s->id = start->id;
	s->first = (struct later){ .run = on_input, .arg = s };
	conn_set_events(s->conn, &events, s);
	conn_set_timeout(s->conn, 0); /* the front counts */
	loop_later(s->tenant->loop, &s->first);
	return ERR_OK;
}
