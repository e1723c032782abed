/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SASL server side without I/O: PLAIN (RFC 4616), SCRAM-SHA-256 and
 * SCRAM-SHA-256-PLUS (RFC 5802, 7677), OAUTHBEARER (RFC 7628) and XOAUTH2.
 * LOGIN is turned into PLAIN by the front. Runs in the tenantd, which has the
 * verifiers.
 */
#ifndef BASTIDE_SASL_H
#define BASTIDE_SASL_H

#include <bastide/buf.h>
#include <bastide/mem.h>

#define SCRAM_PLUS "SCRAM-SHA-256-PLUS"
#define SCRAM_ITERATIONS                                                       \
	15000 /* RFC 7677 4: at least 4,096; OWASP-like cost
				* is kept low by the worker and a login cache */

/* Name the client gave, for the router; borrowed or in `out`. ERR_SYNTAX. */
MUST_CHECK enum err sasl_user(
	struct slice mechanism, struct slice message, struct buf *out);

struct sasl_plain {
	struct slice authzid, authcid, password;
};
MUST_CHECK enum err sasl_plain_parse(
	struct slice message, struct sasl_plain *out);

/* OAUTHBEARER and XOAUTH2: the name is added to `user`, the token borrowed. A
 * name must be there: it is what the tenant is found by (RFC 7628 3.1). */
MUST_CHECK enum err sasl_bearer_parse(struct slice mechanism,
	struct slice message, struct buf *user, struct slice *token);

/* What a server keeps instead of a password. */
struct scram_verifier {
	uint32_t iterations;
	uint8_t salt[16];
	uint8_t stored_key[32];
	uint8_t server_key[32];
};
/* From SaltedPassword = PBKDF2(password, salt, iterations) (worker). */
MUST_CHECK enum err scram_verifier_make(
	const uint8_t salted[32], struct scram_verifier *v);
/* True when the salted password is the right one. */
bool scram_verifier_check(
	const struct scram_verifier *v, const uint8_t salted[32]);
/* RFC 7613 OpaqueString: what is hashed. ASCII passes as it is; other text is
 * checked to be UTF-8 without control characters. ERR_ENCODING. */
MUST_CHECK enum err password_prepare(struct slice password);

/* What ties a login to the TLS connection that it comes over. Sizes of 0: the
 * connection has none. */
struct sasl_binding {
	uint8_t exporter[32]; /* tls-exporter, RFC 9266 */
	uint8_t endpoint[64]; /* tls-server-end-point, RFC 5929 4 */
	size_t n_exporter, n_endpoint;
};

struct scram; /* one exchange */
/* client-first-message; gives server-first-message. `plus`: the mechanism is
 * SCRAM-SHA-256-PLUS. ERR_AUTH: it binds to something else than `binding`, or
 * says that we cannot bind where we can (RFC 5802 6). `v` NULL: no such user;
 * the exchange goes on with a made-up salt (keyed by `fake_key`, so that it is
 * the same each time) and fails at its end. */
MUST_CHECK enum err scram_first(struct slice client_first, bool plus,
	const struct sasl_binding *binding, const struct scram_verifier *v,
	const uint8_t fake_key[32], struct buf *server_first,
	struct scram **out);
/* client-final-message; gives server-final-message. ERR_AUTH. */
MUST_CHECK enum err scram_final(
	struct scram *s, struct slice client_final, struct buf *server_final);
void scram_free(struct scram *s);

#endif
