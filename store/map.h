/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the map, which is why an old page is refused. 8 bytes of the
 * tag of every page that lies in a database file. In memory while the file is
 * in use; written beside it, sealed and numbered, when a journal file retires.
 */
#ifndef STORE_MAP_H
#define STORE_MAP_H

#include "seal.h"

#include <bastide/store.h>

/* Pages are numbered from 1. 0: the page was never written and reads as
 * zeros. */
struct map {
	uint64_t *tag;
	uint32_t n, cap;
};

void map_free(struct map *m);
/* Grows the map where needed. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err map_set(
	struct map *m, uint32_t page, const uint8_t tag[SEAL_TAG]);
/* Forgets the pages after `pages`. */
void map_cut(struct map *m, uint32_t pages);
bool map_knows(const struct map *m, uint32_t page);
/* Is this the tag that was last written there? */
bool map_matches(
	const struct map *m, uint32_t page, const uint8_t tag[SEAL_TAG]);
/* A tag that the map could not tell from "never written". */
bool map_taboo(const uint8_t tag[SEAL_TAG]);

/* What a map file says about its database file. */
struct map_file {
	struct oid tenant;
	uint32_t account;
	uint64_t serial;
	uint8_t id[16];                /* of the database file */
	uint8_t wrapped[SEAL_WRAPPED]; /* its key, under the account's */
	uint32_t pages;                /* SQLite's size of the database */
	uint64_t writes;               /* pages sealed under this key */
	uint64_t journal_from;         /* the tenant's: first to replay */
	struct map map;
};

/* Appends the whole sealed file to `out`. */
MUST_CHECK enum err map_seal(const struct map_file *f,
	const struct secret *account_key, struct buf *out);
/* Opens a whole sealed file that must be this account's with this number.
 * ERR_CORRUPT, ERR_VERSION, ERR_NOMEM. The caller frees out->map. */
MUST_CHECK enum err map_open(struct slice file, const struct oid *tenant,
	uint32_t account, uint64_t serial, const struct secret *account_key,
	struct map_file *out);
/* The sealed part in clear. No I/O, no key. */
MUST_CHECK enum err map_parse(struct slice payload, struct map_file *out);

/* "map-<account>-<serial>", in a buffer of MAP_NAME. */
#define MAP_NAME 40
void map_name(char out[MAP_NAME], uint32_t account, uint64_t serial);

#endif
