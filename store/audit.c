/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The audit trail: a hash chain over its rows, numbered without gaps. The hash
 * of a row is SHA-256 over the hash before it (32 zeros for the first), id and
 * time (8 bytes each), account (4), and action, target and detail, each after
 * its length (4); integers big-endian. Whoever has an exported trail checks it
 * without us. That the end is not cut off is the store's own promise (head).
 */
#include "schema.h"
#include "seal.h"

static void add_text(struct buf *b, struct slice s)
{
	buf_add_be32(b, (uint32_t)s.n);
	buf_add_slice(b, s);
}

enum err audit_hash(
	const uint8_t before[32], const struct audit_row *row, uint8_t out[32])
{
	struct buf b;
	enum err e;

	buf_init(&b, 64 + 3 * (4 + LIMIT_STATUS));
	buf_add(&b, before, 32);
	buf_add_be64(&b, row->id);
	buf_add_be64(&b, (uint64_t)row->time);
	buf_add_be32(&b, row->account);
	add_text(&b, row->action);
	add_text(&b, row->target);
	add_text(&b, row->detail);
	e = buf_err(&b);
	if (e == ERR_OK)
		e = seal_hash(buf_slice(&b), out);
	buf_free(&b);
	return e;
}

static enum err copy_hash(sqlite3_stmt *st, int column, uint8_t out[32])
{
	struct slice s = db_column(st, column);

	if (s.n != 32)
		return ERR_CORRUPT;
	memcpy(out, s.p, 32);
	return ERR_OK;
}

static enum err fill_last(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct audit_row *r = row;

	r->id = column_u64(st, 0);
	return copy_hash(st, 1, r->hash);
}

enum err audit_add(struct store *s, const struct audit_row *row)
{
	struct db *d = tenant_db(s);
	struct audit_row last = { 0 }, add = *row;
	enum err e;

	TRY(db_write(d));
	e = schema_row(db_stmt(d, "SELECT id, hash FROM audit"
				  " ORDER BY id DESC LIMIT 1"),
		fill_last, NULL, &last);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	add.id = last.id + 1;
	add.action = status_cut(row->action);
	add.target = status_cut(row->target);
	add.detail = status_cut(row->detail);
	TRY(audit_hash(last.hash, &add, add.hash));
	return db_run(d,
		"INSERT INTO audit(id, time, account, hash, action, target,"
		" detail) VALUES(?, ?, ?, ?, ?, ?, ?)",
		"uiibsss", add.id, add.time, (int64_t)add.account,
		slice_of(add.hash, 32), add.action, add.target, add.detail);
}

static enum err fill_audit(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct audit_row *r = row;

	r->id = column_u64(st, 0);
	r->time = sqlite3_column_int64(st, 1);
	r->account = column_u32(st, 2);
	TRY(copy_hash(st, 3, r->hash));
	TRY(schema_copy(arena, st, 4, &r->action));
	TRY(schema_copy(arena, st, 5, &r->target));
	return schema_copy(arena, st, 6, &r->detail);
}

enum err audit_list(struct store *s, uint64_t after, struct arena *arena,
	struct audit_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT id, time, account, hash, action, target, detail"
		" FROM audit WHERE id > ? ORDER BY id LIMIT ?");

	db_bind(st, "ui", after, (int64_t)max);
	return schema_rows(
		st, fill_audit, arena, rows, sizeof(*rows), max, n_out);
}
