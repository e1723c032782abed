/* SPDX-License-Identifier: EUPL-1.2 */
/* AUTH (RFC 4954) over lib/'s login; only with TLS, only for submission. */
#include "smtp.h"

static void say_challenge(struct smtp *s, struct slice message)
{
	struct buf b;

	buf_init(&b, LIMIT_SASL_MESSAGE * 2);
	base64_encode(&b, message);
	conn_writes(s->conn, "334 ");
	conn_write(s->conn, buf_slice(&b));
	conn_writes(s->conn, "\r\n");
	buf_free(&b);
	s->state = AUTH_LINE;
	conn_resume(s->conn);
}

static void on_challenge(void *arg, struct slice message)
{
	say_challenge(arg, message);
}

static void end_login(struct smtp *s)
{
	login_free(s->login);
	s->login = NULL;
	s->state = WAIT;
	smtp_go_on(s);
}

static void on_success(
	void *arg, struct conn *stream, struct slice server_final)
{
	struct smtp *s = arg;

	s->signed_in = true;
	transaction_adopt(s, stream);
	if (server_final.n) {
		/* RFC 4954 4: the last data as one more challenge; its answer
		 * is empty. */
		say_challenge(s, server_final);
		return;
	}
	smtp_say(s, 235, "2.7.0", "Signed in");
	end_login(s);
}

static void on_failure(void *arg, enum err e)
{
	struct smtp *s = arg;

	smtp_say_err(s, e, slice_of(NULL, 0));
	if (++s->auth_tries >= LIMIT_AUTH_TRIES) {
		smtp_say(s, 421, "4.7.0", "Too many failed logins");
		conn_finish(s->conn);
	}
	end_login(s);
}

static const struct login_events events = {
	.challenge = on_challenge,
	.success = on_success,
	.failure = on_failure,
};

static void feed(struct smtp *s, struct slice text)
{
	struct buf b;

	buf_init(&b, LIMIT_SASL_MESSAGE);
	enum err e = buf_reserve(&b, LIMIT_SASL_MESSAGE);
	if (e == ERR_OK)
		e = base64_decode(&b, text);
	if (e == ERR_OK) {
		smtp_wait(s);
		login_input(s->login, b.n ? buf_slice(&b) : slice_of("", 0));
	} else {
		smtp_say(s, 501, "5.5.2", "That is not base64");
		end_login(s);
	}
	buf_wipe(&b);
}

void auth_line(struct smtp *s, struct slice line)
{
	if (slice_eqs(line, "*")) {
		smtp_say(s, 501, "5.7.0", "The login was given up");
		if (s->signed_in) /* SCRAM's last step was refused */
			transaction_end_stream(s);
		s->signed_in = false;
		end_login(s);
		return;
	}
	if (s->signed_in) {
		smtp_say(s, 235, "2.7.0", "Signed in");
		end_login(s);
		return;
	}
	feed(s, line);
}

static bool may_sign_in(struct smtp *s)
{
	if (!s->submission)
		smtp_bad(s, 503, "5.5.1", "No login here: use port 465 or 587");
	else if (!conn_is_tls(s->conn))
		smtp_bad(s, 538, "5.7.11", "Use STARTTLS first");
	else if (s->helo[0] == 0)
		smtp_bad(s, 503, "5.5.1", "Say EHLO first");
	else if (s->signed_in || s->mail)
		smtp_bad(s, 503, "5.5.1", "Not now");
	else
		return true;
	return false;
}

void verb_auth(struct smtp *s, struct cursor *c)
{
	struct slice initial;

	if (!may_sign_in(s))
		return;
	(void)p_sp(c);
	struct slice mechanism = slice_cut(cursor_rest(c), ' ', &initial);
	bool has_initial = initial.n > 0;
	enum err e = login_new(s->front, PROTOCOL_SUBMIT, mechanism, s->conn,
		slice_of("", 0), &events, s, &s->login);
	if (e != ERR_OK) {
		smtp_bad(s, 504, "5.5.4", "Unknown mechanism");
		return;
	}
	smtp_wait(s);
	if (!has_initial)
		login_input(s->login, slice_of(NULL, 0));
	else
		feed(s, slice_eqs(initial, "=") ? slice_of("", 0) : initial);
}
