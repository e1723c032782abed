/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * NOTIFY (RFC 5465): news at any time, of the selected mailbox as the client
 * wants them, and of other mailboxes: the user's, and those that others let him
 * look up. What a session watches is read by cmd_notify.c. Then
 *
 *   notify_table.c   remembers how the mailboxes were
 *   notify_watch.c   hears from the store that something has changed
 *   notify_names.c   walks over all mailboxes, tells LIST
 *   notify.c         tells the rest, in slices, while no command runs or in the
 *                    midst of IDLE
 */
#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H

#include "fetch.h"
#include "filter.h"

enum {
	EVENT_NEW = 1,
	EVENT_EXPUNGE = 2,
	EVENT_FLAGS = 4,
	EVENT_NAME = 8,
	EVENT_SUBSCRIPTION = 16,
	EVENT_METADATA = 32,
	EVENT_SERVER_METADATA = 64,
	EVENTS_MESSAGE = EVENT_NEW | EVENT_EXPUNGE | EVENT_FLAGS,
	EVENTS_MAILBOX = EVENTS_MESSAGE | EVENT_NAME | EVENT_SUBSCRIPTION |
			 EVENT_METADATA,
};

#define NOTIFY_GROUPS_MAX 50
struct notify_group {
	struct filter filter;
	unsigned events;
};

/* What the client may know of it. */
enum known_as {
	KNOWN_READ,   /* it is the user's own, or he has "l" and "r" */
	KNOWN_LISTED, /* "l" only: told as \NoAccess, and nothing more */
	KNOWN_LOST,   /* the "l" was taken away, which was told */
};
/* A mailbox as the client knows it, or a name above those of others: that of an
 * owner has the id 0, a root has the owner 0. */
struct known {
	uint32_t owner; /* account */
	uint64_t id, modseq;
	uint32_t uidvalidity, uidnext, exists, unseen;
	struct slice name; /* in the table's arena */
	enum known_as as;
	bool selectable, has_children, subscribed;
	bool dirty, foreign; /* it has changed, and not by this session alone */
	bool found;          /* by the walk that makes the next table */
	bool audited;        /* as somebody else's, of which news were told */
};
struct known_table {
	struct arena *arena;
	struct known *list; /* by owner and id, once it is whole */
	size_t n, cap;
};

/* An account of somebody else that is watched, and therefore open. */
struct notify_owner {
	struct imap *i;
	struct account *account;
	struct watcher watcher;
	struct slice prefix; /* "Shared/info@example.org/" */
	char prefix_text[LIMIT_ADDRESS + 32];
	bool found, fresh; /* by the walk under way; for the first time */
	struct notify_owner *next;
};

enum notify_stage {
	NOTIFY_SELECTED,
	NOTIFY_LIST,
	NOTIFY_GONE,
	NOTIFY_STATUS,
	NOTIFY_METADATA,
};

struct notify {
	struct arena *arena; /* of the groups */
	struct notify_group groups[NOTIFY_GROUPS_MAX];
	size_t n_groups;
	unsigned selected; /* events of the selected mailbox */
	bool delayed;      /* SELECTED-DELAYED: expunges wait */
	bool status;       /* tells STATUS at first */
	bool fetches;
	struct fetch_request fetch; /* of new messages of the selected one */

	struct known_table now, next;
	struct walk walk;
	bool walking; /* `next` is being made */
	bool first;   /* there was no table before */
	bool list_changed, list_foreign, list_rights;
	bool tells_list;   /* this walk tells what it finds */
	bool rights_first; /* and began after rights have changed */
	size_t n_dirty, at;

	bool leaves; /* some filter may have a mailbox of somebody else: */
	struct account *rights_account; /* then rights are watched, */
	struct watcher rights_watcher;
	bool rights_stale; /* and have changed, */
	struct notify_owner *owners;
	size_t n_owners;

	/* Entries that others have set: owner, mailbox (0: the server), length,
	 * name. */
	struct buf metadata;
	enum notify_stage stage;
};

void notify_free(struct imap *i);
/* Something has changed in an account. */
void notify_note(
	struct imap *i, uint32_t account, enum watch_kind kind, uint64_t id);
/* Does it watch mailboxes of this account? */
bool notify_watches(const struct imap *i, uint32_t account);
/* Another session has set an entry ("/shared/comment") of a mailbox of an
 * account that is watched, or, with 0, of the server. */
void notify_metadata(
	struct imap *i, uint32_t account, uint64_t mailbox, struct slice entry);
/* Rights may have changed: lets go of those who share nothing any more, at
 * once, whatever the session does. An account in use cannot be deleted. */
void notify_let_go(struct imap *i);
/* There is something to tell, or to take note of. */
bool notify_due(const struct imap *i);
/* One slice of it. */
MUST_CHECK enum err notify_more(struct imap *i);
/* Makes the table of mailboxes, with STATUS when asked for. ERR_AGAIN;
 * ERR_LIMIT: too many. */
MUST_CHECK enum err notify_begin(struct imap *i);
/* What is wanted of new messages of the selected mailbox; NULL: nothing. */
const struct fetch_request *notify_fetch(const struct imap *i);
/* Watches nothing any more. */
void notify_stop(struct imap *i);
/* May the selected mailbox's news be told now? */
bool notify_mutes(const struct imap *i, unsigned event);

/* --- notify_table.c -------------------------------------------------------------- */
/* NULL: there is none. */
struct known *known_find(struct known_table *t, uint32_t owner, uint64_t id);
/* ERR_LIMIT: there are too many. */
MUST_CHECK enum err known_add(struct known_table *t, const struct known *row);
/* One that was not lost. */
bool known_has_name(const struct known_table *t, struct slice name);
/* The mailbox has changed. */
void known_mark(struct imap *i, uint32_t owner, uint64_t id);
void known_take_numbers(struct known *k, const struct mailbox_row *row);
/* The next table takes the place of this one. */
void known_replace(struct notify *n);
void known_free(struct known_table *t);

/* --- notify_watch.c --------------------------------------------------------------- */
/* What the groups ask for is watched from now on. */
MUST_CHECK enum err notify_watch_begin(struct imap *i);
void notify_watch_end(struct imap *i);
/* For the walk. */
MUST_CHECK enum err notify_wants(struct imap *i, struct slice above, bool *out);
/* Watches the owner whose mailboxes the walk is at. ERR_LIMIT: too many. */
MUST_CHECK enum err notify_watch_owner(struct imap *i);
/* Lets go of those that the walk did not find. */
void notify_watch_forget(struct imap *i);
/* NULL: he is not watched. */
struct notify_owner *notify_owner(const struct imap *i, uint32_t account);
/* A watched mailbox as it is now, and the user's rights; in the command's arena.
 * ERR_NOTFOUND. */
MUST_CHECK enum err notify_place(
	struct imap *i, uint32_t owner, uint64_t id, struct place *out);
/* RFC 5465 5: all events take "l" and "r". */
enum known_as notify_access(const struct place *p);

/* --- notify_names.c --------------------------------------------------------------- */
/* One slice of the walk; and then of what it did not find any more. */
MUST_CHECK enum err notify_walk(struct imap *i, uint64_t started_us);
MUST_CHECK enum err notify_walk_gone(struct imap *i, uint64_t started_us);
/* Begins it again, later. */
void notify_walk_again(struct imap *i);

/* --- notify.c --------------------------------------------------------------------- */
/* What is asked for about this mailbox, whatever the rights on it are. */
MUST_CHECK enum err notify_events(
	struct imap *i, const struct place *p, unsigned *out);
MUST_CHECK enum err notify_put_status(struct imap *i, const struct place *p,
	struct known *k, unsigned events, bool modseq);
/* Sends the response in the scratch buffer, gated. */
void notify_send(struct imap *i);

#endif
