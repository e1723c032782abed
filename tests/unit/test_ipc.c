/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages and control channels, also against a peer that lies. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/ipc.h>

static struct slice sample(struct msg *m)
{
	msg_begin(m, 7);
	msg_add_u32(m, 42);
	msg_add_u64(m, 1ull << 40);
	msg_add_slice(m, slice_str("hello"));
	msg_add_err(m, ERR_BUSY);
	return buf_slice(&m->b);
}

static bool read_sample(struct slice raw)
{
	struct msg_in in;

	if (msg_parse(raw, &in) != ERR_OK)
		return false;
	uint32_t a = msg_u32(&in);
	uint64_t b = msg_u64(&in);
	struct slice s = msg_slice(&in);
	enum err e = msg_err(&in);
	return msg_end(&in) == ERR_OK && in.type == 7 && a == 42 &&
	       b == 1ull << 40 && slice_eqs(s, "hello") && e == ERR_BUSY;
}

static void test_round_trip(void **state)
{
	struct msg m;

	assert_true(read_sample(sample(&m)));
	msg_free(&m);
}

/* Cut anywhere, longer, or with any byte changed: never read as the sample,
 * never read outside (the sanitizer watches). */
static void test_malformed(void **state)
{
	struct msg m;
	struct slice raw = sample(&m);

	for (size_t n = 0; n < raw.n; n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, raw.p, n);
		assert_false(read_sample(slice_of(copy, n)));
		free(copy);
	}
	char longer[200];
	memcpy(longer, raw.p, raw.n);
	longer[raw.n] = 1;
	assert_false(read_sample(slice_of(longer, raw.n + 1)));
	for (size_t i = 0; i < raw.n; i++)
		for (int flip = 1; flip < 256; flip <<= 1) {
			char *copy = malloc(raw.n);
			memcpy(copy, raw.p, raw.n);
			copy[i] ^= (char)flip;
			assert_false(read_sample(slice_of(copy, raw.n)));
			free(copy);
		}
	msg_free(&m);
}

static void test_wrong_type_is_kept(void **state)
{
	struct msg m;
	struct msg_in in;

	assert_int_equal(msg_parse(sample(&m), &in), ERR_OK);
	assert_int_equal(msg_u64(&in), 0); /* it is a u32 */
	assert_int_equal(msg_u32(&in), 0); /* bad for good */
	assert_int_equal(msg_fd(&in), -1);
	assert_int_equal(msg_end(&in), ERR_SYNTAX);
	msg_free(&m);
}

/* --- channels ---------------------------------------------------------------- */

struct end {
	struct loop *loop;
	struct ipc *ipc;
	unsigned got, stop_at;
	int fd;
	bool closed;
	bool free_inside;
};

static void on_message(void *arg, struct msg_in *m)
{
	struct end *e = arg;

	assert_int_equal(msg_u32(m), e->got);
	if (m->n_fds)
		e->fd = msg_fd(m);
	(void)msg_slice(m);
	assert_int_equal(msg_end(m), ERR_OK);
	if (++e->got == e->stop_at) {
		loop_stop(e->loop);
		if (e->free_inside) {
			ipc_free(e->ipc);
			e->ipc = NULL;
		}
	}
}

static void on_closed(void *arg)
{
	struct end *e = arg;

	e->closed = true;
	loop_stop(e->loop);
}

static const struct ipc_events events = { on_message, on_closed };

static void open_end(struct end *e, struct loop *l, int fd)
{
	*e = (struct end){ .loop = l, .fd = -1 };
	assert_int_equal(ipc_new(l, fd, &events, e, &e->ipc), ERR_OK);
}

static void send_one(struct ipc *to, unsigned number, size_t bytes, int fd)
{
	struct msg m;
	char *junk = calloc(1, bytes);

	msg_begin(&m, 1);
	msg_add_u32(&m, number);
	if (fd >= 0)
		msg_add_fd(&m, fd);
	msg_add_slice(&m, slice_of(junk, bytes));
	assert_int_equal(ipc_send(to, &m), ERR_OK);
	free(junk);
}

static void test_descriptor_and_queue(void **state)
{
	struct loop *l;
	struct end a, b;
	int fds[2], pipes[2];
	char got[5];

	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(ipc_pair(fds), ERR_OK);
	open_end(&a, l, fds[0]);
	open_end(&b, l, fds[1]);
	assert_int_equal(pipe(pipes), 0);
	/* Far more than the socket takes: the rest waits, in order, with the
	 * descriptor alive though the sender has closed its own. */
	b.stop_at = 101;
	for (unsigned i = 0; i < 100; i++)
		send_one(a.ipc, i, 60000, -1);
	send_one(a.ipc, 100, 10, pipes[0]);
	close(pipes[0]);
	loop_run(l);
	assert_int_equal(b.got, 101);
	assert_true(b.fd >= 0);
	assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(pipes[1], "hello", 5), 5);
	assert_int_equal(read(b.fd, got, 5), 5);
	close(b.fd);
	close(pipes[1]);
	/* What was sent before the end arrives before the end. */
	b.stop_at = 0;
	send_one(a.ipc, 101, 10, -1);
	ipc_free(a.ipc);
	loop_run(l);
	assert_int_equal(b.got, 102);
	assert_true(b.closed);
	ipc_free(b.ipc);
	loop_free(l);
}

static void test_too_many(void **state)
{
	struct loop *l;
	struct end a;
	int fds[2];
	enum err e = ERR_OK;
	unsigned sent = 0;

	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(ipc_pair(fds), ERR_OK);
	open_end(&a, l, fds[0]);
	while (e == ERR_OK && sent < 5000) {
		struct msg m;
		msg_begin(&m, 1);
		msg_add_u32(&m, sent++);
		e = ipc_send(a.ipc, &m);
	}
	assert_int_equal(e, ERR_BUSY);
	assert_true(sent > 1000);
	ipc_free(a.ipc);
	close(fds[1]);
	loop_free(l);
}

static void test_free_inside(void **state)
{
	struct loop *l;
	struct end a, b;
	int fds[2];

	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(ipc_pair(fds), ERR_OK);
	open_end(&a, l, fds[0]);
	open_end(&b, l, fds[1]);
	b.stop_at = 1;
	b.free_inside = true;
	send_one(a.ipc, 0, 10, -1);
	send_one(a.ipc, 1, 10, -1);
	loop_run(l);
	assert_int_equal(b.got, 1);
	ipc_free(a.ipc);
	loop_free(l);
}

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void on_ignored(void *arg, struct msg_in *m)
{
	struct end *e = arg;

	e->got++;
	loop_stop(e->loop);
}

/* Descriptors that nobody asked for do not stay open. */
static void test_unwanted_descriptors(void **state)
{
	static const struct ipc_events ignore = { on_ignored, on_closed };
	struct loop *l;
	struct end b = { .fd = -1 };
	struct ipc *a;
	int fds[2];
	struct msg m;

	assert_int_equal(loop_new(&l), ERR_OK);
	b.loop = l;
	assert_int_equal(ipc_pair(fds), ERR_OK);
	assert_int_equal(ipc_new(l, fds[0], &events, NULL, &a), ERR_OK);
	assert_int_equal(ipc_new(l, fds[1], &ignore, &b, &b.ipc), ERR_OK);
	int before = lowest_free();
	msg_begin(&m, 1);
	for (int i = 0; i < MSG_FDS; i++)
		msg_add_fd(&m, 0);
	assert_int_equal(ipc_send(a, &m), ERR_OK);
	loop_run(l);
	assert_int_equal(b.got, 1);
	assert_int_equal(lowest_free(), before);
	ipc_free(a);
	ipc_free(b.ipc);
	loop_free(l);
}

/* What is no message ends the channel. */
static void test_no_message(void **state)
{
	struct loop *l;
	struct end b;
	int fds[2];

	assert_int_equal(loop_new(&l), ERR_OK);
	assert_int_equal(ipc_pair(fds), ERR_OK);
	open_end(&b, l, fds[1]);
	assert_int_equal(write(fds[0], "x", 1), 1);
	loop_run(l);
	assert_true(b.closed);
	assert_int_equal(b.got, 0);
	ipc_free(b.ipc);
	close(fds[0]);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_wrong_type_is_kept),
		cmocka_unit_test(test_descriptor_and_queue),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_free_inside),
		cmocka_unit_test(test_unwanted_descriptors),
		cmocka_unit_test(test_no_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
