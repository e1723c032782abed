/* SPDX-License-Identifier: EUPL-1.2 */
/* Verbs of a few lines: EHLO, HELO, NOOP, RSET, QUIT, VRFY, HELP, STARTTLS. */
#include <bastide/tls.h>

#include "smtp.h"

static void ehlo_lines(struct smtp *s)
{
	struct buf mechanisms;

	conn_writef(s->conn,
		"250-%s\r\n250-PIPELINING\r\n250-SIZE %zu\r\n250-8BITMIME\r\n"
		"250-SMTPUTF8\r\n",
		config_str(s->front->config, "hostname"), LIMIT_MESSAGE);
	if (!conn_is_tls(s->conn) && s->front->tls)
		conn_writes(s->conn, "250-STARTTLS\r\n");
	if (s->submission && conn_is_tls(s->conn) && !s->signed_in) {
		buf_init(&mechanisms, 200);
		login_mechanisms(
			&mechanisms, s->front, PROTOCOL_SUBMIT, s->conn, "");
		conn_writes(s->conn, "250-AUTH ");
		conn_write(s->conn, buf_slice(&mechanisms));
		conn_writes(s->conn, "\r\n");
		buf_free(&mechanisms);
	}
	conn_writes(s->conn, "250 ENHANCEDSTATUSCODES\r\n");
}

static void hello(struct smtp *s, struct cursor *c, bool esmtp)
{
	struct slice name = slice_trim(cursor_rest(c));

	if (!smtp_is_helo_name(name)) {
		smtp_bad(s, 501, "5.5.4", "Say who you are: a host name");
		return;
	}
	memcpy(s->helo, name.p, name.n);
	s->helo[name.n] = 0;
	s->esmtp = esmtp;
	transaction_reset(s);
	if (esmtp)
		ehlo_lines(s);
	else
		smtp_say(s, 250, "", config_str(s->front->config, "hostname"));
}

void verb_ehlo(struct smtp *s, struct cursor *c)
{
	hello(s, c, true);
}

void verb_helo(struct smtp *s, struct cursor *c)
{
	hello(s, c, false);
}

void verb_noop(struct smtp *s, struct cursor *c)
{
	smtp_say(s, 250, "2.0.0", "OK");
}

void verb_rset(struct smtp *s, struct cursor *c)
{
	if (!p_end(c)) {
		smtp_bad(s, 501, "5.5.4", "RSET takes no argument");
		return;
	}
	transaction_reset(s);
	smtp_say(s, 250, "2.0.0", "OK");
}

void verb_quit(struct smtp *s, struct cursor *c)
{
	smtp_say(s, 221, "2.0.0", "Bye");
	conn_finish(s->conn);
	smtp_wait(s);
}

/* RFC 5321 7.3: who exists is nobody's business before RCPT. */
void verb_vrfy(struct smtp *s, struct cursor *c)
{
	smtp_say(s, 252, "2.5.2", "Cannot verify; try to send");
}

void verb_help(struct smtp *s, struct cursor *c)
{
	smtp_say(s, 214, "2.0.0", "See RFC 5321");
}

void verb_starttls(struct smtp *s, struct cursor *c)
{
	if (!p_end(c)) {
		smtp_bad(s, 501, "5.5.4", "STARTTLS takes no argument");
		return;
	}
	if (conn_is_tls(s->conn)) {
		smtp_bad(s, 503, "5.5.1", "TLS is on already");
		return;
	}
	if (!s->front->tls) {
		smtp_bad(s, 454, "4.7.0", "There is no certificate here");
		return;
	}
	smtp_say(s, 220, "2.0.0", "Begin TLS now");
	transaction_reset(s);
	s->esmtp = true; /* no second greeting: see on_secured */
	if (conn_start_tls(s->conn, s->front->tls) != ERR_OK)
		conn_finish(s->conn);
}
