/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/config.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		const char *error; /* begins so */
	} rows[] = {
		{ "", ERR_OK, "" },
		{ "# a comment\n\n  imap_port =  1143 \nhostname=mx.example\n",
			ERR_OK, "" },
		{ "imap_port = 65536\n", ERR_LIMIT,
			"line 1: bad value for 'imap_port'" },
		{ "\nimap_port = x\n", ERR_SYNTAX,
			"line 2: bad value for 'imap_port'" },
		{ "weak_walls = perhaps\n", ERR_SYNTAX,
			"line 1: bad value for 'weak_walls'" },
		{ "hostname =\n", ERR_LIMIT,
			"line 1: bad value for 'hostname'" },
		{ "imap_prt = 1\n", ERR_NOTFOUND,
			"line 1: no such key 'imap_prt'" },
		{ "imap_port\n", ERR_SYNTAX, "line 1: expected" },
		{ "= 5\n", ERR_NOTFOUND, "line 1: no such key ''" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c;
		struct buf error;
		buf_init(&error, 1000);
		assert_int_equal(config_new(&c), ERR_OK);
		assert_int_equal(
			config_parse(c, slice_str(rows[i].text), &error),
			rows[i].err);
		assert_true(slice_iprefix(buf_slice(&error), rows[i].error));
		buf_free(&error);
		config_free(c);
	}
}

static void test_values_travel(void **state)
{
	struct config *a, *b;
	struct buf error, packed;

	buf_init(&error, 1000);
	buf_init(&packed, 100000);
	assert_int_equal(config_new(&a), ERR_OK);
	assert_int_equal(config_new(&b), ERR_OK);
	assert_int_equal(config_num(b, "imap_port"), 143);
	assert_int_equal(
		config_parse(a,
			slice_str("imap_port = 1143\nweak_walls = yes\n"
				  "hostname = mx.example\nhostname = b\n"),
			&error),
		ERR_OK);
	config_pack(a, &packed);
	assert_int_equal(config_unpack(b, buf_slice(&packed)), ERR_OK);
	assert_int_equal(config_num(b, "imap_port"), 1143);
	assert_true(config_bool(b, "weak_walls"));
	assert_string_equal(config_str(b, "hostname"), "b");
	buf_free(&error);
	buf_free(&packed);
	config_free(a);
	config_free(b);
}

/* The sample is a valid file that changes nothing. */
static void test_sample(void **state)
{
	struct config *c;
	struct buf sample, error;

	buf_init(&sample, 100000);
	buf_init(&error, 1000);
	config_sample(&sample);
	assert_int_equal(buf_err(&sample), ERR_OK);
	for (size_t i = 0; i < sample.n; i++)
		if (sample.p[i] == '#' && i && sample.p[i - 1] == '\n' &&
			sample.p[i + 1] != ' ')
			sample.p[i] = ' '; /* take the presets in */
	assert_int_equal(config_new(&c), ERR_OK);
	assert_int_equal(config_parse(c, buf_slice(&sample), &error), ERR_OK);
	assert_int_equal(config_num(c, "imap_port"), 143);
	buf_free(&sample);
	buf_free(&error);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_values_travel),
		cmocka_unit_test(test_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
