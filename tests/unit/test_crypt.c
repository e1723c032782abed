/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit.h"

#include <bastide/crypt.h>

static void assert_hex(const uint8_t *got, const char *hex)
{
	uint8_t want[32];

	assert_int_equal(hex_decode(slice_str(hex), want, 32), ERR_OK);
	assert_memory_equal(got, want, 32);
}

static void test_vectors(void **state)
{
	uint8_t out[32];

	assert_int_equal(sha256(slice_str("abc"), out), ERR_OK);
	assert_hex(out, "ba7816bf8f01cfea414140de5dae2223"
			"b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231 4.3 */
	assert_int_equal(
		hmac_sha256(slice_str("Jefe"),
			slice_str("what do ya want for nothing?"), out),
		ERR_OK);
	assert_hex(out, "5bdcc146bf60754e6a042426089575c7"
			"5a003f089d2739839dec58b964ec3843");
	/* RFC 7914 11 */
	assert_int_equal(
		pbkdf2_sha256(slice_str("passwd"), slice_str("salt"), 1, out),
		ERR_OK);
	assert_hex(out, "55ac046e56e3089fec1691c22544b605"
			"f94185216dde0465e68b9d57c20dacbc");
}

static void test_scrypt(void **state)
{
	uint8_t a[32], b[32];

	assert_int_equal(
		scrypt_key(slice_str("pass"), slice_str("salt"), 10, a),
		ERR_OK);
	assert_int_equal(
		scrypt_key(slice_str("pasS"), slice_str("salt"), 10, b),
		ERR_OK);
	assert_memory_not_equal(a, b, 32);
	/* What N = 2^17 takes in memory is allowed. */
	assert_int_equal(
		scrypt_key(slice_str("pass"), slice_str("salt"), 17, b),
		ERR_OK);
}

static void test_hkdf_keeps_apart(void **state)
{
	static const uint8_t key[32] = { 1 };
	uint8_t a[32], b[32];

	assert_int_equal(
		hkdf_sha256(slice_of(key, 32), "ab", slice_str("c"), a),
		ERR_OK);
	assert_int_equal(
		hkdf_sha256(slice_of(key, 32), "a", slice_str("bc"), b),
		ERR_OK);
	assert_memory_not_equal(a, b, 32);
}

static void test_box(void **state)
{
	static const uint8_t key[32] = { 1 }, other[32] = { 2 };
	struct buf box, plain;

	buf_init(&box, 1000);
	buf_init(&plain, 1000);
	assert_int_equal(
		box_seal(key, slice_str("ctx"), slice_str("secret"), &box),
		ERR_OK);
	assert_int_equal(box.n, 6 + BOX_OVERHEAD);
	assert_int_equal(
		box_open(key, slice_str("ctx"), buf_slice(&box), &plain),
		ERR_OK);
	assert_true(slice_eqs(buf_slice(&plain), "secret"));
	buf_reset(&plain);
	assert_int_equal(
		box_open(key, slice_str("ctX"), buf_slice(&box), &plain),
		ERR_CORRUPT);
	assert_int_equal(
		box_open(other, slice_str("ctx"), buf_slice(&box), &plain),
		ERR_CORRUPT);
	for (size_t n = 0; n < box.n; n++)
		assert_int_equal(box_open(key, slice_str("ctx"),
					 slice_of(box.p, n), &plain),
			ERR_CORRUPT);
	for (size_t i = 0; i < box.n; i++) {
		box.p[i] ^= 1;
		assert_int_equal(box_open(key, slice_str("ctx"),
					 buf_slice(&box), &plain),
			ERR_CORRUPT);
		box.p[i] ^= 1;
	}
	assert_int_equal(plain.n, 0);
	buf_free(&box);
	buf_free(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_scrypt),
		cmocka_unit_test(test_hkdf_keeps_apart),
		cmocka_unit_test(test_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
