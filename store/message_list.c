/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading messages, a page at a time: one statement per page, over one index,
 * closed when the call returns. The caller asks again from the last key.
 */
#include "schema.h"

static enum err fill_message(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct message_row *m = row;

	m->uid = column_u32(st, 0);
	m->modseq = column_u64(st, 1);
	m->flags.system = column_u32(st, 2);
	m->flags.keyword[0] = column_u64(st, 3);
	m->flags.keyword[1] = column_u64(st, 4);
	m->internal_date = sqlite3_column_int64(st, 5);
	m->internal_zone = (int16_t)sqlite3_column_int(st, 6);
	m->save_date = sqlite3_column_int64(st, 7);
	m->body = column_u64(st, 8);
	m->size = column_u64(st, 9);
	return ERR_OK;
}

static enum err fill_with_meta(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct message_row *m = row;

	TRY(fill_message(st, arena, m));
	m->meta.size = m->size;
	db_column_oid(st, 10, &m->meta.oid);
	TRY(schema_copy(arena, st, 11, &m->meta.envelope));
	return schema_copy(arena, st, 12, &m->meta.structure);
}

#define MESSAGE_COLUMNS                                                        \
	"m.uid, m.modseq, m.flags, m.keyword0, m.keyword1, m.date, m.zone,"    \
	" m.saved, m.body, m.size"

/* Rows of a deleted mailbox may still be there, waiting for reap.c. */
static enum err check_mailbox(struct db *d, uint64_t mailbox)
{
	int64_t one;

	return db_int(
		d, &one, "SELECT 1 FROM mailbox WHERE id = ?", "u", mailbox);
}

enum err message_list(struct account *a, uint64_t mailbox, uint32_t from,
	uint32_t to, unsigned what, struct arena *arena,
	struct message_row *rows, size_t max, size_t *n_out)
{
	/* CROSS JOIN: messages first, whatever the planner may think. */
	static const char with_meta[] =
		"SELECT " MESSAGE_COLUMNS ", b.oid, b.envelope, b.structure"
		" FROM message AS m CROSS JOIN body AS b ON b.id = m.body"
		" WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ?"
		" ORDER BY m.uid LIMIT ?";
	static const char plain[] =
		"SELECT " MESSAGE_COLUMNS " FROM message AS m"
		" WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ?"
		" ORDER BY m.uid LIMIT ?";
	bool meta = what & MESSAGE_META;
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_mailbox(d, mailbox));
	st = db_stmt(d, meta ? with_meta : plain);
	db_bind(st, "uiii", mailbox, (int64_t)from, (int64_t)to, (int64_t)max);
	return schema_rows(st, meta ? fill_with_meta : fill_message, arena,
		rows, sizeof(*rows), max, n_out);
}

enum err message_uids(struct account *a, uint64_t mailbox, uint32_t from,
	uint32_t *uids, size_t max, size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_mailbox(d, mailbox));
	st = db_stmt(d, "SELECT uid FROM message WHERE mailbox = ? AND uid >= ?"
			" ORDER BY uid LIMIT ?");
	db_bind(st, "uii", mailbox, (int64_t)from, (int64_t)max);
	return schema_rows(
		st, schema_fill_u32, NULL, uids, sizeof(*uids), max, n_out);
}

static enum err fill_body(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct message_body *b = row;

	b->uid = column_u32(st, 0);
	b->body = column_u64(st, 1);
	return ERR_OK;
}

enum err message_bodies(struct account *a, uint64_t mailbox, uint32_t from,
	struct message_body *rows, size_t max, size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_mailbox(d, mailbox));
	st = db_stmt(d, "SELECT uid, body FROM message WHERE mailbox = ?"
			" AND uid >= ? ORDER BY uid LIMIT ?");
	db_bind(st, "uii", mailbox, (int64_t)from, (int64_t)max);
	return schema_rows(
		st, fill_body, NULL, rows, sizeof(*rows), max, n_out);
}

#define DELETED_PAGE 2000 /* about a millisecond */

struct deleted {
	uint32_t last, n;
	uint64_t bytes;
};

static enum err fill_deleted(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct deleted *r = row;

	r->last = column_u32(st, 0);
	r->n = column_u32(st, 1);
	r->bytes = column_u64(st, 2);
	return ERR_OK;
}

enum err message_deleted_size(
	struct account *a, uint64_t mailbox, uint32_t *next, uint64_t *bytes)
{
	struct db *d = account_db(a);
	struct deleted page;
	sqlite3_stmt *st;

	TRY(check_mailbox(d, mailbox));
	st = db_stmt(d, "SELECT max(uid), count(*),"
			" sum(CASE WHEN flags & ? THEN size ELSE 0 END)"
			" FROM (SELECT uid, flags, size FROM message"
			" WHERE mailbox = ? AND uid >= ?"
			" ORDER BY uid LIMIT ?)");
	db_bind(st, "iuii", (int64_t)FLAG_DELETED, mailbox, (int64_t)*next,
		(int64_t)DELETED_PAGE);
	TRY(schema_row(st, fill_deleted, NULL, &page));
	*bytes += page.bytes;
	*next = page.n < DELETED_PAGE || page.last == UINT32_MAX
			? 0
			: page.last + 1;
	return ERR_OK;
}

/* From (after, after_uid) exclusive; 0 stands behind every UID of `after`. */
static int64_t key_uid(uint32_t after_uid)
{
	return after_uid ? after_uid : UINT32_MAX;
}

enum err message_changed(struct account *a, uint64_t mailbox, uint64_t after,
	uint32_t after_uid, struct message_row *rows, size_t max, size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;

	TRY(check_mailbox(d, mailbox));
	st = db_stmt(d, "SELECT " MESSAGE_COLUMNS " FROM message AS m"
			" WHERE m.mailbox = ? AND (m.modseq, m.uid) > (?, ?)"
			" ORDER BY m.modseq, m.uid LIMIT ?");
	db_bind(st, "uuii", mailbox, after, key_uid(after_uid), (int64_t)max);
	return schema_rows(
		st, fill_message, NULL, rows, sizeof(*rows), max, n_out);
}

static enum err fill_vanished(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct vanished_row *v = row;

	v->uid = column_u32(st, 0);
	v->modseq = column_u64(st, 1);
	return ERR_OK;
}

enum err message_vanished(struct account *a, uint64_t mailbox, uint64_t after,
	uint32_t after_uid, struct vanished_row *rows, size_t max,
	size_t *n_out)
{
	struct db *d = account_db(a);
	struct counters c;
	sqlite3_stmt *st;

	TRY(counters_get(d, mailbox, &c));
	if (after < c.gone_floor)
		return ERR_EXPIRED;
	st = db_stmt(d, "SELECT uid, modseq FROM vanished"
			" WHERE mailbox = ? AND (modseq, uid) > (?, ?)"
			" ORDER BY modseq, uid LIMIT ?");
	db_bind(st, "uuii", mailbox, after, key_uid(after_uid), (int64_t)max);
	return schema_rows(
		st, fill_vanished, NULL, rows, sizeof(*rows), max, n_out);
}

enum err message_first_unseen(struct account *a, uint64_t mailbox,
	uint32_t *uid_out, uint32_t *before_out)
{
	struct counters c;

	TRY(counters_get(account_db(a), mailbox, &c));
	*uid_out = c.first_unseen;
	*before_out = c.seen_before;
	return ERR_OK;
}
