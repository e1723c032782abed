/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * IMAP before the login (RFC 3501 6.1, 6.2; RFC 4959; RFC 7888), in the front:
 *
 *   COMMANDS --STARTTLS--> COMMANDS (secured)
 *   COMMANDS --LOGIN, AUTHENTICATE--> SASL --challenge--> ANSWER --line--> SASL
 *   SASL --failure--> COMMANDS          SASL --success--> PIPE
 *   SASL --success with SCRAM's last message--> LAST_ANSWER --line--> PIPE
 *   PIPE --UNAUTHENTICATE--> COMMANDS (pipe.c)
 *
 * Without TLS nothing but STARTTLS leads further: no password is ever asked for
 * in clear. In PIPE the tenantd speaks; its first line is the tagged OK.
 */
#include <stdio.h>

#include <bastide/cursor.h>
#include <bastide/frame.h>

#include "../capability.h"
#include "../grammar.h"
#include "../language.h"
#include "pipe.h"
#include "preauth.h"

#define PREAUTH_ARENA KIB(64)

enum state { COMMANDS, SASL, ANSWER, LAST_ANSWER, PIPE };

struct preauth {
	struct front *front;
	struct conn *conn;
	struct conn *stream; /* to the tenantd, until the pipe has it */
	struct pipe pipe;
	struct login *login;
	struct imap_framer framer;
	struct arena *arena;
	enum state state;
	unsigned tries, bad;
	enum language language;
	char tag[64];
};

static void run(struct preauth *p);

static void preauth_free(struct preauth *p)
{
	struct front *f = p->front;

	login_free(p->login);
	conn_free(p->conn);
	conn_free(p->stream);
	pipe_free(&p->pipe);
	imap_framer_free(&p->framer);
	arena_free(p->arena);
	mem_free(p);
	front_released(f);
}

/* --- answers ------------------------------------------------------------------ */

static void put_capabilities(struct preauth *p)
{
	struct buf b;

	buf_init(&b, 1000);
	bool tls = conn_is_tls(p->conn);

	capability_put(&b, tls ? CAP_TLS : CAP_CLEAR, NULL);
	if (tls) {
		buf_addc(&b, ' ');
		login_mechanisms(&b, p->front, PROTOCOL_IMAP, p->conn, "AUTH=");
	} else {
		buf_adds(&b, p->front->tls ? " STARTTLS LOGINDISABLED"
					   : " LOGINDISABLED");
	}
	conn_write(p->conn, buf_slice(&b));
	buf_free(&b);
}

static void tagged(struct preauth *p, const char *text)
{
	conn_writef(p->conn, "%s %s\r\n", p->tag, text);
}

static void tagged_bad(struct preauth *p, const char *text)
{
	conn_writef(p->conn, "%s BAD %s\r\n", p->tag, text);
	if (++p->bad < LIMIT_BAD_COMMANDS)
		return;
	conn_writes(p->conn, "* BYE Too many commands that are no IMAP\r\n");
	conn_finish(p->conn);
}

/* --- login -------------------------------------------------------------------- */

static void send_challenge(struct preauth *p, struct slice message)
{
	struct buf b;

	buf_init(&b, LIMIT_SASL_MESSAGE * 2);
	base64_encode(&b, message);
	conn_writes(p->conn, "+ ");
	conn_write(p->conn, buf_slice(&b));
	conn_writes(p->conn, "\r\n");
	buf_free(&b);
	conn_resume(p->conn);
}

static void on_challenge(void *arg, struct slice message)
{
	struct preauth *p = arg;

	p->state = ANSWER;
	send_challenge(p, message);
}

static void on_pipe_done(void *arg)
{
	preauth_free(arg);
}

static void on_signed_out(void *arg);

static void open_pipe(struct preauth *p)
{
	p->state = PIPE;
	/* The session counts from now on. */
	conn_set_timeout(p->conn, 0);
	conn_set_timeout(p->stream, 0);
	p->pipe.done = on_pipe_done;
	p->pipe.signed_out = on_signed_out;
	p->pipe.arg = p;
	struct conn *stream = p->stream;
	p->stream = NULL;
	pipe_open(&p->pipe, p->conn, stream);
}

static void on_success(
	void *arg, struct conn *stream, struct slice server_final)
{
	struct preauth *p = arg;

	p->stream = stream;
	imap_framer_reset(&p->framer);
	if (server_final.n == 0) {
		open_pipe(p);
		return;
	}
	/* RFC 3501 has no success with data: one more empty answer. */
	p->state = LAST_ANSWER;
	send_challenge(p, server_final);
}

static void on_failure(void *arg, enum err e)
{
	struct preauth *p = arg;
	const struct err_info *info = err_info(e);

	p->state = COMMANDS;
	conn_writef(p->conn, "%s NO [%s] %s\r\n", p->tag, info->imap,
		language_text(p->language, info->text));
	login_free(p->login);
	p->login = NULL;
	imap_framer_reset(&p->framer);
	if (++p->tries >= LIMIT_AUTH_TRIES) {
		conn_writes(p->conn, "* BYE Too many failed logins\r\n");
		conn_finish(p->conn);
		return;
	}
	conn_resume(p->conn);
	run(p);
}

static const struct login_events login_events = {
	.challenge = on_challenge,
	.success = on_success,
	.failure = on_failure,
};

static bool start_login(struct preauth *p, struct slice mechanism)
{
	char extra[sizeof(p->tag) + 32];

	if (!conn_is_tls(p->conn)) {
		tagged(p, "NO [PRIVACYREQUIRED] Use STARTTLS first");
		return false;
	}
	snprintf(extra, sizeof(extra), "%s %s", p->tag,
		language_tag(p->language));
	enum err e = login_new(p->front, PROTOCOL_IMAP, mechanism, p->conn,
		slice_str(extra), &login_events, p, &p->login);
	if (e != ERR_OK) {
		conn_writef(p->conn, "%s NO [CANNOT] %s\r\n", p->tag,
			err_info(e)->text);
		return false;
	}
	p->state = SASL;
	conn_pause(p->conn);
	return true;
}

static void feed_base64(struct preauth *p, struct slice text)
{
	struct buf b;

	buf_init(&b, LIMIT_SASL_MESSAGE);
	enum err e = buf_reserve(&b, LIMIT_SASL_MESSAGE);
	if (e == ERR_OK)
		e = base64_decode(&b, text);
	if (e == ERR_OK) {
		p->state = SASL;
		conn_pause(p->conn);
		login_input(p->login, b.n ? buf_slice(&b) : slice_of("", 0));
	} else {
		login_free(p->login);
		p->login = NULL;
		p->state = COMMANDS;
		imap_framer_reset(&p->framer);
		tagged_bad(p, "The answer is not base64");
	}
	buf_wipe(&b);
}

/* "AUTHENTICATE mechanism [initial]", "=" for an empty one (RFC 4959). */
static bool cmd_authenticate(struct preauth *p, struct cursor *c)
{
	struct slice mechanism;

	if (!p_sp(c) || !imap_atom(c, &mechanism))
		return false;
	bool initial = p_sp(c);
	struct slice text = cursor_rest(c);
	if (!initial && text.n)
		return false;
	if (!start_login(p, mechanism))
		return true;
	if (!initial)
		login_input(p->login, slice_of(NULL, 0));
	else
		feed_base64(p, slice_eqs(text, "=") ? slice_of("", 0) : text);
	return true;
}

static bool cmd_login(struct preauth *p, struct cursor *c)
{
	struct slice user, password;
	struct buf plain;

	if (!p_sp(c) || !imap_astring(c, p->arena, &user) || !p_sp(c) ||
		!imap_astring(c, p->arena, &password) || !p_end(c))
		return false;
	if (!start_login(p, slice_str("PLAIN")))
		return true;
	buf_init(&plain, LIMIT_SASL_MESSAGE);
	(void)!buf_reserve(&plain, LIMIT_SASL_MESSAGE);
	buf_addc(&plain, 0);
	buf_add_slice(&plain, user);
	buf_addc(&plain, 0);
	buf_add_slice(&plain, password);
	if (buf_err(&plain) == ERR_OK)
		login_input(p->login, buf_slice(&plain));
	else
		on_failure(p, ERR_AUTH);
	buf_wipe(&plain);
	return true;
}

/* --- the other commands --------------------------------------------------------- */

static bool cmd_capability(struct preauth *p, struct cursor *c)
{
	if (!p_end(c))
		return false;
	conn_writes(p->conn, "* CAPABILITY ");
	put_capabilities(p);
	conn_writes(p->conn, "\r\n");
	tagged(p, "OK CAPABILITY completed");
	return true;
}

static bool cmd_language(struct preauth *p, struct cursor *c)
{
	enum language l;
	enum err e = language_parse(c, p->arena, &l);
	struct buf b;

	if (e == ERR_SYNTAX)
		return false;
	if (e != ERR_OK) {
		conn_writef(p->conn, "%s NO %s\r\n", p->tag,
			language_text(p->language, "No such language here"));
		return true;
	}
	if (l < LANGUAGE_COUNT)
		p->language = l;
	buf_init(&b, 1000);
	language_put(&b, l);
	conn_write(p->conn, buf_slice(&b));
	buf_free(&b);
	conn_writef(p->conn, "%s OK LANGUAGE %s\r\n", p->tag,
		language_text(p->language, "completed"));
	return true;
}

static bool cmd_noop(struct preauth *p, struct cursor *c)
{
	if (p_end(c))
		tagged(p, "OK NOOP completed");
	return p_end(c);
}

static bool cmd_logout(struct preauth *p, struct cursor *c)
{
	if (!p_end(c))
		return false;
	conn_writes(p->conn, "* BYE See you\r\n");
	tagged(p, "OK LOGOUT completed");
	conn_finish(p->conn);
	return true;
}

static bool cmd_id(struct preauth *p, struct cursor *c)
{
	if (!p_sp(c))
		return false;
	conn_writes(p->conn, "* ID (\"name\" \"Bastide\")\r\n");
	tagged(p, "OK ID completed");
	return true;
}

static bool cmd_starttls(struct preauth *p, struct cursor *c)
{
	if (!p_end(c))
		return false;
	if (conn_is_tls(p->conn)) {
		tagged_bad(p, "TLS is on already");
		return true;
	}
	if (!p->front->tls) {
		tagged(p, "NO [UNAVAILABLE] There is no certificate here");
		return true;
	}
	tagged(p, "OK Begin TLS now");
	/* RFC 5255 3.1: what came before TLS may be an attacker's. */
	p->language = LANGUAGE_DEFAULT;
	if (conn_start_tls(p->conn, p->front->tls) != ERR_OK)
		conn_finish(p->conn);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct preauth *p, struct cursor *c);
} commands[] = {
	{ "AUTHENTICATE", cmd_authenticate }, /* RFC 3501 6.2.2 */
	{ "CAPABILITY", cmd_capability },     /* 6.1.1 */
	{ "ID", cmd_id },                     /* RFC 2971 */
	{ "LANGUAGE", cmd_language },         /* RFC 5255 3.2 */
	{ "LOGIN", cmd_login },               /* RFC 3501 6.2.3 */
	{ "LOGOUT", cmd_logout },             /* 6.1.3 */
	{ "NOOP", cmd_noop },                 /* 6.1.2 */
	{ "STARTTLS", cmd_starttls },         /* 6.2.1 */
};

static void run_command(struct preauth *p)
{
	struct cursor c = cursor_of(buf_slice(&p->framer.line));
	struct slice tag, name;

	if (!p_run(&c, is_tag_char, &tag) || tag.n >= sizeof(p->tag)) {
		memcpy(p->tag, "*", 2);
		tagged_bad(p, "A command begins with a tag");
		return;
	}
	memcpy(p->tag, tag.p, tag.n);
	p->tag[tag.n] = 0;
	if (!p_sp(&c) || !imap_atom(&c, &name)) {
		tagged_bad(p, "Expected a command");
		return;
	}
	for (size_t k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
		if (!slice_ieqs(name, commands[k].name))
			continue;
		if (p->framer.discarded)
			tagged(p, "NO [LIMIT] The literal is too large");
		else if (!commands[k].run(p, &c))
			tagged_bad(p, "Wrong arguments");
		return;
	}
	tagged_bad(p, "Unknown command, or sign in first");
}

/* --- input ---------------------------------------------------------------------- */

static void at_literal(struct preauth *p)
{
	struct imap_framer *f = &p->framer;

	if (f->line.n + f->literal_size > LIMIT_PREAUTH_LINE) {
		imap_framer_discard(f);
		return;
	}
	if (f->literal_sync)
		conn_writes(p->conn, "+ OK\r\n");
	imap_framer_collect(f);
}

static bool one_command(struct preauth *p)
{
	size_t taken = 0;
	enum frame_step got =
		imap_framer_step(&p->framer, conn_input(p->conn), &taken);

	conn_consume(p->conn, taken);
	if (got == FRAME_MORE)
		return false;
	if (got == FRAME_LITERAL) {
		at_literal(p);
		return true;
	}
	if (got == FRAME_DONE) {
		run_command(p);
	} else {
		memcpy(p->tag, "*", 2);
		tagged_bad(p, "The line is too long or broken");
	}
	/* LOGIN leaves a password in both. */
	if (p->state == COMMANDS || p->state == SASL)
		imap_framer_reset(&p->framer);
	arena_reset(p->arena);
	return true;
}

/* A line of the SASL exchange: base64, or "*" to give up (RFC 3501 6.2.2). */
static bool one_answer(struct preauth *p)
{
	struct slice line;
	size_t taken;
	enum err why;
	enum frame_step got = line_step(conn_input(p->conn),
		LIMIT_SASL_MESSAGE * 2, &line, &taken, &why);

	if (got == FRAME_MORE) {
		conn_consume(p->conn, taken); /* of a line too long for good */
		return false;
	}
	/* Out of the input first: the answer to it may come at once. */
	struct slice kept = got == FRAME_DONE ? arena_copy(p->arena, line)
					      : slice_of(NULL, 0);
	bool bad = !kept.p || slice_eqs(kept, "*");
	conn_consume(p->conn, taken);
	if (bad) {
		login_free(p->login);
		p->login = NULL;
		p->state = COMMANDS;
		imap_framer_reset(&p->framer);
		tagged_bad(p, "The login was given up");
	} else if (p->state == LAST_ANSWER) {
		open_pipe(p);
		return false;
	} else {
		feed_base64(p, kept);
	}
	mem_wipe((char *)(uintptr_t)kept.p, kept.n);
	arena_reset(p->arena);
	return true;
}

static void run(struct preauth *p)
{
	bool more = true;

	while (more)
		switch (p->state) {
		case COMMANDS:
			more = one_command(p);
			break;
		case ANSWER:
		case LAST_ANSWER:
			more = one_answer(p);
			break;
		default:
			more = false;
		}
}

static void on_input(void *arg)
{
	run(arg);
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	preauth_free(arg);
}

static void greet(struct preauth *p)
{
	conn_writes(p->conn, "* OK [CAPABILITY ");
	put_capabilities(p);
	conn_writes(p->conn, "] Bastide ready\r\n");
}

static void on_secured(void *arg)
{
	struct preauth *p = arg;

	/* With TLS from the first byte the greeting had to wait for it. */
	if (p->state == COMMANDS && p->tag[0] == 0)
		greet(p);
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.secured = on_secured,
	.closed = on_closed,
};

/* RFC 8437: as after the greeting, on the same TLS. What the client sent behind
 * the command waits already. Failed logins go on being counted. */
static void on_signed_out(void *arg)
{
	struct preauth *p = arg;

	login_free(p->login);
	p->login = NULL;
	p->state = COMMANDS;
	p->language = LANGUAGE_DEFAULT;
	imap_framer_reset(&p->framer);
	conn_set_events(p->conn, &events, p);
	conn_set_timeout(p->conn, LIMIT_PREAUTH_S);
	conn_resume(p->conn);
}

void preauth_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls)
{
	struct preauth *p = mem_new(struct preauth);
	struct arena *a = arena_new(PREAUTH_ARENA);
	enum err e =
		p && a ? conn_new(f->loop, fd, implicit_tls ? f->tls : NULL,
				 NULL, &events, p, &p->conn)
		       : ERR_NOMEM;

	if (e != ERR_OK) {
		mem_free(p);
		arena_free(a);
		front_released(f);
		return;
	}
	p->front = f;
	p->arena = a;
	imap_framer_init(&p->framer, LIMIT_PREAUTH_LINE);
	conn_set_timeout(p->conn, LIMIT_PREAUTH_S);
	conn_ask_certificate(p->conn);
	if (!implicit_tls)
		greet(p);
}
