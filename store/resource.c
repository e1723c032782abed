/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Resources: what a collection holds. The data is a body (body.c), the row has
 * what queries need without opening it: UID, component, and the spans of time
 * that the worker's expansion gave. Each change takes the account's next
 * number as entity tag; a deletion leaves a tombstone, of which the newest
 * LIMIT_RESOURCES_GONE are kept for sync reports (RFC 6578 3.8).
 */
#include "schema.h"

/* Forgotten together when there are more than LIMIT_RESOURCES_GONE. */
#define GONE_STEP 100
/* Spans are cut here: beyond what any calendar means, and short enough for
 * their length to fit. */
#define FAR (INT64_C(1) << 61)

struct stored {
	uint64_t id; /* 0: new */
	uint64_t body;
	int64_t size;
	struct oid oid;
};

static enum err fill_stored(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct stored *r = row;

	r->id = column_u64(st, 0);
	r->body = column_u64(st, 1);
	r->size = sqlite3_column_int64(st, 2);
	db_column_oid(st, 3, &r->oid);
	return ERR_OK;
}

static enum err load(struct db *d, uint64_t collection, struct slice name,
	struct stored *out)
{
	sqlite3_stmt *st = db_stmt(d, "SELECT id, body, size, oid FROM resource"
				      " WHERE collection = ? AND name = ?");

	db_bind(st, "us", collection, name);
	return schema_row(st, fill_stored, NULL, out);
}

static enum err exists(struct db *d, uint64_t collection)
{
	int64_t one;

	return db_int(d, &one, "SELECT 1 FROM collection WHERE id = ?", "u",
		collection);
}

static enum err check_sizes(const struct resource_new *r)
{
	TRY(path_segment(r->name));
	TRY(schema_name(r->uid, LIMIT_UID));
	TRY(schema_name(r->component, LIMIT_KEYWORD_NAME));
	if (r->data.n > LIMIT_RESOURCE || r->n_spans > LIMIT_SPANS)
		return ERR_LIMIT;
	for (size_t i = 0; i < r->n_spans; i++)
		if (r->spans[i].end < r->spans[i].start ||
			r->spans[i].start >= FAR || r->spans[i].end <= -FAR)
			return ERR_SYNTAX;
	return ERR_OK;
}

/* RFC 4791 5.3.2.1, no-uid-conflict: neither a UID that another resource of
 * the collection has, nor another UID than the replaced one had. */
static enum err check_uid(struct db *d, uint64_t collection,
	const struct resource_new *r, const struct stored *old)
{
	int64_t id;
	enum err e = db_int(d, &id,
		"SELECT id FROM resource WHERE collection = ? AND uid = ?",
		"us", collection, r->uid);

	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	if (e == ERR_NOTFOUND)
		return old->id ? ERR_CONFLICT : ERR_OK;
	return (uint64_t)id == old->id ? ERR_OK : ERR_CONFLICT;
}

static enum err check_put(struct account *a, uint64_t collection,
	const struct resource_new *r, struct stored *old)
{
	struct db *d = account_db(a);
	enum err e;

	*old = (struct stored){ 0 };
	TRY(check_sizes(r));
	TRY(exists(d, collection));
	e = load(d, collection, r->name, old);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	TRY(check_uid(d, collection, r, old));
	if ((int64_t)r->data.n > old->size)
		TRY(quota_check(a, r->data.n - (uint64_t)old->size, 0));
	return ERR_OK;
}

/* --- spans ---------------------------------------------------------------------- */

static struct span cut(struct span s)
{
	if (s.start < -FAR)
		s.start = -FAR;
	if (s.end > FAR)
		s.end = FAR;
	return s;
}

struct bounds {
	int64_t first, last, longest;
};

static struct bounds bounds_of(const struct resource_new *r)
{
	struct bounds b = { INT64_MAX, INT64_MIN, 0 };

	for (size_t i = 0; i < r->n_spans; i++) {
		struct span s = cut(r->spans[i]);
		if (s.start < b.first)
			b.first = s.start;
		if (s.end > b.last)
			b.last = s.end;
		if (s.end - s.start > b.longest)
			b.longest = s.end - s.start;
	}
	return b;
}

static enum err put_spans(
	struct db *d, uint64_t id, const struct resource_new *r)
{
	TRY(db_run(d, "DELETE FROM resource_span WHERE resource = ?", "u", id));
	for (size_t i = 0; i < r->n_spans; i++) {
		struct span s = cut(r->spans[i]);
		TRY(db_run(d,
			"INSERT OR IGNORE INTO resource_span(resource, start,"
			" until) VALUES(?, ?, ?)",
			"uii", id, s.start, s.end));
	}
	return ERR_OK;
}

/* --- put -------------------------------------------------------------------------- */

static enum err insert(struct db *d, uint64_t collection,
	const struct resource_new *r, uint64_t change, uint64_t body)
{
	struct bounds b = bounds_of(r);
	struct oid oid;

	oid_new(&oid);
	TRY(db_run(d,
		"INSERT INTO resource(id, etag, oid, collection, size,"
		" created, modified, body, horizon, first, last, longest,"
		" component, name, uid) VALUES(?1, ?1, ?2, ?3, ?4, ?5, ?5,"
		" ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
		"uouuiuiiiisss", change, &oid, collection, (uint64_t)r->data.n,
		schema_now(), body, r->horizon, b.first, b.last, b.longest,
		r->component, r->name, r->uid));
	TRY(db_run(d,
		"DELETE FROM resource_gone WHERE collection = ? AND name = ?",
		"us", collection, r->name));
	return db_run(d, "UPDATE collection SET gone = gone - ? WHERE id = ?",
		"iu", (int64_t)db_changes(d), collection);
}

static enum err replace(struct account *a, const struct resource_new *r,
	uint64_t change, uint64_t body, const struct stored *old)
{
	struct bounds b = bounds_of(r);

	TRY(db_run(account_db(a),
		"UPDATE resource SET etag = ?, size = ?, modified = ?,"
		" body = ?, horizon = ?, first = ?, last = ?, longest = ?,"
		" component = ? WHERE id = ?",
		"uuiuiiiisu", change, (uint64_t)r->data.n, schema_now(), body,
		r->horizon, b.first, b.last, b.longest, r->component, old->id));
	return body_unref(a, old->body);
}

enum err resource_put(struct account *a, uint64_t collection,
	const struct resource_new *r, uint64_t *etag_out)
{
	struct db *d = account_db(a);
	uint64_t body, change;
	struct stored old;
	int64_t grown;

	TRY(db_write(d));
	TRY(check_put(a, collection, r, &old));
	grown = (int64_t)r->data.n - old.size;
	TRY(body_keep(a, r->data, &body));
	TRY(quota_charge(d, grown, 0, &change));
	TRY(old.id ? replace(a, r, change, body, &old)
		   : insert(d, collection, r, change, body));
	TRY(put_spans(d, old.id ? old.id : change, r));
	TRY(db_run(d,
		"UPDATE collection SET sync = ?, size = size + ?,"
		" resources = resources + ? WHERE id = ?",
		"uiiu", change, grown, (int64_t)(old.id == 0), collection));
	db_note_change(a, WATCH_COLLECTION, collection);
	*etag_out = change;
	return ERR_OK;
}

/* --- delete ------------------------------------------------------------------------- */

static enum err forget_gone(struct db *d, uint64_t collection)
{
	int64_t gone, oldest;

	TRY(db_int(d, &gone, "SELECT gone FROM collection WHERE id = ?", "u",
		collection));
	if (gone <= LIMIT_RESOURCES_GONE)
		return ERR_OK;
	TRY(db_int(d, &oldest,
		"SELECT change FROM resource_gone WHERE collection = ?"
		" ORDER BY change LIMIT 1 OFFSET ?",
		"ui", collection, (int64_t)GONE_STEP - 1));
	TRY(db_run(d,
		"DELETE FROM resource_gone"
		" WHERE collection = ? AND change <= ?",
		"ui", collection, oldest));
	return db_run(d,
		"UPDATE collection SET gone = gone - ?, sync_oldest = ?"
		" WHERE id = ?",
		"iiu", (int64_t)db_changes(d), oldest, collection);
}

enum err resource_delete(
	struct account *a, uint64_t collection, struct slice name)
{
	struct db *d = account_db(a);
	struct stored old;
	uint64_t change;

	TRY(db_write(d));
	TRY(exists(d, collection));
	TRY(load(d, collection, name, &old));
	TRY(quota_charge(d, -old.size, 0, &change));
	TRY(db_run(d, "DELETE FROM resource WHERE id = ?", "u", old.id));
	TRY(db_run(d, "DELETE FROM resource_span WHERE resource = ?", "u",
		old.id));
	TRY(body_unref(a, old.body));
	TRY(db_run(d,
		"INSERT INTO resource_gone(collection, change, resource, oid,"
		" name) VALUES(?, ?, ?, ?, ?)",
		"uuuos", collection, change, old.id, &old.oid, name));
	TRY(db_run(d,
		"UPDATE collection SET sync = ?, size = size - ?,"
		" resources = resources - 1, gone = gone + 1 WHERE id = ?",
		"uiu", change, old.size, collection));
	db_note_change(a, WATCH_COLLECTION, collection);
	return forget_gone(d, collection);
}
