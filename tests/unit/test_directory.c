/* SPDX-License-Identifier: EUPL-1.2 */
/* Domains, users, addresses and credentials. */
#include "store_fixture.h"

static void test_domains(void **state)
{
	static const struct {
		const char *domain;
		enum err err;
	} rows[] = {
		{ "example.com", ERR_OK },
		{ "xn--bcher-kva.example", ERR_OK },
		{ "localhost", ERR_OK },
		{ "example.org", ERR_EXISTS },
		{ "", ERR_SYNTAX },
		{ "Example.net", ERR_SYNTAX },
		{ "example.net.", ERR_SYNTAX },
		{ ".example.net", ERR_SYNTAX },
		{ "a..b", ERR_SYNTAX },
		{ "-a.b", ERR_SYNTAX },
		{ "a-.b", ERR_SYNTAX },
		{ "a_b.c", ERR_SYNTAX },
		{ "b\xc3\xbc"
		  "cher.example",
			ERR_SYNTAX },
	};
	struct fixture *f = fixture_new("domains");
	struct slice list[10];
	char label[254];
	size_t n;

	ok(store_begin(f->s));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			domain_add(f->s, S(rows[i].domain)), rows[i].err);
	memset(label, 'a', sizeof(label));
	assert_int_equal(domain_add(f->s, slice_of(label, 64)), ERR_SYNTAX);
	assert_int_equal(domain_add(f->s, slice_of(label, 254)), ERR_LIMIT);
	ok(domain_add(f->s, slice_of(label, 63)));
	assert_int_equal(domain_remove(f->s, S("example.org")), ERR_NOTEMPTY);
	assert_int_equal(domain_remove(f->s, S("other.org")), ERR_NOTFOUND);
	ok(domain_remove(f->s, slice_of(label, 63)));
	ok(store_commit(f->s, NULL));
	ok(domain_list(f->s, S("example.com"), fresh(f), list, 10, &n));
	assert_int_equal(n, 3);
	assert_true(slice_eqs(list[0], "example.org"));
	assert_true(slice_eqs(list[2], "xn--bcher-kva.example"));
	fixture_free(f);
}

static void test_users(void **state)
{
	static const struct {
		const char *address;
		enum err err;
	} rows[] = {
		{ "Ben.B@example.org", ERR_OK },
		{ "m\xc3\xbcller@example.org", ERR_OK },
		{ "ben.b@EXAMPLE.org", ERR_EXISTS },
		{ "ANNA@example.org", ERR_EXISTS },
		{ "carl@example.net", ERR_NOTFOUND },
		{ "@example.org", ERR_SYNTAX },
		{ "carl@", ERR_SYNTAX },
		{ "carl", ERR_SYNTAX },
		{ "", ERR_SYNTAX },
		{ "c\tarl@example.org", ERR_SYNTAX },
		{ "\xff@example.org", ERR_SYNTAX },
		{ "x@y@example.org", ERR_OK },
	};
	struct fixture *f = fixture_new("users");
	char longest[LIMIT_ADDRESS + 1];
	struct user_row list[10];
	uint32_t number = 0, owner;
	size_t n;

	ok(store_begin(f->s));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(user_create(f->s, S(rows[i].address),
					 S("B\xc3\xa9n"), &number),
			rows[i].err);
	memset(longest, 'l', sizeof(longest));
	assert_int_equal(user_create(f->s, slice_of(longest, sizeof(longest)),
				 S(""), &number),
		ERR_LIMIT);
	assert_int_equal(
		user_create(f->s, S("x@example.org"), S("a\nb"), &number),
		ERR_SYNTAX);
	ok(store_commit(f->s, NULL));
	ok(user_list(f->s, 0, fresh(f), list, 10, &n));
	assert_int_equal(n, 4);
	assert_true(slice_eqs(list[1].address, "Ben.B@example.org"));
	assert_true(slice_eqs(list[1].name, "B\xc3\xa9n"));
	assert_true(list[1].account > list[0].account);
	assert_true(list[1].created > 1600000000);
	assert_memory_not_equal(&list[1].oid, &list[0].oid, 16);
	ok(user_list(f->s, list[1].account, fresh(f), list, 10, &n));
	assert_int_equal(n, 2);
	ok(address_resolve(f->s, S("BEN.b@Example.Org"), &owner));
	ok(user_get(f->s, owner, fresh(f), &list[0]));
	assert_true(slice_eqs(list[0].address, "Ben.B@example.org"));
	assert_int_equal(address_resolve(f->s, S("ben@example.org"), &owner),
		ERR_NOTFOUND);
	assert_int_equal(
		address_resolve(f->s, S("no address"), &owner), ERR_NOTFOUND);
	assert_int_equal(user_get(f->s, 99, fresh(f), &list[0]), ERR_NOTFOUND);
	fixture_free(f);
}

static void test_aliases(void **state)
{
	struct fixture *f = fixture_new("aliases");
	struct alias_row list[10];
	uint32_t ben, owner;
	size_t n;

	ok(store_begin(f->s));
	ok(user_create(f->s, S("ben@example.org"), S(""), &ben));
	ok(alias_add(f->s, S("Info@example.org"), ben));
	assert_int_equal(
		alias_add(f->s, S("INFO@example.org"), f->number), ERR_EXISTS);
	assert_int_equal(
		alias_add(f->s, S("anna@example.org"), ben), ERR_EXISTS);
	assert_int_equal(
		alias_add(f->s, S("x@example.net"), ben), ERR_NOTFOUND);
	assert_int_equal(alias_add(f->s, S("x@example.org"), 99), ERR_NOTFOUND);
	assert_int_equal(alias_add(f->s, S("x"), ben), ERR_SYNTAX);
	assert_int_equal(alias_remove(f->s, S("Ben@example.org")), ERR_NOPERM);
	assert_int_equal(alias_remove(f->s, S("x@example.org")), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	ok(address_resolve(f->s, S("info@example.org"), &owner));
	assert_int_equal(owner, ben);
	ok(address_list(f->s, S(""), fresh(f), list, 10, &n));
	assert_int_equal(n, 3);
	assert_true(slice_eqs(list[0].address, "anna@example.org"));
	assert_true(slice_eqs(list[2].address, "Info@example.org"));
	ok(address_list(f->s, S("BEN@example.org"), fresh(f), list, 10, &n));
	assert_int_equal(n, 1);
	in_tx(f, alias_remove(f->s, S("inFO@example.org")));
	assert_int_equal(address_resolve(f->s, S("info@example.org"), &owner),
		ERR_NOTFOUND);
	fixture_free(f);
}

static void test_user_set(void **state)
{
	struct fixture *f = fixture_new("set");
	struct user_row row;
	uint32_t ben, owner;

	ok(store_begin(f->s));
	ok(user_create(f->s, S("ben@example.org"), S(""), &ben));
	ok(alias_add(f->s, S("benny@example.org"), ben));
	ok(user_get(f->s, ben, fresh(f), &row));
	row.name = S("Ben");
	row.disabled = true;
	row.quota = (struct quota){ .bytes_max = 5, .messages_max = 6 };
	row.imap_without = S("IDLE,UIDONLY");
	ok(user_set(f->s, &row));
	ok(user_get(f->s, ben, fresh(f), &row));
	assert_true(slice_eqs(row.name, "Ben"));
	assert_true(row.disabled);
	assert_int_equal(row.quota.bytes_max, 5);
	assert_int_equal(row.quota.messages_max, 6);
	assert_true(slice_eqs(row.imap_without, "IDLE,UIDONLY"));
	/* Another primary address: taken, foreign, the own alias, new. */
	row.address = S("Anna@example.org");
	assert_int_equal(user_set(f->s, &row), ERR_EXISTS);
	row.address = S("ben@example.net");
	assert_int_equal(user_set(f->s, &row), ERR_NOTFOUND);
	row.address = S("Benny@example.org");
	ok(user_set(f->s, &row));
	assert_int_equal(address_resolve(f->s, S("ben@example.org"), &owner),
		ERR_NOTFOUND);
	row.address = S("BENNY@example.org"); /* only its case */
	ok(user_set(f->s, &row));
	ok(address_resolve(f->s, S("benny@example.org"), &owner));
	assert_int_equal(owner, ben);
	row.account = 99;
	assert_int_equal(user_set(f->s, &row), ERR_NOTFOUND);
	row.account = ben;
	row.quota.bytes_max = UINT64_MAX;
	assert_int_equal(user_set(f->s, &row), ERR_LIMIT);
	ok(store_commit(f->s, NULL));
	ok(user_get(f->s, ben, fresh(f), &row));
	assert_true(slice_eqs(row.address, "BENNY@example.org"));
	fixture_free(f);
}

static void test_user_delete(void **state)
{
	struct fixture *f = fixture_new("userdel");
	struct slice to = SLICE("x@example.net");
	struct queue_row q = { .next_try = 1 };
	struct credential c = { .label = SLICE("password") };
	struct account *a;
	struct mailbox_row box;
	uint64_t message;
	uint32_t ben, next;
	size_t n;

	ok(store_begin(f->s));
	ok(user_create(f->s, S("ben@example.org"), S(""), &ben));
	ok(alias_add(f->s, S("info@example.org"), ben));
	ok(credential_set(f->s, ben, &c));
	ok(store_commit(f->s, NULL));
	ok(account_open(f->s, TENANT_ACCOUNT, &a));
	ok(store_begin(f->s));
	q.account = ben;
	q.body = make_body(a, 5000);
	ok(queue_add(f->s, &q, &to, 1, &message));
	q.account = f->number;
	q.body = make_body(a, 5000);
	ok(queue_add(f->s, &q, &to, 1, &message));
	ok(store_commit(f->s, NULL));
	account_close(a);
	/* Something waits to be taken away when the account goes. */
	ok(account_open(f->s, ben, &a));
	ok(store_begin(f->s));
	ok(mailbox_find(a, S("Junk"), fresh(f), &box));
	add_message(a, box.id, 10, 0);
	ok(mailbox_delete(a, box.id));
	assert_int_equal(user_delete(f->s, ben), ERR_BUSY);
	ok(store_commit(f->s, NULL));
	account_close(a);
	ok(store_begin(f->s));
	assert_int_equal(user_delete(f->s, 99), ERR_NOTFOUND);
	ok(user_delete(f->s, ben));
	ok(store_commit(f->s, NULL));
	assert_int_equal(account_open(f->s, ben, &a), ERR_NOTFOUND);
	assert_int_equal(address_resolve(f->s, S("ben@example.org"), &next),
		ERR_NOTFOUND);
	assert_int_equal(address_resolve(f->s, S("info@example.org"), &next),
		ERR_NOTFOUND);
	ok(credential_list(f->s, ben, fresh(f), &c, 1, &n));
	assert_int_equal(n, 0);
	assert_int_equal(
		peek(tenant_db(f->s), "SELECT count(*) FROM queue_entry"), 1);
	assert_int_equal(peek(tenant_db(f->s), "SELECT count(*) FROM body"), 1);
	reap_all(f);
	/* The address is free again, the number is not. */
	in_tx(f, user_create(f->s, S("ben@example.org"), S(""), &next));
	assert_true(next > ben);
	fixture_free(f);
}

static void test_create_rolled_back(void **state)
{
	struct fixture *f = fixture_new("undone");
	struct account *a;
	uint32_t ben, owner;

	ok(store_begin(f->s));
	ok(user_create(f->s, S("ben@example.org"), S(""), &ben));
	store_rollback(f->s);
	assert_int_equal(address_resolve(f->s, S("ben@example.org"), &owner),
		ERR_NOTFOUND);
	assert_int_equal(account_open(f->s, ben, &a), ERR_NOTFOUND);
	in_tx(f, user_create(f->s, S("ben@example.org"), S(""), &ben));
	ok(account_open(f->s, ben, &a));
	account_close(a);
	fixture_free(f);
}

static void test_credentials(void **state)
{
	struct fixture *f = fixture_new("credentials");
	struct credential c = {
		.label = SLICE("password"), .iterations = 100000, .created = 17
	};
	struct credential list[LIMIT_CREDENTIALS + 1];
	char label[LIMIT_CREDENTIAL_LABEL + 1];
	size_t n;

	memset(c.salt, 1, sizeof(c.salt));
	memset(c.stored_key, 2, sizeof(c.stored_key));
	memset(c.server_key, 3, sizeof(c.server_key));
	ok(store_begin(f->s));
	ok(credential_set(f->s, f->number, &c));
	c.label = S("phone");
	c.iterations = 4096;
	ok(credential_set(f->s, f->number, &c));
	c.label = S("password");
	c.iterations = 200000;
	ok(credential_set(f->s, f->number, &c));
	assert_int_equal(credential_set(f->s, 99, &c), ERR_NOTFOUND);
	c.label = S("");
	assert_int_equal(credential_set(f->s, f->number, &c), ERR_SYNTAX);
	memset(label, 'l', sizeof(label));
	c.label = slice_of(label, sizeof(label));
	assert_int_equal(credential_set(f->s, f->number, &c), ERR_LIMIT);
	ok(store_commit(f->s, NULL));
	ok(credential_list(f->s, f->number, fresh(f), list, 3, &n));
	assert_int_equal(n, 2);
	assert_true(slice_eqs(list[0].label, "phone"));
	assert_true(slice_eqs(list[1].label, "password"));
	assert_int_equal(list[1].iterations, 200000);
	assert_int_equal(list[1].created, 17);
	assert_memory_equal(list[1].salt, c.salt, 16);
	assert_memory_equal(list[1].stored_key, c.stored_key, 32);
	assert_memory_equal(list[1].server_key, c.server_key, 32);
	ok(store_begin(f->s));
	ok(credential_remove(f->s, f->number, S("phone")));
	assert_int_equal(
		credential_remove(f->s, f->number, S("phone")), ERR_NOTFOUND);
	for (int i = 1; i < LIMIT_CREDENTIALS; i++) {
		snprintf(label, sizeof(label), "app %d", i);
		c.label = S(label);
		ok(credential_set(f->s, f->number, &c));
	}
	c.label = S("one more");
	assert_int_equal(credential_set(f->s, f->number, &c), ERR_LIMIT);
	c.label = S("app 1");
	ok(credential_set(f->s, f->number, &c));
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_user_set),
		cmocka_unit_test(test_user_delete),
		cmocka_unit_test(test_create_rolled_back),
		cmocka_unit_test(test_credentials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
