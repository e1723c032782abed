/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * NOTIFY (RFC 5465): news at any time, of the selected mailbox as the client
 * wants them, and of the user's other mailboxes. What a session watches is read
 * by cmd_notify.c; notify.c remembers how the mailboxes were and tells what has
 * changed, in slices, while no command runs or in the midst of IDLE.
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
};

#define NOTIFY_GROUPS_MAX 50
struct notify_group {
	struct filter filter;
	unsigned events;
};

/* A mailbox as the client knows it. */
struct known {
	uint64_t id, modseq;
	uint32_t uidvalidity, uidnext, exists, unseen;
	struct slice name; /* in the table's arena */
	bool selectable, has_children, subscribed;
	bool dirty, foreign; /* it has changed, and not by this session alone */
	bool found;          /* by the walk that makes the next table */
};
struct known_table {
	struct arena *arena;
	struct known *list; /* by id, once it is whole */
	size_t n, cap;
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
	bool walking; /* `next` is being made */
	bool first;   /* there was no table before */
	bool list_changed, list_foreign;
	bool tells_list; /* this walk tells what it finds */
	size_t n_dirty, at;
	/* Entries that others have set: mailbox (0: the server), length, name. */
	struct buf metadata;
	char after_text[LIMIT_MAILBOX_NAME];
	struct slice after;
	enum notify_stage stage;
};

void notify_free(struct imap *i);
/* In the watcher of the user's account. */
void notify_note(struct imap *i, enum watch_kind kind, uint64_t id);
/* Another session has set an entry ("/shared/comment") of a mailbox of this
 * user, or, with 0, of the server. */
void notify_metadata(struct imap *i, uint64_t mailbox, struct slice entry);
/* There is something to tell, or to take note of. */
bool notify_due(const struct imap *i);
/* One slice of it. */
MUST_CHECK enum err notify_more(struct imap *i);
/* Makes the table of mailboxes, with STATUS when asked for. ERR_AGAIN;
 * ERR_LIMIT: too many. */
MUST_CHECK enum err notify_begin(struct imap *i);
/* What is wanted of new messages of the selected mailbox; NULL: nothing. */
const struct fetch_request *notify_fetch(const struct imap *i);
/* May the selected mailbox's news be told now? */
bool notify_mutes(const struct imap *i, unsigned event);

#endif
