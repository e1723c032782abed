/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside smtpd/front/: one client's dialogue.
 *
 *   COMMAND --AUTH--> WAIT --challenge--> AUTH_LINE --line--> WAIT
 *   COMMAND --MAIL, RCPT, DATA--> WAIT (router, session) --reply--> COMMAND
 *   COMMAND --DATA accepted--> DATA --dot--> WAIT --reply--> COMMAND
 *
 * In WAIT nothing is read: commands are answered one after another, so
 * PIPELINING (RFC 2920) needs nothing else.
 */
#ifndef SMTPD_SMTP_H
#define SMTPD_SMTP_H

#include <bastide/config.h>
#include <bastide/cursor.h>
#include <bastide/frame.h>
#include <bastide/session.h>

#include "../proto.h"

enum smtp_state { COMMAND, WAIT, AUTH_LINE, DATA };

struct smtp {
	struct front *front;
	struct conn *conn;
	enum smtp_state state;
	bool submission; /* a login is needed, any recipient is allowed */
	unsigned bad, auth_tries;

	char helo[LIMIT_ADDRESS + 1];
	bool esmtp;

	struct login *login;
	bool signed_in;

	struct conn *stream; /* to the session; NULL: none yet */
	struct route *route;
	void (*on_reply)(struct smtp *s, enum err e, struct slice text);

	/* the transaction */
	bool mail;           /* MAIL was accepted */
	bool told;           /* ... and the session knows it */
	unsigned recipients; /* accepted ones */
	unsigned tried;      /* RCPT commands of this transaction */
	uint64_t size;
	uint32_t flags;
	char from[LIMIT_ADDRESS + 1];
	char to[LIMIT_ADDRESS + 1]; /* of the RCPT under way */

	struct dot_framer dot;
	bool discard; /* the message will be refused: `refusal` */
	enum err refusal;
	bool bare_line_end;
};

/* --- dialog.c ------------------------------------------------------------------ */
void smtp_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls);
/* "250 2.1.0 text" */
void smtp_say(struct smtp *s, int code, const char *enhanced, const char *text);
/* By the table of errors; `text` empty: the table's. */
void smtp_say_err(struct smtp *s, enum err e, struct slice text);
/* A command that is no SMTP; too many end the connection. */
void smtp_bad(struct smtp *s, int code, const char *enhanced, const char *text);
/* The answer comes later. */
void smtp_wait(struct smtp *s);
/* It came: the next command may. */
void smtp_go_on(struct smtp *s);

/* --- transaction.c --------------------------------------------------------------- */
void transaction_reset(struct smtp *s);
void transaction_end_stream(struct smtp *s);
/* Takes a stream of the router or the login. */
void transaction_adopt(struct smtp *s, struct conn *stream);
void transaction_data(struct smtp *s);

/* --- path.c: RFC 5321 4.1.2, RFC 6531 3.3 ---------------------------------------- */
/* "<a@b>" with or without source route; empty for "<>" where allowed. The
 * address without brackets, unescaped as it stands. */
bool smtp_path(
	struct cursor *c, bool null_allowed, bool utf8, char *out, size_t size);
bool smtp_is_helo_name(struct slice name);

/* --- verbs: each says its own reply ------------------------------------------------ */
typedef void verb_fn(struct smtp *s, struct cursor *args);
verb_fn verb_auth, verb_data, verb_ehlo, verb_helo, verb_help, verb_mail,
	verb_noop, verb_quit, verb_rcpt, verb_rset, verb_starttls, verb_vrfy;
/* A line of the SASL exchange. */
void auth_line(struct smtp *s, struct slice line);

#endif
