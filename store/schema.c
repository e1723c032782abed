/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the schema files share: reading rows into arrays, the account's counter
 * of changes, names, and the quota. Everything about an account lies in the
 * account's own database, also what it uses of its quota; the maxima are the
 * administrator's and lie with the user in the tenant's database.
 */
#include "schema.h"

enum err schema_rows(sqlite3_stmt *st, row_fn fill, struct arena *arena,
	void *rows, size_t width, size_t max, size_t *n_out)
{
	enum err e = ERR_OK;
	size_t n = 0;

	while (n < max && (e = db_step(st)) == ERR_OK) {
		e = fill(st, arena, (char *)rows + n * width);
		if (e != ERR_OK)
			break;
		n++;
	}
	db_done(st);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*n_out = n;
	return ERR_OK;
}

enum err schema_fill_u32(sqlite3_stmt *st, struct arena *arena, void *row)
{
	*(uint32_t *)row = column_u32(st, 0);
	return ERR_OK;
}

enum err schema_row(
	sqlite3_stmt *st, row_fn fill, struct arena *arena, void *row)
{
	enum err e = db_step(st);

	if (e == ERR_OK)
		e = fill(st, arena, row);
	db_done(st);
	return e;
}

enum err schema_copy(
	struct arena *arena, sqlite3_stmt *st, int column, struct slice *out)
{
	struct slice copy = arena_copy(arena, db_column(st, column));

	if (!copy.p)
		return ERR_NOMEM;
	*out = copy;
	return ERR_OK;
}

enum err schema_int(sqlite3_stmt *st, int64_t *out)
{
	int64_t value = 0;
	enum err e = db_step(st);

	if (e == ERR_OK) {
		value = sqlite3_column_int64(st, 0);
		e = db_step(st);
		if (e == ERR_OK)
			e = ERR_BUG; /* one row was asked for */
		else if (e == ERR_NOTFOUND)
			e = ERR_OK;
	}
	db_done(st);
	if (e == ERR_OK)
		*out = value;
	return e;
}

enum err schema_next(struct db *d, uint64_t *change_out)
{
	int64_t change;

	TRY(schema_int(db_stmt(d, "UPDATE state SET change = change + 1"
				  " RETURNING change"),
		&change));
	*change_out = (uint64_t)change;
	return ERR_OK;
}

enum err schema_name(struct slice name, size_t max)
{
	if (name.n == 0 || !utf8_valid(name))
		return ERR_SYNTAX;
	if (name.n > max)
		return ERR_LIMIT;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return ERR_SYNTAX;
	return ERR_OK;
}

/* --- quota ------------------------------------------------------------------ */

static enum err fill_used(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct quota *q = row;

	q->bytes = column_u64(st, 0);
	q->messages = column_u64(st, 1);
	return ERR_OK;
}

static enum err fill_max(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct quota *q = row;

	q->bytes_max = column_u64(st, 0);
	q->messages_max = column_u64(st, 1);
	return ERR_OK;
}

enum err account_quota(struct account *a, struct quota *out)
{
	struct quota q = { 0 };
	sqlite3_stmt *st;

	TRY(schema_row(
		db_stmt(account_db(a), "SELECT bytes, messages FROM state"),
		fill_used, NULL, &q));
	st = db_stmt(tenant_db(account_store(a)),
		"SELECT bytes_max, messages_max FROM user WHERE account = ?");
	db_bind(st, "i", (int64_t)account_number(a));
	enum err e = schema_row(st, fill_max, NULL, &q);
	if (e != ERR_OK && e != ERR_NOTFOUND) /* the tenant's: no limits */
		return e;
	*out = q;
	return ERR_OK;
}

static bool has_room(uint64_t used, uint64_t more, uint64_t max)
{
	return max == 0 || (used <= max && more <= max - used);
}

enum err quota_check(struct account *a, uint64_t bytes, uint64_t messages)
{
	struct quota q;

	TRY(account_quota(a, &q));
	if (!has_room(q.bytes, bytes, q.bytes_max) ||
		!has_room(q.messages, messages, q.messages_max))
		return ERR_OVERQUOTA;
	return ERR_OK;
}

enum err quota_charge(
	struct db *d, int64_t bytes, int64_t messages, uint64_t *change_out)
{
	sqlite3_stmt *st = db_stmt(d,
		"UPDATE state SET change = change + 1, bytes = bytes + ?,"
		" messages = messages + ? RETURNING change");
	int64_t change;

	db_bind(st, "ii", bytes, messages);
	TRY(schema_int(st, &change));
	*change_out = (uint64_t)change;
	return ERR_OK;
}
