/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Opening a store that exists. Nothing is written before everything that will
 * be used has verified:
 *
 *   1. the tenant's map, as the head names it, says with which journal file
 *      the replay begins;
 *   2. the chain of records is followed from there to its end (journal_scan.c);
 *   3. the tenant's pages are put over its database in memory, and its rows
 *      say which accounts exist, with which key and which map;
 *   4. only then pages are written, synced, and described by new maps.
 *
 * Replay is physical: the last image of each page in the files that are kept
 * is written again, whatever lies in the database file. So a crash during
 * recovery, or a page that a crash tore, is repaired by the next recovery.
 */
#include <stdlib.h>

#include "recover.h"

/* --- reading ----------------------------------------------------------------------- */

enum err recover_read_file(
	struct store *s, const char *name, size_t max, struct buf *out)
{
	struct medium_file *f;
	uint64_t size;
	size_t got = 0;

	TRY(s->m->open(s->m, name, false, &f));
	enum err e = s->m->size(f, &size);
	if (e == ERR_OK && size > max)
		e = ERR_LIMIT;
	if (e == ERR_OK)
		e = buf_reserve(out, (size_t)size);
	if (e == ERR_OK)
		e = s->m->read(f, 0, out->p + out->n, (size_t)size, &got);
	out->n += got;
	s->m->close(f);
	return e;
}

static bool numbered(const char *name, const char *prefix, uint64_t *out)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && strlen(name) == n + 16 &&
	       name_number(name, n, 16, out);
}

static void see_name(void *arg, const char *name)
{
	struct recovery *r = arg;
	uint64_t n;

	if (numbered(name, "journal-", &n)) {
		uint64_t *at = PUSH(r->file, r->n_files, r->cap_files);
		if (at)
			*at = n;
		else
			r->err = ERR_NOMEM;
	} else if (numbered(name, "seg-", &n)) {
		r->segment = n > r->segment ? n : r->segment;
		r->err = r->err ? r->err : sweep_add(r->s, name);
	} else if (numbered(name, "map-00000000-", &n)) {
		r->map = n > r->map ? n : r->map;
	}
	if (strncmp(name, "map-", 4) == 0 || strncmp(name, "db-", 3) == 0)
		r->err = r->err ? r->err : sweep_add(r->s, name);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static enum err list_names(struct recovery *r)
{
	struct medium *m = r->s->m;

	TRY(m->list(m, see_name, r));
	TRY(r->err);
	if (r->n_files)
		qsort(r->file, r->n_files, sizeof(*r->file), by_number);
	return ERR_OK;
}

/* --- accounts ----------------------------------------------------------------------- */

enum err recover_account(
	struct recovery *r, uint32_t number, struct account **out)
{
	struct account *a = account_find(r->s, number);

	if (!a)
		TRY(account_new(r->s, number, &a));
	/* Which key it must be, its row says later. */
	if (!a->key)
		TRY(keys_get(&r->s->keys, number, NULL, &a->key));
	*out = a;
	return ERR_OK;
}

static enum err load_tenant(struct recovery *r)
{
	struct store *s = r->s;
	const struct head *h = &s->o.head;
	struct account_row row = { .oid = s->o.tenant };
	struct map_file mf = { 0 };

	TRY(account_new(s, TENANT_ACCOUNT, &s->tenant));
	TRY(keys_get(&s->keys, TENANT_ACCOUNT, NULL, &s->tenant->key));
	r->from = 1;
	if (h->map_serial == 0)
		return account_load(s->tenant, &row);
	s->tenant->oid = s->o.tenant;
	s->tenant->map_serial = h->map_serial;
	TRY(account_read_map(s->tenant, h->map_serial, h->map_hash, &mf));
	r->from = mf.journal_from;
	enum err e = dbfile_load(&s->tenant->file, s->m, &mf, s->tenant->key);
	map_free(&mf.map);
	return e;
}

/* --- replay --------------------------------------------------------------------------- */

static int by_account(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static enum err put_frame(struct account *a, const struct record_frame *f)
{
	if (f->whole)
		return dbfile_put(
			&a->file, f->page, (const uint8_t *)f->bytes.p);
	/* The file that names a change has the whole page before it. */
	uint8_t *plain = dbfile_put_again(&a->file, f->page);
	if (!plain) {
		store_error("account %u: page %u changes before it is there",
			a->number, f->page);
		return ERR_CORRUPT;
	}
	record_frame_apply(f, plain);
	return ERR_OK;
}

static enum err put_frames(
	struct account *a, struct slice rest, enum record_kind kind)
{
	struct record_frame f;
	enum err e;

	while ((e = record_frame_next(&rest, kind, &f)) == ERR_OK)
		TRY(put_frame(a, &f));
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* All images of the account, in order, into its pending pages. */
static enum err put_pages(
	struct recovery *r, struct account *a, const struct found *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *frames;
		TRY(scan_frames(r, &at[i], &frames));
		enum err e =
			put_frames(a, slice_of(frames, at[i].size), at[i].kind);
		mem_wipe(frames, at[i].size);
		mem_free(frames);
		TRY(e);
		dbfile_resize(&a->file, at[i].pages);
	}
	return ERR_OK;
}

/* The run of one account's sections in the sorted list. */
static size_t run_of(const struct recovery *r, size_t at)
{
	size_t n = at;

	while (n < r->n_found && r->found[n].account == r->found[at].account)
		n++;
	return n - at;
}

static enum err replay_tenant(struct recovery *r)
{
	struct store *s = r->s;

	if (r->n_found && r->found[0].account == TENANT_ACCOUNT)
		TRY(put_pages(r, s->tenant, r->found, run_of(r, 0)));
	enum err e = db_open(&s->tenant->db, s->tenant);
	if (e != ERR_OK)
		store_error("database of the tenant: %s", err_info(e)->text);
	s->tenant->refs = 1;
	return e;
}

/* Loads key and map of an account that still exists. An account without a row
 * was destroyed: what the journal has of it is nobody's. */
static enum err check_account(struct recovery *r, uint32_t number)
{
	struct account *a = account_find(r->s, number);
	struct account_row row;
	enum err e = core_account_get(r->s, number, &row);

	if (e == ERR_NOTFOUND) {
		if (a)
			account_free(a);
		return ERR_OK;
	}
	if (e == ERR_OK && !a)
		e = account_new(r->s, number, &a);
	if (e == ERR_OK) {
		/* Not any key, but the one that the row names. */
		secret_free(a->key);
		a->key = NULL;
		e = account_load(a, &row);
	}
	if (e != ERR_OK)
		store_error("key or map of account %u: %s", number,
			err_info(e)->text);
	return e;
}

static enum err check_accounts(struct recovery *r)
{
	for (size_t i = 0; i < r->n_found; i += run_of(r, i))
		if (r->found[i].account != TENANT_ACCOUNT)
			TRY(check_account(r, r->found[i].account));
	return ERR_OK;
}

/* Blocks: nobody is served yet. */
static enum err flush_all(struct account *a)
{
	if (!dbfile_pending(&a->file))
		return ERR_OK;
	TRY(dbfile_flush(&a->file, SIZE_MAX));
	return a->s->m->sync(a->file.file);
}

static enum err write_account(struct recovery *r, size_t at, size_t n)
{
	struct store *s = r->s;
	struct account *a = account_find(s, r->found[at].account);

	if (!a)
		return ERR_OK; /* destroyed */
	TRY(put_pages(r, a, r->found + at, n));
	TRY(flush_all(a));
	TRY(retire_write_map(a, a->map_serial + 1, 0));
	TRY(retire_sync_maps(s)); /* one at a time: descriptors are few */
	account_free(a);
	return ERR_OK;
}

/* What the kernel has and the disk perhaps not must be durable before a page
 * of it is written. */
static enum err sync_kept(struct recovery *r)
{
	for (size_t i = 0; i < r->n_scans; i++)
		TRY(r->s->m->sync(r->scan[i].file));
	for (size_t i = 0; i < r->n_extents; i++)
		TRY(segment_sync_one(r->s, r->extent[i].segment));
	TRY(r->s->m->sync(r->s->keys.file));
	return r->s->m->sync_names(r->s->m);
}

static enum err write_accounts(struct recovery *r)
{
	TRY(sync_kept(r));
	for (size_t i = 0, n; i < r->n_found; i += n) {
		n = run_of(r, i);
		if (r->found[i].account != TENANT_ACCOUNT)
			TRY(write_account(r, i, n));
	}
	return flush_all(r->s->tenant);
}

/* --- the whole ------------------------------------------------------------------------ */

static void take_positions(struct recovery *r)
{
	struct store *s = r->s;
	struct journal *j = &s->j;

	j->sealed = r->end;
	j->written = j->syncing = j->durable = j->sealed;
	j->head.number = r->last;
	memcpy(j->chain, r->chain, RECORD_TAG);
	s->head = s->kept = s->o.head;
	s->oldest_journal = r->n_files ? r->file[0] : r->last;
	s->retired = r->from - 1;
	s->head_from = s->kept_from = r->from;
	s->map_serial = s->o.head.map_serial;
	s->map_newest = r->map > s->map_serial ? r->map : s->map_serial;
	memcpy(s->map_hash, s->o.head.map_hash, sizeof(s->map_hash));
	s->opened = s->j.sealed.commit;
}

/* On a full disk there must be room for what follows: what no head needs goes,
 * and what the life before had reserved behind its last record. */
static enum err make_room(struct recovery *r)
{
	char name[STORE_NAME];

	if (r->begun) {
		journal_name(name, r->last + 1);
		TRY(store_remove(r->s, name));
	}
	if (r->n_scans) {
		struct scan *last = &r->scan[r->n_scans - 1];
		TRY(r->s->m->truncate(last->file, last->size));
	}
	TRY(spare_release(r->s));
	return head_remove_journals(r->s);
}

static enum err next_segment(struct recovery *r)
{
	int64_t known = 1;

	TRY(db_int(tenant_db(r->s), &known,
		"SELECT number FROM core_segment_next", ""));
	r->s->seg.next = (uint64_t)known > r->segment + 1 ? (uint64_t)known
							  : r->segment + 1;
	r->s->seg.begun = r->s->seg.next;
	return ERR_OK;
}

static enum err verify(struct recovery *r)
{
	struct store *s = r->s;

	enum err e = keys_open(&s->keys, s->m, false);
	if (e == ERR_NOTFOUND && s->o.head.serial)
		e = ERR_CORRUPT; /* there was a store: somebody took it away */
	if (e != ERR_OK)
		store_error("keys: %s", err_info(e)->text);
	TRY(e);
	TRY(list_names(r));
	e = load_tenant(r);
	if (e != ERR_OK)
		store_error("key or map of the tenant: %s", err_info(e)->text);
	TRY(e);
	TRY(scan_journal(r));
	if (r->end.commit == 0) {
		store_error("no store was made here");
		return ERR_NOTFOUND;
	}
	if (r->n_found)
		qsort(r->found, r->n_found, sizeof(*r->found), by_account);
	TRY(replay_tenant(r));
	return check_accounts(r);
}

static void recovery_done(struct recovery *r)
{
	for (size_t i = 0; i < r->n_scans; i++)
		scan_close(&r->scan[i], r->s->m);
	mem_free(r->scan);
	mem_free(r->file);
	mem_free(r->found);
	mem_free(r->extent);
}

/* Accounts that were looked at only for their key. */
static void forget_accounts(struct store *s)
{
	for (struct account *a = s->newest, *older; a; a = older) {
		older = a->older;
		if (a != s->tenant)
			account_free(a);
	}
}

enum err recover(struct store *s)
{
	struct recovery r = { .s = s };
	bool replayed;
	enum err e = verify(&r);

	if (e == ERR_OK) {
		take_positions(&r);
		e = next_segment(&r);
	}
	if (e == ERR_OK)
		e = make_room(&r);
	replayed = r.n_found > 0;
	if (e == ERR_OK && replayed)
		e = keys_limit(&s->keys, &s->sweep.keys);
	if (e == ERR_OK && replayed)
		e = write_accounts(&r);
	forget_accounts(s);
	recovery_done(&r);
	if (e == ERR_OK && replayed)
		e = retire_recovered(s, r.last);
	return e;
}
