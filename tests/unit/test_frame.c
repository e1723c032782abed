/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines, SMTP DATA, HTTP heads and bodies. */
#include "unit.h"

#include <stdlib.h>

#include <bastide/frame.h>

/* --- lines ------------------------------------------------------------------- */

static void lines(struct slice in, bool bytewise, struct buf *log)
{
	struct buf have;

	buf_init(&have, 1000);
	while (in.n || have.n) {
		size_t n = bytewise && in.n ? 1 : in.n;
		buf_add_slice(&have, slice_head(in, n));
		in = slice_from(in, n);
		enum frame_step step;
		size_t taken;
		do {
			struct slice line;
			enum err e;
			step = line_step(
				buf_slice(&have), 8, &line, &taken, &e);
			if (step == FRAME_DONE)
				buf_addf(log, "[%.*s]", SLICE_ARG(line));
			if (step == FRAME_BAD)
				buf_addf(log, "!%s", err_info(e)->name);
			buf_consume(&have, taken);
		} while (step != FRAME_MORE);
		assert_true(have.n <= 8 + 2);
		if (!in.n)
			break;
	}
	buf_addc(log, '\0');
	buf_free(&have);
}

static void test_lines(void **state)
{
	static const struct {
		struct slice in;
		const char *log;
	} rows[] = {
		{ SLICE("QUIT\r\n"), "[QUIT]" },
		{ SLICE("12345678\r\n\r\nx"), "[12345678][]" },
		{ SLICE("123456789\r\nNOOP\r\n"), "!limit[NOOP]" },
		{ SLICE("1234567890123456789012345678901234\r\nNOOP\r\n"),
			"!limit[NOOP]" },
		{ SLICE("AB\nNOOP\r\n"), "!syntax[NOOP]" },
		{ SLICE("A\rB\r\nNOOP\r\n"), "!syntax[NOOP]" },
		{ SLICE("A\r\r\nNOOP\r\n"), "!syntax[NOOP]" },
	};
	struct buf log;

	buf_init(&log, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int bytewise = 0; bytewise < 2; bytewise++) {
			buf_reset(&log);
			lines(rows[i].in, bytewise, &log);
			assert_string_equal(log.p, rows[i].log);
		}
	buf_free(&log);
}

/* --- DATA ------------------------------------------------------------------ */

static void dots(struct slice in, size_t (*cut)(size_t), struct buf *log)
{
	struct dot_framer f;
	bool done = false;

	dot_framer_init(&f);
	while (in.n && !done) {
		struct slice piece = slice_head(in, cut(in.n));
		in = slice_from(in, piece.n);
		while (piece.n && !done) {
			size_t taken;
			enum frame_step step =
				dot_framer_step(&f, piece, &taken);
			piece = slice_from(piece, taken);
			assert_int_not_equal(step, FRAME_BAD);
			if (step == FRAME_DATA)
				buf_add_slice(log, f.data);
			done = step == FRAME_DONE;
		}
		if (done)
			buf_addf(log, "=%s,%zu", err_info(f.err)->name,
				piece.n + in.n);
	}
	if (!done)
		buf_adds(log, "=more");
	buf_addc(log, '\0');
}

static size_t cut_whole(size_t left)
{
	return left;
}

static size_t cut_byte(size_t left)
{
	return 1;
}

static size_t cut_random(size_t left)
{
	return 1 + (size_t)rand() % left;
}

static void test_dots(void **state)
{
	static const struct {
		struct slice in;
		const char *log;
	} rows[] = {
		{ SLICE(".\r\nQUIT"), "=ok,4" },
		{ SLICE("a\r\n.\r\n"), "a\r\n=ok,0" },
		{ SLICE("..a\r\n...\r\n.\r\n"), ".a\r\n..\r\n=ok,0" },
		{ SLICE(".a\r\n.\r\n"), "a\r\n=ok,0" },
		{ SLICE("a.\r\nb\r\n.\r\n"), "a.\r\nb\r\n=ok,0" },
		/* Smuggling: none of these ends the message. */
		{ SLICE("a\n.\nQUIT\r\n.\r\n"), "a\n.\nQUIT\r\n=syntax,0" },
		{ SLICE("a\n.\r\nQUIT\r\n.\r\n"), "a\n.\r\nQUIT\r\n=syntax,0" },
		{ SLICE("a\r\n.\nQUIT\r\n.\r\n"), "a\r\n\nQUIT\r\n=syntax,0" },
		{ SLICE("a\r.\rQUIT\r\n.\r\n"), "a\r.\rQUIT\r\n=syntax,0" },
		{ SLICE("a\r\n.\rQUIT\r\n.\r\n"), "a\r\nQUIT\r\n=syntax,0" },
		{ SLICE("a\r\n.\r\r\n.\r\n"), "a\r\n\r\n=syntax,0" },
		{ SLICE("a\r\n."), "a\r\n=more" },
		{ SLICE("a\r\n.\r"), "a\r\n=more" },
	};
	struct buf log;

	buf_init(&log, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int k = 0; k < 50; k++) {
			buf_reset(&log);
			dots(rows[i].in,
				k == 0   ? cut_whole
				: k == 1 ? cut_byte
					 : cut_random,
				&log);
			assert_string_equal(log.p, rows[i].log);
		}
	buf_free(&log);
}

/* --- HTTP ------------------------------------------------------------------ */

#define HOST "Host: x\r\n"

static void test_heads(void **state)
{
	static const struct {
		const char *head;
		enum err err;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", ERR_OK },
		{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", ERR_OK },
		{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX },
		{ "PROPFIND /a%20b HTTP/1.1\r\n" HOST
		  "Depth:1\r\nX:\t a b \r\n\r\n",
			ERR_OK },
		{ "GET / HTTP/1.0\r\n\r\n", ERR_OK },
		{ "GET / HTTP/1.1\r\n\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", ERR_SYNTAX },
		{ "GET / HTTP/2.0\r\n" HOST "\r\n", ERR_UNSUPPORTED },
		{ "GET  / HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1 \r\n" HOST "\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\n" HOST "\r\n", ERR_SYNTAX },
		{ "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", ERR_SYNTAX },
		{ "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", ERR_SYNTAX },
		{ "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n",
			ERR_OK },
		{ "PUT / HTTP/1.1\r\n" HOST
		  "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
			ERR_OK },
		{ "PUT / HTTP/1.1\r\n" HOST
		  "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
			ERR_SYNTAX },
		{ "PUT / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n",
			ERR_SYNTAX },
		{ "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n",
			ERR_SYNTAX },
		{ "PUT / HTTP/1.1\r\n" HOST
		  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
			ERR_SYNTAX },
		{ "PUT / HTTP/1.1\r\n" HOST
		  "Transfer-Encoding: gzip, chunked\r\n\r\n",
			ERR_UNSUPPORTED },
		{ "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
			ERR_SYNTAX },
		{ "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
			ERR_SYNTAX },
	};
	struct http_head h;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum err e = http_head_parse(slice_str(rows[i].head), &h);
		if (e != rows[i].err)
			print_message("# row %zu: %s\n", i, rows[i].head);
		assert_int_equal(e, rows[i].err);
	}
	const char *head = rows[3].head;
	for (size_t n = 0; n < strlen(head); n++)
		assert_int_equal(http_head_end(slice_of(head, n)), 0);
	assert_int_equal(http_head_end(slice_str(head)), strlen(head));
	assert_int_equal(http_head_parse(slice_str(head), &h), ERR_OK);
	assert_true(slice_eqs(h.method, "PROPFIND"));
	assert_true(slice_eqs(h.target, "/a%20b"));
	assert_true(slice_eqs(http_field(&h, "depth"), "1"));
	assert_true(slice_eqs(http_field(&h, "X"), "a b"));
	assert_null(http_field(&h, "none").p);
	assert_true(h.keep_alive);
}

static void test_keep_alive(void **state)
{
	static const struct {
		const char *head;
		bool keep, expect;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", true, false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: TE, Close\r\n\r\n",
			false, false },
		{ "GET / HTTP/1.0\r\n\r\n", false, false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true,
			false },
		{ "PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n",
			true, true },
	};
	struct http_head h;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
			http_head_parse(slice_str(rows[i].head), &h), ERR_OK);
		assert_int_equal(h.keep_alive, rows[i].keep);
		assert_int_equal(h.expect, rows[i].expect);
	}
}

static void body(const struct http_head *h, struct slice in,
	size_t (*cut)(size_t), struct buf *log)
{
	struct http_body b;
	enum frame_step step = FRAME_MORE;

	http_body_init(&b, h);
	while (step == FRAME_MORE) {
		struct slice piece = slice_head(in, in.n ? cut(in.n) : 0);
		in = slice_from(in, piece.n);
		do {
			size_t taken;
			step = http_body_step(&b, piece, &taken);
			piece = slice_from(piece, taken);
			if (step == FRAME_DATA)
				buf_add_slice(log, b.data);
		} while (step == FRAME_DATA || (step == FRAME_MORE && piece.n));
		if (step == FRAME_DONE)
			buf_addf(log, "=ok,%zu", piece.n + in.n);
		if (step == FRAME_BAD)
			buf_addf(log, "=%s", err_info(b.err)->name);
		if (step == FRAME_MORE && !in.n) {
			buf_adds(log, "=more");
			break;
		}
	}
	buf_addc(log, '\0');
}

static void test_bodies(void **state)
{
	static const struct {
		bool chunked;
		uint64_t length;
		struct slice in;
		const char *log;
	} rows[] = {
		{ false, 0, SLICE("GET"), "=ok,3" },
		{ false, 3, SLICE("abcGET"), "abc=ok,3" },
		{ false, 4, SLICE("abc"), "abc=more" },
		{ true, 0,
			SLICE("3\r\nabc\r\nA;x="
			      "y\r\n0123456789\r\n0\r\n\r\nGET"),
			"abc0123456789=ok,3" },
		{ true, 0, SLICE("0\r\nTrailer: x\r\n\r\n"), "=ok,0" },
		{ true, 0, SLICE("0\r\n"), "=more" },
		{ true, 0, SLICE("\r\n"), "=syntax" },
		{ true, 0, SLICE("3\nabc"), "=syntax" },
		{ true, 0, SLICE(" 3\r\nabc"), "=syntax" },
		{ true, 0, SLICE("0x3\r\nabc"), "=syntax" },
		{ true, 0, SLICE("3\r\nabcd\r\n0\r\n\r\n"), "abc=syntax" },
		{ true, 0, SLICE("3;\n\r\nabc"), "=syntax" },
		{ true, 0, SLICE("11111111111111111\r\n"), "=limit" },
	};
	struct buf log;

	buf_init(&log, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int k = 0; k < 30; k++) {
			struct http_head h = { .chunked = rows[i].chunked,
				.length = rows[i].length };
			buf_reset(&log);
			body(&h, rows[i].in,
				k == 0   ? cut_whole
				: k == 1 ? cut_byte
					 : cut_random,
				&log);
			assert_string_equal(log.p, rows[i].log);
		}
	buf_free(&log);
}

/* Extensions and trailers that never end are cut off. */
static void test_endless_extension(void **state)
{
	static char junk[LIMIT_HTTP_HEAD + 10];
	struct http_head h = { .chunked = true };
	struct http_body b;
	size_t taken;

	memset(junk, 'x', sizeof(junk));
	memcpy(junk, "1;", 2);
	http_body_init(&b, &h);
	assert_int_equal(
		http_body_step(&b, slice_of(junk, sizeof(junk)), &taken),
		FRAME_BAD);
	assert_int_equal(b.err, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_dots),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_endless_extension),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
