/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Credentials: what proves a user, as RFC 5802 3 derives it from a password.
 * The password itself and anything it could be read from are not kept. A label
 * says which device it is for, so that one can be withdrawn alone.
 */
#include "schema.h"

static enum err remove_label(struct db *d, uint32_t account, struct slice label)
{
	return db_run(d,
		"DELETE FROM credential WHERE account = ? AND label = ?", "is",
		(int64_t)account, label);
}

enum err credential_set(
	struct store *s, uint32_t account, const struct credential *c)
{
	struct db *d = tenant_db(s);
	uint64_t id;
	int64_t n;

	TRY(db_write(d));
	TRY(schema_name(c->label, LIMIT_CREDENTIAL_LABEL));
	TRY(user_exists(s, account));
	TRY(db_int(d, &n,
		"SELECT count(*) FROM credential"
		" WHERE account = ? AND label <> ?",
		"is", (int64_t)account, c->label));
	if (n >= LIMIT_CREDENTIALS)
		return ERR_LIMIT;
	TRY(remove_label(d, account, c->label));
	TRY(schema_next(d, &id));
	return db_run(d,
		"INSERT INTO credential(id, account, iterations, salt,"
		" stored_key, server_key, created, label)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		"uiibbbis", id, (int64_t)account, (int64_t)c->iterations,
		slice_of(c->salt, sizeof(c->salt)),
		slice_of(c->stored_key, sizeof(c->stored_key)),
		slice_of(c->server_key, sizeof(c->server_key)), c->created,
		c->label);
}

enum err credential_remove(
	struct store *s, uint32_t account, struct slice label)
{
	struct db *d = tenant_db(s);

	TRY(db_write(d));
	TRY(remove_label(d, account, label));
	return db_changes(d) > 0 ? ERR_OK : ERR_NOTFOUND;
}

/* A blob of exactly `n` bytes. */
static enum err copy_bytes(sqlite3_stmt *st, int column, uint8_t *out, size_t n)
{
	struct slice s = db_column(st, column);

	if (s.n != n)
		return ERR_CORRUPT;
	memcpy(out, s.p, n);
	return ERR_OK;
}

static enum err fill_credential(
	sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct credential *c = row;

	c->id = column_u64(st, 0);
	c->iterations = column_u32(st, 1);
	TRY(copy_bytes(st, 2, c->salt, sizeof(c->salt)));
	TRY(copy_bytes(st, 3, c->stored_key, sizeof(c->stored_key)));
	TRY(copy_bytes(st, 4, c->server_key, sizeof(c->server_key)));
	c->created = sqlite3_column_int64(st, 5);
	return schema_copy(arena, st, 6, &c->label);
}

enum err credential_list(struct store *s, uint32_t account, struct arena *arena,
	struct credential *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT id, iterations, salt, stored_key, server_key, created,"
		" label FROM credential WHERE account = ?"
		" ORDER BY id LIMIT ?");

	db_bind(st, "ii", (int64_t)account, (int64_t)max);
	return schema_rows(
		st, fill_credential, arena, rows, sizeof(*rows), max, n_out);
}
