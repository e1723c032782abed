/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of rights, groups, and who shares with whom. */
#include "store_fixture.h"

#include <bastide/acl.h>

static uint32_t make_user(struct fixture *f, const char *address)
{
	uint32_t number;

	in_tx(f, user_create(f->s, S(address), S(""), &number));
	return number;
}

static unsigned rights(struct fixture *f, const char *mailbox, uint32_t account)
{
	struct acl_identity who;
	unsigned got;

	ok(acl_identity(f->s, account, &who));
	ok(acl_rights(f->a, mailbox[0] ? mailbox_id(f, mailbox) : ACL_ROOT,
		&who, &got));
	return got;
}

static void grant(struct fixture *f, const char *mailbox, enum acl_who who,
	uint64_t id, bool negative, unsigned rights)
{
	struct acl_row row = { who, id, negative, rights };
	uint64_t box = mailbox[0] ? mailbox_id(f, mailbox) : ACL_ROOT;

	in_tx(f, acl_set(f->a, box, &row));
}

static size_t sharers(struct fixture *f, uint32_t account)
{
	uint32_t owners[10];
	size_t n;

	ok(share_list(f->s, account, 0, owners, 10, &n));
	for (size_t k = 0; k < n; k++)
		assert_int_equal(owners[k], f->number);
	return n;
}

/* The union of what is granted to all, a user and his groups, less what is
 * taken away (RFC 4314 2). */
static void test_rights(void **state)
{
	struct fixture *f = fixture_new("rights");
	uint32_t ben = make_user(f, "ben@example.org");
	uint64_t team;

	in_tx(f, group_create(f->s, S("sales"), &team));
	assert_int_equal(rights(f, "INBOX", f->number), RIGHTS_ALL);
	assert_int_equal(rights(f, "INBOX", ben), 0);
	grant(f, "INBOX", ACL_USER, ben, false, RIGHT_LOOKUP | RIGHT_READ);
	grant(f, "INBOX", ACL_ANYONE, 0, false, RIGHT_POST);
	grant(f, "INBOX", ACL_GROUP, team, false, RIGHT_SEEN | RIGHT_WRITE);
	assert_int_equal(rights(f, "INBOX", ben),
		RIGHT_LOOKUP | RIGHT_READ | RIGHT_POST);
	in_tx(f, group_member_set(f->s, team, ben, true));
	assert_int_equal(rights(f, "INBOX", ben),
		RIGHT_LOOKUP | RIGHT_READ | RIGHT_POST | RIGHT_SEEN |
			RIGHT_WRITE);
	grant(f, "INBOX", ACL_GROUP, team, true, RIGHT_WRITE | RIGHT_READ);
	assert_int_equal(rights(f, "INBOX", ben),
		RIGHT_LOOKUP | RIGHT_POST | RIGHT_SEEN);
	/* Not even a list takes something from the account's own user. */
	grant(f, "INBOX", ACL_USER, f->number, true, RIGHTS_ALL);
	assert_int_equal(rights(f, "INBOX", f->number), RIGHTS_ALL);
	in_tx(f, group_delete(f->s, team));
	assert_int_equal(rights(f, "INBOX", ben),
		RIGHT_LOOKUP | RIGHT_READ | RIGHT_POST);
	assert_int_equal(rights(f, "Sent", ben), 0);
	fixture_free(f);
}

/* A new mailbox has the list of the nearest parent, or of the root. */
static void test_inherited(void **state)
{
	struct fixture *f = fixture_new("inherited");
	uint32_t ben = make_user(f, "ben@example.org");

	grant(f, "", ACL_USER, ben, false, RIGHT_LOOKUP);
	make_mailbox(f, "a");
	assert_int_equal(rights(f, "a", ben), RIGHT_LOOKUP);
	grant(f, "a", ACL_USER, ben, false, RIGHT_READ);
	make_mailbox(f, "a/b/c");
	assert_int_equal(rights(f, "a/b", ben), RIGHT_READ);
	assert_int_equal(rights(f, "a/b/c", ben), RIGHT_READ);
	in_tx(f, mailbox_rename(f->a, mailbox_id(f, "a/b/c"), S("c")));
	assert_int_equal(rights(f, "c", ben), RIGHT_READ);
	fixture_free(f);
}

/* `share` follows the lists, whichever way a grant goes. */
static void test_shares(void **state)
{
	struct fixture *f = fixture_new("shares");
	uint32_t ben = make_user(f, "ben@example.org"), more[1];
	uint64_t team, box = make_mailbox(f, "x");
	size_t n;

	assert_int_equal(sharers(f, ben), 0);
	grant(f, "x", ACL_USER, ben, false, RIGHT_LOOKUP);
	grant(f, "INBOX", ACL_USER, ben, false, RIGHT_LOOKUP);
	assert_int_equal(sharers(f, ben), 1);
	assert_int_equal(sharers(f, f->number), 0);
	grant(f, "INBOX", ACL_USER, ben, false, 0);
	assert_int_equal(sharers(f, ben), 1);
	in_tx(f, mailbox_delete(f->a, box));
	assert_int_equal(sharers(f, ben), 0);
	in_tx(f, group_create(f->s, S("team"), &team));
	in_tx(f, group_member_set(f->s, team, ben, true));
	grant(f, "INBOX", ACL_GROUP, team, false, RIGHT_READ);
	assert_int_equal(sharers(f, ben), 1);
	in_tx(f, group_member_set(f->s, team, ben, false));
	assert_int_equal(sharers(f, ben), 0);
	grant(f, "INBOX", ACL_ANYONE, 0, false, RIGHT_READ);
	assert_int_equal(sharers(f, ben), 1);
	ok(share_list(f->s, ben, f->number, more, 1, &n));
	assert_int_equal(n, 0);
	fixture_free(f);
}

static void test_refused(void **state)
{
	struct fixture *f = fixture_new("refused");
	struct acl_row row = { ACL_USER, 7, false, RIGHT_READ };
	uint64_t team, other;

	ok(store_begin(f->s));
	assert_int_equal(acl_set(f->a, 12345, &row), ERR_NOTFOUND);
	for (row.id = 1; row.id <= LIMIT_ACL; row.id++)
		ok(acl_set(f->a, ACL_ROOT, &row));
	assert_int_equal(acl_set(f->a, ACL_ROOT, &row), ERR_LIMIT);
	row.id = 3; /* there already */
	ok(acl_set(f->a, ACL_ROOT, &row));
	row.rights = 0;
	ok(acl_set(f->a, ACL_ROOT, &row));
	ok(group_create(f->s, S("Team"), &team));
	assert_int_equal(group_create(f->s, S("TEAM"), &other), ERR_EXISTS);
	assert_int_equal(group_create(f->s, S("a b"), &other), ERR_SYNTAX);
	assert_int_equal(group_create(f->s, S(""), &other), ERR_SYNTAX);
	assert_int_equal(group_member_set(f->s, team, 999, true), ERR_NOTFOUND);
	assert_int_equal(
		group_member_set(f->s, 999, f->number, true), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static unsigned told;

static void on_change(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	told += kind == WATCH_RIGHTS;
}

/* Whoever watches the tenant's account hears of each change of rights. */
static void test_watched(void **state)
{
	struct fixture *f = fixture_new("watched");
	struct watcher w = { .changed = on_change };
	struct account *tenant;
	uint64_t team;

	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	account_watch(tenant, &w);
	grant(f, "INBOX", ACL_ANYONE, 0, false, RIGHT_READ);
	assert_int_equal(told, 1);
	in_tx(f, group_create(f->s, S("team"), &team));
	in_tx(f, group_member_set(f->s, team, f->number, true));
	assert_int_equal(told, 2);
	in_tx(f, group_delete(f->s, team));
	assert_int_equal(told, 3);
	account_unwatch(&w);
	account_close(tenant);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
