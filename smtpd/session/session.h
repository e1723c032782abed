/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside smtpd/session/: mail transactions of one SMTP connection, in the
 * tenantd (PROTOCOL_SUBMIT of a signed-in user, PROTOCOL_DELIVER from outside).
 *
 *   NONE --MAIL--> MAIL --RCPT--> MAIL --OPEN--> OPEN --DATA...--> OPEN
 *   OPEN --END--> one commit files it for everybody --> NONE
 *   any --RESET--> NONE
 *
 * A message has two forms: what local recipients keep (with Return-Path), and
 * what is queued for others (without). Both are sealed as they stream in, under
 * the key of each recipient's account: nothing is ever held in clear, and
 * LIMIT_RECIPIENTS bounds what that costs.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <bastide/conn.h>
#include <bastide/crypt.h>
#include <bastide/directory.h>
#include <bastide/mail.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>
#include <bastide/session.h>

#include "../proto.h"

enum stage { NONE, MAIL, OPEN };

/* A local recipient. */
struct local {
	uint32_t number;
	struct account *account; /* open from OPEN on */
	struct body_writer *body;
	uint64_t inbox;
	char address[LIMIT_ADDRESS + 1];
};

struct transaction {
	enum stage stage;
	uint32_t flags;
	char from[LIMIT_ADDRESS + 1];
	char helo[LIMIT_ADDRESS + 1];
	char peer[64], tls[64];
	struct local *locals;
	size_t n_locals, max_locals;
	struct slice *remotes; /* owned strings */
	size_t n_remotes, max_remotes;
	struct account *queue; /* TENANT_ACCOUNT, when there are remotes */
	struct body_writer *queued;
	struct mail_scan *scan_local, *scan_queued;
	struct digest *digest; /* of the message as it came */
	struct buf held;       /* submission: the header, until it is whole */
	bool header_done;
	bool eightbit; /* a byte over 127 came */
	uint64_t size;
	enum err err; /* the first; later DATA is thrown away */
	char id[OID_TEXT + 1];
};

struct smtp_session {
	struct tenant *tenant;
	struct conn *conn;
	enum protocol protocol;
	uint32_t account; /* PROTOCOL_SUBMIT */
	uint64_t id;
	struct transaction t;
	struct arena *arena; /* one record */
	struct later first;  /* what came before the session was there */
};

/* transaction.c */
void transaction_free(struct smtp_session *s);
MUST_CHECK enum err transaction_mail(
	struct smtp_session *s, struct slice from, const char **text);
MUST_CHECK enum err transaction_rcpt(
	struct smtp_session *s, struct slice to, const char **text);
MUST_CHECK enum err transaction_open(struct smtp_session *s);
bool has_eightbit(struct slice s);
void transaction_data(struct smtp_session *s, struct slice data);
MUST_CHECK enum err transaction_end(struct smtp_session *s, const char **text);

/* header.c: what the server adds on top. */
enum err put_received(struct buf *b, const struct smtp_session *s);
/* RFC 6409 8: Date and Message-ID where the client left them out. */
enum err put_missing_fields(
	struct buf *b, const struct smtp_session *s, struct slice header);
/* file.c: the one transaction that files the message. */
MUST_CHECK enum err file_message(struct smtp_session *s);

#endif
