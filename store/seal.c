/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The store's cryptography, all of it: AES-256-GCM with keys that are expanded
 * once, HKDF-SHA256 (RFC 5869), SHA-256, random bytes. No plaintext leaves
 * here before its tag was checked: what does not verify is overwritten.
 */
#include <assert.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "seal.h"

struct seal {
	EVP_CIPHER_CTX *ctx;
};

/* OpenSSL 3 looks the cipher up at each implicit use; so it is done once and
 * kept to the end of the process. */
static EVP_CIPHER *gcm(void)
{
	static EVP_CIPHER *cipher;

	if (!cipher)
		cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return cipher;
}

enum err seal_new(const uint8_t key[SEAL_KEY], struct seal **out)
{
	struct seal *s = mem_new(struct seal);

	if (!s)
		return ERR_NOMEM;
	s->ctx = EVP_CIPHER_CTX_new();
	if (!s->ctx || !gcm() ||
		EVP_CipherInit_ex2(s->ctx, gcm(), key, NULL, 1, NULL) != 1) {
		seal_free(s);
		return ERR_NOMEM;
	}
	*out = s;
	return ERR_OK;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->ctx); /* wipes the expanded key */
	mem_free(s);
}

/* EVP counts in int; the largest thing sealed at once is a record's section. */
static bool update(struct seal *s, void *out, const void *in, size_t n)
{
	const uint8_t *from = in;
	uint8_t *to = out;

	while (n > 0) {
		int part = n > (1 << 30) ? 1 << 30 : (int)n, done;
		if (EVP_CipherUpdate(s->ctx, to, &done, from, part) != 1)
			return false;
		from += part;
		if (to)
			to += part;
		n -= (size_t)part;
	}
	return true;
}

enum err seal_close(struct seal *s, const uint8_t nonce[SEAL_NONCE],
	struct slice aad, const void *in, size_t n, void *out,
	uint8_t tag[SEAL_TAG])
{
	uint8_t end[16];
	int done;

	if (EVP_CipherInit_ex2(s->ctx, NULL, NULL, nonce, 1, NULL) != 1 ||
		!update(s, NULL, aad.p, aad.n) || !update(s, out, in, n) ||
		EVP_CipherFinal_ex(s->ctx, end, &done) != 1 ||
		EVP_CIPHER_CTX_ctrl(
			s->ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, tag) != 1)
		return ERR_BUG;
	return ERR_OK;
}

enum err seal_open(struct seal *s, const uint8_t nonce[SEAL_NONCE],
	struct slice aad, const void *in, size_t n, void *out,
	const uint8_t tag[SEAL_TAG])
{
	uint8_t end[16], want[SEAL_TAG];
	int done;

	memcpy(want, tag, SEAL_TAG);
	if (EVP_CipherInit_ex2(s->ctx, NULL, NULL, nonce, 0, NULL) != 1 ||
		!update(s, NULL, aad.p, aad.n) || !update(s, out, in, n) ||
		EVP_CIPHER_CTX_ctrl(
			s->ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, want) != 1 ||
		EVP_CipherFinal_ex(s->ctx, end, &done) != 1) {
		mem_wipe(out, n);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

void seal_counter(uint8_t nonce[SEAL_NONCE], uint64_t n)
{
	memset(nonce, 0, SEAL_NONCE);
	for (int i = 0; i < 8; i++)
		nonce[SEAL_NONCE - 1 - i] = (uint8_t)(n >> (8 * i));
}

enum err seal_random(void *p, size_t n)
{
	assert(n <= INT32_MAX);
	return RAND_bytes(p, (int)n) == 1 ? ERR_OK : ERR_BUG;
}

enum err seal_hash(struct slice data, uint8_t out[32])
{
	unsigned n;

	if (EVP_Digest(data.p, data.n, out, &n, EVP_sha256(), NULL) != 1)
		return ERR_NOMEM;
	return ERR_OK;
}

static bool hmac(const uint8_t *key, size_t key_n, const uint8_t *p, size_t n,
	uint8_t out[32])
{
	unsigned done;

	return HMAC(EVP_sha256(), key, (int)key_n, p, n, out, &done) != NULL;
}

enum err seal_derive(const struct secret *key, struct slice salt,
	struct slice info, struct secret **out)
{
	uint8_t prk[32], block[256];
	struct secret *made = secret_new(SEAL_KEY);
	enum err e = ERR_BUG;

	if (!made)
		return ERR_NOMEM;
	assert(info.n < sizeof(block));
	memcpy(block, info.p, info.n);
	block[info.n] = 1;
	if (hmac((const uint8_t *)salt.p, salt.n, secret_peek(key),
		    secret_size(key), prk) &&
		hmac(prk, sizeof(prk), block, info.n + 1, secret_bytes(made)))
		e = ERR_OK;
	mem_wipe(prk, sizeof(prk));
	if (e != ERR_OK) {
		secret_free(made);
		return e;
	}
	*out = made;
	return ERR_OK;
}

enum err seal_wrap(const struct secret *kek, struct slice aad,
	const struct secret *key, uint8_t out[SEAL_WRAPPED])
{
	struct seal *s;

	assert(secret_size(key) == SEAL_KEY);
	TRY(seal_new(secret_peek(kek), &s));
	enum err e = seal_random(out, SEAL_NONCE);
	if (e == ERR_OK)
		e = seal_close(s, out, aad, secret_peek(key), SEAL_KEY,
			out + SEAL_NONCE, out + SEAL_NONCE + SEAL_KEY);
	seal_free(s);
	return e;
}

enum err seal_unwrap(const struct secret *kek, struct slice aad,
	const uint8_t wrapped[SEAL_WRAPPED], struct secret **out)
{
	struct secret *key = secret_new(SEAL_KEY);
	struct seal *s = NULL;
	enum err e = ERR_NOMEM;

	if (key)
		e = seal_new(secret_peek(kek), &s);
	if (e == ERR_OK)
		e = seal_open(s, wrapped, aad, wrapped + SEAL_NONCE, SEAL_KEY,
			secret_bytes(key), wrapped + SEAL_NONCE + SEAL_KEY);
	seal_free(s);
	if (e != ERR_OK) {
		secret_free(key);
		return e;
	}
	*out = key;
	return ERR_OK;
}
