/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). An account has one quota
 * root, which all its mailboxes share; its name is the user's address. Limits
 * are set by administrators only, with `bastide user set`.
 */
#include <bastide/directory.h>

#include "place.h"

/* RFC 9208 5.1: units of 1024 octets. Use and limit are both rounded up, so
 * that what has room never shows as too much. */
static uint64_t kib(uint64_t bytes)
{
	return bytes / 1024 + (bytes % 1024 != 0);
}

/* 4.2.1: what is not limited is not named. */
static void put_resource(struct imap *i, const char **gap, const char *name,
	uint64_t used, uint64_t max)
{
	if (max == 0)
		return;
	buf_addf(&i->out, "%s%s %llu %llu", *gap, name,
		(unsigned long long)used, (unsigned long long)max);
	*gap = " ";
}

static enum err put_quota(
	struct imap *i, struct account *account, struct slice root)
{
	const char *gap = "";
	struct quota q;

	TRY(account_quota(account, &q));
	buf_adds(&i->out, "* QUOTA ");
	put_astring(&i->out, root);
	buf_adds(&i->out, " (");
	put_resource(i, &gap, "STORAGE", kib(q.bytes), kib(q.bytes_max));
	put_resource(i, &gap, "MESSAGE", q.messages, q.messages_max);
	buf_adds(&i->out, ")\r\n");
	imap_flush(i);
	return ERR_OK;
}

static enum err quota_root(
	struct imap *i, const struct account *account, struct slice *out)
{
	struct user_row user;

	TRY(user_get(
		i->tenant->store, account_number(account), i->arena, &user));
	*out = user.address;
	return ERR_OK;
}

/* The root that the client names is its own: those of others are told with
 * their mailboxes only (RFC 9208 8). */
static enum err find_root(struct imap *i, struct slice name, struct slice *out)
{
	TRY(quota_root(i, i->account, out));
	if (slice_ieq(name, *out))
		return ERR_OK;
	i->cmd.text = "There is no such quota root";
	return ERR_NOTFOUND;
}

enum err cmd_getquota(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name, root;

	if (!p_sp(c) || !imap_astring(c, i->arena, &name) || !p_end(c))
		return ERR_SYNTAX;
	TRY(find_root(i, name, &root));
	return put_quota(i, i->account, root);
}

/* RFC 9208 4.1.2: the mailbox need not exist. 6: of others, it must be readable,
 * or be one that the user could make. */
static enum err find_place(struct imap *i, struct slice name, struct place *p)
{
	enum err e = imap_place(i, name, RIGHT_READ, p);

	return e == ERR_NOTFOUND ? imap_place_new(i, name, p) : e;
}

enum err cmd_getquotaroot(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice mailbox, root;
	struct place p;

	if (!p_sp(c) || !imap_mailbox(i, c, &mailbox) || !p_end(c))
		return ERR_SYNTAX;
	TRY(find_place(i, mailbox, &p));
	TRY(quota_root(i, p.account, &root));
	buf_adds(&i->out, "* QUOTAROOT ");
	put_mailbox(i, mailbox);
	buf_addc(&i->out, ' ');
	put_astring(&i->out, root);
	buf_adds(&i->out, "\r\n");
	return put_quota(i, p.account, root);
}

/* setquota-list = "(" [resource-name SP number64 *(...)] ")" */
static bool setquota_list(struct cursor *c)
{
	struct slice name;
	uint64_t limit;

	if (!p_char(c, '('))
		return false;
	if (p_peek(c) != ')')
		do {
			if (!imap_atom(c, &name) || !p_sp(c) ||
				!p_u64(c, &limit))
				return false;
		} while (p_sp(c));
	return p_char(c, ')');
}

enum err cmd_setquota(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name, root;

	if (!p_sp(c) || !imap_astring(c, i->arena, &name) || !p_sp(c) ||
		!setquota_list(c) || !p_end(c))
		return ERR_SYNTAX;
	TRY(find_root(i, name, &root));
	i->cmd.text = "Quotas are set by the administrator";
	return ERR_NOPERM;
}
