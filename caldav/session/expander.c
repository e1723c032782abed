/* SPDX-License-Identifier: EUPL-1.2 */
/* One calendar object on its way to the worker, which knows recurrences. */
#include "dav.h"

enum err expander_ask(struct dav *d, enum work kind,
	const struct content_comp *root, const int64_t range[2],
	void (*done)(void *arg, enum err e, struct msg_in *reply), void *arg)
{
	struct buf reduced;
	struct msg m;

	buf_init(&reduced, LIMIT_IPC_MESSAGE - KIB(1));
	enum err e = ical_reduce(root, &reduced);
	if (e == ERR_OK) {
		msg_begin(&m, 0);
		msg_add_slice(&m, buf_slice(&reduced));
		if (range) {
			msg_add_u64(&m, (uint64_t)range[0]);
			msg_add_u64(&m, (uint64_t)range[1]);
		}
		e = worker_ask(d->tenant->worker, kind, &m, LIMIT_EXPAND_MS,
			done, arg, &d->work);
	}
	buf_free(&reduced);
	return e;
}
