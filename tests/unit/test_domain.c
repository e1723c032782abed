/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/domain.h>
#include <bastide/file.h>
#include <bastide/store.h>

static void test_addresses(void **state)
{
	static const struct {
		const char *in;
		enum err err;
		const char *out;
	} rows[] = {
		{ "Bob@Example.ORG", ERR_OK, "bob@example.org" },
		{ "\"a@b\"@x.org", ERR_OK, "\"a@b\"@x.org" },
		{ "post@B\xc3\xbc"
		  "cher.example",
			ERR_OK, "post@xn--bcher-kva.example" },
		{ "j\xc3\xb6@x", ERR_OK, "j\xc3\xb6@x" },
		{ "bob", ERR_SYNTAX, "" },
		{ "@x.org", ERR_SYNTAX, "" },
		{ "bob@", ERR_SYNTAX, "" },
		{ "bob@x..org", ERR_SYNTAX, "" },
		{ "bob@x.org.", ERR_SYNTAX, "" },
		{ "bob@-x.org", ERR_SYNTAX, "" },
		{ "bob@x y", ERR_SYNTAX, "" },
		{ "b\nb@x.org", ERR_SYNTAX, "" },
		{ "bob@\xff.org", ERR_SYNTAX, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 500);
		assert_int_equal(
			address_normal(slice_str(rows[i].in), &b), rows[i].err);
		if (rows[i].err == ERR_OK)
			assert_true(slice_eqs(buf_slice(&b), rows[i].out));
		buf_free(&b);
	}
	assert_true(slice_eqs(address_domain(slice_str("\"a@b\"@c")), "c"));
	assert_int_equal(address_domain(slice_str("abc")).n, 0);
}

static void test_address_that_grows(void **state)
{
	static const char domain[] = "@a-\xc3\xa0.b"; /* "xn--a--8ia.b" */
	char text[LIMIT_ADDRESS + 1];
	struct buf b;

	/* As long as it may be, and longer in its normal form. */
	memset(text, 'x', LIMIT_ADDRESS);
	memcpy(text + LIMIT_ADDRESS - strlen(domain), domain, sizeof(domain));
	buf_init(&b, 2 * LIMIT_ADDRESS);
	assert_int_equal(address_normal(slice_str(text), &b), ERR_LIMIT);
	buf_reset(&b);
	assert_int_equal(address_normal(slice_str(text + 20), &b), ERR_OK);
	buf_free(&b);
}

static void test_files(void **state)
{
	struct buf b;
	int dir = open(getenv("TEST_DIR") ? getenv("TEST_DIR") : "/tmp",
		O_RDONLY | O_DIRECTORY);

	buf_init(&b, 10);
	assert_int_equal(file_destroy(dir, "small"), ERR_OK);
	assert_int_equal(file_read(dir, "small", &b), ERR_NOTFOUND);
	assert_int_equal(file_replace(dir, "small", slice_str("one")), ERR_OK);
	assert_int_equal(
		file_replace(dir, "small", slice_str("0123456789")), ERR_OK);
	assert_int_equal(file_read(dir, "small", &b), ERR_OK);
	assert_true(slice_eqs(buf_slice(&b), "0123456789"));
	assert_int_equal(
		file_replace(dir, "small", slice_str("01234567890")), ERR_OK);
	buf_reset(&b);
	assert_int_equal(file_read(dir, "small", &b), ERR_LIMIT);
	assert_int_equal(faccessat(dir, "small.new", F_OK, 0), -1);
	assert_int_equal(file_destroy(dir, "small"), ERR_OK);
	assert_int_equal(faccessat(dir, "small", F_OK, 0), -1);
	buf_free(&b);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_that_grows),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
