/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/mail.h>

/* Every way to cut the input in two gives the same. */
static void decodes(enum mail_encoding e, const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 10000);
	for (size_t cut = 0; cut <= strlen(in); cut++) {
		struct mail_decoder d;
		buf_reset(&b);
		mail_decoder_init(&d, e);
		assert_int_equal(
			mail_decode(&d, slice_of(in, cut), &b), ERR_OK);
		assert_int_equal(
			mail_decode(&d, slice_str(in + cut), &b), ERR_OK);
		assert_int_equal(b.n, strlen(want));
		assert_memory_equal(b.p ? b.p : "", want, b.n);
	}
	buf_free(&b);
}

static void test_encodings(void **state)
{
	decodes(MAIL_BASE64, "Zm9v\r\nYmFy", "foobar");
	decodes(MAIL_BASE64, "Zm8=", "fo");
	decodes(MAIL_BASE64, "Z!m9v", "foo");
	decodes(MAIL_BASE64, "Zg==Zm8=", "ffo");
	decodes(MAIL_QUOTED_PRINTABLE, "a=3D=C3=A9x", "a=\xc3\xa9x");
	decodes(MAIL_QUOTED_PRINTABLE, "soft=\r\nbreak", "softbreak");
	decodes(MAIL_QUOTED_PRINTABLE, "soft= \t\r\nbreak", "softbreak");
	decodes(MAIL_QUOTED_PRINTABLE, "trail  \r\nnext", "trail\r\nnext");
	decodes(MAIL_QUOTED_PRINTABLE, "in the middle", "in the middle");
	decodes(MAIL_QUOTED_PRINTABLE, "bad=XYnot", "bad=XYnot");
	decodes(MAIL_QUOTED_PRINTABLE, "a==41", "a=A");
	decodes(MAIL_7BIT, "as=41 is", "as=41 is");
}

static void test_words(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "=?utf-8?Q?caf=C3=A9_noir?=", "caf\xc3\xa9 noir" },
		{ "=?ISO-8859-1?Q?caf=E9?= ol\xe9", "caf\xc3\xa9 ol\xc3\xa9" },
		{ "=?utf-8?B?w6k=?= =?utf-8?B?w6k=?=", "\xc3\xa9\xc3\xa9" },
		/* one character cut in two */
		{ "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "\xc3\xa9" },
		{ "a =?utf-8?Q?b?= c", "a b c" },
		{ "=?utf-8?Q?unclosed", "=?utf-8?Q?unclosed" },
		{ "=?utf-8*fr?Q?x?=", "x" },
		{ "=?koi8-r?B?8NLJ18XU?=",
			"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	};
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		assert_int_equal(
			mail_words_decode(slice_str(rows[i].in), &b), ERR_OK);
		assert_true(slice_eqs(buf_slice(&b), rows[i].want));
	}
	buf_free(&b);
}

static void test_charsets(void **state)
{
	struct buf b;

	buf_init(&b, 10000);
	mail_to_utf8(slice_str("bad \xff\xfe utf"), slice_str("utf-8"), &b);
	assert_true(
		slice_eqs(buf_slice(&b), "bad \xef\xbf\xbd\xef\xbf\xbd utf"));
	buf_reset(&b);
	mail_to_utf8(slice_str("\xa4"), slice_str("ISO-8859-15"), &b);
	assert_true(slice_eqs(buf_slice(&b), "\xe2\x82\xac"));
	assert_true(mail_charset_known(slice_str("UTF-8")));
	assert_false(mail_charset_known(slice_str("x-unknown")));
	buf_free(&b);
}

/* A text of small and capital letters, of one and of more bytes, of letters
 * that grow, and of bytes that are no UTF-8, wherever runs of ASCII begin. */
static void test_fold(void **state)
{
	static const struct {
		const char *text, *folded;
	} rows[] = {
		{ "AbC", "ABC" },
		{ "\xc3\xa9t\xc3\x89", "E\xcc\x81TE\xcc\x81" },
		{ "\xd0\xb6z", "\xd0\x96Z" },
		{ "\xe2\xb1\xa5", "\xc8\xba" }, /* three bytes, then two */
		{ "\xffx\xc3", "\xffX\xc3" }, { "@[`{", "@[`{" },
		/* RFC 5051 2: titlecase first, then all decompositions. */
		{ "\xc7\x84", "Dz\xcc\x8c" }, { "\xc7\x86", "Dz\xcc\x8c" },
		{ "\xef\xac\x81", "fi" },   /* a ligature without titlecase */
		{ "\xc3\x9f", "\xc3\x9f" }, /* sharp s has no simple one */
		{ "\xef\xbc\xa1\xef\xbd\x82", "AB" },
		{ "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab" },
		{ "\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97" },
		{ "\xef\xa4\x80", "\xe8\xb1\x88" }, /* compatibility Han */
		{ "\xc5\xbf", "S" },                /* long s */
		{ "\xc2\xb5", "\xce\x9c" },         /* micro sign: capital mu */
		{ "\xcf\x82", "\xce\xa3" },         /* final sigma */
	};
	struct buf in, out, want;

	buf_init(&in, 1000);
	buf_init(&out, 1000);
	buf_init(&want, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t before = 0; before < 20; before++) {
			buf_reset(&in);
			buf_reset(&out);
			buf_reset(&want);
			for (size_t k = 0; k < before; k++) {
				buf_addc(&in, 'w');
				buf_addc(&want, 'W');
			}
			for (int k = 0; k < 3; k++) {
				buf_adds(&in, rows[i].text);
				buf_adds(&in, " Ja ");
				buf_adds(&want, rows[i].folded);
				buf_adds(&want, " JA ");
			}
			assert_int_equal(
				mail_fold(buf_slice(&in), &out), ERR_OK);
			assert_int_equal(out.n, want.n);
			assert_memory_equal(out.p, want.p, want.n);
		}
	out.max = 10;
	buf_reset(&out);
	assert_int_equal(mail_fold(buf_slice(&in), &out), ERR_LIMIT);
	buf_free(&in);
	buf_free(&out);
	buf_free(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
