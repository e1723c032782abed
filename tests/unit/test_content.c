/* SPDX-License-Identifier: EUPL-1.2 */
/* Content lines, the checks of calendar objects and cards, and expansion. */
#include "unit.h"

#include <stdlib.h>

#include <bastide/content.h>
#include <bastide/limits.h>

static struct arena *arena;

static enum err parse(struct slice data, struct content_comp **out)
{
	arena_free(arena);
	arena = arena_new(LIMIT_CONTENT_ARENA);
	return content_parse(arena, data, out);
}

static void lines_and_parameters(void **state)
{
	struct content_comp *root;
	struct buf b;

	assert_int_equal(
		parse(slice_str("BEGIN:A\r\nitem1.N;P=1,\"a:b;c\";Q=:v:w\r\n"
				"LONG:on\r\n e\r\n\t two\n\n"
				"BEGIN:B\nEND:b\nEND:A\r\n"),
			&root),
		ERR_OK);
	const struct content_prop *p = content_prop(root, "n");
	assert_true(slice_eqs(p->group, "item1"));
	assert_true(slice_eqs(p->value, "v:w"));
	assert_true(slice_eqs(p->params->value, "1"));
	assert_true(slice_eqs(p->params->next->value, "a:b;c"));
	assert_true(slice_eqs(content_param(p, "Q")->value, ""));
	assert_null(content_param(p, "R"));
	assert_true(slice_eqs(content_prop(root, "LONG")->value, "one two"));
	assert_true(slice_eqs(root->children->name, "B"));
	buf_init(&b, 100);
	assert_int_equal(
		content_unescape(slice_str("a\\,b\\nc\\\\\\"), &b), ERR_OK);
	assert_true(slice_eqs(buf_slice(&b), "a,b\nc\\\\"));
	buf_free(&b);
}

static void what_is_no_content(void **state)
{
	static const char *const bad[] = { "", "x", "A:b\n", "BEGIN:A\n",
		"BEGIN:A\nEND:B\n", "END:A\n",
		"BEGIN:A\nEND:A\nBEGIN:A\nEND:A\n", "BEGIN:A\nEND:A\nX:y\n",
		"BEGIN:A\nX;Y\nEND:A\n", "BEGIN:A\nX;Y=\"z:v\nEND:A\n",
		"BEGIN:A\n:v\nEND:A\n", "BEGIN:A\na.:v\nEND:A\n" };
	struct content_comp *root;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(slice_str(bad[i]), &root), ERR_SYNTAX);
	assert_int_equal(parse(slice_str("BEGIN:A\nX:\xff\nEND:A\n"), &root),
		ERR_ENCODING);
	assert_int_equal(parse(slice_of("BEGIN:A\nX:\0\nEND:A\n", 18), &root),
		ERR_SYNTAX);
}

static void limits_hold(void **state)
{
	static const struct {
		const char *head, *repeat, *tail;
		size_t n;
		enum err e;
	} rows[] = {
		{ "", "BEGIN:A\n", "", 100000, ERR_LIMIT },
		{ "BEGIN:A\n", "BEGIN:B\nEND:B\n", "END:A\n", 3000, ERR_LIMIT },
		{ "BEGIN:A\n", "B:\n", "END:A\n", 60000, ERR_LIMIT },
		{ "BEGIN:A\n", "B:\n", "END:A\n", 40000, ERR_OK },
		{ "BEGIN:A\nX", ";B=", ":\nEND:A\n", 60000, ERR_LIMIT },
		{ "BEGIN:A\nX:", "\n x", "\nEND:A\n", 1000000, ERR_OK },
	};
	struct content_comp *root;
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_init(&b, MIB(8));
		buf_adds(&b, rows[i].head);
		for (size_t k = 0; k < rows[i].n; k++)
			buf_adds(&b, rows[i].repeat);
		buf_adds(&b, rows[i].tail);
		assert_int_equal(parse(buf_slice(&b), &root), rows[i].e);
		buf_free(&b);
	}
}

#define CAL(inside) "BEGIN:VCALENDAR\nVERSION:2.0\n" inside "END:VCALENDAR\n"
#define EVENT(inside) "BEGIN:VEVENT\nUID:u\n" inside "END:VEVENT\n"

static void calendar_objects(void **state)
{
	static const struct {
		const char *text;
		enum err e;
	} rows[] = {
		{ CAL(EVENT("DTSTART:20260101T000000Z\n")), ERR_OK },
		{ CAL(EVENT("")), ERR_SYNTAX },
		{ "BEGIN:VCALENDAR\nEND:VCALENDAR\n", ERR_SYNTAX },
		{ CAL(""), ERR_TYPE },
		{ CAL("BEGIN:VTODO\nUID: u\nEND:VTODO\n"), ERR_OK },
		{ CAL("BEGIN:VTODO\nUID:\nEND:VTODO\n"), ERR_TYPE },
		{ CAL("BEGIN:VTODO\nUID:u\nEND:VTODO\n"
		      "BEGIN:VTODO\nUID:v\nEND:VTODO\n"),
			ERR_TYPE },
		{ CAL("BEGIN:VTODO\nUID:u\nEND:VTODO\n"
		      "BEGIN:VJOURNAL\nUID:u\nEND:VJOURNAL\n"),
			ERR_TYPE },
		{ CAL("METHOD:PUBLISH\nBEGIN:VTODO\nUID:u\nEND:VTODO\n"),
			ERR_TYPE },
		{ CAL("BEGIN:VFREEBUSY\nUID:u\nEND:VFREEBUSY\n"),
			ERR_UNSUPPORTED },
	};
	struct content_comp *root;
	struct content_info info;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(parse(slice_str(rows[i].text), &root), ERR_OK);
		if (ical_check(root, &info) != rows[i].e)
			fail_msg("row %zu", i);
		if (rows[i].e == ERR_OK)
			assert_true(slice_eqs(info.uid, "u"));
	}
}

static void cards(void **state)
{
	static const struct {
		const char *text;
		enum err e;
	} rows[] = {
		{ "BEGIN:VCARD\nVERSION:3.0\nUID:u\nFN:x\nEND:VCARD\n",
			ERR_OK },
		{ "BEGIN:vcard\nVERSION:4.0\nUID:u\nFN:x\nEND:VCARD\n",
			ERR_OK },
		{ "BEGIN:VCARD\nVERSION:2.1\nUID:u\nFN:x\nEND:VCARD\n",
			ERR_UNSUPPORTED },
		{ "BEGIN:VCARD\nUID:u\nFN:x\nEND:VCARD\n", ERR_SYNTAX },
		{ "BEGIN:VCARD\nVERSION:3.0\nUID:u\nEND:VCARD\n", ERR_SYNTAX },
		{ "BEGIN:VCARD\nVERSION:3.0\nFN:x\nEND:VCARD\n", ERR_TYPE },
		{ "BEGIN:VCARD\nVERSION:3.0\nFN:x\nUID:\nEND:VCARD\n",
			ERR_TYPE },
		{ CAL(EVENT("")), ERR_SYNTAX },
	};
	struct content_comp *root;
	struct content_info info;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(parse(slice_str(rows[i].text), &root), ERR_OK);
		if (vcard_check(root, &info) != rows[i].e)
			fail_msg("row %zu", i);
	}
}

/* The worker sees times and nothing else. */
static void the_reduced_copy(void **state)
{
	struct content_comp *root;
	struct buf b;

	assert_int_equal(
		parse(slice_str(CAL(
			      "BEGIN:VTIMEZONE\nTZID:Z\nX-SECRET:1\nBEGIN:"
			      "STANDARD\n"
			      "TZNAME:secret\nTZOFFSETTO:+0100\nEND:STANDARD\n"
			      "END:VTIMEZONE\n" EVENT(
				      "SUMMARY:secret\nATTENDEE:mailto:secret@"
				      "x\n"
				      "DTSTART;TZID=Z;X-P=secret:"
				      "20260101T000000\n"
				      "DTEND;TZID=secret:20260101T010000\n"
				      "BEGIN:VALARM\nTRIGGER:secret\nEND:"
				      "VALARM\n"))),
			&root),
		ERR_OK);
	buf_init(&b, 10000);
	assert_int_equal(ical_reduce(root, &b), ERR_OK);
	buf_addc(&b, 0);
	assert_non_null(strstr(b.p, "DTSTART;TZID=Z:20260101T000000\r\n"));
	assert_non_null(strstr(b.p, "DTEND:20260101T010000\r\n"));
	assert_non_null(strstr(b.p, "TZOFFSETTO:+0100\r\n"));
	assert_null(strstr(b.p, "secret"));
	assert_null(strstr(b.p, "SECRET"));
	assert_null(strstr(b.p, "ALARM"));
	buf_free(&b);
}

static void moments(void **state)
{
	static const struct {
		const char *text;
		int64_t at; /* -1: refused */
	} rows[] = {
		{ "19700101T000000Z", 0 },
		{ "20260310T100000Z", 1773136800 },
		{ "20240229T235960Z", 1709251200 },
		{ "16010101T000000Z", -11644473600 },
		{ "20260310T100000", -1 },
		{ "20260310", -1 },
		{ "20261310T100000Z", -1 },
		{ "20260310T240000Z", -1 },
		{ "2026031xT100000Z", -1 },
	};
	int64_t at;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		at = -1;
		enum err e = ical_utc(slice_str(rows[i].text), &at);
		assert_int_equal(e == ERR_OK, rows[i].at != -1);
		assert_int_equal(at, rows[i].at);
	}
}

#define DAY 86400LL
#define T0 1773136800 /* 2026-03-10 10:00 UTC */
#define AT0 "DTSTART:20260310T100000Z\n"

static void expansion(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		int64_t first, length, last, horizon;
	} rows[] = {
		{ CAL(EVENT(AT0)), 1, T0, 0, T0, INT64_MAX },
		{ CAL(EVENT(AT0 "DURATION:PT1H\n")), 1, T0, 3600, T0,
			INT64_MAX },
		/* An end before its start is no length. */
		{ CAL(EVENT(AT0 "DTEND:20260309T100000Z\n")), 1, T0, 0, T0,
			INT64_MAX },
		{ CAL(EVENT("DTSTART;VALUE=DATE:20260310\n")), 1, T0 - 36000,
			86400, T0 - 36000, INT64_MAX },
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY;COUNT=5\n")), 5, T0, 0,
			T0 + 4 * 86400, INT64_MAX },
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY\n")), LIMIT_SPANS, T0, 0,
			T0 + (LIMIT_SPANS - 1) * 86400LL,
			T0 + LIMIT_SPANS * 86400LL },
		{ CAL(EVENT(AT0 "RRULE:FREQ=SECONDLY\n")), 1, T0, 0, T0, T0 },
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY;COUNT=3\n"
				"EXDATE:20260310T100000Z\n")),
			2, T0 + 86400, 0, T0 + 2 * 86400, INT64_MAX },
		{ CAL(EVENT(AT0 "RDATE;VALUE=PERIOD:20260312T100000Z/PT2H\n")),
			2, T0, 0, T0 + 2 * 86400, INT64_MAX },
		{ CAL("BEGIN:VTODO\nUID:u\nEND:VTODO\n"), 0, 0, 0, 0,
			INT64_MIN },
		{ CAL("BEGIN:VTODO\nUID:u\nDUE:20260310T100000Z\nEND:VTODO\n"),
			1, T0 - 1, 1, T0 - 1, INT64_MAX },
		{ CAL("BEGIN:VJOURNAL\nUID:u\nEND:VJOURNAL\n"), 0, 0, 0, 0,
			INT64_MAX },
	};
	static struct span spans[LIMIT_SPANS];
	int64_t horizon;
	size_t n;

	ical_warm_up();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(ical_expand(slice_str(rows[i].text), spans, &n,
					 &horizon),
			ERR_OK);
		if (n != rows[i].n || horizon != rows[i].horizon)
			fail_msg("row %zu: %zu spans, horizon %lld", i, n,
				(long long)horizon);
		if (!n)
			continue;
		assert_int_equal(spans[0].start, rows[i].first);
		assert_int_equal(spans[0].end - spans[0].start, rows[i].length);
		assert_int_equal(spans[n - 1].start, rows[i].last);
	}
	assert_int_equal(
		ical_expand(slice_str("nonsense"), spans, &n, &horizon),
		ERR_SYNTAX);
	assert_int_equal(ical_expand(slice_str(CAL(EVENT("DTSTART:soon\n"))),
				 spans, &n, &horizon),
		ERR_SYNTAX);
}

static void instances_of_a_range(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		size_t n;
		struct instance first;
	} rows[] = {
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY\n")), ERR_OK, 2,
			{ 0, 0, T0 + 9 * DAY, T0 + 9 * DAY, T0 + 9 * DAY } },
		{ CAL(EVENT("DTSTART:20260310T100000\n"
			    "RRULE:FREQ=DAILY;INTERVAL=9\nDURATION:PT1H\n")),
			ERR_OK, 1,
			{ 0, INSTANCE_FLOATING, T0 + 9 * DAY,
				T0 + 9 * DAY + 3600, T0 + 9 * DAY } },
		{ CAL(EVENT("DTSTART;VALUE=DATE:20260319\n")), ERR_OK, 1,
			{ 0, INSTANCE_DATE, T0 - 36000 + 9 * DAY,
				T0 - 36000 + 10 * DAY, T0 - 36000 + 9 * DAY } },
		/* Moved out of the range, and into it. */
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY;COUNT=10\n")
				  EVENT("RECURRENCE-ID:20260319T100000Z\n"
					"DTSTART:20260401T100000Z\n")),
			ERR_OK, 1,
			{ 1, INSTANCE_MOVED, T0 + 22 * DAY, T0 + 22 * DAY,
				T0 + 9 * DAY } },
		{ CAL(EVENT(AT0 "RRULE:FREQ=DAILY;COUNT=2\n")
				  EVENT("RECURRENCE-ID:20260311T100000Z\n"
					"DTSTART:20260319T090000Z\n")),
			ERR_OK, 1,
			{ 1, 0, T0 + 9 * DAY - 3600, T0 + 9 * DAY - 3600,
				T0 + DAY } },
		{ CAL("BEGIN:VTODO\nUID:u\nEND:VTODO\n"), ERR_OK, 1,
			{ 0, INSTANCE_WHOLE, 0, 0, 0 } },
		{ CAL(EVENT(AT0 "RRULE:FREQ=SECONDLY\n")), ERR_LIMIT, 0,
			{ 0 } },
		{ CAL(EVENT(AT0)), ERR_OK, 0, { 0 } },
	};
	static struct instance list[100];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* 2026-03-19 and -20, whole days */
		enum err e = ical_instances(slice_str(rows[i].text),
			T0 - 36000 + 9 * DAY, T0 - 36000 + 11 * DAY, list, 100,
			&n);
		if (e != rows[i].err || (e == ERR_OK && n != rows[i].n))
			fail_msg("row %zu: err %d, %zu instances", i, e, n);
		if (e == ERR_OK && n &&
			memcmp(&list[0], &rows[i].first, sizeof(list[0])) != 0)
			fail_msg("row %zu: %u %u %lld %lld %lld", i,
				list[0].component, list[0].flags,
				(long long)list[0].start,
				(long long)list[0].end,
				(long long)list[0].recurrence);
	}
}

/* Written and read again, it is the same; no line is too long, no character
 * is cut. */
static void lines_are_folded(void **state)
{
	char text[1000];
	struct content_comp *root;
	struct buf b;
	size_t line = 0;

	strcpy(text, "BEGIN:A\nX;P=\"a:b\";Q=c:");
	for (size_t i = 0; i < 150; i++)
		strcat(text, i % 3 ? "\xc3\xa9" : "x");
	strcat(text, "\nEND:A\n");
	assert_int_equal(content_parse(arena, slice_str(text), &root), ERR_OK);
	buf_init(&b, 10000);
	content_put_line(&b, "BEGIN", root->name);
	content_put_prop(&b, root->props, true);
	content_put_line(&b, "END", root->name);
	for (size_t i = 0; i < b.n; i++) {
		line = b.p[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 76); /* 75 and its CR */
		if (line == 1 && b.p[i] == ' ')
			assert_true(((unsigned char)b.p[i + 1] & 0xc0) != 0x80);
	}
	struct content_comp *again;
	assert_int_equal(content_parse(arena, buf_slice(&b), &again), ERR_OK);
	assert_true(slice_eq(again->props->value, root->props->value));
	assert_true(slice_eqs(content_param(again->props, "P")->value, "a:b"));
	buf_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_parameters),
		cmocka_unit_test(what_is_no_content),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(calendar_objects),
		cmocka_unit_test(cards),
		cmocka_unit_test(the_reduced_copy),
		cmocka_unit_test(moments),
		cmocka_unit_test(expansion),
		cmocka_unit_test(instances_of_a_range),
		cmocka_unit_test(lines_are_folded),
	};
	int bad = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(arena);
	return bad;
}
