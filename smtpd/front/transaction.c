/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * RCPT and DATA: where the front talks to the router and to the session.
 *
 * From outside, the first recipient decides the tenant: the router gives a
 * stream to it (or says that nobody of that name exists, without waking
 * anybody). One transaction has one tenant: a recipient of another one gets
 * "452 4.5.3", and the sender comes back with it at once (RFC 5321 4.5.3.1.10).
 */
#include "smtp.h"

static void ask_session(struct smtp *s, struct msg *m,
	void (*on_reply)(struct smtp *s, enum err e, struct slice text))
{
	s->on_reply = on_reply;
	smtp_wait(s);
	record_send(s->stream, m);
}

/* --- the stream ------------------------------------------------------------------ */

void transaction_end_stream(struct smtp *s)
{
	if (s->route)
		route_cancel(s->route);
	s->route = NULL;
	conn_free(s->stream);
	s->stream = NULL;
	s->on_reply = NULL;
}

void transaction_reset(struct smtp *s)
{
	struct msg m;

	if (s->stream && s->told) {
		msg_begin(&m, SMTP_RESET);
		record_send(s->stream, &m);
	}
	s->mail = s->told = false;
	s->recipients = s->tried = 0;
}

static void on_record(void *arg)
{
	struct smtp *s = arg;
	struct msg_in m;
	enum err e = record_next(s->stream, &m);

	if (e == ERR_AGAIN)
		return;
	enum err said = e == ERR_OK ? msg_err(&m) : ERR_BUG;
	struct slice text = e == ERR_OK ? msg_slice(&m) : slice_of(NULL, 0);
	if (e == ERR_OK && (m.type != SMTP_REPLY || msg_end(&m) != ERR_OK))
		said = ERR_BUG;
	void (*on_reply)(struct smtp *, enum err, struct slice) = s->on_reply;
	s->on_reply = NULL;
	if (on_reply)
		on_reply(s, said, text);
	if (s->stream && e == ERR_OK)
		record_done(s->stream);
}

/* The session is ready for more of the message. */
static void on_low(void *arg)
{
	struct smtp *s = arg;

	if (s->state == DATA)
		conn_resume(s->conn);
}

static void lost(struct smtp *s)
{
	smtp_say(s, 421, "4.3.0", "The mailbox service went away; try again");
	conn_finish(s->conn);
	smtp_wait(s);
}

static void on_stream_closed(void *arg, enum err why)
{
	struct smtp *s = arg;
	bool needed =
		s->on_reply || s->state == DATA || s->signed_in || s->told;

	transaction_end_stream(s);
	/* Between two transactions of a stranger nothing is lost with it. */
	if (needed)
		lost(s);
}

static const struct conn_events stream_events = {
	.input = on_record,
	.low = on_low,
	.closed = on_stream_closed,
};

void transaction_adopt(struct smtp *s, struct conn *stream)
{
	s->stream = stream;
	s->told = false;
	conn_set_events(stream, &stream_events, s);
	conn_set_timeout(stream, 0);
}

/* --- RCPT ----------------------------------------------------------------------- */

static void tell_mail(struct smtp *s);
static void tell_rcpt(struct smtp *s);

static void end_rcpt(struct smtp *s, enum err e, struct slice text)
{
	if (e == ERR_OK) {
		s->recipients++;
		smtp_say(s, 250, "2.1.5", "Recipient OK");
	} else {
		smtp_say_err(s, e, text);
	}
	smtp_go_on(s);
}

static void on_other_tenant(void *arg, enum err e, int fd)
{
	struct smtp *s = arg;
	struct conn *c;

	s->route = NULL;
	if (e == ERR_OK && conn_new(s->front->loop, fd, NULL, NULL,
				   &stream_events, s, &c) == ERR_OK)
		conn_free(c);
	if (e == ERR_OK) {
		smtp_say(s, 452, "4.5.3", "Send to this recipient separately");
		smtp_go_on(s);
	} else {
		end_rcpt(s, e, slice_of(NULL, 0));
	}
}

static void on_routed(void *arg, enum err e, int fd)
{
	struct smtp *s = arg;
	struct conn *stream;

	s->route = NULL;
	if (e == ERR_OK)
		e = conn_new(s->front->loop, fd, NULL, NULL, &stream_events, s,
			&stream);
	if (e != ERR_OK) {
		end_rcpt(s, e, slice_of(NULL, 0));
		return;
	}
	transaction_adopt(s, stream);
	tell_mail(s);
}

static void ask_router(
	struct smtp *s, void (*done)(void *arg, enum err e, int fd))
{
	enum err e = route_ask(s->front, PROTOCOL_DELIVER, slice_str(s->to),
		conn_peer(s->conn), done, s, &s->route);

	smtp_wait(s);
	if (e != ERR_OK)
		end_rcpt(s, e, slice_of(NULL, 0));
}

static void on_rcpt_reply(struct smtp *s, enum err e, struct slice text)
{
	if (e != ERR_RELAY || s->submission) {
		end_rcpt(s, e, text);
		return;
	}
	/* Not of that tenant: with none accepted yet, another may have it. */
	if (s->recipients) {
		ask_router(s, on_other_tenant);
		return;
	}
	transaction_end_stream(s);
	s->told = false;
	ask_router(s, on_routed);
}

static void tell_rcpt(struct smtp *s)
{
	struct msg m;

	msg_begin(&m, SMTP_RCPT);
	msg_add_slice(&m, slice_str(s->to));
	ask_session(s, &m, on_rcpt_reply);
}

static void on_mail_reply(struct smtp *s, enum err e, struct slice text)
{
	if (e != ERR_OK) {
		/* MAIL was answered already: its refusal is each recipient's. */
		smtp_say_err(s, e, text);
		smtp_go_on(s);
		return;
	}
	s->told = true;
	tell_rcpt(s);
}

static void tell_mail(struct smtp *s)
{
	struct msg m;

	msg_begin(&m, SMTP_MAIL);
	msg_add_slice(&m, slice_str(s->from));
	msg_add_u32(&m, s->flags);
	msg_add_u64(&m, s->size);
	msg_add_slice(&m, slice_str(s->helo));
	msg_add_slice(&m, slice_str(conn_peer(s->conn)));
	msg_add_slice(&m, slice_str(conn_tls_text(s->conn)));
	ask_session(s, &m, on_mail_reply);
}

void verb_rcpt(struct smtp *s, struct cursor *c)
{
	if (!s->mail) {
		smtp_bad(s, 503, "5.5.1", "Say MAIL first");
		return;
	}
	if (!p_word(c, " TO:") || (p_sp(c), false) ||
		!smtp_path(
			c, false, s->flags & SMTP_UTF8, s->to, sizeof(s->to))) {
		smtp_bad(s, 501, "5.1.3", "RCPT TO:<address>");
		return;
	}
	if (slice_trim(cursor_rest(c)).n) {
		smtp_bad(s, 555, "5.5.4", "Unknown parameter");
		return;
	}
	if (s->tried++ >= LIMIT_RECIPIENTS) {
		smtp_say(s, 452, "4.5.3", "Too many recipients");
		return;
	}
	if (!s->stream)
		ask_router(s, on_routed);
	else if (!s->told)
		tell_mail(s);
	else
		tell_rcpt(s);
}

/* --- DATA ----------------------------------------------------------------------- */

static void on_open_reply(struct smtp *s, enum err e, struct slice text)
{
	if (e != ERR_OK) {
		smtp_say_err(s, e, text);
		transaction_reset(s);
		smtp_go_on(s);
		return;
	}
	conn_writes(s->conn, "354 End with a dot on a line of its own\r\n");
	dot_framer_init(&s->dot);
	s->refusal = ERR_OK;
	s->state = DATA;
	conn_resume(s->conn);
}

void verb_data(struct smtp *s, struct cursor *c)
{
	struct msg m;

	if (!p_end(c)) {
		smtp_bad(s, 501, "5.5.4", "DATA takes no argument");
	} else if (s->recipients == 0) {
		smtp_bad(s, s->tried ? 554 : 503, "5.5.1",
			"No valid recipients");
	} else {
		msg_begin(&m, SMTP_OPEN);
		ask_session(s, &m, on_open_reply);
	}
}

static void on_end_reply(struct smtp *s, enum err e, struct slice text)
{
	if (e == ERR_OK) {
		conn_writes(s->conn, "250 2.0.0 Accepted as ");
		conn_write(s->conn, text);
		conn_writes(s->conn, "\r\n");
		s->bad = 0;
	} else {
		smtp_say_err(s, e, text);
	}
	s->told = false; /* the session forgot it as well */
	transaction_reset(s);
	smtp_go_on(s);
}

static void end_of_data(struct smtp *s)
{
	struct msg m;

	if (s->dot.err != ERR_OK) {
		smtp_say(s, 550, "5.5.2",
			"Lines must end in CRLF: a bare CR or LF was found");
	} else if (s->refusal != ERR_OK) {
		smtp_say(s, 552, "5.3.4", "The message is too large");
	} else {
		msg_begin(&m, SMTP_END);
		ask_session(s, &m, on_end_reply);
		return;
	}
	transaction_reset(s);
	s->state = COMMAND;
}

/* Pieces that fit a record. */
static void pass_on(struct smtp *s, struct slice data)
{
	while (data.n) {
		struct slice piece = slice_head(data, KIB(32));
		struct msg m;
		msg_begin(&m, SMTP_DATA);
		msg_add_slice(&m, piece);
		record_send(s->stream, &m);
		data = slice_from(data, piece.n);
	}
}

void transaction_data(struct smtp *s)
{
	while (s->state == DATA) {
		size_t taken = 0;
		enum frame_step got =
			dot_framer_step(&s->dot, conn_input(s->conn), &taken);
		if (got == FRAME_DATA && s->dot.err == ERR_OK) {
			if (s->dot.size > LIMIT_MESSAGE)
				s->refusal = ERR_LIMIT;
			if (s->refusal == ERR_OK)
				pass_on(s, s->dot.data);
		}
		conn_consume(s->conn, taken);
		if (got == FRAME_MORE)
			return;
		if (got == FRAME_DONE) {
			end_of_data(s);
			return;
		}
		if (conn_full(s->stream)) {
			conn_pause(s->conn);
			return;
		}
	}
}
