/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lists of rights. `share`, in the tenant's database, says in which accounts
 * somebody is granted anything: whose mailboxes a LIST has to look at. It is
 * kept in the transaction that changes a list.
 */
#include "schema.h"

#include <bastide/acl.h>

static enum err fill_row(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct acl_row *r = row;

	r->who = (enum acl_who)sqlite3_column_int(st, 0);
	r->id = column_u64(st, 1);
	r->negative = sqlite3_column_int(st, 2) != 0;
	r->rights = column_u32(st, 3) & RIGHTS_ALL;
	return ERR_OK;
}

enum err acl_list(struct account *a, uint64_t mailbox,
	struct acl_row rows[LIMIT_ACL], size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT who, id, negative, rights FROM acl WHERE mailbox = ?"
		" ORDER BY who, id, negative LIMIT ?");

	db_bind(st, "ui", mailbox, (int64_t)LIMIT_ACL);
	return schema_rows(
		st, fill_row, NULL, rows, sizeof(*rows), LIMIT_ACL, n_out);
}

/* --- rights -------------------------------------------------------------------- */

static enum err fill_u64(sqlite3_stmt *st, struct arena *arena, void *row)
{
	*(uint64_t *)row = column_u64(st, 0);
	return ERR_OK;
}

enum err acl_identity(
	struct store *s, uint32_t account, struct acl_identity *out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT team FROM group_member WHERE account = ? LIMIT ?");

	out->account = account;
	db_bind(st, "ii", (int64_t)account, (int64_t)LIMIT_USER_GROUPS);
	return schema_rows(st, fill_u64, NULL, out->groups,
		sizeof(out->groups[0]), LIMIT_USER_GROUPS, &out->n_groups);
}

static bool is_of(const struct acl_row *r, const struct acl_identity *who)
{
	if (r->who != ACL_GROUP)
		return r->who == ACL_ANYONE || r->id == who->account;
	for (size_t k = 0; k < who->n_groups; k++)
		if (who->groups[k] == r->id)
			return true;
	return false;
}

enum err acl_rights(struct account *a, uint64_t mailbox,
	const struct acl_identity *who, unsigned *rights_out)
{
	struct acl_row rows[LIMIT_ACL];
	unsigned granted = 0, taken = 0;
	size_t n;

	*rights_out = RIGHTS_ALL;
	if (account_number(a) == who->account)
		return ERR_OK;
	TRY(acl_list(a, mailbox, rows, &n));
	for (size_t k = 0; k < n; k++)
		if (is_of(&rows[k], who))
			*(rows[k].negative ? &taken : &granted) |=
				rows[k].rights;
	*rights_out = granted & ~taken;
	return ERR_OK;
}

/* --- who shares with whom -------------------------------------------------------- */

/* The tenant's row follows what the account's lists say of (who, id). */
static enum err share_follow(struct account *a, enum acl_who who, uint64_t id)
{
	struct db *t = tenant_db(account_store(a));
	int64_t granted;

	TRY(db_int(account_db(a), &granted,
		"SELECT EXISTS(SELECT 1 FROM acl"
		" WHERE who = ? AND id = ? AND negative = 0)",
		"iu", (int64_t)who, id));
	TRY(db_write(t));
	if (granted)
		return db_run(t,
			"INSERT OR IGNORE INTO share(who, id, owner)"
			" VALUES(?, ?, ?)",
			"iui", (int64_t)who, id, (int64_t)account_number(a));
	return db_run(t,
		"DELETE FROM share WHERE who = ? AND id = ? AND owner = ?",
		"iui", (int64_t)who, id, (int64_t)account_number(a));
}

enum err share_list(struct store *s, uint32_t account, uint32_t after,
	uint32_t *owners, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT owner FROM share WHERE who = 0 AND owner > ?2"
		" UNION SELECT owner FROM share"
		"  WHERE who = 1 AND id = ?1 AND owner > ?2"
		" UNION SELECT owner FROM share JOIN group_member"
		"  ON who = 2 AND id = team AND account = ?1 AND owner > ?2"
		" EXCEPT SELECT ?1 ORDER BY owner LIMIT ?3");

	db_bind(st, "iii", (int64_t)account, (int64_t)after, (int64_t)max);
	return schema_rows(
		st, schema_fill_u32, NULL, owners, sizeof(*owners), max, n_out);
}

/* --- changes --------------------------------------------------------------------- */

static void tell(struct account *a, uint64_t mailbox)
{
	db_note_change(a, WATCH_MAILBOX_LIST, mailbox);
	rights_changed(account_store(a));
}

static enum err check_set(struct db *d, uint64_t mailbox)
{
	int64_t n;

	if (mailbox != ACL_ROOT)
		TRY(db_int(d, &n, "SELECT 1 FROM mailbox WHERE id = ?", "u",
			mailbox));
	TRY(db_int(d, &n, "SELECT count(*) FROM acl WHERE mailbox = ?", "u",
		mailbox));
	return n >= LIMIT_ACL ? ERR_LIMIT : ERR_OK;
}

enum err acl_set(struct account *a, uint64_t mailbox, const struct acl_row *row)
{
	struct db *d = account_db(a);
	enum err e;

	TRY(db_write(d));
	e = check_set(d, mailbox);
	/* A row that is there already may change on a full list, and go. */
	if (e != ERR_OK && e != ERR_LIMIT)
		return e;
	TRY(db_run(d,
		"DELETE FROM acl WHERE mailbox = ? AND who = ? AND id = ?"
		" AND negative = ?",
		"uiui", mailbox, (int64_t)row->who, row->id,
		(int64_t)row->negative));
	if (e == ERR_LIMIT && db_changes(d) > 0)
		e = ERR_OK;
	if (row->rights & RIGHTS_ALL) {
		TRY(e);
		TRY(db_run(d, "INSERT INTO acl VALUES(?, ?, ?, ?, ?)", "uiuii",
			mailbox, (int64_t)row->who, row->id,
			(int64_t)row->negative,
			(int64_t)(row->rights & RIGHTS_ALL)));
	}
	TRY(share_follow(a, row->who, row->id));
	tell(a, mailbox);
	return ERR_OK;
}

enum err acl_inherit(struct account *a, uint64_t mailbox, struct slice name)
{
	struct db *d = account_db(a);
	int64_t from = ACL_ROOT;
	enum err e = ERR_NOTFOUND;

	for (name = mailbox_parent(name); name.n && e == ERR_NOTFOUND;
		name = mailbox_parent(name))
		e = db_int(d, &from, "SELECT id FROM mailbox WHERE name = ?",
			"s", name);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	return db_run(d,
		"INSERT INTO acl SELECT ?1, who, id, negative, rights FROM acl"
		" WHERE mailbox = ?2",
		"uu", mailbox, (uint64_t)from);
}

enum err acl_drop(struct account *a, uint64_t mailbox)
{
	struct db *d = account_db(a);
	struct acl_row rows[LIMIT_ACL];
	size_t n;

	TRY(acl_list(a, mailbox, rows, &n));
	if (n == 0)
		return ERR_OK;
	TRY(db_run(d, "DELETE FROM acl WHERE mailbox = ?", "u", mailbox));
	for (size_t k = 0; k < n; k++)
		TRY(share_follow(a, rows[k].who, rows[k].id));
	rights_changed(account_store(a));
	return ERR_OK;
}

enum err acl_clear(struct account *a)
{
	struct db *d = account_db(a), *t = tenant_db(account_store(a));

	TRY(db_write(d));
	TRY(db_write(t));
	TRY(db_run(d, "DELETE FROM acl", ""));
	TRY(db_run(t, "DELETE FROM share WHERE owner = ?", "i",
		(int64_t)account_number(a)));
	db_note_change(a, WATCH_MAILBOX_LIST, 0);
	rights_changed(account_store(a));
	return ERR_OK;
}
