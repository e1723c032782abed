/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Calendars and address books: the collections and their properties. A
 * collection row counts its resources, their bytes and its tombstones, and
 * holds the number of its last change, which is ctag and sync token at once
 * (RFC 6578 3.1). What a collection takes, properties too, counts for the
 * quota. A deleted one is emptied afterwards, like a mailbox (reap.c).
 */
#include "schema.h"

static enum err fill_collection(
	sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct collection_row *c = row;

	c->id = column_u64(st, 0);
	db_column_oid(st, 1, &c->oid);
	c->kind = (enum collection_kind)sqlite3_column_int(st, 2);
	c->sync = column_u64(st, 3);
	c->sync_oldest = column_u64(st, 4);
	c->resources = column_u64(st, 5);
	return schema_copy(arena, st, 6, &c->name);
}

#define COLLECTION_SELECT                                                      \
	"SELECT id, oid, kind, sync, sync_oldest, resources, name"             \
	" FROM collection "

enum err collection_list(struct account *a, enum collection_kind kind,
	struct arena *arena, struct collection_row *rows, size_t max,
	size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		COLLECTION_SELECT "WHERE kind = ? ORDER BY name LIMIT ?");

	db_bind(st, "ii", (int64_t)kind, (int64_t)max);
	return schema_rows(
		st, fill_collection, arena, rows, sizeof(*rows), max, n_out);
}

enum err collection_find(struct account *a, enum collection_kind kind,
	struct slice name, struct arena *arena, struct collection_row *out)
{
	sqlite3_stmt *st = db_stmt(
		account_db(a), COLLECTION_SELECT "WHERE kind = ? AND name = ?");

	db_bind(st, "is", (int64_t)kind, name);
	return schema_row(st, fill_collection, arena, out);
}

enum err path_segment(struct slice name)
{
	TRY(schema_name(name, LIMIT_SEGMENT_NAME));
	if (slice_find(name, '/') < name.n || slice_eqs(name, ".") ||
		slice_eqs(name, ".."))
		return ERR_SYNTAX;
	return ERR_OK;
}

static enum err check_new(
	struct db *d, enum collection_kind kind, struct slice name)
{
	int64_t n;

	if (kind != COLLECTION_CALENDAR && kind != COLLECTION_CONTACTS)
		return ERR_UNSUPPORTED;
	TRY(path_segment(name));
	TRY(db_int(d, &n,
		"SELECT count(*) FROM collection WHERE kind = ? AND name = ?",
		"is", (int64_t)kind, name));
	if (n > 0)
		return ERR_EXISTS;
	TRY(db_int(d, &n, "SELECT count(*) FROM collection", ""));
	return n >= LIMIT_COLLECTIONS ? ERR_LIMIT : ERR_OK;
}

enum err collection_create(struct account *a, enum collection_kind kind,
	struct slice name, uint64_t *id_out)
{
	struct db *d = account_db(a);
	struct oid oid;
	uint64_t id;

	TRY(db_write(d));
	TRY(check_new(d, kind, name));
	TRY(schema_next(d, &id));
	oid_new(&oid);
	TRY(db_run(d,
		"INSERT INTO collection(id, oid, kind, sync, sync_oldest,"
		" resources, size, gone, name)"
		" VALUES(?1, ?2, ?3, ?1, ?1, 0, 0, 0, ?4)",
		"uois", id, &oid, (int64_t)kind, name));
	db_note_change(a, WATCH_COLLECTION, id);
	*id_out = id;
	return ERR_OK;
}

enum err collection_delete(struct account *a, uint64_t id)
{
	struct db *d = account_db(a);
	uint64_t change;
	int64_t size;

	TRY(db_write(d));
	TRY(db_int(
		d, &size, "SELECT size FROM collection WHERE id = ?", "u", id));
	TRY(quota_charge(d, -size, 0, &change));
	TRY(db_run(d, "DELETE FROM collection WHERE id = ?", "u", id));
	TRY(db_run(d, "DELETE FROM collection_property WHERE collection = ?",
		"u", id));
	TRY(dead_add(a, DEAD_COLLECTION, id));
	db_note_change(a, WATCH_COLLECTION, id);
	return ERR_OK;
}

/* --- properties -------------------------------------------------------------- */

/* Bytes that a property takes now: 0 when it is not there. */
static enum err property_size(
	struct db *d, uint64_t id, struct slice name, int64_t *out)
{
	return db_int(d, out,
		"SELECT ifnull((SELECT length(value) FROM collection_property"
		" WHERE collection = ?1 AND name = ?2), 0)"
		" FROM collection WHERE id = ?1",
		"us", id, name);
}

static enum err check_property(struct account *a, uint64_t id,
	struct slice name, struct slice value, int64_t *old_out)
{
	struct db *d = account_db(a);
	int64_t n;

	TRY(schema_name(name, LIMIT_PROPERTY_NAME));
	if (value.n > LIMIT_PROPERTY)
		return ERR_LIMIT;
	TRY(property_size(d, id, name, old_out));
	if (value.n <= (size_t)*old_out)
		return ERR_OK;
	TRY(quota_check(a, value.n - (size_t)*old_out, 0));
	TRY(db_int(d, &n,
		"SELECT count(*) FROM collection_property"
		" WHERE collection = ?",
		"u", id));
	return *old_out == 0 && n >= LIMIT_PROPERTIES ? ERR_LIMIT : ERR_OK;
}

enum err collection_set_property(
	struct account *a, uint64_t id, struct slice name, struct slice value)
{
	struct db *d = account_db(a);
	uint64_t change;
	int64_t old, grown;

	TRY(db_write(d));
	TRY(check_property(a, id, name, value, &old));
	grown = (int64_t)value.n - old;
	TRY(quota_charge(d, grown, 0, &change));
	TRY(db_run(d, "UPDATE collection SET size = size + ? WHERE id = ?",
		"iu", grown, id));
	if (value.n == 0)
		TRY(db_run(d,
			"DELETE FROM collection_property"
			" WHERE collection = ? AND name = ?",
			"us", id, name));
	else
		TRY(db_run(d,
			"INSERT OR REPLACE INTO collection_property"
			" (collection, name, value) VALUES(?, ?, ?)",
			"usb", id, name, value));
	db_note_change(a, WATCH_COLLECTION, id);
	return ERR_OK;
}

static enum err fill_property(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct property *p = row;

	TRY(schema_copy(arena, st, 0, &p->name));
	return schema_copy(arena, st, 1, &p->value);
}

enum err collection_properties(struct account *a, uint64_t id,
	struct arena *arena, struct property *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT name, value FROM collection_property"
		" WHERE collection = ? ORDER BY name LIMIT ?");

	db_bind(st, "ui", id, (int64_t)max);
	return schema_rows(
		st, fill_property, arena, rows, sizeof(*rows), max, n_out);
}
