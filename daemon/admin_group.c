/* SPDX-License-Identifier: EUPL-1.2 */
/* Groups of users and who is in them. */
#include "admin_call.h"
#include "admin_share.h"

static enum err find_group(struct call *c, uint64_t *id)
{
	return group_find(
		tenantd.tenant.store, admin_text(&c->request, "group"), id);
}

static enum err add_group(struct call *c)
{
	uint64_t id;

	return group_create(
		tenantd.tenant.store, admin_text(&c->request, "group"), &id);
}

enum err group_create_op(struct call *c)
{
	return admin_change(c, add_group);
}

enum err group_list_op(struct call *c)
{
	struct group_row rows[PAGE];
	size_t n;

	TRY(group_list(tenantd.tenant.store, admin_text(&c->request, "after"),
		c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(row, "group", json_slice(rows[i].name));
		json_object_set_new(
			row, "members", json_integer(rows[i].members));
		json_array_append_new(list, row);
	}
	return admin_rows_result(c, list, "group");
}

static enum err take_group(struct call *c)
{
	uint64_t id;

	TRY(find_group(c, &id));
	return group_delete(tenantd.tenant.store, id);
}

enum err group_delete_op(struct call *c)
{
	return admin_change(c, take_group);
}

static enum err set_member(struct call *c, bool on)
{
	struct store *s = tenantd.tenant.store;
	uint64_t id;

	TRY(find_group(c, &id));
	TRY(group_member_set(s, id, c->account, on));
	return on ? admin_subscribe_member(s, c->account, c->arena) : ERR_OK;
}

static enum err add_member(struct call *c)
{
	return set_member(c, true);
}

enum err member_create(struct call *c)
{
	return admin_change(c, add_member);
}

static enum err take_member(struct call *c)
{
	return set_member(c, false);
}

enum err member_delete(struct call *c)
{
	return admin_change(c, take_member);
}

enum err member_list(struct call *c)
{
	struct store *s = tenantd.tenant.store;
	uint32_t accounts[PAGE];
	struct user_row user;
	uint64_t id, after;
	size_t n;

	TRY(find_group(c, &id));
	TRY(admin_after(c, &after));
	TRY(group_members(s, id, (uint32_t)after, accounts, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		if (user_get(s, accounts[i], c->arena, &user) == ERR_OK)
			json_object_set_new(
				row, "address", json_slice(user.address));
		json_object_set_new(row, "account", json_integer(accounts[i]));
		json_array_append_new(list, row);
	}
	return admin_rows_result(c, list, "account");
}
