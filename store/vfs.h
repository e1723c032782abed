/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the SQLite VFS `seal`. A database is a struct dbfile, its
 * write-ahead log is memory, and nothing else can be opened through it.
 */
#ifndef STORE_VFS_H
#define STORE_VFS_H

#include <sqlite3.h>

#include "wal.h"

#define VFS_NAME "bastide-seal"

/* The log of one connection. */
struct wal {
	sqlite3_file base;
	struct wal_memory memory;
	uint64_t restarts; /* how often SQLite began it anew */
};

/* Registers the VFS; any number of times. */
MUST_CHECK enum err vfs_init(void);
/* A connection to the file. `f` must outlive it. */
MUST_CHECK enum err vfs_connect(struct dbfile *f, sqlite3 **out);
/* The connection's log; NULL before anything was read. */
struct wal *vfs_wal(sqlite3 *c);
/* Frame `i`: its page number and SQLite's page. */
uint32_t vfs_frame(const struct wal *w, uint32_t i, const uint8_t **page_out);
/* For the last frame of a commit: the database's size in pages. */
uint32_t vfs_frame_pages(const struct wal *w, uint32_t i);

#endif
