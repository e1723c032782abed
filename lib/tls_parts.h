/* SPDX-License-Identifier: EUPL-1.2 */
/* What conn_tls.c needs of a context. */
#ifndef LIB_TLS_PARTS_H
#define LIB_TLS_PARTS_H

#include <openssl/ssl.h>

#include <bastide/buf.h>
#include <bastide/tls.h>

/* A new session on `fd`: server or client as the context is. */
MUST_CHECK enum err tls_session_new(struct tls_context *t, int fd, SSL **out);

/* A client's session: whom it expects, before the handshake. */
MUST_CHECK enum err tls_session_expect(SSL *ssl, const char *name, bool verify);

/* Asks the client for a certificate, which it need not have, when the context
 * has authorities of clients. Before the handshake. */
void tls_session_ask(SSL *ssl);

/* tls_names.c: `wanted` when the certificate has it as an address, or with
 * nothing wanted its only rfc822Name. ERR_AUTH. */
MUST_CHECK enum err tls_user(X509 *x, struct slice wanted, struct buf *out);

#endif
