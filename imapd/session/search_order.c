/* SPDX-License-Identifier: EUPL-1.2 */
/* A merge sort that can be left after each slice: stable, bottom up. */
#include "search.h"

/* Steps between two looks at the clock. */
#define STEPS 256

enum err order_begin(struct order *o, size_t n)
{
	o->n = n;
	o->width = 1;
	if (n == 0)
		return ERR_OK;
	o->list = mem_alloc(n * sizeof(*o->list));
	o->spare = mem_alloc(n * sizeof(*o->spare));
	if (!o->list || !o->spare)
		return ERR_NOMEM;
	for (size_t k = 0; k < n; k++)
		o->list[k] = (uint32_t)k;
	return ERR_OK;
}

void order_free(struct order *o)
{
	mem_free(o->list);
	mem_free(o->spare);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One element of the pair of runs at `start` goes to the spare list. */
static void one_step(struct order *o)
{
	size_t middle = least(o->start + o->width, o->n);
	size_t end = least(o->start + 2 * o->width, o->n);
	size_t l = o->start + o->left, r = middle + o->right;
	bool take_left =
		r == end ||
		(l < middle && o->compare(o->arg, o->list[l], o->list[r]) <= 0);

	o->spare[l + o->right] = take_left ? o->list[l] : o->list[r];
	o->left += take_left;
	o->right += !take_left;
	if (o->start + o->left + o->right < end)
		return;
	o->start = end;
	o->left = o->right = 0;
	if (end < o->n)
		return;
	uint32_t *swap = o->list;
	o->list = o->spare;
	o->spare = swap;
	o->start = 0;
	o->width *= 2;
}

enum err order_more(struct order *o)
{
	uint64_t started = loop_now_us();

	while (o->width < o->n) {
		for (size_t k = 0; k < STEPS && o->width < o->n; k++)
			one_step(o);
		if (loop_now_us() - started > SLICE_US)
			return ERR_AGAIN;
	}
	return ERR_OK;
}
