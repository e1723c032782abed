/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a sender is told of mail that could not be delivered: a multipart/report
 * (RFC 6522) with a delivery status (RFC 3464; RFC 6533 where an address is
 * not ASCII) and the header of the message, never its body. Bytes in, bytes
 * out.
 */
#ifndef SMTPD_BOUNCE_H
#define SMTPD_BOUNCE_H

#include <bastide/buf.h>

struct bounce_recipient {
	struct slice address;
	int code;            /* of the server's answer; 0: there was none */
	struct slice status; /* RFC 3463 */
	struct slice text;   /* one line: the answer, or what was wrong */
	struct slice host;   /* who answered; empty: nobody */
	bool expired;        /* tried for as long as the queue keeps mail */
};

struct bounce {
	struct slice hostname;
	struct slice to;     /* the sender, an address of ours */
	struct slice id;     /* unique: Message-ID and boundary */
	struct slice header; /* of the message; may end anywhere */
	bool utf8;           /* it needed SMTPUTF8 */
	int64_t arrived, now;
	const struct bounce_recipient *list;
	size_t n;
};

enum err bounce_write(struct buf *out, const struct bounce *b);

/* The header of what `text` begins with, with its last line end; a field that
 * is cut off is left out. */
struct slice bounce_header(struct slice text);

#endif
