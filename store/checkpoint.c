/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From the log to the file, in two steps. A checkpoint is SQLite's own, and
 * moves the log into the pending pages of the dbfile: memory to memory. A
 * flush writes those into the file, once the commits that they come from are
 * durable. So a busy account, of which something is always on its way to the
 * disk, is checkpointed like any other, and the file never holds a page of a
 * commit that a crash can take back.
 */
#include "internal.h"

/* Frames that are worth a checkpoint; SQLite's default of 1,000 blocks the
 * loop for tens of milliseconds. */
#define FRAMES 200
/* Seconds after which an account that is not used any more is checkpointed. */
#define IDLE_S 30
#define FLUSH_PAGES 32

enum err checkpoint_account(struct account *a)
{
	struct db *d = &a->db;

	if (!d->log_journal)
		return ERR_OK;
	if (dbfile_pending(&a->file) || d->joined)
		return ERR_AGAIN;
	a->file.checkpointing = true;
	int rc = sqlite3_wal_checkpoint_v2(
		d->c, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	a->file.checkpointing = false;
	if (rc != SQLITE_OK)
		return rc == SQLITE_LOCKED || rc == SQLITE_BUSY
			       ? ERR_AGAIN
			       : db_error(d, rc);
	a->pending_commit = d->commit;
	a->pending_journal = d->log_journal;
	d->log_journal = 0;
	d->frames = 0;
	page_index_clear(&d->images);
	return ERR_OK;
}

enum err checkpoint_flush(struct account *a, size_t pages)
{
	if (!dbfile_pending(&a->file))
		return ERR_OK;
	if (a->pending_commit > a->s->j.durable.commit)
		return ERR_AGAIN;
	/* From the first page on, the file has something unsynced. */
	if (!a->file_journal || a->pending_journal < a->file_journal)
		a->file_journal = a->pending_journal;
	TRY(dbfile_flush(&a->file, pages));
	a->pending_journal = 0;
	return ERR_OK;
}

static size_t log_memory(const struct account *a)
{
	struct wal *w = a->db.c && a->db.log_journal ? vfs_wal(a->db.c) : NULL;

	return (w ? w->memory.n : 0) + dbfile_memory(&a->file);
}

size_t checkpoint_memory(const struct store *s)
{
	size_t n = 0;

	for (struct account *a = s->newest; a; a = a->older)
		n += log_memory(a);
	return n;
}

/* Worth it now: a long log, an account left alone, or too much in memory. */
static bool wants(const struct account *a, bool crowded)
{
	if (!a->db.log_journal || a->db.joined)
		return false;
	return crowded || a->db.frames >= FRAMES ||
	       (a->refs == 0 && store_clock() - a->used >= IDLE_S);
}

static bool failed(struct account *a, enum err e)
{
	if (e == ERR_NOSPACE)
		(void)spare_use(a->s);
	if (e == ERR_OK || e == ERR_AGAIN || e == ERR_NOSPACE)
		return false;
	store_fail(a->s, e);
	return true;
}

/* One step: a few pages of one account, or one account's log. A full disk is
 * waited out: the journal keeps what cannot be written. */
bool checkpoint_some(struct store *s)
{
	bool crowded = s->n_open > LIMIT_OPEN_DATABASES * 9 / 10 ||
		       checkpoint_memory(s) > LIMIT_LOG_MEMORY;

	for (struct account *a = s->oldest; a; a = a->newer) {
		bool pending = dbfile_pending(&a->file);
		enum err e = checkpoint_flush(a, FLUSH_PAGES);
		if (failed(a, e))
			return false;
		if (e == ERR_AGAIN && a->pending_commit <= s->j.durable.commit)
			return true;
		if (pending && e == ERR_OK)
			return true;
		if (e == ERR_OK && wants(a, crowded)) {
			e = checkpoint_account(a);
			return !failed(a, e) && e == ERR_OK;
		}
	}
	return false;
}
