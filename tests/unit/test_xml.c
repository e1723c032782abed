/* SPDX-License-Identifier: EUPL-1.2 */
/* XML of requests: what is read, and what is refused in bounded time. */
#include "unit.h"

#include <time.h>

#include <bastide/limits.h>

#include "../../caldav/xml.h"

static struct arena *arena;

static enum err parse(struct slice body, struct xml_node **out)
{
	arena_free(arena);
	arena = arena_new(XML_ARENA);
	return xml_parse(arena, body, out);
}

static void names_texts_and_attributes(void **state)
{
	struct xml_node *root;
	struct buf b;

	assert_int_equal(parse(slice_str("\xef\xbb\xbf<?xml version=\"1.0\"?>"
					 "<!-- < \" --><a xmlns=\"u:1\" "
					 "x='1&lt;2'> t<b/>"
					 "<![CDATA[<&]]>&#233;</a>"),
				 &root),
		ERR_OK);
	assert_true(xml_is(root, "u:1", "a"));
	assert_true(slice_eqs(xml_attr(root, "x"), "1<2"));
	assert_true(slice_eqs(xml_text(root, arena), "t<&\xc3\xa9"));
	assert_non_null(xml_child(root, "u:1", "b"));
	assert_null(xml_child(root, "u:2", "b"));
	assert_null(xml_next(xml_child(root, "u:1", "b"), "u:1", "b"));
	buf_init(&b, 1000);
	xml_write_inner(&b, root);
	assert_true(slice_eqs(
		buf_slice(&b), " t<b xmlns=\"u:1\"></b>&lt;&amp;\xc3\xa9"));
	buf_free(&b);
}

static void ampersands_in_attributes(void **state)
{
	struct xml_node *root;

	assert_int_equal(
		parse(slice_str("<a xmlns='u:?b&amp;c' x='&amp;#38;1&lt;&amp;' "
				"y='&amp;'/>"),
			&root),
		ERR_OK);
	assert_true(xml_is(root, "u:?b&c", "a"));
	assert_true(slice_eqs(xml_attr(root, "x"), "&#38;1<&"));
	assert_true(slice_eqs(xml_attr(root, "y"), "&"));
}

static void what_is_not_xml(void **state)
{
	static const char *const bad[] = { "", " ", "x", "<a", "<a></b>",
		"<a/><b/>", "<a>&x;</a>", "<!DOCTYPE a><a/>",
		"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<x:a/>",
		"<a>\xff</a>", "<a><![CDATA[x\xc0\xab]]></a>", "<a b=1/>",
		"<a b='' b=''/>" };
	struct xml_node *root;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(slice_str(bad[i]), &root), ERR_SYNTAX);
	assert_int_equal(parse(slice_of("<a>\0</a>", 8), &root), ERR_SYNTAX);
	/* UTF-16, with and without its mark. */
	assert_int_equal(
		parse(slice_of("\xff\xfe<\0a\0/\0>\0", 10), &root), ERR_SYNTAX);
	assert_int_equal(parse(slice_of("<\0a\0/\0>\0", 8), &root), ERR_SYNTAX);
	/* EBCDIC of "<?xm": what no byte scanner here would understand. */
	assert_int_equal(
		parse(slice_str("\x4c\x6f\xa7\x94"), &root), ERR_SYNTAX);
}

struct pattern {
	const char *head, *repeat, *tail;
	size_t n;
	enum err e;
};

static void repeat(struct buf *b, const struct pattern *p)
{
	buf_adds(b, p->head);
	for (size_t i = 0; i < p->n; i++) {
		buf_adds(b, p->repeat);
		if (p->repeat[0] == ' ')
			buf_addf(b, "%zu=\"1\"", i);
	}
	buf_adds(b, p->tail);
}

static void limits_hold_in_time(void **state)
{
	static const struct pattern patterns[] = {
		{ "<a", " a", "/>", 100000, ERR_LIMIT },
		{ "<a", " a", "/>", LIMIT_XML_ATTRIBUTES + 1, ERR_LIMIT },
		{ "<a", " a", "/>", LIMIT_XML_ATTRIBUTES, ERR_OK },
		{ "<a b='", "xxxxxxxx", "'/>", 10000, ERR_LIMIT },
		{ "<a b='", "xxxxxxxx", "'/>", 8000, ERR_OK },
		{ "<a b='>", "=>======", "'/>", 8000, ERR_OK },
		{ "<!-- ", "a=b c=d ", "--><a/>", 60000, ERR_OK },
		{ "<a><![CDATA[", "<<<<====", "]]></a>", 60000, ERR_OK },
		{ "", "<a>", "", 200000, ERR_LIMIT },
		{ "<a>", "<b/>", "</a>", 100000, ERR_LIMIT },
		{ "<a>", "<b/>", "</a>", LIMIT_XML_ELEMENTS - 1, ERR_OK },
		{ "<a>", "&lt;", "</a>", 250000, ERR_OK },
		{ "<a>", "text", "</a>", 250000, ERR_OK },
		{ "<!", "<!--x-->", "", 100000, ERR_SYNTAX },
		{ "<?p ", "????????", "?><a/>", 60000, ERR_OK },
	};
	struct xml_node *root;
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		buf_init(&b, MIB(4));
		repeat(&b, &patterns[i]);
		assert_int_equal(buf_err(&b), ERR_OK);
		clock_t begin = clock();
		enum err e = parse(buf_slice(&b), &root);
		double took = (double)(clock() - begin) / CLOCKS_PER_SEC;
		if (e != patterns[i].e || took > 2)
			fail_msg("row %zu: %s after %.1f s", i,
				err_info(e)->name, took);
		buf_free(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_texts_and_attributes),
		cmocka_unit_test(ampersands_in_attributes),
		cmocka_unit_test(what_is_not_xml),
		cmocka_unit_test(limits_hold_in_time),
	};
	int bad = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(arena);
	return bad;
}
