/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the tests of the store's schema share: a fresh store in TEST_DIR with
 * the domain example.org and the user anna, whose account is open.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "unit.h"

#include <bastide/collection.h>
#include <bastide/directory.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>
#include <store/schema.h>

#define ok(call) assert_int_equal(call, ERR_OK)
#define S(text) slice_str(text)
/* A mutation in a transaction of its own. */
#define in_tx(f, call)                                                         \
	do {                                                                   \
		ok(store_begin((f)->s));                                       \
		ok(call);                                                      \
		ok(store_commit((f)->s, NULL));                                \
	} while (0)

struct fixture {
	struct store *s;
	struct account *a;
	struct arena *arena;
	struct secret *key;
	struct head head;
	uint32_t number;
	char dir[300];
	unsigned findings;
};

static inline void on_line(void *arg, const char *line)
{
	struct fixture *f = arg;

	print_message("# %s\n", line);
	f->findings++;
}

/* The row checks of one account, whole. */
static inline void check_rows(struct account *a, struct store_check *c)
{
	bool tenant = account_number(a) == TENANT_ACCOUNT;
	struct check *k;
	enum err e;

	ok(schema_check_new(c, tenant, CHECK_ROWS, &k));
	while ((e = schema_check_more(k, a)) == ERR_AGAIN)
		;
	ok(e);
	schema_check_free(k);
}

static inline void check_tenant_rows(struct store *s, struct store_check *c)
{
	struct account *tenant;
	struct check *k;
	enum err e;

	ok(account_open(s, TENANT_ACCOUNT, &tenant));
	check_rows(tenant, c);
	ok(schema_check_new(c, true, CHECK_AUDIT, &k));
	while ((e = schema_check_more(k, tenant)) == ERR_AGAIN)
		;
	ok(e);
	schema_check_free(k);
	account_close(tenant);
}

/* Findings of the row checks. */
static inline uint64_t fixture_check(struct fixture *f)
{
	struct store_check c = { .report = on_line, .arg = f };

	check_tenant_rows(f->s, &c);
	check_rows(f->a, &c);
	return c.findings;
}

static inline void on_head(void *arg, const struct head *head)
{
	struct fixture *f = arg;

	f->head = *head;
}

static inline void fixture_open(struct fixture *f, bool create)
{
	struct store_opts o = { .create = create,
		.dir = f->dir,
		.key = f->key,
		.head = f->head,
		.tenant.b[0] = 7,
		.on_head = on_head,
		.arg = f };

	ok(store_open(&o, &f->s));
}

/* Closes the store, with its last commits made durable, and opens it again. */
static inline void fixture_reopen(struct fixture *f)
{
	account_close(f->a);
	store_close(f->s);
	fixture_open(f, false);
	ok(account_open(f->s, f->number, &f->a));
}

static inline struct fixture *fixture_new(const char *name)
{
	static unsigned count;
	const char *top = getenv("TEST_DIR");
	struct fixture *f = mem_new(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "%s/%s-%u", top ? top : ".", name,
		count++);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	f->key = secret_copy("0123456789abcdef0123456789abcdef", 32);
	f->arena = arena_new(MIB(64));
	fixture_open(f, true);
	ok(store_begin(f->s));
	ok(domain_add(f->s, S("example.org")));
	ok(user_create(f->s, S("anna@example.org"), S("Anna"), &f->number));
	ok(store_commit(f->s, NULL));
	ok(account_open(f->s, f->number, &f->a));
	return f;
}

/* Ends the test: what it left must be in order. */
static inline void fixture_free(struct fixture *f)
{
	assert_int_equal(fixture_check(f), 0);
	account_close(f->a);
	store_close(f->s);
	arena_free(f->arena);
	secret_free(f->key);
	mem_free(f);
}

/* Empties the arena; for the next use. */
static inline struct arena *fresh(struct fixture *f)
{
	arena_reset(f->arena);
	return f->arena;
}

static inline uint64_t mailbox_id(struct fixture *f, const char *name)
{
	struct mailbox_row row;

	ok(mailbox_find(f->a, S(name), fresh(f), &row));
	return row.id;
}

static inline uint64_t make_mailbox(struct fixture *f, const char *name)
{
	uint64_t id;

	in_tx(f, mailbox_create(f->a, S(name), SPECIAL_NONE, &id));
	return id;
}

/* A body of `size` bytes; inside a transaction. */
static inline uint64_t make_body(struct account *a, size_t size)
{
	static const struct body_meta meta = { .envelope = SLICE("envelope"),
		.structure = SLICE("structure") };
	struct body_writer *w;
	uint64_t body;
	char *p = mem_alloc(size + 1);

	for (size_t i = 0; i < size; i++)
		p[i] = (char)('a' + i % 26);
	ok(body_begin(a, size, &w));
	ok(body_write(w, slice_of(p, size)));
	ok(body_finish(w, &meta, &body));
	mem_free(p);
	return body;
}

/* A message with the given system flags; inside a transaction. */
static inline uint32_t add_message(
	struct account *a, uint64_t mailbox, size_t size, uint32_t flags)
{
	struct message_new m = { .flags.system = flags,
		.internal_date = 1700000000,
		.internal_zone = 60 };
	uint64_t modseq;
	uint32_t uid;

	m.body = make_body(a, size);
	ok(message_add(a, mailbox, &m, &uid, &modseq));
	return uid;
}

/* Takes away everything that waits for it. */
static inline void reap_all(struct fixture *f)
{
	bool more = true;

	while (more)
		ok(schema_reap(f->s, 10, &more));
}

/* One integer from the account's database, past the contracts. */
static inline int64_t peek(struct db *d, const char *sql)
{
	int64_t n = -1;

	ok(db_int(d, &n, sql, ""));
	return n;
}

#endif
