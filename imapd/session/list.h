/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside LIST, LSUB and XLIST: patterns (list_match.c), what the command asks for
 * (list_parse.c), and the answer for one name (list_row.c). */
#ifndef IMAPD_LIST_H
#define IMAPD_LIST_H

#include "metadata.h"

/* RFC 5258 3.1. REMOTE changes nothing: there are no other servers. */
enum {
	SELECT_SUBSCRIBED = 1,
	SELECT_SPECIAL_USE = 2, /* RFC 6154 6 */
	SELECT_BASE = SELECT_SUBSCRIBED | SELECT_SPECIAL_USE,
	SELECT_REMOTE = 4,
	SELECT_RECURSIVEMATCH = 8,
};
/* 3.2. CHILDREN and SPECIAL-USE always come. */
enum {
	WITH_SUBSCRIBED = 1,
	WITH_CHILDREN = 2,
	WITH_SPECIAL_USE = 4,
	WITH_STATUS = 8,    /* RFC 5819 */
	WITH_METADATA = 16, /* RFC 9590 */
	WITH_MYRIGHTS = 32, /* RFC 8440 */
};

struct list {
	const char *reply; /* "LIST", "XLIST", "LSUB" */
	bool extended;
	/* Reference and pattern, wildcards collapsed. */
	struct slice patterns[LIMIT_LIST_PATTERNS];
	size_t n_patterns;
	unsigned select, with;
	unsigned status; /* what STATUS asks for */
	struct entry *entries;
	size_t n_entries;

	/* Mailboxes: the batch, the current row, and how far it is. */
	bool mailboxes_seen;
	struct walk walk;
	struct place rows[WALK_ROWS];
	size_t n, at;
	enum { ROW_LIST, ROW_STATUS, ROW_METADATA } stage;
	struct status_count count;
	struct metadata_walk metadata;

	/* Names that are subscribed. */
	bool names_seen;
	struct slice after; /* in `after_text` */
	char after_text[LIMIT_MAILBOX_NAME];
	struct slice parent; /* LSUB: the last parent told of */
	char parent_text[LIMIT_MAILBOX_NAME];

	struct arena *arena, *values; /* of the batch, of one row */
};

/* --- list_match.c -------------------------------------------------------------- */
/* Runs of wildcards become one; p is NULL without memory. */
struct slice list_pattern(
	struct arena *a, struct slice reference, struct slice pattern);
/* Does one of the patterns match? */
bool list_matches(const struct list *l, struct slice name);

/* --- list_parse.c -------------------------------------------------------------- */
/* The arguments of LIST, or of LSUB and XLIST. `separator`: it only asks for
 * that. */
MUST_CHECK enum err list_parse(struct imap *i, struct list *l, bool *separator);

/* --- list_row.c ---------------------------------------------------------------- */
/* All that the command asks about the current row, in slices: ERR_AGAIN. */
MUST_CHECK enum err list_row(
	struct imap *i, struct list *l, uint64_t started_us);
/* A subscribed name, if it is none of a mailbox; and names above it. */
MUST_CHECK enum err list_name(
	struct imap *i, struct list *l, struct slice name);
/* "* LSUB" */
void list_put_subscribed(struct imap *i, const struct list *l,
	const char *flags, struct slice name);

#endif
