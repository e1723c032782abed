/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Users: each is one account. Making one makes its key, its database and what
 * a client expects to find; deleting one destroys the key first of all, and
 * then what the tenant's database says of it. Account numbers come from a
 * counter and are never used again.
 */
#include "keys.h"
#include "schema.h"

/* What a new account has (RFC 6154 2; RFC 4791 and 6352 name no defaults). */
static const struct {
	const char *name;
	enum special_use use;
} mailboxes[] = {
	{ "INBOX", SPECIAL_NONE },
	{ "Archive", SPECIAL_ARCHIVE },
	{ "Drafts", SPECIAL_DRAFTS },
	{ "Junk", SPECIAL_JUNK },
	{ "Sent", SPECIAL_SENT },
	{ "Trash", SPECIAL_TRASH },
};
static const struct {
	const char *name;
	enum collection_kind kind;
} collections[] = {
	{ "calendar", COLLECTION_CALENDAR },
	{ "contacts", COLLECTION_CONTACTS },
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static enum err furnish(struct account *a)
{
	uint64_t id;

	for (size_t i = 0; i < LENGTH(mailboxes); i++) {
		struct slice name = slice_str(mailboxes[i].name);
		TRY(mailbox_create(a, name, mailboxes[i].use, &id));
		TRY(subscription_set(a, name, true));
	}
	for (size_t i = 0; i < LENGTH(collections); i++)
		TRY(collection_create(a, collections[i].kind,
			slice_str(collections[i].name), &id));
	return ERR_OK;
}

static enum err check_display_name(struct slice name)
{
	return name.n == 0 ? ERR_OK : schema_name(name, LIMIT_DISPLAY_NAME);
}

static enum err make_account(
	struct store *s, uint32_t number, struct oid *oid_out)
{
	struct account *a;
	enum err e;

	TRY(account_key_create(s, number));
	TRY(account_open(s, number, &a));
	*oid_out = *account_oid(a);
	e = furnish(a);
	account_close(a);
	return e;
}

enum err user_create(struct store *s, struct slice address, struct slice name,
	uint32_t *account_out)
{
	struct db *d = tenant_db(s);
	char bytes[LIMIT_ADDRESS];
	struct slice folded;
	struct oid oid;
	int64_t number;

	TRY(db_write(d));
	TRY(address_fold(address, bytes, &folded));
	TRY(check_display_name(name));
	TRY(address_check(s, folded));
	TRY(schema_int(db_stmt(d, "UPDATE tenant_state"
				  " SET account_next = account_next + 1"
				  " RETURNING account_next - 1"),
		&number));
	TRY(make_account(s, (uint32_t)number, &oid));
	TRY(db_run(d,
		"INSERT INTO user(account, oid, disabled, created, bytes_max,"
		" messages_max, address, name, imap_without)"
		" VALUES(?, ?, 0, ?, 0, 0, ?, ?, '')",
		"ioiss", number, &oid, schema_now(), address, name));
	TRY(address_put(s, folded, address, (uint32_t)number));
	*account_out = (uint32_t)number;
	return ERR_OK;
}

enum err user_delete(struct store *s, uint32_t account)
{
	static const char *const rows[] = {
		"DELETE FROM address WHERE account = ?",
		"DELETE FROM credential WHERE account = ?",
		"DELETE FROM delivery WHERE account = ?",
		"DELETE FROM reap WHERE account = ?",
		"DELETE FROM group_member WHERE account = ?",
		"DELETE FROM share WHERE who = 1 AND id = ?",
		"DELETE FROM share WHERE owner = ?",
		"DELETE FROM user WHERE account = ?",
	};
	struct db *d = tenant_db(s);

	TRY(db_write(d));
	TRY(user_exists(s, account));
	TRY(account_key_destroy(s, account));
	TRY(queue_remove_account(s, account));
	for (size_t i = 0; i < LENGTH(rows); i++)
		TRY(db_run(d, rows[i], "i", (int64_t)account));
	return ERR_OK;
}

/* --- rows ------------------------------------------------------------------------ */

static enum err fill_user(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct user_row *u = row;

	u->account = column_u32(st, 0);
	db_column_oid(st, 1, &u->oid);
	u->disabled = sqlite3_column_int(st, 2) != 0;
	u->created = sqlite3_column_int64(st, 3);
	u->quota = (struct quota){ .bytes_max = column_u64(st, 4),
		.messages_max = column_u64(st, 5) };
	TRY(schema_copy(arena, st, 6, &u->address));
	TRY(schema_copy(arena, st, 7, &u->name));
	u->shared = sqlite3_column_int(st, 9) != 0;
	return schema_copy(arena, st, 8, &u->imap_without);
}

#define USER_SELECT                                                            \
	"SELECT account, oid, disabled, created, bytes_max, messages_max,"     \
	" address, name, imap_without, shared FROM user "

enum err user_get(struct store *s, uint32_t account, struct arena *arena,
	struct user_row *out)
{
	sqlite3_stmt *st =
		db_stmt(tenant_db(s), USER_SELECT "WHERE account = ?");

	db_bind(st, "i", (int64_t)account);
	return schema_row(st, fill_user, arena, out);
}

enum err user_list(struct store *s, uint32_t after, struct arena *arena,
	struct user_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		USER_SELECT "WHERE account > ? ORDER BY account LIMIT ?");

	db_bind(st, "ii", (int64_t)after, (int64_t)max);
	return schema_rows(
		st, fill_user, arena, rows, sizeof(*rows), max, n_out);
}

/* Another primary address: it must be free or an alias of the same account;
 * the old one is given up. */
static enum err set_address(struct store *s, const struct user_row *row)
{
	struct db *d = tenant_db(s);
	char bytes[LIMIT_ADDRESS];
	struct slice folded;
	uint32_t owner;
	enum err e;

	TRY(address_fold(row->address, bytes, &folded));
	e = address_resolve(s, folded, &owner);
	if (e == ERR_NOTFOUND)
		e = address_check(s, folded);
	else if (e == ERR_OK && owner != row->account)
		e = ERR_EXISTS;
	TRY(e);
	TRY(db_run(d,
		"DELETE FROM address WHERE account = ?1 AND given ="
		" (SELECT address FROM user WHERE account = ?1)",
		"i", (int64_t)row->account));
	return address_put(s, folded, row->address, row->account);
}

enum err user_set(struct store *s, const struct user_row *row)
{
	struct db *d = tenant_db(s);
	int64_t same;

	TRY(db_write(d));
	TRY(check_display_name(row->name));
	if (row->quota.bytes_max > INT64_MAX ||
		row->quota.messages_max > INT64_MAX ||
		row->imap_without.n > LIMIT_IMAP_WITHOUT)
		return ERR_LIMIT;
	TRY(db_int(d, &same, "SELECT address = ? FROM user WHERE account = ?",
		"si", row->address, (int64_t)row->account));
	if (!same)
		TRY(set_address(s, row));
	return db_run(d,
		"UPDATE user SET disabled = ?, bytes_max = ?,"
		" messages_max = ?, address = ?, name = ?, imap_without = ?,"
		" shared = ? WHERE account = ?",
		"iuusssii", (int64_t)row->disabled, row->quota.bytes_max,
		row->quota.messages_max, row->address, row->name,
		row->imap_without, (int64_t)row->shared, (int64_t)row->account);
}
