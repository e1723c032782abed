/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One tenant's sealed store, in its tenantd: the only process that opens it.
 * Nothing of SQLite, of files or of keys is visible above this line.
 *
 * Life of a change: store_begin() ... mutators of account.h, mailbox.h,
 * collection.h, directory.h, queue.h ... store_commit() gives a commit number.
 * The change is visible to readers of this process at once; it is durable when
 * store_durable() has reached the number. A reply that depends on it, and
 * every line that would show it to somebody else, goes through the output gate
 * with that number (conn.h). Nobody waits, nobody calls fdatasync.
 *
 * One thread. A transaction begins and ends inside one turn of the loop.
 */
#ifndef BASTIDE_STORE_H
#define BASTIDE_STORE_H

#include <bastide/buf.h>
#include <bastide/mem.h>

/* Random, 16 bytes; outlives rename, restore and move (RFC 8474 ids). */
struct oid {
	uint8_t b[16];
};

#define OID_TEXT 26 /* base32 without padding, lower case */
void oid_new(struct oid *out);
void oid_text(const struct oid *id, char out[OID_TEXT + 1]);
MUST_CHECK enum err oid_parse(struct slice text, struct oid *out);

/* What proves that the store is not an old one: kept by keyd, outside the
 * store's own disk where possible. `commit` 0: there is no head yet. */
struct head {
	uint64_t serial;      /* grows with each head */
	uint64_t commit;      /* the journal reaches at least this number */
	uint64_t journal;     /* number of the journal file it lies in */
	uint8_t chain[16];    /* tag of that commit's last record */
	uint64_t map_serial;  /* the tenant database's map file */
	uint8_t map_hash[32]; /* SHA-256 of that file */
};

struct medium; /* store/medium.h: where bytes go; the fault injector's seam */
struct store;
struct account;

struct store_opts {
	const char *dir;          /* the tenant's directory, exists, 0700 */
	struct oid tenant;        /* bound into every sealed thing */
	const struct secret *key; /* tenant key, 32 bytes; copied */
	struct head head;         /* what keyd keeps */
	struct medium *medium;    /* NULL: local files; borrowed */
	bool create;              /* make a new store in an empty `dir` */
	/* Bytes after which a journal or segment file is followed by the
	 * next; 0: LIMIT_JOURNAL_FILE, LIMIT_SEGMENT_FILE. */
	uint64_t file_limit;
	/* All are called on the loop's thread, from store_poll, store_turn,
	 * store_housekeep or store_close, never from inside a mutator. */
	void (*on_durable)(void *arg, uint64_t commit);
	/* Keep this head; call store_head_kept(serial) once it is safe. */
	void (*on_head)(void *arg, const struct head *head);
	/* A write or sync failed: what is on the medium is unknown. The
	 * process must end; a new one recovers. Nothing is retried. */
	void (*on_failed)(void *arg, enum err e);
	void *arg;
};

/* Recovers what the journal holds. ERR_CORRUPT: something does not verify
 * (store_open_error() says where); ERR_VERSION; ERR_NOKEY; ERR_IO. On failure
 * nothing was changed on the medium. */
MUST_CHECK enum err store_open(const struct store_opts *o, struct store **out);
/* Place and reason of the last failed store_open of this process; no content. */
const char *store_open_error(void);
/* Clean stop: waits for the syncer, checkpoints, gives the last head. Every
 * account handle must have been closed. */
void store_close(struct store *s);

/* Descriptor that is readable when the syncer has news: call store_poll. */
int store_fd(const struct store *s);
void store_poll(struct store *s);
/* End of each turn of the loop: writes the turn's commits to the journal with
 * one write and hands them to the syncer. Cheap when there are none. */
void store_turn(struct store *s);
/* Checkpoints, journal change, head each 60 s: at most about `budget_us`.
 * Says whether it wants to be called again soon. */
bool store_housekeep(struct store *s, unsigned budget_us);
void store_head_kept(struct store *s, uint64_t serial);
/* There was no space to keep it: gives some back, if any is held in reserve.
 * The keeper tries again. */
void store_head_refused(struct store *s);
uint64_t store_durable(const struct store *s);
/* The newest number given out; the gate for "everything until now". */
uint64_t store_last_commit(const struct store *s);

/* --- transactions: one at a time for the whole tenant ---------------------- */
/* Changes of several accounts in one transaction are kept or lost together. */
MUST_CHECK enum err store_begin(struct store *s);
/* The same for a transaction that frees space (expunge, delete): it may use
 * what is kept in reserve, so that deleting works on a full disk. */
MUST_CHECK enum err store_begin_freeing(struct store *s);
/* ERR_NOSPACE, ERR_NOMEM: rolled back, nothing changed. `commit_out` may be
 * NULL. A transaction that changed nothing gives the last number. */
MUST_CHECK enum err store_commit(struct store *s, uint64_t *commit_out);
void store_rollback(struct store *s);

/* --- accounts ---------------------------------------------------------------- */
/* Account numbers are unique in the tenant and never used twice; 0 is the
 * tenant's own database (directory, queue, audit). Handles are counted: each
 * open has its close. An account in use is never evicted. */
#define TENANT_ACCOUNT 0
MUST_CHECK enum err account_open(
	struct store *s, uint32_t number, struct account **out);
void account_close(struct account *a);
uint32_t account_number(const struct account *a);
const struct oid *account_oid(const struct account *a);
struct store *account_store(const struct account *a);
/* The newest commit that changed this account: the gate for what a reader of
 * it shows. At most store_last_commit(). */
uint64_t account_last_commit(const struct account *a);

/* Told after each commit that changed something in the account, once per
 * changed mailbox or collection, on the loop's thread, from store_commit. A
 * watcher must not write; it notes what to look at, and gates on `commit`. */
enum watch_kind {
	WATCH_MAILBOX,
	WATCH_MAILBOX_LIST,
	WATCH_COLLECTION,
	WATCH_RIGHTS, /* of the tenant's account (acl.h) */
};
struct watcher {
	void (*changed)(
		void *arg, enum watch_kind kind, uint64_t id, uint64_t commit);
	void *arg;
	struct watcher *next, **prev; /* the store's */
};
void account_watch(struct account *a, struct watcher *w);
void account_unwatch(struct watcher *w);

/* Bytes and messages in use, and the limits (0: none). */
struct quota {
	uint64_t bytes, bytes_max;
	uint64_t messages, messages_max;
};
/* What messages and resources take; a copied message counts again. */
MUST_CHECK enum err account_quota(struct account *a, struct quota *out);

/* --- bodies: sealed bytes of any length ----------------------------------- */
/* A body is written once, belongs to one account, and is dropped by the store
 * when the last message, resource or queue entry that names it goes. Bodies
 * never finished leave nothing but dead space; one finished and committed
 * that nothing names goes with the account's next body. */
struct body_writer;
/* `size` is what the client announced, or 0 when unknown: it decides where
 * the body goes, not how long it may be. ERR_OVERQUOTA, ERR_NOSPACE. */
MUST_CHECK enum err body_begin(
	struct account *a, uint64_t size, struct body_writer **out);
MUST_CHECK enum err body_write(struct body_writer *w, struct slice data);
void body_abort(struct body_writer *w);
/* Opaque packs of mail/ (envelope, structure) that are kept with the body and
 * read without opening it. Each at most 1 MiB. */
struct body_meta {
	struct oid oid; /* RFC 8474 EMAILID */
	uint64_t size;  /* bytes of the body */
	struct slice envelope;
	struct slice structure;
};
/* Inside a transaction. Frees `w` in every case. `meta->oid` and `meta->size`
 * are ignored. The body lives from the commit on, if something names it. */
MUST_CHECK enum err body_finish(struct body_writer *w,
	const struct body_meta *meta, uint64_t *body_out);
/* Slices of `out` live in `arena`. */
MUST_CHECK enum err body_get_meta(struct account *a, uint64_t body,
	struct arena *arena, struct body_meta *out);
/* Reads up to `n` bytes at `offset` into `p`; fewer only at the end. Each
 * chunk it opens (64 KiB) has been verified before a byte is copied. */
MUST_CHECK enum err body_read(struct account *a, uint64_t body, uint64_t offset,
	void *p, size_t n, size_t *got_out);
/* Seals the same bytes again under another account's key. Reads and writes at
 * most `budget` bytes a call; ERR_AGAIN: call again. */
MUST_CHECK enum err body_copy_more(struct account *from, uint64_t body,
	struct body_writer *to, uint64_t *offset, size_t budget);

/* --- verification --------------------------------------------------------- */
/* Every invariant of doc/FORMAT.md, read-only, in slices, while the store
 * serves: head, keys, maps, every page, every record of the journal that a
 * recovery would read, every byte of every body, what rows say of one another,
 * and files that nobody names. `report` gets one line per finding, without
 * content. */
struct store_check {
	uint64_t accounts, pages, records, bodies, bytes, messages,
		resources; /* verified so far */
	uint64_t findings;
	void (*report)(void *arg, const char *line);
	void *arg;
};
struct store_verify;
/* `c` is borrowed until the end. */
MUST_CHECK enum err store_verify_new(
	struct store *s, struct store_check *c, struct store_verify **out);
/* For about `budget_us`. ERR_AGAIN: there is more; ERR_OK: all was looked at.
 * Other errors are those of reading, and end it. Outside a transaction. */
MUST_CHECK enum err store_verify_more(
	struct store_verify *v, unsigned budget_us);
void store_verify_free(struct store_verify *v);

#endif
