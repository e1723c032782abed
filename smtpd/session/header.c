/* SPDX-License-Identifier: EUPL-1.2 */
/* Fields that the server puts on top: Received, and what a client forgot. */
#include <time.h>

#include "session.h"

/* Minutes east of UTC are not known in a walled process: UTC. */
static void put_now(struct buf *b)
{
	struct mail_date now = { .time = time(NULL) };

	mail_date_print(b, now);
}

/* RFC 5321 4.4, RFC 3848 for the protocol's name. The client's address is
 * left out of submitted mail: where users write from is their own business. */
enum err put_received(struct buf *b, const struct smtp_session *s)
{
	const struct transaction *t = &s->t;
	bool submit = s->protocol == PROTOCOL_SUBMIT;
	bool one = t->n_locals + t->n_remotes == 1;

	buf_addf(b, "Received: from %s", submit ? "user" : t->helo);
	if (!submit)
		buf_addf(b, " ([%s])", t->peer);
	buf_addf(b, "\r\n\tby %s with %s%s%s id %s", s->tenant->hostname,
		t->flags & SMTP_UTF8    ? "UTF8SMTP"
		: t->flags & SMTP_ESMTP ? "ESMTP"
					: "SMTP",
		t->tls[0] && t->flags & SMTP_ESMTP ? "S" : "",
		submit ? "A" : "", t->id);
	if (one && t->n_locals)
		buf_addf(b, "\r\n\tfor <%s>", t->locals[0].address);
	buf_adds(b, ";\r\n\t");
	put_now(b);
	return buf_adds(b, "\r\n");
}

enum err put_missing_fields(
	struct buf *b, const struct smtp_session *s, struct slice header)
{
	if (!mail_find_field(header, "Date").p) {
		buf_adds(b, "Date: ");
		put_now(b);
		buf_adds(b, "\r\n");
	}
	if (!mail_find_field(header, "Message-ID").p)
		buf_addf(b, "Message-ID: <%s@%s>\r\n", s->t.id,
			s->tenant->hostname);
	if (!mail_find_field(header, "From").p)
		buf_addf(b, "From: <%s>\r\n", s->t.from);
	return buf_err(b);
}
