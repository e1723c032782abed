/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: bodies in sealed append-only segment files. A reference is a
 * short opaque blob that the schema keeps in its rows.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <bastide/store.h>

#define SEGMENT_REF_MAX 4096

struct segment_writer;

/* Bytes are sealed in 64 KiB chunks as they come. */
MUST_CHECK enum err segment_begin(
	struct account *a, uint64_t size_hint, struct segment_writer **out);
MUST_CHECK enum err segment_write(struct segment_writer *w, struct slice data);
void segment_abort(struct segment_writer *w);
/* Frees `w`. The reference is valid in the transaction that keeps it: its
 * commit becomes durable after the bytes are. */
MUST_CHECK enum err segment_finish(struct segment_writer *w, struct buf *ref);
MUST_CHECK enum err segment_read(struct account *a, struct slice ref,
	uint64_t offset, void *p, size_t n, size_t *got_out);
/* In a transaction: a row names the reference, or names it no longer. A
 * segment that nobody names is removed once that is durable. */
MUST_CHECK enum err segment_ref_add(struct account *a, struct slice ref);
MUST_CHECK enum err segment_ref_drop(struct account *a, struct slice ref);

#endif
