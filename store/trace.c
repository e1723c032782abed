/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The trace: what happened to each message, for the administrator who is asked
 * where a mail went. Envelopes and answers, never content. The newest
 * LIMIT_TRACE rows are kept.
 */
#include "schema.h"

enum err trace_add(struct store *s, const struct trace_row *row)
{
	struct db *d = tenant_db(s);

	TRY(db_write(d));
	TRY(db_run(d,
		"INSERT INTO trace(time, event, message, account, sender,"
		" recipient, detail) VALUES(?, ?, ?, ?, ?, ?, ?)",
		"iiuisss", row->time, (int64_t)row->event, row->message,
		(int64_t)row->account, status_cut(row->from),
		status_cut(row->to), status_cut(row->detail)));
	return db_run(d, "DELETE FROM trace WHERE id <= ?", "i",
		db_last_rowid(d) - LIMIT_TRACE);
}

static enum err fill_trace(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct trace_row *t = row;

	t->id = column_u64(st, 0);
	t->time = sqlite3_column_int64(st, 1);
	t->event = (enum trace_event)sqlite3_column_int(st, 2);
	t->message = column_u64(st, 3);
	t->account = column_u32(st, 4);
	TRY(schema_copy(arena, st, 5, &t->from));
	TRY(schema_copy(arena, st, 6, &t->to));
	return schema_copy(arena, st, 7, &t->detail);
}

/* Newest first; `before` 0: from the newest on. */
enum err trace_list(struct store *s, uint64_t before, struct arena *arena,
	struct trace_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT id, time, event, message, account, sender, recipient,"
		" detail FROM trace WHERE id < ? ORDER BY id DESC LIMIT ?");

	if (before == 0 || before > INT64_MAX)
		before = INT64_MAX;
	db_bind(st, "ui", before, (int64_t)max);
	return schema_rows(
		st, fill_trace, arena, rows, sizeof(*rows), max, n_out);
}
