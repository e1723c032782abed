/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sealed queue of outgoing mail, in the tenant's database; bodies belong
 * to TENANT_ACCOUNT. One entry per message and recipient domain's recipient:
 * each recipient has its own state. Also the trace (what happened to each
 * message) and the digests that recognise a repeated delivery.
 */
#ifndef BASTIDE_QUEUE_H
#define BASTIDE_QUEUE_H

#include <bastide/store.h>

enum queue_state { QUEUE_WAITING, QUEUE_SENDING, QUEUE_HELD };

struct queue_row {
	uint64_t id;      /* of this recipient's entry; grows */
	uint64_t message; /* entries of one message share it */
	uint64_t body;    /* in TENANT_ACCOUNT */
	uint64_t size;
	uint32_t account;       /* who sent it; 0: the server (a bounce) */
	struct slice mail_from; /* empty: null reverse-path */
	struct slice recipient;
	bool utf8;     /* needs SMTPUTF8 */
	bool eightbit; /* needs 8BITMIME */
	enum queue_state state;
	uint32_t tries;
	int64_t created, next_try, expires; /* seconds since 1970 */
	struct slice last_status; /* last answer, "" before the first try */
};

/* One entry per recipient. `row` gives everything but id, message,
 * recipient, state, tries and last_status. ERR_SYNTAX: no recipient;
 * ERR_LIMIT. Texts over LIMIT_STATUS are cut, here and below. */
MUST_CHECK enum err queue_add(struct store *s, const struct queue_row *row,
	const struct slice *recipients, size_t n, uint64_t *message_out);
MUST_CHECK enum err queue_get(struct store *s, uint64_t id, struct arena *arena,
	struct queue_row *out);
/* All, by id after `after`. */
MUST_CHECK enum err queue_list(struct store *s, uint64_t after,
	struct arena *arena, struct queue_row *rows, size_t max, size_t *n_out);
/* WAITING and next_try <= now, oldest first. */
MUST_CHECK enum err queue_due(struct store *s, int64_t now, struct arena *arena,
	struct queue_row *rows, size_t max, size_t *n_out);
/* Time of the next entry that becomes due; INT64_MAX: none. */
MUST_CHECK enum err queue_next(struct store *s, int64_t *when_out);
/* Keeps state, tries, next_try and last_status of `row`. */
MUST_CHECK enum err queue_update(struct store *s, const struct queue_row *row);
/* The body goes with the last entry that names it. */
MUST_CHECK enum err queue_remove(struct store *s, uint64_t id);
/* At open, entries left SENDING by a process that died are WAITING again. */

/* RFC 5321 4.1.1.4, a repeat after a lost 250: was this digest (keyed by the
 * store, over what the caller gives) delivered to the account lately? Adds it
 * when not. Kept for 5 days. Inside a transaction. */
MUST_CHECK enum err delivery_once(struct store *s, uint32_t account,
	struct slice what, bool *repeated_out);

enum trace_event {
	TRACE_RECEIVED,
	TRACE_DELIVERED,
	TRACE_QUEUED,
	TRACE_SENT,
	TRACE_DEFERRED,
	TRACE_BOUNCED,
	TRACE_EXPIRED
};
struct trace_row {
	uint64_t id;
	int64_t time;
	enum trace_event event;
	uint64_t message;      /* queue message or 0 */
	uint32_t account;      /* 0: none */
	struct slice from, to; /* envelope */
	struct slice detail;   /* status line, no content */
};
MUST_CHECK enum err trace_add(struct store *s, const struct trace_row *row);
/* Newest first, below `before`; 0: from the newest. */
MUST_CHECK enum err trace_list(struct store *s, uint64_t before,
	struct arena *arena, struct trace_row *rows, size_t max, size_t *n_out);

/* --- audit: hash chain of the tenant ---------------------------------------- */
struct audit_row {
	uint64_t id;
	int64_t time;
	uint32_t account;    /* who; 0: administrator or system */
	struct slice action; /* "login", "user.create", ... */
	struct slice target;
	struct slice detail; /* address of the peer, protocol */
	uint8_t hash[32];    /* SHA-256 over the row and the hash before */
};
MUST_CHECK enum err audit_add(struct store *s, const struct audit_row *row);
MUST_CHECK enum err audit_list(struct store *s, uint64_t after,
	struct arena *arena, struct audit_row *rows, size_t max, size_t *n_out);

#endif
