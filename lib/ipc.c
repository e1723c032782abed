/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Control channels: SOCK_SEQPACKET, so a message is whole or not there. What a
 * slow peer does not take yet is queued with copies of its descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/ipc.h>
#include <bastide/mem.h>

#define QUEUE_MAX 1000
/* Messages taken in one turn: others want to be served too. */
#define BURST 32

struct waiting {
	struct waiting *next;
	struct msg m;
};

struct ipc {
	struct loop *loop;
	int fd;
	struct watch *watch;
	const struct ipc_events *events;
	void *arg;
	struct waiting *first, *last;
	size_t n_waiting;
	struct later tell;
	bool closed, told, dead;
	int depth;
};

static char inbox[LIMIT_IPC_MESSAGE];

static void waiting_free(struct waiting *w)
{
	for (size_t i = 0; i < w->m.n_fds; i++)
		close(w->m.fds[i]);
	msg_free(&w->m);
	mem_free(w);
}

static void closed(struct ipc *i)
{
	i->closed = true;
	watch_set(i->watch, 0);
	loop_later(i->loop, &i->tell);
}

static void on_tell(void *arg)
{
	struct ipc *i = arg;

	if (i->told || i->dead)
		return;
	i->told = true;
	i->events->closed(i->arg);
}

/* --- sending --------------------------------------------------------------- */

static enum err send_now(struct ipc *i, const struct msg *m)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(MSG_FDS * sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { m->b.p, m->b.n };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (m->n_fds) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(m->n_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(m->n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), m->fds, m->n_fds * sizeof(int));
	}
	ssize_t n;
	do
		n = sendmsg(i->fd, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_from_errno(errno) : ERR_OK;
}

static void copy_fds(struct msg *to, const struct msg *from)
{
	for (size_t k = 0; k < from->n_fds; k++) {
		int fd = fcntl(from->fds[k], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			to->b.err = ERR_BUSY;
			return;
		}
		to->fds[to->n_fds++] = fd;
	}
}

/* Takes `m`'s bytes. */
static enum err put_off(struct ipc *i, struct msg *m)
{
	struct waiting *w = NULL;

	if (i->n_waiting < QUEUE_MAX)
		w = mem_new(struct waiting);
	if (!w) {
		msg_free(m);
		return ERR_BUSY;
	}
	w->m.b = m->b;
	copy_fds(&w->m, m);
	enum err e = buf_err(&w->m.b);
	if (e != ERR_OK) {
		waiting_free(w);
		return e;
	}
	if (i->last)
		i->last->next = w;
	else
		i->first = w;
	i->last = w;
	i->n_waiting++;
	watch_set(i->watch, LOOP_READ | LOOP_WRITE);
	return ERR_OK;
}

enum err ipc_send(struct ipc *i, struct msg *m)
{
	enum err e = buf_err(&m->b);

	if (e == ERR_OK && i->closed)
		e = ERR_EOF;
	if (e != ERR_OK) {
		msg_free(m);
		return e;
	}
	if (i->first)
		return put_off(i, m);
	e = send_now(i, m);
	if (e == ERR_AGAIN)
		return put_off(i, m);
	/* A peer that went away may have left messages: reading finds its end
	 * after them. */
	msg_free(m);
	return e;
}

static void send_waiting(struct ipc *i)
{
	while (i->first) {
		struct waiting *w = i->first;
		enum err e = send_now(i, &w->m);
		if (e == ERR_AGAIN)
			return;
		i->first = w->next;
		if (!i->first)
			i->last = NULL;
		i->n_waiting--;
		waiting_free(w);
	}
	watch_set(i->watch, LOOP_READ);
}

/* --- receiving ------------------------------------------------------------- */

static void take_fds(struct msghdr *h, int *fds, size_t *n)
{
	*n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int *in = (int *)CMSG_DATA(c);
		for (size_t k = 0; k < got; k++) {
			if (*n < MSG_FDS)
				fds[(*n)++] = in[k];
			else
				close(in[k]);
		}
	}
}

/* ERR_OK: a message was handled (or was no message of ours: closed). */
static enum err receive_one(struct ipc *i)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(MSG_FDS * sizeof(int))];
	} control;
	struct iovec iov = { inbox, sizeof(inbox) };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fds[MSG_FDS];
	size_t n_fds;
	struct msg_in m;
	ssize_t n;

	do
		n = recvmsg(i->fd, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? ERR_EOF : err_from_errno(errno);
	take_fds(&h, fds, &n_fds);
	enum err e = h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)
			     ? ERR_LIMIT
			     : msg_parse(slice_of(inbox, (size_t)n), &m);
	if (e == ERR_OK) {
		memcpy(m.fds, fds, sizeof(fds));
		m.n_fds = n_fds;
		i->events->message(i->arg, &m);
		memcpy(fds, m.fds, sizeof(fds));
	}
	for (size_t k = 0; k < n_fds; k++)
		if (fds[k] >= 0)
			close(fds[k]);
	mem_wipe(inbox, (size_t)n);
	return e;
}

static void release(struct ipc *i)
{
	loop_later_cancel(&i->tell);
	while (i->first) {
		struct waiting *w = i->first;
		i->first = w->next;
		waiting_free(w);
	}
	mem_free(i);
}

static void on_ready(void *arg, int events)
{
	struct ipc *i = arg;

	if (events & LOOP_WRITE)
		send_waiting(i);
	i->depth++;
	for (int k = 0; k < BURST && !i->dead && !i->closed; k++) {
		enum err e = receive_one(i);
		if (e == ERR_AGAIN)
			break;
		if (e != ERR_OK && !i->dead)
			closed(i);
	}
	i->depth--;
	if (i->dead && !i->depth)
		release(i);
}

/* --- life ------------------------------------------------------------------ */

enum err ipc_new(struct loop *l, int fd, const struct ipc_events *events,
	void *arg, struct ipc **out)
{
	struct ipc *i = mem_new(struct ipc);

	if (!i) {
		close(fd);
		return ERR_NOMEM;
	}
	*i = (struct ipc){ .loop = l, .fd = fd, .events = events, .arg = arg };
	i->tell = (struct later){ .run = on_tell, .arg = i };
	enum err e = watch_new(l, fd, on_ready, i, &i->watch);
	if (e != ERR_OK) {
		close(fd);
		mem_free(i);
		return e;
	}
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	watch_set(i->watch, LOOP_READ);
	*out = i;
	return ERR_OK;
}

void ipc_free(struct ipc *i)
{
	if (!i || i->dead)
		return;
	i->dead = true;
	watch_free(i->watch);
	close(i->fd);
	if (!i->depth)
		release(i);
}

static enum err pair(int type, int fds[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) == 0
		       ? ERR_OK
		       : err_from_errno(errno);
}

enum err ipc_pair(int fds[2])
{
	return pair(SOCK_SEQPACKET, fds);
}

enum err stream_pair(int fds[2])
{
	return pair(SOCK_STREAM, fds);
}
