/* SPDX-License-Identifier: EUPL-1.2 */
/* The segments of the index of words, and how far it goes. */
#include "fulltext.h"

static enum err fill_state(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct fulltext_state *s = row;

	s->upto = column_u64(st, 0);
	s->version = column_u64(st, 1);
	return ERR_OK;
}

enum err fulltext_state_get(struct account *a, struct fulltext_state *out)
{
	return schema_row(db_stmt(account_db(a),
				  "SELECT upto, version FROM fulltext_state"),
		fill_state, NULL, out);
}

enum err fulltext_upto(struct account *a, uint64_t *upto_out)
{
	struct fulltext_state s;

	TRY(fulltext_state_get(a, &s));
	*upto_out = s.upto;
	return ERR_OK;
}

/* A message's body has a structure; a resource's has none. */
enum err fulltext_next(struct account *a, uint64_t after, uint64_t *body_out,
	uint64_t *left_out)
{
	int64_t body, left;

	TRY(db_int(account_db(a), &body,
		"SELECT id FROM body WHERE id > ? AND length(structure) > 0"
		" ORDER BY id LIMIT 1",
		"u", after));
	TRY(db_int(account_db(a), &left,
		"SELECT count(*) FROM (SELECT 1 FROM body WHERE id > ?"
		" LIMIT 1000)",
		"u", after));
	*body_out = (uint64_t)body;
	*left_out = (uint64_t)left;
	return ERR_OK;
}

static enum err changed(struct account *a)
{
	return db_run(account_db(a),
		"UPDATE fulltext_state SET version = version + 1", "");
}

enum err fulltext_reset(struct account *a)
{
	TRY(db_write(account_db(a)));
	TRY(db_run(account_db(a), "UPDATE fulltext_segment SET state = ?", "i",
		(int64_t)SEGMENT_OLD));
	TRY(db_run(account_db(a), "UPDATE fulltext_state SET upto = 0", ""));
	account_words_late(a);
	return changed(a);
}

static enum err fill_figures(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct fulltext_figures *f = row;

	f->upto = column_u64(st, 0);
	f->last = column_u64(st, 1);
	f->bodies = column_u64(st, 2);
	f->segments = column_u64(st, 3);
	f->bytes = column_u64(st, 4);
	return ERR_OK;
}

enum err fulltext_figures(struct account *a, struct fulltext_figures *out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT (SELECT upto FROM fulltext_state),"
		" (SELECT change FROM state), ifnull(sum(docs), 0), count(*),"
		" (SELECT ifnull(sum(length(words) + length(postings)), 0)"
		" FROM fulltext_block)"
		" FROM fulltext_segment WHERE state = ?");
	uint64_t body, left;

	db_bind(st, "i", (int64_t)SEGMENT_LIVE);
	TRY(schema_row(st, fill_figures, NULL, out));
	enum err e = fulltext_next(a, out->upto, &body, &left);
	out->complete =
		e == ERR_NOTFOUND || (e == ERR_OK && left < FULLTEXT_WORTH);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* --- segments ----------------------------------------------------------------------- */

static enum err fill_segment(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct fulltext_segment *s = row;

	s->id = column_u64(st, 0);
	s->level = column_u32(st, 1);
	s->blocks = column_u32(st, 2);
	s->docs = column_u32(st, 3);
	return ERR_OK;
}

enum err fulltext_segments(struct account *a, uint64_t after,
	struct fulltext_segment *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT id, level, blocks, docs FROM fulltext_segment"
		" WHERE id > ? AND state = ? ORDER BY id LIMIT ?");

	db_bind(st, "uii", after, (int64_t)SEGMENT_LIVE, (int64_t)max);
	return schema_rows(
		st, fill_segment, NULL, rows, sizeof(*rows), max, n_out);
}

enum err fulltext_segments_of(struct account *a, unsigned level,
	struct fulltext_segment *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT id, level, blocks, docs FROM fulltext_segment"
		" WHERE state = ? AND level = ? ORDER BY id LIMIT ?");

	db_bind(st, "iii", (int64_t)SEGMENT_LIVE, (int64_t)level, (int64_t)max);
	return schema_rows(
		st, fill_segment, NULL, rows, sizeof(*rows), max, n_out);
}

static enum err unpack_docs(struct slice packed, uint64_t *bodies, size_t n)
{
	uint64_t body = 0, step;

	for (size_t i = 0; i < n; i++) {
		if (!varint_get(&packed, &step) || step == 0 ||
			step > INT64_MAX - body)
			return ERR_CORRUPT;
		body += step;
		bodies[i] = body;
	}
	return packed.n ? ERR_CORRUPT : ERR_OK;
}

enum err fulltext_docs(
	struct account *a, const struct fulltext_segment *s, uint64_t *bodies)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT bodies FROM fulltext_segment WHERE id = ?");

	db_bind(st, "u", s->id);
	enum err e = db_step(st);
	if (e == ERR_OK)
		e = unpack_docs(db_column(st, 0), bodies, s->docs);
	db_done(st);
	return e;
}

enum err fulltext_segment_new(
	struct account *a, unsigned level, uint64_t *id_out)
{
	struct db *d = account_db(a);

	TRY(db_write(d));
	TRY(db_run(d,
		"INSERT INTO fulltext_segment(level, state, blocks, docs,"
		" bodies) VALUES(?, ?, 0, 0, x'')",
		"ii", (int64_t)level, (int64_t)SEGMENT_MAKING));
	*id_out = (uint64_t)db_last_rowid(d);
	return ERR_OK;
}

enum err fulltext_segment_live(struct account *a, uint64_t id, uint32_t blocks,
	const uint64_t *bodies, size_t n)
{
	struct buf packed;
	uint64_t before = 0;
	enum err e = ERR_OK;

	buf_init(&packed, MIB(512));
	for (size_t i = 0; i < n && e == ERR_OK; before = bodies[i++])
		e = varint_put(&packed, bodies[i] - before);
	if (e == ERR_OK)
		e = db_run(account_db(a),
			"UPDATE fulltext_segment SET state = ?, blocks = ?,"
			" docs = ?, bodies = ? WHERE id = ?",
			"iiubu", (int64_t)SEGMENT_LIVE, (int64_t)blocks,
			(uint64_t)n, buf_slice(&packed), id);
	buf_free(&packed);
	return e == ERR_OK ? changed(a) : e;
}
