/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks of bodies: who names them, where they lie, what they take of which
 * segment; and all their bytes, each of which must verify.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check.h"
#include "internal.h"
#include "segref.h"

enum err check_body_named(struct check *k, uint64_t body)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 1024;
		uint64_t *p = mem_resize(k->bodies, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		k->bodies = p;
		k->cap = cap;
	}
	k->bodies[k->n++] = body;
	return ERR_OK;
}

enum err check_next_dead(struct check *k, enum dead_kind kind)
{
	int64_t id;

	TRY(db_int(k->db, &id,
		"SELECT id FROM dead WHERE kind = ? AND id > ?"
		" ORDER BY id LIMIT 1",
		"uu", (uint64_t)kind, k->at.id));
	k->at.id = (uint64_t)id;
	k->at.after = 0;
	return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------- */

struct body_check {
	uint64_t id, refs, size;
	bool in_segment, in_small;
	uint64_t small_size;
	size_t ref_n;
	char ref[SEGMENT_REF_MAX];
};

static enum err fill_body(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct body_check *b = row;

	b->id = column_u64(st, 0);
	b->refs = column_u64(st, 1);
	b->size = column_u64(st, 2);
	b->in_segment = sqlite3_column_int(st, 3) != 0;
	b->in_small = sqlite3_column_int(st, 4) != 0;
	b->small_size = column_u64(st, 5);
	struct slice ref = slice_head(db_column(st, 6), sizeof(b->ref));
	b->ref_n = ref.n;
	if (ref.n)
		memcpy(b->ref, ref.p, ref.n);
	return ERR_OK;
}

static void check_body(
	struct check *k, const struct body_check *b, uint64_t named)
{
	k->seen.bodies++;
	check_equal(k, "body", b->id, "refs", b->refs, named);
	if (b->in_segment == b->in_small)
		check_report(k, "body %" PRIu64 " lies in %s", b->id,
			b->in_small ? "two places" : "no place");
	if (b->in_small)
		check_equal(k, "body", b->id, "size", b->size, b->small_size);
}

static int by_number(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* How many rows name `id`; those before it that no body was found for are
 * reported. `*at` moves over the sorted array. */
static uint64_t count_named(struct check *k, uint64_t id, size_t *at)
{
	uint64_t named = 0;

	for (; *at < k->n && k->bodies[*at] <= id; ++*at) {
		if (k->bodies[*at] == id)
			named++;
		else
			check_report(k, "missing body %" PRIu64 " is named",
				k->bodies[*at]);
	}
	return named;
}

/* What the body takes of each of its segments. */
static enum err count_live(struct check *k, const struct body_check *b)
{
	struct segref r;

	if (segref_parse(slice_of(b->ref, b->ref_n), &r) != ERR_OK ||
		r.total != b->size) {
		check_report(k, "body %" PRIu64 " has no valid place", b->id);
		return ERR_OK;
	}
	for (uint32_t i = 0; i < r.n; i++) {
		uint64_t segment = r.extent[i].segment;
		size_t at = 0;
		if (!segref_first_in(&r, i))
			continue;
		while (at < k->n_live && k->live[at].segment != segment)
			at++;
		if (at == k->n_live && !PUSH(k->live, k->n_live, k->cap_live))
			return ERR_NOMEM;
		k->live[at].segment = segment;
		k->live[at].refs++;
		k->live[at].bytes += segref_bytes_in(&r, segment);
	}
	return ERR_OK;
}

/* References are large on the stack: few rows a step. */
#define BODIES 20

static enum err page_bodies(struct check *k, size_t *n_out)
{
	struct body_check rows[BODIES];
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT b.id, b.refs, b.size, b.ref IS NOT NULL,"
		" s.id IS NOT NULL, length(s.data), b.ref FROM body AS b"
		" LEFT JOIN body_small AS s ON s.id = b.id"
		" WHERE b.id > ? ORDER BY b.id LIMIT ?");

	db_bind(st, "ui", k->at.after, (int64_t)BODIES);
	TRY(schema_rows(
		st, fill_body, NULL, rows, sizeof(rows[0]), BODIES, n_out));
	for (size_t i = 0; i < *n_out; i++) {
		const struct body_check *b = &rows[i];
		k->at.after = b->id;
		k->at.unnamed += b->refs == 0;
		check_body(k, b, count_named(k, b->id, &k->at.i));
		if (b->in_segment)
			TRY(count_live(k, b));
	}
	return ERR_OK;
}

enum err check_bodies(struct check *k, const struct check_part *part)
{
	int64_t said;
	size_t n;

	(void)part;
	if (k->at.stage++ == 0) {
		if (k->n)
			qsort(k->bodies, k->n, sizeof(*k->bodies), by_number);
		return ERR_AGAIN;
	}
	TRY(page_bodies(k, &n));
	if (n == BODIES)
		return ERR_AGAIN;
	count_named(k, UINT64_MAX, &k->at.i);
	TRY(db_int(k->db, &said, "SELECT unnamed FROM state", ""));
	check_equal(k, "state", 1, "unnamed", (uint64_t)said, k->at.unnamed);
	return ERR_OK;
}

/* --- segments ------------------------------------------------------------------- */

static enum err fill_live(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct live_check *l = row;

	(void)arena;
	l->segment = column_u64(st, 0);
	l->refs = column_u64(st, 1);
	l->bytes = column_u64(st, 2);
	return ERR_OK;
}

static struct live_check take_live(struct check *k, uint64_t segment)
{
	struct live_check none = { .segment = segment };

	for (size_t i = 0; i < k->n_live; i++)
		if (k->live[i].segment == segment) {
			struct live_check l = k->live[i];
			k->live[i] = k->live[--k->n_live];
			return l;
		}
	return none;
}

/* One row of `core_live`: what the bodies take, and that the tenant's database
 * knows who names the segment. */
enum err check_live(struct check *k, const struct check_part *part)
{
	sqlite3_stmt *st =
		db_stmt(k->db, "SELECT segment, refs, bytes FROM core_live"
			       " WHERE segment > ? ORDER BY segment LIMIT 1");
	struct live_check said, found;
	int64_t named, all;

	(void)part;
	db_bind(st, "u", k->at.after);
	enum err e = schema_row(st, fill_live, NULL, &said);
	struct db *tenant = tenant_db(account_store(k->account));
	int64_t number = (int64_t)account_number(k->account);
	if (e == ERR_OK) {
		found = take_live(k, said.segment);
		check_equal(k, "segment", said.segment, "refs", said.refs,
			found.refs);
		check_equal(k, "segment", said.segment, "bytes", said.bytes,
			found.bytes);
		TRY(db_int(tenant, &named,
			"SELECT count(*) FROM core_segment"
			" WHERE segment = ? AND account = ?",
			"ui", said.segment, number));
		check_equal(k, "segment", said.segment, "named", 1,
			(uint64_t)named);
		k->at.after = said.segment;
		k->at.id++;
		return ERR_AGAIN;
	}
	if (e != ERR_NOTFOUND)
		return e;
	for (size_t i = 0; i < k->n_live; i++)
		check_report(k, "segment %" PRIu64 " is not accounted for",
			k->live[i].segment);
	TRY(db_int(tenant, &all,
		"SELECT count(*) FROM core_segment WHERE account = ?", "i",
		number));
	check_equal(k, "account", (uint64_t)number, "segments", (uint64_t)all,
		k->at.id);
	return ERR_OK;
}

/* --- bytes ---------------------------------------------------------------------- */

/* Where the bytes at `offset` lie, for who looks for the damage. */
static void report_bytes(struct check *k, uint64_t offset)
{
	sqlite3_stmt *st = db_stmt(k->db, "SELECT ref FROM body WHERE id = ?");
	uint64_t segment, place;
	struct segref r;

	db_bind(st, "u", k->at.id);
	bool far = db_step(st) == ERR_OK &&
		   segref_parse(db_column(st, 0), &r) == ERR_OK;
	db_done(st);
	if (!far) {
		check_report(k, "body %" PRIu64 " does not verify", k->at.id);
		return;
	}
	segref_place(&r, (uint32_t)(offset / CHUNK_PLAIN), &segment, &place);
	check_report(k,
		"body %" PRIu64 " does not verify: seg-%016" PRIx64
		" at %" PRIu64,
		k->at.id, segment, place);
}

/* 64 KiB of one body. What was dropped in the meantime is not looked for. */
enum err check_bytes(struct check *k, const struct check_part *part)
{
	size_t got = CHUNK_PLAIN;
	int64_t id;

	(void)part;
	if (k->at.stage == 0) {
		enum err e = db_int(k->db, &id,
			"SELECT id FROM body WHERE id > ? ORDER BY id LIMIT 1",
			"u", k->at.id);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		k->at.id = (uint64_t)id;
		k->at.after = 0;
		k->at.stage = 1;
	}
	char *p = mem_alloc(CHUNK_PLAIN);
	if (!p)
		return ERR_NOMEM;
	enum err e = body_read(
		k->account, k->at.id, k->at.after, p, CHUNK_PLAIN, &got);
	mem_wipe(p, CHUNK_PLAIN);
	mem_free(p);
	if (e == ERR_CORRUPT || e == ERR_VERSION)
		report_bytes(k, k->at.after);
	else if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	k->at.after += got;
	k->seen.bytes += e == ERR_OK ? got : 0;
	if (e != ERR_OK || got < CHUNK_PLAIN)
		k->at.stage = 0;
	return ERR_AGAIN;
}
