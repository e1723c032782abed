/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Transactions. A transaction spans the databases that db_write() joined to
 * it; its commit is one journal record, so a crash keeps all of it or nothing.
 *
 * Order inside store_commit(): everything that may refuse (space, memory) is
 * asked first; then each database COMMITs into its log in memory; then the new
 * frames are sealed into the journal's buffer. The first COMMIT may still
 * refuse; when a later one does, half a transaction is visible and the process
 * must end: nothing of it was written, so recovery knows nothing of it.
 */
#include <assert.h>

#include "internal.h"

/* Kept in reserve in the journal for those who free space: what a record may
 * take is estimated by the caches of its databases, half a MiB each. */
#define SPARE MIB(2)

/* Space that the record must leave: opening may use everything. */
static size_t spare(const struct store *s)
{
	return s->opening      ? 0
	       : s->tx.freeing ? JOURNAL_KEEP
			       : JOURNAL_KEEP + SPARE;
}

static void tx_clear(struct tx *t)
{
	mem_free(t->joined);
	mem_free(t->note);
	mem_free(t->extent);
	mem_free(t->later);
	*t = (struct tx){ 0 };
}

static enum err begin(struct store *s, bool freeing)
{
	if (s->failed)
		return ERR_IO;
	if (s->tx.active)
		return ERR_WRONGSTATE;
	/* Checkpoints cannot keep up, since the disk is full or slow: pages
	 * would pile up in memory. */
	if (!freeing && checkpoint_memory(s) > 4 * LIMIT_LOG_MEMORY)
		return ERR_NOSPACE;
	s->tx.active = true;
	s->tx.freeing = freeing;
	return ERR_OK;
}

enum err store_begin(struct store *s)
{
	return begin(s, false);
}

enum err store_begin_freeing(struct store *s)
{
	return begin(s, true);
}

enum err db_write(struct db *d)
{
	struct tx *t = &d->a->s->tx;

	if (!t->active)
		return ERR_BUG;
	if (t->err != ERR_OK)
		return t->err;
	if (d->joined)
		return ERR_OK;
	struct account **at = PUSH(t->joined, t->n_joined, t->cap_joined);
	if (!at)
		return ERR_NOMEM;
	enum err e = db_exec(d, "BEGIN IMMEDIATE");
	if (e != ERR_OK) {
		t->n_joined--;
		return e;
	}
	*at = d->a;
	d->joined = true;
	d->a->pins++;
	return ERR_OK;
}

void db_note_change(struct account *a, enum watch_kind kind, uint64_t id)
{
	struct tx *t = &a->s->tx;

	for (size_t i = t->n_notes; i-- > 0;)
		if (t->note[i].a == a && t->note[i].kind == kind &&
			t->note[i].id == id)
			return;
	struct note *n = PUSH(t->note, t->n_notes, t->cap_notes);
	if (n)
		*n = (struct note){ a, kind, id };
	else if (t->err == ERR_OK)
		t->err = ERR_NOMEM;
}

void rights_changed(struct store *s)
{
	db_note_change(s->tenant, WATCH_RIGHTS, 0);
}

/* --- rollback ---------------------------------------------------------------------- */

static void leave(struct tx *t)
{
	for (size_t i = 0; i < t->n_joined; i++) {
		t->joined[i]->db.joined = false;
		t->joined[i]->pins--;
	}
}

/* Accounts that the transaction made are no more, or, when it is kept, those
 * that it destroyed. (A key that was written for an account that did not come
 * into being stays unused in its slot until it is written over or swept.) */
static void settle_accounts(struct store *s, bool any, bool kept)
{
	struct account *a = any ? s->newest : NULL, *older;

	for (; a; a = older) {
		older = a->older;
		a->gone |= kept ? a->dying : a->fresh;
		a->fresh = a->dying = false;
		if (a->gone && a->refs == 0 && a->pins == 0)
			account_free(a);
	}
}

void store_rollback(struct store *s)
{
	struct tx *t = &s->tx;

	if (!t->active)
		return;
	for (size_t i = 0; i < t->n_joined; i++) {
		struct db *d = &t->joined[i]->db;
		if (!sqlite3_get_autocommit(d->c))
			sqlite3_exec(d->c, "ROLLBACK", NULL, NULL, NULL);
		d->version = 0; /* to be read again */
	}
	leave(t);
	settle_accounts(s, t->accounts, false);
	tx_clear(t);
}

/* --- commit ------------------------------------------------------------------------- */

/* Every page that a COMMIT can write lies in the connection's cache, since
 * nothing spills; and the first page, which marks the commit. */
static size_t dirty_bound(const struct db *d)
{
	int used = 0, high = 0;

	sqlite3_db_status(d->c, SQLITE_DBSTATUS_CACHE_USED, &used, &high, 0);
	return (size_t)used / PAGE_SIZE + 1;
}

/* All that may refuse. */
static enum err prepare(struct store *s)
{
	struct tx *t = &s->tx;
	size_t frames = 0;

	TRY(t->err);
	if (t->n_joined > LIMIT_RECORD_SECTIONS ||
		t->n_extents > LIMIT_RECORD_EXTENTS)
		return ERR_LIMIT;
	for (size_t i = 0; i < t->n_joined; i++)
		frames += dirty_bound(&t->joined[i]->db);
	size_t n = record_bound((uint32_t)t->n_joined, (uint32_t)t->n_extents) +
		   frames * RECORD_FRAME_MAX;
	if (n > LIMIT_RECORD)
		return ERR_LIMIT;
	TRY(journal_room(s, n, spare(s)));
	enum err e = buf_reserve(&s->j.out, n);
	if (e != ERR_OK)
		s->j.out.err = ERR_OK; /* it refused and is as it was */
	return e;
}

static enum err commit_one(struct db *d)
{
	d->hook_frames = 0;
	d->committing = true;
	enum err e = db_exec(d, "COMMIT");
	d->committing = false;
	return e;
}

/* The rows and frames of one joined database, if it changed. */
struct part {
	struct account *a;
	uint32_t from, to;
};

static enum err commit_all(struct store *s, struct part *part, size_t *n_out)
{
	struct tx *t = &s->tx;

	for (size_t i = 0; i < t->n_joined; i++) {
		struct account *a = t->joined[i];
		struct part *p = &part[*n_out];
		enum err e = commit_one(&a->db);
		if (e != ERR_OK && i > 0)
			store_fail(s, e);
		TRY(e);
		db_new_frames(&a->db, &p->from, &p->to);
		p->a = a;
		if (p->to >= p->from)
			++*n_out;
	}
	return ERR_OK;
}

/* What is known of one log and one journal file says nothing of the next. */
static void know_log(struct db *d, const struct part *p, uint64_t journal)
{
	if (p->from == 1 || d->images_journal != journal)
		page_index_clear(&d->images);
	d->images_journal = journal;
}

static enum err seal_frame(
	struct db *d, struct wal *wal, uint32_t k, struct buf *out)
{
	const uint8_t *plain, *before = NULL;
	uint32_t page = vfs_frame(wal, k, &plain);
	uint32_t old = page_index_get(&d->images, page);

	if (old)
		(void)vfs_frame(wal, old, &before);
	TRY(record_frame_put(out, page, plain, before));
	if (!page_index_put(&d->images, page, k))
		page_index_clear(&d->images); /* they are whole then */
	return ERR_OK;
}

static enum err seal_part(struct store *s, struct record_writer *w, uint32_t i,
	const struct part *p)
{
	struct wal *wal = vfs_wal(p->a->db.c);
	struct seal *key;

	know_log(&p->a->db, p, s->j.head.number);
	for (uint32_t k = p->from; k <= p->to; k++)
		TRY(seal_frame(&p->a->db, wal, k, w->out));
	TRY(account_section_key(p->a, &s->j.head, &key));
	return record_seal_section(w, i, &s->o.tenant, key);
}

/* One record of all parts into the journal's buffer. */
static enum err seal_parts(struct store *s, const struct part *part, size_t n,
	struct record_section *section)
{
	struct journal *j = &s->j;
	struct record_writer w;
	struct record r = { .number = j->next_record,
		.kind = RECORD_COMMIT,
		.commit = j->sealed.commit + 1,
		.durable = j->durable.commit,
		.section = section,
		.sections = (uint32_t)n,
		.extent = s->tx.extent,
		.extents = (uint32_t)s->tx.n_extents };

	memcpy(r.before, j->chain, RECORD_TAG);
	for (size_t i = 0; i < n; i++) {
		struct wal *wal = vfs_wal(part[i].a->db.c);
		section[i].account = part[i].a->number;
		section[i].pages = vfs_frame_pages(wal, part[i].to);
	}
	TRY(record_begin(&w, &j->out, j->head.number, &r));
	for (size_t i = 0; i < n; i++)
		TRY(seal_part(s, &w, (uint32_t)i, &part[i]));
	TRY(record_end(&w, &s->o.tenant, j->key, j->chain));
	j->next_record++;
	j->sealed.commit = r.commit;
	j->sealed.journal = j->head.number;
	j->sealed.claim = r.durable;
	memcpy(j->sealed.chain, j->chain, RECORD_TAG);
	return ERR_OK;
}

static enum err seal_record(struct store *s, const struct part *part, size_t n)
{
	struct record_section *section = mem_alloc(n * sizeof(*section));

	if (!section)
		return ERR_NOMEM;
	enum err e = seal_parts(s, part, n, section);
	mem_free(section);
	TRY(e);
	for (size_t i = 0; i < n; i++) {
		struct db *d = &part[i].a->db;
		d->commit = s->j.sealed.commit;
		if (!d->log_journal)
			d->log_journal = s->j.head.number;
	}
	return ERR_OK;
}

static struct later *find_later(struct store *s, const struct later *like)
{
	for (size_t i = 0; i < s->n_later; i++)
		if (s->later[i].kind == like->kind &&
			s->later[i].id == like->id)
			return &s->later[i];
	return PUSH(s->later, s->n_later, s->cap_later);
}

/* What waits until this commit is safe. A segment that was named again in the
 * meantime waits for the newest commit that left it: the one before would let
 * it be removed while this one may still be cut off. */
static enum err keep_later(struct store *s)
{
	for (size_t i = 0; i < s->tx.n_later; i++) {
		struct later *l = find_later(s, &s->tx.later[i]);
		if (!l)
			return ERR_NOMEM;
		*l = s->tx.later[i];
		l->commit = s->j.sealed.commit;
	}
	return ERR_OK;
}

static void tell_watchers(struct store *s, const struct tx *t)
{
	for (size_t i = 0; i < t->n_notes; i++) {
		const struct note *n = &t->note[i];
		struct watcher *w = n->a->watchers, *next;
		for (; w; w = next) {
			next = w->next;
			w->changed(w->arg, n->kind, n->id, s->j.sealed.commit);
		}
	}
}

static enum err commit_parts(struct store *s, struct part *part)
{
	size_t n = 0;
	enum err e = commit_all(s, part, &n);

	if (e != ERR_OK) {
		store_rollback(s);
		return s->failed ? ERR_IO : e;
	}
	if (n > 0) {
		e = seal_record(s, part, n);
		if (e == ERR_OK)
			e = keep_later(s);
		if (e != ERR_OK)
			store_fail(s, e);
	}
	/* The transaction is over before anybody is told. */
	struct tx over = s->tx;
	s->tx = (struct tx){ 0 };
	leave(&over);
	if (n > 0 && e == ERR_OK)
		tell_watchers(s, &over);
	settle_accounts(s, over.accounts, true);
	tx_clear(&over);
	return e == ERR_OK ? ERR_OK : ERR_IO;
}

enum err store_commit(struct store *s, uint64_t *commit_out)
{
	if (!s->tx.active)
		return ERR_WRONGSTATE;
	enum err e = s->failed ? ERR_IO : prepare(s);
	struct part *part = NULL;
	if (e == ERR_OK) {
		part = mem_alloc((s->tx.n_joined + 1) * sizeof(*part));
		e = part ? ERR_OK : ERR_NOMEM;
	}
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	e = commit_parts(s, part);
	mem_free(part);
	if (e == ERR_OK && commit_out)
		*commit_out = s->j.sealed.commit;
	return e;
}
