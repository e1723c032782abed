/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/buf.h>
#include <bastide/mem.h>

static void test_max_is_kept(void **state)
{
	struct buf b;

	buf_init(&b, 300);
	for (int i = 0; i < 300; i++)
		assert_int_equal(buf_addc(&b, 'x'), ERR_OK);
	assert_int_equal(buf_addc(&b, 'x'), ERR_LIMIT);
	assert_int_equal(buf_err(&b), ERR_LIMIT);
	assert_int_equal(b.n, 300);
	buf_reset(&b);
	assert_int_equal(buf_addf(&b, "%d-%s", 42, "ok"), ERR_OK);
	assert_true(slice_eqs(buf_slice(&b), "42-ok"));
	buf_free(&b);
}

static void test_base64(void **state)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = {
		/* RFC 4648 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = { "Zg",
		"Zg=", "Z===", "Zg==Zg==", "Zm 9v", "=", "Zm=v" };
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		base64_encode(&b, slice_str(rows[i].plain));
		assert_true(slice_eqs(buf_slice(&b), rows[i].coded));
		buf_reset(&b);
		assert_int_equal(
			base64_decode(&b, slice_str(rows[i].coded)), ERR_OK);
		assert_true(slice_eqs(buf_slice(&b), rows[i].plain));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_reset(&b);
		assert_int_equal(
			base64_decode(&b, slice_str(bad[i])), ERR_SYNTAX);
	}
	buf_free(&b);
}

static void test_numbers(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add_u64(&b, UINT64_MAX);
	buf_addc(&b, ' ');
	buf_add_u64(&b, 0);
	assert_true(slice_eqs(buf_slice(&b), "18446744073709551615 0"));
	buf_reset(&b);
	buf_add_be64(&b, 0x0102030405060708);
	assert_int_equal(get_be64(b.p), 0x0102030405060708);
	assert_int_equal(get_be16(b.p + 6), 0x0708);
	buf_free(&b);
}

static void test_arena(void **state)
{
	struct arena *a = arena_new(10000);

	for (int round = 0; round < 3; round++) {
		assert_non_null(arena_alloc(a, 9000));
		assert_null(arena_alloc(a, 1001));
		/* A product that would wrap around to 8. */
		assert_null(arena_array(a, uint64_t, SIZE_MAX / 8 + 2));
		struct slice s = arena_copy(a, slice_str("abc"));
		assert_true(slice_eqs(s, "abc"));
		assert_int_equal(s.p[3], 0);
		arena_reset(a);
	}
	arena_free(a);
}

static void test_secret(void **state)
{
	struct secret *s = secret_copy("key", 3);

	assert_int_equal(secret_size(s), 3);
	assert_memory_equal(secret_peek(s), "key", 3);
	secret_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_is_kept),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
