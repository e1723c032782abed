/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), server side.
 *
 *	client-first  n,,n=user,r=cnonce     PLUS: p=tls-exporter,,n=...
 *	server-first  r=cnonce snonce,s=salt,i=iterations
 *	client-final  c=biws,r=cnonce snonce,p=ClientProof
 *	server-final  v=ServerSignature
 *
 * An unknown user gets the same dialogue with a salt derived from his name, so
 * the answer does not tell whether he exists.
 */
#include <bastide/crypt.h>
#include <bastide/cursor.h>
#include <bastide/limits.h>

#include "scram.h"

#define NONCE_BYTES 18
#define NONCE_MAX 256

struct scram {
	bool known;
	struct scram_verifier v;
	struct buf gs2;   /* gs2-header as it came, and with PLUS what it
			   * binds to: c= must repeat it */
	struct buf nonce; /* whole */
	struct buf auth;  /* AuthMessage (RFC 5802 3) */
};

struct first {
	char flag;            /* 'n', 'y' or 'p' */
	struct slice binding; /* name behind 'p' */
	struct slice gs2;     /* "n,," or "y,," with an authzid */
	struct slice authzid; /* as it came; NULL: none */
	struct slice bare;    /* client-first-message-bare */
	struct slice name, nonce;
};

/* printable = %x21-2B / %x2D-7E (RFC 5802 7) */
static bool is_printable(unsigned char c)
{
	return c >= 0x21 && c <= 0x7e && c != ',';
}

/* cb-name (RFC 5802 7) */
static bool is_binding(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool is_value(unsigned char c)
{
	return c && c != ',';
}

/* gs2-header [reserved-mext] username "," nonce ["," extensions] */
static enum err parse_first(struct slice message, struct first *f)
{
	struct cursor c = cursor_of(message);
	if (message.n > LIMIT_SASL_MESSAGE)
		return ERR_LIMIT;
	*f = (struct first){ .flag = p_peek(&c) };
	if (!p_char(&c, 'n') && !p_char(&c, 'y') &&
		!(p_word(&c, "p=") && p_run(&c, is_binding, &f->binding)))
		return ERR_SYNTAX;
	if (!p_char(&c, ','))
		return ERR_SYNTAX;
	if (p_word(&c, "a=") && !p_run(&c, is_value, &f->authzid))
		return ERR_SYNTAX;
	if (!p_char(&c, ','))
		return ERR_SYNTAX;
	f->gs2 = slice_head(message, message.n - cursor_rest(&c).n);
	f->bare = cursor_rest(&c);
	if (p_peek(&c) == 'm')
		return ERR_UNSUPPORTED; /* mandatory extension (5.1) */
	if (!p_word(&c, "n=") || !p_run(&c, is_value, &f->name) ||
		!p_word(&c, ",r=") || !p_run(&c, is_printable, &f->nonce) ||
		f->nonce.n > NONCE_MAX || f->name.n > LIMIT_ADDRESS * 3)
		return ERR_SYNTAX;
	return p_end(&c) || p_peek(&c) == ',' ? ERR_OK : ERR_SYNTAX;
}

enum err sasl_name(struct slice name, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c == '=') {
			struct slice code =
				slice_head(slice_from(name, i + 1), 2);
			if (slice_eqs(code, "2C"))
				c = ',';
			else if (slice_eqs(code, "3D"))
				c = '=';
			else
				return ERR_SYNTAX;
			i += 2;
		}
		TRY(buf_addc(out, c));
	}
	return utf8_valid(buf_slice(out)) ? ERR_OK : ERR_SYNTAX;
}

enum err scram_user(struct slice client_first, struct buf *out)
{
	struct first f;

	TRY(parse_first(client_first, &f));
	return sasl_name(f.name, out);
}

/* --- verifiers --------------------------------------------------------------- */

static enum err stored_key(const uint8_t salted[32], uint8_t out[32])
{
	uint8_t client_key[32];

	TRY(hmac_sha256(
		slice_of(salted, 32), slice_str("Client Key"), client_key));
	enum err e = sha256(slice_of(client_key, 32), out);
	mem_wipe(client_key, sizeof(client_key));
	return e;
}

enum err scram_verifier_make(const uint8_t salted[32], struct scram_verifier *v)
{
	TRY(stored_key(salted, v->stored_key));
	return hmac_sha256(
		slice_of(salted, 32), slice_str("Server Key"), v->server_key);
}

bool scram_verifier_check(
	const struct scram_verifier *v, const uint8_t salted[32])
{
	uint8_t key[32];

	return stored_key(salted, key) == ERR_OK &&
	       mem_same(key, v->stored_key, 32);
}

static enum err fake_verifier(
	struct slice name, const uint8_t fake_key[32], struct scram_verifier *v)
{
	uint8_t digest[32];

	TRY(hmac_sha256(slice_of(fake_key, 32), name, digest));
	v->iterations = SCRAM_ITERATIONS;
	memcpy(v->salt, digest, sizeof(v->salt));
	TRY(random_bytes(v->stored_key, sizeof(v->stored_key)));
	return random_bytes(v->server_key, sizeof(v->server_key));
}

/* --- the exchange ------------------------------------------------------------ */

void scram_free(struct scram *s)
{
	if (!s)
		return;
	buf_free(&s->gs2);
	buf_free(&s->nonce);
	buf_free(&s->auth);
	mem_wipe(s, sizeof(*s));
	mem_free(s);
}

/* Adds what the client must know of the connection (RFC 5802 6). */
static enum err bind_to(struct scram *s, const struct first *f, bool plus,
	const struct sasl_binding *b)
{
	struct slice data = { 0 };

	if (!plus) {
		/* 'y': somebody hides from the client that we can. */
		bool can = b->n_exporter || b->n_endpoint;
		return f->flag == 'p' || (f->flag == 'y' && can) ? ERR_AUTH
								 : ERR_OK;
	}
	if (slice_eqs(f->binding, "tls-exporter"))
		data = slice_of(b->exporter, b->n_exporter);
	else if (slice_eqs(f->binding, "tls-server-end-point"))
		data = slice_of(b->endpoint, b->n_endpoint);
	return data.n ? buf_add_slice(&s->gs2, data) : ERR_AUTH;
}

static enum err begin(struct scram *s, const struct first *f, bool plus,
	const struct sasl_binding *binding, struct slice nonce,
	struct buf *server_first)
{
	size_t from = server_first->n;

	buf_add_slice(&s->gs2, f->gs2);
	TRY(bind_to(s, f, plus, binding));
	buf_add_slice(&s->nonce, f->nonce);
	buf_add_slice(&s->nonce, nonce);
	buf_addf(server_first, "r=%.*s,s=", SLICE_ARG(buf_slice(&s->nonce)));
	base64_encode(server_first, slice_of(s->v.salt, sizeof(s->v.salt)));
	buf_addf(server_first, ",i=%u", s->v.iterations);
	buf_add_slice(&s->auth, f->bare);
	buf_addc(&s->auth, ',');
	buf_add_slice(&s->auth, slice_from(buf_slice(server_first), from));
	TRY(buf_err(server_first));
	TRY(buf_err(&s->nonce));
	TRY(buf_err(&s->gs2));
	return buf_err(&s->auth);
}

enum err scram_first_nonce(struct slice client_first, bool plus,
	const struct sasl_binding *binding, const struct scram_verifier *v,
	const uint8_t fake_key[32], struct slice nonce,
	struct buf *server_first, struct scram **out)
{
	struct first f;

	TRY(parse_first(client_first, &f));
	/* Acting for somebody else is not provided (RFC 5802 5). */
	if (f.authzid.p && !slice_eq(f.authzid, f.name))
		return ERR_AUTH;
	struct scram *s = mem_new(struct scram);
	if (!s)
		return ERR_NOMEM;
	buf_init(&s->gs2, LIMIT_SASL_MESSAGE);
	buf_init(&s->nonce, 2 * NONCE_MAX);
	buf_init(&s->auth, 3 * LIMIT_SASL_MESSAGE);
	s->known = v != NULL;
	enum err e = ERR_OK;
	if (v)
		s->v = *v;
	else
		e = fake_verifier(f.name, fake_key, &s->v);
	if (e == ERR_OK)
		e = begin(s, &f, plus, binding, nonce, server_first);
	if (e != ERR_OK) {
		scram_free(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

enum err scram_first(struct slice client_first, bool plus,
	const struct sasl_binding *binding, const struct scram_verifier *v,
	const uint8_t fake_key[32], struct buf *server_first,
	struct scram **out)
{
	uint8_t raw[NONCE_BYTES];
	struct buf nonce;

	TRY(random_bytes(raw, sizeof(raw)));
	buf_init(&nonce, 64);
	enum err e = base64_encode(&nonce, slice_of(raw, sizeof(raw)));
	if (e == ERR_OK)
		e = scram_first_nonce(client_first, plus, binding, v, fake_key,
			buf_slice(&nonce), server_first, out);
	buf_free(&nonce);
	return e;
}

struct final {
	struct slice binding, nonce, proof;
	struct slice without_proof;
};

/* channel-binding "," nonce ["," extensions] "," proof */
static enum err parse_final(struct slice message, struct final *f)
{
	struct cursor c = cursor_of(message);
	struct slice ignored;

	if (message.n > LIMIT_SASL_MESSAGE)
		return ERR_LIMIT;
	if (!p_word(&c, "c=") || !p_run(&c, is_value, &f->binding) ||
		!p_word(&c, ",r=") || !p_run(&c, is_printable, &f->nonce))
		return ERR_SYNTAX;
	while (!slice_iprefix(cursor_rest(&c), ",p="))
		if (!p_char(&c, ',') || !p_run(&c, is_value, &ignored))
			return ERR_SYNTAX;
	f->without_proof = slice_head(message, message.n - cursor_rest(&c).n);
	if (!p_word(&c, ",p=") || !p_run(&c, is_value, &f->proof) || !p_end(&c))
		return ERR_SYNTAX;
	return ERR_OK;
}

/* base64 of exactly the bytes `want`. */
static bool decodes_to(struct slice base64, struct slice want)
{
	struct buf b;

	buf_init(&b, LIMIT_SASL_MESSAGE);
	bool same = base64_decode(&b, base64) == ERR_OK &&
		    slice_eq(buf_slice(&b), want);
	buf_free(&b);
	return same;
}

/* ClientProof XOR ClientSignature must hash to StoredKey (RFC 5802 3). */
static enum err check_proof(struct scram *s, struct slice proof_base64)
{
	uint8_t signature[32], key[32];
	struct buf proof;
	enum err e;

	buf_init(&proof, 64);
	e = base64_decode(&proof, proof_base64);
	if (e != ERR_OK || proof.n != 32) {
		e = ERR_AUTH;
		goto out;
	}
	e = hmac_sha256(
		slice_of(s->v.stored_key, 32), buf_slice(&s->auth), signature);
	if (e != ERR_OK)
		goto out;
	for (size_t i = 0; i < 32; i++)
		signature[i] ^= (uint8_t)proof.p[i];
	e = sha256(slice_of(signature, 32), key);
	if (e == ERR_OK && (!mem_same(key, s->v.stored_key, 32) || !s->known))
		e = ERR_AUTH;
out:
	mem_wipe(signature, sizeof(signature));
	buf_free(&proof);
	return e;
}

enum err scram_final(
	struct scram *s, struct slice client_final, struct buf *server_final)
{
	struct final f;
	uint8_t signature[32];

	TRY(parse_final(client_final, &f));
	if (!decodes_to(f.binding, buf_slice(&s->gs2)) ||
		!slice_eq(f.nonce, buf_slice(&s->nonce)))
		return ERR_AUTH;
	buf_addc(&s->auth, ',');
	TRY(buf_add_slice(&s->auth, f.without_proof));
	TRY(check_proof(s, f.proof));
	TRY(hmac_sha256(
		slice_of(s->v.server_key, 32), buf_slice(&s->auth), signature));
	buf_adds(server_final, "v=");
	return base64_encode(server_final, slice_of(signature, 32));
}
