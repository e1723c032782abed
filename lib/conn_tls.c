/* SPDX-License-Identifier: EUPL-1.2 */
/* A connection's TLS: handshake, records, close_notify. Non-blocking on the
 * socket itself; a want of the other direction is noted for the watch. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>

#include <bastide/sasl.h>

#include "conn_parts.h"

static enum err reason(struct conn *c, int r, bool *want_read, bool *want_write)
{
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		*want_read = true;
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*want_write = true;
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
	case SSL_ERROR_SYSCALL: /* cut off without close_notify */
		return ERR_EOF;
	default:
		/* Truncation is an end too; the rest breaks TLS's rules. */
		return ERR_GET_REASON(ERR_peek_error()) ==
				       SSL_R_UNEXPECTED_EOF_WHILE_READING
			       ? ERR_EOF
			       : ERR_SYNTAX;
	}
}

ssize_t tls_read(struct conn *c, void *p, size_t n, enum err *e)
{
	size_t got;
	bool want_read = false;

	c->read_wants_write = false;
	ERR_clear_error();
	int r = SSL_read_ex(c->ssl, p, n, &got);
	if (r == 1)
		return (ssize_t)got;
	*e = reason(c, r, &want_read, &c->read_wants_write);
	return -1;
}

ssize_t tls_write(struct conn *c, const void *p, size_t n, enum err *e)
{
	size_t put;
	bool want_write = false;

	c->write_wants_read = false;
	ERR_clear_error();
	int r = SSL_write_ex(c->ssl, p, n, &put);
	if (r == 1)
		return (ssize_t)put;
	*e = reason(c, r, &c->write_wants_read, &want_write);
	return -1;
}

void tls_shake(struct conn *c)
{
	bool want_read = false, want_write = false;

	ERR_clear_error();
	int r = SSL_do_handshake(c->ssl);
	c->active_ms = loop_now_ms();
	if (r == 1) {
		c->read_wants_write = false;
		c->tls = TLS_UP;
		c->tell_secured = true;
		snprintf(c->tls_text, sizeof(c->tls_text), "%s %s",
			SSL_get_version(c->ssl), SSL_get_cipher_name(c->ssl));
		conn_poke(c);
		return;
	}
	enum err e = reason(c, r, &want_read, &want_write);
	c->read_wants_write = want_write;
	if (e != ERR_AGAIN)
		conn_fail(c, e);
}

void tls_bye(struct conn *c)
{
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
}

/* --- the client's certificate --------------------------------------------------- */

void conn_ask_certificate(struct conn *c)
{
	c->ask_certificate = true;
	if (c->ssl)
		tls_session_ask(c->ssl);
}

bool conn_is_certified(const struct conn *c)
{
	/* A resumed session has proved no key (see tls.c: there is none). */
	return c->ask_certificate && c->ssl && c->tls == TLS_UP &&
	       SSL_is_server(c->ssl) && !SSL_session_reused(c->ssl) &&
	       SSL_get0_peer_certificate(c->ssl) &&
	       SSL_get_verify_result(c->ssl) == X509_V_OK;
}

enum err conn_certified_user(
	const struct conn *c, struct slice wanted, struct buf *out)
{
	return conn_is_certified(c)
		       ? tls_user(
				 SSL_get0_peer_certificate(c->ssl), wanted, out)
		       : ERR_AUTH;
}

/* --- channel binding ---------------------------------------------------------- */

/* RFC 9266 4.2: below TLS 1.3 only with the extended master secret. */
static void put_exporter(SSL *ssl, struct sasl_binding *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) < TLS1_3_VERSION &&
		SSL_get_extms_support(ssl) != 1)
		return;
	if (SSL_export_keying_material(ssl, out->exporter,
		    sizeof(out->exporter), label, sizeof(label) - 1, NULL, 0,
		    1) == 1)
		out->n_exporter = sizeof(out->exporter);
}

/* RFC 5929 4.1: the hash of the certificate's signature; for MD5 and SHA-1,
 * SHA-256. Not defined for a signature without one (Ed25519). */
static void put_endpoint(SSL *ssl, struct sasl_binding *out)
{
	X509 *x = SSL_get_certificate(ssl);
	unsigned n = 0;
	int hash;

	if (!x || !X509_get_signature_info(x, &hash, NULL, NULL, NULL))
		return;
	if (hash == NID_md5 || hash == NID_sha1)
		hash = NID_sha256;
	const EVP_MD *md = EVP_get_digestbynid(hash);
	if (md && (size_t)EVP_MD_get_size(md) <= sizeof(out->endpoint) &&
		X509_digest(x, md, out->endpoint, &n) == 1)
		out->n_endpoint = n;
}

void conn_binding(const struct conn *c, struct sasl_binding *out)
{
	*out = (struct sasl_binding){ 0 };
	if (!c->ssl || c->tls != TLS_UP)
		return;
	put_exporter(c->ssl, out);
	put_endpoint(c->ssl, out);
	ERR_clear_error();
}
