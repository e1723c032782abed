/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may do what with a mailbox of somebody else: the one rights model of the
 * tenant (RFC 4314 2.1). An account's user has every right on what is in it; all
 * others have what rows of the mailbox's list grant, to everybody, to them or to
 * a group they are in, less what its negative rows take away (RFC 4314 2).
 *
 * The list of mailbox 0 is the account's own root: what a new mailbox of the
 * first level gets. A new mailbox further down gets a copy of its parent's.
 * Lists lie in the account; the tenant's database knows who is granted anything
 * in which account, and who is in which group.
 *
 * Each change of a list or a group calls the watchers of the tenant's account
 * with WATCH_RIGHTS: rights take effect in open sessions at once.
 */
#ifndef BASTIDE_ACL_H
#define BASTIDE_ACL_H

#include <bastide/limits.h>
#include <bastide/store.h>

/* RFC 4314 2.1, in the order in which they are written. */
enum {
	RIGHT_LOOKUP = 1,            /* l */
	RIGHT_READ = 2,              /* r */
	RIGHT_SEEN = 4,              /* s: \Seen */
	RIGHT_WRITE = 8,             /* w: flags but \Seen and \Deleted */
	RIGHT_INSERT = 16,           /* i */
	RIGHT_POST = 32,             /* p */
	RIGHT_CREATE = 64,           /* k: mailboxes below */
	RIGHT_DELETE_MAILBOX = 128,  /* x */
	RIGHT_DELETE_MESSAGES = 256, /* t: \Deleted */
	RIGHT_EXPUNGE = 512,         /* e */
	RIGHT_ADMIN = 1024,          /* a */
	RIGHTS_ALL = 2047,
};

enum acl_who { ACL_ANYONE, ACL_USER, ACL_GROUP };
struct acl_row {
	enum acl_who who;
	uint64_t id; /* account or group; 0 with ACL_ANYONE */
	bool negative;
	unsigned rights; /* RIGHT_*, not 0 */
};

/* A user as the lists see him. */
struct acl_identity {
	uint32_t account;
	uint64_t groups[LIMIT_USER_GROUPS];
	size_t n_groups;
};
MUST_CHECK enum err acl_identity(
	struct store *s, uint32_t account, struct acl_identity *out);

#define ACL_ROOT 0
/* All of them for the account's own user. 0 for a mailbox without a list. */
MUST_CHECK enum err acl_rights(struct account *a, uint64_t mailbox,
	const struct acl_identity *who, unsigned *rights_out);
/* At most LIMIT_ACL rows. Some may be of users and groups that are no more. */
MUST_CHECK enum err acl_list(struct account *a, uint64_t mailbox,
	struct acl_row rows[LIMIT_ACL], size_t *n_out);
/* Inside a transaction. Sets the row of (who, id, negative); no rights: takes
 * it away. ERR_NOTFOUND: no such mailbox; ERR_LIMIT. */
MUST_CHECK enum err acl_set(
	struct account *a, uint64_t mailbox, const struct acl_row *row);
/* Takes every list of the account away. */
MUST_CHECK enum err acl_clear(struct account *a);
/* Accounts of others that grant something to this user, in ascending order, from
 * `after` (exclusive) on. */
MUST_CHECK enum err share_list(struct store *s, uint32_t account,
	uint32_t after, uint32_t *owners, size_t max, size_t *n_out);

/* Where a mailbox of another account is in a user's names (RFC 2342): this, the
 * address of the account, '/', its name there. */
#define SHARE_ROOT_USERS "Other Users/"
#define SHARE_ROOT_SHARED "Shared/" /* of accounts that are nobody's own */

/* --- as text (acl_text.c) -------------------------------------------------------- */
/* "lrs" as RIGHT_*, with RFC 2086's "c" and "d"; false for an unknown one. */
bool rights_parse(struct slice text, unsigned *out);
/* In RFC 4314's letters, with the virtual ones; at most RIGHTS_TEXT. */
#define RIGHTS_TEXT 14
void rights_text(unsigned rights, char out[RIGHTS_TEXT]);
/* "anyone", a user's address, "$group"; "-" before it: negative. The rights stay
 * 0. ERR_NOTFOUND: there is no such user or group. */
MUST_CHECK enum err acl_who_parse(
	struct store *s, struct slice text, struct acl_row *out);
/* ERR_NOTFOUND: it is nobody any more. */
MUST_CHECK enum err acl_who_text(struct store *s, const struct acl_row *r,
	struct arena *arena, struct slice *out);

/* --- groups: names of the tenant, in any case (ASCII) ------------------------- */
/* Ids are never used again. Inside a transaction: ERR_SYNTAX, ERR_EXISTS. */
MUST_CHECK enum err group_create(
	struct store *s, struct slice name, uint64_t *id_out);
MUST_CHECK enum err group_delete(struct store *s, uint64_t id);
MUST_CHECK enum err group_find(
	struct store *s, struct slice name, uint64_t *id_out);
struct group_row {
	uint64_t id;
	struct slice name;
	uint32_t members;
};
MUST_CHECK enum err group_get(struct store *s, uint64_t id, struct arena *arena,
	struct group_row *out);
MUST_CHECK enum err group_list(struct store *s, struct slice after,
	struct arena *arena, struct group_row *rows, size_t max, size_t *n_out);
/* Inside a transaction. ERR_NOTFOUND: no such group or user; ERR_LIMIT: in too
 * many groups. */
MUST_CHECK enum err group_member_set(
	struct store *s, uint64_t group, uint32_t account, bool on);
MUST_CHECK enum err group_members(struct store *s, uint64_t group,
	uint32_t after, uint32_t *accounts, size_t max, size_t *n_out);

#endif
