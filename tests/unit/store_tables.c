/* SPDX-License-Identifier: EUPL-1.2 */
/* Small tables of the core's own tests, in place of the real schema. */
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store_tables.h"

const struct table_decl table_decls[] = {
	{ "thing", false,
		"CREATE TABLE thing(id INTEGER PRIMARY KEY, value INTEGER,"
		" data BLOB, ref BLOB) STRICT",
		true, true },
	{ "thing", true,
		"CREATE TABLE thing(id INTEGER PRIMARY KEY, value INTEGER,"
		" data BLOB, ref BLOB) STRICT",
		true, true },
};
const size_t n_table_decls = sizeof(table_decls) / sizeof(table_decls[0]);
const struct schema_step schema_steps[] = { { 0 } };
const size_t n_schema_steps = 0;

const struct schema_hooks schema_hooks = { 0 };

void place_init(struct place *p, const char *name)
{
	const char *base = getenv("TEST_DIR");

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "%s/%s", base ? base : ".", name);
	if (mkdir(p->dir, 0700) != 0) {
		perror(p->dir);
		abort();
	}
	oid_new(&p->tenant);
	p->key = secret_copy(PLACE_KEY, 32);
	p->keep = true;
}

void place_done(struct place *p)
{
	place_close(p);
	secret_free(p->key);
	p->key = NULL;
}

static void on_durable(void *arg, uint64_t commit)
{
	struct place *p = arg;

	assert(commit > p->durable || p->durable == 0);
	p->durable = commit;
}

/* Called from inside the store: only noted, kept in place_settle. */
static void on_head(void *arg, const struct head *head)
{
	struct place *p = arg;

	p->heads++;
	if (p->keep)
		p->head = *head;
}

static void on_failed(void *arg, enum err e)
{
	struct place *p = arg;

	p->failed = e;
}

enum err place_open(struct place *p, bool create)
{
	struct store_opts o = { .dir = p->dir,
		.tenant = p->tenant,
		.key = p->key,
		.head = p->head,
		.medium = p->medium,
		.create = create,
		.on_durable = on_durable,
		.on_head = on_head,
		.on_failed = on_failed,
		.arg = p };

	p->failed = ERR_OK;
	p->durable = 0;
	return store_open(&o, &p->store);
}

void place_settle(struct place *p)
{
	struct store *s = p->store;
	struct pollfd fd = { .fd = store_fd(s), .events = POLLIN };
	bool more = true;

	while (!p->failed &&
		(more || store_durable(s) < store_last_commit(s))) {
		store_turn(s);
		if (store_durable(s) < store_last_commit(s))
			poll(&fd, 1, 1000);
		store_poll(s);
		more = store_housekeep(s, 100000);
		more |= poll(&fd, 1, 20) > 0;
		if (p->keep && p->head.serial)
			store_head_kept(s, p->head.serial);
	}
}

void place_close(struct place *p)
{
	store_close(p->store);
	p->store = NULL;
}

enum err thing_put(struct db *d, int64_t id, int64_t value, size_t bytes)
{
	char *data = mem_alloc(bytes);

	TRY(db_write(d));
	memset(data, (int)('a' + id % 26), bytes);
	enum err e =
		db_run(d, "INSERT OR REPLACE INTO thing VALUES(?,?,?,NULL)",
			"iib", id, value, slice_of(data, bytes));
	mem_free(data);
	return e;
}

int64_t thing_get(struct db *d, int64_t id)
{
	int64_t v = -1;
	enum err e =
		db_int(d, &v, "SELECT value FROM thing WHERE id = ?", "i", id);

	assert(e == ERR_OK || e == ERR_NOTFOUND);
	return v;
}

enum err thing_commit(struct place *p, uint32_t account, int64_t id,
	int64_t value, size_t bytes)
{
	struct account *a;

	TRY(account_open(p->store, account, &a));
	enum err e = store_begin(p->store);
	if (e == ERR_OK)
		e = thing_put(account_db(a), id, value, bytes);
	if (e == ERR_OK)
		e = store_commit(p->store, NULL);
	else
		store_rollback(p->store);
	account_close(a);
	return e;
}
