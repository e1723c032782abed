/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A workload on the store's core alone, with a table of its own, and beside it
 * what must be in the store after each commit: rows in several accounts at
 * once, bodies in segments, accounts made and destroyed, rollbacks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../store/segment.h"
#include "world.h"

const struct table_decl table_decls[] = {
	{ "thing", false,
		"CREATE TABLE thing(id INTEGER PRIMARY KEY, value INTEGER,"
		" data BLOB, ref BLOB) STRICT;"
		"CREATE INDEX thing_value ON thing(value);",
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

#define ACCOUNTS 6 /* 0 is the tenant's */
#define ROWS 24

/* What one account holds; value 0: no row. */
struct content {
	bool exists;
	uint32_t number; /* account number: never used twice */
	int64_t value[ROWS];
	bool body[ROWS];
};

struct moment {
	uint64_t commit;
	struct content account[ACCOUNTS];
};

#define BODY_MAX (100 * 1024)

struct work {
	uint32_t next_number;
	int64_t next_value;
	struct moment *moment; /* oldest first */
	size_t n_moments, cap_moments;
};

struct work *work_new(struct world *w)
{
	struct work *k = calloc(1, sizeof(*k));
	struct moment *m = PUSH(k->moment, k->n_moments, k->cap_moments);

	k->next_number = 1;
	k->next_value = 1;
	m->commit = store_last_commit(w->store);
	m->account[0].exists = true;
	return k;
}

void work_free(struct work *k)
{
	if (k)
		free(k->moment);
	free(k);
}

void work_release(struct world *w)
{
	(void)w; /* nothing is open between two steps */
}

bool work_report(void)
{
	return true; /* one kind of thing, counted as steps */
}

/* --- the workload ------------------------------------------------------------------ */

static size_t body_size(int64_t value)
{
	return (size_t)((uint64_t)value * 7919 % BODY_MAX);
}

static void fill(uint8_t *p, size_t n, int64_t value)
{
	uint64_t x = (uint64_t)value * 0x2545f4914f6cdd1dull + 1;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
}

static size_t data_size(int64_t value)
{
	return (size_t)((uint64_t)value * 104729 % 5000);
}

/* In pieces, as a client sends it. */
static enum err write_body(
	struct world *w, struct account *a, int64_t value, struct buf *ref)
{
	size_t n = body_size(value);
	uint8_t *p = malloc(n + 1);
	struct segment_writer *sw;

	fill(p, n, value);
	enum err e = segment_begin(a, world_draw(w, 2) ? n : 0, &sw);
	for (size_t at = 0, part; at < n && e == ERR_OK; at += part) {
		part = world_draw(w, 70000) + 1;
		if (part > n - at)
			part = n - at;
		e = segment_write(sw, slice_of(p + at, part));
		if (e != ERR_OK)
			segment_abort(sw);
	}
	free(p);
	if (e == ERR_OK && world_draw(w, 20) == 0) {
		/* Given up: dead space; begun anew. */
		segment_abort(sw);
		return write_body(w, a, value, ref);
	}
	return e == ERR_OK ? segment_finish(sw, ref) : e;
}

static enum err drop_row(struct account *a, int64_t id)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st;
	struct buf ref;

	TRY(db_write(d));
	st = db_stmt(d, "SELECT ref FROM thing WHERE id = ? AND ref NOT NULL");
	if (!st)
		return ERR_NOMEM;
	buf_init(&ref, SEGMENT_REF_MAX);
	db_bind(st, "i", id);
	enum err e = db_step(st);
	if (e == ERR_OK)
		buf_add_slice(&ref, db_column(st, 0));
	db_done(st);
	if (e == ERR_OK)
		e = segment_ref_drop(a, buf_slice(&ref));
	else if (e == ERR_NOTFOUND)
		e = ERR_OK;
	buf_free(&ref);
	TRY(e);
	return db_run(d, "DELETE FROM thing WHERE id = ?", "i", id);
}

static enum err put_row(struct world *w, struct account *a, int64_t id,
	int64_t value, bool body)
{
	struct db *d = account_db(a);
	uint8_t data[5000];
	struct buf ref;
	size_t n = data_size(value);
	enum err e = ERR_OK;

	TRY(drop_row(a, id));
	buf_init(&ref, SEGMENT_REF_MAX);
	fill(data, n, value);
	if (body) {
		e = write_body(w, a, value, &ref);
		if (e == ERR_OK)
			e = segment_ref_add(a, buf_slice(&ref));
	}
	if (e == ERR_OK)
		e = db_run(d, "INSERT INTO thing VALUES(?, ?, ?, ?)",
			body ? "iibb" : "iibn", id, value, slice_of(data, n),
			buf_slice(&ref));
	buf_free(&ref);
	return e;
}

static enum err change_account(struct world *w, struct content *c)
{
	struct account *a;
	enum err e = ERR_OK;

	TRY(account_open(w->store, c->number, &a));
	for (uint64_t n = world_draw(w, 3) + 1; n > 0 && e == ERR_OK; n--) {
		int64_t id = (int64_t)world_draw(w, ROWS);
		if (world_draw(w, 4) == 0) {
			e = drop_row(a, id);
			c->value[id] = 0;
		} else {
			c->value[id] = w->work->next_value++;
			c->body[id] = world_draw(w, 3) == 0;
			e = put_row(w, a, id, c->value[id], c->body[id]);
		}
	}
	account_close(a);
	return e;
}

static enum err make_or_destroy(struct world *w, struct content *c)
{
	if (!c->exists) {
		memset(c, 0, sizeof(*c));
		c->exists = true;
		c->number = w->work->next_number++;
		return account_key_create(w->store, c->number);
	}
	c->exists = false;
	return account_key_destroy(w->store, c->number);
}

static enum err change(struct world *w, struct moment *m)
{
	for (uint64_t n = world_draw(w, 3) + 1; n > 0; n--) {
		uint64_t k = world_draw(w, ACCOUNTS);
		struct content *c = &m->account[k];
		if (!c->exists || (k > 0 && world_draw(w, 40) == 0))
			TRY(make_or_destroy(w, c));
		if (c->exists)
			TRY(change_account(w, c));
	}
	return ERR_OK;
}

enum err work_step(struct world *w)
{
	struct moment m = w->work->moment[w->work->n_moments - 1];
	uint64_t commit;
	uint32_t number = w->work->next_number;
	enum err e = store_begin(w->store);

	TRY(e);
	e = change(w, &m);
	if (e != ERR_OK || world_draw(w, 10) == 0) {
		store_rollback(w->store);
		/* Not even a number of an account that never was comes
		 * twice, unless nobody saw it: both must work. */
		if (world_draw(w, 2))
			w->work->next_number = number;
		return e;
	}
	TRY(store_commit(w->store, &commit));
	if (commit == w->work->moment[w->work->n_moments - 1].commit)
		return ERR_OK;
	m.commit = commit;
	struct moment *at =
		PUSH(w->work->moment, w->work->n_moments, w->work->cap_moments);
	*at = m;
	return ERR_OK;
}

/* --- is it all there ------------------------------------------------------------------ */

static const struct moment *expected(const struct world *w, uint64_t commit)
{
	for (size_t i = w->work->n_moments; i-- > 0;)
		if (w->work->moment[i].commit <= commit)
			return &w->work->moment[i];
	return NULL;
}

void work_forget(struct world *w, uint64_t commit)
{
	while (w->work->n_moments > 1 &&
		w->work->moment[w->work->n_moments - 1].commit > commit)
		w->work->n_moments--;
}

static bool check_body(
	struct account *a, sqlite3_stmt *st, int64_t value, char *why)
{
	size_t n = body_size(value), got = 0;
	uint8_t *want = malloc(n + 1), *have = malloc(n + 1);
	enum err e = segment_read(a, db_column(st, 3), 0, have, n + 1, &got);

	fill(want, n, value);
	bool good = e == ERR_OK && got == n && memcmp(want, have, n) == 0;
	if (!good)
		snprintf(why, 256, "body of value %lld: %s, %zu of %zu",
			(long long)value, err_info(e)->name, got, n);
	free(want);
	free(have);
	return good;
}

static bool check_row(
	struct account *a, sqlite3_stmt *st, const struct content *c, char *why)
{
	int64_t id = sqlite3_column_int64(st, 0);
	int64_t value = sqlite3_column_int64(st, 1);
	struct slice data = db_column(st, 2);
	bool body = sqlite3_column_type(st, 3) == SQLITE_BLOB;
	uint8_t want[5000];

	if (value != c->value[id] || body != c->body[id]) {
		snprintf(why, 256, "account %u row %lld: value %lld, not %lld",
			c->number, (long long)id, (long long)value,
			(long long)c->value[id]);
		return false;
	}
	fill(want, data_size(value), value);
	if (!slice_eq(data, slice_of(want, data_size(value)))) {
		snprintf(why, 256, "account %u row %lld: other bytes",
			c->number, (long long)id);
		return false;
	}
	return !body || check_body(a, st, value, why);
}

static bool check_account(struct world *w, const struct content *c, char *why)
{
	struct account *a;
	enum err e = account_open(w->store, c->number, &a);
	size_t want = 0, have = 0;

	if (e != ERR_OK) {
		snprintf(why, 256, "account %u does not open: %s", c->number,
			err_info(e)->name);
		return false;
	}
	for (int i = 0; i < ROWS; i++)
		want += c->value[i] != 0;
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT id, value, data, ref FROM thing ORDER BY id");
	bool good = st != NULL;
	e = ERR_NOMEM;
	while (good && (e = db_step(st)) == ERR_OK) {
		good = check_row(a, st, c, why);
		have++;
	}
	db_done(st);
	if (good && (e != ERR_NOTFOUND || have != want)) {
		snprintf(why, 256, "account %u: %zu of %zu rows, %s", c->number,
			have, want, err_info(e)->name);
		good = false;
	}
	account_close(a);
	return good;
}

bool work_check(struct world *w, uint64_t commit, char *why)
{
	const struct moment *m = expected(w, commit);

	if (commit < w->acknowledged || !m) {
		snprintf(why, 256,
			"commit %llu was acknowledged, %llu is there",
			(unsigned long long)w->acknowledged,
			(unsigned long long)commit);
		return false;
	}
	for (int i = 0; i < ACCOUNTS; i++) {
		const struct content *c = &m->account[i];
		struct account *a;
		if (c->exists) {
			if (!check_account(w, c, why))
				return false;
		} else if (c->number && account_open(w->store, c->number, &a) !=
						ERR_NOTFOUND) {
			snprintf(why, 256, "account %u should be gone",
				c->number);
			return false;
		}
	}
	return true;
}
