/* SPDX-License-Identifier: EUPL-1.2 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream.h"

void must(enum err e)
{
	if (e != ERR_OK)
		abort();
}

static void end(struct stream *s)
{
	watch_free(s->watch);
	close(s->fd);
	s->closed(s->arg);
}

static bool gone(ssize_t n)
{
	return n < 0 && errno != EAGAIN && errno != EINTR;
}

static void send_some(struct stream *s)
{
	ssize_t n = send(s->fd, s->rest.p, s->rest.n, MSG_NOSIGNAL);

	if (n > 0)
		s->rest = slice_from(s->rest, (size_t)n);
	else if (gone(n))
		s->rest.n = 0; /* the reading side sees the end */
	if (s->rest.n == 0) {
		shutdown(s->fd, SHUT_WR);
		watch_set(s->watch, LOOP_READ);
	}
}

static void on_ready(void *arg, int events)
{
	struct stream *s = arg;
	char sink[65536];

	if ((events & LOOP_WRITE))
		send_some(s);
	if (!(events & LOOP_READ))
		return;
	ssize_t n = recv(s->fd, sink, sizeof(sink), 0);
	if (n == 0 || gone(n))
		end(s);
}

void stream_begin(struct stream *s, struct loop *l, int fd, struct slice in)
{
	s->fd = fd;
	s->rest = in;
	must(watch_new(l, fd, on_ready, s, &s->watch));
	watch_set(s->watch, LOOP_READ | LOOP_WRITE);
}
