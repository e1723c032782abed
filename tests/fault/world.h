/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A store on a bad disk, the keeper of its head, and a seed from which
 * everything that happens is drawn. What is done to the store, and what must
 * be in it then, is said by one of two workloads: things.c (the core alone)
 * and people.c (everything, through the contracts).
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "disk.h"

#include "../../store/internal.h"

struct work;

struct world {
	struct disk *disk;
	struct oid tenant;
	struct secret *key;
	struct store *store;
	struct head head; /* kept outside */
	enum err failed;
	uint64_t random;
	uint64_t acknowledged; /* highest durable number told */
	uint64_t file_limit;
	bool slack; /* heads are kept late or never told of */
	struct work *work;
};

void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);
uint64_t world_draw(struct world *w, uint64_t below);
enum err world_open(struct world *w, bool create);
/* One random thing; errors of the disk end in w->failed or are returned. */
enum err world_step(struct world *w);
/* Waits until all is durable. */
void world_settle(struct world *w);
/* Every invariant holds; prints what does not. */
bool world_verify(struct world *w);
/* Closes, cleanly or after a failure. */
void world_close(struct world *w);

/* --- the workload ----------------------------------------------------------- */
/* For a store that was just made. */
struct work *work_new(struct world *w);
void work_free(struct work *k);
/* Gives up what is open: the store is closed next. */
void work_release(struct world *w);
/* One transaction. */
enum err work_step(struct world *w);
/* Prints what was done; false: something never was. */
bool work_report(void);
/* Is exactly the content of `commit` there, and is that not less than what was
 * acknowledged? Explains in `why` (256 bytes) what is not. */
bool work_check(struct world *w, uint64_t commit, char *why);
/* What came after that commit never was. */
void work_forget(struct world *w, uint64_t commit);

#endif
