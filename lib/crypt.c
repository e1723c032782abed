/* SPDX-License-Identifier: EUPL-1.2 */
/* Digests, derived keys and the sealed box, on OpenSSL's EVP. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <bastide/crypt.h>
#include <bastide/mem.h>

#define NONCE 12
#define TAG 16

enum err random_bytes(void *out, size_t n)
{
	return RAND_priv_bytes_ex(NULL, out, n, 0) == 1 ? ERR_OK : ERR_IO;
}

static const unsigned char *bytes_of(struct slice s)
{
	/* OpenSSL takes NULL for "no data given", which is another thing. */
	return (const unsigned char *)(s.p ? s.p : "");
}

enum err sha256(struct slice data, uint8_t out[32])
{
	return EVP_Digest(bytes_of(data), data.n, out, NULL, EVP_sha256(),
		       NULL) == 1
		       ? ERR_OK
		       : ERR_NOMEM;
}

enum err hmac_sha256(struct slice key, struct slice data, uint8_t out[32])
{
	return HMAC(EVP_sha256(), bytes_of(key), (int)key.n, bytes_of(data),
		       data.n, out, NULL)
		       ? ERR_OK
		       : ERR_NOMEM;
}

static enum err derive(const char *kdf, const OSSL_PARAM *params, uint8_t *out)
{
	EVP_KDF *k = EVP_KDF_fetch(NULL, kdf, NULL);
	EVP_KDF_CTX *ctx = k ? EVP_KDF_CTX_new(k) : NULL;
	int ok = ctx && EVP_KDF_derive(ctx, out, 32, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(k);
	return ok ? ERR_OK : ERR_NOMEM;
}

static OSSL_PARAM octets(const char *name, struct slice s)
{
	return OSSL_PARAM_construct_octet_string(
		name, (void *)(uintptr_t)bytes_of(s), s.n);
}

static OSSL_PARAM digest_name(void)
{
	static char name[] = "SHA256";

	return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
}

enum err hkdf_sha256(struct slice key, const char *info, struct slice context,
	uint8_t out[32])
{
	/* The purpose ends with its NUL, so that no purpose and context can
	 * be read as another pair. */
	struct buf b;
	buf_init(&b, 1024);
	buf_add(&b, info, strlen(info) + 1);
	buf_add_slice(&b, context);
	if (buf_err(&b) != ERR_OK) {
		buf_free(&b);
		return ERR_LIMIT;
	}
	OSSL_PARAM params[] = {
		digest_name(),
		octets(OSSL_KDF_PARAM_KEY, key),
		octets(OSSL_KDF_PARAM_INFO, buf_slice(&b)),
		OSSL_PARAM_construct_end(),
	};
	enum err e = derive("HKDF", params, out);
	buf_free(&b);
	return e;
}

enum err pbkdf2_sha256(struct slice password, struct slice salt,
	uint32_t iterations, uint8_t out[32])
{
	return PKCS5_PBKDF2_HMAC((const char *)bytes_of(password),
		       (int)password.n, bytes_of(salt), (int)salt.n,
		       (int)iterations, EVP_sha256(), 32, out) == 1
		       ? ERR_OK
		       : ERR_NOMEM;
}

enum err scrypt_key(struct slice passphrase, struct slice salt, unsigned log2_n,
	uint8_t out[32])
{
	uint64_t n = (uint64_t)1 << log2_n, max = (uint64_t)256 * n * 8;
	uint32_t r = 8, p = 1;
	OSSL_PARAM params[] = {
		octets(OSSL_KDF_PARAM_PASSWORD, passphrase),
		octets(OSSL_KDF_PARAM_SALT, salt),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max),
		OSSL_PARAM_construct_end(),
	};

	return derive("SCRYPT", params, out);
}

/* --- the box --------------------------------------------------------------- */

enum err box_seal(const uint8_t key[32], struct slice context,
	struct slice plain, struct buf *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE];
	enum err e = ctx ? random_bytes(nonce, NONCE) : ERR_NOMEM;
	int n = 0;

	if (e == ERR_OK)
		e = buf_reserve(out, plain.n + BOX_OVERHEAD);
	if (e != ERR_OK)
		goto out;
	uint8_t *at = (uint8_t *)out->p + out->n;
	memcpy(at, nonce, NONCE);
	at += NONCE;
	if (EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, nonce, NULL) !=
			1 ||
		EVP_EncryptUpdate(ctx, NULL, &n, bytes_of(context),
			(int)context.n) != 1 ||
		EVP_EncryptUpdate(ctx, at, &n, bytes_of(plain), (int)plain.n) !=
			1 ||
		EVP_EncryptFinal_ex(ctx, at + plain.n, &n) != 1 ||
		EVP_CIPHER_CTX_ctrl(
			ctx, EVP_CTRL_GCM_GET_TAG, TAG, at + plain.n) != 1) {
		e = ERR_NOMEM;
		goto out;
	}
	out->n += plain.n + BOX_OVERHEAD;
out:
	EVP_CIPHER_CTX_free(ctx);
	return e;
}

enum err box_open(const uint8_t key[32], struct slice context, struct slice box,
	struct buf *out)
{
	EVP_CIPHER_CTX *ctx = NULL;
	enum err e;
	int n = 0;

	if (box.n < BOX_OVERHEAD)
		return ERR_CORRUPT;
	size_t plain_n = box.n - BOX_OVERHEAD;
	TRY(buf_reserve(out, plain_n + 1));
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return ERR_NOMEM;
	const uint8_t *in = bytes_of(box);
	uint8_t *at = (uint8_t *)out->p + out->n;
	e = ERR_CORRUPT;
	if (EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key, in, NULL) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &n, bytes_of(context),
			(int)context.n) == 1 &&
		EVP_DecryptUpdate(ctx, at, &n, in + NONCE, (int)plain_n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG,
			(void *)(uintptr_t)(in + NONCE + plain_n)) == 1 &&
		EVP_DecryptFinal_ex(ctx, at + plain_n, &n) == 1)
		e = ERR_OK;
	if (e == ERR_OK)
		out->n += plain_n;
	else
		mem_wipe(at, plain_n);
	EVP_CIPHER_CTX_free(ctx);
	return e;
}

enum err crypt_warm_up(void)
{
	uint8_t key[32], out[32];
	struct buf b;

	TRY(random_bytes(key, sizeof(key)));
	TRY(hmac_sha256(slice_of(key, 32), slice_str("x"), out));
	TRY(hkdf_sha256(slice_of(key, 32), "warm up", slice_str(""), out));
	TRY(pbkdf2_sha256(slice_of(key, 32), slice_of(key, 16), 1, out));
	buf_init(&b, 256);
	enum err e = box_seal(key, slice_str(""), slice_str("x"), &b);
	buf_free(&b);
	return e;
}

/* --- SHA-256 in pieces ------------------------------------------------------- */

struct digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

enum err digest_new(struct digest **out)
{
	struct digest *d = mem_new(struct digest);

	if (!d)
		return ERR_NOMEM;
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		digest_free(d);
		return ERR_NOMEM;
	}
	*out = d;
	return ERR_OK;
}

void digest_add(struct digest *d, struct slice data)
{
	if (data.n && EVP_DigestUpdate(d->ctx, data.p, data.n) != 1)
		d->failed = true;
}

enum err digest_value(struct digest *d, uint8_t out[32])
{
	if (d->failed || EVP_DigestFinal_ex(d->ctx, out, NULL) != 1)
		return ERR_BUG;
	return ERR_OK;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	mem_free(d);
}
