/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mailboxes by name, whoever has them (RFC 2342, RFC 4314):
 *
 *   "Work/2026"                              the user's own
 *   "Other Users/ben@example.org/INBOX"      of another user
 *   "Shared/info@example.org/INBOX"          of an account that is nobody's own
 *
 * Both roots and the address below are names only (\Noselect). The account of
 * somebody else is open as long as a command uses it, its mailbox is selected, or
 * NOTIFY watches it.
 */
#ifndef IMAPD_PLACE_H
#define IMAPD_PLACE_H

#include <bastide/acl.h>

#include "imap.h"

/* An account of somebody else that is open. */
struct guest {
	struct account *account;
	unsigned kept; /* beyond the command */
	bool placed;   /* by the command under way */
	struct guest *next;
};

struct place {
	struct account *account; /* NULL: only a name above mailboxes */
	struct mailbox_row row;  /* its name is the one in this session */
	struct slice inner;      /* the name in its account */
	unsigned rights;         /* RIGHT_* of the session's user */
};

/* The first level of names that are not the user's own. */
struct place_root {
	const char *prefix;
	bool shared; /* has accounts that are nobody's own (user_row.shared) */
};
enum { PLACE_ROOTS = 2 };
extern const struct place_root place_roots[PLACE_ROOTS];

/* RFC 4314 6: who has none of these is not told that it exists. */
#define RIGHTS_TO_KNOW                                                         \
	(RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE |             \
		RIGHT_DELETE_MAILBOX | RIGHT_ADMIN)
/* "* MYRIGHTS" into the scratch buffer (cmd_acl.c). */
void put_myrights(struct imap *i, const struct place *p);
/* Valid until the command ends. ERR_NOTFOUND, also when the user may not know
 * that it exists; ERR_NOPERM when one of the rights `needed` lacks. What is
 * found in another account is audited before it is used. */
MUST_CHECK enum err imap_place(
	struct imap *i, struct slice name, unsigned needed, struct place *out);
/* The same for a mailbox that can be selected: else ERR_NOTFOUND. */
MUST_CHECK enum err imap_place_mailbox(
	struct imap *i, struct slice name, unsigned needed, struct place *out);
/* Where a mailbox of this name would be made: account and inner name. The user
 * has RIGHT_CREATE on the nearest parent, else ERR_NOPERM or ERR_NOTFOUND. */
MUST_CHECK enum err imap_place_new(
	struct imap *i, struct slice name, struct place *out);
/* The selected mailbox; ERR_NOTFOUND when there is none any more. */
MUST_CHECK enum err imap_place_selected(struct imap *i, struct place *out);

/* Is it the name of a mailbox that the user may look up, or of a level above those
 * of others? Nothing of it is told, so nothing is audited. */
MUST_CHECK enum err place_exists(
	struct imap *i, struct slice name, struct arena *arena, bool *out);

/* Is the name neither one of the roots nor below one? */
bool place_name_is_own(struct slice name);

/* What the session's user may do with a mailbox, as of now. */
MUST_CHECK enum err place_rights(struct imap *i, const struct account *account,
	uint64_t mailbox, unsigned *out);

/* Opens an account of somebody else, kept until place_release(). */
MUST_CHECK enum err place_open(
	struct imap *i, uint32_t number, struct account **out);
/* Keeps or lets go the account of a place beyond the command; nothing for the
 * user's own. */
void place_keep(struct imap *i, struct account *a);
void place_release(struct imap *i, struct account *a);
/* At the end of a command: closes what nobody keeps. */
void places_forget(struct imap *i);
/* The newest commit of all that the session has open. */
uint64_t places_last_commit(const struct imap *i);
static inline bool place_is_own(const struct imap *i, const struct account *a)
{
	return a == i->account;
}
/* Of somebody else's mailboxes: one audit row for the command under way, whose
 * reply waits for it. */
MUST_CHECK enum err place_audit(struct imap *i, const struct account *a,
	struct slice inner, struct slice detail);
/* The same for something else that is done meanwhile. */
MUST_CHECK enum err place_audit_as(struct imap *i, const char *what,
	const struct account *a, struct slice inner, struct slice detail);
/* The place is what is selected from now on: it is watched, and so are the
 * rights on it. */
MUST_CHECK enum err place_select(struct imap *i, const struct place *p);
void place_deselect(struct imap *i);
/* The rights on the selected mailbox may have changed: ERR_NOPERM when it may
 * no longer be read. Tells the client what is new of its flags. */
MUST_CHECK enum err place_recheck(struct imap *i);

#define RIGHTS_OF_FLAGS (RIGHT_SEEN | RIGHT_WRITE | RIGHT_DELETE_MESSAGES)
/* Those of them that the list needs. */
unsigned rights_for(const struct flag_list *f);
/* Leaves `now` as `before` is in what the rights do not allow to set. */
void rights_keep_flags(
	unsigned rights, const struct flags *before, struct flags *now);
/* Leaves of the flags what the rights allow to set (RFC 4314 4). */
void rights_limit_flags(unsigned rights, struct flags *f);
void rights_limit_list(unsigned rights, struct flag_list *f);

/* --- walk.c: all mailboxes that the user may see, his own first --------------- */
enum { WALK_ROWS = 100 };
struct walk {
	bool own_only; /* it ends with the user's own */
	/* Asked for each owner ("Shared/info@example.org") before his account
	 * is opened; NULL: all are wanted. */
	enum err (*wants)(struct imap *i, struct slice above, bool *out);
	unsigned stage;
	uint32_t owner;          /* the account of somebody else, under way */
	struct account *account; /* his, as long as it is open */
	bool last;               /* the batch was the last of it */
	struct slice prefix;     /* "Shared/info@example.org/" */
	char prefix_text[LIMIT_ADDRESS + 32];
	bool told_root, told_owner;
	struct slice after;
	char after_text[LIMIT_MAILBOX_NAME];
	struct acl_identity who;
};
/* At least 3 of them at a time; none: it was the last. Those of one call are
 * of one account, and valid until the next. */
MUST_CHECK enum err walk_next(struct imap *i, struct walk *w,
	struct arena *arena, struct place *out, size_t max, size_t *n_out);
/* The same in small steps: one may find none, and not be the last. */
MUST_CHECK enum err walk_step(struct imap *i, struct walk *w,
	struct arena *arena, struct place *out, size_t max, size_t *n_out);
bool walk_over(const struct walk *w);
void walk_end(struct imap *i, struct walk *w);

#endif
