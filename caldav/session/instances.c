/* SPDX-License-Identifier: EUPL-1.2 */
/* The instances of one calendar object, from the worker. */
#include "dav.h"

static enum err read_instances(struct instances *x, struct msg_in *m)
{
	uint32_t n = msg_u32(m);

	if (n > LIMIT_INSTANCES)
		return ERR_LIMIT;
	x->list = arena_array(x->d->row, struct instance, n);
	if (n && !x->list)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct instance *at = &x->list[i];
		at->component = msg_u32(m);
		at->flags = msg_u32(m);
		at->start = (int64_t)msg_u64(m);
		at->end = (int64_t)msg_u64(m);
		at->recurrence = (int64_t)msg_u64(m);
	}
	x->n = n;
	return msg_end(m);
}

static void on_instances(void *arg, enum err e, struct msg_in *reply)
{
	struct instances *x = arg;

	x->d->work = NULL;
	x->err = e == ERR_OK ? read_instances(x, reply) : e;
	dav_go_on(x->d);
}

enum err row_arena(struct dav *d)
{
	if (!d->row)
		d->row = arena_new(LIMIT_CONTENT_ARENA + 6 * LIMIT_RESOURCE);
	return d->row ? ERR_OK : ERR_NOMEM;
}

enum err instances_ask(struct dav *d, const struct content_comp *root,
	int64_t from, int64_t to, struct instances *x)
{
	const int64_t range[2] = { from, to };

	*x = (struct instances){ .d = d };
	return expander_ask(d, WORK_INSTANCES, root, range, on_instances, x);
}
