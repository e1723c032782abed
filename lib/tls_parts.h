/* SPDX-License-Identifier: EUPL-1.2 */
/* What conn_tls.c needs of a context. */
#ifndef LIB_TLS_PARTS_H
#define LIB_TLS_PARTS_H

#include <openssl/ssl.h>

#include <bastide/tls.h>

/* A new session on `fd`: server or client as the context is. */
MUST_CHECK enum err tls_session_new(struct tls_context *t, int fd, SSL **out);

/* A client's session: whom it expects, before the handshake. */
MUST_CHECK enum err tls_session_expect(SSL *ssl, const char *name, bool verify);

#endif
