/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The core's own tables: which accounts there are, with the name of the key
 * and the map that each must have; which segments an account names, and how
 * much of them.
 */
#include "internal.h"

/* `map_serial` 0: no map was written yet, all pages are in the journal. */
#define CORE_ACCOUNT                                                           \
	"CREATE TABLE core_account("                                           \
	" number INTEGER PRIMARY KEY,"                                         \
	" oid BLOB NOT NULL,"                                                  \
	" key_id BLOB NOT NULL,"                                               \
	" map_serial INTEGER NOT NULL,"                                        \
	" map_hash BLOB NOT NULL"                                              \
	") STRICT"

/* An account that names bytes of a segment has a row; a segment without rows
 * is removed. */
#define CORE_SEGMENT                                                           \
	"CREATE TABLE core_segment("                                           \
	" segment INTEGER NOT NULL,"                                           \
	" account INTEGER NOT NULL,"                                           \
	" PRIMARY KEY (segment, account)"                                      \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX core_segment_account ON core_segment(account);"

/* The highest segment number that a commit knows. */
#define CORE_SEGMENT_NEXT                                                      \
	"CREATE TABLE core_segment_next("                                      \
	" id INTEGER PRIMARY KEY CHECK (id = 1),"                              \
	" number INTEGER NOT NULL"                                             \
	") STRICT;"                                                            \
	"INSERT INTO core_segment_next VALUES(1, 1);"

#define CORE_LIVE                                                              \
	"CREATE TABLE core_live("                                              \
	" segment INTEGER PRIMARY KEY,"                                        \
	" refs INTEGER NOT NULL,"                                              \
	" bytes INTEGER NOT NULL"                                              \
	") STRICT"

const struct table_decl core_decls[] = {
	/* name, tenant, sql, backed up, exported */
	{ "core_account", true, CORE_ACCOUNT, true, false },
	{ "core_segment", true, CORE_SEGMENT, true, false },
	{ "core_segment_next", true, CORE_SEGMENT_NEXT, true, false },
	{ "core_live", true, CORE_LIVE, true, false },
	{ "core_live", false, CORE_LIVE, true, false },
};
const size_t n_core_decls = sizeof(core_decls) / sizeof(core_decls[0]);

static enum err make_tables(
	struct db *d, bool tenant, const struct table_decl *decls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (decls[i].tenant == tenant)
			TRY(db_exec(d, decls[i].sql));
	return ERR_OK;
}

static enum err set_version(struct db *d)
{
	_Static_assert(SCHEMA_VERSION == 3, "written out below");

	TRY(db_exec(d, "PRAGMA user_version=3"));
	d->version = SCHEMA_VERSION;
	return ERR_OK;
}

enum err core_make_tables(struct db *d, bool tenant)
{
	TRY(make_tables(d, tenant, core_decls, n_core_decls));
	TRY(make_tables(d, tenant, table_decls, n_table_decls));
	return set_version(d);
}

enum err core_upgrade(struct db *d, bool tenant)
{
	for (size_t i = 0; i < n_schema_steps; i++)
		if (schema_steps[i].version > d->version &&
			schema_steps[i].tenant == tenant)
			TRY(db_exec(d, schema_steps[i].sql));
	return set_version(d);
}

static enum err copy_blob(sqlite3_stmt *st, int column, uint8_t *out, size_t n)
{
	struct slice s = db_column(st, column);

	if (s.n != n)
		return ERR_CORRUPT;
	memcpy(out, s.p, n);
	return ERR_OK;
}

enum err core_account_get(
	struct store *s, uint32_t number, struct account_row *out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT oid, key_id, map_serial, map_hash FROM core_account"
		" WHERE number = ?");
	struct account_row row;

	if (!st)
		return ERR_NOMEM;
	db_bind(st, "i", (int64_t)number);
	enum err e = db_step(st);
	if (e == ERR_OK)
		e = copy_blob(st, 0, row.oid.b, sizeof(row.oid.b));
	if (e == ERR_OK)
		e = copy_blob(st, 1, row.key_id, sizeof(row.key_id));
	if (e == ERR_OK)
		e = copy_blob(st, 3, row.map_hash, sizeof(row.map_hash));
	row.map_serial = (uint64_t)sqlite3_column_int64(st, 2);
	db_done(st);
	if (e == ERR_OK)
		*out = row;
	return e;
}

enum err core_account_add(
	struct store *s, uint32_t number, const struct account_row *row)
{
	return db_run(tenant_db(s),
		"INSERT INTO core_account VALUES(?, ?, ?, ?, ?)", "iobub",
		(int64_t)number, &row->oid, slice_of(row->key_id, 16),
		row->map_serial, slice_of(row->map_hash, 32));
}

enum err core_account_remove(struct store *s, uint32_t number)
{
	struct db *d = tenant_db(s);

	TRY(db_run(d, "DELETE FROM core_account WHERE number = ?", "i",
		(int64_t)number));
	return db_changes(d) == 1 ? ERR_OK : ERR_NOTFOUND;
}

enum err core_map_set(struct store *s, const struct map_written *m)
{
	return db_run(tenant_db(s),
		"UPDATE core_account SET map_serial = ?, map_hash = ?"
		" WHERE number = ?",
		"ubi", m->serial, slice_of(m->hash, 32), (int64_t)m->account);
}
