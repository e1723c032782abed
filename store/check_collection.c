/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks of collections: each row's numbers against its resources, tombstones
 * and properties, counted one by one.
 */
#include <inttypes.h>

#include "check.h"

struct collection_check {
	uint64_t id, sync, oldest, resources, size, gone;
};

static enum err fill_collection(
	sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct collection_check *c = row;

	c->id = column_u64(st, 0);
	c->sync = column_u64(st, 1);
	c->oldest = column_u64(st, 2);
	c->resources = column_u64(st, 3);
	c->size = column_u64(st, 4);
	c->gone = column_u64(st, 5);
	return ERR_OK;
}

struct resource_check {
	uint64_t id, etag, size, body, body_size;
	bool spans_within;
};

static enum err fill_resource(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct resource_check *r = row;

	r->id = column_u64(st, 0);
	r->etag = column_u64(st, 1);
	r->size = column_u64(st, 2);
	r->body = column_u64(st, 3);
	r->body_size = column_u64(st, 4);
	r->spans_within = sqlite3_column_int(st, 5) != 0;
	return ERR_OK;
}

/* A page of resources of a collection, by id. */
static enum err page_resources(struct check *k, uint64_t collection,
	uint64_t after, struct resource_check *rows, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT id, etag, size, body, (SELECT b.size FROM body AS b"
		" WHERE b.id = r.body), NOT EXISTS (SELECT 1"
		" FROM resource_span AS s WHERE s.resource = r.id"
		" AND (s.start < r.first OR s.until > r.last"
		" OR s.until - s.start > r.longest)) FROM resource AS r"
		" WHERE collection = ? AND id > ? ORDER BY id LIMIT ?");

	db_bind(st, "uui", collection, after, (int64_t)(CHECK_PAGE / 10));
	return schema_rows(st, fill_resource, NULL, rows, sizeof(*rows),
		CHECK_PAGE / 10, n_out);
}

static enum err count_resources(struct check *k,
	const struct collection_check *said, struct collection_check *found)
{
	struct resource_check rows[CHECK_PAGE / 10];
	size_t n = CHECK_PAGE / 10;
	uint64_t after = 0;

	while (n == CHECK_PAGE / 10) {
		TRY(page_resources(k, said->id, after, rows, &n));
		for (size_t i = 0; i < n; i++) {
			const struct resource_check *r = &rows[i];
			after = r->id;
			k->c->resources++;
			found->resources++;
			found->size += r->size;
			check_equal(k, "resource", r->id, "size", r->size,
				r->body_size);
			if (r->etag > said->sync || !r->spans_within)
				check_report(k,
					"resource %" PRIu64
					" is outside its bounds",
					r->id);
			TRY(check_body_named(k, r->body));
		}
	}
	return ERR_OK;
}

static enum err check_collection(
	struct check *k, const struct collection_check *said)
{
	struct collection_check found = { 0 };
	int64_t gone, properties;

	TRY(count_resources(k, said, &found));
	TRY(db_int(k->db, &gone,
		"SELECT count(*) FROM resource_gone WHERE collection = ?"
		" AND change > ? AND change <= ?",
		"uuu", said->id, said->oldest, said->sync));
	TRY(db_int(k->db, &properties,
		"SELECT ifnull(sum(length(value)), 0)"
		" FROM collection_property WHERE collection = ?",
		"u", said->id));
	found.size += (uint64_t)properties;
	check_equal(k, "collection", said->id, "resources", said->resources,
		found.resources);
	check_equal(k, "collection", said->id, "size", said->size, found.size);
	check_equal(
		k, "collection", said->id, "gone", said->gone, (uint64_t)gone);
	if (said->sync > k->change || said->oldest > said->sync)
		check_report(k, "collection %" PRIu64 ": above the counter",
			said->id);
	k->bytes += found.size;
	return ERR_OK;
}

static enum err next_collection(
	struct check *k, uint64_t after, struct collection_check *c)
{
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT id, sync, sync_oldest, resources, size, gone"
		" FROM collection WHERE id > ? ORDER BY id LIMIT 1");

	db_bind(st, "u", after);
	return schema_row(st, fill_collection, NULL, c);
}

static enum err name_dead_bodies(struct check *k)
{
	struct resource_check rows[CHECK_PAGE / 10];
	int64_t id = 0;
	enum err e;

	while ((e = db_int(k->db, &id,
			"SELECT id FROM dead WHERE kind = 2 AND id > ?"
			" ORDER BY id LIMIT 1",
			"i", id)) == ERR_OK) {
		size_t n = CHECK_PAGE / 10;
		uint64_t after = 0;
		while (n == CHECK_PAGE / 10) {
			TRY(page_resources(k, (uint64_t)id, after, rows, &n));
			for (size_t i = 0; i < n; i++)
				TRY(check_body_named(k, rows[i].body));
			if (n > 0)
				after = rows[n - 1].id;
		}
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err check_collections(struct check *k)
{
	struct collection_check c;
	uint64_t after = 0;
	enum err e;

	while ((e = next_collection(k, after, &c)) == ERR_OK) {
		TRY(check_collection(k, &c));
		after = c.id;
	}
	if (e != ERR_NOTFOUND)
		return e;
	TRY(name_dead_bodies(k));
	TRY(check_owners(k, "resource",
		"SELECT r.id, EXISTS (SELECT 1 FROM collection AS c"
		" WHERE c.id = r.collection) OR EXISTS (SELECT 1 FROM dead"
		" WHERE kind = 2 AND dead.id = r.collection)"
		" FROM resource AS r WHERE r.id > ? ORDER BY r.id LIMIT 500"));
	return check_owners(k, "spans",
		"SELECT s.resource, max(r.id) IS NOT NULL FROM resource_span"
		" AS s LEFT JOIN resource AS r ON r.id = s.resource"
		" WHERE s.resource > ? GROUP BY s.resource"
		" ORDER BY s.resource LIMIT 500");
}
