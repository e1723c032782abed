/* SPDX-License-Identifier: EUPL-1.2 */
/* Open addressing with linear probing; page 0 does not exist. */
#include <bastide/mem.h>

#include "page_index.h"

/* Where the page is, or would be. */
static struct page_place *find(const struct page_index *x, uint32_t page)
{
	size_t at = page * 2654435761u & (x->slots - 1);

	while (x->slot[at].page && x->slot[at].page != page)
		at = (at + 1) & (x->slots - 1);
	return &x->slot[at];
}

uint32_t page_index_get(const struct page_index *x, uint32_t page)
{
	return x->slots ? find(x, page)->at : 0;
}

static bool grow(struct page_index *x)
{
	struct page_index more = { .slots = x->slots ? 2 * x->slots : 128,
		.n = x->n };

	more.slot = mem_alloc(more.slots * sizeof(*more.slot));
	if (!more.slot)
		return false;
	for (size_t k = 0; k < x->slots; k++)
		if (x->slot[k].page)
			*find(&more, x->slot[k].page) = x->slot[k];
	mem_free(x->slot);
	*x = more;
	return true;
}

bool page_index_put(struct page_index *x, uint32_t page, uint32_t at)
{
	if (2 * x->n >= x->slots && !grow(x))
		return false;
	struct page_place *place = find(x, page);
	x->n += place->page == 0;
	*place = (struct page_place){ page, at };
	return true;
}

void page_index_clear(struct page_index *x)
{
	mem_free(x->slot);
	*x = (struct page_index){ 0 };
}
