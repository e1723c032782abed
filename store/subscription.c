/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Subscriptions: names, nothing more. They outlive the mailbox and may come
 * before it (RFC 3501 6.3.6: the server must not remove one by itself).
 */
#include "schema.h"

static enum err add(struct db *d, struct slice name)
{
	int64_t n;

	TRY(db_int(d, &n, "SELECT subscriptions FROM state", ""));
	if (n >= LIMIT_MAILBOXES)
		return ERR_LIMIT;
	TRY(db_run(d, "INSERT INTO subscription(name) VALUES(?)", "s", name));
	return db_run(
		d, "UPDATE state SET subscriptions = subscriptions + 1", "");
}

static enum err drop(struct db *d, struct slice name)
{
	TRY(db_run(d, "DELETE FROM subscription WHERE name = ?", "s", name));
	return db_run(
		d, "UPDATE state SET subscriptions = subscriptions - 1", "");
}

enum err subscription_has(struct account *a, struct slice name, bool *out)
{
	int64_t one;
	enum err e = db_int(account_db(a), &one,
		"SELECT 1 FROM subscription WHERE name = ?", "s", name);

	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*out = e == ERR_OK;
	return ERR_OK;
}

enum err subscription_set(struct account *a, struct slice name, bool on)
{
	struct db *d = account_db(a);
	char stored[LIMIT_MAILBOX_NAME];
	bool is_on;

	TRY(db_write(d));
	TRY(mailbox_name(name, stored, &name));
	TRY(subscription_has(a, name, &is_on));
	if (is_on == on)
		return ERR_OK;
	TRY(on ? add(d, name) : drop(d, name));
	db_note_change(a, WATCH_MAILBOX_LIST, 0);
	return ERR_OK;
}

static enum err fill_name(sqlite3_stmt *st, struct arena *arena, void *row)
{
	return schema_copy(arena, st, 0, row);
}

enum err subscription_list(struct account *a, struct slice after,
	struct arena *arena, struct slice *names, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT name FROM subscription WHERE name > ?"
		" ORDER BY name LIMIT ?");

	db_bind(st, "si", after, (int64_t)max);
	return schema_rows(
		st, fill_name, arena, names, sizeof(*names), max, n_out);
}
