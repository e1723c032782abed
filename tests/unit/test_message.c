/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages: flags, counters, keywords, changes and what vanished. */
#include "store_fixture.h"

static struct mailbox_row get(struct fixture *f, uint64_t id)
{
	struct mailbox_row row;

	ok(mailbox_get(f->a, id, fresh(f), &row));
	return row;
}

static uint64_t set_flags(
	struct fixture *f, uint64_t mailbox, uint32_t uid, uint32_t system)
{
	struct flags flags = { .system = system };
	uint64_t modseq;

	ok(message_set_flags(f->a, mailbox, uid, &flags, &modseq));
	return modseq;
}

static uint64_t expunge(struct fixture *f, uint64_t mailbox, uint32_t uid)
{
	uint64_t modseq;

	ok(message_expunge(f->a, mailbox, uid, &modseq));
	return modseq;
}

static void test_add_and_list(void **state)
{
	struct fixture *f = fixture_new("add");
	uint64_t inbox = mailbox_id(f, "INBOX"), modseq;
	struct message_row rows[10];
	struct message_new m = { .flags.system = FLAG_FLAGGED | FLAG_DELETED,
		.flags.keyword = { 0, UINT64_C(1) << 63 },
		.internal_date = -5,
		.internal_zone = -720 };
	struct slice name;
	unsigned bit;
	uint32_t uid, uids[4];
	char keyword[20];
	size_t n;

	ok(store_begin(f->s));
	for (int i = 0; i < LIMIT_KEYWORDS; i++) {
		snprintf(keyword, sizeof(keyword), "k%d", i);
		ok(keyword_bit(f->a, inbox, S(keyword), true, &bit));
		assert_int_equal(bit, i);
	}
	m.body = make_body(f->a, 9000);
	ok(message_add(f->a, inbox, &m, &uid, &modseq));
	assert_int_equal(uid, 1);
	add_message(f->a, inbox, 20, FLAG_SEEN);
	assert_int_equal(
		message_add(f->a, 99999, &m, &uid, &modseq), ERR_NOTFOUND);
	m.body = 99999;
	assert_int_equal(
		message_add(f->a, inbox, &m, &uid, &modseq), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	struct mailbox_row box = get(f, inbox);
	assert_int_equal(box.exists, 2);
	assert_int_equal(box.unseen, 1);
	assert_int_equal(box.deleted, 1);
	assert_int_equal(box.size, 9020);
	assert_int_equal(box.uidnext, 3);
	ok(message_list(f->a, inbox, 1, UINT32_MAX, MESSAGE_META, fresh(f),
		rows, 10, &n));
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].flags.system, FLAG_FLAGGED | FLAG_DELETED);
	assert_true(rows[0].flags.keyword[1] == UINT64_C(1) << 63);
	assert_true(rows[0].flags.keyword[0] == 0);
	assert_int_equal(rows[0].internal_date, -5);
	assert_int_equal(rows[0].internal_zone, -720);
	assert_true(rows[0].save_date > 1600000000);
	assert_int_equal(rows[0].size, 9000);
	assert_int_equal(rows[0].meta.size, 9000);
	assert_true(slice_eqs(rows[0].meta.envelope, "envelope"));
	assert_true(slice_eqs(rows[1].meta.structure, "structure"));
	assert_memory_not_equal(&rows[0].meta.oid, &rows[1].meta.oid, 16);
	assert_true(rows[1].modseq > rows[0].modseq);
	assert_true(rows[1].modseq == box.modseq);
	name = slice_of(rows[0].meta.envelope.p, 3);
	assert_true(slice_eqs(name, "env")); /* lives in the arena */
	ok(message_list(f->a, inbox, 2, 2, 0, NULL, rows, 10, &n));
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].uid, 2);
	ok(message_list(f->a, inbox, 3, UINT32_MAX, 0, NULL, rows, 10, &n));
	assert_int_equal(n, 0);
	ok(message_uids(f->a, inbox, 2, uids, 4, &n));
	assert_int_equal(n, 1);
	assert_int_equal(uids[0], 2);
	fixture_free(f);
}

static void test_flags(void **state)
{
	struct fixture *f = fixture_new("flags");
	uint64_t inbox = mailbox_id(f, "INBOX"), modseq, before;
	struct flags flags = { .system = FLAG_SEEN | FLAG_DELETED };

	ok(store_begin(f->s));
	uint32_t uid = add_message(f->a, inbox, 10, 0);
	before = get(f, inbox).modseq;
	ok(message_set_flags(f->a, inbox, uid, &flags, &modseq));
	assert_true(modseq > before);
	assert_int_equal(get(f, inbox).unseen, 0);
	assert_int_equal(get(f, inbox).deleted, 1);
	assert_true(get(f, inbox).modseq == modseq);
	/* The same again is no change. */
	ok(message_set_flags(f->a, inbox, uid, &flags, &before));
	assert_true(before == modseq);
	set_flags(f, inbox, uid, 0);
	assert_int_equal(get(f, inbox).unseen, 1);
	assert_int_equal(get(f, inbox).deleted, 0);
	assert_int_equal(message_set_flags(f->a, inbox, 77, &flags, &modseq),
		ERR_NOTFOUND);
	assert_int_equal(message_set_flags(f->a, 99999, uid, &flags, &modseq),
		ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static void first_unseen_is(
	struct fixture *f, uint64_t mailbox, uint32_t uid, uint32_t before)
{
	uint32_t got_uid = 99, got_before = 99;

	ok(message_first_unseen(f->a, mailbox, &got_uid, &got_before));
	assert_int_equal(got_uid, uid);
	assert_int_equal(got_before, before);
}

static void test_first_unseen(void **state)
{
	struct fixture *f = fixture_new("unseen");
	uint64_t inbox = mailbox_id(f, "INBOX");

	ok(store_begin(f->s));
	first_unseen_is(f, inbox, 0, 0);
	for (int i = 0; i < 10; i++)
		add_message(f->a, inbox, 1, FLAG_SEEN);
	first_unseen_is(f, inbox, 0, 0);
	add_message(f->a, inbox, 1, 0); /* 11 */
	add_message(f->a, inbox, 1, 0); /* 12 */
	first_unseen_is(f, inbox, 11, 10);
	set_flags(f, inbox, 2, 0);
	first_unseen_is(f, inbox, 2, 1);
	set_flags(f, inbox, 8, 0);
	first_unseen_is(f, inbox, 2, 1);
	expunge(f, inbox, 1);
	first_unseen_is(f, inbox, 2, 0);
	expunge(f, inbox, 5);
	set_flags(f, inbox, 2, FLAG_SEEN);
	first_unseen_is(f, inbox, 8, 5); /* 2 3 4 6 7 */
	expunge(f, inbox, 8);
	first_unseen_is(f, inbox, 11, 7);
	set_flags(f, inbox, 12, FLAG_SEEN);
	set_flags(f, inbox, 11, FLAG_SEEN);
	first_unseen_is(f, inbox, 0, 0);
	set_flags(f, inbox, 3, 0); /* in the lower half */
	first_unseen_is(f, inbox, 3, 1);
	set_flags(f, inbox, 3, FLAG_SEEN);
	set_flags(f, inbox, 12, 0); /* in the upper half */
	first_unseen_is(f, inbox, 12, 8);
	ok(store_commit(f->s, NULL));
	assert_int_equal(message_first_unseen(f->a, 99999, &(uint32_t){ 0 },
				 &(uint32_t){ 0 }),
		ERR_NOTFOUND);
	fixture_free(f);
}

static void test_keywords(void **state)
{
	static const char *const bad[] = { "", "a b", "a(b", "\\Seen", "a%b",
		"a*", "a\"b", "caf\xc3\xa9", "a]b", "a\tb" };
	struct fixture *f = fixture_new("keywords");
	uint64_t inbox = mailbox_id(f, "INBOX");
	struct slice names[LIMIT_KEYWORDS];
	char name[LIMIT_KEYWORD_NAME + 2];
	unsigned bit = 77;
	size_t n;

	ok(store_begin(f->s));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			keyword_bit(f->a, inbox, S(bad[i]), true, &bit),
			ERR_SYNTAX);
	memset(name, 'k', sizeof(name));
	assert_int_equal(
		keyword_bit(f->a, inbox, slice_of(name, LIMIT_KEYWORD_NAME + 1),
			true, &bit),
		ERR_LIMIT);
	assert_int_equal(keyword_bit(f->a, inbox, S("$Junk"), false, &bit),
		ERR_NOTFOUND);
	assert_int_equal(
		keyword_bit(f->a, 99999, S("$Junk"), true, &bit), ERR_NOTFOUND);
	assert_int_equal(bit, 77);
	ok(keyword_bit(f->a, inbox, S("$Junk"), true, &bit));
	assert_int_equal(bit, 0);
	ok(keyword_bit(f->a, inbox, S("$jUNK"), true, &bit));
	assert_int_equal(bit, 0);
	for (int i = 1; i < LIMIT_KEYWORDS; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		ok(keyword_bit(f->a, inbox, S(name), true, &bit));
	}
	assert_int_equal(
		keyword_bit(f->a, inbox, S("more"), true, &bit), ERR_LIMIT);
	ok(store_commit(f->s, NULL));
	ok(keyword_list(f->a, inbox, fresh(f), names, &n));
	assert_int_equal(n, LIMIT_KEYWORDS);
	assert_true(slice_eqs(names[0], "$Junk"));
	assert_true(slice_eqs(names[127], "k127"));
	ok(keyword_list(f->a, mailbox_id(f, "Sent"), fresh(f), names, &n));
	assert_int_equal(n, 0);
	fixture_free(f);
}

static void test_copy(void **state)
{
	struct fixture *f = fixture_new("copy");
	uint64_t inbox = mailbox_id(f, "INBOX"), sent = mailbox_id(f, "Sent");
	struct flags flags = { .system = FLAG_SEEN };
	struct message_row from, to;
	struct slice names[LIMIT_KEYWORDS];
	uint64_t modseq;
	uint32_t uid;
	unsigned one, two;
	size_t n;

	ok(store_begin(f->s));
	ok(keyword_bit(f->a, sent, S("other"), true, &one));
	ok(keyword_bit(f->a, inbox, S("$Work"), true, &one));
	ok(keyword_bit(f->a, inbox, S("OTHER"), true, &two));
	flags.keyword[0] = UINT64_C(1) << one | UINT64_C(1) << two;
	add_message(f->a, inbox, 5000, 0);
	ok(message_set_flags(f->a, inbox, 1, &flags, &modseq));
	ok(message_copy(f->a, inbox, 1, sent, &uid));
	assert_int_equal(uid, 1);
	assert_int_equal(
		message_copy(f->a, inbox, 9, sent, &uid), ERR_NOTFOUND);
	assert_int_equal(
		message_copy(f->a, inbox, 1, 99999, &uid), ERR_NOTFOUND);
	assert_int_equal(
		message_copy(f->a, 99999, 1, sent, &uid), ERR_NOTFOUND);
	ok(message_copy(f->a, inbox, 1, inbox, &uid)); /* onto itself */
	assert_int_equal(uid, 2);
	ok(store_commit(f->s, NULL));
	ok(message_list(f->a, inbox, 1, 1, 0, NULL, &from, 1, &n));
	ok(message_list(f->a, sent, 1, 1, 0, NULL, &to, 1, &n));
	assert_int_equal(n, 1);
	assert_int_equal(to.body, from.body);
	assert_int_equal(to.internal_date, from.internal_date);
	assert_int_equal(to.internal_zone, from.internal_zone);
	assert_int_equal(to.flags.system, FLAG_SEEN);
	assert_int_equal(to.flags.keyword[0], 3);
	ok(keyword_list(f->a, sent, fresh(f), names, &n));
	assert_int_equal(n, 2);
	assert_true(slice_eqs(names[0], "other"));
	assert_true(slice_eqs(names[1], "$Work"));
	/* The body stays until its last message goes. */
	ok(store_begin(f->s));
	expunge(f, inbox, 1);
	expunge(f, inbox, 2);
	ok(store_commit(f->s, NULL));
	assert_int_equal(peek(account_db(f->a), "SELECT refs FROM body"), 1);
	ok(store_begin(f->s));
	expunge(f, sent, 1);
	ok(store_commit(f->s, NULL));
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM body"), 0);
	fixture_free(f);
}

static void test_copy_without_room_for_keywords(void **state)
{
	struct fixture *f = fixture_new("keyroom");
	uint64_t inbox = mailbox_id(f, "INBOX"), sent = mailbox_id(f, "Sent");
	struct flags flags = { .keyword = { 1 } };
	struct message_row row;
	char name[20];
	uint64_t modseq;
	uint32_t uid;
	unsigned bit;
	size_t n;

	ok(store_begin(f->s));
	for (int i = 0; i < LIMIT_KEYWORDS; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		ok(keyword_bit(f->a, sent, S(name), true, &bit));
	}
	ok(keyword_bit(f->a, inbox, S("lost"), true, &bit));
	add_message(f->a, inbox, 10, 0);
	ok(message_set_flags(f->a, inbox, 1, &flags, &modseq));
	ok(message_copy(f->a, inbox, 1, sent, &uid));
	ok(store_commit(f->s, NULL));
	ok(message_list(f->a, sent, 1, 1, 0, NULL, &row, 1, &n));
	assert_int_equal(row.flags.keyword[0] | row.flags.keyword[1], 0);
	fixture_free(f);
}

static void test_move(void **state)
{
	struct fixture *f = fixture_new("move");
	uint64_t inbox = mailbox_id(f, "INBOX"), sent = mailbox_id(f, "Sent");
	struct vanished_row gone;
	struct user_row user;
	uint64_t modseq, before;
	uint32_t uid;
	size_t n;

	ok(store_begin(f->s));
	add_message(f->a, inbox, 300, 0);
	add_message(f->a, inbox, 400, FLAG_SEEN);
	/* A quota that is used up does not stop it. */
	ok(user_get(f->s, f->number, fresh(f), &user));
	user.quota = (struct quota){ .bytes_max = 1, .messages_max = 1 };
	ok(user_set(f->s, &user));
	before = get(f, inbox).modseq;
	assert_int_equal(
		message_copy(f->a, inbox, 1, sent, &uid), ERR_OVERQUOTA);
	ok(message_move(f->a, inbox, 1, sent, &uid, &modseq));
	assert_int_equal(message_move(f->a, inbox, 1, sent, &uid, &modseq),
		ERR_NOTFOUND);
	assert_int_equal(message_move(f->a, inbox, 2, 99999, &uid, &modseq),
		ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	assert_int_equal(get(f, inbox).exists, 1);
	assert_int_equal(get(f, inbox).unseen, 0);
	assert_int_equal(get(f, sent).exists, 1);
	assert_int_equal(get(f, sent).unseen, 1);
	assert_int_equal(get(f, sent).size, 300);
	assert_true(get(f, sent).modseq == modseq);
	assert_true(get(f, inbox).modseq == modseq);
	ok(message_vanished(f->a, inbox, before, 0, &gone, 1, &n));
	assert_int_equal(n, 1);
	assert_int_equal(gone.uid, 1);
	assert_true(gone.modseq == modseq);
	/* Onto itself: a new UID, nothing else. */
	in_tx(f, message_move(f->a, sent, 1, sent, &uid, &modseq));
	assert_int_equal(uid, 2);
	assert_int_equal(get(f, sent).exists, 1);
	first_unseen_is(f, sent, 2, 0);
	fixture_free(f);
}

static void test_changes(void **state)
{
	struct fixture *f = fixture_new("changes");
	uint64_t inbox = mailbox_id(f, "INBOX"), start;
	struct vanished_row gone[3];
	struct message_row rows[3];
	size_t n;

	ok(store_begin(f->s));
	for (int i = 0; i < 10; i++)
		add_message(f->a, inbox, 10, 0);
	start = get(f, inbox).modseq;
	for (uint32_t uid = 10; uid > 5; uid--)
		set_flags(f, inbox, uid, FLAG_ANSWERED);
	for (uint32_t uid = 1; uid < 5; uid++)
		expunge(f, inbox, uid);
	expunge(f, inbox, 8);
	ok(store_commit(f->s, NULL));
	static const uint32_t want[] = { 10, 9, 7, 6 };
	uint64_t after = start;
	uint32_t uid = 0;
	for (size_t i = 0; i < ARRAY_LEN(want);) {
		ok(message_changed(f->a, inbox, after, uid, rows, 3, &n));
		assert_int_equal(n, i == 0 ? 3 : 1);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(rows[k].uid, want[i++]);
		after = rows[n - 1].modseq;
		uid = rows[n - 1].uid;
	}
	ok(message_changed(f->a, inbox, after, uid, rows, 3, &n));
	assert_int_equal(n, 0);
	static const uint32_t want_gone[] = { 1, 2, 3, 4, 8 };
	after = start;
	uid = 0;
	for (size_t i = 0; i < ARRAY_LEN(want_gone);) {
		ok(message_vanished(f->a, inbox, after, uid, gone, 3, &n));
		assert_int_equal(n, i == 0 ? 3 : 2);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(gone[k].uid, want_gone[i++]);
		after = gone[n - 1].modseq;
		uid = gone[n - 1].uid;
	}
	/* From the beginning too: nothing was forgotten yet. */
	ok(message_vanished(f->a, inbox, 0, 0, gone, 3, &n));
	assert_int_equal(n, 3);
	assert_int_equal(
		message_vanished(f->a, 99999, 0, 0, gone, 3, &n), ERR_NOTFOUND);
	assert_int_equal(
		message_changed(f->a, 99999, 0, 0, rows, 3, &n), ERR_NOTFOUND);
	fixture_free(f);
}

static void test_quota(void **state)
{
	struct fixture *f = fixture_new("quota");
	uint64_t inbox = mailbox_id(f, "INBOX"), modseq;
	struct message_new m = { 0 };
	struct body_writer *w;
	struct user_row user;
	struct quota q;
	uint32_t uid;

	ok(store_begin(f->s));
	ok(user_get(f->s, f->number, fresh(f), &user));
	user.quota = (struct quota){ .bytes_max = 1000, .messages_max = 3 };
	ok(user_set(f->s, &user));
	add_message(f->a, inbox, 600, 0);
	assert_int_equal(body_begin(f->a, 401, &w), ERR_OVERQUOTA);
	m.body = make_body(f->a, 400);
	ok(body_begin(f->a, 0, &w)); /* unknown: decided when it is added */
	body_abort(w);
	ok(message_add(f->a, inbox, &m, &uid, &modseq));
	assert_int_equal(
		message_copy(f->a, inbox, 2, inbox, &uid), ERR_OVERQUOTA);
	expunge(f, inbox, 1);
	add_message(f->a, inbox, 1, 0);
	add_message(f->a, inbox, 1, 0);
	m.body = make_body(f->a, 0);
	assert_int_equal(
		message_add(f->a, inbox, &m, &uid, &modseq), ERR_OVERQUOTA);
	ok(account_quota(f->a, &q));
	assert_int_equal(q.bytes, 402);
	assert_int_equal(q.bytes_max, 1000);
	assert_int_equal(q.messages, 3);
	assert_int_equal(q.messages_max, 3);
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static void test_uid_limit(void **state)
{
	struct fixture *f = fixture_new("uid");
	uint64_t inbox = mailbox_id(f, "INBOX"), modseq;
	struct message_new m = { 0 };
	uint32_t uid;

	ok(store_begin(f->s));
	ok(db_write(account_db(f->a)));
	ok(db_run(account_db(f->a),
		"UPDATE mailbox SET uidnext = 4294967294 WHERE id = ?", "u",
		inbox));
	assert_int_equal(add_message(f->a, inbox, 10, 0), UINT32_MAX - 1);
	m.body = make_body(f->a, 10);
	assert_int_equal(
		message_add(f->a, inbox, &m, &uid, &modseq), ERR_LIMIT);
	store_rollback(f->s);
	fixture_free(f);
}

/* In pages, over what was expunged between. */
static void test_deleted_size(void **state)
{
	struct fixture *f = fixture_new("deleted");
	uint64_t inbox = mailbox_id(f, "INBOX"), bytes = 0;
	uint32_t next = 0, pages = 0;

	ok(message_deleted_size(f->a, inbox, &next, &bytes));
	assert_int_equal(next, 0);
	assert_true(bytes == 0);
	ok(store_begin(f->s));
	for (unsigned k = 1; k <= 4500; k++)
		add_message(f->a, inbox, 10,
			k % 2 ? FLAG_DELETED | FLAG_SEEN : FLAG_SEEN);
	expunge(f, inbox, 1);
	expunge(f, inbox, 2000);
	ok(store_commit(f->s, NULL));
	do {
		ok(message_deleted_size(f->a, inbox, &next, &bytes));
		pages++;
	} while (next);
	assert_true(bytes == 22490);
	assert_int_equal(pages, 3);
	assert_int_equal(
		message_deleted_size(f->a, 99999, &next, &bytes), ERR_NOTFOUND);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_and_list),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_first_unseen),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_without_room_for_keywords),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_uid_limit),
		cmocka_unit_test(test_deleted_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
