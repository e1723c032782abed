/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside store/: a number for each page of some: where it is in a list or a log.
 * Zeroed at first. */
#ifndef STORE_PAGE_INDEX_H
#define STORE_PAGE_INDEX_H

#include <bastide/slice.h>

struct page_index {
	struct page_place {
		uint32_t page, at;
	} * slot;
	size_t n, slots; /* a power of two, at least twice n */
};
/* 0: the page has none. */
uint32_t page_index_get(const struct page_index *x, uint32_t page);
/* `at` is not 0. False: no memory, and nothing changed. */
MUST_CHECK bool page_index_put(
	struct page_index *x, uint32_t page, uint32_t at);
void page_index_clear(struct page_index *x);

#endif
