/* SPDX-License-Identifier: EUPL-1.2 */
/* Outgoing queue, repeated deliveries, trace and audit. */
#include "store_fixture.h"

static uint64_t add(
	struct fixture *f, int64_t next_try, const struct slice *to, size_t n)
{
	struct queue_row row = { .account = f->number,
		.size = 5000,
		.mail_from = SLICE("anna@example.org"),
		.utf8 = true,
		.created = 10,
		.next_try = next_try,
		.expires = 1000 };
	struct account *tenant;
	uint64_t message;

	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	ok(store_begin(f->s));
	row.body = make_body(tenant, 5000);
	ok(queue_add(f->s, &row, to, n, &message));
	ok(store_commit(f->s, NULL));
	account_close(tenant);
	return message;
}

static void test_queue(void **state)
{
	static const struct slice two[] = { SLICE("x@example.net"),
		SLICE("y@example.net") };
	struct fixture *f = fixture_new("queue");
	struct queue_row rows[5], row;
	uint64_t first, second, body;
	int64_t when;
	size_t n;

	ok(queue_next(f->s, &when));
	assert_true(when == INT64_MAX);
	first = add(f, 100, two, 2);
	second = add(f, 50, two, 1);
	assert_true(second > first);
	ok(queue_list(f->s, 0, fresh(f), rows, 5, &n));
	assert_int_equal(n, 3);
	assert_true(rows[0].message == first && rows[1].message == first);
	assert_true(slice_eqs(rows[1].recipient, "y@example.net"));
	assert_true(slice_eqs(rows[0].mail_from, "anna@example.org"));
	assert_true(rows[0].utf8);
	assert_false(rows[0].eightbit);
	assert_int_equal(rows[0].size, 5000);
	assert_int_equal(rows[0].created, 10);
	assert_int_equal(rows[0].expires, 1000);
	assert_int_equal(rows[0].last_status.n, 0);
	assert_int_equal(rows[0].state, QUEUE_WAITING);
	body = rows[0].body;
	ok(queue_list(f->s, rows[1].id, fresh(f), rows, 5, &n));
	assert_int_equal(n, 1);
	/* The oldest first, and only what is due. */
	ok(queue_next(f->s, &when));
	assert_int_equal(when, 50);
	ok(queue_due(f->s, 99, fresh(f), rows, 5, &n));
	assert_int_equal(n, 1);
	assert_true(rows[0].message == second);
	ok(queue_due(f->s, 100, fresh(f), rows, 5, &n));
	assert_int_equal(n, 3);
	assert_true(rows[0].message == second);
	/* What is being sent or held is not due. */
	row = rows[0];
	row.state = QUEUE_SENDING;
	row.tries = 1;
	in_tx(f, queue_update(f->s, &row));
	row = rows[1];
	row.state = QUEUE_HELD;
	row.last_status = S("451 4.7.1 later");
	in_tx(f, queue_update(f->s, &row));
	ok(queue_due(f->s, 100, fresh(f), rows, 5, &n));
	assert_int_equal(n, 1);
	ok(queue_get(f->s, row.id, fresh(f), &row));
	assert_int_equal(row.state, QUEUE_HELD);
	assert_true(slice_eqs(row.last_status, "451 4.7.1 later"));
	/* The last recipient takes the body along. */
	in_tx(f, queue_remove(f->s, row.id));
	struct account *tenant;
	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	ok(body_read(tenant, body, 0, &n, 1, &n));
	in_tx(f, queue_remove(f->s, rows[0].id));
	assert_int_equal(body_read(tenant, body, 0, &n, 1, &n), ERR_NOTFOUND);
	account_close(tenant);
	ok(store_begin(f->s));
	assert_int_equal(queue_remove(f->s, row.id), ERR_NOTFOUND);
	assert_int_equal(queue_update(f->s, &row), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	assert_int_equal(queue_get(f->s, row.id, fresh(f), &row), ERR_NOTFOUND);
	fixture_free(f);
}

static void test_queue_limits(void **state)
{
	struct fixture *f = fixture_new("qlimits");
	struct slice *to = mem_resize(NULL, LIMIT_RECIPIENTS + 1, sizeof(*to));
	static char longest[LIMIT_ADDRESS + 1];
	struct account *tenant;
	struct queue_row row = { 0 };
	uint64_t message;

	memset(longest, 'l', sizeof(longest));
	for (int i = 0; i <= LIMIT_RECIPIENTS; i++)
		to[i] = S("x@example.net");
	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	ok(store_begin(f->s));
	row.body = make_body(tenant, 10);
	assert_int_equal(queue_add(f->s, &row, to, 0, &message), ERR_SYNTAX);
	assert_int_equal(
		queue_add(f->s, &row, to, LIMIT_RECIPIENTS + 1, &message),
		ERR_LIMIT);
	to[1] = slice_of(longest, sizeof(longest));
	assert_int_equal(queue_add(f->s, &row, to, 2, &message), ERR_LIMIT);
	to[1] = S("");
	assert_int_equal(queue_add(f->s, &row, to, 2, &message), ERR_SYNTAX);
	to[1] = S("x");
	row.body += 1000;
	assert_int_equal(queue_add(f->s, &row, to, 2, &message), ERR_NOTFOUND);
	row.body -= 1000;
	ok(queue_add(f->s, &row, to, LIMIT_RECIPIENTS, &message));
	ok(store_commit(f->s, NULL));
	account_close(tenant);
	mem_free(to);
	fixture_free(f);
}

/* A process that died while sending leaves its entries waiting. */
static void test_sending_waits_again(void **state)
{
	static const struct slice to[] = { SLICE("x@example.net") };
	struct fixture *f = fixture_new("sending");
	struct queue_row row;
	uint64_t last;
	size_t n;

	add(f, 100, to, 1);
	ok(queue_list(f->s, 0, fresh(f), &row, 1, &n));
	row.state = QUEUE_SENDING;
	in_tx(f, queue_update(f->s, &row));
	ok(schema_open(f->s));
	ok(queue_get(f->s, row.id, fresh(f), &row));
	assert_int_equal(row.state, QUEUE_WAITING);
	last = store_last_commit(f->s);
	ok(schema_open(f->s)); /* nothing to do: no transaction */
	assert_true(store_last_commit(f->s) == last);
	fixture_free(f);
}

static void test_delivery_once(void **state)
{
	struct fixture *f = fixture_new("once");
	struct db *d = tenant_db(f->s);
	bool repeated;

	ok(store_begin(f->s));
	ok(delivery_once(f->s, 1, S("message one"), &repeated));
	assert_false(repeated);
	ok(delivery_once(f->s, 1, S("message one"), &repeated));
	assert_true(repeated);
	ok(delivery_once(f->s, 2, S("message one"), &repeated));
	assert_false(repeated);
	ok(delivery_once(f->s, 1, S("message two"), &repeated));
	assert_false(repeated);
	ok(store_commit(f->s, NULL));
	assert_int_equal(peek(d, "SELECT length(delivery_key)"
				 " FROM tenant_state"),
		32);
	/* Rolled back, it was not delivered. */
	ok(store_begin(f->s));
	ok(delivery_once(f->s, 1, S("message three"), &repeated));
	assert_false(repeated);
	store_rollback(f->s);
	ok(store_begin(f->s));
	ok(delivery_once(f->s, 1, S("message three"), &repeated));
	assert_false(repeated);
	/* After five days it is forgotten. */
	ok(db_run(d, "UPDATE delivery SET time = time - 5 * 86400 + 60", ""));
	ok(delivery_once(f->s, 1, S("message one"), &repeated));
	assert_true(repeated);
	ok(db_run(d, "UPDATE delivery SET time = time - 120", ""));
	ok(delivery_once(f->s, 1, S("message one"), &repeated));
	assert_false(repeated);
	ok(store_commit(f->s, NULL));
	assert_int_equal(peek(d, "SELECT count(*) FROM delivery"), 1);
	fixture_free(f);
}

/* The digest is HMAC-SHA256 of SHA-256 of the text: computed elsewhere. */
static void test_delivery_digest(void **state)
{
	static const uint8_t want[] = { 0xda, 0xd2, 0xf1, 0x0e, 0xa3, 0x22 };
	struct fixture *f = fixture_new("digest");
	struct db *d = tenant_db(f->s);
	bool repeated;
	int64_t head = 0;

	ok(store_begin(f->s));
	ok(db_write(d));
	ok(db_run(d, "UPDATE tenant_state SET delivery_key = ?", "b",
		S("0123456789abcdef0123456789abcdef")));
	ok(delivery_once(f->s, 1, S("text"), &repeated));
	ok(store_commit(f->s, NULL));
	ok(db_int(d, &head, "SELECT substr(digest, 1, 6) = ? FROM delivery",
		"b", slice_of(want, sizeof(want))));
	assert_int_equal(head, 1);
	fixture_free(f);
}

static void test_trace(void **state)
{
	struct fixture *f = fixture_new("trace");
	char *longest = mem_alloc(LIMIT_STATUS + 5);
	struct trace_row row = { .time = 5,
		.event = TRACE_DEFERRED,
		.message = 77,
		.account = 3,
		.from = SLICE(""),
		.to = SLICE("x@example.net") };
	struct trace_row rows[3];
	size_t n;

	memset(longest, 's', LIMIT_STATUS + 5);
	row.detail = slice_of(longest, LIMIT_STATUS + 5);
	ok(store_begin(f->s));
	for (int i = 0; i < 5; i++) {
		row.time = i;
		ok(trace_add(f->s, &row));
	}
	ok(store_commit(f->s, NULL));
	ok(trace_list(f->s, 0, fresh(f), rows, 3, &n));
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].time, 4);
	assert_int_equal(rows[0].event, TRACE_DEFERRED);
	assert_int_equal(rows[0].message, 77);
	assert_int_equal(rows[0].account, 3);
	assert_true(slice_eqs(rows[0].to, "x@example.net"));
	assert_int_equal(rows[0].detail.n, LIMIT_STATUS);
	ok(trace_list(f->s, rows[2].id, fresh(f), rows, 3, &n));
	assert_int_equal(n, 2);
	assert_int_equal(rows[1].time, 0);
	/* The oldest go when there are too many. */
	ok(store_begin(f->s));
	ok(db_write(tenant_db(f->s)));
	ok(db_run(tenant_db(f->s),
		"UPDATE trace SET id = id + ?1 - 2"
		" WHERE id = 5",
		"i", (int64_t)LIMIT_TRACE));
	ok(trace_add(f->s, &row));
	ok(store_commit(f->s, NULL));
	assert_int_equal(peek(tenant_db(f->s), "SELECT min(id) FROM trace"),
		LIMIT_TRACE + 3);
	mem_free(longest);
	fixture_free(f);
}

static void test_audit(void **state)
{
	struct fixture *f = fixture_new("audit");
	struct audit_row row = { .time = 5,
		.account = 3,
		.action = SLICE("login"),
		.target = SLICE("anna@example.org"),
		.detail = SLICE("192.0.2.1 imap") };
	struct store_check c = { 0 };
	struct audit_row rows[10];
	size_t n;

	ok(store_begin(f->s));
	for (int i = 0; i < 8; i++) {
		row.time = i;
		ok(audit_add(f->s, &row));
	}
	ok(store_commit(f->s, NULL));
	ok(audit_list(f->s, 2, fresh(f), rows, 10, &n));
	assert_int_equal(n, 6);
	assert_int_equal(rows[0].id, 3);
	assert_int_equal(rows[0].time, 2);
	assert_true(slice_eqs(rows[0].action, "login"));
	assert_true(slice_eqs(rows[0].target, "anna@example.org"));
	assert_true(slice_eqs(rows[0].detail, "192.0.2.1 imap"));
	assert_memory_not_equal(rows[0].hash, rows[1].hash, 32);
	/* Each alteration breaks the chain; undone, it holds again. */
	static const char *const alter[] = {
		"UPDATE audit SET time = 99 WHERE id = 4",
		"UPDATE audit SET account = 99 WHERE id = 4",
		"UPDATE audit SET action = 'logi' WHERE id = 4",
		"UPDATE audit SET target = 'x' WHERE id = 4",
		"UPDATE audit SET detail = '' WHERE id = 4",
		"DELETE FROM audit WHERE id = 4",
		"DELETE FROM audit WHERE id = 1",
	};
	for (size_t i = 0; i < ARRAY_LEN(alter); i++) {
		ok(store_begin(f->s));
		ok(db_write(tenant_db(f->s)));
		ok(db_run(tenant_db(f->s), alter[i], ""));
		c.findings = 0;
		check_tenant_rows(f->s, &c);
		assert_true(c.findings > 0);
		store_rollback(f->s);
	}
	fixture_free(f);
}

/* The published form of the hash: computed elsewhere. */
static void test_audit_hash(void **state)
{
	static const uint8_t want[] = { 0xa1, 0x38, 0x0d, 0x1f, 0xb5, 0xb4 };
	struct audit_row row = { .id = 1,
		.time = 1700000000,
		.account = 2,
		.action = SLICE("login"),
		.target = SLICE("anna"),
		.detail = SLICE("imap") };
	uint8_t before[32] = { 0 }, hash[32];

	ok(audit_hash(before, &row, hash));
	assert_memory_equal(hash, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_queue_limits),
		cmocka_unit_test(test_sending_waits_again),
		cmocka_unit_test(test_delivery_once),
		cmocka_unit_test(test_delivery_digest),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_audit_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
