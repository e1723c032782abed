/* SPDX-License-Identifier: EUPL-1.2 */
/* The tree of mailboxes, their names, and subscriptions. */
#include "store_fixture.h"

static struct mailbox_row get(struct fixture *f, const char *name)
{
	struct mailbox_row row;

	ok(mailbox_find(f->a, S(name), fresh(f), &row));
	return row;
}

static bool there(struct fixture *f, const char *name)
{
	struct mailbox_row row;
	enum err e = mailbox_find(f->a, S(name), fresh(f), &row);

	assert_true(e == ERR_OK || e == ERR_NOTFOUND);
	return e == ERR_OK;
}

/* All names, in order, with one blank between. */
static const char *names(struct fixture *f)
{
	static struct buf b;
	struct mailbox_row rows[3];
	char after[LIMIT_MAILBOX_NAME];
	size_t after_n = 0, n = 3;

	buf_free(&b);
	buf_init(&b, KIB(8));
	while (n == 3) {
		ok(mailbox_list(
			f->a, slice_of(after, after_n), fresh(f), rows, 3, &n));
		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "%.*s%s%s ", SLICE_ARG(rows[i].name),
				rows[i].selectable ? "" : "-",
				rows[i].has_children ? "+" : "");
		if (n > 0) {
			after_n = rows[n - 1].name.n;
			memcpy(after, rows[n - 1].name.p, after_n);
		}
	}
	buf_addc(&b, '\0');
	return b.p;
}

#define FURNISHED "Archive Drafts INBOX Junk Sent Trash "

static void test_furnished(void **state)
{
	static const struct {
		enum special_use use;
		const char *name;
	} rows[] = {
		{ SPECIAL_DRAFTS, "Drafts" },
		{ SPECIAL_SENT, "Sent" },
		{ SPECIAL_TRASH, "Trash" },
		{ SPECIAL_JUNK, "Junk" },
		{ SPECIAL_ARCHIVE, "Archive" },
	};
	struct fixture *f = fixture_new("furnished");
	struct slice subscribed[10];
	size_t n;

	assert_string_equal(names(f), FURNISHED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mailbox_row row;
		ok(mailbox_find_special(f->a, rows[i].use, fresh(f), &row));
		assert_true(slice_eqs(row.name, rows[i].name));
		assert_int_equal(row.special, rows[i].use);
	}
	ok(subscription_list(f->a, S(""), fresh(f), subscribed, 10, &n));
	assert_int_equal(n, 6);
	struct mailbox_row inbox = get(f, "iNbOx");
	assert_true(slice_eqs(inbox.name, "INBOX"));
	assert_int_equal(inbox.uidnext, 1);
	assert_int_equal(inbox.recent, 1);
	assert_true(inbox.modseq > 0);
	assert_true(inbox.uidvalidity > 1600000000);
	fixture_free(f);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		enum err err;
		const char *stored;
	} rows[] = {
		{ "a", ERR_OK, "a" },
		{ "Caf\xc3\xa9/b\xc3\xa4r", ERR_OK, "Caf\xc3\xa9/b\xc3\xa4r" },
		{ "inbox/sub", ERR_OK, "INBOX/sub" },
		{ "x/inbox", ERR_OK, "x/inbox" },
		{ "inboxes", ERR_OK, "inboxes" },
		{ " with blanks ", ERR_OK, " with blanks " },
		{ "", ERR_SYNTAX, NULL },
		{ "/a", ERR_SYNTAX, NULL },
		{ "a/", ERR_SYNTAX, NULL },
		{ "a//b", ERR_SYNTAX, NULL },
		{ "/", ERR_SYNTAX, NULL },
		{ "a\tb", ERR_SYNTAX, NULL },
		{ "a\x7f", ERR_SYNTAX, NULL },
		{ "a\xc2\x85", ERR_SYNTAX, NULL },
		{ "a\xe2\x80\xa8", ERR_SYNTAX, NULL },
		{ "\xe2\x80\xa9z", ERR_SYNTAX, NULL },
		{ "\xff", ERR_SYNTAX, NULL },
		{ "\xc3", ERR_SYNTAX, NULL },
		{ "iNbox", ERR_EXISTS, NULL },
		{ "Sent", ERR_EXISTS, NULL },
	};
	struct fixture *f = fixture_new("names");
	uint64_t id;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ok(store_begin(f->s));
		assert_int_equal(mailbox_create(f->a, S(rows[i].name),
					 SPECIAL_NONE, &id),
			rows[i].err);
		ok(store_commit(f->s, NULL));
		if (rows[i].stored)
			assert_true(slice_eqs(
				get(f, rows[i].name).name, rows[i].stored));
	}
	fixture_free(f);
}

static void test_limits(void **state)
{
	struct fixture *f = fixture_new("limits");
	char name[LIMIT_MAILBOX_NAME + 1];
	char deep[2 * LIMIT_MAILBOX_LEVELS + 2];
	uint64_t id;

	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 ? '/' : 'd';
	ok(store_begin(f->s));
	assert_int_equal(mailbox_create(f->a, slice_of(name, sizeof(name)),
				 SPECIAL_NONE, &id),
		ERR_LIMIT);
	ok(mailbox_create(
		f->a, slice_of(name, sizeof(name) - 1), SPECIAL_NONE, &id));
	assert_int_equal(mailbox_create(f->a,
				 slice_of(deep, 2 * LIMIT_MAILBOX_LEVELS + 1),
				 SPECIAL_NONE, &id),
		ERR_LIMIT);
	ok(mailbox_create(f->a, slice_of(deep, 2 * LIMIT_MAILBOX_LEVELS - 1),
		SPECIAL_NONE, &id));
	/* Children must keep the limits too when the parent moves. */
	assert_int_equal(
		mailbox_rename(f->a, mailbox_id(f, "d"), S("e/d")), ERR_LIMIT);
	ok(mailbox_rename(f->a, mailbox_id(f, "d"), S("e")));
	ok(store_commit(f->s, NULL));
	assert_false(there(f, "d"));
	assert_true(there(f, "e/d/d"));
	fixture_free(f);
}

static void test_count_limit(void **state)
{
	struct fixture *f = fixture_new("count");
	char name[20];
	uint64_t id;
	enum err e = ERR_OK;
	int n = 0;

	ok(store_begin(f->s));
	for (; e == ERR_OK && n <= LIMIT_MAILBOXES; n++) {
		snprintf(name, sizeof(name), "m%d", n);
		e = mailbox_create(f->a, S(name), SPECIAL_NONE, &id);
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(n - 1 + 6, LIMIT_MAILBOXES);
	ok(mailbox_delete(f->a, mailbox_id(f, "m7")));
	/* One is free, a new one with a new parent needs two. */
	assert_int_equal(
		mailbox_create(f->a, S("p/q"), SPECIAL_NONE, &id), ERR_LIMIT);
	ok(mailbox_create(f->a, S("p"), SPECIAL_NONE, &id));
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static void test_parents(void **state)
{
	struct fixture *f = fixture_new("parents");
	uint64_t id;

	make_mailbox(f, "a/b/c");
	assert_string_equal(names(f), "Archive Drafts INBOX Junk Sent Trash "
				      "a-+ a/b-+ a/b/c ");
	/* A parent only has nothing to delete (RFC 3501 6.3.4). */
	ok(store_begin(f->s));
	assert_int_equal(
		mailbox_delete(f->a, mailbox_id(f, "a/b")), ERR_NOTEMPTY);
	ok(store_commit(f->s, NULL));
	struct mailbox_row before = get(f, "a/b");
	id = make_mailbox(f, "a/b");
	assert_int_equal(id, before.id);
	assert_true(get(f, "a/b").uidvalidity > before.uidvalidity);
	ok(store_begin(f->s));
	add_message(f->a, id, 100, 0);
	ok(mailbox_delete(f->a, id));
	ok(store_commit(f->s, NULL));
	assert_string_equal(names(f), "Archive Drafts INBOX Junk Sent Trash "
				      "a-+ a/b-+ a/b/c ");
	assert_true(get(f, "a/b").id > id);
	/* Parents that nobody made go with the last child. */
	in_tx(f, mailbox_delete(f->a, mailbox_id(f, "a/b/c")));
	assert_string_equal(names(f), FURNISHED);
	make_mailbox(f, "x");
	make_mailbox(f, "x/y/z");
	in_tx(f, mailbox_delete(f->a, mailbox_id(f, "x/y/z")));
	assert_string_equal(names(f), FURNISHED "x ");
	fixture_free(f);
}

static void test_similar_names(void **state)
{
	struct fixture *f = fixture_new("similar");

	/* '.' and '0' lie beside '/' in byte order. */
	make_mailbox(f, "a");
	make_mailbox(f, "a.b");
	make_mailbox(f, "a0");
	make_mailbox(f, "a!/c");
	assert_false(get(f, "a").has_children);
	make_mailbox(f, "a/b");
	assert_true(get(f, "a").has_children);
	in_tx(f, mailbox_rename(f->a, mailbox_id(f, "a"), S("z")));
	assert_string_equal(names(f), FURNISHED "a!-+ a!/c a.b a0 z+ z/b ");
	fixture_free(f);
}

static void test_delete(void **state)
{
	struct fixture *f = fixture_new("delete");
	struct message_row row;
	struct quota q;
	size_t n;

	uint64_t id = make_mailbox(f, "gone");
	uint32_t first = get(f, "gone").uidvalidity;
	ok(store_begin(f->s));
	for (int i = 0; i < 25; i++)
		add_message(f->a, id, i % 2 ? 100 : 10000, 0);
	assert_int_equal(
		mailbox_delete(f->a, mailbox_id(f, "INBOX")), ERR_NOPERM);
	assert_int_equal(mailbox_delete(f->a, 99999), ERR_NOTFOUND);
	ok(mailbox_delete(f->a, id));
	assert_int_equal(mailbox_delete(f->a, id), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	assert_int_equal(
		message_list(f->a, id, 1, UINT32_MAX, 0, NULL, &row, 1, &n),
		ERR_NOTFOUND);
	assert_int_equal(
		mailbox_get(f->a, id, f->arena, &(struct mailbox_row){ 0 }),
		ERR_NOTFOUND);
	ok(account_quota(f->a, &q));
	assert_int_equal(q.bytes + q.messages, 0);
	/* The rows go afterwards, and with them the bodies. */
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM body"), 25);
	assert_int_equal(fixture_check(f), 0);
	reap_all(f);
	assert_int_equal(
		peek(account_db(f->a), "SELECT (SELECT count(*) FROM body) +"
				       " (SELECT count(*) FROM body_small) +"
				       " (SELECT count(*) FROM message) +"
				       " (SELECT count(*) FROM dead)"),
		0);
	uint64_t again = make_mailbox(f, "gone");
	assert_true(again > id);
	assert_true(get(f, "gone").uidvalidity > first);
	fixture_free(f);
}

/* Nobody asks for it: the store's housekeeping empties what was deleted. */
static void test_emptied_by_housekeeping(void **state)
{
	static const char left[] = "SELECT (SELECT count(*) FROM body)"
				   " + (SELECT count(*) FROM message)"
				   " + (SELECT count(*) FROM dead)";
	static const char waiting[] = "SELECT count(*) FROM reap";
	struct fixture *f = fixture_new("housekeep");
	uint64_t id = make_mailbox(f, "gone");
	int turns = 0;

	ok(store_begin(f->s));
	for (int i = 0; i < 200; i++)
		add_message(f->a, id, 100, 0);
	ok(mailbox_delete(f->a, id));
	ok(store_commit(f->s, NULL));
	assert_int_equal(peek(account_db(f->a), left), 401);
	/* In a transaction it keeps its hands off. */
	ok(store_begin(f->s));
	store_housekeep(f->s, 1000);
	store_rollback(f->s);
	assert_int_equal(peek(account_db(f->a), left), 401);
	for (; turns < 1000 && (peek(account_db(f->a), left) > 0 ||
				       peek(tenant_db(f->s), waiting) > 0);
		turns++) {
		store_turn(f->s);
		store_poll(f->s);
		store_housekeep(f->s, 1000);
	}
	assert_true(turns < 1000);
	assert_int_equal(peek(tenant_db(f->s), "SELECT count(*) FROM reap"), 0);
	fixture_free(f);
}

static void test_rename(void **state)
{
	struct fixture *f = fixture_new("rename");

	uint64_t id = make_mailbox(f, "old");
	make_mailbox(f, "old/Caf\xc3\xa9/deep");
	struct mailbox_row before = get(f, "old");
	ok(store_begin(f->s));
	add_message(f->a, id, 10, 0);
	assert_int_equal(mailbox_rename(f->a, id, S("Sent")), ERR_EXISTS);
	assert_int_equal(mailbox_rename(f->a, id, S("inbox")), ERR_EXISTS);
	assert_int_equal(mailbox_rename(f->a, id, S("old")), ERR_EXISTS);
	assert_int_equal(mailbox_rename(f->a, id, S("old/x")), ERR_CONFLICT);
	assert_int_equal(mailbox_rename(f->a, id, S("a//b")), ERR_SYNTAX);
	assert_int_equal(mailbox_rename(f->a, 99999, S("b")), ERR_NOTFOUND);
	ok(mailbox_rename(f->a, id, S("n\xc3\xa9w/place")));
	ok(store_commit(f->s, NULL));
	assert_string_equal(names(f),
		FURNISHED "n\xc3\xa9w-+ n\xc3\xa9w/place+ "
			  "n\xc3\xa9w/place/Caf\xc3\xa9-+ "
			  "n\xc3\xa9w/place/Caf\xc3\xa9/deep ");
	struct mailbox_row after = get(f, "n\xc3\xa9w/place");
	assert_int_equal(after.id, id);
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_int_equal(after.exists, 1);
	assert_memory_equal(&after.oid, &before.oid, sizeof(before.oid));
	/* The parent that was made for it goes when it leaves. */
	in_tx(f, mailbox_rename(f->a, id, S("old")));
	assert_string_equal(names(f),
		FURNISHED "old+ old/Caf\xc3\xa9-+ old/Caf\xc3\xa9/deep ");
	fixture_free(f);
}

static void test_rename_many_children(void **state)
{
	struct fixture *f = fixture_new("children");
	char name[30];
	uint64_t id;

	ok(store_begin(f->s));
	for (int i = 0; i < 1203; i++) {
		snprintf(name, sizeof(name), "p/%d", i);
		ok(mailbox_create(f->a, S(name), SPECIAL_NONE, &id));
	}
	ok(mailbox_rename(f->a, mailbox_id(f, "p"), S("quite/another")));
	ok(store_commit(f->s, NULL));
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM mailbox"
				       " WHERE name GLOB 'quite/another/*'"),
		1203);
	assert_false(there(f, "p"));
	fixture_free(f);
}

/* RFC 3501 6.3.5: the messages move, INBOX and its children stay. */
static void test_rename_inbox(void **state)
{
	struct fixture *f = fixture_new("inbox");
	struct vanished_row gone[10];
	struct message_row rows[10];
	struct slice keywords[LIMIT_KEYWORDS];
	uint64_t inbox = mailbox_id(f, "INBOX");
	unsigned bit;
	size_t n;

	make_mailbox(f, "INBOX/child");
	ok(store_begin(f->s));
	ok(keyword_bit(f->a, inbox, S("$Work"), true, &bit));
	for (int i = 0; i < 5; i++) {
		struct flags flags = { .system = i % 2 ? FLAG_SEEN : 0,
			.keyword = { i == 3 } };
		uint64_t modseq;
		uint32_t uid = add_message(f->a, inbox, 100, 0);
		ok(message_set_flags(f->a, inbox, uid, &flags, &modseq));
	}
	ok(store_commit(f->s, NULL));
	struct mailbox_row before = get(f, "INBOX");
	in_tx(f, mailbox_rename(f->a, inbox, S("2026/mail")));
	struct mailbox_row after = get(f, "INBOX");
	assert_int_equal(after.id, inbox);
	assert_memory_equal(&after.oid, &before.oid, sizeof(before.oid));
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_int_equal(after.uidnext, before.uidnext);
	assert_int_equal(after.exists, 0);
	assert_int_equal(after.unseen, 0);
	assert_true(after.modseq > before.modseq);
	ok(message_vanished(f->a, inbox, before.modseq, 0, gone, 10, &n));
	assert_int_equal(n, 5);
	/* They share a modification sequence: a page may end between them. */
	assert_true(gone[1].modseq == gone[2].modseq);
	ok(message_vanished(
		f->a, inbox, gone[1].modseq, gone[1].uid, gone, 10, &n));
	assert_int_equal(n, 3);
	assert_int_equal(gone[0].uid, 3);
	after = get(f, "2026/mail");
	ok(message_changed(f->a, after.id, after.modseq, 2, rows, 10, &n));
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].uid, 3);
	assert_int_equal(after.exists, 5);
	assert_int_equal(after.unseen, 3);
	assert_int_equal(after.size, 500);
	ok(keyword_list(f->a, after.id, fresh(f), keywords, &n));
	assert_int_equal(n, 1);
	assert_true(slice_eqs(keywords[0], "$Work"));
	ok(message_list(f->a, after.id, 1, UINT32_MAX, 0, NULL, rows, 10, &n));
	assert_int_equal(n, 5);
	assert_int_equal(rows[3].flags.keyword[0], 1);
	assert_true(there(f, "INBOX/child"));
	assert_false(there(f, "2026/mail/child"));
	fixture_free(f);
}

static void test_special(void **state)
{
	struct fixture *f = fixture_new("special");
	struct mailbox_row row;
	uint64_t id;

	ok(store_begin(f->s));
	assert_int_equal(mailbox_create(f->a, S("My Sent"), SPECIAL_SENT, &id),
		ERR_CONFLICT);
	assert_int_equal(mailbox_create(f->a, S("x"), SPECIAL_COUNT, &id),
		ERR_UNSUPPORTED);
	ok(mailbox_delete(f->a, mailbox_id(f, "Sent")));
	assert_int_equal(
		mailbox_find_special(f->a, SPECIAL_SENT, fresh(f), &row),
		ERR_NOTFOUND);
	ok(mailbox_create(f->a, S("My Sent"), SPECIAL_SENT, &id));
	ok(mailbox_rename(f->a, id, S("Ours")));
	ok(store_commit(f->s, NULL));
	ok(mailbox_find_special(f->a, SPECIAL_SENT, fresh(f), &row));
	assert_true(slice_eqs(row.name, "Ours"));
	assert_int_equal(
		mailbox_find_special(f->a, SPECIAL_NONE, fresh(f), &row),
		ERR_NOTFOUND);
	fixture_free(f);
}

static void test_subscriptions(void **state)
{
	struct fixture *f = fixture_new("subscriptions");
	struct slice rows[4];
	size_t n;

	make_mailbox(f, "sub");
	ok(store_begin(f->s));
	ok(subscription_set(f->a, S("sub"), true));
	ok(subscription_set(f->a, S("sub"), true));
	ok(subscription_set(f->a, S("not/there"), true));
	ok(subscription_set(f->a, S("inbox"), false));
	ok(subscription_set(f->a, S("never"), false));
	assert_int_equal(subscription_set(f->a, S("a//b"), true), ERR_SYNTAX);
	/* It is of a name and outlives the mailbox (RFC 3501 6.3.6). */
	ok(mailbox_delete(f->a, mailbox_id(f, "sub")));
	ok(store_commit(f->s, NULL));
	ok(subscription_list(f->a, S("Sent"), fresh(f), rows, 4, &n));
	assert_int_equal(n, 3);
	assert_true(slice_eqs(rows[0], "Trash"));
	assert_true(slice_eqs(rows[1], "not/there"));
	assert_true(slice_eqs(rows[2], "sub"));
	ok(subscription_list(f->a, S(""), fresh(f), rows, 4, &n));
	assert_int_equal(n, 4);
	assert_true(slice_eqs(rows[2], "Junk")); /* no INBOX */
	fixture_free(f);
}

static void test_recent(void **state)
{
	struct fixture *f = fixture_new("recent");
	uint64_t inbox = mailbox_id(f, "INBOX");

	ok(store_begin(f->s));
	add_message(f->a, inbox, 10, 0);
	add_message(f->a, inbox, 10, 0);
	ok(mailbox_set_recent(f->a, inbox, 2));
	ok(mailbox_set_recent(f->a, inbox, 1)); /* never back */
	assert_int_equal(get(f, "INBOX").recent, 2);
	ok(mailbox_set_recent(f->a, inbox, 77)); /* never above UIDNEXT */
	assert_int_equal(mailbox_set_recent(f->a, 99999, 1), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	assert_int_equal(get(f, "INBOX").recent, 3);
	fixture_free(f);
}

struct heard {
	unsigned mailbox, list, collection;
	uint64_t id, commit;
};

static void on_change(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct heard *h = arg;

	h->mailbox += kind == WATCH_MAILBOX;
	h->list += kind == WATCH_MAILBOX_LIST;
	h->collection += kind == WATCH_COLLECTION;
	h->id = id;
	h->commit = commit;
}

static void test_watchers(void **state)
{
	struct fixture *f = fixture_new("watch");
	struct heard h = { 0 };
	struct watcher w = { .changed = on_change, .arg = &h };
	uint64_t inbox = mailbox_id(f, "INBOX"), commit;

	account_watch(f->a, &w);
	ok(store_begin(f->s));
	add_message(f->a, inbox, 10, 0);
	add_message(f->a, inbox, 10, 0);
	assert_int_equal(h.mailbox, 0);
	ok(store_commit(f->s, &commit));
	assert_int_equal(h.mailbox, 1);
	assert_int_equal(h.list, 0);
	assert_int_equal(h.id, inbox);
	assert_int_equal(h.commit, commit);
	uint64_t id = make_mailbox(f, "new");
	assert_int_equal(h.list, 1);
	assert_int_equal(h.id, id);
	in_tx(f, mailbox_rename(f->a, id, S("newer")));
	assert_int_equal(h.list, 2);
	ok(store_begin(f->s));
	add_message(f->a, inbox, 10, 0);
	store_rollback(f->s);
	assert_int_equal(h.mailbox, 1);
	account_unwatch(&w);
	in_tx(f, mailbox_delete(f->a, id));
	assert_int_equal(h.list, 2);
	fixture_free(f);
}

static void test_needs_transaction(void **state)
{
	struct fixture *f = fixture_new("outside");
	uint64_t id;

	assert_int_equal(
		mailbox_create(f->a, S("x"), SPECIAL_NONE, &id), ERR_BUG);
	assert_int_equal(subscription_set(f->a, S("x"), true), ERR_BUG);
	ok(store_begin(f->s));
	ok(mailbox_create(f->a, S("x"), SPECIAL_NONE, &id));
	store_rollback(f->s);
	assert_string_equal(names(f), FURNISHED);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_furnished),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_count_limit),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_similar_names),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_emptied_by_housekeeping),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_rename_many_children),
		cmocka_unit_test(test_rename_inbox),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_recent),
		cmocka_unit_test(test_watchers),
		cmocka_unit_test(test_needs_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
