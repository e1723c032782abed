/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <libetpan/libetpan.h>

#include <bastide/mail.h>

static void print_part(struct buf *b, struct slice s)
{
	if (s.p)
		buf_addf(b, "\"%.*s\"", SLICE_ARG(s));
	else
		buf_adds(b, "NIL");
}

/* ("name" "route" "mailbox" "host")... as IMAP shows it. */
static void print(struct buf *b, const struct mail_addresses *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_addc(b, '(');
		print_part(b, l->list[i].name);
		buf_addc(b, ' ');
		print_part(b, l->list[i].route);
		buf_addc(b, ' ');
		print_part(b, l->list[i].mailbox);
		buf_addc(b, ' ');
		print_part(b, l->list[i].host);
		buf_addc(b, ')');
	}
}

static const struct {
	const char *field, *want;
} rows[] = {
	{ "a@b.example", "(NIL NIL \"a\" \"b.example\")" },
	{ "Ann <a@b.example>", "(\"Ann\" NIL \"a\" \"b.example\")" },
	{ "\"Q. \\\"P\\\"\" <a@b>", "(\"Q. \"P\"\" NIL \"a\" \"b\")" },
	{ "a@b (Real Name)", "(\"Real Name\" NIL \"a\" \"b\")" },
	{ "a@b (a (nested) one)", "(\"a (nested) one\" NIL \"a\" \"b\")" },
	{ "Joe Q. Public <j@x>, b@y",
		"(\"Joe Q. Public\" NIL \"j\" \"x\")(NIL NIL \"b\" \"y\")" },
	{ "=?utf-8?q?=C3=A9?= <e@x>",
		"(\"=?utf-8?q?=C3=A9?=\" NIL \"e\" \"x\")" },
	{ "Team: a@b, c@d;", "(NIL NIL \"Team\" NIL)(NIL NIL \"a\" \"b\")"
			     "(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)" },
	{ "undisclosed-recipients:;",
		"(NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)" },
	{ "<@r1,@r2:a@b>", "(NIL \"@r1,@r2\" \"a\" \"b\")" },
	{ "root", "(NIL NIL \"root\" \"\")" },
	{ "\"quoted local\"@b", "(NIL NIL \"quoted local\" \"b\")" },
	{ "a . b @ c . d", "(NIL NIL \"a.b\" \"c.d\")" },
	{ "a@[127.0.0.1]", "(NIL NIL \"a\" \"[127.0.0.1]\")" },
	{ "J\xc3\xb6rg <j@x>", "(\"J\xc3\xb6rg\" NIL \"j\" \"x\")" },
	{ "Two <t@x> Three <u@y>",
		"(\"Two\" NIL \"t\" \"x\")(\"Three\" NIL \"u\" \"y\")" },
	{ "Broken <a@b", "(\"Broken\" NIL \"a\" \"b\")" },
	{ "folded\r\n <a@b>", "(\"folded\" NIL \"a\" \"b\")" },
	{ ",,, ;", "" },
	{ "", "" },
	{ "(only a comment)", "" },
	{ "<>", "(NIL NIL \"\" \"\")" },
};

static void test_rows(void **state)
{
	struct arena *a = arena_new(MIB(1));
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mail_addresses l;
		buf_reset(&b);
		assert_int_equal(
			mail_addresses_parse(a, slice_str(rows[i].field), &l),
			ERR_OK);
		print(&b, &l);
		buf_addc(&b, 0);
		assert_string_equal(b.p, rows[i].want);
		arena_reset(a);
	}
	buf_free(&b);
	arena_free(a);
}

/* On well-formed lists without comments libetpan is the oracle. */
static void test_against_libetpan(void **state)
{
	static const char *const fields[] = {
		"a@b.example, Ann Other <c@d.example>, \"E, F\" <g@h>",
		"First Last <first.last@sub.domain.example>",
	};
	struct arena *a = arena_new(MIB(1));

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct mailimf_mailbox_list *theirs = NULL;
		struct mail_addresses ours;
		size_t at = 0, n = 0;
		assert_int_equal(mailimf_mailbox_list_parse(fields[i],
					 strlen(fields[i]), &at, &theirs),
			MAILIMF_NO_ERROR);
		assert_int_equal(
			mail_addresses_parse(a, slice_str(fields[i]), &ours),
			ERR_OK);
		for (clistiter *it = clist_begin(theirs->mb_list); it;
			it = clist_next(it), n++) {
			struct mailimf_mailbox *m = clist_content(it);
			struct buf spec;
			buf_init(&spec, 1000);
			buf_addf(&spec, "%.*s@%.*s",
				SLICE_ARG(ours.list[n].mailbox),
				SLICE_ARG(ours.list[n].host));
			assert_true(
				slice_eqs(buf_slice(&spec), m->mb_addr_spec));
			if (m->mb_display_name)
				assert_true(slice_eqs(
					ours.list[n].name, m->mb_display_name));
			buf_free(&spec);
		}
		assert_int_equal(n, ours.n);
		mailimf_mailbox_list_free(theirs);
		arena_reset(a);
	}
	arena_free(a);
}

/* Hostile fields: bounded, whatever they hold. */
static void test_hostile(void **state)
{
	static const char pieces[][4] = { "(", "a,", "<", "\"", "a:", "@", "\\",
		"[", ";", "=?" };
	struct arena *a = arena_new(MIB(4));
	struct buf b;

	buf_init(&b, MIB(1));
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct mail_addresses l;
		buf_reset(&b);
		while (b.n < 120000)
			buf_adds(&b, pieces[i]);
		assert_int_equal(
			mail_addresses_parse(a, buf_slice(&b), &l), ERR_OK);
		assert_true(l.n <= LIMIT_ADDRESSES + 1);
		arena_reset(a);
	}
	buf_free(&b);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_against_libetpan),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
