/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Searches whose results are kept up to date (RFC 5267 4.3): RETURN (UPDATE).
 * A context remembers the program and the UIDs that the client has as its
 * result, and judges the messages that arrive or change, these only. Its end
 * is CANCELUPDATE, or that of the selected mailbox.
 */
#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

#include "search.h"

struct context;

/* At the beginning of a searching command with UPDATE: changes from now on
 * are news to it. ERR_SYNTAX: the tag is one of a context (RFC 5267 4.3). */
struct context_start {
	uint64_t modseq;
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

#endif
