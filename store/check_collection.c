/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks of collections: each row's numbers against its resources, tombstones
 * and properties, counted one by one.
 */
#include <inttypes.h>

#include "check.h"

#define RESOURCES 50 /* a page: their spans are looked at too */

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

	db_bind(st, "uui", collection, after, (int64_t)(RESOURCES));
	return schema_rows(
		st, fill_resource, NULL, rows, sizeof(*rows), RESOURCES, n_out);
}

/* A page; ERR_AGAIN: there are more. */
static enum err count_resources(struct check *k)
{
	struct collection_check *said = &k->at.collection.said;
	struct collection_check *found = &k->at.collection.found;
	struct resource_check rows[RESOURCES];
	size_t n;

	TRY(page_resources(k, said->id, k->at.after, rows, &n));
	for (size_t i = 0; i < n; i++) {
		const struct resource_check *r = &rows[i];
		k->at.after = r->id;
		k->seen.resources++;
		found->resources++;
		found->size += r->size;
		check_equal(
			k, "resource", r->id, "size", r->size, r->body_size);
		if (r->etag > said->sync || !r->spans_within)
			check_report(k,
				"resource %" PRIu64 " is outside its bounds",
				r->id);
		TRY(check_body_named(k, r->body));
	}
	return n == RESOURCES ? ERR_AGAIN : ERR_OK;
}

static enum err end_collection(struct check *k)
{
	struct collection_check *said = &k->at.collection.said;
	struct collection_check *found = &k->at.collection.found;
	int64_t gone, properties;

	TRY(db_int(k->db, &gone,
		"SELECT count(*) FROM resource_gone WHERE collection = ?"
		" AND change > ? AND change <= ?",
		"uuu", said->id, said->oldest, said->sync));
	TRY(db_int(k->db, &properties,
		"SELECT ifnull(sum(length(value)), 0)"
		" FROM collection_property WHERE collection = ?",
		"u", said->id));
	found->size += (uint64_t)properties;
	check_equal(k, "collection", said->id, "resources", said->resources,
		found->resources);
	check_equal(k, "collection", said->id, "size", said->size, found->size);
	check_equal(
		k, "collection", said->id, "gone", said->gone, (uint64_t)gone);
	if (said->sync > k->said.change || said->oldest > said->sync)
		check_report(k, "collection %" PRIu64 ": above the counter",
			said->id);
	k->bytes += found->size;
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

enum { NEXT, RESOURCES_OF };

enum err check_collections(struct check *k, const struct check_part *part)
{
	struct collection_check *said = &k->at.collection.said;

	(void)part;
	if (k->at.stage == NEXT) {
		enum err e = next_collection(k, k->at.id, said);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		k->at.collection.found = (struct collection_check){ 0 };
		k->at.id = said->id;
		k->at.after = 0;
		k->at.stage = RESOURCES_OF;
		return ERR_AGAIN;
	}
	TRY(count_resources(k));
	TRY(end_collection(k));
	k->at.stage = NEXT;
	return ERR_AGAIN;
}

/* Those of deleted collections keep their bodies until they are reaped. */
enum err check_dead_collections(struct check *k, const struct check_part *part)
{
	struct resource_check rows[RESOURCES];
	size_t n;

	(void)part;
	if (k->at.stage == NEXT) {
		enum err e = check_next_dead(k, DEAD_COLLECTION);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		k->at.stage = RESOURCES_OF;
	}
	TRY(page_resources(k, k->at.id, k->at.after, rows, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(check_body_named(k, rows[i].body));
		k->at.after = rows[i].id;
	}
	if (n < RESOURCES)
		k->at.stage = NEXT;
	return ERR_AGAIN;
}
