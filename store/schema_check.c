/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The invariants of the rows, part of store_verify(): what a mailbox,
 * collection, body or `state` row says of others is counted again. Findings
 * name numbers only, never content. Read-only; nothing is repaired.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

void check_report(struct check *k, const char *fmt, ...)
{
	char line[300], text[250];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(line, sizeof(line), "account %" PRIu32 ": %s",
		account_number(k->account), text);
	k->c->findings++;
	if (k->c->report)
		k->c->report(k->c->arg, line);
}

void check_equal(struct check *k, const char *what, uint64_t id,
	const char *column, uint64_t said, uint64_t found)
{
	if (said != found)
		check_report(k,
			"%s %" PRIu64 ": %s is %" PRIu64 ", counted %" PRIu64,
			what, id, column, said, found);
}

enum err check_body_named(struct check *k, uint64_t body)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 1024;
		uint64_t *p = mem_resize(k->bodies, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		k->bodies = p;
		k->cap = cap;
	}
	k->bodies[k->n++] = body;
	return ERR_OK;
}

struct owned {
	uint64_t key;
	bool there;
};

static enum err fill_owned(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct owned *o = row;

	o->key = column_u64(st, 0);
	o->there = sqlite3_column_int(st, 1) != 0;
	return ERR_OK;
}

enum err check_owners(struct check *k, const char *what, const char *sql)
{
	struct owned rows[CHECK_PAGE];
	size_t n = CHECK_PAGE;
	uint64_t after = 0;

	while (n == CHECK_PAGE) {
		sqlite3_stmt *st = db_stmt(k->db, sql);
		db_bind(st, "u", after);
		TRY(schema_rows(st, fill_owned, NULL, rows, sizeof(rows[0]),
			CHECK_PAGE, &n));
		for (size_t i = 0; i < n; i++)
			if (!rows[i].there)
				check_report(k, "%s of missing %" PRIu64, what,
					rows[i].key);
		if (n > 0)
			after = rows[n - 1].key;
	}
	return ERR_OK;
}

/* --- bodies ---------------------------------------------------------------------- */

struct body_check {
	uint64_t id, refs, size;
	bool in_segment, in_small;
	uint64_t small_size;
};

static enum err fill_body(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct body_check *b = row;

	b->id = column_u64(st, 0);
	b->refs = column_u64(st, 1);
	b->size = column_u64(st, 2);
	b->in_segment = sqlite3_column_int(st, 3) != 0;
	b->in_small = sqlite3_column_int(st, 4) != 0;
	b->small_size = column_u64(st, 5);
	return ERR_OK;
}

static void check_body(
	struct check *k, const struct body_check *b, uint64_t named)
{
	k->c->bodies++;
	check_equal(k, "body", b->id, "refs", b->refs, named);
	if (b->in_segment == b->in_small)
		check_report(k, "body %" PRIu64 " lies in %s", b->id,
			b->in_small ? "two places" : "no place");
	if (b->in_small)
		check_equal(k, "body", b->id, "size", b->size, b->small_size);
}

static int by_number(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* How many rows name `id`; those before it that no body was found for are
 * reported. `*at` moves over the sorted array. */
static uint64_t count_named(struct check *k, uint64_t id, size_t *at)
{
	uint64_t named = 0;

	for (; *at < k->n && k->bodies[*at] <= id; ++*at) {
		if (k->bodies[*at] == id)
			named++;
		else
			check_report(k, "missing body %" PRIu64 " is named",
				k->bodies[*at]);
	}
	return named;
}

static enum err check_bodies(struct check *k)
{
	struct body_check rows[CHECK_PAGE];
	uint64_t unnamed = 0, after = 0;
	size_t n = CHECK_PAGE, at = 0;
	int64_t said;

	if (k->n)
		qsort(k->bodies, k->n, sizeof(*k->bodies), by_number);
	while (n == CHECK_PAGE) {
		sqlite3_stmt *st = db_stmt(k->db,
			"SELECT b.id, b.refs, b.size, b.ref IS NOT NULL,"
			" s.id IS NOT NULL, length(s.data) FROM body AS b"
			" LEFT JOIN body_small AS s ON s.id = b.id"
			" WHERE b.id > ? ORDER BY b.id LIMIT ?");
		db_bind(st, "ui", after, (int64_t)CHECK_PAGE);
		TRY(schema_rows(st, fill_body, NULL, rows, sizeof(rows[0]),
			CHECK_PAGE, &n));
		for (size_t i = 0; i < n; i++) {
			after = rows[i].id;
			unnamed += rows[i].refs == 0;
			check_body(k, &rows[i], count_named(k, after, &at));
		}
	}
	count_named(k, UINT64_MAX, &at);
	TRY(db_int(k->db, &said, "SELECT unnamed FROM state", ""));
	check_equal(k, "state", 1, "unnamed", (uint64_t)said, unnamed);
	return check_owners(k, "small body",
		"SELECT s.id, b.id IS NOT NULL FROM body_small AS s"
		" LEFT JOIN body AS b ON b.id = s.id WHERE s.id > ?"
		" ORDER BY s.id LIMIT 500");
}

/* --- one database ------------------------------------------------------------------ */

struct state {
	uint64_t change, bytes, messages, uidvalidity, mailboxes;
	uint64_t subscriptions;
};

static enum err fill_state(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct state *s = row;

	s->change = column_u64(st, 0);
	s->bytes = column_u64(st, 1);
	s->messages = column_u64(st, 2);
	s->uidvalidity = column_u64(st, 3);
	s->mailboxes = column_u64(st, 4);
	s->subscriptions = column_u64(st, 5);
	return ERR_OK;
}

static enum err check_state(struct check *k, const struct state *s)
{
	int64_t subscriptions;

	TRY(db_int(k->db, &subscriptions, "SELECT count(*) FROM subscription",
		""));
	check_equal(k, "state", 1, "bytes", s->bytes, k->bytes);
	check_equal(k, "state", 1, "messages", s->messages, k->messages);
	check_equal(k, "state", 1, "mailboxes", s->mailboxes, k->mailboxes);
	check_equal(k, "state", 1, "subscriptions", s->subscriptions,
		(uint64_t)subscriptions);
	return ERR_OK;
}

static enum err check_begin(struct check *k, struct account *a,
	struct store_check *c, struct state *s)
{
	*k = (struct check){ .account = a, .db = account_db(a), .c = c };
	TRY(schema_row(
		db_stmt(k->db, "SELECT change, bytes, messages, uidvalidity,"
			       " mailboxes, subscriptions FROM state"),
		fill_state, NULL, s));
	k->change = s->change;
	k->uidvalidity = s->uidvalidity;
	return ERR_OK;
}

enum err schema_check_account(struct account *a, struct store_check *c)
{
	struct state s;
	struct check k;
	enum err e;

	TRY(check_begin(&k, a, c, &s));
	e = check_mailboxes(&k);
	if (e == ERR_OK)
		e = check_collections(&k);
	if (e == ERR_OK)
		e = check_bodies(&k);
	if (e == ERR_OK)
		e = check_state(&k, &s);
	mem_free(k.bodies);
	return e;
}

/* --- the tenant's database ----------------------------------------------------------- */

/* Rows of the directory whose owner is missing; by rowid or account. */
static const struct {
	const char *what, *sql;
} tenant_owners[] = {
	{ "queue entry", "SELECT e.id, m.id IS NOT NULL FROM queue_entry AS e"
			 " LEFT JOIN queue_message AS m ON m.id = e.message"
			 " WHERE e.id > ? ORDER BY e.id LIMIT 500" },
	{ "queue message without its entries",
		"SELECT m.id, m.entries = (SELECT count(*) FROM queue_entry"
		" AS e WHERE e.message = m.id) AND m.entries > 0"
		" FROM queue_message AS m WHERE m.id > ?"
		" ORDER BY m.id LIMIT 500" },
	{ "credential",
		"SELECT c.id, u.account IS NOT NULL FROM credential AS c"
		" LEFT JOIN user AS u ON u.account = c.account"
		" WHERE c.id > ? ORDER BY c.id LIMIT 500" },
	{ "user without address",
		"SELECT u.account, EXISTS (SELECT 1 FROM address AS a"
		" WHERE a.account = u.account AND a.given = u.address)"
		" FROM user AS u WHERE u.account > ?"
		" ORDER BY u.account LIMIT 500" },
	{ "user above the counter",
		"SELECT account, account < (SELECT account_next"
		" FROM tenant_state) FROM user WHERE account > ?"
		" ORDER BY account LIMIT 500" },
	{ "address", "SELECT DISTINCT a.account, u.account IS NOT NULL"
		     " FROM address AS a LEFT JOIN user AS u"
		     " ON u.account = a.account WHERE a.account > ?"
		     " ORDER BY a.account LIMIT 500" },
	{ "address outside the domains",
		"SELECT a.account, count(d.name) = count(*) FROM address AS a"
		" LEFT JOIN domain AS d ON d.name = a.domain"
		" WHERE a.account > ? GROUP BY a.account"
		" ORDER BY a.account LIMIT 500" },
};

static enum err name_queue_bodies(struct check *k)
{
	int64_t last = 0, body;

	for (;;) {
		enum err e = db_int(k->db, &last,
			"SELECT id FROM queue_message WHERE id > ?"
			" ORDER BY id LIMIT 1",
			"i", last);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		TRY(db_int(k->db, &body,
			"SELECT body FROM queue_message WHERE id = ?", "i",
			last));
		TRY(check_body_named(k, (uint64_t)body));
	}
}

static enum err check_audit(
	struct check *k, struct store *s, struct arena *arena)
{
	struct audit_row rows[100];
	uint8_t hash[32] = { 0 }, want[32];
	uint64_t last = 0;
	size_t n = 100;

	while (n == 100) {
		arena_reset(arena);
		TRY(audit_list(s, last, arena, rows, 100, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(audit_hash(hash, &rows[i], want));
			if (rows[i].id != last + 1 ||
				memcmp(want, rows[i].hash, 32) != 0)
				check_report(k,
					"audit %" PRIu64
					" does not follow the one before",
					rows[i].id);
			memcpy(hash, rows[i].hash, 32);
			last = rows[i].id;
		}
	}
	return ERR_OK;
}

static enum err check_tenant(struct check *k, struct store *s)
{
	struct arena *arena;
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(tenant_owners) / sizeof(*tenant_owners);
		i++)
		TRY(check_owners(
			k, tenant_owners[i].what, tenant_owners[i].sql));
	TRY(name_queue_bodies(k));
	TRY(check_bodies(k));
	arena = arena_new(MIB(1));
	if (!arena)
		return ERR_NOMEM;
	e = check_audit(k, s, arena);
	arena_free(arena);
	return e;
}

enum err schema_check_tenant(struct store *s, struct store_check *c)
{
	struct account *a;
	struct state state;
	struct check k = { 0 };
	enum err e;

	TRY(account_open(s, TENANT_ACCOUNT, &a));
	e = check_begin(&k, a, c, &state);
	if (e == ERR_OK)
		e = check_tenant(&k, s);
	mem_free(k.bodies);
	account_close(a);
	return e;
}
