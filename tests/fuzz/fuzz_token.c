/* SPDX-License-Identifier: EUPL-1.2 */
/* Bearer tokens. The first byte says what follows: a token that nobody signed,
 * a key set, or claims that are signed here by the key of RFC 8037 A. */
#include <openssl/evp.h>
#include <stdlib.h>

#include <bastide/limits.h>

#include "../../daemon/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char keys[] =
	"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
	"{\"kty\":\"EC\",\"crv\":\"P-256\","
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
static const char secret[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
static const char sample[] =
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
	"9g7sVvpAr_MuM0KAg";

static const char *check(struct slice token, struct slice set)
{
	struct token_rules r = { .keys = set,
		.issuer = slice_str("i"),
		.audience = slice_str("a"),
		.scope = slice_str("s"),
		.claim = slice_str("email"),
		.user = slice_str("ann@example.org"),
		.now = 1800000000 };
	const char *why = "keys";

	return token_check(token, &r, &why) == ERR_OK ? why : "keys";
}

static void put(struct buf *out, struct slice s)
{
	struct buf plain;

	buf_init(&plain, MIB(2));
	base64_encode(&plain, s);
	for (size_t i = 0; i < plain.n && plain.p[i] != '='; i++)
		buf_addc(out, plain.p[i] == '+'   ? '-'
			      : plain.p[i] == '/' ? '_'
						  : plain.p[i]);
	buf_free(&plain);
}

static void check_claims(struct slice claims)
{
	unsigned char sig[64];
	size_t n = sizeof(sig);
	struct buf raw, token;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	buf_init(&raw, 64);
	buf_init(&token, MIB(2));
	if (base64url_decode(&raw, slice_str(secret)) != ERR_OK)
		abort();
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, (const unsigned char *)raw.p, raw.n);
	put(&token, slice_str("{\"alg\":\"EdDSA\"}"));
	buf_addc(&token, '.');
	put(&token, claims);
	if (EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
		EVP_DigestSign(md, sig, &n, (const unsigned char *)token.p,
			token.n) != 1)
		abort();
	buf_addc(&token, '.');
	put(&token, slice_of(sig, n));
	const char *why = check(buf_slice(&token), slice_str(keys));
	if (strcmp(why, "signature") == 0 || strcmp(why, "key") == 0)
		abort();
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(md);
	buf_free(&raw);
	buf_free(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (!n)
		return 0;
	struct slice in = slice_of(data + 1, n - 1);
	switch (data[0] % 3) {
	case 0:
		if (check(in, slice_str(keys))[0] == 0)
			abort(); /* nobody signed it */
		break;
	case 1:
		(void)check(slice_str(sample), in);
		break;
	default:
		check_claims(in);
	}
	return 0;
}
