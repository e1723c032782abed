/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mailboxes and messages of one account. Names are UTF-8 with '/' between
 * levels; "INBOX" is stored upper case and matched in any case. The store
 * knows UIDs and modification sequences, and nothing of sequence numbers:
 * those belong to a session's view (imapd/session/view.c).
 *
 * Modification sequences count per account (RFC 7162 allows gaps).
 * Lists are filled into the caller's array and asked again from the last key;
 * no statement stays open between two calls.
 */
#ifndef BASTIDE_MAILBOX_H
#define BASTIDE_MAILBOX_H

#include <bastide/limits.h>
#include <bastide/store.h>

/* RFC 6154 special uses; an account has at most one mailbox of each. */
enum special_use {
	SPECIAL_NONE,
	SPECIAL_DRAFTS,
	SPECIAL_SENT,
	SPECIAL_TRASH,
	SPECIAL_JUNK,
	SPECIAL_ARCHIVE,
	SPECIAL_COUNT
};

enum {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
};

/* Bit n of `keyword` is the mailbox's keyword number n. */
struct flags {
	uint32_t system;
	uint64_t keyword[LIMIT_KEYWORDS / 64];
};

struct mailbox_row {
	uint64_t id; /* in the account; never used twice; grows */
	struct oid oid;
	struct slice name; /* in the arena given */
	enum special_use special;
	bool selectable; /* false: only a parent of others (\Noselect) */
	bool has_children;
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint64_t modseq; /* HIGHESTMODSEQ */
	uint32_t exists;
	uint32_t unseen;
	uint32_t deleted; /* with \Deleted */
	uint64_t size;    /* bytes of all messages (RFC 8438) */
	uint32_t recent;  /* UIDs from here on were announced to nobody */
};

/* All in the order of their names (byte order), after `after` (empty: from
 * the start). Fills at most `max` rows. */
MUST_CHECK enum err mailbox_list(struct account *a, struct slice after,
	struct arena *arena, struct mailbox_row *rows, size_t max,
	size_t *n_out);
MUST_CHECK enum err mailbox_find(struct account *a, struct slice name,
	struct arena *arena, struct mailbox_row *out);
MUST_CHECK enum err mailbox_get(struct account *a, uint64_t id,
	struct arena *arena, struct mailbox_row *out);
MUST_CHECK enum err mailbox_find_special(struct account *a,
	enum special_use use, struct arena *arena, struct mailbox_row *out);

/* Makes missing parents too. ERR_EXISTS, ERR_LIMIT, ERR_SYNTAX (a name that
 * cannot be: empty level, control characters, not UTF-8), ERR_CONFLICT (the
 * special use is another mailbox's). A name that exists as parent only becomes
 * selectable, with a new UIDVALIDITY. */
MUST_CHECK enum err mailbox_create(struct account *a, struct slice name,
	enum special_use use, uint64_t *id_out);
/* The special use, which another mailbox then has no more. ERR_UNSUPPORTED: of
 * what is only a parent. */
MUST_CHECK enum err mailbox_set_special(
	struct account *a, uint64_t id, enum special_use use);
/* Messages go with it; with children it stays as a parent (RFC 3501 6.3.4).
 * ERR_NOPERM for INBOX; ERR_NOTEMPTY when it is only a parent already. */
MUST_CHECK enum err mailbox_delete(struct account *a, uint64_t id);
/* Children move along. Of INBOX the messages move and INBOX stays, empty,
 * with its children (RFC 3501 6.3.5). ERR_EXISTS; ERR_CONFLICT: below itself;
 * ERR_SYNTAX; ERR_LIMIT. */
MUST_CHECK enum err mailbox_rename(
	struct account *a, uint64_t id, struct slice new_name);
/* A subscription is of a name, which need not exist (RFC 3501 6.3.6). */
MUST_CHECK enum err subscription_set(
	struct account *a, struct slice name, bool on);
MUST_CHECK enum err subscription_has(
	struct account *a, struct slice name, bool *out);
MUST_CHECK enum err subscription_list(struct account *a, struct slice after,
	struct arena *arena, struct slice *names, size_t max, size_t *n_out);

/* Keys of URLs (RFC 4467): of the account's user, for a mailbox in the account
 * `owner`. In a transaction: a new one, in the place of one there may be; none
 * any more. */
MUST_CHECK enum err url_key_new(
	struct account *a, uint32_t owner, uint64_t mailbox);
MUST_CHECK enum err url_keys_drop(struct account *a);
/* What proves, in hexadecimal digits, that the user has allowed the URL to be
 * fetched. ERR_NOTFOUND, after as much work: there is no key. */
#define URL_TOKEN 66
MUST_CHECK enum err url_token(struct account *a, uint32_t owner,
	uint64_t mailbox, struct slice rump, char out[URL_TOKEN + 1]);

/* Names of the mailbox's keywords; index is the bit. Unused bits give an empty
 * slice. `n_out` is one above the highest bit used. */
MUST_CHECK enum err keyword_list(struct account *a, uint64_t mailbox,
	struct arena *arena, struct slice names[LIMIT_KEYWORDS], size_t *n_out);
/* The bit of a keyword (case ignored), made when missing and `create`.
 * ERR_NOTFOUND, ERR_LIMIT when all bits are taken. */
MUST_CHECK enum err keyword_bit(struct account *a, uint64_t mailbox,
	struct slice name, bool create, unsigned *bit_out);

struct message_row {
	uint32_t uid;
	uint64_t modseq;
	struct flags flags;
	int64_t internal_date; /* seconds since 1970, UTC */
	int16_t internal_zone; /* minutes east of UTC, as given */
	int64_t save_date;     /* RFC 8514; when it came into this mailbox */
	uint64_t body;
	uint64_t size;
	struct body_meta meta; /* filled with MESSAGE_META only */
};

enum { MESSAGE_META = 1 }; /* envelope and structure too, in the arena */

/* The lists of messages answer ERR_NOTFOUND when there is no such mailbox. */
/* Messages with uid >= from and <= to, in UID order. `arena` may be NULL
 * without MESSAGE_META. */
MUST_CHECK enum err message_list(struct account *a, uint64_t mailbox,
	uint32_t from, uint32_t to, unsigned what, struct arena *arena,
	struct message_row *rows, size_t max, size_t *n_out);
/* Only their UIDs, from `from` on. */
MUST_CHECK enum err message_uids(struct account *a, uint64_t mailbox,
	uint32_t from, uint32_t *uids, size_t max, size_t *n_out);
/* The same with their bodies. */
struct message_body {
	uint32_t uid;
	uint64_t body;
};
MUST_CHECK enum err message_bodies(struct account *a, uint64_t mailbox,
	uint32_t from, struct message_body *rows, size_t max, size_t *n_out);
/* How many there are with uid >= from and <= to: 40 ns or so for each. */
MUST_CHECK enum err message_count(struct account *a, uint64_t mailbox,
	uint32_t from, uint32_t to, uint32_t *n_out);
/* Adds to *bytes what messages with \Deleted take, from UID *next on, a page of
 * them; moves *next on, to 0 at the end. */
MUST_CHECK enum err message_deleted_size(
	struct account *a, uint64_t mailbox, uint32_t *next, uint64_t *bytes);
/* Messages whose modseq is above `after`, in order of (modseq, uid), from
 * (after, after_uid) exclusive: 0 at first, then the last row's UID. */
MUST_CHECK enum err message_changed(struct account *a, uint64_t mailbox,
	uint64_t after, uint32_t after_uid, struct message_row *rows,
	size_t max, size_t *n_out);

/* One expunged message. ERR_EXPIRED: what went after `after` is no longer all
 * known (the caller resynchronises in full). In order of (modseq, uid). */
struct vanished_row {
	uint32_t uid;
	uint64_t modseq;
};
MUST_CHECK enum err message_vanished(struct account *a, uint64_t mailbox,
	uint64_t after, uint32_t after_uid, struct vanished_row *rows,
	size_t max, size_t *n_out);
/* First UID without \Seen, 0 when there is none (RFC 3501 7.3.1 UNSEEN), and
 * how many messages lie before it. */
MUST_CHECK enum err message_first_unseen(struct account *a, uint64_t mailbox,
	uint32_t *uid_out, uint32_t *before_out);

/* All below: inside a transaction. */
struct message_new {
	uint64_t body;
	struct flags flags; /* keyword bits of the target mailbox */
	int64_t internal_date;
	int16_t internal_zone;
};
MUST_CHECK enum err message_add(struct account *a, uint64_t mailbox,
	const struct message_new *m, uint32_t *uid_out, uint64_t *modseq_out);
/* Same body; flags and internal date are kept, keywords matched by name (one
 * that finds no bit left in `to` is lost). */
MUST_CHECK enum err message_copy(struct account *a, uint64_t from, uint32_t uid,
	uint64_t to, uint32_t *uid_out);
/* Copy and expunge in one; takes no quota (RFC 6851 6). `modseq_out` is
 * that of both. */
MUST_CHECK enum err message_move(struct account *a, uint64_t from, uint32_t uid,
	uint64_t to, uint32_t *uid_out, uint64_t *modseq_out);
/* The same flags again change nothing: `modseq_out` is the old one. */
MUST_CHECK enum err message_set_flags(struct account *a, uint64_t mailbox,
	uint32_t uid, const struct flags *flags, uint64_t *modseq_out);
MUST_CHECK enum err message_expunge(struct account *a, uint64_t mailbox,
	uint32_t uid, uint64_t *modseq_out);
/* Everything below `uid` has been announced as \Recent to some session. */
MUST_CHECK enum err mailbox_set_recent(
	struct account *a, uint64_t mailbox, uint32_t uid);

#endif
