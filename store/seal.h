/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: AES-256-GCM, HKDF-SHA256, SHA-256 and random bytes. seal.c is
 * the only file of the store that calls EVP.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include <bastide/mem.h>

#define SEAL_KEY 32
#define SEAL_NONCE 12
#define SEAL_TAG 16
/* A key wrapped under another key: nonce, ciphertext, tag. */
#define SEAL_WRAPPED (SEAL_NONCE + SEAL_KEY + SEAL_TAG)

/* One key, ready for use; by one thread. */
struct seal;
MUST_CHECK enum err seal_new(const uint8_t key[SEAL_KEY], struct seal **out);
void seal_free(struct seal *s);

/* `out` has `n` bytes and may be `in`. */
MUST_CHECK enum err seal_close(struct seal *s, const uint8_t nonce[SEAL_NONCE],
	struct slice aad, const void *in, size_t n, void *out,
	uint8_t tag[SEAL_TAG]);
/* ERR_CORRUPT: it does not verify, and `out` was overwritten with zeros. */
MUST_CHECK enum err seal_open(struct seal *s, const uint8_t nonce[SEAL_NONCE],
	struct slice aad, const void *in, size_t n, void *out,
	const uint8_t tag[SEAL_TAG]);

/* A nonce that is a counter: only under a key that this process life made. */
void seal_counter(uint8_t nonce[SEAL_NONCE], uint64_t n);

/* Random bytes of the DRBG; a process without any cannot go on: ERR_BUG. */
MUST_CHECK enum err seal_random(void *p, size_t n);
MUST_CHECK enum err seal_hash(struct slice data, uint8_t out[32]); /* SHA-256 */
/* HKDF-SHA256 (RFC 5869) with 32 bytes of output. */
MUST_CHECK enum err seal_derive(const struct secret *key, struct slice salt,
	struct slice info, struct secret **out);

/* A random key, wrapped under `kek` with a random nonce. */
MUST_CHECK enum err seal_wrap(const struct secret *kek, struct slice aad,
	const struct secret *key, uint8_t out[SEAL_WRAPPED]);
MUST_CHECK enum err seal_unwrap(const struct secret *kek, struct slice aad,
	const uint8_t wrapped[SEAL_WRAPPED], struct secret **out);

#endif
