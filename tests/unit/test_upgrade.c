/* SPDX-License-Identifier: EUPL-1.2 */
/* Databases of the schema's first version are brought up to date. */
#include <bastide/fulltext.h>

#include "store_fixture.h"

static const char *const first_account[] = { "DROP TABLE acl",
	"DROP TABLE metadata", "DROP TABLE url_key",
	"DROP TABLE fulltext_state", "DROP TABLE fulltext_segment",
	"DROP TABLE fulltext_block", "PRAGMA user_version = 1", NULL };
static const char *const first_tenant[] = {
	"ALTER TABLE user DROP COLUMN shared",
	"ALTER TABLE user DROP COLUMN imap_without", "DROP TABLE team",
	"DROP TABLE group_member", "DROP TABLE share",
	"PRAGMA user_version = 1", NULL
};

static void run_all(struct db *d, const char *const *sql)
{
	ok(db_write(d));
	for (; *sql; sql++)
		ok(db_run(d, *sql, ""));
}

/* An account gets its tables when it is opened, whatever becomes of the
 * transaction in which that happens; the tenant when the store is. */
static void test_upgrade(void **state)
{
	struct fixture *f = fixture_new("upgrade");
	struct account *tenant;
	struct user_row row;
	uint64_t upto;

	ok(account_open(f->s, TENANT_ACCOUNT, &tenant));
	ok(store_begin(f->s));
	run_all(account_db(f->a), first_account);
	run_all(account_db(tenant), first_tenant);
	ok(store_commit(f->s, NULL));
	account_close(tenant);
	account_close(f->a);
	store_close(f->s);
	fixture_open(f, false);
	ok(user_get(f->s, f->number, fresh(f), &row));
	ok(store_begin(f->s));
	ok(account_open(f->s, f->number, &f->a));
	store_rollback(f->s);
	account_close(f->a);
	ok(account_open(f->s, f->number, &f->a));
	assert_int_equal(peek(account_db(f->a), "PRAGMA user_version"), 3);
	ok(fulltext_upto(f->a, &upto));
	assert_int_equal(upto, 0);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_upgrade),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
