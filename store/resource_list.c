/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading resources: one, pages by name, by time range and by change. One
 * statement per page, closed when the call returns.
 */
#include "schema.h"

static enum err fill_resource(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct resource_row *r = row;

	r->id = column_u64(st, 0);
	db_column_oid(st, 1, &r->oid);
	TRY(schema_copy(arena, st, 2, &r->name));
	TRY(schema_copy(arena, st, 3, &r->uid));
	TRY(schema_copy(arena, st, 4, &r->component));
	r->etag = column_u64(st, 5);
	r->size = column_u64(st, 6);
	r->created = sqlite3_column_int64(st, 7);
	r->modified = sqlite3_column_int64(st, 8);
	r->deleted = sqlite3_column_int(st, 9) != 0;
	return ERR_OK;
}

#define RESOURCE_SELECT                                                        \
	"SELECT id, oid, name, uid, component, etag, size, created, modified," \
	" 0 FROM resource AS r "

/* Rows of a deleted collection may still be there, waiting for reap.c. */
static enum err check_collection(struct db *d, uint64_t id)
{
	int64_t one;

	return db_int(
		d, &one, "SELECT 1 FROM collection WHERE id = ?", "u", id);
}

enum err resource_find(struct account *a, uint64_t collection,
	struct slice name, struct arena *arena, struct resource_row *out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_collection(d, collection));
	st = db_stmt(d, RESOURCE_SELECT "WHERE collection = ? AND name = ?");
	db_bind(st, "us", collection, name);
	return schema_row(st, fill_resource, arena, out);
}

enum err resource_find_uid(struct account *a, uint64_t collection,
	struct slice uid, struct arena *arena, struct resource_row *out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_collection(d, collection));
	st = db_stmt(d, RESOURCE_SELECT "WHERE collection = ? AND uid = ?");
	db_bind(st, "us", collection, uid);
	return schema_row(st, fill_resource, arena, out);
}

enum err resource_data(
	struct account *a, uint64_t id, struct arena *arena, struct slice *out)
{
	struct db *d = account_db(a);
	uint64_t size, done = 0;
	int64_t body;
	char *p;

	TRY(db_int(
		d, &body, "SELECT body FROM resource WHERE id = ?", "u", id));
	TRY(body_size(a, (uint64_t)body, &size));
	p = arena_alloc(arena, size + 1);
	if (!p)
		return ERR_NOMEM;
	while (done < size) {
		size_t got;
		TRY(body_read(
			a, (uint64_t)body, done, p + done, size - done, &got));
		if (got == 0)
			return ERR_CORRUPT;
		done += got;
	}
	*out = slice_of(p, size);
	return ERR_OK;
}

enum err resource_list(struct account *a, uint64_t collection,
	struct slice after, struct arena *arena, struct resource_row *rows,
	size_t max, size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_collection(d, collection));
	st = db_stmt(d, RESOURCE_SELECT "WHERE collection = ? AND name > ?"
					" ORDER BY name LIMIT ?");
	db_bind(st, "usi", collection, after, (int64_t)max);
	return schema_rows(
		st, fill_resource, arena, rows, sizeof(*rows), max, n_out);
}

enum err resource_in_range(struct account *a, uint64_t collection,
	struct slice component, int64_t start, int64_t end, uint64_t after_id,
	struct arena *arena, struct resource_row *rows, size_t max,
	size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_collection(d, collection));
	/* A span without length overlaps when it begins in the range
	 * (RFC 4791 9.9). No span that begins more than `longest` before the
	 * range reaches into it. */
	st = db_stmt(d, RESOURCE_SELECT
		"INDEXED BY resource_range"
		" WHERE collection = ?1 AND id > ?2"
		" AND (?3 = '' OR component = ?3)"
		" AND (horizon < ?5 OR (first < ?5 AND last >= ?4"
		" AND EXISTS (SELECT 1 FROM resource_span AS s"
		" WHERE s.resource = r.id AND s.start < ?5"
		" AND s.start >= ?4 - r.longest"
		" AND (s.until > ?4 OR s.start >= ?4))))"
		" ORDER BY id LIMIT ?6");
	db_bind(st, "uusiii", collection, after_id, component, start, end,
		(int64_t)max);
	return schema_rows(
		st, fill_resource, arena, rows, sizeof(*rows), max, n_out);
}

struct sync_range {
	uint64_t newest, oldest;
};

static enum err fill_sync(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct sync_range *r = row;

	r->newest = column_u64(st, 0);
	r->oldest = column_u64(st, 1);
	return ERR_OK;
}

enum err resource_changes(struct account *a, uint64_t collection, uint64_t sync,
	struct arena *arena, struct resource_row *rows, size_t max,
	size_t *n_out)
{
	struct db *d = account_db(a);
	struct sync_range range;
	sqlite3_stmt *st;

	st = db_stmt(
		d, "SELECT sync, sync_oldest FROM collection WHERE id = ?");
	db_bind(st, "u", collection);
	TRY(schema_row(st, fill_sync, NULL, &range));
	if (sync < range.oldest || sync > range.newest)
		return ERR_EXPIRED;
	st = db_stmt(d,
		"SELECT id, oid, name, uid, component, etag, size, created,"
		" modified, 0 FROM resource"
		" WHERE collection = ?1 AND etag > ?2"
		" UNION ALL SELECT resource, oid, name, '', '', change, 0, 0,"
		" 0, 1 FROM resource_gone"
		" WHERE collection = ?1 AND change > ?2"
		" ORDER BY 6 LIMIT ?3");
	db_bind(st, "uui", collection, sync, (int64_t)max);
	return schema_rows(
		st, fill_resource, arena, rows, sizeof(*rows), max, n_out);
}
