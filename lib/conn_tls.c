/* SPDX-License-Identifier: EUPL-1.2 */
/* A connection's TLS: handshake, records, close_notify. Non-blocking on the
 * socket itself; a want of the other direction is noted for the watch. */
#include <openssl/err.h>
#include <stdio.h>

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
