/* SPDX-License-Identifier: EUPL-1.2 */
/* A front's questions to the router, answered by number. */
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/domain.h>
#include <bastide/mem.h>

#include "front_parts.h"

struct route {
	struct front *front;
	uint32_t id;
	void (*done)(void *arg, enum err e, int fd);
	void *arg;
	struct route *next, **prev;
};

enum err route_ask(struct front *f, enum protocol protocol,
	struct slice address, const char *peer,
	void (*done)(void *arg, enum err e, int fd), void *arg,
	struct route **out)
{
	struct front_parts *p = f->parts;
	struct buf normal;
	struct msg m;

	/* The router gets the normal form: what is wild is tamed out here. */
	buf_init(&normal, 2 * LIMIT_ADDRESS);
	if (address_normal(address, &normal) != ERR_OK) {
		buf_free(&normal);
		return protocol == PROTOCOL_DELIVER ? ERR_NOTFOUND : ERR_AUTH;
	}
	struct route *r = mem_new(struct route);
	if (!r) {
		buf_free(&normal);
		return ERR_NOMEM;
	}
	*r = (struct route){ .front = f,
		.id = ++p->last_route,
		.done = done,
		.arg = arg,
		.next = p->routes,
		.prev = &p->routes };
	msg_begin(&m, ROUTE_ASK);
	msg_add_u32(&m, r->id);
	msg_add_u32(&m, protocol);
	msg_add_slice(&m, buf_slice(&normal));
	buf_free(&normal);
	msg_add_slice(&m, slice_str(peer));
	enum err e = ipc_send(f->control, &m);
	if (e != ERR_OK) {
		mem_free(r);
		return e == ERR_BUSY ? ERR_BUSY : ERR_UNAVAILABLE;
	}
	if (r->next)
		r->next->prev = &r->next;
	p->routes = r;
	*out = r;
	return ERR_OK;
}

void route_cancel(struct route *r)
{
	if (!r)
		return;
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	mem_free(r);
}

enum err route_replied(struct front *f, struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	enum err e = msg_err(m);
	int fd = e == ERR_OK ? msg_fd(m) : -1;

	if (msg_end(m) != ERR_OK) {
		if (fd >= 0)
			close(fd);
		return ERR_SYNTAX;
	}
	for (struct route *r = f->parts->routes; r; r = r->next) {
		if (r->id != id)
			continue;
		void (*done)(void *, enum err, int) = r->done;
		void *arg = r->arg;
		route_cancel(r);
		done(arg, e, fd);
		return ERR_OK;
	}
	/* The client went away meanwhile; the tenantd sees the end. */
	if (fd >= 0)
		close(fd);
	return ERR_OK;
}
