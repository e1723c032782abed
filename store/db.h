/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: one sealed SQLite database and its statements. The core
 * (db.c, seal.c, journal.c, ...) provides this; the schema files (mailbox.c,
 * message.c, ...) use it. Nobody else calls sqlite3_open, BEGIN or COMMIT.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>

#include <bastide/store.h>

struct db;

/* The account's database, open as long as the handle is. */
struct db *account_db(struct account *a);
/* The tenant's own database (account 0). */
struct db *tenant_db(struct store *s);

/* A prepared statement, from the connection's cache. `sql` is a string with
 * static life: the cache is keyed by its address. It comes reset, without
 * bindings, and goes back with db_done() before the turn ends. NULL only when
 * out of memory or when the SQL is wrong (our bug: asserted in debug);
 * the functions below take it: db_step() answers ERR_NOMEM. */
sqlite3_stmt *db_stmt(struct db *d, const char *sql);
/* Binding is positional, 1-based, in the order of `types`: i int64, u uint64
 * (as int64), s slice as text, b slice as blob, o const struct oid *, n NULL.
 *     db_bind(st, "iis", (int64_t)mailbox, (int64_t)uid, name);            */
void db_bind(sqlite3_stmt *st, const char *types, ...);
/* Steps once: ERR_OK a row is there, ERR_NOTFOUND no (more) row, else the
 * error. Progress over SQL_LIMIT_MS: ERR_TIMEOUT. */
MUST_CHECK enum err db_step(sqlite3_stmt *st);
void db_done(sqlite3_stmt *st);
/* Bind, step to the end, done: for statements without rows. */
MUST_CHECK enum err db_run(
	struct db *d, const char *sql, const char *types, ...);
/* One row with one integer: ERR_NOTFOUND leaves *out. */
MUST_CHECK enum err db_int(
	struct db *d, int64_t *out, const char *sql, const char *types, ...);
/* Text or blob of a column; borrowed until the next step or db_done. */
struct slice db_column(sqlite3_stmt *st, int column);
void db_column_oid(sqlite3_stmt *st, int column, struct oid *out);

/* Every mutator calls this first. Outside store_begin/store_commit:
 * ERR_BUG. Joins the database to the running transaction (BEGIN). */
MUST_CHECK enum err db_write(struct db *d);
int64_t db_last_rowid(struct db *d);
int db_changes(struct db *d);

/* A body came that the index of words does not have. */
void account_words_came(struct account *a);
/* It waits long enough. */
void account_words_late(struct account *a);

/* To be told to watchers when the running transaction commits. */
void db_note_change(struct account *a, enum watch_kind kind, uint64_t id);
/* The same of the tenant's account, for a list of rights or a group. */
void rights_changed(struct store *s);

/* Every table and file is declared once (store/registry.c): the core makes
 * the schema from it, `bastide check` compares, backup and erasure read it. */
struct table_decl {
	const char *name;
	bool tenant;     /* in the tenant's database, else in each account's */
	const char *sql; /* CREATE TABLE ... STRICT; and its indexes */
	bool backed_up, exported;
};
extern const struct table_decl table_decls[];
extern const size_t n_table_decls;
/* What a version of the schema added to databases made before, in order. */
struct schema_step {
	int version; /* that it leads to */
	bool tenant;
	const char *sql;
};
extern const struct schema_step schema_steps[];
extern const size_t n_schema_steps;

enum check_what {
	CHECK_ROWS,  /* what rows say of one another */
	CHECK_BYTES, /* every byte of every body */
	CHECK_AUDIT  /* the tenant's chain of hashes */
};
struct check;

/* Where the core calls the schema; defined beside the tables, each may be
 * NULL. All run without a transaction. */
struct schema_hooks {
	/* At the end of store_open. */
	enum err (*open)(struct store *s);
	/* From store_housekeep: at most about `max` rows of deferred work, in
	 * a transaction of its own; `more_out`: there is more. */
	enum err (*reap)(struct store *s, size_t max, bool *more_out);
	/* The rows' part of store_verify, of one account or of the tenant. A
	 * call of `more` takes about a page of rows; ERR_AGAIN: there are
	 * more, and the next call brings the same account. Findings come with
	 * the last call. */
	enum err (*check_new)(struct store_check *c, bool tenant,
		enum check_what what, struct check **out);
	enum err (*check_more)(struct check *k, struct account *a);
	void (*check_free)(struct check *k);
};
extern const struct schema_hooks schema_hooks;

/* --- small things ------------------------------------------------------------ */
/* Grows an array by one: the new last element, zeroed, or NULL. */
void *grow_array(void *array, size_t *n, size_t *cap, size_t size);
#define PUSH(array, n, cap)                                                    \
	((__typeof__(array))grow_array(                                        \
		&(array), &(n), &(cap), sizeof(*(array))))
/* Microseconds, monotonic: for the budget of a step. */
int64_t clock_us(void);

#endif
