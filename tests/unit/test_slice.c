/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/cursor.h>

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		uint32_t value;
	} rows[] = {
		{ "0", ERR_OK, 0 },
		{ "4294967295", ERR_OK, UINT32_MAX },
		{ "4294967296", ERR_LIMIT, 0 },
		{ "99999999999999999999999", ERR_LIMIT, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "-1", ERR_SYNTAX, 0 },
		{ "1 ", ERR_SYNTAX, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t v = 7;
		enum err e = num_u32(slice_str(rows[i].text), &v);
		assert_int_equal(e, rows[i].err);
		assert_int_equal(v, e == ERR_OK ? rows[i].value : 7);
	}
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{ "", true }, { "plain", true }, { "\xc3\xa9t\xc3\xa9", true },
		{ "\xf0\x9f\x8f\xb0", true },
		{ "\xc0\x80", false },         /* overlong */
		{ "\xe0\x80\x80", false },     /* overlong */
		{ "\xed\xa0\x80", false },     /* surrogate */
		{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
		{ "\xc3", false },             /* cut short */
		{ "a\x80", false },            /* stray */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			utf8_valid(slice_str(rows[i].text)), rows[i].valid);
}

static void test_search(void **state)
{
	struct slice rest, s = slice_str("name=value=x");

	assert_true(slice_eqs(slice_cut(s, '=', &rest), "name"));
	assert_true(slice_eqs(rest, "value=x"));
	assert_int_equal(slice_find_slice(s, slice_str("value")), 5);
	assert_int_equal(slice_find_slice(s, slice_str("none")), s.n + 1);
	assert_true(slice_ieqs(slice_str("InBoX"), "INBOX"));
	assert_true(slice_eqs(slice_trim(slice_str(" \ta b\r\n")), "a b"));
	assert_true(slice_cmp(slice_str("ab"), slice_str("b")) < 0);
}

static void test_cursor(void **state)
{
	struct cursor c = cursor_of(slice_str("FETCH 12 x"));
	uint32_t n = 0;
	struct slice s;

	assert_true(p_word(&c, "fetch") && p_sp(&c) && p_u32(&c, &n));
	assert_int_equal(n, 12);
	assert_false(p_char(&c, 'x'));
	assert_true(p_sp(&c) && p_take(&c, 1, &s) && p_end(&c));
	c = cursor_of(slice_str("99999999999"));
	assert_false(p_u32(&c, &n)); /* does not fit: nothing consumed */
	assert_int_equal(cursor_rest(&c).n, 11);
}

/* Words at a time, with every length and every byte at every place. */
static void test_runs_of_ascii(void **state)
{
	char text[27], up[27];

	for (int c = 0; c < 256; c++)
		for (size_t n = 1; n <= sizeof(text); n++)
			for (size_t at = 0; at < n; at++) {
				struct slice s = slice_of(text, n);
				memset(text, 'q', n);
				text[at] = (char)c;
				assert_int_equal(
					ascii_run(s), c < 128 ? n : at);
				assert_int_equal(utf8_valid(s), c < 128);
				if (c >= 128)
					continue;
				ascii_upper_all(s, up);
				for (size_t k = 0; k < n; k++)
					assert_int_equal(
						up[k], ascii_upper(text[k]));
			}
	assert_int_equal(ascii_run(slice_of(NULL, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_runs_of_ascii),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_cursor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
