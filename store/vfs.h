/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the SQLite VFS `seal`. A database is a struct dbfile, its
 * write-ahead log is memory, and nothing else can be opened through it.
 */
#ifndef STORE_VFS_H
#define STORE_VFS_H

#include <sqlite3.h>

#include "dbfile.h"

#define VFS_NAME "bastide-seal"
#define WAL_HEAD 32
#define WAL_FRAME_HEAD 24

/* The log of one connection. Frame i (from 1) lies at WAL_HEAD + (i - 1) *
 * (WAL_FRAME_HEAD + PAGE_SIZE). */
struct wal {
	sqlite3_file base;
	uint8_t *p;
	size_t n, cap;
	uint64_t restarts; /* how often SQLite began it anew */
};

/* Registers the VFS; any number of times. */
MUST_CHECK enum err vfs_init(void);
/* A connection to the file. `f` must outlive it. */
MUST_CHECK enum err vfs_connect(struct dbfile *f, sqlite3 **out);
/* The connection's log; NULL before anything was read. */
struct wal *vfs_wal(sqlite3 *c);
/* So that the next `n` frames cannot fail for want of memory. */
MUST_CHECK enum err vfs_wal_reserve(struct wal *w, size_t n);
/* Frame `i`: its page number and SQLite's page. */
uint32_t vfs_frame(const struct wal *w, uint32_t i, const uint8_t **page_out);
/* For the last frame of a commit: the database's size in pages. */
uint32_t vfs_frame_pages(const struct wal *w, uint32_t i);

#endif
