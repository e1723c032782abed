/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies: bytes written once and named by messages, resources or queued mail,
 * which are counted in `refs`. Below SMALL bytes they lie in the database, in
 * a table of their own so that lists of messages do not read them; the others
 * in segments. What mail/ knows about a body (envelope, structure) lies beside
 * its size, so that a list of envelopes opens no body.
 *
 *   body_begin -> body_write... -> body_finish (refs 0: unnamed)
 *      -> body_ref: message_add, resource_put, queue_add (refs 1..)
 *      -> body_unref by the last one: dropped
 *
 * Who finishes a body and then fails to name it rolls back. Should he commit,
 * the `state` row remembers it, and the next body_finish() of a later
 * transaction drops it: nothing is searched for in the usual case.
 */
#include "schema.h"
#include "segment.h"

/* Measured in bytes written per byte kept: from here on segments win. */
#define SMALL KIB(4)
#define META_MAX MIB(1)
#define COPY_STEP KIB(64)

struct body_writer {
	struct account *account;
	uint64_t size;
	struct buf small;
	struct segment_writer *segment; /* NULL while it is small */
};

static void writer_free(struct body_writer *w)
{
	buf_free(&w->small);
	mem_free(w);
}

static enum err writer_new(
	struct account *a, uint64_t size, struct body_writer **out)
{
	struct body_writer *w = mem_new(struct body_writer);
	enum err e;

	if (!w)
		return ERR_NOMEM;
	w->account = a;
	buf_init(&w->small, SMALL);
	if (size >= SMALL) {
		e = segment_begin(a, size, &w->segment);
		if (e != ERR_OK) {
			writer_free(w);
			return e;
		}
	}
	*out = w;
	return ERR_OK;
}

enum err body_begin(struct account *a, uint64_t size, struct body_writer **out)
{
	if (size > LIMIT_MESSAGE)
		return ERR_LIMIT;
	TRY(quota_check(a, size, 0));
	return writer_new(a, size, out);
}

/* It outgrew the database: what is there moves to a segment. */
static enum err spill(struct body_writer *w)
{
	enum err e;

	TRY(segment_begin(w->account, 0, &w->segment));
	e = segment_write(w->segment, buf_slice(&w->small));
	buf_free(&w->small);
	return e;
}

enum err body_write(struct body_writer *w, struct slice data)
{
	if (data.n > LIMIT_MESSAGE - w->size)
		return ERR_LIMIT;
	if (!w->segment && w->size + data.n >= SMALL)
		TRY(spill(w));
	if (w->segment)
		TRY(segment_write(w->segment, data));
	else
		TRY(buf_add_slice(&w->small, data));
	w->size += data.n;
	return ERR_OK;
}

void body_abort(struct body_writer *w)
{
	if (!w)
		return;
	if (w->segment)
		segment_abort(w->segment);
	writer_free(w);
}

/* --- finishing --------------------------------------------------------------- */

struct unnamed {
	uint64_t body; /* the new one */
	uint64_t from, commit, n;
};

static enum err fill_unnamed(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct unnamed *u = row;

	u->body = column_u64(st, 0);
	u->n = column_u64(st, 1);
	u->from = column_u64(st, 2);
	u->commit = column_u64(st, 3);
	return ERR_OK;
}

static enum err drop(struct account *a, uint64_t body)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st = db_stmt(d, "SELECT ref FROM body WHERE id = ?");
	struct buf ref;
	enum err e;

	buf_init(&ref, SEGMENT_REF_MAX);
	db_bind(st, "u", body);
	e = db_step(st);
	if (e == ERR_OK)
		e = buf_add_slice(&ref, db_column(st, 0));
	db_done(st);
	if (e == ERR_OK && ref.n > 0)
		e = segment_ref_drop(a, buf_slice(&ref));
	else if (e == ERR_OK)
		e = db_run(d, "DELETE FROM body_small WHERE id = ?", "u", body);
	if (e == ERR_OK)
		e = db_run(d, "DELETE FROM body WHERE id = ?", "u", body);
	buf_free(&ref);
	return e;
}

/* Drops the bodies before the new one that an earlier transaction left. */
static enum err drop_unnamed(struct account *a, const struct unnamed *u)
{
	struct db *d = account_db(a);
	int64_t body;
	enum err e;

	while ((e = db_int(d, &body,
			"SELECT id FROM body WHERE id >= ? AND id < ?"
			" AND refs = 0 ORDER BY id LIMIT 1",
			"uu", u->from, u->body)) == ERR_OK)
		TRY(drop(a, (uint64_t)body));
	if (e != ERR_NOTFOUND)
		return e;
	return db_run(d,
		"UPDATE state SET unnamed = 1, unnamed_from = ?,"
		" unnamed_commit = ?",
		"uu", u->body, store_last_commit(account_store(a)));
}

/* The number of a new body, which nobody names yet. */
static enum err number_new(struct account *a, uint64_t *body_out)
{
	uint64_t last = store_last_commit(account_store(a));
	sqlite3_stmt *st = db_stmt(account_db(a),
		"UPDATE state SET change = change + 1, unnamed = unnamed + 1,"
		" unnamed_from = iif(unnamed = 0, change + 1, unnamed_from),"
		" unnamed_commit = iif(unnamed = 0, ?, unnamed_commit)"
		" RETURNING change, unnamed, unnamed_from, unnamed_commit");
	struct unnamed u[2];
	size_t n = 0;

	db_bind(st, "u", last);
	/* Room for two: the second step ends the statement. */
	TRY(schema_rows(st, fill_unnamed, NULL, u, sizeof(u[0]), 2, &n));
	if (n != 1)
		return ERR_BUG;
	if (u[0].n > 1 && u[0].commit < last)
		TRY(drop_unnamed(a, &u[0]));
	*body_out = u[0].body;
	return ERR_OK;
}

static enum err insert(struct account *a, uint64_t body, uint64_t size,
	const struct body_meta *meta, struct slice ref)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"INSERT INTO body(id, refs, size, oid, ref, envelope,"
		" structure) VALUES(?, 0, ?, ?, nullif(?, x''), ?, ?)");
	struct oid oid;
	enum err e;

	oid_new(&oid);
	db_bind(st, "uuobbb", body, size, &oid, ref, meta->envelope,
		meta->structure);
	e = db_step(st);
	db_done(st);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err finish(struct body_writer *w, const struct body_meta *meta,
	struct buf *ref, uint64_t *body_out)
{
	struct account *a = w->account;
	uint64_t body;

	if (meta->envelope.n > META_MAX || meta->structure.n > META_MAX)
		return ERR_LIMIT;
	TRY(db_write(account_db(a)));
	if (w->segment) {
		struct segment_writer *segment = w->segment;
		w->segment = NULL; /* freed by the call */
		TRY(segment_finish(segment, ref));
		TRY(segment_ref_add(a, buf_slice(ref)));
	}
	TRY(number_new(a, &body));
	TRY(insert(a, body, w->size, meta, buf_slice(ref)));
	if (meta->structure.n)
		account_words_came(a);
	if (!ref->n)
		TRY(db_run(account_db(a),
			"INSERT INTO body_small(id, data) VALUES(?, ?)", "ub",
			body, buf_slice(&w->small)));
	*body_out = body;
	return ERR_OK;
}

enum err body_finish(
	struct body_writer *w, const struct body_meta *meta, uint64_t *body_out)
{
	struct buf ref;
	enum err e;

	buf_init(&ref, SEGMENT_REF_MAX);
	e = finish(w, meta, &ref, body_out);
	buf_free(&ref);
	body_abort(w);
	return e;
}

enum err body_keep(struct account *a, struct slice data, uint64_t *body_out)
{
	static const struct body_meta none;
	struct body_writer *w;
	enum err e;

	TRY(writer_new(a, data.n, &w));
	e = body_write(w, data);
	if (e != ERR_OK) {
		body_abort(w);
		return e;
	}
	TRY(body_finish(w, &none, body_out));
	return body_ref(a, *body_out);
}

/* --- references --------------------------------------------------------------- */

enum err body_ref(struct account *a, uint64_t body)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st = db_stmt(d,
		"UPDATE body SET refs = refs + 1 WHERE id = ? RETURNING refs");
	int64_t refs;

	db_bind(st, "u", body);
	TRY(schema_int(st, &refs));
	if (refs > 1)
		return ERR_OK;
	return db_run(d, "UPDATE state SET unnamed = unnamed - 1", "");
}

enum err body_unref(struct account *a, uint64_t body)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"UPDATE body SET refs = refs - 1 WHERE id = ? RETURNING refs");
	int64_t refs;

	db_bind(st, "u", body);
	TRY(schema_int(st, &refs));
	if (refs < 0)
		return ERR_BUG;
	return refs == 0 ? drop(a, body) : ERR_OK;
}

enum err body_size(struct account *a, uint64_t body, uint64_t *size_out)
{
	int64_t size;

	TRY(db_int(account_db(a), &size, "SELECT size FROM body WHERE id = ?",
		"u", body));
	*size_out = (uint64_t)size;
	return ERR_OK;
}

/* --- reading ------------------------------------------------------------------ */

static enum err fill_meta(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct body_meta *m = row;

	db_column_oid(st, 0, &m->oid);
	m->size = column_u64(st, 1);
	TRY(schema_copy(arena, st, 2, &m->envelope));
	return schema_copy(arena, st, 3, &m->structure);
}

enum err body_get_meta(struct account *a, uint64_t body, struct arena *arena,
	struct body_meta *out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT oid, size, envelope, structure FROM body"
		" WHERE id = ?");

	db_bind(st, "u", body);
	return schema_row(st, fill_meta, arena, out);
}

static enum err read_small(struct account *a, uint64_t body, uint64_t offset,
	void *p, size_t n, size_t *got_out)
{
	sqlite3_stmt *st = db_stmt(
		account_db(a), "SELECT data FROM body_small WHERE id = ?");
	enum err e;

	db_bind(st, "u", body);
	e = db_step(st);
	if (e == ERR_OK) {
		struct slice data = db_column(st, 0);
		data = slice_head(slice_from(data, offset), n);
		if (data.n)
			memcpy(p, data.p, data.n);
		*got_out = data.n;
	}
	db_done(st);
	return e == ERR_NOTFOUND ? ERR_CORRUPT : e;
}

enum err body_read(struct account *a, uint64_t body, uint64_t offset, void *p,
	size_t n, size_t *got_out)
{
	sqlite3_stmt *st = db_stmt(
		account_db(a), "SELECT size, ref FROM body WHERE id = ?");
	char ref[SEGMENT_REF_MAX];
	size_t ref_n = 0;
	uint64_t size = 0;
	enum err e;

	db_bind(st, "u", body);
	e = db_step(st);
	if (e == ERR_OK) {
		struct slice s = slice_head(db_column(st, 1), sizeof(ref));
		size = column_u64(st, 0);
		ref_n = s.n;
		if (s.n)
			memcpy(ref, s.p, s.n);
	}
	db_done(st);
	TRY(e);
	if (offset >= size || n == 0) {
		*got_out = 0;
		return ERR_OK;
	}
	if (!ref_n)
		return read_small(a, body, offset, p, n, got_out);
	return segment_read(a, slice_of(ref, ref_n), offset, p, n, got_out);
}

enum err body_copy_more(struct account *from, uint64_t body,
	struct body_writer *to, uint64_t *offset, size_t budget)
{
	char *piece = mem_alloc(COPY_STEP);
	uint64_t size;
	enum err e = ERR_NOMEM;

	if (!piece)
		return e;
	e = body_size(from, body, &size);
	while (e == ERR_OK && *offset < size && budget > 0) {
		size_t got, n = budget < COPY_STEP ? budget : COPY_STEP;
		e = body_read(from, body, *offset, piece, n, &got);
		if (e == ERR_OK && got == 0)
			e = ERR_CORRUPT;
		if (e == ERR_OK)
			e = body_write(to, slice_of(piece, got));
		if (e != ERR_OK)
			break;
		*offset += got;
		budget -= got;
	}
	mem_wipe(piece, COPY_STEP);
	mem_free(piece);
	if (e == ERR_OK && *offset < size)
		return ERR_AGAIN;
	return e;
}
