/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: one run of the row checks over one database (schema_check.c
 * and its parts). Everything is read in pages; what is counted is compared
 * with what the rows say.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "schema.h"

struct check {
	struct account *account;
	struct db *db;
	struct store_check *c;
	/* Bodies that rows name, one element per row; sorted at the end. */
	uint64_t *bodies;
	size_t n, cap;
	/* Found, to be compared with the `state` row. */
	uint64_t bytes, messages, mailboxes;
	uint64_t change, uidvalidity; /* from the `state` row */
};

/* Rows a page: far below SQL_LIMIT_MS. */
#define CHECK_PAGE 500

void check_report(struct check *k, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Reports when the numbers differ; `what` and `id` say which they are. */
void check_equal(struct check *k, const char *what, uint64_t id,
	const char *column, uint64_t said, uint64_t found);
MUST_CHECK enum err check_body_named(struct check *k, uint64_t body);
/* Reports each value that `sql` gives: rows whose owner is missing. `sql` has
 * one parameter, the value after which to go on, and gives the value and
 * whether the owner is there, in order, for at most CHECK_PAGE rows. */
MUST_CHECK enum err check_owners(
	struct check *k, const char *what, const char *sql);

MUST_CHECK enum err check_mailboxes(struct check *k);
MUST_CHECK enum err check_collections(struct check *k);

#endif
