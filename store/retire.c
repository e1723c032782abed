/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retiring journal files. A file may go when nothing in it is needed by a
 * recovery: its pages lie synced in the databases, and maps that say so are
 * in force. One step at a time, from store_housekeep:
 *
 *   CHECKPOINT  every database that has frames in the old files: log to pages
 *               to file
 *   SYNC        those files, by the syncer
 *   MAPS        a new map file for each, under a new number; synced
 *   ROWS        one commit in the tenant's database: account -> map, hash
 *   TENANT      the tenant's own map, saying from which journal file on a
 *               replay must begin; synced
 *   then a head is given; when it is kept, old journal and map files go
 *   (head.c). Until then everything the head before it names is still there.
 *
 * A crash between any two steps leaves the old head, with the old tenant map,
 * the old files, and journal files from the old begin on: recovery replays
 * them. Map files that no row names are written over or swept.
 *
 * At the end of the process (LAST) the current journal file retires as well.
 */
#include <assert.h>

#include "internal.h"

#define AGAIN_S 10

static void release(struct store *s)
{
	struct retire *r = &s->retire;

	for (size_t i = 0; i < r->n_files; i++)
		s->m->close(r->file[i]);
	r->n_files = 0;
	for (size_t i = 0; i < r->n_accounts; i++)
		account_unpin(r->account[i]);
	r->n_accounts = 0;
	r->n_maps = 0;
	r->next = 0;
}

void retire_done(struct store *s)
{
	struct retire *r = &s->retire;

	release(s);
	mem_free(r->map);
	mem_free(r->file);
	mem_free(r->account);
	*r = (struct retire){ 0 };
}

/* The disk is full: everything stays as it is, and later again. */
static void put_off(struct store *s)
{
	struct retire *r = &s->retire;

	for (size_t i = 0; i < r->n_accounts; i++) {
		struct account *a = r->account[i];
		if (!a->retiring)
			continue; /* its map is in force already */
		if (!a->file_journal || a->retiring < a->file_journal)
			a->file_journal = a->retiring;
		a->retiring = 0;
	}
	release(s);
	r->step = RETIRE_IDLE;
	r->again = spare_use(s) ? 0 : store_clock() + AGAIN_S;
}

static void give_up(struct store *s, enum err e)
{
	if (e == ERR_NOSPACE)
		put_off(s);
	else
		store_fail(s, e);
}

/* --- maps ------------------------------------------------------------------------------- */

static enum err write_file(struct store *s, const char *name, struct slice raw)
{
	struct retire *r = &s->retire;
	struct medium_file **f = PUSH(r->file, r->n_files, r->cap_files);

	if (!f)
		return ERR_NOMEM;
	enum err e = store_remove(s, name);
	if (e == ERR_OK)
		e = s->m->open(s->m, name, true, f);
	if (e != ERR_OK) {
		r->n_files--;
		return e;
	}
	return s->m->write(*f, 0, raw.p, raw.n);
}

enum err retire_write_map(
	struct account *a, uint64_t serial, uint64_t journal_from)
{
	struct store *s = a->s;
	struct retire *r = &s->retire;
	struct map_written w = { .account = a->number,
		.old_serial = a->map_serial,
		.serial = serial };
	struct map_file mf;
	char name[MAP_NAME];
	struct buf raw;

	dbfile_describe(&a->file, &mf);
	mf.serial = serial;
	mf.journal_from = journal_from;
	map_name(name, a->number, serial);
	buf_init(&raw, 8 * (size_t)LIMIT_DATABASE_PAGES + KIB(4));
	enum err e = map_seal(&mf, a->key, &raw);
	if (e == ERR_OK)
		e = seal_hash(buf_slice(&raw), w.hash);
	if (e == ERR_OK)
		e = write_file(s, name, buf_slice(&raw));
	buf_free(&raw);
	TRY(e);
	if (a->number == TENANT_ACCOUNT) {
		r->tenant_serial = serial;
		memcpy(r->tenant_hash, w.hash, sizeof(w.hash));
		return ERR_OK;
	}
	struct map_written *at = PUSH(r->map, r->n_maps, r->cap_maps);
	if (!at)
		return ERR_NOMEM;
	*at = w;
	return ERR_OK;
}

static void close_maps(struct store *s)
{
	for (size_t i = 0; i < s->retire.n_files; i++)
		s->m->close(s->retire.file[i]);
	s->retire.n_files = 0;
}

enum err retire_sync_maps(struct store *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < s->retire.n_files && e == ERR_OK; i++)
		e = s->m->sync(s->retire.file[i]);
	close_maps(s);
	if (e == ERR_OK)
		e = s->m->sync_names(s->m);
	return e;
}

/* --- the steps ---------------------------------------------------------------------------- */

static bool start(struct store *s)
{
	struct retire *r = &s->retire;
	uint64_t upto = s->j.head.number - 1;

	if (s->j.state != JOURNAL_READY || s->retired >= upto ||
		store_clock() < r->again)
		return false;
	r->upto = upto;
	r->last = false;
	r->step = RETIRE_CHECKPOINT;
	return true;
}

static bool needs(const struct account *a, uint64_t upto)
{
	return (a->db.log_journal && a->db.log_journal <= upto) ||
	       (a->pending_journal && a->pending_journal <= upto);
}

static enum err pin_dirty(struct store *s)
{
	struct retire *r = &s->retire;

	for (struct account *a = s->newest; a; a = a->older) {
		if (!a->file_journal || a->gone)
			continue;
		struct account **at =
			PUSH(r->account, r->n_accounts, r->cap_accounts);
		if (!at)
			return ERR_NOMEM;
		*at = a;
		a->pins++;
		a->retiring = a->file_journal;
		a->file_journal = 0;
	}
	return ERR_OK;
}

static enum err sync_databases(struct store *s)
{
	struct retire *r = &s->retire;

	TRY(pin_dirty(s));
	size_t n = r->n_accounts;
	struct medium_file **file = mem_alloc(n * sizeof(*file));
	if (!file)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		file[i] = r->account[i]->file.file;
	enum err e = syncer_submit(s->sync, LANE_BACKGROUND, file, n, true);
	mem_free(file);
	r->step = RETIRE_SYNC;
	return e;
}

/* One account on its way from the log to the file. */
static bool step_checkpoint(struct store *s)
{
	struct retire *r = &s->retire;
	bool waiting = false;

	for (struct account *a = s->newest; a; a = a->older) {
		if (a->gone || !needs(a, r->upto))
			continue;
		enum err e = checkpoint_flush(a, 32);
		if (e == ERR_OK)
			e = checkpoint_account(a);
		if (e == ERR_OK ||
			(e == ERR_AGAIN && a->pending_journal &&
				a->pending_commit <= s->j.durable.commit))
			return true;
		if (e == ERR_NOSPACE)
			put_off(s);
		else if (e != ERR_AGAIN)
			store_fail(s, e);
		if (e != ERR_AGAIN)
			return false;
		waiting = true;
	}
	if (waiting)
		return false;
	enum err e = sync_databases(s);
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

static bool step_maps(struct store *s)
{
	struct retire *r = &s->retire;
	enum err e = ERR_OK;

	if (r->next < r->n_accounts) {
		struct account *a = r->account[r->next++];
		/* The tenant's comes last, a destroyed one's never. */
		if (a != s->tenant && !a->gone)
			e = retire_write_map(a, a->map_serial + 1, 0);
	} else {
		e = syncer_submit(
			s->sync, LANE_BACKGROUND, r->file, r->n_files, true);
		r->step = RETIRE_MAPS_SYNC;
	}
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

static enum err write_rows(struct store *s)
{
	struct retire *r = &s->retire;

	TRY(store_begin_freeing(s));
	enum err e = db_write(tenant_db(s));
	for (size_t i = 0; i < r->n_maps && e == ERR_OK; i++)
		e = core_map_set(s, &r->map[i]);
	if (e == ERR_OK)
		return store_commit(s, &r->commit);
	store_rollback(s);
	return e;
}

static bool step_rows(struct store *s)
{
	struct retire *r = &s->retire;
	enum err e = ERR_OK;

	if (s->tx.active)
		return false;
	r->commit = s->j.sealed.commit;
	if (r->n_maps)
		e = write_rows(s);
	r->step = RETIRE_ROWS_SYNC;
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

/* The rows are durable: the new maps are in force. */
static enum err rows_durable(struct store *s)
{
	struct retire *r = &s->retire;

	for (size_t i = 0; i < r->n_maps; i++) {
		struct account *a = account_find(s, r->map[i].account);
		if (a && !a->gone)
			a->map_serial = r->map[i].serial;
		if (r->map[i].old_serial)
			TRY(head_garbage(
				s, r->map[i].account, r->map[i].old_serial));
	}
	for (size_t i = 0; i < r->n_accounts; i++)
		if (r->account[i] != s->tenant)
			r->account[i]->retiring = 0;
	return ERR_OK;
}

static bool step_rows_sync(struct store *s)
{
	struct retire *r = &s->retire;

	if (s->j.durable.commit < r->commit)
		return false;
	enum err e = rows_durable(s);
	r->step = r->last ? RETIRE_LAST : RETIRE_TENANT;
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

/* The tenant's pages of the rows' commit, so that a clean start has nothing
 * to replay. */
static bool step_last(struct store *s)
{
	struct account *t = s->tenant;
	enum err e = checkpoint_flush(t, SIZE_MAX);

	if (e == ERR_OK)
		e = checkpoint_account(t);
	if (e == ERR_OK)
		e = checkpoint_flush(t, SIZE_MAX);
	if (e == ERR_OK && t->file.file) {
		e = syncer_submit(
			s->sync, LANE_BACKGROUND, &t->file.file, 1, true);
		s->retire.step = RETIRE_LAST_SYNC;
	}
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

static bool step_tenant(struct store *s)
{
	struct retire *r = &s->retire;
	enum err e =
		retire_write_map(s->tenant, s->map_newest + 1, r->upto + 1);

	if (e == ERR_OK)
		e = syncer_submit(
			s->sync, LANE_BACKGROUND, r->file, r->n_files, true);
	r->step = RETIRE_TENANT_SYNC;
	if (e != ERR_OK)
		give_up(s, e);
	return e == ERR_OK;
}

static enum err in_force(struct store *s)
{
	struct retire *r = &s->retire;

	if (s->map_serial)
		TRY(head_garbage(s, TENANT_ACCOUNT, s->map_serial));
	s->tenant->retiring = 0;
	if (r->last)
		s->tenant->file_journal = 0;
	s->map_serial = s->map_newest = r->tenant_serial;
	s->tenant->map_serial = r->tenant_serial;
	memcpy(s->map_hash, r->tenant_hash, sizeof(s->map_hash));
	s->retired = r->upto;
	s->want_head = true;
	release(s);
	r->step = RETIRE_IDLE;
	return ERR_OK;
}

void retire_synced(struct store *s)
{
	struct retire *r = &s->retire;
	enum err e = ERR_OK;

	switch (r->step) {
	case RETIRE_SYNC:
		r->step = RETIRE_MAPS;
		break;
	case RETIRE_MAPS_SYNC:
		close_maps(s);
		r->step = RETIRE_ROWS;
		break;
	case RETIRE_LAST_SYNC:
		r->step = RETIRE_TENANT;
		break;
	case RETIRE_TENANT_SYNC:
		close_maps(s);
		e = in_force(s);
		break;
	default:
		e = ERR_BUG;
	}
	if (e != ERR_OK)
		store_fail(s, e);
}

bool retire_step(struct store *s)
{
	switch (s->retire.step) {
	case RETIRE_IDLE:
		return start(s);
	case RETIRE_CHECKPOINT:
		return step_checkpoint(s);
	case RETIRE_MAPS:
		return step_maps(s);
	case RETIRE_ROWS:
		return step_rows(s);
	case RETIRE_ROWS_SYNC:
		return step_rows_sync(s);
	case RETIRE_LAST:
		return step_last(s);
	case RETIRE_TENANT:
		return step_tenant(s);
	default:
		return false; /* the syncer has it */
	}
}

/* --- blocking ------------------------------------------------------------------------------- */

static enum err drive(struct store *s)
{
	while (s->retire.step != RETIRE_IDLE) {
		while (retire_step(s))
			if (s->retire.step == RETIRE_IDLE)
				break;
		TRY(s->failed);
		TRY(store_settle(s));
	}
	return s->retired >= s->retire.upto ? ERR_OK : ERR_NOSPACE;
}

enum err retire_recovered(struct store *s, uint64_t upto)
{
	s->retire.upto = upto;
	s->retire.step = RETIRE_ROWS;
	return drive(s);
}

enum err retire_all(struct store *s)
{
	/* One that runs is brought to its end first. */
	if (s->retire.step != RETIRE_IDLE)
		TRY(drive(s));
	if (s->j.state == JOURNAL_NONE)
		return ERR_OK; /* nothing was written by this process */
	/* A file without a durable head does not count: its number would come
	 * again in the next life, below the place where replay begins. */
	s->retire.upto = s->j.head.number - (s->j.state != JOURNAL_READY);
	s->retire.last = true;
	s->retire.step = RETIRE_CHECKPOINT;
	TRY(drive(s));
	if (s->o.on_head)
		head_give(s);
	return ERR_OK;
}
