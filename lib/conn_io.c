/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bytes in and out of a connection's socket. Reads go to one scratch buffer
 * of the process; only what the owner leaves is copied, so a connection whose
 * owner keeps up holds no input memory.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_parts.h"

#define SCRATCH KIB(64)
#define READ_PIECE KIB(16)
#define PIECES 16

static char scratch[SCRATCH];

ssize_t conn_read_raw(struct conn *c, void *p, size_t n, enum err *e)
{
	if (c->tls == TLS_UP)
		return tls_read(c, p, n, e);
	ssize_t got;
	do
		got = recv(c->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	*e = got == 0          ? ERR_EOF
	     : errno == EAGAIN ? ERR_AGAIN
			       : err_from_errno(errno);
	return -1;
}

static void read_ended(struct conn *c, enum err e)
{
	if (e == ERR_EOF)
		c->eof = true;
	else if (e != ERR_AGAIN)
		conn_fail(c, e);
}

/*
 * A client that sends a literal and the CRLF behind it in two writes, as many
 * do, holds the second back until the first is acknowledged (RFC 896), while
 * the kernel delays that for 40 ms in the hope of an answer to go with it. The
 * option is not kept by the kernel: once for each read (tcp(7)).
 */
static void acknowledge(struct conn *c)
{
	int one = 1;

	if (c->tcp)
		(void)setsockopt(
			c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

/* Into `p` until it is full or the socket is empty. A TLS session gives a
 * record at a time. */
static size_t fill(struct conn *c, char *p, size_t n)
{
	size_t total = 0;

	while (total < n) {
		enum err e;
		ssize_t got =
			c->deflate ? deflate_read(c, p + total, n - total, &e)
				   : conn_read_raw(c, p + total, n - total, &e);
		if (got < 0) {
			read_ended(c, e);
			break;
		}
		total += (size_t)got;
		if (c->tls != TLS_UP ||
			(c->deflate && deflate_at_flush(c->deflate)))
			break;
	}
	if (total) {
		c->active_ms = loop_now_ms();
		acknowledge(c);
	}
	return total;
}

static void throw_away(struct conn *c)
{
	fill(c, scratch, SCRATCH);
}

static void read_behind(struct conn *c, size_t room)
{
	size_t n = room < READ_PIECE ? room : READ_PIECE;

	buf_consume(&c->in, c->in.n - c->view.n);
	c->in.max = c->in_max;
	if (buf_reserve(&c->in, n) != ERR_OK) {
		conn_fail(c, buf_err(&c->in));
		return;
	}
	size_t got = fill(c, c->in.p + c->in.n, n);
	c->in.n += got;
	c->view = buf_slice(&c->in);
	if (got)
		c->tell_input = true;
}

void conn_read_more(struct conn *c)
{
	if (c->eof || c->failed || c->tls == TLS_WAIT || c->tls == TLS_SHAKE)
		return;
	if (c->finishing) {
		throw_away(c);
		return;
	}
	if (c->paused || c->view.n >= c->in_max)
		return;
	size_t room = c->in_max - c->view.n;
	if (c->view.n) {
		read_behind(c, room);
		return;
	}
	size_t got = fill(c, scratch, room < SCRATCH ? room : SCRATCH);
	if (!got)
		return;
	c->view = slice_of(scratch, got);
	c->in_scratch = true;
	c->tell_input = true;
}

bool conn_has_more(const struct conn *c)
{
	bool more = c->deflate && deflate_has_more(c->deflate);

	if (c->tls == TLS_UP && SSL_has_pending(c->ssl) &&
		SSL_pending(c->ssl) > 0)
		more = true;
	return more && !c->eof && !c->failed &&
	       (c->finishing || (!c->paused && c->view.n < c->in_max));
}

void conn_keep_input(struct conn *c)
{
	if (c->in_scratch) {
		c->in_scratch = false;
		buf_reset(&c->in);
		c->in.max = c->view.n > c->in_max ? c->view.n : c->in_max;
		if (buf_add_slice(&c->in, c->view) != ERR_OK)
			conn_fail(c, buf_err(&c->in));
		c->view = buf_slice(&c->in);
	}
	if (c->view.n == 0) {
		buf_free(&c->in);
		c->view = slice_of(NULL, 0);
	}
}

/* --- output ---------------------------------------------------------------- */

/* ERR_OK: something was sent, try on; ERR_AGAIN: the socket is full. */
static enum err send_some(struct conn *c, uint64_t most)
{
	struct iovec iov[PIECES];
	size_t n =
		outq_pieces(&c->out, most, iov, c->tls == TLS_UP ? 1 : PIECES);
	ssize_t put;
	enum err e = ERR_OK;

	if (c->tls == TLS_UP) {
		put = tls_write(c, iov[0].iov_base, iov[0].iov_len, &e);
	} else {
		struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
		do
			put = sendmsg(c->fd, &m, MSG_NOSIGNAL);
		while (put < 0 && errno == EINTR);
		if (put < 0)
			e = errno == EAGAIN ? ERR_AGAIN : err_from_errno(errno);
	}
	if (put <= 0)
		return e;
	c->active_ms = loop_now_ms();
	outq_drop(&c->out, (size_t)put);
	return ERR_OK;
}

static void send_fin(struct conn *c)
{
	c->fin_sent = true;
	c->fin_ms = loop_now_ms();
	if (c->tls == TLS_UP)
		tls_bye(c);
	(void)shutdown(c->fd, SHUT_WR);
	conn_poke(c);
	if (c->splice)
		splice_changed(c->splice);
}

static void drained(struct conn *c)
{
	if (c->tls == TLS_WAIT) {
		c->tls = TLS_SHAKE;
		tls_shake(c);
	} else if (c->fin_wanted && !c->fin_sent) {
		send_fin(c);
	} else if (c->eof) {
		conn_poke(c); /* closed was waiting for this */
	}
}

void conn_flush(struct conn *c)
{
	if (c->failed || c->dead)
		return;
	if (c->tls == TLS_SHAKE) {
		if (c->fin_wanted && !c->fin_sent)
			send_fin(c); /* nothing can be said any more */
		return;
	}
	enum err flushed = c->deflate ? deflate_flush(c) : ERR_OK;
	if (flushed != ERR_OK) {
		conn_fail(c, flushed);
		return;
	}
	for (;;) {
		uint64_t durable = c->gate ? gate_durable(c->gate) : 0;
		uint64_t most = outq_sendable(&c->out, durable);
		if (!most)
			break;
		enum err e = send_some(c, most);
		if (e == ERR_AGAIN)
			break;
		if (e != ERR_OK) {
			conn_fail(c, e);
			return;
		}
	}
	if (c->was_full && outq_pending(&c->out) < OUTPUT_LOW) {
		c->was_full = false;
		c->tell_low = true;
		conn_poke(c);
	}
	if (outq_pending(&c->out) == 0)
		drained(c);
}
