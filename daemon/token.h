/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bearer tokens that are JWTs (RFC 7519, RFC 9068), verified by configured keys
 * only. In the worker: JSON and signatures of strangers, and no secret.
 */
#ifndef DAEMON_TOKEN_H
#define DAEMON_TOKEN_H

#include <jansson.h>

#include <bastide/buf.h>

/* What a good token has. All are borrowed; `scope` may be empty: any. */
struct token_rules {
	struct slice keys; /* a JWK Set (RFC 7517 5), as text */
	struct slice issuer, audience, scope;
	struct slice claim; /* name of the one that has the user's address */
	struct slice user;  /* that address, in normal form */
	int64_t now;        /* seconds since 1970 */
};

/* ERR_OK and why it is refused, "" for a good one: a word for the log.
 * ERR_CORRUPT: the key set cannot be read. */
MUST_CHECK enum err token_check(
	struct slice token, const struct token_rules *rules, const char **why);

/* --- jwk.c ------------------------------------------------------------------- */
/* Is `alg` (RFC 7518 3.1, RFC 8037) one that is verified here? */
bool jwk_knows(const char *alg);
/* Is `signature` that of `input` by a key of the set which fits `alg`, and
 * `kid` where both have one? `kid` may be NULL. *tried: whether a key fits. */
bool jwk_verify(const json_t *keys, const char *alg, const char *kid,
	struct slice input, struct slice signature, bool *tried);
/* RFC 4648 5 without padding; strict (RFC 7515 2). */
MUST_CHECK enum err base64url_decode(struct buf *b, struct slice s);

#endif
