/* SPDX-License-Identifier: EUPL-1.2 */
/* Annotations: whose they are, what they take, and when they go. */
#include <bastide/metadata.h>

#include "store_fixture.h"

static enum err set(struct fixture *f, uint64_t mailbox, uint32_t owner,
	const char *entry, struct slice value)
{
	enum err e;

	ok(store_begin(f->s));
	e = metadata_set(f->a, mailbox, owner, S(entry), value);
	if (e == ERR_OK)
		ok(store_commit(f->s, NULL));
	else
		store_rollback(f->s);
	return e;
}

/* "/a=1 /b=2 ", asked two at a time. */
static const char *all(
	struct fixture *f, uint64_t mailbox, uint32_t owner, const char *entry)
{
	static struct buf b;
	struct metadata rows[2];
	char after[LIMIT_METADATA_NAME];
	size_t after_n = 0, n = 2;

	buf_free(&b);
	buf_init(&b, KIB(8));
	while (n == 2) {
		ok(metadata_list(f->a, mailbox, owner, S(entry),
			slice_of(after, after_n), fresh(f), rows, 2, &n));
		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "%.*s=%.*s ", SLICE_ARG(rows[i].entry),
				SLICE_ARG(rows[i].value));
		if (n) {
			after_n = rows[n - 1].entry.n;
			memcpy(after, rows[n - 1].entry.p, after_n);
		}
	}
	buf_addc(&b, '\0');
	return b.p;
}

static uint64_t used(struct fixture *f)
{
	struct quota q;

	ok(account_quota(f->a, &q));
	return q.bytes;
}

static void check_clean(struct fixture *f)
{
	struct store_check c = { 0 };

	check_rows(f->a, &c);
	assert_int_equal(c.findings, 0);
}

static void test_owners(void **state)
{
	struct fixture *f = fixture_new("owners");
	uint64_t inbox = mailbox_id(f, "INBOX");

	ok(set(f, inbox, METADATA_SHARED, "/comment", S("ours")));
	ok(set(f, inbox, 1, "/comment", S("mine")));
	ok(set(f, inbox, 2, "/comment", S("theirs")));
	ok(set(f, METADATA_ACCOUNT, 1, "/comment", S("server")));
	assert_string_equal(all(f, inbox, 0, ""), "/comment=ours ");
	assert_string_equal(all(f, inbox, 1, ""), "/comment=mine ");
	assert_string_equal(all(f, inbox, 2, ""), "/comment=theirs ");
	assert_string_equal(
		all(f, METADATA_ACCOUNT, 1, ""), "/comment=server ");
	ok(set(f, inbox, 1, "/COMMENT", S("")));
	assert_string_equal(all(f, inbox, 1, "/Comment"), "/comment= ");
	ok(set(f, inbox, 1, "/Comment", slice_of(NULL, 0)));
	ok(set(f, inbox, 1, "/Comment", slice_of(NULL, 0)));
	assert_string_equal(all(f, inbox, 1, ""), "");
	assert_string_equal(all(f, inbox, 2, ""), "/comment=theirs ");
	assert_int_equal(
		set(f, 9999, 0, "/comment", S("nobody's")), ERR_NOTFOUND);
	check_clean(f);
	fixture_free(f);
}

static void test_below(void **state)
{
	static const char *const entries[] = { "/a", "/a!", "/a/b", "/a/b/c",
		"/a/d", "/a0", "/ab", "/b/a" };
	struct fixture *f = fixture_new("below");
	uint64_t inbox = mailbox_id(f, "INBOX");

	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		ok(set(f, inbox, 0, entries[i], S("1")));
	assert_string_equal(
		all(f, inbox, 0, "/A"), "/a=1 /a/b=1 /a/b/c=1 /a/d=1 ");
	assert_string_equal(all(f, inbox, 0, "/a/b"), "/a/b=1 /a/b/c=1 ");
	assert_string_equal(all(f, inbox, 0, "/c"), "");
	assert_string_equal(all(f, inbox, 0, ""),
		"/a=1 /a!=1 /a/b=1 /a/b/c=1 /a/d=1 /a0=1 /ab=1 /b/a=1 ");
	fixture_free(f);
}

static void test_limits(void **state)
{
	struct fixture *f = fixture_new("limits");
	uint64_t inbox = mailbox_id(f, "INBOX");
	struct user_row user;
	char entry[20];

	char *big = mem_alloc(LIMIT_METADATA + 1);
	assert_non_null(big);
	assert_int_equal(
		set(f, inbox, 0, "/big", slice_of(big, LIMIT_METADATA + 1)),
		ERR_LIMIT);
	ok(set(f, inbox, 0, "/big", slice_of(big, LIMIT_METADATA)));
	assert_true(used(f) == LIMIT_METADATA);
	ok(set(f, inbox, 0, "/big", slice_of(big, 1000)));
	assert_true(used(f) == 1000);
	for (unsigned i = 1; i < LIMIT_METADATA_ENTRIES; i++) {
		snprintf(entry, sizeof(entry), "/%u", i);
		ok(set(f, inbox, 0, entry, S("x")));
	}
	assert_int_equal(set(f, inbox, 0, "/more", S("x")), ERR_LIMIT);
	ok(set(f, inbox, 0, "/1", S("xy")));
	ok(set(f, inbox, 1, "/more", S("x")));
	assert_true(used(f) == 1000 + LIMIT_METADATA_ENTRIES + 1);
	ok(user_get(f->s, f->number, fresh(f), &user));
	user.quota.bytes_max = used(f) + 10;
	ok(store_begin(f->s));
	ok(user_set(f->s, &user));
	ok(store_commit(f->s, NULL));
	assert_int_equal(
		set(f, inbox, 1, "/b", slice_of(big, 11)), ERR_OVERQUOTA);
	ok(set(f, inbox, 1, "/b", slice_of(big, 10)));
	ok(set(f, inbox, 1, "/b", slice_of(big, 9)));
	mem_free(big);
	check_clean(f);
	fixture_free(f);
}

static void test_with_the_mailbox(void **state)
{
	struct fixture *f = fixture_new("with");
	uint64_t inbox = mailbox_id(f, "INBOX"), id, other;

	make_mailbox(f, "p/q");
	id = mailbox_id(f, "p/q");
	ok(set(f, id, 0, "/comment", S("one")));
	ok(set(f, id, 7, "/comment", S("seven")));
	ok(set(f, inbox, 0, "/comment", S("inbox")));
	ok(set(f, inbox, 7, "/comment", S("of seven")));
	assert_true(used(f) == 3 + 5 + 5 + 8);
	ok(store_begin(f->s));
	ok(mailbox_rename(f->a, id, S("r")));
	ok(mailbox_rename(f->a, inbox, S("old")));
	ok(store_commit(f->s, NULL));
	assert_string_equal(all(f, id, 7, ""), "/comment=seven ");
	other = mailbox_id(f, "old");
	assert_string_equal(all(f, other, 7, ""), "/comment=of seven ");
	assert_string_equal(all(f, inbox, 0, ""), "/comment=inbox ");
	assert_true(used(f) == 3 + 5 + 2 * (5 + 8));
	check_clean(f);
	ok(store_begin(f->s));
	ok(mailbox_delete(f->a, id));
	ok(mailbox_delete(f->a, other));
	ok(store_commit(f->s, NULL));
	assert_string_equal(all(f, id, 7, ""), "");
	assert_true(used(f) == 5 + 8);
	check_clean(f);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_with_the_mailbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
