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
	struct buf reduced;
	struct msg m;

	*x = (struct instances){ .d = d };
	buf_init(&reduced, LIMIT_IPC_MESSAGE - KIB(1));
	enum err e = ical_reduce(root, &reduced);
	if (e == ERR_OK) {
		msg_begin(&m, 0);
		msg_add_slice(&m, buf_slice(&reduced));
		msg_add_u64(&m, (uint64_t)from);
		msg_add_u64(&m, (uint64_t)to);
		e = worker_ask(d->tenant->worker, WORK_INSTANCES, &m,
			LIMIT_EXPAND_MS, on_instances, x, &d->work);
	}
	buf_free(&reduced);
	return e;
}
