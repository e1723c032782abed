/* SPDX-License-Identifier: EUPL-1.2 */
/* What servers say, and the dots of what they hear. */
#include "unit.h"

#include "smtpd/relay/reply.h"

static const struct {
	const char *in;
	enum frame_step want;
	int code;
	const char *enhanced, *text;
} rows[] = {
	{ "220 hello\r\n", FRAME_DONE, 220, "", "hello" },
	{ "250\r\n", FRAME_DONE, 250, "", "" },
	{ "250 \n", FRAME_DONE, 250, "", "" },
	{ "250-a\r\n250-\r\n250 c\r\n", FRAME_DONE, 250, "", "a\n\nc" },
	{ "550 5.1.1 No such user\r\n", FRAME_DONE, 550, "5.1.1",
		"No such user" },
	{ "550-5.7.1 One\r\n550 5.7.1 Two\r\n", FRAME_DONE, 550, "5.7.1",
		"One\nTwo" },
	{ "451 4.123.999\r\n", FRAME_DONE, 451, "4.123.999", "" },
	/* Another class than the code's, or no code at all. */
	{ "550 4.1.1 x\r\n", FRAME_DONE, 550, "", "4.1.1 x" },
	{ "550 5.1 x\r\n", FRAME_DONE, 550, "", "5.1 x" },
	{ "550 5.1234.1 x\r\n", FRAME_DONE, 550, "", "5.1234.1 x" },
	{ "550 5.1.1x\r\n", FRAME_DONE, 550, "", "5.1.1x" },
	{ "220 hel", FRAME_MORE, 0, "", "" },
	{ "", FRAME_MORE, 0, "", "" },
	{ "250-a\r\n", FRAME_MORE, 250, "", "a" },
	{ "250-a\r\n550 b\r\n", FRAME_BAD, 250, "", "a" },
	{ "hello\r\n", FRAME_BAD, 0, "", "" },
	{ "199 x\r\n", FRAME_BAD, 0, "", "" },
	{ "600 x\r\n", FRAME_BAD, 0, "", "" },
	{ "2500 x\r\n", FRAME_BAD, 0, "", "" },
	{ "25\r\n", FRAME_BAD, 0, "", "" },
	{ "\r\n", FRAME_BAD, 0, "", "" },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply r;
		size_t taken;
		reply_init(&r);
		enum frame_step got =
			reply_step(&r, slice_str(rows[i].in), &taken);
		print_message("# %zu\n", i);
		assert_int_equal(got, rows[i].want);
		if (got != FRAME_BAD) {
			assert_int_equal(r.code, rows[i].code);
			assert_string_equal(r.enhanced, rows[i].enhanced);
			assert_true(
				slice_eqs(buf_slice(&r.text), rows[i].text));
		}
		reply_free(&r);
	}
}

/* What follows a reply belongs to the next one. */
static void test_two(void **state)
{
	struct slice in = slice_str("250-a\r\n250 b\r\n354 go\r\n");
	struct reply r;
	size_t taken;

	reply_init(&r);
	assert_int_equal(reply_step(&r, in, &taken), FRAME_DONE);
	assert_int_equal(taken, 14);
	reply_reset(&r);
	assert_int_equal(
		reply_step(&r, slice_from(in, taken), &taken), FRAME_DONE);
	assert_int_equal(r.code, 354);
	assert_true(slice_eqs(buf_slice(&r.text), "go"));
	reply_free(&r);
}

/* `n` lines, then the last: as many as allowed pass, one more does not. */
static enum frame_step lines(unsigned n)
{
	struct buf b;
	struct reply r;
	size_t taken;

	buf_init(&b, MIB(1));
	for (unsigned i = 1; i < n; i++)
		buf_adds(&b, "250-x\r\n");
	buf_adds(&b, "250 x\r\n");
	reply_init(&r);
	enum frame_step got = reply_step(&r, buf_slice(&b), &taken);
	reply_free(&r);
	buf_free(&b);
	return got;
}

static enum frame_step long_line(size_t n)
{
	struct buf b;
	struct reply r;
	size_t taken;

	buf_init(&b, MIB(1));
	buf_adds(&b, "250 ");
	while (b.n < n)
		buf_addc(&b, 'x');
	reply_init(&r);
	enum frame_step got = reply_step(&r, buf_slice(&b), &taken);
	reply_free(&r);
	buf_free(&b);
	return got;
}

static void test_limits(void **state)
{
	assert_int_equal(lines(LIMIT_REPLY_LINES), FRAME_DONE);
	assert_int_equal(lines(LIMIT_REPLY_LINES + 1), FRAME_BAD);
	/* Without its end yet. */
	assert_int_equal(long_line(LIMIT_REPLY_LINE), FRAME_MORE);
	assert_int_equal(long_line(LIMIT_REPLY_LINE + 1), FRAME_BAD);
}

static void test_extensions(void **state)
{
	struct extensions e;

	extensions_parse(slice_str("mx STARTTLS\nsize 1000\nStartTls\n"
				   "AUTH PLAIN\n8BITMIME\nSMTPUTF8"),
		&e);
	assert_true(e.starttls && e.eightbit && e.utf8 && e.size);
	assert_int_equal(e.size_max, 1000);
	extensions_parse(slice_str("STARTTLS"), &e);
	assert_false(e.starttls); /* the greeting's own line */
	extensions_parse(slice_str("mx\nSIZE\nSIZEX\nXSTARTTLS"), &e);
	assert_true(e.size && !e.starttls);
	assert_int_equal(e.size_max, 0);
	extensions_parse(slice_str("mx\nSIZE abc"), &e);
	assert_false(e.size);
}

static void test_one_line(void **state)
{
	char out[8];

	reply_one_line(slice_str("a\nb\tc\x7f"), out, sizeof(out));
	assert_string_equal(out, "a b c ");
	reply_one_line(slice_str("\xffx"), out, sizeof(out));
	assert_string_equal(out, "?x");
	/* Cut before the character, not in it. */
	reply_one_line(slice_str("abcdef\xc3\xa9"), out, sizeof(out));
	assert_string_equal(out, "abcdef");
}

/* Stuffed in pieces of `n` and read by the framer of our own server. */
static void round_trip(const char *text, size_t n)
{
	struct slice in = slice_str(text);
	struct buf out, back;
	struct dot_framer f;
	bool start = true;

	buf_init(&out, 1000);
	buf_init(&back, 1000);
	while (in.n) {
		dot_stuff(slice_head(in, n), &start, &out);
		in = slice_from(in, n);
	}
	buf_adds(&out, ".\r\n");
	dot_framer_init(&f);
	enum frame_step got = FRAME_DATA;
	for (struct slice rest = buf_slice(&out); got == FRAME_DATA;) {
		size_t taken;
		got = dot_framer_step(&f, rest, &taken);
		if (got == FRAME_DATA)
			buf_add_slice(&back, f.data);
		rest = slice_from(rest, taken);
	}
	assert_int_equal(got, FRAME_DONE);
	assert_true(slice_eqs(buf_slice(&back), text));
	buf_free(&out);
	buf_free(&back);
}

static void test_stuffing(void **state)
{
	static const char *const texts[] = { ".\r\n", "..\r\n.\r\n",
		"a\r\n.\r\nb\r\n", "a.b\r\n..c\r\n", "\r\n.\r\n\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t n = 1; n < 8; n++)
			round_trip(texts[i], n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_stuffing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
