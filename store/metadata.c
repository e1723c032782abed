/* SPDX-License-Identifier: EUPL-1.2 */
/* Annotations of mailboxes (RFC 5464): bastide/metadata.h. */
#include <bastide/metadata.h>

#include "schema.h"

/* Bytes that an annotation takes now, -1 when it is not there. */
static enum err size_of(struct db *d, uint64_t mailbox, uint32_t owner,
	struct slice entry, int64_t *out)
{
	enum err e = db_int(d, out,
		"SELECT length(value) FROM metadata"
		" WHERE mailbox = ? AND account = ? AND entry = ?",
		"uis", mailbox, (int64_t)owner, entry);

	if (e == ERR_NOTFOUND)
		*out = -1;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err check_new(struct account *a, uint64_t mailbox, uint32_t owner,
	struct slice value, int64_t old)
{
	struct db *d = account_db(a);
	int64_t n, had = old < 0 ? 0 : old;

	if (value.n > LIMIT_METADATA)
		return ERR_LIMIT;
	if (mailbox != METADATA_ACCOUNT)
		TRY(db_int(d, &n, "SELECT 1 FROM mailbox WHERE id = ?", "u",
			mailbox));
	if ((int64_t)value.n > had)
		TRY(quota_check(a, value.n - (size_t)had, 0));
	if (old >= 0)
		return ERR_OK;
	TRY(db_int(d, &n,
		"SELECT count(*) FROM metadata"
		" WHERE mailbox = ? AND account = ?",
		"ui", mailbox, (int64_t)owner));
	return n >= LIMIT_METADATA_ENTRIES ? ERR_LIMIT : ERR_OK;
}

static enum err take(
	struct db *d, uint64_t mailbox, uint32_t owner, struct slice entry)
{
	return db_run(d,
		"DELETE FROM metadata"
		" WHERE mailbox = ? AND account = ? AND entry = ?",
		"uis", mailbox, (int64_t)owner, entry);
}

enum err metadata_set(struct account *a, uint64_t mailbox, uint32_t owner,
	struct slice entry, struct slice value)
{
	struct db *d = account_db(a);
	uint64_t change;
	int64_t old;

	TRY(db_write(d));
	TRY(schema_name(entry, LIMIT_METADATA_NAME));
	TRY(size_of(d, mailbox, owner, entry, &old));
	if (!value.p && old < 0)
		return ERR_OK;
	if (value.p)
		TRY(check_new(a, mailbox, owner, value, old));
	TRY(quota_charge(
		d, (int64_t)value.n - (old < 0 ? 0 : old), 0, &change));
	if (!value.p)
		return take(d, mailbox, owner, entry);
	return db_run(d,
		"INSERT INTO metadata(mailbox, account, entry, value)"
		" VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE"
		" SET value = excluded.value",
		"uisb", mailbox, (int64_t)owner, entry, value);
}

static enum err fill(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct metadata *m = row;

	TRY(schema_copy(arena, st, 0, &m->entry));
	return schema_copy(arena, st, 1, &m->value);
}

/* "/" is followed by "0". */
enum err metadata_list(struct account *a, uint64_t mailbox, uint32_t owner,
	struct slice entry, struct slice after, struct arena *arena,
	struct metadata *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT entry, value FROM metadata WHERE mailbox = ?1"
		" AND account = ?2 AND entry >= ?3 AND entry > ?4"
		" AND entry < ?3 || '0'"
		" AND (entry = ?3 OR entry > ?3 || '/')"
		" ORDER BY entry LIMIT ?5");

	db_bind(st, "uissi", mailbox, (int64_t)owner, entry, after,
		(int64_t)max);
	return schema_rows(st, fill, arena, rows, sizeof(*rows), max, n_out);
}

enum err metadata_size(struct db *d, uint64_t mailbox, int64_t *bytes_out)
{
	return db_int(d, bytes_out,
		"SELECT ifnull(sum(length(value)), 0) FROM metadata"
		" WHERE mailbox = ?",
		"u", mailbox);
}

enum err metadata_drop(struct account *a, uint64_t mailbox)
{
	struct db *d = account_db(a);
	uint64_t change;
	int64_t bytes;

	TRY(metadata_size(d, mailbox, &bytes));
	if (bytes)
		TRY(quota_charge(d, -bytes, 0, &change));
	return db_run(
		d, "DELETE FROM metadata WHERE mailbox = ?", "u", mailbox);
}

enum err metadata_copy(struct account *a, uint64_t from, uint64_t to)
{
	struct db *d = account_db(a);
	uint64_t change;
	int64_t bytes;

	TRY(metadata_size(d, from, &bytes));
	if (bytes)
		TRY(quota_charge(d, bytes, 0, &change));
	return db_run(d,
		"INSERT INTO metadata(mailbox, account, entry, value)"
		" SELECT ?, account, entry, value FROM metadata"
		" WHERE mailbox = ?",
		"uu", to, from);
}
