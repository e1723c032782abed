/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include "../../caldav/target.h"

static void paths(void **state)
{
	static const struct {
		const char *target, *path, *query; /* path NULL: refused */
	} rows[] = {
		{ "/", "/", "" },
		{ "/a/b?c=d", "/a/b", "c=d" },
		{ "//a///b//", "/a/b/", "" },
		{ "/a%40b/%C3%A9", "/a@b/\xc3\xa9", "" },
		{ "http://h:1/x", "/x", "" },
		{ "HTTPS://h", "/", "" },
		{ "/a/...", "/a/...", "" },
		{ "/%25", "/%", "" },
		{ "/a?%zz", "/a", "%zz" },
		{ "", NULL, "" },
		{ "a", NULL, "" },
		{ "*", NULL, "" },
		{ "/.", NULL, "" },
		{ "/a/../b", NULL, "" },
		{ "/a/%2e%2E/b", NULL, "" },
		{ "/a%2Fb", NULL, "" },
		{ "/a%00", NULL, "" },
		{ "/a%0a", NULL, "" },
		{ "/%", NULL, "" },
		{ "/%4", NULL, "" },
		{ "/%4g", NULL, "" },
		{ "/%ff", NULL, "" },
		{ "/a#b", NULL, "" },
	};
	struct slice query;
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_init(&b, 100);
		enum err e =
			target_decode(slice_str(rows[i].target), &b, &query);
		if ((e == ERR_OK) != (rows[i].path != NULL))
			fail_msg("%s: %s", rows[i].target, err_info(e)->name);
		if (rows[i].path) {
			assert_true(slice_eqs(buf_slice(&b), rows[i].path));
			assert_true(slice_eqs(query, rows[i].query));
		}
		buf_free(&b);
	}
	buf_init(&b, 3);
	assert_int_equal(
		target_decode(slice_str("/abc"), &b, &query), ERR_LIMIT);
	buf_free(&b);
}

static void segments_come_back(void **state)
{
	struct buf b, path;
	struct slice query;
	char all[256];
	size_t n = 0;

	for (int c = 0x20; c < 0x7f; c++)
		if (c != '/')
			all[n++] = (char)c;
	buf_init(&b, 1000);
	buf_init(&path, 1000);
	buf_addc(&b, '/');
	target_encode(&b, slice_of(all, n));
	assert_int_equal(target_decode(buf_slice(&b), &path, &query), ERR_OK);
	assert_true(
		slice_eq(slice_from(buf_slice(&path), 1), slice_of(all, n)));
	buf_free(&b);
	buf_free(&path);
}

static void queries(void **state)
{
	struct slice q = slice_str("a=1&EmailAddress=x%2By+z%40d&b=%0a&c");
	struct buf b;

	buf_init(&b, 100);
	assert_true(target_query(q, "emailaddress", &b));
	assert_true(slice_eqs(buf_slice(&b), "x+y+z@d"));
	assert_false(target_query(q, "b", &b));
	assert_false(target_query(q, "none", &b));
	buf_reset(&b);
	assert_true(target_query(q, "c", &b));
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(segments_come_back),
		cmocka_unit_test(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
