/* SPDX-License-Identifier: EUPL-1.2 */
/* IMAP framing: a table of dialogues, each fed whole, byte by byte, and in
 * random cuts, always with the same outcome. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <bastide/frame.h>

#define MAX 60

/* What the caller answers to an announced literal. */
enum answer { COLLECT_IT, STREAM_IT, DISCARD_IT };

struct row {
	struct slice in;
	enum answer answer;
	const char *log; /* D(line) done, X discarded, B err, L size, S data */
};

static const struct row rows[] = {
	{ SLICE("a NOOP\r\nb NOOP\r\n"), COLLECT_IT, "D(a NOOP)D(b NOOP)" },
	{ SLICE("\r\n"), COLLECT_IT, "D()" },
	{ SLICE("a LOGIN {3}\r\nabc {2+}\r\nde\r\nb NOOP\r\n"), COLLECT_IT,
		"L3L2+D(a LOGIN {3}|abc {2+}|de)D(b NOOP)" },
	{ SLICE("a X {0}\r\n\r\n"), COLLECT_IT, "L0D(a X {0}|)" },
	{ SLICE("a X ~{3}\r\n\r\0\n\r\n"), STREAM_IT, "L3~S(|0|)D(a X ~{3}|)" },
	{ SLICE("a X {4+}\r\nabcd (x)\r\n"), STREAM_IT,
		"L4+S(abcd)D(a X {4+}| (x))" },
	/* A refused "{n}" does not come: the next line is a command. */
	{ SLICE("a X {5}\r\nb NOOP\r\n"), DISCARD_IT,
		"L5D(a X {5}|)X D(b NOOP)" },
	/* A refused "{n+}" comes and is swallowed, with what follows. */
	{ SLICE("a X {6+}\r\nb X\r\n! {3}\r\nc NOOP\r\n"), DISCARD_IT,
		"L6+D(a X {6+}| {3}|)X D(c NOOP)" },
	{ SLICE("a X {6+}\r\nb X\r\n! {3+}\r\nxyz\r\nc NOOP\r\n"), DISCARD_IT,
		"L6+D(a X {6+}| {3+}|)X D(c NOOP)" },
	/* Framing faults, and that the next command is found. */
	{ SLICE("a NO\nb NOOP\r\n"), COLLECT_IT, "Bsyntax(a NO|)D(b NOOP)" },
	{ SLICE("a NO\rOP\r\nb NOOP\r\n"), COLLECT_IT,
		"Bsyntax(a NO|OP|)D(b NOOP)" },
	{ SLICE("a \0NOOP\r\nb NOOP\r\n"), COLLECT_IT,
		"Bsyntax(a 0NOOP|)D(b NOOP)" },
	{ SLICE("a \0 {3+}\r\nx\r\n\r\nb NOOP\r\n"), COLLECT_IT,
		"Bsyntax(a 0 {3+}|)D(b NOOP)" },
	{ SLICE("a {99999999999999999999+}\r\nb NOOP\r\n"), COLLECT_IT,
		"Blimit(a {99999999999999999999+}|)D(b NOOP)" },
	/* Too long: 60 bytes are kept, the rest is swallowed. */
	{ SLICE("a 3456789 123456789 123456789 123456789 123456789 123456789 "
		"too long\r\nb NOOP\r\n"),
		COLLECT_IT,
		"Blimit(a 3456789 123456789 123456789 123456789 123456789 "
		"123456789 )D(b NOOP)" },
	{ SLICE("a 3456789 123456789 123456789 123456789 123456789 123456789 "
		"{8+}\r\nb NOOP\r\n\r\nc NOOP\r\n"),
		COLLECT_IT,
		"Blimit(a 3456789 123456789 123456789 123456789 123456789 "
		"123456789 )D(c NOOP)" },
	{ SLICE("a 3456789 123456789 123456789 123456789 123456789 12345678 "
		"{8}\r\nc NOOP\r\n"),
		COLLECT_IT,
		"Blimit(a 3456789 123456789 123456789 123456789 123456789 "
		"12345678 {)D(c NOOP)" },
	/* A literal that does not fit is swallowed too. */
	{ SLICE("a {61+}\r\n23456789 123456789 123456789 123456789 123456789 "
		"123456789 12\r\nb NOOP\r\n"),
		COLLECT_IT, "L61+Blimit(a {61+}|)D(b NOOP)" },
	/* No announcements. */
	{ SLICE("a {}\r\nb {x}\r\nc 3}\r\nd {3} \r\n"), COLLECT_IT,
		"D(a {})D(b {x})D(c 3})D(d {3} )" },
};

/* CR and LF as "|" in pairs, alone too; NUL as "0". */
static void note(struct buf *log, const char *what, struct slice s)
{
	buf_addf(log, "%s(", what);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
			continue;
		buf_addc(log, s.p[i] == '\r' || s.p[i] == '\n' ? '|'
			      : s.p[i] == '\0'                 ? '0'
							       : s.p[i]);
	}
	buf_addc(log, ')');
}

static void on_literal(
	struct imap_framer *f, enum answer answer, struct buf *log)
{
	buf_addf(log, "L%llu%s%s", (unsigned long long)f->literal_size,
		f->literal_sync ? "" : "+", f->literal_binary ? "~" : "");
	if (answer == COLLECT_IT)
		imap_framer_collect(f);
	else if (answer == STREAM_IT)
		imap_framer_stream(f);
	else
		imap_framer_discard(f);
}

struct feeder {
	struct imap_framer f;
	const struct row *row;
	struct buf log, data;
};

static void feed(struct feeder *x, struct slice in)
{
	for (;;) {
		size_t taken;
		enum frame_step step = imap_framer_step(&x->f, in, &taken);
		in = slice_from(in, taken);
		if (step == FRAME_DATA)
			buf_add_slice(&x->data, x->f.data);
		if (step != FRAME_DATA && step != FRAME_MORE && x->data.n) {
			note(&x->log, "S", buf_slice(&x->data));
			buf_reset(&x->data);
		}
		if (step == FRAME_LITERAL)
			on_literal(&x->f, x->row->answer, &x->log);
		if (step == FRAME_DONE) {
			note(&x->log, "D", buf_slice(&x->f.line));
			if (x->f.discarded)
				buf_adds(&x->log, "X ");
			imap_framer_reset(&x->f);
		}
		if (step == FRAME_BAD) {
			buf_addf(&x->log, "B%s", err_info(x->f.err)->name);
			note(&x->log, "", buf_slice(&x->f.line));
		}
		if (step == FRAME_MORE && !in.n)
			return;
	}
}

static void run(const struct row *row, size_t (*cut)(size_t left))
{
	struct feeder x = { .row = row };

	imap_framer_init(&x.f, MAX);
	buf_init(&x.log, 4096);
	buf_init(&x.data, 4096);
	for (struct slice in = row->in; in.n;) {
		size_t n = cut(in.n);
		feed(&x, slice_head(in, n));
		in = slice_from(in, n);
	}
	buf_addc(&x.log, '\0');
	assert_string_equal(x.log.p, row->log);
	imap_framer_free(&x.f);
	buf_free(&x.log);
	buf_free(&x.data);
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

static void test_dialogues(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run(&rows[i], cut_whole);
		run(&rows[i], cut_byte);
		for (int k = 0; k < 50; k++)
			run(&rows[i], cut_random);
	}
}

/* A swallowed literal of any size costs no memory. */
static void test_swallow_is_cheap(void **state)
{
	static char block[65536];
	struct imap_framer f;
	size_t taken;
	struct slice in = slice_str("a X {10737418240+}\r\n");

	imap_framer_init(&f, MAX);
	assert_int_equal(imap_framer_step(&f, in, &taken), FRAME_LITERAL);
	imap_framer_discard(&f);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			imap_framer_step(
				&f, slice_of(block, sizeof(block)), &taken),
			FRAME_MORE);
	assert_int_equal(f.literal_left, 10737418240 - 655360);
	assert_true(f.line.cap <= MAX);
	imap_framer_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_swallow_is_cheap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
