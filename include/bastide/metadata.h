/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Annotations of mailboxes and of an account as a whole (RFC 5464). Each is a
 * value under an entry's name, "/comment", whose case does not matter. It is
 * shared by all who see the mailbox or belongs to one account; it lies with the
 * mailbox, goes with it, and counts for the quota of the mailbox's account.
 */
#ifndef BASTIDE_METADATA_H
#define BASTIDE_METADATA_H

#include <bastide/mailbox.h>

/* In place of a mailbox: the account as a whole. */
#define METADATA_ACCOUNT 0
/* In place of the account that it belongs to. */
#define METADATA_SHARED 0

struct metadata {
	struct slice entry, value;
};

/* Inside a transaction. A value that is {NULL, 0} takes it away. ERR_LIMIT: too
 * long, or too many; ERR_OVERQUOTA; ERR_NOTFOUND: no such mailbox. */
MUST_CHECK enum err metadata_set(struct account *a, uint64_t mailbox,
	uint32_t owner, struct slice entry, struct slice value);
/* `entry` and all below it, in order, after `after` (empty: from the first
 * on). `entry` may be empty: all. */
MUST_CHECK enum err metadata_list(struct account *a, uint64_t mailbox,
	uint32_t owner, struct slice entry, struct slice after,
	struct arena *arena, struct metadata *rows, size_t max, size_t *n_out);

#endif
