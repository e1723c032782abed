/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside APPEND and REPLACE: the command as it comes (cmd_append.c), and the
 * messages that it makes (append_message.c). */
#ifndef IMAPD_APPEND_H
#define IMAPD_APPEND_H

#include "fetch.h"
#include "place.h"

struct append_message {
	struct flag_list flags;
	struct mail_date date;
	struct body_writer *body;
	struct mail_scan *scan;
	uint64_t size;
};

/* Where reading the command has stopped. */
enum append_stop {
	STOP_NONE,
	STOP_LITERAL, /* a message or a TEXT part is announced */
	STOP_STRING,  /* the literal announced is a URL */
	STOP_END,
};

struct append {
	/* REPLACE (RFC 8508): the message to go. */
	bool replace;
	struct range victim; /* as the client named it */
	uint32_t victim_uid;

	struct account *account;
	uint64_t mailbox;
	unsigned rights; /* on it */
	uint32_t uidvalidity;
	struct append_message *list[LIMIT_APPEND_MESSAGES]; /* in the arena */
	size_t n;
	size_t at; /* of the command's line: read up to here */
	enum append_stop stop;
	bool in_parts, some_part; /* inside CATENATE's parentheses */
	bool in_utf8;             /* inside UTF8's */
	/* The URL part that is being copied, and its body. */
	struct region region;
	struct account *from;
	uint64_t body;
	struct arena *scratch;
	enum err err; /* the first; what comes then is thrown away */
	const char *error_code, *text;
};

/* May the current message grow by so much? ERR_LIMIT, with TOOBIG. */
MUST_CHECK enum err append_room(struct append *a, uint64_t size);
/* Begins the next message. `size`: of its literal, 0 unknown. */
MUST_CHECK enum err append_begin(
	struct imap *i, struct append *a, uint64_t size);
MUST_CHECK enum err append_write(struct append *a, struct slice data);
/* CATENATE's URL: finds its bytes; append_copy() then adds them, in slices
 * (ERR_AGAIN). */
MUST_CHECK enum err append_url(
	struct imap *i, struct append *a, struct slice url);
MUST_CHECK enum err append_copy(
	struct imap *i, struct append *a, uint64_t started_us);
/* All messages into the mailbox, or none; the victim goes with it. */
MUST_CHECK enum err append_commit(
	struct imap *i, struct append *a, uint32_t *uids);
void append_free(struct append *a);

/* Reads up to the mailbox's name, into i->append. NULL: it is another command,
 * or the name has yet to come as a literal. */
struct append *append_start(struct imap *i);
/* Both commands, when the line is whole; `uids` of the new messages. */
MUST_CHECK enum err append_finish(
	struct imap *i, uint32_t uids[LIMIT_APPEND_MESSAGES]);

#endif
