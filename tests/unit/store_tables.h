/* SPDX-License-Identifier: EUPL-1.2 */
/* What tests of the store share: a store in the test's folder whose head is
 * kept in memory, and rows in the table `thing`. */
#ifndef TESTS_STORE_TABLES_H
#define TESTS_STORE_TABLES_H

#include "../../store/db.h"

#define PLACE_KEY "0123456789abcdef0123456789abcdef"

struct place {
	char dir[128];
	struct oid tenant;
	struct secret *key;
	struct head head; /* as keyd keeps it */
	bool keep;        /* heads are kept at once */
	struct medium *medium;
	struct store *store;
	uint64_t durable;
	enum err failed;
	unsigned heads;
};

/* A new folder below the test's own. */
void place_init(struct place *p, const char *name);
void place_done(struct place *p);
enum err place_open(struct place *p, bool create);
/* Until everything committed is durable and nothing is left to do. */
void place_settle(struct place *p);
void place_close(struct place *p);

enum err thing_put(struct db *d, int64_t id, int64_t value, size_t bytes);
/* -1: no such row. */
int64_t thing_get(struct db *d, int64_t id);
enum err thing_commit(struct place *p, uint32_t account, int64_t id,
	int64_t value, size_t bytes);

#endif
