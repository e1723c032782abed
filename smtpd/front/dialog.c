/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The SMTP dialogue (RFC 5321): frames lines, finds the verb in the table,
 * answers. The diagram is in smtp.h.
 */
#include "smtp.h"

static const struct {
	const char *name;
	verb_fn *run;
} verbs[] = {
	{ "AUTH", verb_auth },         /* RFC 4954 */
	{ "DATA", verb_data },         /* RFC 5321 4.1.1.4 */
	{ "EHLO", verb_ehlo },         /* 4.1.1.1 */
	{ "HELO", verb_helo },         /* 4.1.1.1 */
	{ "HELP", verb_help },         /* 4.1.1.8 */
	{ "MAIL", verb_mail },         /* 4.1.1.2 */
	{ "NOOP", verb_noop },         /* 4.1.1.9 */
	{ "QUIT", verb_quit },         /* 4.1.1.10 */
	{ "RCPT", verb_rcpt },         /* 4.1.1.3 */
	{ "RSET", verb_rset },         /* 4.1.1.5 */
	{ "STARTTLS", verb_starttls }, /* RFC 3207 */
	{ "VRFY", verb_vrfy },         /* RFC 5321 4.1.1.6 */
};

/* --- answers -------------------------------------------------------------------- */

void smtp_say(struct smtp *s, int code, const char *enhanced, const char *text)
{
	conn_writef(s->conn, "%d %s%s%s\r\n", code, enhanced,
		enhanced[0] ? " " : "", text);
}

void smtp_say_err(struct smtp *s, enum err e, struct slice text)
{
	const struct err_info *info = err_info(e);

	if (text.n == 0)
		text = slice_str(info->text);
	conn_writef(s->conn, "%d %s ", info->smtp, info->enhanced);
	conn_write(s->conn, text);
	conn_writes(s->conn, "\r\n");
}

void smtp_bad(struct smtp *s, int code, const char *enhanced, const char *text)
{
	smtp_say(s, code, enhanced, text);
	if (++s->bad < LIMIT_BAD_COMMANDS)
		return;
	smtp_say(s, 421, "4.7.0", "Too many bad commands");
	conn_finish(s->conn);
}

/* --- input ---------------------------------------------------------------------- */

static void run_line(struct smtp *s, struct slice line)
{
	struct cursor c = cursor_of(line);
	struct slice rest, verb = slice_cut(line, ' ', &rest);

	c.p += verb.n;
	for (size_t k = 0; k < sizeof(verbs) / sizeof(verbs[0]); k++)
		if (slice_ieqs(verb, verbs[k].name)) {
			verbs[k].run(s, &c);
			return;
		}
	smtp_bad(s, 500, "5.5.1", "Unknown command");
}

/* A command or SASL line; a copy, since its answer may move the input. */
static bool one_line(struct smtp *s)
{
	char copy[LIMIT_SMTP_LINE];
	struct slice line;
	size_t taken;
	enum err why;
	enum frame_step got = line_step(
		conn_input(s->conn), sizeof(copy), &line, &taken, &why);

	if (got == FRAME_MORE) {
		conn_consume(s->conn, taken); /* of a line too long for good */
		return false;
	}
	bool good = got == FRAME_DONE && line.n <= sizeof(copy);
	if (good && line.n)
		memcpy(copy, line.p, line.n);
	line = slice_of(copy, good ? line.n : 0);
	conn_consume(s->conn, taken);
	if (s->state == AUTH_LINE)
		auth_line(s, good ? line : slice_str("*"));
	else if (!good)
		smtp_bad(s, 500, "5.5.2",
			why == ERR_LIMIT ? "Line too long"
					 : "Lines must end in CRLF");
	else
		run_line(s, line);
	mem_wipe(copy, line.n);
	return true;
}

static void run(struct smtp *s)
{
	bool more = true;

	while (more)
		switch (s->state) {
		case COMMAND:
		case AUTH_LINE:
			more = one_line(s);
			break;
		case DATA:
			transaction_data(s);
			more = s->state == COMMAND;
			break;
		case WAIT:
			more = false;
			break;
		}
}

void smtp_wait(struct smtp *s)
{
	s->state = WAIT;
	conn_pause(s->conn);
}

void smtp_go_on(struct smtp *s)
{
	if (s->state == WAIT)
		s->state = COMMAND;
	conn_resume(s->conn); /* the loop calls on_input for what waits */
}

static void on_input(void *arg)
{
	run(arg);
}

static void on_low(void *arg)
{
}

/* --- begin and end ---------------------------------------------------------------- */

static void on_closed(void *arg, enum err why)
{
	struct smtp *s = arg;
	struct front *f = s->front;

	login_free(s->login);
	transaction_end_stream(s);
	conn_free(s->conn);
	mem_free(s);
	front_released(f);
}

static void greet(struct smtp *s)
{
	conn_writef(s->conn, "220 %s ESMTP\r\n",
		config_str(s->front->config, "hostname"));
}

static void on_secured(void *arg)
{
	struct smtp *s = arg;

	/* After STARTTLS the client speaks first, and starts afresh
	 * (RFC 3207 4.2). */
	if (s->helo[0] == 0 && !s->esmtp)
		greet(s);
	s->helo[0] = 0;
	s->esmtp = false;
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.secured = on_secured,
	.closed = on_closed,
};

void smtp_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls)
{
	struct smtp *s = mem_new(struct smtp);

	if (!s || conn_new(f->loop, fd, implicit_tls ? f->tls : NULL, NULL,
			  &events, s, &s->conn) != ERR_OK) {
		mem_free(s);
		front_released(f);
		return;
	}
	s->front = f;
	s->submission = strcmp(service, "smtp") != 0;
	conn_set_timeout(s->conn, LIMIT_SMTP_IDLE_S);
	if (s->submission)
		conn_ask_certificate(s->conn);
	if (!implicit_tls)
		greet(s);
}
