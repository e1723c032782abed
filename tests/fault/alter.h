/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What somebody who writes to the disk of a stopped server can do to a store:
 * one row per kind of alteration. He has older copies of the same store and
 * the store of another tenant, under the same key, to take things from.
 */
#ifndef TESTS_ALTER_H
#define TESTS_ALTER_H

#include "picture.h"
#include "world.h"

/* Where a chunk of a body lies. */
struct place {
	uint32_t account;
	uint64_t segment, offset;
	size_t n;
};

/* A stopped store. */
struct image {
	struct disk *disk;
	struct head head;
	struct picture
		*truth; /* states that an open may end with, newest last */
	size_t n_truths;
};

#define OLD 3
struct victim {
	struct world *dice;
	const struct image *image; /* altered in a copy: */
	struct disk *disk;
	struct head head;
	const struct image *old[OLD];
	const struct image *other; /* tenant */
	const struct place *place;
	size_t n_places;
};

enum expect {
	EITHER,      /* some are refused, some touch nothing that is read */
	ALL_REFUSED, /* each one must be */
	ANYTHING     /* may all be harmless */
};

struct alteration {
	const char *name;
	bool (*apply)(struct victim *v); /* false: found nothing to alter */
	enum expect expect;
	bool replay; /* of pages: what the map alone refuses */
};
extern const struct alteration alterations[];
extern const size_t n_alterations;

#endif
