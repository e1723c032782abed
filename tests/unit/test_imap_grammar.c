/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include "../../imapd/session/url.h"

static void test_utf7(void **state)
{
	static const struct {
		const char *coded, *utf8;
	} good[] = {
		{ "INBOX", "INBOX" },
		{ "A&-B", "A&B" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		/* RFC 3501 5.1.3 */
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
			"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
			"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
		{ "&2Dzf8A-", "\xf0\x9f\x8f\xb0" },
		{ "&AOkA6Q-", "\xc3\xa9\xc3\xa9" },
	};
	static const char *const bad[] = { "&", "&AG", "&AGE-", "&AOk-&AOk-",
		"caf\xc3\xa9", "&2Dw-", "&3,A-", "&AOl-", "a\tb", "&A/k-" };
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		buf_reset(&b);
		assert_int_equal(
			utf7_decode(slice_str(good[i].coded), &b), ERR_OK);
		assert_true(slice_eqs(buf_slice(&b), good[i].utf8));
		buf_reset(&b);
		utf7_encode(slice_str(good[i].utf8), &b);
		assert_true(slice_eqs(buf_slice(&b), good[i].coded));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_reset(&b);
		assert_int_equal(
			utf7_decode(slice_str(bad[i]), &b), ERR_SYNTAX);
	}
	buf_free(&b);
}

static void test_sets(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: no set */
		uint32_t max;
	} rows[] = {
		{ "1", "1", 9 },
		{ "*", "9", 9 },
		{ "5:*", "5:9", 9 },
		{ "12:*", "9:12", 9 },
		{ "3,1,2", "1:3", 9 },
		{ "4:2,8,3:5", "2:5,8", 9 },
		{ "1:4294967295", "1:4294967295", 9 },
		{ "0", NULL, 9 },
		{ "1,", NULL, 9 },
		{ "1:", NULL, 9 },
		{ "4294967296", NULL, 9 },
		{ "", NULL, 9 },
	};
	struct arena *a = arena_new(MIB(1));
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cursor c = cursor_of(slice_str(rows[i].text));
		struct set s;
		bool good = imap_set(&c, a, &s) && p_end(&c);
		assert_int_equal(good, rows[i].want != NULL);
		if (!good)
			continue;
		set_resolve(&s, rows[i].max);
		buf_reset(&b);
		for (size_t k = 0; k < s.n; k++) {
			buf_addf(&b, "%s%u", k ? "," : "", s.list[k].from);
			if (s.list[k].to != s.list[k].from)
				buf_addf(&b, ":%u", s.list[k].to);
		}
		assert_true(slice_eqs(buf_slice(&b), rows[i].want));
	}
	buf_free(&b);
	arena_free(a);
}

static void test_strings(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: no astring */
	} rows[] = {
		{ "atom]", "atom]" },
		{ "\"a \\\"b\\\\\"", "a \"b\\" },
		{ "\"\"", "" },
		{ "{3}\r\nabc", "abc" },
		{ "{3+}\r\nabc", "abc" },
		{ "{4}\r\nabc", NULL },
		{ "\"open", NULL },
		{ "\"new\nline\"", NULL },
		{ "(", NULL },
		{ "", NULL },
	};
	struct arena *a = arena_new(MIB(1));
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cursor c = cursor_of(slice_str(rows[i].text));
		struct slice s;
		bool good = imap_astring(&c, a, &s);
		assert_int_equal(good, rows[i].want != NULL);
		if (good)
			assert_true(slice_eqs(s, rows[i].want));
	}
	put_astring(&b, slice_str("NIL"));
	put_astring(&b, slice_str(""));
	put_astring(&b, slice_str("a b\"c"));
	put_astring(&b, slice_str("\xc3\xa9"));
	assert_true(slice_eqs(
		buf_slice(&b), "\"NIL\"\"\"\"a b\\\"c\"{2}\r\n\xc3\xa9"));
	buf_free(&b);
	arena_free(a);
}

static void test_dates(void **state)
{
	struct cursor c =
		cursor_of(slice_str("\" 1-Feb-2026 23:59:60 -0330\""));
	struct mail_date d;
	struct buf b;
	int64_t day;

	assert_true(imap_date_time(&c, &d) && p_end(&c));
	assert_int_equal(d.zone, -210);
	d.time--; /* the leap second is the next day's first */
	buf_init(&b, 100);
	put_internal_date(&b, d.time, d.zone);
	assert_true(slice_eqs(buf_slice(&b), "\" 1-Feb-2026 23:59:59 -0330\""));
	buf_free(&b);
	c = cursor_of(slice_str("1-Feb-2026"));
	assert_true(imap_date(&c, &day));
	assert_int_equal(day, days_from_civil(2026, 2, 1));
	static const char *const bad[] = { "32-Jan-2026", "0-Jan-2026",
		"1-Foo-2026", "1-Jan-26", "30-Feb-2026", "\"1-Jan-2026" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		c = cursor_of(slice_str(bad[i]));
		assert_false(imap_date(&c, &day));
	}
}

static void test_fetch_items(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* items; 0: refused */
		bool meta, seen;
	} rows[] = {
		{ "FLAGS", 1, false, false },
		{ "ALL", 4, true, false },
		{ "FAST", 3, false, false },
		{ "(UID BODY.PEEK[])", 2, false, false },
		{ "BODY[]", 1, false, true },
		{ "BODY", 1, true, false },
		{ "RFC822.HEADER", 1, true, false },
		{ "RFC822.TEXT", 1, true, true },
		{ "BODY[1.2.MIME]<0.100>", 1, true, true },
		{ "BODY.PEEK[HEADER.FIELDS (From \"To\")]", 1, true, false },
		{ "(FLAGS FLAGS)", 1, false, false },
		{ "(UID FLAGS) (CHANGEDSINCE 5)", 3, false, false },
		{ "(ALL)", 0, false, false },
		{ "BODY[MIME]", 0, false, false },
		{ "BODY[1.]", 0, false, false },
		{ "BODY[0]", 0, false, false },
		{ "BODY[]<0.0>", 0, false, false },
		{ "BODY[HEADER.FIELDS ()]", 0, false, false },
		{ "()", 0, false, false },
		{ "(FLAGS", 0, false, false },
		{ "FLAGSX", 0, false, false },
	};
	struct arena *a = arena_new(MIB(1));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cursor c = cursor_of(slice_str(rows[i].text));
		struct fetch_request r;
		bool good = fetch_parse(&c, a, &r);
		assert_int_equal(good ? r.n : 0, rows[i].n);
		if (good) {
			assert_int_equal(r.meta, rows[i].meta);
			assert_int_equal(r.sets_seen, rows[i].seen);
		}
	}
	arena_free(a);
}

static void test_urls(void **state)
{
	static const struct {
		const char *text, *mailbox;
		uint32_t validity, uid, n_part, offset, length;
	} good[] = {
		{ "/a/;UID=7", "a", 0, 7, 0, 0, 0 },
		{ "/inBOX;uidvalidity=9/;uid=7", "INBOX", 9, 7, 0, 0, 0 },
		/* RFC 5092 5: slashes of names, and %-encoded UTF-8. */
		{ "/a/b%20%C3%A9%3B/;UID=1/;SECTION=1.2", "a/b \xc3\xa9;", 0, 1,
			2, 0, 0 },
		{ "/a/;UID=1/;section=3.mime/;PARTIAL=5.6", "a", 0, 1, 1, 5,
			6 },
		{ "/a/;UID=1/;PARTIAL=5", "a", 0, 1, 0, 5, UINT32_MAX },
		{ ";UID=1/;SECTION=TEXT", "", 0, 1, 0, 0, 0 },
	};
	static const char *const bad[] = { "", "/", "/;UID=1", "a/;UID=1",
		"//a/;UID=1", "imap://h/a/;UID=1", "/a", "/a/;UID=0",
		"/a/;UID=1x", "/a/;UID=", "/a;UIDVALIDITY=0/;UID=1",
		"/a;X=1/;UID=1", "/%/;UID=1", "/%0a/;UID=1", "/%ff/;UID=1",
		"/a/;UID=1/;SECTION=", "/a/;UID=1/;SECTION=0",
		"/a/;UID=1/;SECTION=MIME", "/a/;UID=1/;SECTION=1;PARTIAL=1.2",
		"/a/;UID=1/;PARTIAL=1.0", "/a/;UID=1/;PARTIAL=1.2/;SECTION=1",
		"/a/;UID=1/;SECTION=/;PARTIAL=1", "/a/;UID=4294967296" };
	struct arena *a = arena_new(MIB(1));
	struct imap_url u;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(
			url_parse(a, slice_str(good[i].text), &u), ERR_OK);
		assert_true(slice_eqs(u.mailbox, good[i].mailbox));
		assert_int_equal(u.uidvalidity, good[i].validity);
		assert_int_equal(u.uid, good[i].uid);
		assert_int_equal(u.section.n_part, good[i].n_part);
		assert_int_equal(u.section.offset, good[i].offset);
		assert_int_equal(u.section.length, good[i].length);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			url_parse(a, slice_str(bad[i]), &u), ERR_SYNTAX);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf7),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_fetch_items),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
