/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the bytes of one connection's write-ahead log, in blocks of
 * memory. Frame i (from 1) begins at WAL_HEAD + (i - 1) * WAL_FRAME and lies
 * whole in one block.
 */
#ifndef STORE_WAL_H
#define STORE_WAL_H

#include <bastide/slice.h>

#include "dbfile.h"

#define WAL_HEAD 32
#define WAL_FRAME_HEAD 24
#define WAL_FRAME (WAL_FRAME_HEAD + (size_t)PAGE_SIZE)

struct wal_memory {
	uint8_t head[WAL_HEAD];
	uint8_t **block;
	size_t blocks, cap;
	size_t n;    /* bytes of the log */
	size_t high; /* bytes that may differ from zero */
};

/* False: no memory, and nothing changed. */
bool wal_put(struct wal_memory *w, size_t at, const void *p, size_t n);
/* How many bytes there were. */
size_t wal_get(const struct wal_memory *w, size_t at, void *p, size_t n);
/* Ends the log at `n`, if it is longer; at 0 its memory is given back. */
void wal_cut(struct wal_memory *w, size_t n);
/* Frame `i`, which must be there. */
const uint8_t *wal_frame(const struct wal_memory *w, uint32_t i);

#endif
