/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The SMTP client, in relayd.
 *
 *	GREETING --220--> EHLO --250--> [STARTTLS --220--> SHAKE --> EHLO]
 *	EHLO --5xx--> HELO (RFC 5321 3.2)
 *	EHLO, HELO --250--> MAIL --250--> RCPT, one by one
 *	RCPT --one taken--> DATA --354--> BODY (events.go) --client_end-->
 *	FINAL --any--> QUIT, over
 *
 * Each step has its answer's handler and its patience (RFC 5321 4.5.3.2) in
 * one table. What goes wrong before MAIL was answered is this host's trouble:
 * the owner tries the next. Later it is the message's.
 */
#include <bastide/mem.h>

#include "../proto.h"
#include "client.h"

#define BYE_S 10

enum step {
	GREETING,
	EHLO,
	HELO,
	STARTTLS,
	SHAKE,
	MAIL,
	RCPT,
	DATA,
	BODY,
	FINAL
};

struct client {
	struct loop *loop;
	struct conn *conn;
	struct timer *patience;
	char host[LIMIT_DOMAIN + 1];
	enum tls_policy policy;
	struct tls_context *tls;
	struct letter *letter;
	const struct client_events *events;
	void *arg;
	enum step step;
	struct reply reply;
	struct extensions can;
	size_t at, taken; /* recipients asked, accepted */
	bool *accepted;
	bool greeted, line_start, over, lost;
	struct buf stuffed;
	enum outcome how; /* when over */
	struct verdict why;
	struct later tell;
};

static void enter(struct client *c, enum step step);

void verdict_set(struct verdict *v, int code, const char *enhanced,
	struct slice text, const char *host)
{
	*v = (struct verdict){ .decided = true, .code = code };
	reply_one_line(slice_str(enhanced), v->enhanced, sizeof(v->enhanced));
	reply_one_line(text, v->text, sizeof(v->text));
	reply_one_line(slice_str(host), v->host, sizeof(v->host));
}

/* --- the end ----------------------------------------------------------------- */

static void end(struct client *c, enum outcome how, const struct verdict *why)
{
	if (c->over)
		return;
	c->over = true;
	c->how = how;
	c->why = *why;
	timer_cancel(c->patience);
	/* In a turn of its own: the owner frees us. */
	loop_later(c->loop, &c->tell);
}

static void on_tell(void *arg)
{
	struct client *c = arg;

	c->events->over(c->arg, c->how, &c->why);
}

/* All that are open get this verdict. */
static void decide(struct client *c, const struct verdict *v)
{
	for (size_t i = 0; i < c->letter->n; i++)
		if (!c->letter->verdicts[i].decided)
			c->letter->verdicts[i] = *v;
	end(c, OUTCOME_DECIDED, v);
}

static void local_verdict(struct client *c, struct verdict *v,
	const char *enhanced, const char *text)
{
	verdict_set(v, 0, enhanced, slice_str(text), c->host);
}

/* Trouble that is not an answer: the host's before MAIL, else everybody's. */
static void trouble(struct client *c, const char *enhanced, const char *text)
{
	struct verdict v;

	local_verdict(c, &v, enhanced, text);
	if (c->step == SHAKE && c->policy == TLS_OPPORTUNISTIC)
		end(c, OUTCOME_NO_TLS, &v);
	else if (c->step < MAIL)
		end(c, OUTCOME_NEXT_HOST, &v);
	else
		decide(c, &v);
}

/* Said for good, meant or taken as "later". */
static void soften(struct verdict *v, int code, const char *enhanced)
{
	v->code = code;
	memcpy(v->enhanced, enhanced, strlen(enhanced) + 1);
}

static void said(struct client *c, struct verdict *v)
{
	const struct reply *r = &c->reply;
	const char *enhanced = r->enhanced[0]   ? r->enhanced
			       : r->code >= 500 ? "5.0.0"
			       : r->code >= 400 ? "4.0.0"
						: "2.0.0";

	verdict_set(v, r->code, enhanced, buf_slice(&r->text), c->host);
}

/* A refusal before MAIL: another host may see it otherwise. */
static void refuse_host(struct client *c)
{
	struct verdict v;

	said(c, &v);
	end(c, OUTCOME_NEXT_HOST, &v);
}

static void refuse_all(struct client *c)
{
	struct verdict v;

	said(c, &v);
	if (v.code < 400) /* nonsense: 2xx where 354 was due */
		soften(&v, 0, "4.5.0");
	decide(c, &v);
}

/* --- commands ----------------------------------------------------------------- */

static void say_ehlo(struct client *c)
{
	conn_writef(c->conn, "EHLO %s\r\n", c->letter->helo);
}

static void say_helo(struct client *c)
{
	conn_writef(c->conn, "HELO %s\r\n", c->letter->helo);
}

static void say_starttls(struct client *c)
{
	conn_writes(c->conn, "STARTTLS\r\n");
}

static void say_mail(struct client *c)
{
	const struct letter *l = c->letter;

	conn_writef(c->conn, "MAIL FROM:<%.*s>", SLICE_ARG(l->from));
	if (c->can.size)
		conn_writef(c->conn, " SIZE=%llu", (unsigned long long)l->size);
	if (l->flags & SMTP_8BIT)
		conn_writes(c->conn, " BODY=8BITMIME");
	if (l->flags & SMTP_UTF8)
		conn_writes(c->conn, " SMTPUTF8");
	conn_writes(c->conn, "\r\n");
}

static void say_rcpt(struct client *c)
{
	conn_writef(c->conn, "RCPT TO:<%.*s>\r\n",
		SLICE_ARG(c->letter->recipients[c->at]));
}

static void say_data(struct client *c)
{
	conn_writes(c->conn, "DATA\r\n");
}

/* --- answers ------------------------------------------------------------------- */

static void on_greeting(struct client *c)
{
	c->greeted = true;
	if (c->reply.code == 220)
		enter(c, EHLO);
	else
		refuse_host(c);
}

/* What the server cannot take is not begun (RFC 6531 3.5, 6152 3, 1870 6.1). */
static bool can_take(struct client *c, struct verdict *v)
{
	const struct letter *l = c->letter;

	if (l->flags & SMTP_UTF8 && !c->can.utf8)
		verdict_set(v, 550, "5.6.7",
			slice_str("The server does not take "
				  "internationalized mail (SMTPUTF8)"),
			c->host);
	else if (l->flags & SMTP_8BIT && !c->can.eightbit)
		verdict_set(v, 550, "5.6.3",
			slice_str("The server does not take 8-bit mail"),
			c->host);
	else if (c->can.size_max && l->size > c->can.size_max)
		verdict_set(v, 552, "5.3.4",
			slice_str("The server does not take mail of this "
				  "size"),
			c->host);
	else
		return true;
	return false;
}

static void on_ready(struct client *c)
{
	struct verdict v;

	if (c->policy == TLS_VERIFIED && !conn_is_tls(c->conn))
		trouble(c, "4.7.4", "The server offers no TLS");
	else if (can_take(c, &v))
		enter(c, MAIL);
	else
		decide(c, &v);
}

static void on_ehlo(struct client *c)
{
	if (c->reply.code >= 500 && c->policy != TLS_VERIFIED) {
		enter(c, HELO);
		return;
	}
	if (c->reply.code != 250) {
		refuse_host(c);
		return;
	}
	extensions_parse(buf_slice(&c->reply.text), &c->can);
	if (c->can.starttls && !conn_is_tls(c->conn) && c->policy != TLS_CLEAR)
		enter(c, STARTTLS);
	else
		on_ready(c);
}

static void on_helo(struct client *c)
{
	c->can = (struct extensions){ 0 };
	if (c->reply.code == 250)
		on_ready(c);
	else
		refuse_host(c);
}

static void on_starttls(struct client *c)
{
	if (c->reply.code == 220) {
		enter(c, SHAKE);
		if (conn_start_tls_client(c->conn, c->tls, c->host,
			    c->policy == TLS_VERIFIED) != ERR_OK)
			trouble(c, "4.7.5", "TLS cannot begin");
	} else if (c->policy == TLS_VERIFIED) {
		refuse_host(c);
	} else {
		on_ready(c);
	}
}

static void on_mail(struct client *c)
{
	if (c->reply.code == 250)
		enter(c, RCPT);
	else
		refuse_all(c);
}

static void on_rcpt(struct client *c)
{
	struct verdict *v = &c->letter->verdicts[c->at];

	c->accepted[c->at] = c->reply.code / 100 == 2;
	if (c->accepted[c->at]) {
		c->taken++;
	} else {
		said(c, v);
		/* RFC 5321 4.5.3.1.10: "too many", said the old way. */
		if (v->code == 552 && strcmp(v->enhanced, "5.2.2") != 0)
			soften(v, 452, "4.5.3");
		if (v->code < 400)
			soften(v, 0, "4.5.0");
	}
	if (++c->at < c->letter->n) {
		enter(c, RCPT);
	} else if (c->taken) {
		enter(c, DATA);
	} else {
		end(c, OUTCOME_DECIDED, v);
	}
}

static void on_data(struct client *c)
{
	if (c->reply.code != 354) {
		refuse_all(c);
		return;
	}
	enter(c, BODY);
	c->line_start = true;
	c->events->go(c->arg);
}

/* In the middle of the message there is nothing good to say. */
static void on_early(struct client *c)
{
	struct verdict v;

	said(c, &v);
	if (v.code < 400)
		local_verdict(c, &v, "4.5.0", "The server lost its place");
	decide(c, &v);
}

static void on_final(struct client *c)
{
	struct verdict v;

	said(c, &v);
	if (v.code / 100 == 3)
		soften(&v, 0, "4.5.0");
	decide(c, &v);
}

static const struct {
	void (*say)(struct client *c);
	void (*heard)(struct client *c);
	unsigned seconds; /* RFC 5321 4.5.3.2 */
} steps[] = {
	[GREETING] = { NULL, on_greeting, 300 },
	[EHLO] = { say_ehlo, on_ehlo, 300 },
	[HELO] = { say_helo, on_helo, 300 },
	[STARTTLS] = { say_starttls, on_starttls, 300 },
	[SHAKE] = { NULL, NULL, 120 },
	[MAIL] = { say_mail, on_mail, 300 },
	[RCPT] = { say_rcpt, on_rcpt, 300 },
	[DATA] = { say_data, on_data, 120 },
	[BODY] = { NULL, on_early, 180 },
	[FINAL] = { NULL, on_final, 600 },
};

static void be_patient(struct client *c)
{
	timer_set(c->patience, (uint64_t)steps[c->step].seconds * 1000);
}

static void enter(struct client *c, enum step step)
{
	c->step = step;
	be_patient(c);
	if (steps[step].say)
		steps[step].say(c);
}

/* --- the connection --------------------------------------------------------------- */

static void on_input(void *arg)
{
	struct client *c = arg;

	while (!c->over && c->step != SHAKE) {
		size_t taken;
		enum frame_step got =
			reply_step(&c->reply, conn_input(c->conn), &taken);
		conn_consume(c->conn, taken);
		if (got == FRAME_MORE)
			return;
		if (got != FRAME_DONE) {
			trouble(c, "4.5.0", "The server does not speak SMTP");
			return;
		}
		steps[c->step].heard(c);
		reply_reset(&c->reply);
	}
}

static void on_low(void *arg)
{
	struct client *c = arg;

	if (c->step != BODY || c->over)
		return;
	be_patient(c);
	c->events->low(c->arg);
}

static void on_secured(void *arg)
{
	struct client *c = arg;

	/* RFC 3207 4.2: what was said before it counts no more. */
	enter(c, c->greeted ? EHLO : GREETING);
}

static void on_closed(void *arg, enum err why)
{
	struct client *c = arg;

	c->lost = true;
	if (c->step == SHAKE)
		trouble(c, "4.7.5", "The TLS handshake failed");
	else
		trouble(c, "4.4.2", "The connection was lost");
}

static void on_impatient(void *arg)
{
	trouble(arg, "4.4.2", "The server did not answer in time");
}

static const struct conn_events conn_events = {
	.input = on_input,
	.low = on_low,
	.secured = on_secured,
	.closed = on_closed,
};

/* --- the owner's side ---------------------------------------------------------------- */

enum err client_new(struct loop *l, int fd, const char *host,
	enum tls_policy policy, bool tls_at_once, struct tls_context *tls,
	struct letter *letter, const struct client_events *events, void *arg,
	struct client **out)
{
	struct client *c = mem_new(struct client);
	struct conn *conn;
	enum err e = conn_new(l, fd, NULL, NULL, &conn_events, c, &conn);

	if (e != ERR_OK || !c) {
		if (e == ERR_OK)
			conn_free(conn);
		mem_free(c);
		return ERR_NOMEM;
	}
	*c = (struct client){ .loop = l,
		.conn = conn,
		.policy = policy,
		.tls = tls,
		.letter = letter,
		.events = events,
		.arg = arg,
		.accepted = mem_alloc(letter->n * sizeof(bool)) };
	c->tell = (struct later){ .run = on_tell, .arg = c };
	reply_one_line(slice_str(host), c->host, sizeof(c->host));
	reply_init(&c->reply);
	buf_init(&c->stuffed, 2 * LIMIT_IPC_MESSAGE);
	e = c->accepted ? timer_new(l, on_impatient, c, &c->patience)
			: ERR_NOMEM;
	if (e == ERR_OK && tls_at_once)
		e = conn_start_tls_client(
			conn, tls, c->host, policy == TLS_VERIFIED);
	if (e != ERR_OK) {
		client_free(c);
		return e;
	}
	enter(c, tls_at_once ? SHAKE : GREETING);
	*out = c;
	return ERR_OK;
}

void client_data(struct client *c, struct slice data)
{
	if (c->over || c->step != BODY)
		return;
	buf_reset(&c->stuffed);
	if (dot_stuff(data, &c->line_start, &c->stuffed) != ERR_OK) {
		conn_hang_up(c->conn); /* no memory: as if the peer went */
		return;
	}
	be_patient(c);
	conn_write(c->conn, buf_slice(&c->stuffed));
}

bool client_full(const struct client *c)
{
	return conn_full(c->conn);
}

void client_end(struct client *c)
{
	if (c->over || c->step != BODY)
		return;
	conn_writes(c->conn, c->line_start ? ".\r\n" : "\r\n.\r\n");
	enter(c, FINAL);
}

static void on_bye_input(void *arg)
{
	conn_consume(arg, conn_input(arg).n);
}

static void on_bye_closed(void *arg, enum err why)
{
	conn_free(arg);
}

/* The connection outlives its client for a QUIT, whose answer nobody needs. */
static void say_bye(struct client *c)
{
	static const struct conn_events bye = {
		.input = on_bye_input,
		.low = on_bye_input,
		.closed = on_bye_closed,
	};

	if (c->step != BODY)
		conn_writes(c->conn, "QUIT\r\n");
	conn_set_events(c->conn, &bye, c->conn);
	conn_set_timeout(c->conn, BYE_S);
	conn_finish(c->conn);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	timer_free(c->patience);
	loop_later_cancel(&c->tell);
	if (c->over && !c->lost && c->step != SHAKE)
		say_bye(c);
	else
		conn_free(c->conn);
	reply_free(&c->reply);
	buf_free(&c->stuffed);
	mem_free(c->accepted);
	mem_free(c);
}
