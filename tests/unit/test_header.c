/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/mail.h>

static void test_fields(void **state)
{
	struct slice rest = slice_str("A: one\r\nB : two\r\n three\r\n"
				      "no field here\r\nC:\r\n\r\nD: body\r\n");
	static const struct {
		const char *name, *value;
	} want[] = {
		{ "A", " one" },
		{ "B", " two\r\n three" },
		{ "", "no field here" },
		{ "C", "" },
	};
	struct mail_field f;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(mail_next_field(&rest, &f));
		assert_true(slice_eqs(f.name, want[i].name));
		assert_true(slice_eqs(f.value, want[i].value));
	}
	assert_false(mail_next_field(&rest, &f));
	assert_true(slice_iprefix(rest, "\r\nD: body"));
}

static void test_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
		int zone;
	} rows[] = {
		{ "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360 },
		{ "Thu, 1 Jan 1970 00:00:00 +0000", 0, 0 },
		{ "29 Feb 2024 23:59:59 +0530", 1709231399, 330 },
	};
	static const char *const bad[] = { "", "yesterday",
		"Fri, 99 Nov 1997 09:55:06 -0600" };
	struct mail_date d;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
			mail_date_parse(slice_str(rows[i].text), &d), ERR_OK);
		assert_int_equal(d.time, rows[i].time);
		assert_int_equal(d.zone, rows[i].zone);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(
			mail_date_parse(slice_str(bad[i]), &d), ERR_SYNTAX);
}

static void test_calendar(void **state)
{
	for (int64_t day = -800000; day < 800000; day += 37) {
		int64_t year;
		unsigned month, d;
		civil_from_days(day, &year, &month, &d);
		assert_true(month >= 1 && month <= 12 && d >= 1 && d <= 31);
		assert_int_equal(days_from_civil(year, month, d), day);
	}
	assert_int_equal(days_from_civil(2000, 3, 1), 11017);
}

static void test_date_print(void **state)
{
	struct buf b;
	struct mail_date d = { 880127706, -360 };

	buf_init(&b, 100);
	mail_date_print(&b, d);
	assert_true(
		slice_eqs(buf_slice(&b), "Fri, 21 Nov 1997 09:55:06 -0600"));
	buf_free(&b);
}

static void test_envelope_round_trip(void **state)
{
	static const char header[] =
		"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
		"From: Ann <a@b>\r\nTo: c@d\r\nTo: e@f\r\n"
		"Subject: one\r\n two\r\nSubject: second is ignored\r\n"
		"Message-ID: <1@b>\r\n\r\n";
	struct arena *a = arena_new(MIB(1));
	struct mail_envelope e, back;
	struct buf pack;

	buf_init(&pack, MIB(1));
	assert_int_equal(mail_envelope_parse(a, slice_str(header), &e), ERR_OK);
	assert_true(slice_eqs(e.subject, "one two"));
	assert_int_equal(e.who[MAIL_TO].n, 2);
	assert_int_equal(mail_envelope_pack(&pack, &e), ERR_OK);
	assert_int_equal(
		mail_envelope_unpack(a, buf_slice(&pack), &back), ERR_OK);
	assert_true(slice_eq(back.subject, e.subject));
	assert_true(slice_eqs(back.who[MAIL_SENDER].list[0].name, "Ann"));
	assert_true(slice_eqs(back.who[MAIL_TO].list[1].host, "f"));
	assert_null(back.in_reply_to.p);
	assert_true(back.has_sent && back.sent.time == 880127706);
	/* Cut anywhere, it is refused; a newer version too. */
	for (size_t n = 0; n < pack.n; n++)
		assert_int_equal(
			mail_envelope_unpack(a, slice_of(pack.p, n), &back),
			ERR_CORRUPT);
	pack.p[0]++;
	assert_int_equal(
		mail_envelope_unpack(a, buf_slice(&pack), &back), ERR_VERSION);
	buf_free(&pack);
	arena_free(a);
}

static void test_params(void **state)
{
	struct arena *a = arena_new(MIB(1));
	struct mail_params p;
	struct slice head;

	assert_int_equal(mail_params_parse(a,
				 slice_str(" text/plain (x; y) ; charset = "
					   "\"a\\\"b\"; name=x y; broken; "
					   "format=flowed"),
				 &head, &p),
		ERR_OK);
	assert_true(slice_eqs(head, "text/plain"));
	assert_true(slice_eqs(mail_param(&p, "CHARSET"), "a\"b"));
	assert_true(slice_eqs(mail_param(&p, "name"), "x"));
	assert_true(slice_eqs(mail_param(&p, "format"), "flowed"));
	assert_null(mail_param(&p, "broken").p);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_date_print),
		cmocka_unit_test(test_envelope_round_trip),
		cmocka_unit_test(test_params),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
