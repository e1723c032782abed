/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Accounts in memory. An account's object lives while somebody holds a handle,
 * while its connection is open, or while its file has something that no map
 * file tells of yet. Connections are opened at first use and closed least
 * recently used first, only when nothing of theirs is in the log.
 */
#include <assert.h>
#include <time.h>

#include <bastide/fulltext.h>

#include "internal.h"

static struct account **slot(struct store *s, uint32_t number)
{
	return &s->table[number % ACCOUNT_SLOTS];
}

struct account *account_find(struct store *s, uint32_t number)
{
	struct account *a = *slot(s, number);

	while (a && a->number != number)
		a = a->next;
	return a;
}

static void unlink_order(struct account *a)
{
	struct store *s = a->s;

	*(a->newer ? &a->newer->older : &s->newest) = a->older;
	*(a->older ? &a->older->newer : &s->oldest) = a->newer;
}

static void link_newest(struct account *a)
{
	struct store *s = a->s;

	a->newer = NULL;
	a->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = a;
	s->newest = a;
}

void account_touch(struct account *a)
{
	unlink_order(a);
	link_newest(a);
}

enum err account_new(struct store *s, uint32_t number, struct account **out)
{
	struct account *a = mem_new(struct account);

	if (!a)
		return ERR_NOMEM;
	a->s = s;
	a->number = number;
	a->db.a = a;
	a->next = *slot(s, number);
	*slot(s, number) = a;
	link_newest(a);
	*out = a;
	return ERR_OK;
}

static void close_connection(struct account *a)
{
	if (!a->db.c)
		return;
	db_close(&a->db);
	a->s->n_open--;
}

void account_free(struct account *a)
{
	struct account **at = slot(a->s, a->number);

	assert(!a->watchers);
	close_connection(a);
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	unlink_order(a);
	dbfile_done(&a->file);
	secret_free(a->key);
	seal_free(a->section_key);
	for (int i = 0; i < SEGMENT_KEYS; i++)
		seal_free(a->segment_key[i].key);
	mem_free(a);
}

/* --- loading --------------------------------------------------------------------- */

enum err account_read_map(struct account *a, uint64_t serial,
	const uint8_t hash[32], struct map_file *out)
{
	char name[MAP_NAME];
	uint8_t have[32];
	struct buf raw;

	map_name(name, a->number, serial);
	buf_init(&raw, 8 * (size_t)LIMIT_DATABASE_PAGES + KIB(4));
	enum err e = recover_read_file(a->s, name, raw.max, &raw);
	if (e == ERR_NOTFOUND || e == ERR_LIMIT)
		e = ERR_CORRUPT; /* the row or the head says that it exists */
	if (e == ERR_OK)
		e = seal_hash(buf_slice(&raw), have);
	if (e == ERR_OK && !mem_same(have, hash, sizeof(have)))
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = map_open(buf_slice(&raw), &a->s->o.tenant, a->number,
			serial, a->key, out);
	buf_free(&raw);
	return e;
}

enum err account_load(struct account *a, const struct account_row *row)
{
	struct store *s = a->s;
	struct map_file mf = { 0 };

	a->oid = row->oid;
	memcpy(a->key_id, row->key_id, sizeof(a->key_id));
	a->map_serial = row->map_serial;
	if (!a->key)
		TRY(keys_get(&s->keys, a->number,
			a->number ? row->key_id : NULL, &a->key));
	if (row->map_serial == 0)
		return dbfile_new(
			&a->file, s->m, &s->o.tenant, a->number, a->key);
	TRY(account_read_map(a, row->map_serial, row->map_hash, &mf));
	enum err e = dbfile_load(&a->file, s->m, &mf, a->key);
	map_free(&mf.map);
	return e;
}

static enum err load_new(struct store *s, uint32_t number, struct account **out)
{
	struct account_row row;
	struct account *a;

	TRY(core_account_get(s, number, &row));
	TRY(account_new(s, number, &a));
	enum err e = account_load(a, &row);
	if (e != ERR_OK) {
		account_free(a);
		return e;
	}
	*out = a;
	return ERR_OK;
}

enum err account_upgrade(struct account *a)
{
	struct store *s = a->s;
	bool joins = s->tx.active;

	if (a->db.version != SCHEMA_VERSION)
		TRY(db_check_version(&a->db));
	if (a->db.version == SCHEMA_VERSION)
		return ERR_OK;
	if (!joins)
		TRY(store_begin(s));
	enum err e = db_write(&a->db);
	if (e == ERR_OK)
		e = core_upgrade(&a->db, a == s->tenant);
	if (e == ERR_OK && !joins)
		e = store_commit(s, NULL);
	else if (!joins)
		store_rollback(s);
	return e;
}

enum err account_open(struct store *s, uint32_t number, struct account **out)
{
	struct account *a = account_find(s, number);

	if (s->failed)
		return ERR_IO;
	if (a && (a->gone || a->dying))
		return ERR_NOTFOUND;
	bool loaded = !a;
	if (!a) {
		TRY(load_new(s, number, &a));
		/* What the life before did not get to. */
		account_words_came(a);
	}
	if (!a->db.c) {
		account_evict(s, LIMIT_OPEN_DATABASES - 1);
		enum err e = db_open(&a->db, a);
		if (e != ERR_OK) {
			if (loaded)
				account_free(a);
			return e;
		}
	}
	TRY(account_upgrade(a));
	a->refs++;
	account_touch(a);
	*out = a;
	return ERR_OK;
}

void account_close(struct account *a)
{
	if (!a)
		return;
	assert(a->refs > 0);
	a->used = store_clock();
	if (--a->refs > 0)
		return;
	if (a->gone && !a->pins)
		account_free(a);
	else
		account_evict(a->s, LIMIT_OPEN_DATABASES);
}

/* --- who waits for the index of words ---------------------------------------------- */

/* While bodies come, the commits of those who bring them go first. */
#define WORDS_QUIET_S 2
#define WORDS_LATE_S 30

void account_words_came(struct account *a)
{
	a->words_last = store_clock();
	if (!a->words_since)
		a->words_since = a->words_last;
}

void account_words_late(struct account *a)
{
	a->words_since = a->words_last = store_clock() - WORDS_LATE_S;
}

void fulltext_settled(struct account *a)
{
	a->words_since = a->words_last = 0;
}

enum err fulltext_due(struct store *s, uint32_t *account_out)
{
	int64_t now = store_clock();

	for (struct account *a = s->oldest; a; a = a->newer) {
		if (!a->words_since || a->gone || a == s->tenant ||
			(now - a->words_last < WORDS_QUIET_S &&
				now - a->words_since < WORDS_LATE_S))
			continue;
		*account_out = a->number;
		return ERR_OK;
	}
	return ERR_NOTFOUND;
}

void account_unpin(struct account *a)
{
	if (--a->pins == 0 && a->gone && a->refs == 0)
		account_free(a);
}

uint64_t account_needs(const struct account *a)
{
	uint64_t oldest = UINT64_MAX;
	const uint64_t all[] = { a->db.log_journal, a->pending_journal,
		a->file_journal, a->retiring };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] && all[i] < oldest)
			oldest = all[i];
	return oldest;
}

/* Closes the connection, and forgets the account when nothing keeps it. */
static void evict(struct account *a)
{
	if (a->refs || a->pins || a->db.joined || a->db.log_journal ||
		dbfile_pending(&a->file) || a == a->s->tenant)
		return;
	close_connection(a);
	if (account_needs(a) == UINT64_MAX && !a->watchers)
		account_free(a);
}

void account_evict(struct store *s, size_t max)
{
	struct account *a = s->oldest, *newer;

	for (; a && s->n_open > max; a = newer) {
		newer = a->newer;
		if (a->db.c)
			evict(a);
	}
}

enum err account_section_key(
	struct account *a, const struct journal_head *h, struct seal **out)
{
	if (a->section_key && a->section_journal == h->number) {
		*out = a->section_key;
		return ERR_OK;
	}
	seal_free(a->section_key);
	a->section_key = NULL;
	TRY(journal_section_key(a->key, h, &a->section_key));
	a->section_journal = h->number;
	*out = a->section_key;
	return ERR_OK;
}

/* --- small things ------------------------------------------------------------------ */

uint32_t account_number(const struct account *a)
{
	return a->number;
}

const struct oid *account_oid(const struct account *a)
{
	return &a->oid;
}

struct store *account_store(const struct account *a)
{
	return a->s;
}

struct db *account_db(struct account *a)
{
	return &a->db;
}

struct db *tenant_db(struct store *s)
{
	return &s->tenant->db;
}

void account_watch(struct account *a, struct watcher *w)
{
	w->next = a->watchers;
	w->prev = &a->watchers;
	if (w->next)
		w->next->prev = &w->next;
	a->watchers = w;
}

void account_unwatch(struct watcher *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

uint64_t account_last_commit(const struct account *a)
{
	return a->db.commit; /* 0: older than this process, so durable */
}
