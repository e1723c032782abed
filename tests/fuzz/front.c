/* SPDX-License-Identifier: EUPL-1.2 */
#include <bastide/config.h>
#include <bastide/control.h>

#include "../../lib/front_parts.h"
#include "front.h"
#include "stream.h"

static struct front_parts parts = { .most = 10 };
static struct front front = { .name = "fuzz", .parts = &parts };
static struct ipc *router;
static unsigned streams;

static void on_front_message(void *arg, struct msg_in *m)
{
	must(route_replied(&front, m));
}

static void on_router_message(void *arg, struct msg_in *m)
{
	struct msg reply;
	uint32_t id = msg_u32(m);

	msg_begin(&reply, ROUTE_REPLY);
	msg_add_u32(&reply, id);
	msg_add_err(&reply, ERR_NOTFOUND);
	must(ipc_send(router, &reply));
}

static void on_ipc_closed(void *arg)
{
}

static void on_turn(void *arg)
{
	if (!streams && !parts.open)
		loop_stop(front.loop);
}

static void world(void)
{
	static const struct ipc_events at_front = { on_front_message,
		on_ipc_closed };
	static const struct ipc_events at_router = { on_router_message,
		on_ipc_closed };
	static struct turn_hook hook = { .run = on_turn };
	int fds[2];

	if (front.loop)
		return;
	must(loop_new(&front.loop));
	must(config_new(&front.config));
	loop_add_turn_hook(front.loop, &hook);
	must(ipc_pair(fds));
	must(ipc_new(front.loop, fds[0], &at_front, NULL, &front.control));
	must(ipc_new(front.loop, fds[1], &at_router, NULL, &router));
}

static void on_stream_closed(void *arg)
{
	streams--;
}

void front_serve(accepted_fn *accepted, const char *service, struct slice in)
{
	static struct stream client = { .closed = on_stream_closed };
	int fds[2];

	world();
	must(stream_pair(fds));
	parts.open++;
	streams++;
	accepted(&front, fds[0], service, false);
	stream_begin(&client, front.loop, fds[1], in);
	loop_run(front.loop);
}
