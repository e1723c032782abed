/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: one run of checks over one database (schema_check.c and its
 * parts), in steps of about a page of rows. What is counted is compared with
 * what the rows say, so all of a run must see the same rows: when a commit
 * changes the account between two steps, the run begins anew, and after a few
 * times it goes to its end without a pause. Findings are reported at the end.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "schema.h"

struct check;

/* A part runs until it does not say ERR_AGAIN. */
struct check_part {
	enum err (*run)(struct check *k, const struct check_part *part);
	const char *what, *sql; /* for parts that several share */
};

struct mailbox_check {
	struct counters said, found;
	uint64_t recent, uidvalidity, selectable, children, parent;
	uint64_t keywords[KEYWORD_WORDS]; /* bits that have a name */
};

struct collection_check {
	uint64_t id, sync, oldest, resources, size, gone;
};

struct state_check {
	uint64_t change, bytes, messages, uidvalidity, mailboxes;
	uint64_t subscriptions;
};

struct live_check {
	uint64_t segment, refs, bytes;
};

struct check {
	struct account *account; /* of the running step */
	struct db *db;
	struct store_check *c;
	const struct check_part *first, *parts;
	bool appended; /* looks at what is only ever added to: never anew */
	uint64_t commit;
	unsigned restarts;
	bool begun;
	/* Of this run: goes to `c` at its end. */
	struct store_check seen;
	struct buf lines;
	/* Bodies that rows name, one element per row; sorted at the end. */
	uint64_t *bodies;
	size_t n, cap;
	/* What bodies take of each segment. */
	struct live_check *live;
	size_t n_live, cap_live;
	/* What the `state` row says, and what was found. */
	struct state_check said;
	uint64_t bytes, messages, mailboxes;
	/* Where the running part goes on; zeroed before each. */
	struct {
		unsigned stage;
		uint64_t id, after, second, unnamed, end;
		size_t i;
		uint8_t hash[32];
		union {
			struct mailbox_check mailbox;
			struct {
				struct collection_check said, found;
			} collection;
		};
	} at;
};

/* Rows a page: far below SQL_LIMIT_MS. */
#define CHECK_PAGE 500

void check_report(struct check *k, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Reports when the numbers differ; `what` and `id` say which they are. */
void check_equal(struct check *k, const char *what, uint64_t id,
	const char *column, uint64_t said, uint64_t found);
MUST_CHECK enum err check_body_named(struct check *k, uint64_t body);
/* The next deleted mailbox or collection, not reaped yet: k->at.id, and
 * k->at.after before its first row. ERR_NOTFOUND: none. */
MUST_CHECK enum err check_next_dead(struct check *k, enum dead_kind kind);

/* The parts. */
MUST_CHECK enum err check_mailboxes(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_dead_mailboxes(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_strays(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_collections(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_dead_collections(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_fulltext(
	struct check *k, const struct check_part *part);
/* check_body.c */
MUST_CHECK enum err check_bodies(
	struct check *k, const struct check_part *part);
MUST_CHECK enum err check_live(struct check *k, const struct check_part *part);
MUST_CHECK enum err check_bytes(struct check *k, const struct check_part *part);

#endif
