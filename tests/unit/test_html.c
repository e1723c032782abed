/* SPDX-License-Identifier: EUPL-1.2 */
/* The text of HTML, and previews of texts. */
#include <bastide/mail.h>

#include "unit.h"

static void ok(enum err e)
{
	assert_int_equal(e, ERR_OK);
}

static void test_text_of_html(void **state)
{
	static const struct {
		const char *html, *text;
	} rows[] = {
		{ "plain", "plain" },
		{ "<p>a</p><p>b</p>", "\na\n\nb\n" },
		{ "a<b>b</b>c", "abc" },
		{ "<tr><td>a</td><td>b</td></tr>", "\n a  b \n" },
		{ "a<br/>b<BR>c", "a\nb\nc" },
		{ "a\r\n\tb", "a   b" },
		{ "<style>p{}</style>a<Script>if (1<2) '</b>'</SCRIPT >b",
			"ab" },
		{ "<title>x</title>a<style><</style>b", "ab" },
		{ "<script>a</scrip></script>b", "b" },
		{ "<script>never ends", "" },
		{ "<p title=\"a>b\" class='c\"d>'>x", "\nx" },
		{ "<p a\"b>x", "\nx" },
		{ "<a href = \"x>y\">z", "z" },
		{ "a<!-- b > -- c --->d", "ad" },
		{ "a<!-->b", "ab" },
		{ "a<!DOCTYPE html>b<?xml x?>c", "abc" },
		{ "1 < 2 <3 << 4", "1 < 2 <3 << 4" },
		{ "a</>b</ p>c", "abc" },
		{ "&lt;&gt;&amp;&quot;&apos;", "<>&\"'" },
		{ "&eacute;&Eacute;&euro;&nbsp;", "é"
						  "É"
						  "€"
						  "\xc2\xa0" },
		{ "&#233;&#xe9;&#XE9;&#x1F600;", "ééé"
						 "\xf0\x9f\x98\x80" },
		{ "&copy 1&amp", "© 1" },
		{ "&bogus;&;&#;&#x;&#xg;&", "&bogus;&;&#;&#x;&#xg;" },
		{ "&averyveryverylongnameindeed;",
			"&averyveryverylongnameindeed;" },
		{ "&#146;&#0;&#55296;&#1114112;&#99999999;",
			"\xe2\x80\x99    " },
		{ "&#999999999;", "&#999999999;" },
		{ "&amp;lt;", "&lt;" },
		{ "a&<b>c", "a&c" },
	};
	struct mail_html h;
	struct buf b;

	buf_init(&b, KIB(4));
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		struct slice in = slice_str(rows[k].html);
		for (size_t step = 1; step <= in.n; step++) {
			buf_reset(&b);
			mail_html_init(&h);
			for (size_t at = 0; at < in.n; at += step)
				ok(mail_html_text(&h,
					slice_head(slice_from(in, at), step),
					&b));
			buf_addc(&b, '\0');
			assert_string_equal(b.p, rows[k].text);
		}
	}
	buf_free(&b);
}

static void test_previews(void **state)
{
	static const struct {
		const char *text, *shown;
		bool html;
	} rows[] = {
		{ "", "", false },
		{ "  one\r\n\r\n two\t ", "one two", false },
		{ "> quoted\r\nanswer\r\n  > more\r\n>\r\nend", "answer end",
			false },
		{ "a > b", "a > b", false },
		{ "> not quoted", "> not quoted", true },
		{ "\xc2\xa0\xe2\x80\x8c\xc2\xa0x\xe2\x80\x8by\xef\xbb\xbf",
			"xy", false },
		{ "a\xe2\x80\x8d"
		  "b \xe2\x80\x8d c",
			"a\xe2\x80\x8d"
			"b c",
			false },
		{ "-----BEGIN PGP MESSAGE-----\r\n\r\nabc", "", false },
		{ "> only\n> quoted\n", "", false },
	};
	struct mail_preview p;
	char text[1001];

	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		mail_preview_init(&p, rows[k].html);
		assert_false(mail_preview_add(&p, slice_str(rows[k].text)));
		assert_true(slice_eqs(mail_preview_text(&p), rows[k].shown));
	}
	mail_preview_init(&p, false);
	for (size_t k = 0; k < 1000; k += 2)
		memcpy(text + k, "é", 2);
	assert_true(mail_preview_add(&p, slice_of(text, 1000)));
	assert_true(slice_eq(mail_preview_text(&p), slice_of(text, 400)));
	/* The blank would be the last one. */
	mail_preview_init(&p, false);
	assert_false(mail_preview_add(&p, slice_of(text, 398)));
	assert_true(mail_preview_add(&p, slice_str(" x")));
	assert_true(slice_eq(mail_preview_text(&p), slice_of(text, 398)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_of_html),
		cmocka_unit_test(test_previews),
	};
	mail_text_warm_up();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
