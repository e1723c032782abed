/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Connections and statements. A connection is exclusive, in WAL mode with the
 * log in memory, without ATTACH, extensions, temporary files or foreign file
 * systems; a COMMIT that the store did not ask for becomes a ROLLBACK.
 */
#include <assert.h>
#include <time.h>

#include "internal.h"

#define CACHE_KIB 512
#define PROGRESS_OPS 1000

/* Codes that say more than "bug". Extended ones come first. */
static const struct {
	int rc;
	enum err e;
} codes[] = {
	{ SQLITE_ROW, ERR_OK },
	{ SQLITE_OK, ERR_OK },
	{ SQLITE_DONE, ERR_NOTFOUND },
	{ SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS },
	{ SQLITE_CONSTRAINT_ROWID, ERR_EXISTS },
	{ SQLITE_IOERR_NOMEM, ERR_NOMEM },
	{ SQLITE_NOMEM, ERR_NOMEM },
	{ SQLITE_FULL, ERR_LIMIT }, /* the database's own maximum */
	{ SQLITE_TOOBIG, ERR_LIMIT },
	{ SQLITE_INTERRUPT, ERR_TIMEOUT },
	{ SQLITE_CORRUPT, ERR_CORRUPT },
	{ SQLITE_NOTADB, ERR_CORRUPT },
	{ SQLITE_IOERR, ERR_IO },
};

enum err db_error(struct db *d, int rc)
{
	struct dbfile *f = &d->a->file;
	enum err below = f->err, e = ERR_BUG;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].rc == rc || codes[i].rc == (rc & 0xff)) {
			e = codes[i].e;
			break;
		}
	f->err = ERR_OK;
	/* What failed below SQLite is the truth about SQLITE_IOERR. */
	if (e == ERR_IO && below != ERR_OK)
		e = below;
	/* SQLite may have rolled back by itself; then all must follow. */
	if (e != ERR_OK && e != ERR_NOTFOUND && d->joined &&
		sqlite3_get_autocommit(d->c) && d->a->s->tx.err == ERR_OK)
		d->a->s->tx.err = e;
	return e;
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* CPU time and not the clock's: a busy machine is not the statement's fault. */
static int on_progress(void *arg)
{
	struct db *d = arg;
	int64_t now = cpu_ns();

	if (d->step_ns == 0)
		d->step_ns = now;
	return now - d->step_ns > (int64_t)SQL_LIMIT_MS * 1000000;
}

static int on_commit(void *arg)
{
	struct db *d = arg;

	return !d->committing;
}

static int on_frames(void *arg, sqlite3 *c, const char *name, int frames)
{
	struct db *d = arg;

	d->hook_frames = (uint32_t)frames;
	return SQLITE_OK;
}

static int authorize(void *arg, int action, const char *one, const char *two,
	const char *database, const char *trigger)
{
	switch (action) {
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return SQLITE_DENY;
	case SQLITE_FUNCTION:
		return two && sqlite3_stricmp(two, "load_extension") == 0
			       ? SQLITE_DENY
			       : SQLITE_OK;
	default:
		return SQLITE_OK;
	}
}

static void restrict_connection(struct db *d)
{
	sqlite3 *c = d->c;

	sqlite3_extended_result_codes(c, 1);
	sqlite3_limit(c, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(c, SQLITE_LIMIT_LENGTH, (int)LIMIT_VALUE);
	sqlite3_db_config(c, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_set_authorizer(c, authorize, d);
	sqlite3_progress_handler(c, PROGRESS_OPS, on_progress, d);
	sqlite3_commit_hook(c, on_commit, d);
	sqlite3_wal_hook(c, on_frames, d);
}

/* Exclusive comes before the first read, else SQLite asks for shared memory.
 * The log is memory and syncs are the store's: synchronous is off. Deleted
 * content stays sealed under the account's key: secure_delete would only
 * journal it again. */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA synchronous=OFF;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA cache_spill=OFF;"
			       "PRAGMA secure_delete=OFF;"
			       "PRAGMA journal_size_limit=-1;"
			       "PRAGMA max_page_count=4194304;"
			       "PRAGMA cache_size=-512;"
			       "SELECT count(*) FROM sqlite_schema;";
_Static_assert(LIMIT_DATABASE_PAGES == 4194304 && CACHE_KIB == 512,
	"written out in the settings");

enum err db_exec(struct db *d, const char *sql)
{
	d->step_ns = 0;
	d->a->file.err = ERR_OK;
	int rc = sqlite3_exec(d->c, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? ERR_OK : db_error(d, rc);
}

enum err db_check_version(struct db *d)
{
	int64_t version;

	TRY(db_int(d, &version, "PRAGMA user_version", ""));
	d->version = (int)version;
	return version > SCHEMA_VERSION ? ERR_VERSION : ERR_OK;
}

enum err db_open(struct db *d, struct account *a)
{
	d->a = a;
	TRY(vfs_connect(&a->file, &d->c));
	restrict_connection(d);
	enum err e = db_exec(d, settings);
	if (e == ERR_OK)
		e = db_check_version(d);
	if (e != ERR_OK) {
		db_close(d);
		return e;
	}
	a->s->n_open++;
	struct wal *w = vfs_wal(d->c);
	assert(w);
	d->restarts = w->restarts;
	d->frames = 0;
	return ERR_OK;
}

void db_close(struct db *d)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++) {
		sqlite3_finalize(d->cache[i].st);
		d->cache[i].st = NULL;
		d->cache[i].sql = NULL;
	}
	d->cached = 0;
	page_index_clear(&d->images);
	int rc = sqlite3_close(d->c);
	assert(rc == SQLITE_OK); /* a statement was not given back */
	(void)rc;
	d->c = NULL;
}

void db_new_frames(struct db *d, uint32_t *from_out, uint32_t *to_out)
{
	struct wal *w = vfs_wal(d->c);

	if (w && w->restarts != d->restarts) {
		d->restarts = w->restarts;
		d->frames = 0;
	}
	*from_out = d->frames + 1;
	*to_out = d->hook_frames ? d->hook_frames : d->frames;
	d->frames = *to_out;
}

/* --- statements ------------------------------------------------------------------ */

static sqlite3_stmt *prepare(struct db *d, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v3(
		d->c, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);

	/* Wrong SQL is our bug; an unreadable schema is not. */
	assert(rc != SQLITE_ERROR && rc != SQLITE_AUTH);
	if (rc != SQLITE_OK && db_error(d, rc) != ERR_OK)
		return NULL;
	return st;
}

sqlite3_stmt *db_stmt(struct db *d, const char *sql)
{
	size_t at = ((uintptr_t)sql >> 3) * 2654435761u % DB_STATEMENTS;

	for (size_t i = 0; i < DB_STATEMENTS; i++) {
		size_t k = (at + i) % DB_STATEMENTS;
		if (!d->cache[k].sql) {
			if (d->cached >= DB_STATEMENTS / 4 * 3)
				return NULL;
			sqlite3_stmt *st = prepare(d, sql);
			if (!st)
				return NULL;
			d->cache[k].sql = sql;
			d->cache[k].st = st;
			d->cached++;
			return st;
		}
		/* The same text may be in use twice (a list in a list). */
		if (d->cache[k].sql == sql &&
			!sqlite3_stmt_busy(d->cache[k].st)) {
			sqlite3_reset(d->cache[k].st);
			return d->cache[k].st;
		}
	}
	return NULL;
}

/* The connection's struct: the commit hook carries it. */
static struct db *db_of(sqlite3_stmt *st)
{
	sqlite3 *c = sqlite3_db_handle(st);
	struct db *d = sqlite3_commit_hook(c, NULL, NULL);

	sqlite3_commit_hook(c, on_commit, d);
	return d;
}

static int bind_one(sqlite3_stmt *st, int at, char type, va_list *ap)
{
	struct slice s;
	const struct oid *id;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(st, at, va_arg(*ap, int64_t));
	case 'u':
		return sqlite3_bind_int64(
			st, at, (int64_t)va_arg(*ap, uint64_t));
	case 's':
		s = va_arg(*ap, struct slice);
		return sqlite3_bind_text64(st, at, s.p ? s.p : "", s.n,
			SQLITE_TRANSIENT, SQLITE_UTF8);
	case 'b':
		s = va_arg(*ap, struct slice);
		return sqlite3_bind_blob64(
			st, at, s.p ? s.p : "", s.n, SQLITE_TRANSIENT);
	case 'o':
		id = va_arg(*ap, const struct oid *);
		return sqlite3_bind_blob(
			st, at, id->b, sizeof(id->b), SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_null(st, at);
	}
}

/* A value that found no memory would be NULL: the next step must not run. */
static void bind_all(sqlite3_stmt *st, const char *types, va_list *ap)
{
	for (int i = 0; types[i]; i++) {
		int rc = bind_one(st, i + 1, types[i], ap);
		if (rc != SQLITE_OK && st)
			db_of(st)->bind_rc = rc;
	}
}

void db_bind(sqlite3_stmt *st, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	bind_all(st, types, &ap);
	va_end(ap);
}

enum err db_step(sqlite3_stmt *st)
{
	if (!st)
		return ERR_NOMEM; /* what db_stmt() could not give */
	struct db *d = db_of(st);

	d->step_ns = 0;
	d->a->file.err = ERR_OK;
	int rc = d->bind_rc;
	d->bind_rc = SQLITE_OK;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	return rc == SQLITE_ROW    ? ERR_OK
	       : rc == SQLITE_DONE ? ERR_NOTFOUND
				   : db_error(d, rc);
}

void db_done(sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

enum err db_run(struct db *d, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = db_stmt(d, sql);
	va_list ap;

	if (!st)
		return ERR_NOMEM;
	va_start(ap, types);
	bind_all(st, types, &ap);
	va_end(ap);
	enum err e;
	do
		e = db_step(st);
	while (e == ERR_OK);
	db_done(st);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err db_int(
	struct db *d, int64_t *out, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = db_stmt(d, sql);
	va_list ap;

	if (!st)
		return ERR_NOMEM;
	va_start(ap, types);
	bind_all(st, types, &ap);
	va_end(ap);
	enum err e = db_step(st);
	if (e == ERR_OK)
		*out = sqlite3_column_int64(st, 0);
	db_done(st);
	return e;
}

struct slice db_column(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);

	return slice_of(p, (size_t)sqlite3_column_bytes(st, column));
}

void db_column_oid(sqlite3_stmt *st, int column, struct oid *out)
{
	struct slice s = db_column(st, column);

	memset(out, 0, sizeof(*out));
	if (s.n == sizeof(out->b))
		memcpy(out->b, s.p, s.n);
}

int64_t db_last_rowid(struct db *d)
{
	return sqlite3_last_insert_rowid(d->c);
}

int db_changes(struct db *d)
{
	return sqlite3_changes(d->c);
}
