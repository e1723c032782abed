/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A store on a bad disk, and beside it what must be in it after each commit.
 * The workload is drawn from a seed: rows in several accounts at once, bodies
 * in segments, accounts made and destroyed, rollbacks, housekeeping.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "disk.h"

#include "../../store/internal.h"
#include "../../store/segment.h"

#define ACCOUNTS 6 /* 0 is the tenant's */
#define ROWS 24

/* What one account holds; value 0: no row. */
struct content {
	bool exists;
	uint32_t number; /* account number: never used twice */
	int64_t value[ROWS];
	bool body[ROWS];
};

struct moment {
	uint64_t commit;
	struct content account[ACCOUNTS];
};

struct world {
	struct disk *disk;
	struct oid tenant;
	struct secret *key;
	struct store *store;
	struct head head; /* kept outside */
	enum err failed;
	uint64_t random;
	uint64_t acknowledged; /* highest durable number told */
	uint32_t next_number;
	int64_t next_value;
	struct moment *moment; /* oldest first */
	size_t n_moments, cap_moments;
	/* tuning */
	uint64_t file_limit;
	unsigned body_max; /* KiB */
	bool slack;        /* heads are kept late or never told of */
};

void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);
uint64_t world_draw(struct world *w, uint64_t below);
enum err world_open(struct world *w, bool create);
/* One random thing; errors of the disk end in w->failed or are returned. */
enum err world_step(struct world *w);
/* Waits until all is durable. */
void world_settle(struct world *w);
/* Closes, cleanly or after a failure. */
void world_close(struct world *w);
/* Is exactly the content of `commit` there, and is that not less than what was
 * acknowledged? Explains in `why` (256 bytes) what is not. */
bool world_check(struct world *w, uint64_t commit, char *why);
/* What came after that commit never was. */
void world_forget(struct world *w, uint64_t commit);

#endif
