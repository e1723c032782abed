/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Groups of users: identifiers in lists of rights. Their ids come from the
 * tenant's counter, so that a list that names a group which is no more can never
 * mean another one.
 */
#include "schema.h"

#include <bastide/acl.h>

/* Part of an identifier of RFC 4314: no space, no sign that means something. */
static enum err check_name(struct slice name)
{
	TRY(schema_name(name, LIMIT_GROUP_NAME));
	for (size_t k = 0; k < name.n; k++)
		if (name.p[k] == ' ' || name.p[k] == '"' || name.p[k] == '\\')
			return ERR_SYNTAX;
	return ERR_OK;
}

enum err group_find(struct store *s, struct slice name, uint64_t *id_out)
{
	int64_t id;

	TRY(db_int(tenant_db(s), &id, "SELECT id FROM team WHERE name = ?", "s",
		name));
	*id_out = (uint64_t)id;
	return ERR_OK;
}

enum err group_create(struct store *s, struct slice name, uint64_t *id_out)
{
	struct db *d = tenant_db(s);
	uint64_t id;
	enum err e;

	TRY(db_write(d));
	TRY(check_name(name));
	e = group_find(s, name, &id);
	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_EXISTS : e;
	TRY(schema_next(d, id_out));
	return db_run(d, "INSERT INTO team VALUES(?, ?)", "us", *id_out, name);
}

enum err group_delete(struct store *s, uint64_t id)
{
	static const char *const rows[] = {
		"DELETE FROM group_member WHERE team = ?",
		"DELETE FROM share WHERE who = 2 AND id = ?",
		"DELETE FROM team WHERE id = ?",
	};
	struct db *d = tenant_db(s);
	int64_t there;

	TRY(db_write(d));
	TRY(db_int(d, &there, "SELECT 1 FROM team WHERE id = ?", "u", id));
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
		TRY(db_run(d, rows[k], "u", id));
	rights_changed(s);
	return ERR_OK;
}

static enum err fill_group(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct group_row *g = row;

	g->id = column_u64(st, 0);
	g->members = column_u32(st, 2);
	return schema_copy(arena, st, 1, &g->name);
}

#define GROUP_SELECT                                                           \
	"SELECT id, name, (SELECT count(*) FROM group_member"                  \
	" WHERE team = id) FROM team "

enum err group_get(struct store *s, uint64_t id, struct arena *arena,
	struct group_row *out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s), GROUP_SELECT "WHERE id = ?");

	db_bind(st, "u", id);
	return schema_row(st, fill_group, arena, out);
}

enum err group_list(struct store *s, struct slice after, struct arena *arena,
	struct group_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		GROUP_SELECT "WHERE name > ? ORDER BY name LIMIT ?");

	db_bind(st, "si", after, (int64_t)max);
	return schema_rows(
		st, fill_group, arena, rows, sizeof(*rows), max, n_out);
}

static enum err check_room(struct db *d, uint32_t account)
{
	int64_t n;

	TRY(db_int(d, &n, "SELECT count(*) FROM group_member WHERE account = ?",
		"i", (int64_t)account));
	return n >= LIMIT_USER_GROUPS ? ERR_LIMIT : ERR_OK;
}

enum err group_member_set(
	struct store *s, uint64_t group, uint32_t account, bool on)
{
	struct db *d = tenant_db(s);
	int64_t there;

	TRY(db_write(d));
	TRY(db_int(d, &there, "SELECT 1 FROM team WHERE id = ?", "u", group));
	TRY(user_exists(s, account));
	TRY(db_int(d, &there,
		"SELECT EXISTS(SELECT 1 FROM group_member"
		" WHERE team = ? AND account = ?)",
		"ui", group, (int64_t)account));
	if ((there != 0) == on)
		return ERR_OK;
	if (on) {
		TRY(check_room(d, account));
		TRY(db_run(d, "INSERT INTO group_member VALUES(?, ?)", "ui",
			group, (int64_t)account));
	} else {
		TRY(db_run(d,
			"DELETE FROM group_member WHERE team = ?"
			" AND account = ?",
			"ui", group, (int64_t)account));
	}
	rights_changed(s);
	return ERR_OK;
}

enum err group_members(struct store *s, uint64_t group, uint32_t after,
	uint32_t *accounts, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT account FROM group_member WHERE team = ?"
		" AND account > ? ORDER BY account LIMIT ?");

	db_bind(st, "uii", group, (int64_t)after, (int64_t)max);
	return schema_rows(st, schema_fill_u32, NULL, accounts,
		sizeof(*accounts), max, n_out);
}
