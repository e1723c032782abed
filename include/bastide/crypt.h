/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The few primitives that processes outside the store need: digests under a
 * key, derived keys, and a sealed box for small files. On OpenSSL; the store
 * has its own (store/seal.c).
 */
#ifndef BASTIDE_CRYPT_H
#define BASTIDE_CRYPT_H

#include <bastide/buf.h>

/* From the kernel-seeded DRBG. ERR_IO when it fails: do not go on. */
MUST_CHECK enum err random_bytes(void *out, size_t n);
MUST_CHECK enum err sha256(struct slice data, uint8_t out[32]);
/* The same, of bytes that come in pieces. */
struct digest;
MUST_CHECK enum err digest_new(struct digest **out);
void digest_add(struct digest *d, struct slice data);
/* Once, at the end. */
MUST_CHECK enum err digest_value(struct digest *d, uint8_t out[32]);
void digest_free(struct digest *d);
MUST_CHECK enum err hmac_sha256(
	struct slice key, struct slice data, uint8_t out[32]);
/* RFC 5869 with `info` as its purpose. */
MUST_CHECK enum err hkdf_sha256(struct slice key, const char *info,
	struct slice context, uint8_t out[32]);
MUST_CHECK enum err pbkdf2_sha256(struct slice password, struct slice salt,
	uint32_t iterations, uint8_t out[32]);
/* RFC 7914; N = 2^log2_n, r = 8, p = 1. */
MUST_CHECK enum err scrypt_key(struct slice passphrase, struct slice salt,
	unsigned log2_n, uint8_t out[32]);

/* AES-256-GCM under a 32-byte key with a random nonce: nonce, ciphertext, tag.
 * For files rewritten rarely (far below 2^32 times under one key). `context`
 * says what and whose it is; it must be the same to open. */
#define BOX_OVERHEAD 28
MUST_CHECK enum err box_seal(const uint8_t key[32], struct slice context,
	struct slice plain, struct buf *out);
/* ERR_CORRUPT: nothing is added to `out`. */
MUST_CHECK enum err box_open(const uint8_t key[32], struct slice context,
	struct slice box, struct buf *out);

/* What later calls load lazily (providers, DRBG) is loaded now: afterwards no
 * file is opened. Call before the walls go up. */
MUST_CHECK enum err crypt_warm_up(void);

#endif
