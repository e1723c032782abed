/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys of a JWK Set (RFC 7517) and signatures by them (RFC 7518, RFC 8037). The
 * algorithm chooses the kind of key, never the other way round, and there is no
 * symmetric one: a public key cannot be taken for a secret (RFC 8725 2.1).
 */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <bastide/limits.h>

#include "token.h"

/* RFC 7518 3.3: 2048 or more; above, only the time grows. */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define P256_BYTES 32

struct algorithm {
	const char *name;
	EVP_PKEY *(*key)(const json_t *jwk);
	bool pss, ecdsa;
	const char *digest; /* NULL: of the signature scheme itself */
};

static EVP_PKEY *rsa_key(const json_t *jwk);
static EVP_PKEY *p256_key(const json_t *jwk);
static EVP_PKEY *ed25519_key(const json_t *jwk);

/* The only list. */
static const struct algorithm algorithms[] = {
	{ "RS256", rsa_key, false, false, "SHA256" },
	{ "PS256", rsa_key, true, false, "SHA256" },
	{ "ES256", p256_key, false, true, "SHA256" },
	{ "EdDSA", ed25519_key, false, false, NULL },
};

static const struct algorithm *find(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (strcmp(name, algorithms[i].name) == 0)
			return &algorithms[i];
	return NULL;
}

bool jwk_knows(const char *alg)
{
	return find(alg) != NULL;
}

/* Bits that the last character has too many are zero (RFC 4648 3.5): there is
 * one text of a signature only. */
static bool ends_clean(struct slice s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-_";
	static const unsigned spare[] = { 0, 0, 15, 3 };
	size_t at = s.n ? slice_find(slice_str(alphabet), s.p[s.n - 1]) : 0;

	return !(at & spare[s.n % 4]);
}

enum err base64url_decode(struct buf *b, struct slice s)
{
	struct buf plain;

	if (!ends_clean(s))
		return ERR_SYNTAX;
	buf_init(&plain, s.n + 4);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '+' || c == '/' || c == '=')
			c = '!'; /* not of this alphabet */
		buf_addc(&plain, c == '-' ? '+' : c == '_' ? '/' : c);
	}
	while (plain.n % 4 && buf_err(&plain) == ERR_OK)
		buf_addc(&plain, '=');
	enum err e = buf_err(&plain);
	if (e == ERR_OK)
		e = base64_decode(b, buf_slice(&plain));
	buf_free(&plain);
	return e;
}

/* --- members of a key ----------------------------------------------------------- */

static const char *text(const json_t *jwk, const char *name)
{
	return json_string_value(json_object_get(jwk, name));
}

static bool is(const json_t *jwk, const char *name, const char *value)
{
	const char *s = text(jwk, name);

	return s && strcmp(s, value) == 0;
}

/* Adds the bytes of a member in base64url. */
static bool bytes(const json_t *jwk, const char *name, struct buf *out)
{
	const char *s = text(jwk, name);

	return s && base64url_decode(out, slice_str(s)) == ERR_OK;
}

static BIGNUM *number(const json_t *jwk, const char *name)
{
	struct buf b;
	BIGNUM *n = NULL;

	buf_init(&b, RSA_BITS_MAX / 8 + 8);
	if (bytes(jwk, name, &b) && b.n)
		n = BN_bin2bn((const unsigned char *)b.p, (int)b.n, NULL);
	buf_free(&b);
	return n;
}

/* --- keys ------------------------------------------------------------------------ */

static EVP_PKEY *key_from(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
	BIGNUM *n = number(jwk, "n"), *e = number(jwk, "e");
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (is(jwk, "kty", "RSA") && bld && n && e && BN_is_odd(e) &&
		!BN_is_one(e) && BN_num_bits(e) <= 32 &&
		BN_num_bits(n) >= RSA_BITS_MIN &&
		BN_num_bits(n) <= RSA_BITS_MAX &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params)
		key = key_from("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *p256_key(const json_t *jwk)
{
	static char group[] = "prime256v1";
	struct buf point;
	EVP_PKEY *key = NULL;

	buf_init(&point, 1 + 2 * P256_BYTES);
	buf_addc(&point, POINT_CONVERSION_UNCOMPRESSED);
	/* RFC 7518 6.2.1.2: each has the whole length of the field. */
	if (is(jwk, "kty", "EC") && is(jwk, "crv", "P-256") &&
		bytes(jwk, "x", &point) && point.n == 1 + P256_BYTES &&
		bytes(jwk, "y", &point) && point.n == 1 + 2 * P256_BYTES) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(
				OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
			OSSL_PARAM_construct_octet_string(
				OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n),
			OSSL_PARAM_construct_end(),
		};
		key = key_from("EC", params);
	}
	buf_free(&point);
	return key;
}

static EVP_PKEY *ed25519_key(const json_t *jwk)
{
	struct buf x;
	EVP_PKEY *key = NULL;

	buf_init(&x, 64);
	if (is(jwk, "kty", "OKP") && is(jwk, "crv", "Ed25519") &&
		bytes(jwk, "x", &x) && x.n == 32)
		key = EVP_PKEY_new_raw_public_key_ex(
			NULL, "ED25519", NULL, (const unsigned char *)x.p, x.n);
	buf_free(&x);
	return key;
}

/* --- signatures -------------------------------------------------------------------- */

/* RFC 7518 3.4: R and S, 32 bytes each; OpenSSL wants DER. */
static int ecdsa_der(struct slice raw, unsigned char **out)
{
	const unsigned char *p = (const unsigned char *)raw.p;
	int n = -1;

	if (raw.n != 2 * P256_BYTES)
		return -1;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(p, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(p + P256_BYTES, P256_BYTES, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* its own now */
		n = i2d_ECDSA_SIG(sig, out);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n;
}

static bool verify(const struct algorithm *a, EVP_PKEY *key, struct slice input,
	struct slice signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	unsigned char *der = NULL;
	const unsigned char *sig = (const unsigned char *)signature.p;
	int n = (int)signature.n;

	if (a->ecdsa) {
		n = ecdsa_der(signature, &der);
		sig = der;
	}
	bool ok = md && n > 0 &&
		  EVP_DigestVerifyInit_ex(
			  md, &ctx, a->digest, NULL, NULL, key, NULL) == 1;
	/* RFC 7518 3.5: the salt is as long as the hash. */
	if (ok && a->pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) ==
			     1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			     ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestVerify(md, sig, (size_t)n,
			   (const unsigned char *)input.p, input.n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok;
}

/* RFC 7517 4.2 to 4.5: what a key says it is for. */
static bool fits(const json_t *jwk, const char *alg, const char *kid)
{
	const char *its = text(jwk, "kid");

	return json_is_object(jwk) && (!kid || !its || strcmp(kid, its) == 0) &&
	       (!json_object_get(jwk, "alg") || is(jwk, "alg", alg)) &&
	       (!json_object_get(jwk, "use") || is(jwk, "use", "sig"));
}

bool jwk_verify(const json_t *keys, const char *alg, const char *kid,
	struct slice input, struct slice signature, bool *tried)
{
	const struct algorithm *a = find(alg);
	size_t n = json_array_size(keys);
	bool ok = false;

	*tried = false;
	for (size_t i = 0; a && !ok && i < n && i < LIMIT_TOKEN_KEYS; i++) {
		const json_t *jwk = json_array_get(keys, i);
		EVP_PKEY *key = fits(jwk, alg, kid) ? a->key(jwk) : NULL;
		if (!key)
			continue;
		*tried = true;
		ok = verify(a, key, input, signature);
		EVP_PKEY_free(key);
	}
	ERR_clear_error();
	return ok;
}
