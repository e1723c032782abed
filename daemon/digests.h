/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A set of keyed digests of addresses, each with the tenant whose it is: all
 * that the router knows of people. 20 bytes and a third per address.
 */
#ifndef DAEMON_DIGESTS_H
#define DAEMON_DIGESTS_H

#include <bastide/buf.h>

#define DIGEST 16

struct digests {
	uint8_t *slots; /* DIGEST bytes and the owner, 4 bytes; owner 0: free */
	size_t cap, n;  /* cap: a power of two */
};

void digests_free(struct digests *d);
/* Owner 0 is nobody. */
uint32_t digests_find(const struct digests *d, const uint8_t digest[DIGEST]);
/* Takes it over from another owner. ERR_NOMEM. */
MUST_CHECK enum err digests_add(
	struct digests *d, const uint8_t digest[DIGEST], uint32_t owner);
void digests_remove(struct digests *d, const uint8_t digest[DIGEST]);
void digests_remove_owner(struct digests *d, uint32_t owner);
/* Walks: *at begins at 0; false at the end. */
bool digests_next(const struct digests *d, size_t *at, const uint8_t **digest,
	uint32_t *owner);

#endif
