/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a client missed while it was away (RFC 7162 3.2.5, 3.2.6): the UIDs that
 * are gone, as VANISHED (EARLIER), and the messages that changed. Asked from
 * the store by modification sequence, so that the work is that of the changes
 * and not of the mailbox. Each function is called until it is not ERR_AGAIN.
 */
#ifndef IMAPD_RESYNC_H
#define IMAPD_RESYNC_H

#include "imap.h"

struct uid_list {
	uint32_t *uids;
	size_t n, max;
};

enum resync_stage { RESYNC_COLLECT, RESYNC_SEND, RESYNC_GAPS, RESYNC_TOLD };

struct resync {
	uint64_t since;   /* the client knows the mailbox up to here */
	struct set known; /* UIDs that it asks about; resolved */
	struct set match_seqs, match_uids; /* of which it is sure; or empty */

	enum resync_stage stage;
	uint64_t after; /* the last row seen */
	uint32_t after_uid;
	uint32_t next;  /* of `known`, from here on nothing was told */
	uint32_t floor; /* up to this UID the client misses nothing */
	struct uid_list gone, changed;
	size_t sent;
	bool collected; /* `changed` is complete, */
	bool many;      /* or was given up: too many */
	/* A message whose sequence number is known: the next is counted from
	 * it, when it is nearer than both ends. */
	uint32_t near_uid, near_seq;
};

/* Sends VANISHED (EARLIER). */
MUST_CHECK enum err resync_vanished(struct imap *i, struct resync *r);
/* Sends the flags of what changed. */
MUST_CHECK enum err resync_flags(struct imap *i, struct resync *r);
/* Takes from `set` (UIDs) what has not changed, unless too much has. */
MUST_CHECK enum err resync_narrow(
	struct imap *i, struct resync *r, struct set *set);

#endif
