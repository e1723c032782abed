/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every allocation of SQLite fails once, in turn, while one transaction writes
 * to everything. It must end with ERR_NOMEM or do its work, and rolled back it
 * must leave what was there, to the last counter.
 */
#include "store_fixture.h"

static sqlite3_mem_methods real;
static long countdown; /* 0: none fails */

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

static void *fault_malloc(int n)
{
	return fails() ? NULL : real.xMalloc(n);
}

static void *fault_realloc(void *p, int n)
{
	return fails() ? NULL : real.xRealloc(p, n);
}

static int setup(void **state)
{
	sqlite3_mem_methods faulty;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		return -1;
	faulty = real;
	faulty.xMalloc = fault_malloc;
	faulty.xRealloc = fault_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty) == SQLITE_OK ? 0
									  : -1;
}

static enum err new_body(struct account *a, size_t size, uint64_t *body_out)
{
	static const struct body_meta none;
	static char bytes[20000];
	struct body_writer *w;
	enum err e;

	TRY(body_begin(a, size, &w));
	e = body_write(w, slice_of(bytes, size));
	if (e != ERR_OK) {
		body_abort(w);
		return e;
	}
	return body_finish(w, &none, body_out);
}

static enum err change_messages(
	struct fixture *f, uint64_t inbox, uint64_t sent)
{
	struct flags flags = { .system = FLAG_SEEN };
	struct message_new m = { 0 };
	uint64_t modseq;
	uint32_t uid;
	unsigned bit;

	for (size_t i = 0; i < 2; i++) {
		TRY(new_body(f->a, i ? 20000 : 10, &m.body));
		TRY(message_add(f->a, inbox, &m, &uid, &modseq));
	}
	TRY(keyword_bit(f->a, inbox, S("new"), true, &bit));
	flags.keyword[bit / 64] |= UINT64_C(1) << bit % 64;
	TRY(message_set_flags(f->a, inbox, 1, &flags, &modseq));
	TRY(message_copy(f->a, inbox, 1, sent, &uid));
	TRY(message_move(f->a, inbox, 2, sent, &uid, &modseq));
	TRY(message_expunge(f->a, inbox, 3, &modseq));
	return message_expunge(f->a, inbox, 1, &modseq);
}

static enum err change_mailboxes(struct fixture *f, uint64_t old)
{
	uint64_t id;

	TRY(mailbox_create(f->a, S("x/y/z"), SPECIAL_NONE, &id));
	TRY(mailbox_rename(f->a, id, S("w")));
	TRY(mailbox_delete(f->a, old));
	return subscription_set(f->a, S("w"), true);
}

static enum err change_calendar(struct fixture *f, uint64_t id)
{
	static const struct span span = { 1, 2 };
	struct resource_new r = { .name = SLICE("new"),
		.uid = SLICE("new"),
		.component = SLICE("VEVENT"),
		.data = SLICE("data"),
		.spans = &span,
		.n_spans = 1,
		.horizon = INT64_MAX };
	uint64_t etag;

	TRY(resource_put(f->a, id, &r, &etag));
	r.name = r.uid = S("old");
	TRY(resource_put(f->a, id, &r, &etag));
	TRY(collection_set_property(f->a, id, S("p"), S("v")));
	return resource_delete(f->a, id, S("old"));
}

static enum err change_tenant(struct fixture *f, struct account *tenant)
{
	static const struct slice to = SLICE("x@example.net");
	struct credential c = { .label = SLICE("password") };
	struct queue_row q = { 0 };
	struct audit_row audit = { 0 };
	struct trace_row trace = { 0 };
	uint64_t message;
	bool repeated;

	TRY(new_body(tenant, 10, &q.body));
	TRY(queue_add(f->s, &q, &to, 1, &message));
	TRY(credential_set(f->s, f->number, &c));
	TRY(alias_add(f->s, S("alias@example.org"), f->number));
	TRY(audit_add(f->s, &audit));
	TRY(trace_add(f->s, &trace));
	return delivery_once(f->s, 1, S("message"), &repeated);
}

struct ids {
	uint64_t inbox, sent, old, calendar;
	struct account *tenant;
};

static enum err change_all(struct fixture *f, const struct ids *id)
{
	TRY(change_messages(f, id->inbox, id->sent));
	TRY(change_mailboxes(f, id->old));
	TRY(change_calendar(f, id->calendar));
	return change_tenant(f, id->tenant);
}

/* Numbers that differ as soon as anything was left behind. */
static void digest(struct fixture *f, int64_t out[4])
{
	static const char account[] =
		"SELECT change * 7 + bytes + messages * 3 + mailboxes * 5"
		" + subscriptions + unnamed FROM state";
	static const char rows[] =
		"SELECT (SELECT count(*) + sum(uid * modseq + flags)"
		" FROM message) + (SELECT count(*) * 3 FROM body)"
		" + (SELECT count(*) * 5 FROM body_small)"
		" + (SELECT count(*) * 7 FROM keyword)"
		" + (SELECT count(*) * 11 FROM vanished)"
		" + (SELECT count(*) * 13 + sum(etag) FROM resource)";
	static const char tenant[] = "SELECT (SELECT change FROM state)"
				     " + (SELECT count(*) * 3 FROM queue_entry)"
				     " + (SELECT count(*) * 5 FROM address)"
				     " + (SELECT count(*) * 7 FROM audit)"
				     " + (SELECT count(*) * 11 FROM trace)"
				     " + (SELECT count(*) * 13 FROM delivery)"
				     " + (SELECT count(*) * 17 FROM reap)";

	out[0] = peek(account_db(f->a), account);
	out[1] = peek(account_db(f->a), rows);
	out[2] = peek(tenant_db(f->s), tenant);
	out[3] = peek(account_db(f->a), "SELECT count(*) FROM dead");
}

static void prepare(struct fixture *f, struct ids *id)
{
	struct collection_row row;

	id->inbox = mailbox_id(f, "INBOX");
	id->sent = mailbox_id(f, "Sent");
	id->old = make_mailbox(f, "old/er");
	ok(collection_find(
		f->a, COLLECTION_CALENDAR, S("calendar"), fresh(f), &row));
	id->calendar = row.id;
	ok(account_open(f->s, TENANT_ACCOUNT, &id->tenant));
	ok(store_begin(f->s));
	for (int i = 0; i < 4; i++)
		add_message(f->a, id->inbox, 5000, 0);
	add_message(f->a, id->old, 10, 0);
	struct resource_new r = { .name = SLICE("old"),
		.uid = SLICE("old"),
		.component = SLICE("VEVENT") };
	uint64_t etag;
	ok(resource_put(f->a, id->calendar, &r, &etag));
	ok(store_commit(f->s, NULL));
}

static void test_each_allocation(void **state)
{
	struct fixture *f = fixture_new("faults");
	int64_t before[4], after[4];
	long n = 1, failed = 0;
	struct ids id;
	enum err e = ERR_NOMEM;

	prepare(f, &id);
	digest(f, before);
	for (; e != ERR_OK; n++) {
		bool untouched;
		assert_true(n < 100000);
		ok(store_begin(f->s));
		countdown = n;
		e = change_all(f, &id);
		untouched = countdown > 0;
		countdown = 0;
		if (e == ERR_OK && untouched) {
			ok(store_commit(f->s, NULL));
			break;
		}
		/* SQLite can do without some of them. */
		if (e != ERR_OK && e != ERR_NOMEM)
			fail_msg("allocation %ld: %s", n, err_info(e)->name);
		failed += e == ERR_NOMEM;
		e = ERR_NOMEM;
		store_rollback(f->s);
		digest(f, after);
		assert_memory_equal(before, after, sizeof(before));
		if (n % 50 == 0)
			assert_int_equal(fixture_check(f), 0);
	}
	print_message("# %ld allocations, %ld failed it\n", n - 1, failed);
	assert_true(failed > 20);
	/* And the work that was done in the end is another state. */
	digest(f, after);
	assert_memory_not_equal(before, after, sizeof(before));
	account_close(id.tenant);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
