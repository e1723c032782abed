/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: one database file. Page n lies at (n - 1) * 4096, sealed;
 * there is nothing else in it. What a checkpoint writes goes into memory first
 * (pending pages), and into the file by dbfile_flush() once the commits it
 * comes from are durable: the file never holds a page of a commit that a crash
 * could take back.
 */
#ifndef STORE_DBFILE_H
#define STORE_DBFILE_H

#include "map.h"
#include "medium.h"
#include "page_index.h"
#include "record.h"

struct pending {
	struct pending_page {
		uint32_t page;
		uint8_t *plain;
	} * item;
	size_t n, cap;
	struct page_index index; /* of them: place in `item` + 1 */
	size_t flushed;          /* items written already */
};

struct dbfile {
	struct medium *m;
	struct oid tenant;
	uint32_t account;
	struct medium_file *file; /* opened at first use */
	bool known;               /* a map says that the file exists */
	uint8_t id[16];
	uint8_t wrapped[SEAL_WRAPPED];
	struct seal *key;
	struct map map; /* what lies in the file */
	uint64_t writes;
	uint32_t pages;      /* what SQLite sees */
	uint32_t file_pages; /* what it saw when the file was whole last */
	struct pending pending;
	bool checkpointing; /* SQLite may write to the database now */
	enum err err;       /* first failure below SQLite, for its caller */
};

/* A database file that does not exist yet: new name, new key. */
MUST_CHECK enum err dbfile_new(struct dbfile *f, struct medium *m,
	const struct oid *tenant, uint32_t account,
	const struct secret *account_key);
/* The one that a map describes. Takes mf->map. */
MUST_CHECK enum err dbfile_load(struct dbfile *f, struct medium *m,
	struct map_file *mf, const struct secret *account_key);
void dbfile_done(struct dbfile *f);

/* One page as SQLite sees it: PAGE_SIZE bytes, zeros in the reserved part.
 * ERR_CORRUPT: altered, or not the newest; `out` is zeros then. */
MUST_CHECK enum err dbfile_read(struct dbfile *f, uint32_t page, uint8_t *out);
/* Does what lies in the file verify? Pages that are not there do. */
MUST_CHECK enum err dbfile_verify(struct dbfile *f, uint32_t page);
/* Into the pending pages. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err dbfile_put(
	struct dbfile *f, uint32_t page, const uint8_t *plain);
/* The bytes of a page that is pending, to change them; NULL: it is not. */
uint8_t *dbfile_put_again(struct dbfile *f, uint32_t page);
void dbfile_resize(struct dbfile *f, uint32_t pages);
/* Writes pending pages into the file, at most `max` of them. ERR_AGAIN: there
 * are more. ERR_NOSPACE: all is as before, try later. */
MUST_CHECK enum err dbfile_flush(struct dbfile *f, size_t max);
static inline bool dbfile_pending(const struct dbfile *f)
{
	return f->pending.n > 0;
}
size_t dbfile_memory(const struct dbfile *f);
/* Fills what a map file says about this one; `map` is lent. */
void dbfile_describe(const struct dbfile *f, struct map_file *out);

void dbfile_name(char out[STORE_NAME], uint32_t account);

#endif
