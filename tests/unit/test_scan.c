/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/mail.h>

struct scanned {
	struct arena *arena;
	struct buf envelope, structure;
	struct mail_structure s;
};

static void scan_in_pieces(struct scanned *r, struct slice text, size_t piece)
{
	struct mail_scan *scan;

	r->arena = arena_new(MIB(8));
	buf_init(&r->envelope, MIB(1));
	buf_init(&r->structure, MIB(8));
	assert_int_equal(mail_scan_new(&scan), ERR_OK);
	while (text.n) {
		assert_int_equal(
			mail_scan_feed(scan, slice_head(text, piece)), ERR_OK);
		text = slice_from(text, piece);
	}
	assert_int_equal(
		mail_scan_end(scan, &r->envelope, &r->structure), ERR_OK);
	mail_scan_free(scan);
	assert_int_equal(mail_structure_unpack(
				 r->arena, buf_slice(&r->structure), &r->s),
		ERR_OK);
}

static void done(struct scanned *r)
{
	arena_free(r->arena);
	buf_free(&r->envelope);
	buf_free(&r->structure);
}

/* One line a part: depth, type/subtype, body in <>, lines. */
static void dump(struct buf *b, struct slice text, const struct scanned *r)
{
	for (size_t i = 0; i < r->s.n; i++) {
		const struct mail_part *p = &r->s.parts[i];
		for (const struct mail_part *up = p; up->parent != MAIL_NO_PART;
			up = &r->s.parts[up->parent])
			buf_addc(b, '.');
		buf_addf(b, "%.*s/%.*s", SLICE_ARG(p->type),
			SLICE_ARG(p->subtype));
		if (p->kind != MAIL_MULTIPART)
			buf_addf(b, " %u", p->body_lines);
		assert_true(
			p->header_start + (uint64_t)p->header_size <= text.n);
		assert_true(p->body_start + (uint64_t)p->body_size <= text.n);
		if (p->kind == MAIL_LEAF)
			buf_addf(b, " <%.*s>", (int)p->body_size,
				text.p + p->body_start);
		buf_addc(b, '\n');
	}
	buf_addc(b, 0);
}

static const struct {
	const char *text, *want;
} rows[] = {
	{ "Subject: x\r\n\r\nbody\r\nmore\r\n",
		"text/plain 2 <body\r\nmore\r\n>\n" },
	{ "", "text/plain 0 <>\n" },
	{ "\r\n", "text/plain 0 <>\n" },
	{ "Subject: only a header\r\n", "text/plain 0 <>\n" },
	{ "no header at all, no end", "text/plain 0 <>\n" },
	{ "A: b\n\nbare LF\n", "text/plain 1 <bare LF\n>\n" },
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
	  "--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n\r\n"
	  "--b--\r\nepilogue\r\n",
		"multipart/mixed\n.text/plain 0 <one>\n"
		".text/html 1 <<p>\r\n>\n" },
	/* the inner ends because the outer's boundary comes */
	{ "Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"
	  "Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n"
	  "\r\nx\r\n--out\r\n\r\ny\r\n--out--\r\n",
		"multipart/mixed\n.multipart/alternative\n"
		"..text/plain 0 <x>\n.text/plain 0 <y>\n" },
	/* one boundary is the start of the other */
	{ "Content-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n"
	  "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n"
	  "--a--\r\n--ab--\r\n",
		"multipart/mixed\n.multipart/mixed\n"
		"..text/plain 0 <x>\n" },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhello\r\n",
		"message/rfc822 3\n.text/plain 1 <hello\r\n>\n" },
	{ "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\n"
	  "Subject: in\r\n\r\nhi\r\n--d--\r\n",
		"multipart/digest\n.message/rfc822 2\n"
		"..text/plain 0 <hi>\n" },
	/* a header cut by a boundary; an empty encapsulated message */
	{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	  "Content-Type: message/rfc822\r\n--b\r\n\r\nz\r\n--b--\r\n",
		"multipart/mixed\n.message/rfc822 0\n"
		"..text/plain 0 <>\n.text/plain 0 <z>\n" },
	/* encoded messages are not looked into */
	{ "Content-Type: message/rfc822\r\n"
	  "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
		"message/rfc822 1 <AAAA\r\n>\n" },
	{ "Content-Type: multipart/mixed\r\n\r\n--no boundary\r\n",
		"text/plain 1 <--no boundary\r\n>\n" },
	{ "Content-Type: nonsense\r\n\r\nx", "text/plain 0 <x>\n" },
};

static void test_trees(void **state)
{
	struct buf b;

	buf_init(&b, 100000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = slice_str(rows[i].text);
		for (size_t piece = 1; piece < 100; piece++) {
			struct scanned r;
			scan_in_pieces(&r, text, piece);
			buf_reset(&b);
			dump(&b, text, &r);
			assert_string_equal(b.p, rows[i].want);
			done(&r);
		}
	}
	buf_free(&b);
}

static void test_find(void **state)
{
	static const char text[] =
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nfirst\r\n--b\r\nContent-Type: "
		"message/rfc822\r\n\r\n"
		"Content-Type: multipart/mixed; "
		"boundary=c\r\n\r\n--c\r\n\r\nin1"
		"\r\n--c\r\n\r\nin2\r\n--c--\r\n--b\r\n"
		"Content-Type: message/rfc822\r\n\r\nS: x\r\n\r\nflat\r\n--b--";
	static const struct {
		uint32_t numbers[4];
		size_t n;
		const char *body; /* NULL: no such part; "": not a leaf */
	} want[] = {
		{ { 0 }, 0, "" },
		{ { 1 }, 1, "first" },
		{ { 2 }, 1, "" },
		{ { 2, 1 }, 2, "in1" },
		{ { 2, 2 }, 2, "in2" },
		{ { 2, 3 }, 2, NULL },
		{ { 2, 1, 1 }, 3, NULL },
		{ { 3, 1 }, 2, "flat" },
		{ { 3, 2 }, 2, NULL },
		{ { 1, 1 }, 2, NULL },
		{ { 4 }, 1, NULL },
	};
	struct scanned r;

	scan_in_pieces(&r, slice_str(text), 10);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct mail_part *p =
			mail_part_find(&r.s, want[i].numbers, want[i].n);
		assert_int_equal(p == NULL, want[i].body == NULL);
		if (p && want[i].body[0])
			assert_true(slice_eqs(
				slice_of(text + p->body_start, p->body_size),
				want[i].body));
	}
	assert_ptr_equal(mail_message_of(&r.s, &r.s.parts[0]), &r.s.parts[0]);
	assert_null(mail_message_of(&r.s, &r.s.parts[1]));
	assert_int_equal(
		mail_message_of(&r.s, &r.s.parts[2])->kind, MAIL_MULTIPART);
	struct mail_envelope e;
	assert_int_equal(
		mail_envelope_unpack(r.arena, r.s.parts[2].envelope, &e),
		ERR_OK);
	done(&r);
}

/* `n` times `piece`, '#' in it counting; bounded whatever the depth. */
static void nested(const char *piece, size_t n, size_t min, size_t max)
{
	struct scanned r;
	struct buf text;

	buf_init(&text, MIB(32));
	for (size_t i = 0; i < n; i++)
		for (const char *p = piece; *p; p++) {
			if (*p == '#')
				buf_add_u64(&text, i);
			else
				buf_addc(&text, *p);
		}
	scan_in_pieces(&r, buf_slice(&text), KIB(64));
	assert_in_range(r.s.n, min, max);
	done(&r);
	buf_free(&text);
}

static void test_depth_and_parts(void **state)
{
	nested("Content-Type: message/rfc822\r\n\r\n", 100000, LIMIT_MIME_DEPTH,
		LIMIT_MIME_DEPTH + 1);
	nested("Content-Type: multipart/mixed; boundary=b#\r\n\r\n--b#\r\n",
		10000, LIMIT_MIME_DEPTH, LIMIT_MIME_DEPTH + 1);
	nested("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	       "--b\r\n\r\n--b\r\n\r\n",
		1, 3, 3);
	struct buf many;
	struct scanned r;
	buf_init(&many, MIB(8));
	buf_adds(&many, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_adds(&many, "--b\r\n\r\n");
	scan_in_pieces(&r, buf_slice(&many), 4096);
	assert_int_equal(r.s.n, LIMIT_MIME_PARTS);
	done(&r);
	buf_free(&many);
}

static void test_pack_is_checked(void **state)
{
	struct scanned r;
	struct mail_structure s;

	scan_in_pieces(&r, slice_str(rows[6].text), 1000);
	for (size_t n = 0; n < r.structure.n; n++)
		assert_int_equal(mail_structure_unpack(r.arena,
					 slice_of(r.structure.p, n), &s),
			ERR_CORRUPT);
	r.structure.p[0]++;
	assert_int_equal(
		mail_structure_unpack(r.arena, buf_slice(&r.structure), &s),
		ERR_VERSION);
	done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_depth_and_parts),
		cmocka_unit_test(test_pack_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
