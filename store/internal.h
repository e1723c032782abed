/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the core's own structs. Only the core's files include this
 * (store.c, account.c, commit.c, journal.c, recover.c, checkpoint.c, retire.c,
 * segment.c, db.c, core.c, verify.c, erase.c). All of it belongs to the loop's
 * thread.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <bastide/limits.h>

#include "db.h"
#include "dbfile.h"
#include "keys.h"
#include "record.h"
#include "record_frame.h"
#include "syncer.h"
#include "vfs.h"

/* Written by core.c into every database, and compared when one is opened. */
#define SCHEMA_VERSION 3

/* --- databases and accounts -------------------------------------------------- */
#define DB_STATEMENTS 512 /* hash slots; more are prepared without the cache */

struct db {
	struct account *a;
	sqlite3 *c; /* NULL: not open */
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} cache[DB_STATEMENTS];
	size_t cached;
	int version;          /* of its tables (PRAGMA user_version) */
	bool joined;          /* the running transaction writes to it */
	bool committing;      /* COMMIT is ours, not a stray one's */
	uint32_t hook_frames; /* frames in the log after the last COMMIT */
	uint32_t frames;      /* of them in the journal */
	uint64_t restarts;    /* of the log, as seen last */
	uint64_t commit;      /* the newest one that changed it */
	uint64_t log_journal; /* file of the oldest frame in the log; 0: none */
	/* Frames of the log that this journal file has (commit.c). */
	struct page_index images;
	uint64_t images_journal;
	int bind_rc;     /* SQLite's, of a value that could not be bound */
	int64_t step_ns; /* CPU time when the running step was first seen */
};

#define SEGMENT_KEYS 4

struct account {
	struct store *s;
	uint32_t number;
	struct oid oid;
	uint8_t key_id[16];
	struct secret *key;
	struct db db;
	struct dbfile file;
	uint64_t map_serial;      /* of the map file that its row names */
	uint64_t pending_commit;  /* pending pages come from commits up to */
	uint64_t pending_journal; /* oldest journal file that they need */
	uint64_t file_journal;    /* the same for what was written unsynced */
	uint64_t retiring;        /* ... and for what is being retired */
	unsigned pins;            /* of the store itself */
	struct seal
		*section_key; /* frames, in journal file `section_journal` */
	uint64_t section_journal;
	struct {
		uint64_t segment;
		struct seal *key;
	} segment_key[SEGMENT_KEYS];
	unsigned segment_turn;
	unsigned refs;
	bool fresh; /* made by the running transaction */
	/* Since when bodies wait for the index of words, and when the last of
	 * them came; seconds, 0: none does. */
	int64_t words_since, words_last;
	bool dying;   /* destroyed by it */
	bool gone;    /* is no more; forgotten with its last handle */
	int64_t used; /* seconds, when a handle was closed last */
	struct watcher *watchers;
	struct account *next; /* in the table */
	struct account *newer, *older;
};

#define ACCOUNT_SLOTS 1024

/* --- the journal, as written by this process ---------------------------------- */
/* A place in the journal: after the record of `commit`. */
struct position {
	uint64_t commit;
	uint64_t journal;
	uint8_t chain[RECORD_TAG]; /* tag of the commit's record */
	uint64_t claim;            /* a record up to here says: durable */
};

enum journal_state {
	JOURNAL_NONE,    /* no file of this life yet */
	JOURNAL_NEW,     /* made; its head waits for the file before it */
	JOURNAL_HEADING, /* the head is being synced */
	JOURNAL_READY,
};

struct journal {
	enum journal_state state;
	struct journal_head head;
	uint8_t raw[JOURNAL_HEAD];
	struct seal *key;
	struct medium_file *file;
	struct medium_file *before; /* the file before, until it is durable */
	uint64_t before_size;
	uint64_t next_record;
	uint8_t chain[RECORD_TAG];
	uint64_t size, reserved, ahead; /* zeros up to there (ahead.c) */
	struct buf out;                 /* sealed records, not written yet */
	struct position sealed, written, syncing, durable;
};

/* --- segments ------------------------------------------------------------------ */
struct segment_file {
	uint64_t number;
	struct medium_file *file;
	uint8_t salt[32];
	uint64_t used;  /* clock, for the least recently used one */
	unsigned users; /* writers that have places in it */
	bool dirty;     /* written since the last sync was handed over */
	bool syncing;
	struct segment_file *next;
};

struct segments {
	struct segment_file *open;
	struct segment_file *current; /* one of them, begun by this life */
	size_t n_open;
	uint64_t next;                 /* number of the next one */
	uint64_t end, reserved, ahead; /* of the current one */
	uint64_t begun;                /* first number of this life */
	uint64_t clock;
	/* Sealed bytes of the current one that are not written yet. */
	struct buf tail;
	uint64_t tail_at;
	uint8_t *scratch; /* one sealed chunk */
	struct medium_file **sync;
	size_t n_sync, cap_sync;
};

/* --- what waits until a commit is safe from recovery ---------------------------- */
enum later_kind { LATER_SEGMENT, LATER_ACCOUNT };
struct later {
	enum later_kind kind;
	uint64_t id;
	uint64_t commit;
};

/* What a process left behind: looked at once recovery cannot need it. */
struct sweep {
	struct {
		char text[STORE_NAME];
	} * name;
	size_t n_names, cap_names;
	uint32_t key, keys; /* slots still to be looked at */
};

/* --- the running transaction ----------------------------------------------------- */
struct note {
	struct account *a;
	enum watch_kind kind;
	uint64_t id;
};

struct tx {
	bool active, freeing;
	bool accounts; /* it makes or destroys some */
	enum err err;  /* it can only be rolled back */
	struct account **joined;
	size_t n_joined, cap_joined;
	struct note *note;
	size_t n_notes, cap_notes;
	struct record_extent *extent;
	size_t n_extents, cap_extents;
	struct later *later;
	size_t n_later, cap_later;
};

/* --- retiring journal files (retire.c) -------------------------------------------- */
enum retire_step {
	RETIRE_IDLE,
	RETIRE_CHECKPOINT, /* databases that need the old journal files */
	RETIRE_SYNC,       /* their files */
	RETIRE_MAPS,       /* their maps, one by one */
	RETIRE_MAPS_SYNC,  /* those are being synced */
	RETIRE_ROWS,       /* their rows in the tenant's database */
	RETIRE_ROWS_SYNC,  /* that commit becomes durable */
	RETIRE_LAST,       /* at the end of the process: its own pages */
	RETIRE_LAST_SYNC,
	RETIRE_TENANT, /* the tenant's map */
	RETIRE_TENANT_SYNC,
};
struct map_written {
	uint32_t account;
	uint64_t old_serial, serial;
	uint8_t hash[32];
};
struct retire {
	enum retire_step step;
	uint64_t upto;            /* journal files up to here retire */
	bool last;                /* the process ends: the current one too */
	struct account **account; /* whose files are synced, pinned */
	size_t n_accounts, cap_accounts;
	size_t next; /* account whose map comes next */
	struct map_written *map;
	size_t n_maps, cap_maps;
	struct medium_file **file; /* map files until they are synced */
	size_t n_files, cap_files;
	uint64_t commit; /* of the rows */
	uint64_t tenant_serial;
	uint8_t tenant_hash[32];
	int64_t again; /* not before, after the disk was full */
};

/* What may be removed once a head is kept. */
struct garbage {
	uint64_t head; /* its serial */
	uint32_t account;
	uint64_t map_serial;
};

/* --- the store --------------------------------------------------------------------- */
struct store {
	struct store_opts o;
	struct medium *m, *own_medium;
	struct secret *key;
	struct syncer *sync;
	struct keys keys;
	struct account *table[ACCOUNT_SLOTS];
	struct account *newest, *oldest; /* all in use order */
	struct account *tenant;
	size_t n_open; /* connections */
	struct journal j;
	struct segments seg;
	struct tx tx;
	struct retire retire;
	uint64_t oldest_journal; /* file that is still there */
	uint64_t retired;        /* the tenant's map covers files up to here */
	uint64_t map_serial;     /* the tenant's map file in force */
	uint64_t map_newest;     /* highest number of one ever seen */
	uint64_t opened;         /* commit that recovery ended with */
	uint8_t map_hash[32];
	struct head head;   /* the last one given out */
	struct head kept;   /* the last one known to be kept */
	uint64_t kept_from; /* first journal file that it needs */
	uint64_t head_from; /* the same of the one given out */
	bool want_head;
	int64_t head_time;
	struct garbage *garbage;
	size_t n_garbage, cap_garbage;
	struct later *later;
	size_t n_later, cap_later;
	struct sweep sweep;
	struct {
		bool kept;     /* the file is there, made by this process */
		int64_t again; /* not before */
	} spare;
	bool names; /* directory changed since the last sync */
	enum err failed;
	bool failed_told;
	bool opening; /* nobody is called */
};

int64_t store_clock(void); /* seconds, monotonic */
/* Nothing more is written by this store. */
void store_fail(struct store *s, enum err e);
/* Removes a file; that it is not there is fine. */
MUST_CHECK enum err store_remove(struct store *s, const char *name);
/* Blocks until nothing is left to sync. Only while opening and closing. */
MUST_CHECK enum err store_settle(struct store *s);
void store_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* db.c */
MUST_CHECK enum err db_open(struct db *d, struct account *a);
void db_close(struct db *d);
/* Reads the version of the tables; ERR_VERSION: newer than this program. */
MUST_CHECK enum err db_check_version(struct db *d);
MUST_CHECK enum err db_exec(struct db *d, const char *sql);
MUST_CHECK enum err db_error(struct db *d, int rc);
/* Takes the frames of the log that are not in the journal: first and last. */
void db_new_frames(struct db *d, uint32_t *from_out, uint32_t *to_out);

/* core.c: the core's own tables */
extern const struct table_decl core_decls[];
extern const size_t n_core_decls;
MUST_CHECK enum err core_make_tables(struct db *d, bool tenant);
/* In a transaction: what later versions of the schema added. */
MUST_CHECK enum err core_upgrade(struct db *d, bool tenant);
struct account_row {
	struct oid oid;
	uint8_t key_id[16];
	uint64_t map_serial;
	uint8_t map_hash[32];
};
MUST_CHECK enum err core_account_get(
	struct store *s, uint32_t number, struct account_row *out);
MUST_CHECK enum err core_account_add(
	struct store *s, uint32_t number, const struct account_row *row);
MUST_CHECK enum err core_account_remove(struct store *s, uint32_t number);
/* Where rows of account maps lie; the tenant has none. */
MUST_CHECK enum err core_map_set(struct store *s, const struct map_written *m);

/* account.c */
/* The account's object, opened or not; NULL: not in memory. */
struct account *account_find(struct store *s, uint32_t number);
MUST_CHECK enum err account_new(
	struct store *s, uint32_t number, struct account **out);
void account_free(struct account *a);
/* Brings the tables of an older version up to date, in the running transaction
 * or in one of its own. */
MUST_CHECK enum err account_upgrade(struct account *a);
MUST_CHECK enum err account_load(
	struct account *a, const struct account_row *row);
/* Reads a map file whole. `hash`: what it must have. */
MUST_CHECK enum err account_read_map(struct account *a, uint64_t serial,
	const uint8_t hash[32], struct map_file *out);
MUST_CHECK enum err account_section_key(
	struct account *a, const struct journal_head *h, struct seal **out);
void account_touch(struct account *a);
/* Takes a pin back; a destroyed account goes with the last one. */
void account_unpin(struct account *a);
/* The oldest journal file that its database still needs; UINT64_MAX: none. */
uint64_t account_needs(const struct account *a);
/* Closes connections that nobody uses while there are more than `max`. */
void account_evict(struct store *s, size_t max);

/* journal.c */
/* Behind the end of the journal so much stays reserved, which only the next
 * open uses: a full disk must not keep a store from opening. */
#define JOURNAL_KEEP KIB(256)
/* Makes the next file, in memory and as an empty file. */
MUST_CHECK enum err journal_next(struct store *s);
/* Space for `n` more bytes of records, and beyond them `spare`. */
MUST_CHECK enum err journal_room(struct store *s, size_t n, size_t spare);
MUST_CHECK enum err journal_mark(struct store *s);
void journal_turn(struct store *s);
/* A batch of the commit lane is finished. */
void journal_synced(struct store *s);
void journal_done(struct journal *j);

/* recover.c */
MUST_CHECK enum err recover(struct store *s);
MUST_CHECK enum err recover_read_file(
	struct store *s, const char *name, size_t max, struct buf *out);

/* checkpoint.c */
MUST_CHECK enum err checkpoint_account(struct account *a);
/* Writes pending pages whose commits are durable. ERR_AGAIN: more to do. */
MUST_CHECK enum err checkpoint_flush(struct account *a, size_t pages);
/* True: there was something to do. */
bool checkpoint_some(struct store *s);
size_t checkpoint_memory(const struct store *s);

/* retire.c */
/* True: there was something to do. */
bool retire_step(struct store *s);
/* Blocks: all of it, also the current journal file. */
MUST_CHECK enum err retire_all(struct store *s);
/* Blocks: after a replay up to this journal file; maps are written. */
MUST_CHECK enum err retire_recovered(struct store *s, uint64_t upto);
MUST_CHECK enum err retire_write_map(
	struct account *a, uint64_t serial, uint64_t journal_from);
MUST_CHECK enum err retire_sync_maps(struct store *s);
/* A batch of the background lane is finished. */
void retire_synced(struct store *s);
void retire_done(struct store *s);

/* head.c */
/* Journal files that the kept head does not need. */
MUST_CHECK enum err head_remove_journals(struct store *s);
void head_give(struct store *s);
bool head_due(const struct store *s);
/* A map file that no head names any more once the next one is kept. */
MUST_CHECK enum err head_garbage(
	struct store *s, uint32_t account, uint64_t map_serial);

/* erase.c: what is removed only when recovery can no longer need it */
MUST_CHECK enum err later_add(
	struct store *s, enum later_kind kind, uint64_t id);
bool later_step(struct store *s);
/* Remembers a file name that may be left over. */
MUST_CHECK enum err sweep_add(struct store *s, const char *name);

/* The number that stands in a file's name, in so many hexadecimal digits. */
bool name_number(const char *text, size_t at, size_t digits, uint64_t *out);

/* ahead.c: the bytes up to `end` were written to the file; `*ahead` is up to where
 * it has zeros behind them. */
MUST_CHECK enum err ahead_write(struct store *s, struct medium_file *f,
	uint64_t end, uint64_t reserved, uint64_t *ahead);

/* spare.c: space for what makes space */
#define SPARE_FILE MIB(1)
bool spare_is(const char *name);
/* On ERR_NOSPACE in the background: true, try again. */
bool spare_use(struct store *s);
MUST_CHECK enum err spare_release(struct store *s);
/* True: there was something to do. */
bool spare_step(struct store *s);

/* segment.c */
MUST_CHECK enum err segment_flush(struct store *s);
MUST_CHECK enum err segment_verify_extent(
	struct store *s, struct account *a, const struct record_extent *x);
MUST_CHECK enum err segment_sync_one(struct store *s, uint64_t number);
void segments_done(struct store *s);
void segment_name(char out[STORE_NAME], uint64_t number);
/* Adds to s->seg.sync what must be synced for the commits written so far. */
MUST_CHECK enum err segment_sync_files(struct store *s);
void segment_synced(struct store *s);
/* Removes the file, if nobody writes to it: ERR_BUSY. */
MUST_CHECK enum err segment_remove(struct store *s, uint64_t number);

#endif
