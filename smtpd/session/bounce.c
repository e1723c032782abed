/* SPDX-License-Identifier: EUPL-1.2 */
/* The text of a bounce; see bounce.h. */
#include <bastide/mail.h>

#include "bounce.h"

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 128)
			return false;
	return true;
}

/* RFC 6533 4.4: the one kind of report or the other, as a whole. */
static bool is_global(const struct bounce *b)
{
	bool global = b->utf8 || !is_ascii(b->to);

	for (size_t i = 0; i < b->n; i++)
		global |= !is_ascii(b->list[i].address);
	return global;
}

/* Nothing that others said ends a line; outside of RFC 6533 all is ASCII. */
static void put_text(struct buf *out, struct slice s, bool global)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c == 127)
			c = ' ';
		else if (c >= 128 && !global)
			c = '?';
		buf_addc(out, (char)c);
	}
}

static void put_date(struct buf *out, int64_t time)
{
	struct mail_date date = { .time = time };

	mail_date_print(out, date);
	buf_adds(out, "\r\n");
}

static void put_top(struct buf *out, const struct bounce *b, bool global)
{
	buf_addf(out, "Return-Path: <>\r\nDate: ");
	put_date(out, b->now);
	buf_addf(out, "From: Mail delivery <MAILER-DAEMON@%.*s>\r\nTo: <",
		SLICE_ARG(b->hostname));
	put_text(out, b->to, global);
	buf_addf(out,
		">\r\nSubject: Your message was not delivered\r\n"
		"Message-ID: <%.*s@%.*s>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=%s;\r\n"
		"\tboundary=\"=_%.*s\"\r\n\r\n",
		SLICE_ARG(b->id), SLICE_ARG(b->hostname),
		global ? "global-delivery-status" : "delivery-status",
		SLICE_ARG(b->id));
}

static void put_part(struct buf *out, const struct bounce *b, const char *type,
	const char *more, bool eightbit)
{
	buf_addf(out, "\r\n--=_%.*s\r\nContent-Type: %s%s\r\n",
		SLICE_ARG(b->id), type, more);
	if (eightbit)
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_adds(out, "\r\n");
}

static void put_words(struct buf *out, const struct bounce *b, bool global)
{
	put_part(out, b, "text/plain", "; charset=utf-8", global);
	buf_addf(out,
		"This is the mail system at %.*s.\r\n\r\n"
		"Your message could not be delivered to:\r\n",
		SLICE_ARG(b->hostname));
	for (size_t i = 0; i < b->n; i++) {
		const struct bounce_recipient *r = &b->list[i];
		buf_adds(out, "\r\n    <");
		put_text(out, r->address, global);
		buf_adds(out, ">\r\n    ");
		if (r->expired)
			buf_adds(out,
				"It was tried for as long as the queue keeps "
				"mail.\r\n    The last time: ");
		if (r->host.n) {
			put_text(out, r->host, global);
			buf_adds(out, " said: ");
		}
		put_text(out, r->text, global);
		buf_adds(out, "\r\n");
	}
	buf_adds(out,
		"\r\nIts header follows below; the message itself was not "
		"kept.\r\n");
}

static void put_status(
	struct buf *out, const struct bounce_recipient *r, bool global)
{
	buf_addf(out, "\r\nFinal-Recipient: %s; ",
		is_ascii(r->address) ? "rfc822" : "utf-8");
	put_text(out, r->address, global);
	buf_adds(out, "\r\nAction: failed\r\nStatus: ");
	/* RFC 3463 3.5: X.4.7, delivery time expired. */
	put_text(out, r->expired ? slice_str("5.4.7") : r->status, false);
	if (r->host.n) {
		buf_adds(out, "\r\nRemote-MTA: dns; ");
		put_text(out, r->host, global);
	}
	if (r->code) {
		buf_addf(out, "\r\nDiagnostic-Code: smtp; %d ", r->code);
		put_text(out, r->text, global);
	}
	buf_adds(out, "\r\n");
}

static void put_report(struct buf *out, const struct bounce *b, bool global)
{
	put_part(out, b,
		global ? "message/global-delivery-status"
		       : "message/delivery-status",
		"", global);
	buf_addf(out, "Reporting-MTA: dns; %.*s\r\nArrival-Date: ",
		SLICE_ARG(b->hostname));
	put_date(out, b->arrived);
	for (size_t i = 0; i < b->n; i++)
		put_status(out, &b->list[i], global);
}

enum err bounce_write(struct buf *out, const struct bounce *b)
{
	bool global = is_global(b);

	put_top(out, b, global);
	put_words(out, b, global);
	put_report(out, b, global);
	put_part(out, b,
		global ? "message/global-headers" : "text/rfc822-headers", "",
		!is_ascii(b->header));
	buf_add_slice(out, b->header);
	return buf_addf(out, "\r\n--=_%.*s--\r\n", SLICE_ARG(b->id));
}

struct slice bounce_header(struct slice text)
{
	struct mail_field f;
	struct slice rest = text;
	size_t n = 0;

	if (!text.n)
		return text;
	/* The last one may be cut off, unless something follows it. */
	while (mail_next_field(&rest, &f) && rest.n)
		n = (size_t)(rest.p - text.p);
	return slice_head(text, n);
}
