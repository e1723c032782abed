/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A picture of everything that the contracts let one read of a store: hashes
 * of what each call gave, in areas. An area ends at the call that refused, so
 * that a picture of a damaged store can be told from a picture of a wrong one.
 */
#ifndef TESTS_PICTURE_H
#define TESTS_PICTURE_H

#include <bastide/store.h>

struct area {
	char name[64];
	uint64_t *item;
	size_t n, cap;
	enum err end;
};

struct picture {
	struct area *area;
	size_t n, cap;
	enum err err; /* the first refusal */
	struct arena *arena;
};

void picture_init(struct picture *p);
void picture_free(struct picture *p);
/* Empties it. */
void picture_reset(struct picture *p);
/* The directory, queue, trace and audit; all bodies of the queue. */
void picture_tenant(struct picture *p, struct store *s);
/* Mail, flags, calendars, contacts and all their bodies. */
void picture_account(struct picture *p, struct store *s, uint32_t number);
/* Both, of everybody. */
void picture_store(struct picture *p, struct store *s);
uint64_t picture_digest(const struct picture *p);

enum verdict {
	PICTURE_SAME,
	PICTURE_REFUSED, /* less, with the store's own refusals; all of it true */
	PICTURE_WRONG
};
/* `why` (256 bytes) says where the first difference or refusal is. */
enum verdict picture_compare(
	const struct picture *truth, const struct picture *p, char *why);

#endif
