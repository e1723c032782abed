/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include "../../smtpd/front/smtp.h"

static void test_paths(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		bool null_allowed, utf8;
	} rows[] = {
		{ "<a@b.example>", "a@b.example", false, false },
		{ "<a.b+c@d>", "a.b+c@d", false, false },
		{ "<>", "", true, false },
		{ "<>", NULL, false, false },
		{ "<@r1,@r2:a@b>", "a@b", false, false },
		{ "<\"a b\"@c>", "\"a b\"@c", false, false },
		{ "<a@[127.0.0.1]>", "a@[127.0.0.1]", false, false },
		{ "<a@[IPv6:::1]>", "a@[IPv6:::1]", false, false },
		{ "<Postmaster>", "Postmaster", false, false },
		{ "<root>", NULL, false, false },
		{ "<\xc3\xa9@b>", "\xc3\xa9@b", false, true },
		{ "<\xc3\xa9@b>", NULL, false, false },
		{ "<\xff@b>", NULL, false, true },
		{ "<a..b@c>", NULL, false, false },
		{ "<.a@c>", NULL, false, false },
		{ "<a@c..d>", NULL, false, false },
		{ "<a@b", NULL, false, false },
		{ "a@b", NULL, false, false },
		{ "<a b@c>", NULL, false, false },
		{ "<a@b\x01>", NULL, false, false },
	};
	char out[LIMIT_ADDRESS + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cursor c = cursor_of(slice_str(rows[i].text));
		bool good = smtp_path(&c, rows[i].null_allowed, rows[i].utf8,
			out, sizeof(out));
		assert_int_equal(good, rows[i].want != NULL);
		if (good)
			assert_string_equal(out, rows[i].want);
	}
}

static void test_too_long(void **state)
{
	char text[2000], out[LIMIT_ADDRESS + 1];

	memset(text, 'a', sizeof(text));
	text[0] = '<';
	memcpy(text + sizeof(text) - 3, "@b>", 3);
	struct cursor c = cursor_of(slice_of(text, sizeof(text)));
	assert_false(smtp_path(&c, false, false, out, sizeof(out)));
}

static void test_names(void **state)
{
	assert_true(smtp_is_helo_name(slice_str("mail.example")));
	assert_true(smtp_is_helo_name(slice_str("[192.0.2.1]")));
	assert_true(smtp_is_helo_name(slice_str("my_pc")));
	assert_false(smtp_is_helo_name(slice_str("")));
	assert_false(smtp_is_helo_name(slice_str("a b")));
	assert_false(smtp_is_helo_name(slice_str("a\r\nb")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
