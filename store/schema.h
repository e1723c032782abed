/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: what the schema files (mailbox.c, message.c, body.c, ...)
 * share, and the few places where the core calls them.
 *
 * Each database has one `state` row with the counter `change`: every number
 * that must never come twice in an account (modification sequences, ids of
 * mailboxes, bodies, collections and resources, entity tags) is a value of it.
 * A value belongs to one call, so it also says what changed after what.
 *
 * A mutator first asks for everything that may refuse it (no such mailbox,
 * over quota, name taken) and writes then, so that after such an error the
 * transaction may go on. After ERR_IO, ERR_NOMEM, ERR_TIMEOUT, ERR_CORRUPT
 * and ERR_BUG it must be rolled back.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <time.h>

#include <bastide/collection.h>
#include <bastide/directory.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>

#include "db.h"

/* --- called by the core (schema_hooks, store/db.h) --------------------------- */
/* At the end of store_open: entries left QUEUE_SENDING wait again. */
MUST_CHECK enum err schema_open(struct store *s);
/* From store_housekeep, with no transaction running: frees what deleted
 * mailboxes and collections held, at most about `max` rows a call, in a
 * transaction of its own. `more_out`: call again soon. */
MUST_CHECK enum err schema_reap(struct store *s, size_t max, bool *more_out);
/* The parts of store_verify that read rows (schema_check.c). */
MUST_CHECK enum err schema_check_new(struct store_check *c, bool tenant,
	enum check_what what, struct check **out);
MUST_CHECK enum err schema_check_more(struct check *k, struct account *a);
void schema_check_free(struct check *k);

/* --- rows ------------------------------------------------------------------- */
/* Writes the statement's current row to `row`. */
typedef enum err (*row_fn)(sqlite3_stmt *st, struct arena *arena, void *row);
/* Steps at most `max` times and fills rows of `width` bytes; ends `st`. */
MUST_CHECK enum err schema_rows(sqlite3_stmt *st, row_fn fill,
	struct arena *arena, void *rows, size_t width, size_t max,
	size_t *n_out);
/* For rows that are one number, a uint32_t. */
MUST_CHECK enum err schema_fill_u32(
	sqlite3_stmt *st, struct arena *arena, void *row);
/* The only row, or ERR_NOTFOUND; ends `st`. */
MUST_CHECK enum err schema_row(
	sqlite3_stmt *st, row_fn fill, struct arena *arena, void *row);
/* A column's bytes, copied into the arena. */
MUST_CHECK enum err schema_copy(
	struct arena *arena, sqlite3_stmt *st, int column, struct slice *out);
/* One integer of a statement that also writes (RETURNING): steps to the end,
 * so that the write is complete. */
MUST_CHECK enum err schema_int(sqlite3_stmt *st, int64_t *out);

static inline uint64_t column_u64(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

static inline uint32_t column_u32(sqlite3_stmt *st, int column)
{
	return (uint32_t)sqlite3_column_int64(st, column);
}

static inline int64_t schema_now(void)
{
	return (int64_t)time(NULL);
}

/* The next value of the database's counter. */
MUST_CHECK enum err schema_next(struct db *d, uint64_t *change_out);
/* Text that a client chose and that must be a name: UTF-8, not empty, no
 * control characters, at most `max` bytes. ERR_SYNTAX, ERR_LIMIT. */
MUST_CHECK enum err schema_name(struct slice name, size_t max);

/* --- quota ------------------------------------------------------------------ */
/* ERR_OVERQUOTA when so much more has no room. */
MUST_CHECK enum err quota_check(
	struct account *a, uint64_t bytes, uint64_t messages);
/* Adds to (or takes from) what is in use and takes the next change number. */
MUST_CHECK enum err quota_charge(
	struct db *d, int64_t bytes, int64_t messages, uint64_t *change_out);

/* --- bodies ----------------------------------------------------------------- */
/* One more row names the body. ERR_NOTFOUND. */
MUST_CHECK enum err body_ref(struct account *a, uint64_t body);
/* One row less; the last one drops it. */
MUST_CHECK enum err body_unref(struct account *a, uint64_t body);
MUST_CHECK enum err body_size(
	struct account *a, uint64_t body, uint64_t *size_out);
/* A whole body at once, named by one row; the quota is the caller's. */
MUST_CHECK enum err body_keep(
	struct account *a, struct slice data, uint64_t *body_out);

/* --- mailboxes -------------------------------------------------------------- */
/* The name as it is stored: a first level "inbox" in upper case. ERR_SYNTAX,
 * ERR_LIMIT. */
MUST_CHECK enum err mailbox_name(struct slice name,
	char out[LIMIT_MAILBOX_NAME], struct slice *name_out);
/* The name of the parent; empty at the first level. */
struct slice mailbox_parent(struct slice name);
/* Bytes between which all names below `name` lie, both exclusive: name + "/"
 * and name + "0", the byte after '/'. */
struct name_range {
	char low[LIMIT_MAILBOX_NAME + 1], high[LIMIT_MAILBOX_NAME + 1];
	size_t n;
};
void mailbox_below(struct slice name, struct name_range *out);
/* Makes the missing parents of a name that passed mailbox_name(). */
MUST_CHECK enum err mailbox_make_parents(struct account *a, struct slice name);
/* Removes parents that are nobody's any more, from the parent of `name` up. */
MUST_CHECK enum err mailbox_drop_parents(struct account *a, struct slice name);
/* A new row; the caller has seen that name and special use are free. */
MUST_CHECK enum err mailbox_insert(struct account *a, struct slice name,
	enum special_use use, bool selectable, uint64_t *id_out);
/* ERR_LIMIT when `more` further mailboxes would be too many. */
MUST_CHECK enum err mailbox_room(struct db *d, size_t more);

/* acl.c: a new mailbox gets the list of the nearest parent there is, or the
 * root's; a deleted one's goes. */
MUST_CHECK enum err acl_inherit(
	struct account *a, uint64_t mailbox, struct slice name);
MUST_CHECK enum err acl_drop(struct account *a, uint64_t mailbox);

/* url_key.c: of a mailbox that is deleted. */
MUST_CHECK enum err url_key_drop(struct account *a, uint64_t mailbox);

/* The numbers of a mailbox row that messages move; loaded, changed in memory
 * and kept, once per call. */
struct counters {
	uint64_t mailbox;
	uint32_t uidnext, exists, unseen, deleted;
	uint64_t size, modseq;
	uint32_t first_unseen; /* UID, 0: none */
	uint32_t seen_before;  /* messages before it */
	uint32_t gone;         /* rows in `vanished` */
	uint64_t gone_floor;   /* what vanished up to here is forgotten */
};
/* ERR_NOTFOUND: no mailbox, or one that holds no messages (a parent). */
MUST_CHECK enum err counters_get(
	struct db *d, uint64_t mailbox, struct counters *out);
MUST_CHECK enum err counters_put(struct account *a, const struct counters *c);

/* message_unseen.c: keeps first_unseen and seen_before exact. Called after
 * the message's row was written, before `exists` and `unseen` change. */
void unseen_add(struct counters *c, uint32_t uid);
MUST_CHECK enum err unseen_set(struct db *d, struct counters *c, uint32_t uid);
MUST_CHECK enum err unseen_clear(
	struct db *d, struct counters *c, uint32_t uid);

/* The same keywords by name, as bits of `to`: made there where missing; one
 * for which `to` has no bit left is lost. */
MUST_CHECK enum err keyword_translate(
	struct account *a, uint64_t from, uint64_t to, struct flags *flags);
#define KEYWORD_WORDS (LIMIT_KEYWORDS / 64)
/* Appends all messages of a mailbox to another one and leaves none. */
MUST_CHECK enum err message_move_all(
	struct account *a, uint64_t from, uint64_t to);

/* metadata.c. Bytes of what is annotated to a mailbox, by everybody. */
MUST_CHECK enum err metadata_size(
	struct db *d, uint64_t mailbox, int64_t *bytes_out);
/* It goes with its share of the quota. */
MUST_CHECK enum err metadata_drop(struct account *a, uint64_t mailbox);
MUST_CHECK enum err metadata_copy(
	struct account *a, uint64_t from, uint64_t to);

/* --- collections ------------------------------------------------------------- */
/* A decoded path segment of DAV: ERR_SYNTAX, ERR_LIMIT. */
MUST_CHECK enum err path_segment(struct slice name);

/* --- what is taken away later ------------------------------------------------ */
enum dead_kind { DEAD_MAILBOX = 1, DEAD_COLLECTION = 2 };
/* The rows under `id` wait for schema_reap(). */
MUST_CHECK enum err dead_add(
	struct account *a, enum dead_kind kind, uint64_t id);

/* --- tenant ------------------------------------------------------------------ */
/* The address in the form that is compared (local part and domain in lower
 * case), when its syntax holds. ERR_SYNTAX, ERR_LIMIT. */
MUST_CHECK enum err address_fold(struct slice address, char out[LIMIT_ADDRESS],
	struct slice *folded_out);
/* May the folded address be made? ERR_NOTFOUND: the domain is not ours;
 * ERR_EXISTS. */
MUST_CHECK enum err address_check(struct store *s, struct slice folded);
MUST_CHECK enum err address_put(struct store *s, struct slice folded,
	struct slice given, uint32_t account);
MUST_CHECK enum err user_exists(struct store *s, uint32_t account);
/* Text from outside, cut to LIMIT_STATUS. */
struct slice status_cut(struct slice text);
/* The hash that `row` must have after a row with the hash `before`. */
MUST_CHECK enum err audit_hash(
	const uint8_t before[32], const struct audit_row *row, uint8_t out[32]);
/* Drops what the account still has in the queue. */
MUST_CHECK enum err queue_remove_account(struct store *s, uint32_t account);

#endif
