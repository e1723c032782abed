/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The administrator's socket: DIR/admin.sock, 0600, in a directory that is
 * 0700; the kernel says who calls, and only root or our own user is heard.
 * One line in, one line out; one request at a time on a connection.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <bastide/log.h>

#include "admin_bastided.h"
#include "bastided.h"

#define CLIENTS_MAX 16
#define IDLE_S 300

struct admin_client {
	struct conn *conn;
	bool busy; /* an answer is due */
	bool gone; /* freed when the answer comes */
};

static struct {
	int fd;
	struct watch *watch;
	unsigned clients;
} server = { .fd = -1 };

static void next_request(struct admin_client *c);

/* One more would be too many: they wait to be accepted, and nobody is refused
 * for it. */
static void count_clients(int more)
{
	server.clients = (unsigned)((int)server.clients + more);
	if (!bastided.stopping)
		watch_set(server.watch,
			server.clients < CLIENTS_MAX ? LOOP_READ : 0);
}

static void client_free(struct admin_client *c)
{
	conn_free(c->conn);
	c->conn = NULL;
	if (c->busy) {
		c->gone = true;
		return;
	}
	count_clients(-1);
	mem_free(c);
}

void admin_answer(struct admin_client *c, struct slice line)
{
	c->busy = false;
	if (c->gone) {
		count_clients(-1);
		mem_free(c);
		return;
	}
	conn_write(c->conn, line);
	conn_resume(c->conn); /* the next request may wait already */
}

static void take(struct admin_client *c, struct slice line)
{
	c->busy = true;
	conn_pause(c->conn);
	admin_run(c, line);
}

static void next_request(struct admin_client *c)
{
	struct slice in = conn_input(c->conn);
	size_t end = slice_find(in, '\n');

	if (end == in.n) {
		if (in.n > LIMIT_ADMIN_LINE)
			conn_finish(c->conn);
		return;
	}
	/* Kept while it is run: it may hold a password, so it is wiped. */
	struct buf line;
	buf_init(&line, LIMIT_ADMIN_LINE);
	if (buf_reserve(&line, end) != ERR_OK) {
		conn_finish(c->conn);
		return;
	}
	buf_add_slice(&line, slice_head(in, end));
	conn_consume(c->conn, end + 1);
	take(c, buf_slice(&line));
	buf_wipe(&line);
}

static void on_input(void *arg)
{
	next_request(arg);
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	client_free(arg);
}

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void on_client(void *arg, int events)
{
	static const struct conn_events conn_events = {
		.input = on_input,
		.low = on_low,
		.closed = on_closed,
	};
	int fd = accept4(server.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!may_ask(fd)) {
		log_event(LOG_WARN_, "admin-refused", "clients=%u",
			server.clients);
		close(fd);
		return;
	}
	struct admin_client *c = mem_new(struct admin_client);
	if (!c) {
		close(fd);
		return;
	}
	if (conn_new(bastided.process.loop, fd, NULL, NULL, &conn_events, c,
		    &c->conn) != ERR_OK) {
		mem_free(c);
		return;
	}
	conn_set_input_max(c->conn, LIMIT_ADMIN_LINE + 1);
	conn_set_timeout(c->conn, IDLE_S);
	count_clients(1);
}

enum err admin_listen(void)
{
	const char *dir = config_str(bastided.process.config, "data_dir");
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	/* The path of a socket is short: by way of the open directory. */
	int n = snprintf(
		un.sun_path, sizeof(un.sun_path), "%s/admin.sock", dir);
	if (n >= (int)sizeof(un.sun_path))
		(void)snprintf(un.sun_path, sizeof(un.sun_path),
			"/proc/self/fd/%d/admin.sock", bastided.dir);
	(void)unlink(un.sun_path);
	server.fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server.fd < 0 ||
		bind(server.fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
		chmod(un.sun_path, 0600) != 0 ||
		listen(server.fd, SOMAXCONN) != 0)
		return ERR_IO;
	TRY(watch_new(bastided.process.loop, server.fd, on_client, NULL,
		&server.watch));
	watch_set(server.watch, LOOP_READ);
	return ERR_OK;
}

void admin_stop(void)
{
	if (server.watch)
		watch_set(server.watch, 0);
}
