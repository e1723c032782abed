/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often somebody may be refused: token buckets per source address and per
 * account, in tables of a fixed size, so that an attacker with many addresses
 * costs no memory. A try takes a token of each; a login that succeeds gives
 * them back. An address from which an account signed in within a day does not
 * depend on that account's bucket, so that strangers cannot lock its owner out.
 */
#ifndef DAEMON_ATTEMPTS_H
#define DAEMON_ATTEMPTS_H

#include <bastide/config.h>

struct attempts;
struct attempt {
	uint64_t source, account; /* keyed digests */
};

MUST_CHECK enum err attempts_new(const struct config *c, struct attempts **out);
void attempts_free(struct attempts *a);
/* One client address stands for its network: IPv6 by /64. `key` is secret, so
 * that nobody can choose names that meet in the table. */
MUST_CHECK enum err attempt_of(const uint8_t key[32], struct slice peer,
	struct slice address, struct attempt *out);
/* False: too many; nothing was taken. */
bool attempts_take(
	struct attempts *a, const struct attempt *t, uint64_t now_ms);
/* It was a right password: the tokens come back. */
void attempts_good(
	struct attempts *a, const struct attempt *t, uint64_t now_ms);

#endif
