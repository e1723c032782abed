/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: a body's reference, as rows keep it. Pure functions.
 */
#ifndef STORE_SEGREF_H
#define STORE_SEGREF_H

#include "segment.h"

#define CHUNK_PLAIN (64 * 1024)
#define CHUNK_TAG 16
#define CHUNK_SEALED (CHUNK_PLAIN + CHUNK_TAG)
/* A reference of 4 KiB holds about 400 extents; writers take places in runs
 * that grow, so that a body of the largest size has far fewer. */
#define SEGREF_EXTENTS 256
#define SEGREF_BODY_MAX (4ull << 30)

struct segref_extent {
	uint64_t segment, offset;
	uint32_t chunks; /* one behind the other */
};

struct segref {
	uint8_t codec; /* 0: as it came */
	uint64_t total;
	uint32_t chunks;
	uint32_t n;
	struct segref_extent extent[SEGREF_EXTENTS];
};

/* Takes `chunks` from the total. */
MUST_CHECK enum err segref_build(const struct segref *ref, struct buf *out);
MUST_CHECK enum err segref_parse(struct slice raw, struct segref *out);
/* Adds one more chunk. ERR_LIMIT: too many pieces. */
MUST_CHECK enum err segref_add(
	struct segref *ref, uint64_t segment, uint64_t offset);
uint32_t segref_chunks(uint64_t total);
/* Bytes of chunk `index`, in clear. */
size_t segref_size(const struct segref *ref, uint32_t index);
/* Where chunk `index` lies. */
void segref_place(const struct segref *ref, uint32_t index,
	uint64_t *segment_out, uint64_t *offset_out);
/* Sealed bytes of the reference in one of its segments. */
uint64_t segref_bytes_in(const struct segref *ref, uint64_t segment);
/* Is this the first extent in its segment? Each segment counts once. */
bool segref_first_in(const struct segref *ref, uint32_t i);

#endif
