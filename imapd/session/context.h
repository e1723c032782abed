/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Searches whose results are kept up to date (RFC 5267 4.3): RETURN (UPDATE).
 * A context remembers the program and the UIDs that the client has as its
 * result, and judges the messages that arrive or change, these only. Its end
 * is CANCELUPDATE, or that of the selected mailbox.
 */
#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

#include "fetch.h"
#include "search.h"

struct context;

/* At the beginning of a searching command with UPDATE: changes from now on
 * are news to it. ERR_SYNTAX: the tag is one of a context (RFC 5267 4.3). */
struct context_start {
	uint64_t modseq;
	struct slice update; /* the items that it wants of new messages */
};
MUST_CHECK enum err context_begin(struct imap *i, const struct search_return *r,
	struct context_start *out);
/* Behind the answer: makes the context of its hits, in their order when they
 * are sorted (`keys`, else NULL), or says NOUPDATE. */
MUST_CHECK enum err context_add(struct imap *i, const struct context_start *at,
	const struct search_scan *s, const struct sort_keys *keys,
	const uint32_t *order);

/* Of view_sync(), before the view forgets what is expunged: REMOVEFROM.
 * ERR_AGAIN: the slice is over. */
MUST_CHECK enum err contexts_gone(struct imap *i, uint64_t upto);
/* And after arrivals and changes were told: ADDTO, REMOVEFROM. ERR_AGAIN. */
MUST_CHECK enum err contexts_changed(struct imap *i, uint64_t upto);
void contexts_free(struct imap *i);

/* RFC 5465 7: some context wants FETCH of messages that join it when they are
 * new; arrivals.c does that. How many items all together want. */
bool contexts_fetch(const struct imap *i);
size_t contexts_items(const struct imap *i);
/* Which of them a new message will join, a bit each in the order of the list;
 * and what these want. */
MUST_CHECK enum err contexts_joined(
	struct imap *i, uint32_t uid, struct arena *scratch, unsigned *out);
void contexts_join(
	const struct imap *i, unsigned which, struct fetch_request *out);

#endif
