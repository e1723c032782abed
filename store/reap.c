/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Takes away what deleted mailboxes and collections held, in slices. Deleting
 * moves the id to the account's `dead` and the account to the tenant's `reap`;
 * from then on no reader finds it. Each slice is a transaction of its own, so
 * a crash leaves the rest for later.
 */
#include "schema.h"

/* Rows without bodies are cheap: so many more a slice. */
#define CHEAP 20

struct dead {
	enum dead_kind kind;
	uint64_t id;
};

enum err dead_add(struct account *a, enum dead_kind kind, uint64_t id)
{
	struct db *tenant = tenant_db(account_store(a));

	TRY(db_run(account_db(a), "INSERT INTO dead(kind, id) VALUES(?, ?)",
		"iu", (int64_t)kind, id));
	TRY(db_write(tenant));
	return db_run(tenant, "INSERT OR IGNORE INTO reap(account) VALUES(?)",
		"i", (int64_t)account_number(a));
}

struct named {
	uint64_t key; /* uid or resource */
	uint64_t body;
};

static enum err fill_named(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct named *n = row;

	n->key = column_u64(st, 0);
	n->body = column_u64(st, 1);
	return ERR_OK;
}

/* Drops the bodies of the first rows that `sql` gives. */
static enum err unref_some(struct account *a, const char *sql, uint64_t id,
	size_t max, struct named *rows, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a), sql);

	db_bind(st, "ui", id, (int64_t)max);
	TRY(schema_rows(st, fill_named, NULL, rows, sizeof(*rows), max, n_out));
	for (size_t i = 0; i < *n_out; i++)
		TRY(body_unref(a, rows[i].body));
	return ERR_OK;
}

static enum err reap_messages(struct account *a, uint64_t id,
	struct named *rows, size_t max, bool *done)
{
	struct db *d = account_db(a);
	size_t n;

	TRY(unref_some(a,
		"SELECT uid, body FROM message WHERE mailbox = ?"
		" ORDER BY uid LIMIT ?",
		id, max, rows, &n));
	if (n > 0)
		return db_run(d,
			"DELETE FROM message WHERE mailbox = ? AND uid <= ?",
			"uu", id, rows[n - 1].key);
	TRY(db_run(d,
		"DELETE FROM vanished WHERE (mailbox, modseq, uid) IN"
		" (SELECT mailbox, modseq, uid FROM vanished"
		" WHERE mailbox = ? LIMIT ?)",
		"ui", id, (int64_t)(max * CHEAP)));
	*done = db_changes(d) == 0;
	if (!*done)
		return ERR_OK;
	return db_run(d, "DELETE FROM keyword WHERE mailbox = ?", "u", id);
}

static enum err reap_resources(struct account *a, uint64_t id,
	struct named *rows, size_t max, bool *done)
{
	struct db *d = account_db(a);
	size_t n;

	TRY(unref_some(a,
		"SELECT id, body FROM resource WHERE collection = ?"
		" LIMIT ?",
		id, max, rows, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(db_run(d, "DELETE FROM resource WHERE id = ?", "u",
			rows[i].key));
		TRY(db_run(d, "DELETE FROM resource_span WHERE resource = ?",
			"u", rows[i].key));
	}
	if (n > 0)
		return ERR_OK;
	TRY(db_run(d,
		"DELETE FROM resource_gone WHERE (collection, change) IN"
		" (SELECT collection, change FROM resource_gone"
		" WHERE collection = ? LIMIT ?)",
		"ui", id, (int64_t)(max * CHEAP)));
	*done = db_changes(d) == 0;
	return ERR_OK;
}

static enum err fill_dead(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct dead *d = row;

	d->kind = (enum dead_kind)sqlite3_column_int(st, 0);
	d->id = column_u64(st, 1);
	return ERR_OK;
}

static enum err reap_account(struct account *a, struct named *rows, size_t max)
{
	struct db *d = account_db(a);
	struct db *tenant = tenant_db(account_store(a));
	bool done = false;
	struct dead dead;
	enum err e;

	TRY(db_write(d));
	TRY(db_write(tenant));
	e = schema_row(db_stmt(d, "SELECT kind, id FROM dead LIMIT 1"),
		fill_dead, NULL, &dead);
	if (e == ERR_NOTFOUND)
		return db_run(tenant, "DELETE FROM reap WHERE account = ?", "i",
			(int64_t)account_number(a));
	TRY(e);
	TRY(dead.kind == DEAD_MAILBOX
			? reap_messages(a, dead.id, rows, max, &done)
			: reap_resources(a, dead.id, rows, max, &done));
	if (!done)
		return ERR_OK;
	return db_run(d, "DELETE FROM dead WHERE kind = ? AND id = ?", "iu",
		(int64_t)dead.kind, dead.id);
}

static enum err reap_slice(
	struct store *s, uint32_t number, struct named *rows, size_t max)
{
	struct account *a;
	enum err e;

	TRY(account_open(s, number, &a));
	e = store_begin_freeing(s);
	if (e == ERR_OK) {
		e = reap_account(a, rows, max);
		if (e == ERR_OK)
			e = store_commit(s, NULL);
		else
			store_rollback(s);
	}
	account_close(a);
	return e;
}

enum err schema_reap(struct store *s, size_t max, bool *more_out)
{
	struct named *rows;
	int64_t number;
	enum err e = db_int(
		tenant_db(s), &number, "SELECT account FROM reap LIMIT 1", "");

	if (e == ERR_NOTFOUND) {
		*more_out = false;
		return ERR_OK;
	}
	TRY(e);
	rows = mem_resize(NULL, max, sizeof(*rows));
	if (!rows)
		return ERR_NOMEM;
	e = reap_slice(s, (uint32_t)number, rows, max);
	mem_free(rows);
	TRY(e);
	*more_out = true;
	return ERR_OK;
}
