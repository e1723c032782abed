/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Writing the journal: one write and one sync for all commits of a turn.
 *
 *   NONE --journal_next--> NEW --start_head--> HEADING --journal_synced-->
 *   READY --journal_next (file is full)--> NEW ...
 *
 * A file's head is written only when everything in the file before it is
 * durable, and records follow only when the head is durable. So a file that
 * has a successor is whole, and a file with records has its head: what differs
 * from that was altered. While a head is synced, commits gather in `out`.
 */
#include <assert.h>

#include "internal.h"

#define RESERVE_STEP MIB(1)

void journal_done(struct journal *j)
{
	seal_free(j->key);
	buf_free(&j->out);
	*j = (struct journal){ 0 };
}

/* --- the next file ------------------------------------------------------------------ */

static enum err make_file(struct store *s, uint64_t number,
	struct medium_file **out, uint64_t *reserved_out)
{
	char name[STORE_NAME];

	journal_name(name, number);
	/* An empty file of a process that ended before it wrote the head. */
	TRY(store_remove(s, name));
	TRY(s->m->open(s->m, name, true, out));
	*reserved_out = RESERVE_STEP;
	enum err e = s->m->reserve(*out, RESERVE_STEP);
	if (e == ERR_NOSPACE && s->opening) {
		/* What the life before left for this. */
		*reserved_out = JOURNAL_KEEP;
		e = s->m->reserve(*out, JOURNAL_KEEP);
	}
	if (e != ERR_OK) {
		s->m->close(*out);
		s->m->remove(s->m, name);
	}
	return e;
}

static enum err make_head(struct store *s, struct journal_head *h,
	uint8_t raw[JOURNAL_HEAD], uint8_t chain[RECORD_TAG],
	struct seal **key_out)
{
	struct secret *key;

	TRY(seal_random(h->salt, sizeof(h->salt)));
	TRY(journal_head_make(h, &s->o.tenant, s->key, raw, chain, &key));
	enum err e = seal_new(secret_peek(key), key_out);
	secret_free(key);
	return e;
}

enum err journal_next(struct store *s)
{
	struct journal *j = &s->j;
	struct journal_head h = { .number = j->head.number + 1,
		.commit = j->sealed.commit };
	uint8_t raw[JOURNAL_HEAD], chain[RECORD_TAG];
	struct medium_file *file;
	struct seal *key = NULL;
	uint64_t reserved;

	assert(j->out.n == 0 && !j->before);
	memcpy(h.before, j->chain, RECORD_TAG);
	TRY(make_head(s, &h, raw, chain, &key));
	enum err e = make_file(s, h.number, &file, &reserved);
	if (e != ERR_OK) {
		seal_free(key);
		return e;
	}
	seal_free(j->key);
	j->key = key;
	j->head = h;
	memcpy(j->raw, raw, JOURNAL_HEAD);
	memcpy(j->chain, chain, RECORD_TAG);
	j->before = j->file;
	j->before_size = j->size;
	j->file = file;
	j->state = JOURNAL_NEW;
	j->next_record = 0;
	j->size = JOURNAL_HEAD;
	j->reserved = reserved;
	j->ahead = 0;
	return ERR_OK;
}

enum err journal_room(struct store *s, size_t n, size_t spare)
{
	struct journal *j = &s->j;

	if (j->state == JOURNAL_NONE)
		TRY(journal_next(s));
	uint64_t end = j->size + j->out.n + n;
	if (end + spare <= j->reserved)
		return ERR_OK;
	uint64_t want =
		(end + spare + RESERVE_STEP) / RESERVE_STEP * RESERVE_STEP;
	enum err e = s->m->reserve(j->file, want);
	if (e == ERR_NOSPACE) { /* the last gap */
		want = end + spare;
		e = s->m->reserve(j->file, want);
	}
	if (e == ERR_OK)
		j->reserved = want;
	return e;
}

/* A record without frames, so that what was synced is also said to be. */
enum err journal_mark(struct store *s)
{
	struct journal *j = &s->j;
	struct record_writer w;
	struct record r = { .kind = RECORD_MARK };
	size_t n = record_bound(0, 0);

	TRY(journal_room(s, n, 0));
	TRY(buf_reserve(&j->out, n));
	r.number = j->next_record;
	r.commit = j->sealed.commit;
	r.durable = j->durable.commit;
	memcpy(r.before, j->chain, RECORD_TAG);
	TRY(record_begin(&w, &j->out, j->head.number, &r));
	TRY(record_end(&w, &s->o.tenant, j->key, j->chain));
	j->next_record++;
	j->sealed.claim = r.durable;
	return ERR_OK;
}

/* --- the turn ------------------------------------------------------------------------ */

/* The buffer is given back when a large transaction made it large. */
#define KEEP_BUFFER MIB(4)

static enum err write_records(struct store *s)
{
	struct journal *j = &s->j;

	if (j->state != JOURNAL_READY || j->out.n == 0)
		return ERR_OK;
	/* Bodies first: fewer records that wait for theirs after a crash. */
	TRY(segment_flush(s));
	TRY(s->m->write(j->file, j->size, j->out.p, j->out.n));
	j->size += j->out.n;
	TRY(ahead_write(s, j->file, j->size, j->reserved, &j->ahead));
	j->written = j->sealed;
	if (j->out.cap > KEEP_BUFFER)
		buf_free(&j->out);
	else
		buf_reset(&j->out);
	return ERR_OK;
}

static enum err start_head(struct store *s)
{
	struct journal *j = &s->j;

	TRY(s->m->write(j->file, 0, j->raw, JOURNAL_HEAD));
	TRY(syncer_submit(s->sync, LANE_COMMIT, &j->file, 1, true));
	s->names = false;
	j->state = JOURNAL_HEADING;
	return ERR_OK;
}

static enum err add_sync(struct store *s, struct medium_file *f)
{
	struct segments *g = &s->seg;
	struct medium_file **at = PUSH(g->sync, g->n_sync, g->cap_sync);

	if (!at)
		return ERR_NOMEM;
	*at = f;
	return ERR_OK;
}

/* The journal first: with the segment beside it, both are synced at once. */
static enum err start_sync(struct store *s)
{
	struct journal *j = &s->j;
	bool names = s->names;

	s->seg.n_sync = 0;
	TRY(add_sync(s, j->before ? j->before : j->file));
	TRY(segment_sync_files(s));
	if (s->keys.dirty)
		TRY(add_sync(s, s->keys.file));
	s->keys.dirty = false;
	s->names = false;
	j->syncing = j->written;
	return syncer_submit(
		s->sync, LANE_COMMIT, s->seg.sync, s->seg.n_sync, names);
}

static bool unsynced(const struct journal *j)
{
	return j->written.commit != j->durable.commit ||
	       j->written.claim != j->durable.claim;
}

/* What was reserved behind its end is given back: on a full disk the file that
 * follows needs it, and so does what makes this one retire. */
static enum err leave_before(struct store *s)
{
	struct journal *j = &s->j;
	enum err e = s->m->truncate(j->before, j->before_size);

	s->m->close(j->before);
	j->before = NULL;
	return e;
}

static enum err next_sync(struct store *s)
{
	struct journal *j = &s->j;

	if (syncer_busy(s->sync, LANE_COMMIT))
		return ERR_OK;
	if (unsynced(j))
		return start_sync(s);
	if (j->before)
		TRY(leave_before(s));
	return j->state == JOURNAL_NEW && j->out.n > 0 ? start_head(s) : ERR_OK;
}

void journal_turn(struct store *s)
{
	struct journal *j = &s->j;
	enum err e = write_records(s);

	if (e == ERR_OK)
		e = next_sync(s);
	if (e != ERR_OK) {
		store_fail(s, e);
		return;
	}
	uint64_t limit = s->o.file_limit ? s->o.file_limit : LIMIT_JOURNAL_FILE;
	/* Without space for the next file, the old one grows on. */
	if (j->state == JOURNAL_READY && j->size >= limit && j->out.n == 0 &&
		!j->before && journal_next(s) == ERR_OK)
		s->want_head = true;
}

void journal_synced(struct store *s)
{
	struct journal *j = &s->j;

	if (j->state == JOURNAL_HEADING) {
		j->state = JOURNAL_READY;
		return;
	}
	segment_synced(s);
	j->durable = j->syncing;
}
