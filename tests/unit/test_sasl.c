/* SPDX-License-Identifier: EUPL-1.2 */
#include <stdio.h>

#include "unit.h"

#include <bastide/crypt.h>
#include <bastide/sasl.h>

#include "../../lib/scram.h"

static const struct sasl_binding unbound;

static void test_plain(void **state)
{
	static const struct {
		struct slice message;
		enum err err;
	} rows[] = {
		{ SLICE("\0tim\0tanstaaftanstaaf"), ERR_OK }, /* RFC 4616 4 */
		{ SLICE("Ursel\0Kurt\0xipj3plmq"), ERR_OK },
		{ SLICE("\0tim"), ERR_SYNTAX },
		{ SLICE("\0\0pass"), ERR_SYNTAX },
		{ SLICE("\0tim\0"), ERR_SYNTAX },
		{ SLICE("\0tim\0pass\0word"), ERR_SYNTAX },
		{ SLICE("\0tim\0pa\nss"), ERR_SYNTAX },
		{ SLICE("\0t\xffm\0pass"), ERR_SYNTAX },
		{ SLICE(""), ERR_SYNTAX },
	};
	struct sasl_plain p;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			sasl_plain_parse(rows[i].message, &p), rows[i].err);
	assert_int_equal(sasl_plain_parse(rows[1].message, &p), ERR_OK);
	assert_true(slice_eqs(p.authzid, "Ursel"));
	assert_true(slice_eqs(p.authcid, "Kurt"));
	assert_true(slice_eqs(p.password, "xipj3plmq"));
}

static void test_user(void **state)
{
	static const struct {
		const char *mechanism;
		struct slice message;
		enum err err;
		const char *user;
	} rows[] = {
		{ "PLAIN", SLICE("\0tim\0x"), ERR_OK, "tim" },
		{ "SCRAM-SHA-256", SLICE("n,,n=user,r=abc"), ERR_OK, "user" },
		{ "scram-sha-256", SLICE("y,a=x,n=a=3Db=2Cc,r=abc"), ERR_OK,
			"a=b,c" },
		{ "SCRAM-SHA-256", SLICE("n,,n=a=3db,r=abc"), ERR_SYNTAX, "" },
		{ "SCRAM-SHA-256", SLICE("n,,n=a=,r=abc"), ERR_SYNTAX, "" },
		{ SCRAM_PLUS, SLICE("p=tls-exporter,,n=u,r=abc"), ERR_OK, "u" },
		{ SCRAM_PLUS, SLICE("p=,,n=u,r=abc"), ERR_SYNTAX, "" },
		{ SCRAM_PLUS, SLICE("p=a b,,n=u,r=abc"), ERR_SYNTAX, "" },
		{ "SCRAM-SHA-256", SLICE("n,,m=x,n=u,r=abc"), ERR_UNSUPPORTED,
			"" },
		{ "SCRAM-SHA-256", SLICE("n,,n=u,r="), ERR_SYNTAX, "" },
		{ "CRAM-MD5", SLICE("x"), ERR_UNSUPPORTED, "" },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b);
		assert_int_equal(sasl_user(slice_str(rows[i].mechanism),
					 rows[i].message, &b),
			rows[i].err);
		if (rows[i].err == ERR_OK)
			assert_true(slice_eqs(buf_slice(&b), rows[i].user));
	}
	buf_free(&b);
}

static void test_bearer(void **state)
{
	static const struct {
		const char *mechanism;
		struct slice message;
		enum err err;
		const char *user, *token;
	} rows[] = {
		/* RFC 7628 4.1 */
		{ "OAUTHBEARER",
			SLICE("n,a=user@example.com,\1host=server.example.com\1"
			      "port=143\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRh"
			      "dmlzdGEuY29tCg==\1\1"),
			ERR_OK, "user@example.com",
			"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" },
		{ "oauthbearer", SLICE("y,a=a=3Db=2C@c,\1auth=bearer  t\1\1"),
			ERR_OK, "a=b,@c", "t" },
		{ "XOAUTH2", SLICE("user=a@b.example\1auth=Bearer ya29.v\1\1"),
			ERR_OK, "a@b.example", "ya29.v" },
		/* Without a name there is no tenant. */
		{ "OAUTHBEARER", SLICE("n,,\1auth=Bearer t\1\1"), ERR_SYNTAX,
			"", "" },
		{ "OAUTHBEARER", SLICE("\1"), ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE(""), ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1\1"), ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1auth=Bearer \1\1"), ERR_SYNTAX,
			"", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1auth=Bearer t\1"), ERR_SYNTAX,
			"", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1auth=Bearer t\1\1x"),
			ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1auth=Basic t\1\1"), ERR_SYNTAX,
			"", "" },
		{ "OAUTHBEARER",
			SLICE("n,a=u,\1auth=Bearer t\1auth=Bearer u\1\1"),
			ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE("n,a=u,\1auth=Bearer t\0t\1\1"),
			ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER", SLICE("n,a=u\xff,\1auth=Bearer t\1\1"),
			ERR_SYNTAX, "", "" },
		{ "OAUTHBEARER",
			SLICE("p=tls-exporter,a=u,\1auth=Bearer t\1\1"),
			ERR_SYNTAX, "", "" },
		{ "XOAUTH2", SLICE("n,a=u,\1auth=Bearer t\1\1"), ERR_SYNTAX, "",
			"" },
		{ "XOAUTH2", SLICE("user=\1auth=Bearer t\1\1"), ERR_SYNTAX, "",
			"" },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice token = slice_of(NULL, 0);
		buf_reset(&b);
		assert_int_equal(sasl_bearer_parse(slice_str(rows[i].mechanism),
					 rows[i].message, &b, &token),
			rows[i].err);
		if (rows[i].err != ERR_OK)
			continue;
		assert_true(slice_eqs(buf_slice(&b), rows[i].user));
		assert_true(slice_eqs(token, rows[i].token));
	}
	buf_free(&b);
}

static void password_verifier(const char *password, const void *salt,
	uint32_t iterations, struct scram_verifier *v)
{
	uint8_t salted[32];

	v->iterations = iterations;
	memcpy(v->salt, salt, 16);
	assert_int_equal(pbkdf2_sha256(slice_str(password), slice_of(salt, 16),
				 iterations, salted),
		ERR_OK);
	assert_int_equal(scram_verifier_make(salted, v), ERR_OK);
	assert_true(scram_verifier_check(v, salted));
	salted[5] ^= 1;
	assert_false(scram_verifier_check(v, salted));
}

/* RFC 7677 3, word for word. */
#define CNONCE "rOprNGfwEbeRWgbNEkqO"
#define SNONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void test_vector(void **state)
{
	static const uint8_t fake[32];
	struct buf salt, out;
	struct scram_verifier v;
	struct scram *s;

	buf_init(&salt, 100);
	buf_init(&out, 1000);
	assert_int_equal(
		base64_decode(&salt, slice_str("W22ZaJ0SNY7soEsUEjb6gQ==")),
		ERR_OK);
	assert_int_equal(salt.n, 16);
	password_verifier("pencil", salt.p, 4096, &v);
	assert_int_equal(
		scram_first_nonce(slice_str("n,,n=user,r=" CNONCE), false,
			&unbound, &v, fake, slice_str(SNONCE), &out, &s),
		ERR_OK);
	assert_true(slice_eqs(buf_slice(&out),
		"r=" CNONCE SNONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
	buf_reset(&out);
	assert_int_equal(
		scram_final(s, slice_str("c=biws,r=" CNONCE SNONCE ",p=" PROOF),
			&out),
		ERR_OK);
	assert_true(slice_eqs(buf_slice(&out),
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
	scram_free(s);
	buf_free(&salt);
	buf_free(&out);
}

/* One thing wrong each. */
static void test_refusals(void **state)
{
	static const struct {
		const char *final;
		enum err err;
	} rows[] = {
		{ "c=biws,r=" CNONCE SNONCE
		  ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=",
			ERR_AUTH },
		{ "c=eSws,r=" CNONCE SNONCE ",p=" PROOF, ERR_AUTH },
		{ "c=biws,r=" CNONCE ",p=" PROOF, ERR_AUTH },
		{ "c=biws,r=" CNONCE SNONCE ",x=1,p=" PROOF, ERR_AUTH },
		{ "c=biws,r=" CNONCE SNONCE ",p=AAAA", ERR_AUTH },
		{ "c=biws,r=" CNONCE SNONCE ",p=", ERR_SYNTAX },
		{ "c=biws,r=" CNONCE SNONCE, ERR_SYNTAX },
		{ "", ERR_SYNTAX },
	};
	static const uint8_t fake[32];
	static const uint8_t salt[16];
	struct scram_verifier v;
	struct buf out;

	password_verifier("pencil", salt, 4096, &v);
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scram *s;
		buf_reset(&out);
		assert_int_equal(
			scram_first_nonce(slice_str("n,,n=user,r=" CNONCE),
				false, &unbound, &v, fake, slice_str(SNONCE),
				&out, &s),
			ERR_OK);
		buf_reset(&out);
		assert_int_equal(scram_final(s, slice_str(rows[i].final), &out),
			rows[i].err);
		assert_int_equal(out.n, 0);
		scram_free(s);
	}
	buf_free(&out);
}

/* A name that does not exist gets the same salt each time, another name
 * another one. */
static void test_unknown_user(void **state)
{
	static const uint8_t fake[32] = { 7 };
	static const char *const names[] = { "n,,n=a,r=x", "n,,n=a,r=x",
		"n,,n=b,r=x" };
	struct buf out[3];

	for (size_t i = 0; i < 3; i++) {
		struct scram *s;
		buf_init(&out[i], 1000);
		assert_int_equal(
			scram_first_nonce(slice_str(names[i]), false, &unbound,
				NULL, fake, slice_str("N"), &out[i], &s),
			ERR_OK);
		struct buf reply;
		buf_init(&reply, 100);
		assert_int_equal(
			scram_final(
				s, slice_str("c=biws,r=xN,p=" PROOF), &reply),
			ERR_AUTH);
		buf_free(&reply);
		scram_free(s);
	}
	assert_true(slice_eq(buf_slice(&out[0]), buf_slice(&out[1])));
	assert_false(slice_eq(buf_slice(&out[0]), buf_slice(&out[2])));
	for (size_t i = 0; i < 3; i++)
		buf_free(&out[i]);
}

/* Which first messages go with which mechanism (RFC 5802 6). */
static void test_binding(void **state)
{
	static const struct sasl_binding bound = { .exporter = { 1, 2 },
		.n_exporter = 32,
		.endpoint = { 3 },
		.n_endpoint = 48 };
	static const struct {
		bool plus;
		const char *flag;
		const struct sasl_binding *to;
		enum err err;
	} rows[] = {
		{ false, "n", &unbound, ERR_OK },
		{ false, "n", &bound, ERR_OK },
		{ false, "y", &unbound, ERR_OK },
		{ false, "y", &bound, ERR_AUTH }, /* a downgrade */
		{ false, "p=tls-exporter", &bound, ERR_AUTH },
		{ true, "n", &bound, ERR_AUTH },
		{ true, "y", &bound, ERR_AUTH },
		{ true, "p=tls-exporter", &bound, ERR_OK },
		{ true, "p=tls-server-end-point", &bound, ERR_OK },
		{ true, "p=tls-unique", &bound, ERR_AUTH },
		{ true, "p=tls-exporter", &unbound, ERR_AUTH },
		{ true, "p=tls-server-end-point", &unbound, ERR_AUTH },
		{ false, "n,a=u,n=u,r=abc", &unbound, ERR_OK },
		{ false, "n,a=other,n=u,r=abc", &unbound, ERR_AUTH },
	};
	static const uint8_t fake[32];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scram *s = NULL;
		char first[100];
		struct buf out;
		buf_init(&out, 1000);
		snprintf(first, sizeof(first), "%s%s", rows[i].flag,
			strchr(rows[i].flag, ',') ? "" : ",,n=u,r=abc");
		assert_int_equal(scram_first(slice_str(first), rows[i].plus,
					 rows[i].to, NULL, fake, &out, &s),
			rows[i].err);
		scram_free(s);
		buf_free(&out);
	}
}

/* The client's last message, bound to `data`. */
static void put_final(struct buf *out, const char *gs2, struct slice data,
	struct slice server_first)
{
	static const uint8_t salt[16];
	uint8_t salted[32], key[32], stored[32], proof[32];
	struct buf bound, auth;

	buf_init(&bound, 1000);
	buf_init(&auth, 1000);
	buf_adds(&bound, gs2);
	buf_add_slice(&bound, data);
	buf_adds(out, "c=");
	assert_int_equal(base64_encode(out, buf_slice(&bound)), ERR_OK);
	buf_adds(out, ",r=abcN");
	buf_addf(&auth, "n=u,r=abc,%.*s,%.*s", SLICE_ARG(server_first),
		SLICE_ARG(buf_slice(out)));
	assert_int_equal(pbkdf2_sha256(slice_str("pencil"),
				 slice_of(salt, sizeof(salt)), 4096, salted),
		ERR_OK);
	assert_int_equal(
		hmac_sha256(slice_of(salted, 32), slice_str("Client Key"), key),
		ERR_OK);
	assert_int_equal(sha256(slice_of(key, 32), stored), ERR_OK);
	assert_int_equal(
		hmac_sha256(slice_of(stored, 32), buf_slice(&auth), proof),
		ERR_OK);
	for (size_t i = 0; i < 32; i++)
		proof[i] ^= key[i];
	buf_adds(out, ",p=");
	assert_int_equal(base64_encode(out, slice_of(proof, 32)), ERR_OK);
	buf_free(&bound);
	buf_free(&auth);
}

/* The right password over another connection's data is no good. */
static void test_bound_proof(void **state)
{
	static const struct sasl_binding bound = { .exporter = { 1, 2 },
		.n_exporter = 32,
		.endpoint = { 3 },
		.n_endpoint = 48 };
	static const uint8_t other[32] = { 1, 3 }, none[32];
	const struct slice exporter = slice_of(bound.exporter, 32),
			   endpoint = slice_of(bound.endpoint, 48);
	const struct {
		const char *gs2;
		struct slice data;
		enum err err;
	} rows[] = {
		{ "p=tls-exporter,,", exporter, ERR_OK },
		{ "p=tls-exporter,,", slice_of(other, 32), ERR_AUTH },
		{ "p=tls-exporter,,", endpoint, ERR_AUTH },
		{ "p=tls-exporter,,", slice_str(""), ERR_AUTH },
		{ "p=tls-server-end-point,,", endpoint, ERR_OK },
		{ "p=tls-server-end-point,,", exporter, ERR_AUTH },
		{ "p=tls-server-end-point,,", slice_head(endpoint, 32),
			ERR_AUTH },
	};
	struct scram_verifier v;

	password_verifier("pencil", none, 4096, &v);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scram *s = NULL;
		char first[100];
		struct buf out, final;
		buf_init(&out, 1000);
		buf_init(&final, 1000);
		snprintf(first, sizeof(first), "%sn=u,r=abc", rows[i].gs2);
		assert_int_equal(
			scram_first_nonce(slice_str(first), true, &bound, &v,
				none, slice_str("N"), &out, &s),
			ERR_OK);
		put_final(&final, rows[i].gs2, rows[i].data, buf_slice(&out));
		buf_reset(&out);
		assert_int_equal(
			scram_final(s, buf_slice(&final), &out), rows[i].err);
		scram_free(s);
		buf_free(&out);
		buf_free(&final);
	}
}

static void test_password(void **state)
{
	static const struct {
		struct slice password;
		enum err err;
	} rows[] = {
		{ SLICE("pass word"), ERR_OK },
		{ SLICE("p\xc3\xa4ss"), ERR_OK },
		{ SLICE("p\xe4ss"), ERR_ENCODING },
		{ SLICE("p\tss"), ERR_ENCODING },
		{ SLICE(""), ERR_LIMIT },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			password_prepare(rows[i].password), rows[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_bound_proof),
		cmocka_unit_test(test_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
