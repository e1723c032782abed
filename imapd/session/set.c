/* SPDX-License-Identifier: EUPL-1.2 */
/* Message sets: sorted ranges that do not touch. */
#include <stdlib.h>

#include "imap.h"

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static void put_in_order(struct range *r, uint32_t max)
{
	uint32_t from = r->from ? r->from : max, to = r->to ? r->to : max;

	r->from = from < to ? from : to;
	r->to = from < to ? to : from;
}

size_t uids_below(const uint32_t *uids, size_t n, uint32_t uid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (uids[mid] < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t set_from(const struct set *s, uint32_t n)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s->list[mid].to < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool set_has(const struct set *s, uint32_t n)
{
	size_t at = set_from(s, n);

	return at < s->n && s->list[at].from <= n;
}

void set_resolve(struct set *s, uint32_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		put_in_order(&s->list[i], max);
	if (s->n)
		qsort(s->list, s->n, sizeof(s->list[0]), by_start);
	for (size_t i = 0; i < s->n; i++) {
		struct range r = s->list[i];
		if (n == 0 || r.from > (uint64_t)s->list[n - 1].to + 1)
			s->list[n++] = r;
		else if (r.to > s->list[n - 1].to)
			s->list[n - 1].to = r.to;
	}
	s->n = n;
}
