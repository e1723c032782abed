/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What SMTP servers say (RFC 5321 4.2): replies of one or many lines, enhanced
 * status codes (RFC 2034), the extensions in the answer to EHLO. Bytes in,
 * structs out.
 */
#ifndef SMTPD_RELAY_REPLY_H
#define SMTPD_RELAY_REPLY_H

#include <bastide/frame.h>

/* RFC 3463: "5.123.123" and its NUL. */
#define ENHANCED_MAX 10

struct reply {
	int code;                    /* 200 to 599 */
	char enhanced[ENHANCED_MAX]; /* "" when there is none */
	struct buf text; /* lines without codes, each with '\n' but the last */
	unsigned lines;
	bool begun;
};
void reply_init(struct reply *r);
void reply_free(struct reply *r);
/* For the next reply; keeps the memory. */
void reply_reset(struct reply *r);
/* FRAME_MORE, FRAME_DONE, or FRAME_BAD: no SMTP reply, or over a limit; the
 * connection is of no use. Bare LF ends a line too: servers do that. */
enum frame_step reply_step(struct reply *r, struct slice in, size_t *taken);

struct extensions {
	bool starttls, eightbit, utf8, size;
	uint64_t size_max; /* 0: not said (RFC 1870 3) */
};
/* `text` of the reply to EHLO: its first line is a greeting. Unknown ones are
 * skipped. */
void extensions_parse(struct slice text, struct extensions *out);

/* One line for logs and bounces: controls become blanks, what is not UTF-8
 * becomes '?'; at most `size` - 1 bytes, NUL behind. */
void reply_one_line(struct slice text, char *out, size_t size);

/* RFC 5321 4.5.2: adds `in` to `out` with a dot before each dot that begins a
 * line. `line_start` is true at first, and kept by the caller between pieces. */
enum err dot_stuff(struct slice in, bool *line_start, struct buf *out);

#endif
