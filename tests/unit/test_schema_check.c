/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The row checks find what they are for: each row of the table breaks one
 * invariant behind the store's back and must be reported; the fixture itself,
 * and what is rolled back, must not.
 */
#include <bastide/fulltext.h>
#include <bastide/metadata.h>

#include "store_fixture.h"

/* Two bodies in the index of words; inside a transaction. */
static void index_words(struct fixture *f)
{
	struct fulltext_batch *b;
	uint64_t body = 0, left;

	ok(fulltext_batch_new(&b));
	for (int i = 0; i < 2; i++) {
		ok(fulltext_next(f->a, body, &body, &left));
		ok(fulltext_body(b, body));
		ok(fulltext_text(b, FULLTEXT_BODY, S("some words")));
	}
	ok(fulltext_keep(f->a, b, 0, body));
	fulltext_batch_free(b);
}

/* A store with something of everything. */
static struct fixture *filled(const char *name)
{
	static const struct span spans[] = { { 1, 2 }, { 5, 9 } };
	struct fixture *f = fixture_new(name);
	uint64_t inbox = mailbox_id(f, "INBOX"), id, modseq, message, etag;
	struct flags flags = { .keyword = { 1 } };
	struct slice to = SLICE("x@example.net");
	struct queue_row q = { .account = f->number };
	struct credential c = { .label = SLICE("password") };
	struct collection_row calendar;
	struct account *tenant;
	unsigned bit;

	make_mailbox(f, "p/q");
	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	ok(store_begin(f->s));
	for (int i = 0; i < 20; i++)
		add_message(f->a, inbox, i % 2 ? 100 : 5000,
			i % 4 ? 0 : FLAG_SEEN | FLAG_DELETED);
	ok(keyword_bit(f->a, inbox, S("k"), true, &bit));
	ok(metadata_set(f->a, inbox, 0, S("/comment"), S("annotation")));
	ok(metadata_set(
		f->a, METADATA_ACCOUNT, 1, S("/comment"), S("the account's")));
	ok(message_set_flags(f->a, inbox, 3, &flags, &modseq));
	ok(message_expunge(f->a, inbox, 7, &modseq));
	ok(mailbox_create(f->a, S("dead"), SPECIAL_NONE, &id));
	add_message(f->a, id, 10, 0);
	ok(mailbox_delete(f->a, id));
	ok(collection_find(
		f->a, COLLECTION_CALENDAR, S("calendar"), fresh(f), &calendar));
	ok(collection_set_property(f->a, calendar.id, S("x"), S("value")));
	for (int i = 0; i < 3; i++) {
		char uid[20];
		snprintf(uid, sizeof(uid), "u%d", i);
		struct resource_new r = { .name = S(uid),
			.uid = S(uid),
			.component = SLICE("VEVENT"),
			.data = SLICE("data"),
			.spans = spans,
			.n_spans = 2,
			.horizon = INT64_MAX };
		ok(resource_put(f->a, calendar.id, &r, &etag));
	}
	ok(resource_delete(f->a, calendar.id, S("u1")));
	index_words(f);
	q.body = make_body(tenant, 10);
	ok(queue_add(f->s, &q, &to, 1, &message));
	ok(credential_set(f->s, f->number, &c));
	ok(store_commit(f->s, NULL));
	account_close(tenant);
	return f;
}

static const struct {
	bool tenant;
	const char *sql;
} rows[] = {
	{ false, "UPDATE mailbox SET total = total + 1 WHERE name = 'Sent'" },
	{ false, "UPDATE mailbox SET unseen = unseen - 1 WHERE unseen > 0" },
	{ false, "UPDATE mailbox SET deleted = 9 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET size = size + 1 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET uidnext = 5 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET modseq = 1 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET modseq = 99999 WHERE name = 'Junk'" },
	{ false, "UPDATE mailbox SET recent = 99 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET first_unseen = 4 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET seen_before = 0 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET gone = 0 WHERE name = 'INBOX'" },
	{ false, "UPDATE mailbox SET uidvalidity = 4294967295 WHERE id > 9" },
	{ false, "UPDATE mailbox SET name = 'r/s' WHERE name = 'p/q'" },
	{ false, "UPDATE mailbox SET selectable = 0 WHERE name = 'Junk'" },
	{ false, "DELETE FROM mailbox WHERE name = 'INBOX'" },
	{ false, "DELETE FROM mailbox WHERE name = 'Junk'" },
	{ false, "UPDATE message SET flags = 1 WHERE uid = 4" },
	{ false, "UPDATE message SET flags = 8 WHERE uid = 4" },
	{ false, "UPDATE message SET size = 9 WHERE uid = 4" },
	{ false, "UPDATE message SET keyword1 = 9 WHERE uid = 4" },
	{ false, "UPDATE message SET body = 999 WHERE uid = 4" },
	{ false, "UPDATE message SET body = (SELECT body FROM message WHERE"
		 " uid = 6) WHERE uid = 4" },
	{ false, "UPDATE message SET modseq = 9999 WHERE uid = 4" },
	{ false, "DELETE FROM message WHERE uid = 20" },
	{ false, "UPDATE vanished SET uid = 8" },
	{ false, "UPDATE vanished SET uid = 80" },
	{ false, "UPDATE vanished SET mailbox = 999" },
	{ false, "DELETE FROM keyword" },
	{ false, "UPDATE keyword SET mailbox = 999" },
	{ false, "UPDATE metadata SET mailbox = 999" },
	{ false, "UPDATE metadata SET value = x'00'" },
	{ false, "DELETE FROM metadata WHERE mailbox = 0" },
	{ false, "DELETE FROM dead" },
	{ false, "UPDATE body SET refs = 2 WHERE size = 100" },
	{ false, "UPDATE body SET refs = 0 WHERE size = 100" },
	{ false, "UPDATE body SET size = 101 WHERE size = 100" },
	{ false, "UPDATE body SET ref = x'00' WHERE size = 100" },
	{ false, "UPDATE body SET ref = NULL WHERE size = 5000" },
	{ false, "DELETE FROM body WHERE size = 5000" },
	{ false, "DELETE FROM body_small" },
	{ false, "INSERT INTO body_small VALUES(9999, x'00')" },
	{ false,
		"INSERT INTO body VALUES(9999, 1, 0, x'00', x'00', x'', x'')" },
	{ false, "UPDATE state SET bytes = bytes + 1" },
	{ false, "UPDATE state SET messages = messages - 1" },
	{ false, "UPDATE state SET mailboxes = 3" },
	{ false, "UPDATE state SET subscriptions = 3" },
	{ false, "UPDATE state SET unnamed = 1" },
	{ false, "UPDATE state SET change = 3" },
	{ false, "UPDATE state SET uidvalidity = 3" },
	{ false, "UPDATE fulltext_state SET upto = 1" },
	{ false, "UPDATE fulltext_segment SET docs = 1" },
	{ false, "UPDATE fulltext_segment SET blocks = 2" },
	{ false, "UPDATE fulltext_segment SET bodies = x'0000'" },
	{ false, "UPDATE fulltext_block SET words = x'620a610a'" },
	{ false, "UPDATE fulltext_block SET postings = x'0105'" },
	{ false, "UPDATE fulltext_block SET id = id + 1048576" },
	{ false, "DELETE FROM fulltext_block" },
	{ false, "DELETE FROM fulltext_segment" },
	{ false, "UPDATE collection SET resources = 9" },
	{ false, "UPDATE collection SET size = 9" },
	{ false, "UPDATE collection SET gone = 9" },
	{ false, "UPDATE collection SET sync = 9999" },
	{ false, "UPDATE collection SET sync_oldest = 9999" },
	{ false, "DELETE FROM collection WHERE name = 'calendar'" },
	{ false, "UPDATE resource SET collection = 999" },
	{ false, "UPDATE resource SET etag = 999 WHERE name = 'u0'" },
	{ false, "UPDATE resource SET size = 5" },
	{ false, "UPDATE resource SET body = 1" },
	{ false, "UPDATE resource SET longest = 3" },
	{ false, "UPDATE resource SET first = 2" },
	{ false, "UPDATE resource SET last = 8" },
	{ false, "UPDATE resource_span SET resource = resource + 1000" },
	{ false, "DELETE FROM resource WHERE name = 'u0'" },
	{ false, "DELETE FROM resource_gone" },
	{ false, "DELETE FROM collection_property" },
	{ true, "DELETE FROM user" },
	{ true, "UPDATE user SET address = 'x'" },
	{ true, "UPDATE user SET account = 99" },
	{ true, "DELETE FROM domain" },
	{ true, "DELETE FROM address" },
	{ true, "UPDATE credential SET account = 99" },
	{ true, "UPDATE tenant_state SET account_next = 1" },
	{ true, "DELETE FROM queue_message" },
	{ true, "DELETE FROM queue_entry" },
	{ true, "UPDATE queue_message SET entries = 2" },
	{ true, "UPDATE queue_message SET body = 999" },
	{ true, "UPDATE body SET refs = 2" },
	{ false, "UPDATE core_live SET refs = refs + 1" },
	{ false, "UPDATE core_live SET bytes = bytes - 1" },
	{ false, "DELETE FROM core_live" },
	{ true, "DELETE FROM core_segment" },
	{ true, "INSERT INTO core_segment VALUES(99, 1)" },
	{ false, "UPDATE body SET ref = x'0100'"
		 " WHERE ref IS NOT NULL" },
	{ false, "CREATE TABLE more(id INTEGER PRIMARY KEY) STRICT" },
	{ true, "ALTER TABLE trace ADD COLUMN more INTEGER" },
};

static uint64_t findings(struct fixture *f)
{
	struct store_check c = { 0 };

	check_tenant_rows(f->s, &c);
	check_rows(f->a, &c);
	return c.findings;
}

static void test_every_break_is_found(void **state)
{
	struct fixture *f = filled("breaks");

	assert_int_equal(findings(f), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct db *d =
			rows[i].tenant ? tenant_db(f->s) : account_db(f->a);
		ok(store_begin(f->s));
		ok(db_write(d));
		if (db_run(d, rows[i].sql, "") != ERR_OK)
			fail_msg("cannot: %s", rows[i].sql);
		if (findings(f) == 0)
			fail_msg("not found: %s", rows[i].sql);
		store_rollback(f->s);
		if (findings(f) != 0)
			fail_msg("not undone: %s", rows[i].sql);
	}
	fixture_free(f);
}

static void test_counts(void **state)
{
	struct fixture *f = filled("counts");
	struct store_check c = { 0 };

	check_rows(f->a, &c);
	assert_int_equal(c.messages, 19);
	assert_int_equal(c.resources, 2);
	assert_int_equal(c.bodies, 19 + 1 + 2);
	check_tenant_rows(f->s, &c);
	assert_int_equal(c.bodies, 19 + 1 + 2 + 1);
	reap_all(f);
	c = (struct store_check){ 0 };
	check_rows(f->a, &c);
	assert_int_equal(c.bodies, 19 + 2);
	fixture_free(f);
}

/* Lines name numbers, never what is kept. */
static void check_line(void *arg, const char *line)
{
	unsigned *n = arg;

	++*n;
	assert_true(slice_iprefix(S(line), "account "));
	assert_null(strstr(line, "INBOX"));
	assert_null(strstr(line, "example"));
}

static void test_lines(void **state)
{
	struct fixture *f = filled("lines");
	unsigned n = 0;
	struct store_check c = { .report = check_line, .arg = &n };

	ok(store_begin(f->s));
	ok(db_write(account_db(f->a)));
	ok(db_run(account_db(f->a), "UPDATE mailbox SET total = 7, size = 1",
		""));
	check_rows(f->a, &c);
	assert_int_equal(n, c.findings);
	assert_true(n > 8);
	store_rollback(f->s);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_break_is_found),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
