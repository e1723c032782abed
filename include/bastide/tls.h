/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * TLS 1.2 and 1.3 contexts on OpenSSL. Server: one certificate per name (SNI),
 * reloaded on demand; client (relayd): verification as its caller says.
 */
#ifndef BASTIDE_TLS_H
#define BASTIDE_TLS_H

#include <bastide/slice.h>

struct tls_context;
/* PEM texts: the certificate chain and its key. The first added is the default
 * for clients without SNI; others are chosen by their subjectAltNames. */
MUST_CHECK enum err tls_server_new(struct tls_context **out);
MUST_CHECK enum err tls_server_add(
	struct tls_context *t, struct slice chain, struct slice key);
/* PEM texts: the authorities that sign clients' certificates, and what they
 * revoked (may be empty: nothing). */
struct tls_clients {
	struct slice ca, crl;
};
/* Replaces all certificates at once; running connections keep theirs. Empty
 * `clients`: no client is asked for a certificate. */
MUST_CHECK enum err tls_server_reload(struct tls_context *t,
	const struct slice (*pairs)[2], size_t n, struct tls_clients clients);
/* `ca` PEM or empty for the system's; verify by RFC 6125 against the name. */
MUST_CHECK enum err tls_client_new(struct slice ca, struct tls_context **out);
void tls_context_free(struct tls_context *t);
/* Last OpenSSL reason of a failed call, without content. */
const char *tls_reason(void);

#endif
