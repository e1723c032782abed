/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sharing by administrators: whose mailboxes are whose to use. A grant on a whole
 * account is one on each mailbox and on the root, from which new ones inherit.
 * Who gets something is subscribed to it, in the same transaction, so that it
 * appears in clients that show subscribed mailboxes only.
 */
#include <stdio.h>

#include "admin_call.h"
#include "admin_share.h"

#define BATCH 100
/* A grant on one mailbox more is one transaction's work of about 20 us. */
#define RIGHTS_DEFAULT "lrswipkxte"

struct share_change {
	struct slice who;     /* as acl_who_parse() takes it */
	struct slice mailbox; /* p NULL: the whole account */
	unsigned rights;      /* 0: none from now on */
};

/* --- who sees it ------------------------------------------------------------------- */

struct viewer {
	struct account *account; /* his own */
	struct acl_identity who;
	struct account *owner;
	char prefix[LIMIT_ADDRESS + 32];
};

static enum err subscribe_batch(
	struct viewer *v, const struct mailbox_row *rows, size_t n)
{
	char name[sizeof(v->prefix) + LIMIT_MAILBOX_NAME];
	unsigned rights;

	for (size_t k = 0; k < n; k++) {
		TRY(acl_rights(v->owner, rows[k].id, &v->who, &rights));
		if (!(rights & RIGHT_LOOKUP) || !rows[k].selectable)
			continue;
		int len = snprintf(name, sizeof(name), "%s%.*s", v->prefix,
			SLICE_ARG(rows[k].name));
		enum err e = subscription_set(
			v->account, slice_of(name, (size_t)len), true);
		/* Too long for a name, too many: it can be found all the
		 * same. */
		if (e != ERR_OK && e != ERR_LIMIT)
			return e;
	}
	return ERR_OK;
}

static enum err subscribe_all(struct viewer *v, struct arena *arena)
{
	struct mailbox_row rows[BATCH];
	struct slice after = slice_str("");
	size_t n;

	do {
		TRY(mailbox_list(v->owner, after, arena, rows, BATCH, &n));
		TRY(subscribe_batch(v, rows, n));
		if (n)
			after = rows[n - 1].name;
	} while (n == BATCH);
	return ERR_OK;
}

static enum err subscribe_user(
	struct account *owner, uint32_t user, struct arena *arena)
{
	struct store *s = account_store(owner);
	struct viewer v = { .owner = owner };
	struct user_row row;

	if (user == account_number(owner))
		return ERR_OK;
	TRY(user_get(s, account_number(owner), arena, &row));
	snprintf(v.prefix, sizeof(v.prefix), "%s%.*s/",
		row.shared ? SHARE_ROOT_SHARED : SHARE_ROOT_USERS,
		SLICE_ARG(row.address));
	TRY(acl_identity(s, user, &v.who));
	TRY(account_open(s, user, &v.account));
	enum err e = subscribe_all(&v, arena);
	account_close(v.account);
	return e;
}

static enum err subscribe_group(
	struct account *owner, uint64_t group, struct arena *arena)
{
	uint32_t members[BATCH], after = 0;
	size_t n;

	do {
		TRY(group_members(account_store(owner), group, after, members,
			BATCH, &n));
		for (size_t k = 0; k < n; k++)
			TRY(subscribe_user(owner, members[k], arena));
		if (n)
			after = members[n - 1];
	} while (n == BATCH);
	return ERR_OK;
}

enum err admin_subscribe_member(
	struct store *s, uint32_t user, struct arena *arena)
{
	uint32_t owners[BATCH], after = 0;
	struct account *owner;
	size_t n;

	do {
		TRY(share_list(s, user, after, owners, BATCH, &n));
		for (size_t k = 0; k < n; k++) {
			TRY(account_open(s, owners[k], &owner));
			enum err e = subscribe_user(owner, user, arena);
			account_close(owner);
			TRY(e);
		}
		if (n)
			after = owners[n - 1];
	} while (n == BATCH);
	return ERR_OK;
}

/* --- grants -------------------------------------------------------------------------- */

static enum err set_everywhere(
	struct account *a, const struct acl_row *row, struct arena *arena)
{
	struct mailbox_row rows[BATCH];
	struct slice after = slice_str("");
	size_t n;

	TRY(acl_set(a, ACL_ROOT, row));
	do {
		TRY(mailbox_list(a, after, arena, rows, BATCH, &n));
		for (size_t k = 0; k < n; k++)
			TRY(acl_set(a, rows[k].id, row));
		if (n)
			after = rows[n - 1].name;
	} while (n == BATCH);
	return ERR_OK;
}

static enum err set_rights(struct account *a, struct slice mailbox,
	const struct acl_row *row, struct arena *arena)
{
	struct mailbox_row box;

	if (!mailbox.p)
		return set_everywhere(a, row, arena);
	TRY(mailbox_find(a, mailbox, arena, &box));
	return acl_set(a, box.id, row);
}

static enum err set_and_subscribe(
	struct account *a, const struct share_change *c, struct arena *arena)
{
	struct acl_row row;

	TRY(acl_who_parse(account_store(a), c->who, &row));
	row.rights = c->rights;
	TRY(set_rights(a, c->mailbox, &row, arena));
	if (row.negative || !(row.rights & RIGHT_LOOKUP))
		return ERR_OK;
	if (row.who == ACL_USER)
		return subscribe_user(a, (uint32_t)row.id, arena);
	return row.who == ACL_GROUP ? subscribe_group(a, row.id, arena)
				    : ERR_OK;
}

static enum err change_rights(struct store *s, uint32_t owner,
	const struct share_change *c, struct arena *arena)
{
	struct account *a;

	TRY(account_open(s, owner, &a));
	enum err e = set_and_subscribe(a, c, arena);
	account_close(a);
	return e;
}

static enum err parse_rights(struct slice text, unsigned *out)
{
	if (!text.p)
		text = slice_str(RIGHTS_DEFAULT);
	return rights_parse(text, out) ? ERR_OK : ERR_SYNTAX;
}

/* --- who may what ---------------------------------------------------------------------- */

static enum err describe_list(struct account *a, uint64_t mailbox,
	struct slice name, struct arena *arena, json_t *rows)
{
	struct acl_row list[LIMIT_ACL];
	char rights[RIGHTS_TEXT];
	struct slice who;
	size_t n;

	TRY(acl_list(a, mailbox, list, &n));
	for (size_t k = 0; k < n; k++) {
		enum err e =
			acl_who_text(account_store(a), &list[k], arena, &who);
		if (e == ERR_NOTFOUND)
			continue;
		TRY(e);
		rights_text(list[k].rights, rights);
		json_t *row = json_object();
		json_object_set_new(row, "mailbox", json_slice(name));
		json_object_set_new(row, "who", json_slice(who));
		json_object_set_new(row, "rights", json_string(rights));
		json_array_append_new(rows, row);
	}
	return ERR_OK;
}

/* The root's comes with the first page, as mailbox "". */
static enum err list_page(struct store *s, uint32_t owner, struct slice after,
	struct arena *arena, json_t *rows, struct slice *next)
{
	struct mailbox_row boxes[BATCH];
	struct account *a;
	enum err e = ERR_OK;
	size_t n = 0;

	TRY(account_open(s, owner, &a));
	if (after.n == 0)
		e = describe_list(a, ACL_ROOT, slice_str(""), arena, rows);
	if (e == ERR_OK)
		e = mailbox_list(a, after, arena, boxes, BATCH, &n);
	for (size_t k = 0; k < n && e == ERR_OK; k++)
		e = describe_list(a, boxes[k].id, boxes[k].name, arena, rows);
	*next = n == BATCH ? boxes[n - 1].name : slice_of(NULL, 0);
	account_close(a);
	return e;
}

enum err admin_share_end(struct store *s, uint32_t owner)
{
	struct account *a;

	TRY(account_open(s, owner, &a));
	enum err e = acl_clear(a);
	account_close(a);
	return e;
}

/* --- operations ----------------------------------------------------------------------- */

static enum err set_share(struct call *c, unsigned rights)
{
	struct share_change change = { .who = admin_text(&c->request, "who"),
		.rights = rights };

	if (admin_given(&c->request, "mailbox"))
		change.mailbox = admin_text(&c->request, "mailbox");
	return change_rights(
		tenantd.tenant.store, c->account, &change, c->arena);
}

static enum err grant_share(struct call *c)
{
	struct slice text = { 0 };
	unsigned rights;

	if (admin_given(&c->request, "rights"))
		text = admin_text(&c->request, "rights");
	TRY(parse_rights(text, &rights));
	return set_share(c, rights);
}

static enum err add_share(struct call *c)
{
	struct user_row row;

	TRY(admin_add_user(c));
	TRY(user_get(tenantd.tenant.store, c->account, c->arena, &row));
	row.shared = true;
	TRY(user_set(tenantd.tenant.store, &row));
	return grant_share(c);
}

enum err share_create(struct call *c)
{
	return c->account ? ERR_EXISTS : admin_change(c, add_share);
}

enum err share_grant(struct call *c)
{
	return admin_change(c, grant_share);
}

static enum err end_share(struct call *c)
{
	return set_share(c, 0);
}

enum err share_revoke(struct call *c)
{
	return admin_change(c, end_share);
}

enum err share_show(struct call *c)
{
	json_t *rows = json_array();
	struct slice next;
	enum err e = list_page(tenantd.tenant.store, c->account,
		admin_text(&c->request, "after"), c->arena, rows, &next);

	c->result = json_object();
	json_object_set_new(c->result, "rows", rows);
	if (e == ERR_OK && next.p)
		json_object_set_new(c->result, "next", json_slice(next));
	return e;
}
