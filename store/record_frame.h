/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the pages of a commit, as a journal record has them. A page
 * that the same journal file has already, since the log began, is told by what
 * differs from there; any other is whole. So each file repairs every page that
 * it names, whatever lies in the database.
 */
#ifndef STORE_RECORD_FRAME_H
#define STORE_RECORD_FRAME_H

#include "record.h"

/* The most that one page takes. */
#define RECORD_FRAME_MAX (6 + PAGE_PLAIN)

/* Appends the page, PAGE_PLAIN bytes; `before` is its image before, or NULL. */
MUST_CHECK enum err record_frame_put(struct buf *out, uint32_t page,
	const uint8_t *plain, const uint8_t *before);

struct record_frame {
	uint32_t page;
	bool whole;
	struct slice bytes; /* the image, or its changes, which are within it */
};
/* Takes the next one from an opened section. ERR_NOTFOUND: there is none;
 * ERR_CORRUPT. */
MUST_CHECK enum err record_frame_next(
	struct slice *rest, enum record_kind kind, struct record_frame *out);
/* Makes the image of the one before it, if it is not whole. */
void record_frame_apply(
	const struct record_frame *f, uint8_t plain[PAGE_PLAIN]);

#endif
