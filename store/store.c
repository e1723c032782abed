/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One tenant's store: opening, closing, the turn of the loop, and what runs
 * when nothing else does. The parts: commit.c (transactions), journal.c and
 * recover.c (the journal), checkpoint.c and retire.c (databases and maps),
 * segment.c (bodies), erase.c (accounts that come and go).
 */
#include <stdio.h>
#include <time.h>

#include "internal.h"

#define HEAD_S 60

static char open_error[256];

const char *store_open_error(void)
{
	return open_error;
}

/* The first reason is kept: what follows from it says less. */
void store_error(const char *fmt, ...)
{
	va_list ap;

	if (open_error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(open_error, sizeof(open_error), fmt, ap);
	va_end(ap);
}

void *grow_array(void *array, size_t *n, size_t *cap, size_t size)
{
	void **at = array;

	if (*n == *cap) {
		size_t more = *cap ? 2 * *cap : 8;
		void *p = mem_resize(*at, more, size);
		if (!p)
			return NULL;
		*at = p;
		*cap = more;
	}
	char *element = (char *)*at + (*n)++ * size;
	memset(element, 0, size);
	return element;
}

int64_t store_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

int64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void store_fail(struct store *s, enum err e)
{
	if (s->failed == ERR_OK)
		s->failed = e == ERR_OK ? ERR_BUG : e;
}

enum err store_remove(struct store *s, const char *name)
{
	enum err e = s->m->remove(s->m, name);

	if (e == ERR_OK)
		s->names = true;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* --- the turn ------------------------------------------------------------------------ */

static bool tell_failure(struct store *s)
{
	if (s->failed == ERR_OK)
		return false;
	if (!s->failed_told && !s->opening && s->o.on_failed) {
		s->failed_told = true;
		s->o.on_failed(s->o.arg, s->failed);
	}
	return true;
}

void store_turn(struct store *s)
{
	if (s->failed == ERR_OK)
		journal_turn(s);
	tell_failure(s);
}

int store_fd(const struct store *s)
{
	return syncer_fd(s->sync);
}

void store_poll(struct store *s)
{
	uint64_t before = s->j.durable.commit;
	enum err e = ERR_OK;

	syncer_quiet(s->sync);
	if (syncer_collect(s->sync, LANE_COMMIT, &e)) {
		if (e == ERR_OK)
			journal_synced(s);
		else
			store_fail(s, e);
	}
	if (syncer_collect(s->sync, LANE_BACKGROUND, &e)) {
		if (e == ERR_OK)
			retire_synced(s);
		else
			store_fail(s, e);
	}
	store_turn(s);
	if (s->opening || s->failed)
		return;
	if (s->j.durable.commit != before && s->o.on_durable)
		s->o.on_durable(s->o.arg, s->j.durable.commit);
	if (head_due(s))
		head_give(s);
}

enum err store_settle(struct store *s)
{
	for (;;) {
		store_turn(s);
		if (s->failed)
			return s->failed;
		if (!syncer_busy(s->sync, LANE_COMMIT) &&
			!syncer_busy(s->sync, LANE_BACKGROUND))
			return ERR_OK;
		syncer_wait(s->sync);
		store_poll(s);
	}
}

/* About half a millisecond of what deleted mailboxes left behind. What fails
 * (a full disk) is left for another time. */
#define REAP_ROWS 64

static bool reap_some(struct store *s)
{
	bool more = false;

	return schema_hooks.reap &&
	       schema_hooks.reap(s, REAP_ROWS, &more) == ERR_OK && more;
}

bool store_housekeep(struct store *s, unsigned budget_us)
{
	int64_t end = clock_us() + budget_us;

	if (s->failed || s->tx.active)
		return false;
	do {
		if (!checkpoint_some(s) && !retire_step(s) && !later_step(s) &&
			!reap_some(s) && !spare_step(s))
			break;
		if (s->failed)
			break;
	} while (clock_us() < end);
	if (store_clock() - s->head_time >= HEAD_S &&
		s->j.durable.commit > s->head.commit)
		s->want_head = true;
	store_turn(s);
	if (s->failed == ERR_OK && head_due(s))
		head_give(s);
	return s->failed == ERR_OK && clock_us() >= end;
}

uint64_t store_durable(const struct store *s)
{
	return s->j.durable.commit;
}

uint64_t store_last_commit(const struct store *s)
{
	return s->j.sealed.commit;
}

/* --- opening and closing --------------------------------------------------------------- */

static void free_store(struct store *s)
{
	syncer_free(s->sync);
	segments_done(s);
	if (s->j.file)
		s->m->close(s->j.file);
	if (s->j.before)
		s->m->close(s->j.before);
	journal_done(&s->j);
	retire_done(s);
	for (struct account *a = s->newest, *older; a; a = older) {
		older = a->older;
		account_free(a);
	}
	keys_close(&s->keys);
	mem_free(s->garbage);
	mem_free(s->later);
	mem_free(s->sweep.name);
	secret_free(s->key);
	medium_file_free(s->own_medium);
	mem_free(s);
}

static enum err prepare(struct store *s)
{
	const struct secret *key = s->o.key;

	if (!key || secret_size(key) != SEAL_KEY)
		return ERR_NOKEY;
	s->key = secret_copy(secret_peek(key), SEAL_KEY);
	if (!s->key)
		return ERR_NOMEM;
	s->o.key = NULL; /* the caller's */
	if (!s->m) {
		TRY(medium_file_new(s->o.dir, &s->own_medium));
		s->m = s->own_medium;
	}
	buf_init(&s->j.out, LIMIT_RECORD);
	s->keys.tenant = s->o.tenant;
	s->keys.tenant_key = s->key;
	TRY(vfs_init());
	return syncer_new(s->m, &s->sync);
}

/* The first commit makes the tenant's database. */
static enum err create(struct store *s)
{
	struct account_row row = { .oid = s->o.tenant };
	uint8_t id[16];

	TRY(keys_open(&s->keys, s->m, true));
	TRY(account_new(s, TENANT_ACCOUNT, &s->tenant));
	TRY(keys_create(&s->keys, TENANT_ACCOUNT, id, &s->tenant->key));
	TRY(account_load(s->tenant, &row));
	TRY(db_open(&s->tenant->db, s->tenant));
	s->tenant->refs = 1;
	s->oldest_journal = 1;
	s->names = true;
	TRY(store_begin(s));
	enum err e = db_write(&s->tenant->db);
	if (e == ERR_OK)
		e = core_make_tables(&s->tenant->db, true);
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	TRY(store_commit(s, NULL));
	return store_settle(s);
}

enum err store_open(const struct store_opts *o, struct store **out)
{
	struct store *s = mem_new(struct store);

	open_error[0] = '\0';
	if (!s)
		return ERR_NOMEM;
	s->o = *o;
	s->m = o->medium;
	enum err e = prepare(s);
	s->opening = true;
	if (e == ERR_OK)
		e = o->create ? create(s) : recover(s);
	if (e == ERR_OK)
		e = account_upgrade(s->tenant);
	if (e == ERR_OK && schema_hooks.open)
		e = schema_hooks.open(s);
	if (e != ERR_OK) {
		store_error("%s", err_info(e)->name);
		free_store(s);
		return e;
	}
	s->opening = false;
	s->head_time = store_clock();
	*out = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->tx.active)
		store_rollback(s);
	if (s->failed == ERR_OK && store_settle(s) == ERR_OK &&
		retire_all(s) != ERR_OK)
		tell_failure(s);
	free_store(s);
}
