/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies: small and large ones, parts, references, copies. */
#include "store_fixture.h"

static void check_bytes(struct account *a, uint64_t body, uint64_t offset,
	size_t n, size_t want)
{
	char *p = mem_alloc(n + 1);
	size_t got = 0;

	while (got < want) {
		size_t more = 0;
		ok(body_read(a, body, offset + got, p + got, n - got, &more));
		assert_true(more > 0 && more <= n - got);
		got += more;
	}
	for (size_t i = 0; i < want; i++)
		assert_int_equal(p[i], 'a' + (char)((offset + i) % 26));
	mem_free(p);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65536,
		65537, 300000 };
	struct fixture *f = fixture_new("sizes");
	uint64_t inbox = mailbox_id(f, "INBOX");
	struct message_row row;
	struct body_meta meta;
	size_t n;

	ok(store_begin(f->s));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		add_message(f->a, inbox, sizes[i], 0);
	ok(store_commit(f->s, NULL));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t uid = (uint32_t)i + 1;
		ok(message_list(f->a, inbox, uid, uid, 0, NULL, &row, 1, &n));
		assert_int_equal(row.size, sizes[i]);
		check_bytes(f->a, row.body, 0, sizes[i] + 10, sizes[i]);
		check_bytes(f->a, row.body, sizes[i] / 2, 100,
			sizes[i] - sizes[i] / 2 < 100 ? sizes[i] - sizes[i] / 2
						      : 100);
		ok(body_read(f->a, row.body, sizes[i], &n, 1, &n));
		assert_int_equal(n, 0);
		ok(body_get_meta(f->a, row.body, fresh(f), &meta));
		assert_int_equal(meta.size, sizes[i]);
		assert_true(slice_eqs(meta.envelope, "envelope"));
	}
	/* Small ones lie in the database, the others in segments. */
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM body_small"), 3);
	assert_int_equal(body_read(f->a, 99999, 0, &n, 1, &n), ERR_NOTFOUND);
	assert_int_equal(
		body_get_meta(f->a, 99999, fresh(f), &meta), ERR_NOTFOUND);
	fixture_free(f);
}

/* The size announced and the size that comes need not agree. */
static void test_wrong_announcement(void **state)
{
	static const struct {
		uint64_t said;
		size_t size, piece;
	} rows[] = { { 0, 5000, 7 }, { 10, 5000, 4096 }, { 9000, 3, 1 },
		{ 4096, 0, 1 }, { 4095, 4096, 1000 } };
	static const struct body_meta none;
	struct fixture *f = fixture_new("announced");
	uint64_t inbox = mailbox_id(f, "INBOX");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message_new m = { 0 };
		struct body_writer *w;
		uint64_t modseq;
		uint32_t uid;
		ok(store_begin(f->s));
		ok(body_begin(f->a, rows[i].said, &w));
		for (size_t at = 0; at < rows[i].size;) {
			char piece[4096];
			size_t n = rows[i].size - at;
			if (n > rows[i].piece)
				n = rows[i].piece;
			for (size_t k = 0; k < n; k++)
				piece[k] = (char)('a' + (at + k) % 26);
			ok(body_write(w, slice_of(piece, n)));
			at += n;
		}
		ok(body_finish(w, &none, &m.body));
		ok(message_add(f->a, inbox, &m, &uid, &modseq));
		ok(store_commit(f->s, NULL));
		check_bytes(f->a, m.body, 0, rows[i].size + 1, rows[i].size);
	}
	fixture_free(f);
}

static void test_limits(void **state)
{
	struct fixture *f = fixture_new("limits");
	char *big = mem_alloc(MIB(1) + 1);
	struct body_meta meta = { .envelope = { big, MIB(1) + 1 } };
	struct body_writer *w;
	uint64_t body;

	assert_int_equal(body_begin(f->a, LIMIT_MESSAGE + 1, &w), ERR_LIMIT);
	ok(store_begin(f->s));
	ok(body_begin(f->a, 0, &w));
	assert_int_equal(
		body_write(w, slice_of(big, LIMIT_MESSAGE + 1)), ERR_LIMIT);
	ok(body_write(w, slice_of(big, 100)));
	assert_int_equal(
		body_write(w, slice_of(big, LIMIT_MESSAGE - 99)), ERR_LIMIT);
	assert_int_equal(body_finish(w, &meta, &body), ERR_LIMIT);
	meta.envelope.n--;
	ok(body_begin(f->a, 0, &w));
	ok(body_finish(w, &meta, &body));
	store_rollback(f->s);
	body_abort(NULL);
	mem_free(big);
	fixture_free(f);
}

/* Finished, committed, named by nobody: gone with the next body. */
static void test_unnamed(void **state)
{
	static const char all[] = "SELECT count(*) FROM body";
	struct fixture *f = fixture_new("unnamed");
	uint64_t inbox = mailbox_id(f, "INBOX"), one, two;
	struct message_new m = { 0 };
	uint64_t modseq;
	uint32_t uid;

	ok(store_begin(f->s));
	one = make_body(f->a, 100);
	two = make_body(f->a, 100000);
	assert_true(two > one);
	ok(store_commit(f->s, NULL));
	assert_int_equal(fixture_check(f), 0);
	/* Still there: it may be named in the next transaction. */
	m.body = two;
	in_tx(f, message_add(f->a, inbox, &m, &uid, &modseq));
	assert_int_equal(peek(account_db(f->a), all), 2);
	ok(store_begin(f->s));
	make_body(f->a, 10);
	make_body(f->a, 5000); /* both of one transaction */
	assert_int_equal(peek(account_db(f->a), all), 3);
	ok(store_commit(f->s, NULL));
	assert_int_equal(fixture_check(f), 0);
	in_tx(f, (add_message(f->a, inbox, 20, 0), ERR_OK));
	assert_int_equal(peek(account_db(f->a), all), 2);
	assert_int_equal(
		peek(account_db(f->a), "SELECT unnamed FROM state"), 0);
	check_bytes(f->a, two, 99000, 1000, 1000);
	fixture_free(f);
}

static void test_rollback(void **state)
{
	struct fixture *f = fixture_new("rollback");
	uint64_t inbox = mailbox_id(f, "INBOX");
	struct message_row row;
	size_t n;

	in_tx(f, (add_message(f->a, inbox, 5000, 0), ERR_OK));
	ok(store_begin(f->s));
	add_message(f->a, inbox, 6000, 0);
	ok(message_expunge(f->a, inbox, 1, &(uint64_t){ 0 }));
	store_rollback(f->s);
	ok(message_list(f->a, inbox, 1, UINT32_MAX, 0, NULL, &row, 1, &n));
	assert_int_equal(n, 1);
	check_bytes(f->a, row.body, 0, 5000, 5000);
	fixture_free(f);
}

static void test_copy_to_other_account(void **state)
{
	static const struct body_meta none;
	struct fixture *f = fixture_new("other");
	struct message_new m = { 0 };
	struct body_writer *w;
	struct mailbox_row box;
	struct account *ben;
	uint64_t offset = 0, body, modseq;
	uint32_t number, uid;
	unsigned turns = 0;
	enum err e;

	in_tx(f, user_create(f->s, S("ben@example.org"), S(""), &number));
	ok(account_open(f->s, number, &ben));
	ok(store_begin(f->s));
	add_message(f->a, mailbox_id(f, "INBOX"), 200000, 0);
	struct message_row row;
	size_t n;
	ok(message_list(
		f->a, mailbox_id(f, "INBOX"), 1, 1, 0, NULL, &row, 1, &n));
	body = row.body;
	ok(body_begin(ben, 200000, &w));
	while ((e = body_copy_more(f->a, body, w, &offset, 70000)) == ERR_AGAIN)
		turns++;
	ok(e);
	assert_int_equal(turns, 2);
	assert_int_equal(offset, 200000);
	ok(body_finish(w, &none, &m.body));
	ok(mailbox_find(ben, S("INBOX"), fresh(f), &box));
	ok(message_add(ben, box.id, &m, &uid, &modseq));
	ok(store_commit(f->s, NULL));
	check_bytes(ben, m.body, 0, 200000, 200000);
	struct store_check c = { .report = on_line, .arg = f };
	check_rows(ben, &c);
	assert_int_equal(c.findings, 0);
	assert_int_equal(c.bodies, 1);
	account_close(ben);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_wrong_announcement),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unnamed),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_copy_to_other_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
