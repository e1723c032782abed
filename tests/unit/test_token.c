/* SPDX-License-Identifier: EUPL-1.2 */
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <bastide/crypt.h>
#include <bastide/limits.h>

#include "../../daemon/token.h"

#define NOW 1800000000
#define GOOD                                                                   \
	"\"iss\":\"https://id.example\",\"aud\":\"mail\",\"exp\":1800000100,"  \
	"\"email\":\"Ann@Example.org\""

enum sign { RS256, PS256, ES256, EDDSA, HS256, NONE, RAW_DER, SHORT_SALT };

static EVP_PKEY *rsa, *other_rsa, *small_rsa, *ec, *ed;
static struct buf set;

/* --- making tokens -------------------------------------------------------------- */

static void put_base64url(struct buf *out, const void *p, size_t n)
{
	struct buf plain;

	buf_init(&plain, KIB(64));
	assert_int_equal(base64_encode(&plain, slice_of(p, n)), ERR_OK);
	for (size_t i = 0; i < plain.n && plain.p[i] != '='; i++)
		buf_addc(out, plain.p[i] == '+'   ? '-'
			      : plain.p[i] == '/' ? '_'
						  : plain.p[i]);
	buf_free(&plain);
}

static void put_number(struct buf *out, EVP_PKEY *key, const char *name)
{
	unsigned char bytes[1024];
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	put_base64url(out, bytes, (size_t)BN_bn2bin(n, bytes));
	BN_free(n);
}

static void put_coordinate(struct buf *out, EVP_PKEY *key, const char *name)
{
	unsigned char bytes[32];
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	assert_int_equal(BN_bn2binpad(n, bytes, 32), 32);
	put_base64url(out, bytes, 32);
	BN_free(n);
}

static void put_rsa(struct buf *out, EVP_PKEY *key, const char *more)
{
	buf_addf(out, "{\"kty\":\"RSA\"%s,\"n\":\"", more);
	put_number(out, key, OSSL_PKEY_PARAM_RSA_N);
	buf_adds(out, "\",\"e\":\"");
	put_number(out, key, OSSL_PKEY_PARAM_RSA_E);
	buf_adds(out, "\"}");
}

static void put_ec(struct buf *out, EVP_PKEY *key, const char *more)
{
	buf_addf(out, "{\"kty\":\"EC\",\"crv\":\"P-256\"%s,\"x\":\"", more);
	put_coordinate(out, key, OSSL_PKEY_PARAM_EC_PUB_X);
	buf_adds(out, "\",\"y\":\"");
	put_coordinate(out, key, OSSL_PKEY_PARAM_EC_PUB_Y);
	buf_adds(out, "\"}");
}

static void put_ed(struct buf *out, EVP_PKEY *key)
{
	unsigned char x[32];
	size_t n = sizeof(x);

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, x, &n), 1);
	buf_adds(out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
	put_base64url(out, x, n);
	buf_adds(out, "\"}");
}

/* R and S of a DER signature, 32 bytes each. */
static size_t raw_ecdsa(unsigned char *sig, size_t n)
{
	const unsigned char *p = sig;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);

	assert_non_null(s);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
	ECDSA_SIG_free(s);
	return 64;
}

static void sign_with(
	struct buf *token, enum sign how, EVP_PKEY *key, struct slice secret)
{
	unsigned char sig[1024];
	size_t n = sizeof(sig);
	EVP_PKEY_CTX *ctx = NULL;

	if (how == NONE)
		return;
	if (how == HS256) {
		assert_int_equal(
			hmac_sha256(secret, buf_slice(token), sig), ERR_OK);
		buf_addc(token, '.');
		put_base64url(token, sig, 32);
		return;
	}
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_int_equal(
		EVP_DigestSignInit_ex(md, &ctx, how == EDDSA ? NULL : "SHA256",
			NULL, NULL, key, NULL),
		1);
	if (how == PS256 || how == SHORT_SALT) {
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, how == PS256 ? 32 : 8);
	}
	assert_int_equal(EVP_DigestSign(md, sig, &n,
				 (const unsigned char *)token->p, token->n),
		1);
	EVP_MD_CTX_free(md);
	if (how == ES256)
		n = raw_ecdsa(sig, n);
	buf_addc(token, '.');
	put_base64url(token, sig, n);
}

static void make(struct buf *token, const char *header, const char *claims,
	enum sign how, EVP_PKEY *key)
{
	buf_init(token, KIB(64));
	put_base64url(token, header, strlen(header));
	buf_addc(token, '.');
	put_base64url(token, claims, strlen(claims));
	sign_with(token, how, key, buf_slice(&set));
	assert_int_equal(buf_err(token), ERR_OK);
}

static const char *check_by(
	struct slice token, struct slice keys, const char *scope)
{
	struct token_rules r = { .keys = keys,
		.issuer = slice_str("https://id.example"),
		.audience = slice_str("mail"),
		.scope = slice_str(scope),
		.claim = slice_str("email"),
		.user = slice_str("ann@example.org"),
		.now = NOW };
	const char *why = "?";

	assert_int_equal(token_check(token, &r, &why), ERR_OK);
	return why;
}

static const char *check(struct slice token)
{
	return check_by(token, buf_slice(&set), "");
}

static int set_up(void **state)
{
	rsa = EVP_RSA_gen(2048);
	other_rsa = EVP_RSA_gen(2048);
	small_rsa = EVP_RSA_gen(1024);
	ec = EVP_EC_gen("P-256");
	ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	buf_init(&set, KIB(32));
	/* Kinds that nobody knows are passed over (RFC 7517 5). */
	buf_adds(&set, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},"
		       "{\"kty\":\"new\"},7,");
	put_rsa(&set, rsa, ",\"kid\":\"one\",\"use\":\"sig\"");
	buf_addc(&set, ',');
	put_ec(&set, ec, "");
	buf_addc(&set, ',');
	put_ed(&set, ed);
	buf_addc(&set, ',');
	put_rsa(&set, small_rsa, ",\"kid\":\"small\"");
	buf_adds(&set, "]}");
	return buf_err(&set) == ERR_OK && rsa && other_rsa && small_rsa && ec &&
			       ed
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(other_rsa);
	EVP_PKEY_free(small_rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
	buf_free(&set);
	return 0;
}

/* --- signatures --------------------------------------------------------------------- */

static void test_signatures(void **state)
{
	const struct {
		const char *header;
		enum sign how;
		EVP_PKEY *key;
		const char *why;
	} rows[] = {
		{ "{\"alg\":\"RS256\"}", RS256, rsa, "" },
		{ "{\"alg\":\"RS256\",\"kid\":\"one\"}", RS256, rsa, "" },
		{ "{\"alg\":\"PS256\",\"typ\":\"at+jwt\"}", PS256, rsa, "" },
		{ "{\"alg\":\"ES256\",\"kid\":\"any\"}", ES256, ec, "" },
		{ "{\"alg\":\"EdDSA\"}", EDDSA, ed, "" },
		/* Another key, another id, another algorithm. */
		{ "{\"alg\":\"RS256\"}", RS256, other_rsa, "signature" },
		{ "{\"alg\":\"RS256\",\"kid\":\"two\"}", RS256, rsa, "key" },
		{ "{\"alg\":\"RS256\",\"kid\":\"small\"}", RS256, small_rsa,
			"key" },
		{ "{\"alg\":\"PS256\"}", RS256, rsa, "signature" },
		{ "{\"alg\":\"RS256\"}", PS256, rsa, "signature" },
		{ "{\"alg\":\"PS256\"}", SHORT_SALT, rsa, "signature" },
		{ "{\"alg\":\"ES256\"}", RS256, rsa, "signature" },
		{ "{\"alg\":\"ES256\"}", RAW_DER, ec, "signature" },
		{ "{\"alg\":\"EdDSA\"}", ES256, ec, "signature" },
		/* RFC 8725 2.1: no signature, and a public key as a secret. */
		{ "{\"alg\":\"none\"}", NONE, NULL, "malformed" },
		{ "{\"alg\":\"none\"}", RS256, rsa, "algorithm" },
		{ "{\"alg\":\"HS256\"}", HS256, NULL, "algorithm" },
		{ "{\"alg\":\"RS256\"}", HS256, NULL, "signature" },
		{ "{\"alg\":\"rs256\"}", RS256, rsa, "algorithm" },
		{ "{\"alg\":7}", RS256, rsa, "algorithm" },
		{ "{}", RS256, rsa, "algorithm" },
		{ "{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", RS256,
			rsa, "critical" },
		{ "{\"alg\":\"RS256\",\"crit\":null}", RS256, rsa, "critical" },
		{ "{\"alg\":\"none\",\"alg\":\"RS256\"}", RS256, rsa,
			"malformed" },
		{ "[\"RS256\"]", RS256, rsa, "malformed" },
		{ "no json", RS256, rsa, "malformed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf token;
		make(&token, rows[i].header, "{" GOOD "}", rows[i].how,
			rows[i].key);
		assert_string_equal(check(buf_slice(&token)), rows[i].why);
		buf_free(&token);
	}
}

/* Any byte changed makes it bad. */
static void test_changes(void **state)
{
	struct buf token;

	make(&token, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", EDDSA, ed);
	for (size_t i = 0; i < token.n; i++) {
		char was = token.p[i];
		token.p[i] = was == 'A' ? 'B' : 'A';
		assert_string_not_equal(check(buf_slice(&token)), "");
		token.p[i] = was;
	}
	assert_string_equal(check(buf_slice(&token)), "");
	for (size_t n = 0; n < token.n; n++)
		assert_string_not_equal(
			check(slice_head(buf_slice(&token), n)), "");
	buf_free(&token);
}

/* --- claims ----------------------------------------------------------------------------- */

static void test_claims(void **state)
{
	static const struct {
		const char *claims, *scope, *why;
	} rows[] = {
		{ "{" GOOD ",\"nbf\":1800000000,\"iat\":1}", "", "" },
		{ "{" GOOD ",\"nbf\":1800000060}", "", "" },
		{ "{" GOOD ",\"nbf\":1800000061}", "", "too-early" },
		{ "{" GOOD ",\"nbf\":\"0\"}", "", "malformed" },
		{ "{" GOOD ",\"email_verified\":true}", "", "" },
		{ "{" GOOD ",\"email_verified\":false}", "", "user" },
		{ "{" GOOD ",\"exp\":1}", "", "malformed" }, /* twice */
		{ "{" GOOD ",\"scope\":\"a imap b\"}", "imap", "" },
		{ "{" GOOD ",\"scope\":\"imaps\"}", "imap", "scope" },
		{ "{" GOOD "}", "imap", "scope" },
		{ "{\"iss\":\"https://id.example\",\"aud\":[\"x\",\"mail\"],"
		  "\"exp\":1799999940.5,\"email\":\"ann@example.org\"}",
			"", "" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1799999940,\"email\":\"ann@example.org\"}",
			"", "expired" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"email\":\"ann@example.org\"}",
			"", "no-expiry" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":\"1800000100\",\"email\":\"ann@example.org\"}",
			"", "no-expiry" },
		{ "{\"iss\":\"https://id.example/\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"email\":\"ann@example.org\"}",
			"", "issuer" },
		{ "{\"aud\":\"mail\",\"exp\":1800000100,"
		  "\"email\":\"ann@example.org\"}",
			"", "issuer" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mai\","
		  "\"exp\":1800000100,\"email\":\"ann@example.org\"}",
			"", "audience" },
		{ "{\"iss\":\"https://id.example\",\"aud\":[7],"
		  "\"exp\":1800000100,\"email\":\"ann@example.org\"}",
			"", "audience" },
		{ "{\"iss\":\"https://id.example\",\"exp\":1800000100,"
		  "\"email\":\"ann@example.org\"}",
			"", "audience" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"email\":\"bob@example.org\"}",
			"", "user" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"email\":\"ann\"}",
			"", "user" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"email\":\"ann@example.orgx\"}",
			"", "user" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"sub\":\"ann@example.org\"}",
			"", "user" },
		{ "{\"iss\":\"https://id.example\",\"aud\":\"mail\","
		  "\"exp\":1800000100,\"email\":\"ann@example.org\\u0000\"}",
			"", "malformed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf token;
		make(&token, "{\"alg\":\"EdDSA\"}", rows[i].claims, EDDSA, ed);
		assert_string_equal(check_by(buf_slice(&token), buf_slice(&set),
					    rows[i].scope),
			rows[i].why);
		buf_free(&token);
	}
}

/* Where nobody is configured, a token that names nobody is no good. */
static void test_no_names(void **state)
{
	static const struct {
		const char *claims, *issuer, *why;
	} rows[] = {
		{ "{\"iss\":\"\",\"aud\":\"\",\"exp\":1800000100,"
		  "\"email\":\"ann@example.org\"}",
			"", "issuer" },
		{ "{\"iss\":\"x\",\"aud\":\"\",\"exp\":1800000100,"
		  "\"email\":\"ann@example.org\"}",
			"x", "audience" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct token_rules r = { .keys = buf_slice(&set),
			.issuer = slice_str(rows[i].issuer),
			.claim = slice_str("email"),
			.user = slice_str("ann@example.org"),
			.now = NOW };
		struct buf token;
		const char *why = "?";
		make(&token, "{\"alg\":\"EdDSA\"}", rows[i].claims, EDDSA, ed);
		assert_int_equal(
			token_check(buf_slice(&token), &r, &why), ERR_OK);
		assert_string_equal(why, rows[i].why);
		buf_free(&token);
	}
}

static void test_forms(void **state)
{
	static const char *const rows[] = { "", ".", "..", "...", "a.b.c",
		"e30.e30.e30", "e30=.e30.AA", "e30.e30", "e30.e30.AA.AA",
		"eyJhbGciOiJSUzI1NiJ9.!.AA", " e30.e30.AA" };
	static char huge[LIMIT_SASL_MESSAGE + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_not_equal(check(slice_str(rows[i])), "");
	memset(huge, 'A', sizeof(huge));
	huge[100] = huge[200] = '.';
	assert_string_equal(check(slice_of(huge, sizeof(huge))), "malformed");
	assert_string_equal(
		check(slice_of(huge, sizeof(huge) - 1)), "malformed");
}

/* --- key sets ------------------------------------------------------------------------------ */

static void test_key_sets(void **state)
{
	static const char *const broken[] = { "", "[]", "{}", "{\"keys\":{}}",
		"{\"keys\":[}" };
	struct token_rules r = { .now = NOW };
	struct buf token, keys;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		r.keys = slice_str(broken[i]);
		assert_int_equal(
			token_check(slice_str("a.b.c"), &r, &why), ERR_CORRUPT);
	}
	make(&token, "{\"alg\":\"RS256\"}", "{" GOOD "}", RS256, rsa);
	static const struct {
		const char *more, *why;
	} rows[] = {
		{ ",\"alg\":\"RS256\"", "" },
		{ ",\"alg\":\"PS256\"", "key" },
		{ ",\"use\":\"enc\"", "key" },
		{ ",\"use\":7", "key" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_init(&keys, KIB(4));
		buf_adds(&keys, "{\"keys\":[");
		put_rsa(&keys, rsa, rows[i].more);
		buf_adds(&keys, "]}");
		assert_string_equal(
			check_by(buf_slice(&token), buf_slice(&keys), ""),
			rows[i].why);
		buf_free(&keys);
	}
	assert_string_equal(
		check_by(buf_slice(&token), slice_str("{\"keys\":[]}"), ""),
		"key");
	buf_free(&token);
}

/* A point that is not on the curve is no key. */
static void test_off_curve(void **state)
{
	static const char keys[] =
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
		"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5b0\"}]}";
	struct buf token;

	make(&token, "{\"alg\":\"ES256\"}", "{" GOOD "}", ES256, ec);
	assert_string_equal(
		check_by(buf_slice(&token), slice_str(keys), ""), "key");
	buf_free(&token);
}

/* RFC 7515 A.3 and RFC 8037 A.4, word for word. */
static void test_vectors(void **state)
{
	static const struct {
		const char *alg, *key, *input, *signature;
	} rows[] = {
		{ "ES256",
			"[{\"kty\":\"EC\",\"crv\":\"P-256\","
			"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
			"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
			"]",
			"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzM"
			"DA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp"
			"0cnVlfQ",
			"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d"
			"jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
		{ "EdDSA",
			"[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
			"]",
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25p"
			"bmc",
			"hgyY0il_MGCjP0JzlnLWG1PPOt7-"
			"09PGcvMg3AIbQR6dWbhijcNR4ki"
			"4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *keys = json_loads(rows[i].key, 0, NULL);
		struct buf signature;
		bool tried;
		buf_init(&signature, 1000);
		assert_non_null(keys);
		assert_int_equal(base64url_decode(&signature,
					 slice_str(rows[i].signature)),
			ERR_OK);
		assert_true(jwk_verify(keys, rows[i].alg, NULL,
			slice_str(rows[i].input), buf_slice(&signature),
			&tried));
		signature.p[3] ^= 1;
		assert_false(jwk_verify(keys, rows[i].alg, NULL,
			slice_str(rows[i].input), buf_slice(&signature),
			&tried));
		assert_true(tried);
		buf_free(&signature);
		json_decref(keys);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_key_sets),
		cmocka_unit_test(test_off_curve),
		cmocka_unit_test(test_vectors),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
