/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often somebody may be refused: token buckets per source address and per
 * account, in tables of a fixed size, so that an attacker with many addresses
 * costs no memory. A try takes a token of each; a login that succeeds gives
 * them back. While tries are under way it is not known yet whether they will,
 * so that one more waits for them (door.c) and is not refused: an office
 * behind one address signs in all at once. An address from which an account
 * signed in within a day does not depend on that account's bucket, so that
 * strangers cannot lock its owner out.
 */
#ifndef DAEMON_ATTEMPTS_H
#define DAEMON_ATTEMPTS_H

#include <bastide/config.h>

struct attempts;
struct attempt {
	uint64_t source, account;         /* keyed digests */
	bool source_taken, account_taken; /* a token is held */
};
enum attempt_room {
	ATTEMPT_TAKEN,
	ATTEMPT_WAIT,    /* what is under way may give its tokens back */
	ATTEMPT_REFUSED, /* too many were refused */
};
enum attempt_end {
	ATTEMPT_GOOD,      /* a right password: the tokens come back */
	ATTEMPT_UNDECIDED, /* nothing was compared: they come back */
	ATTEMPT_BAD,       /* also a session that left without an answer */
};

MUST_CHECK enum err attempts_new(const struct config *c, struct attempts **out);
void attempts_free(struct attempts *a);
/* One client address stands for its network: IPv6 by /64. `key` is secret, so
 * that nobody can choose names that meet in the table. */
MUST_CHECK enum err attempt_of(const uint8_t key[32], struct slice peer,
	struct slice address, struct attempt *out);
/* Unless ATTEMPT_TAKEN, nothing was taken. */
MUST_CHECK enum attempt_room attempts_take(
	struct attempts *a, struct attempt *t, uint64_t now_ms);
/* Once for each that was taken; nothing when it holds no token. */
void attempts_end(struct attempts *a, struct attempt *t, enum attempt_end end,
	uint64_t now_ms);

#endif
