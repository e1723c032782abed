/* SPDX-License-Identifier: EUPL-1.2 */
/* Connections: input, output, gate, flow control, TLS, splice, ends. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/ipc.h>
#include <bastide/mem.h>
#include <bastide/tls.h>

#include "certificate.h"

struct world {
	struct loop *loop;
	bool (*until)(void *arg);
	void *arg;
	struct timer *alarm;
	struct turn_hook hook;
	bool late;
};

static void on_alarm(void *arg)
{
	struct world *w = arg;

	w->late = true;
	loop_stop(w->loop);
}

static void on_turn(void *arg)
{
	struct world *w = arg;

	if (w->until && w->until(w->arg))
		loop_stop(w->loop);
}

static void world_open(struct world *w)
{
	*w = (struct world){ 0 };
	w->hook = (struct turn_hook){ .run = on_turn, .arg = w };
	assert_int_equal(loop_new(&w->loop), ERR_OK);
	assert_int_equal(timer_new(w->loop, on_alarm, w, &w->alarm), ERR_OK);
	loop_add_turn_hook(w->loop, &w->hook);
}

static void world_close(struct world *w)
{
	timer_free(w->alarm);
	loop_free(w->loop);
}

/* True when it came true within `ms`. */
static bool run(struct world *w, bool (*until)(void *), void *arg, unsigned ms)
{
	w->until = until;
	w->arg = arg;
	w->late = false;
	timer_set(w->alarm, ms);
	loop_run(w->loop);
	timer_cancel(w->alarm);
	w->until = NULL;
	return !w->late;
}

static void rest(struct world *w, unsigned ms)
{
	run(w, NULL, NULL, ms);
}

/* --- one side of a connection ----------------------------------------------- */

struct side {
	struct conn *c;
	struct buf got;
	unsigned lows, inputs;
	bool secured, closed, hold, free_at_input, inside;
	enum err why;
};

static void on_input(void *arg)
{
	struct side *s = arg;

	assert_false(s->inside);
	s->inputs++;
	if (s->free_at_input) {
		conn_free(s->c);
		s->c = NULL;
		return;
	}
	if (s->hold)
		return;
	struct slice in = conn_input(s->c);
	buf_add_slice(&s->got, in);
	conn_consume(s->c, in.n);
}

static void on_low(void *arg)
{
	((struct side *)arg)->lows++;
}

static void on_secured(void *arg)
{
	((struct side *)arg)->secured = true;
}

static void on_closed(void *arg, enum err why)
{
	struct side *s = arg;

	assert_false(s->closed);
	s->closed = true;
	s->why = why;
}

static const struct conn_events events = { on_input, on_low, on_secured,
	on_closed };

static void side_open(struct world *w, struct side *s, int fd,
	struct tls_context *tls, struct gate *gate)
{
	*s = (struct side){ 0 };
	buf_init(&s->got, MIB(64));
	assert_int_equal(
		conn_new(w->loop, fd, tls, gate, &events, s, &s->c), ERR_OK);
}

static void side_close(struct side *s)
{
	conn_free(s->c);
	buf_free(&s->got);
}

static void pair_open(
	struct world *w, struct side *a, struct side *b, struct gate *gate_a)
{
	int fds[2];

	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(w, a, fds[0], NULL, gate_a);
	side_open(w, b, fds[1], NULL, NULL);
}

static bool has_input(void *arg)
{
	return ((struct side *)arg)->got.n > 0;
}

static bool was_called(void *arg)
{
	return ((struct side *)arg)->inputs > 0;
}

static bool is_closed(void *arg)
{
	return ((struct side *)arg)->closed;
}

static bool is_low(void *arg)
{
	return ((struct side *)arg)->lows > 0;
}

/* --- plain ------------------------------------------------------------------ */

static void test_both_ways(void **state)
{
	struct world w;
	struct side a, b;

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	assert_string_equal(conn_peer(a.c), "local");
	conn_writef(a.c, "%s-%d", "hello", 7);
	assert_true(run(&w, has_input, &b, 5000));
	assert_true(slice_eqs(buf_slice(&b.got), "hello-7"));
	conn_writes(b.c, "back");
	assert_true(run(&w, has_input, &a, 5000));
	assert_true(slice_eqs(buf_slice(&a.got), "back"));
	side_close(&a);
	assert_true(run(&w, is_closed, &b, 5000));
	assert_int_equal(b.why, ERR_EOF);
	side_close(&b);
	world_close(&w);
}

static void test_input_waits(void **state)
{
	struct world w;
	struct side a, b;
	static char big[300000];

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	b.hold = true;
	conn_set_input_max(b.c, 1000);
	conn_write(a.c, slice_of(big, sizeof(big)));
	assert_true(run(&w, was_called, &b, 5000));
	rest(&w, 20);
	assert_int_equal(conn_input(b.c).n, 1000); /* and no more */
	conn_consume(b.c, 400);
	rest(&w, 20);
	assert_int_equal(conn_input(b.c).n, 1000);
	conn_pause(b.c);
	conn_consume(b.c, 1000);
	rest(&w, 20);
	assert_int_equal(conn_input(b.c).n, 0);
	b.hold = false;
	b.got.n = 0;
	conn_resume(b.c);
	assert_true(run(&w, has_input, &b, 5000));
	rest(&w, 50);
	assert_int_equal(b.got.n, sizeof(big) - 1400);
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

/* Bytes that came before the peer's end are seen before it. */
static void test_resume_after_eof(void **state)
{
	struct world w;
	struct side a, b;

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	b.hold = true;
	conn_writes(a.c, "last words");
	assert_true(run(&w, was_called, &b, 5000));
	conn_pause(b.c);
	side_close(&a);
	rest(&w, 20);
	assert_false(b.closed);
	b.hold = false;
	conn_resume(b.c);
	assert_true(run(&w, is_closed, &b, 5000));
	assert_true(slice_eqs(buf_slice(&b.got), "last words"));
	assert_int_equal(b.why, ERR_EOF);
	side_close(&b);
	world_close(&w);
}

static void test_full_and_low(void **state)
{
	struct world w;
	struct side a, b;
	static char block[65536];

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	conn_pause(b.c);
	size_t put = 0;
	while (!conn_full(a.c)) {
		conn_write(a.c, slice_of(block, sizeof(block)));
		put += sizeof(block);
		rest(&w, 1);
	}
	assert_int_equal(a.lows, 0);
	conn_resume(b.c);
	assert_true(run(&w, is_low, &a, 5000));
	assert_true(conn_pending(a.c) < OUTPUT_LOW);
	rest(&w, 50);
	assert_int_equal(a.lows, 1);
	assert_int_equal(b.got.n, put);
	/* A producer that never looks loses its connection. */
	conn_pause(b.c);
	for (size_t i = 0; i < OUTPUT_MAX / sizeof(block) + 10; i++)
		conn_write(a.c, slice_of(block, sizeof(block)));
	assert_true(run(&w, is_closed, &a, 5000));
	assert_int_equal(a.why, ERR_LIMIT);
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

static void test_finish(void **state)
{
	struct world w;
	struct side a, b;
	static char block[1000000];

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	conn_write(a.c, slice_of(block, sizeof(block)));
	conn_finish(a.c);
	conn_writes(a.c, "too late");
	assert_true(run(&w, is_closed, &b, 5000));
	assert_int_equal(b.got.n, sizeof(block));
	/* The peer has not closed: a waits, 2 s at most. */
	assert_true(run(&w, is_closed, &a, 3000));
	assert_int_equal(a.why, ERR_OK);
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

static void test_timeout(void **state)
{
	struct world w;
	struct side a, b;

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	conn_set_timeout(a.c, 1);
	rest(&w, 600);
	conn_writes(b.c, "x");
	rest(&w, 600);
	assert_false(a.closed); /* the byte counted */
	assert_true(run(&w, is_closed, &a, 2000));
	assert_int_equal(a.why, ERR_TIMEOUT);
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

static void test_free_inside(void **state)
{
	struct world w;
	struct side a, b;

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	b.free_at_input = true;
	conn_writes(a.c, "x");
	assert_true(run(&w, is_closed, &a, 5000));
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

/* --- gate -------------------------------------------------------------------- */

/* What lies in the socket, without the loop of the reader. */
static size_t arrived(int fd, char *out, size_t n)
{
	ssize_t got = recv(fd, out, n, MSG_DONTWAIT | MSG_PEEK);

	return got > 0 ? (size_t)got : 0;
}

static void test_gate(void **state)
{
	struct world w;
	struct gate *gate;
	struct side a;
	int fds[2];
	char got[100];

	world_open(&w);
	assert_int_equal(gate_new(&gate), ERR_OK);
	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(&w, &a, fds[0], NULL, gate);
	gate_advance(gate, 4);
	conn_gate(a.c, 4); /* durable already: does not hold */
	conn_writes(a.c, "one ");
	conn_gate(a.c, 7);
	conn_writes(a.c, "two ");
	conn_gate(a.c, 6); /* older than what was written before it */
	conn_writes(a.c, "three ");
	conn_gate(a.c, 9);
	conn_gate(a.c, 10);
	conn_writes(a.c, "four");
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 4);
	gate_advance(gate, 6);
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 4);
	gate_advance(gate, 7);
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 14);
	gate_advance(gate, 9);
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 14);
	/* Finishing waits for the gate too. */
	conn_finish(a.c);
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 14);
	assert_false(a.closed);
	gate_advance(gate, 10);
	rest(&w, 20);
	assert_int_equal(arrived(fds[1], got, 100), 18);
	assert_memory_equal(got, "one two three four", 18);
	close(fds[1]);
	assert_true(run(&w, is_closed, &a, 5000));
	side_close(&a);
	gate_free(gate);
	world_close(&w);
}

/* Many marks, opened one by one: at no time is more out than allowed. */
static void test_gate_many(void **state)
{
	struct world w;
	struct gate *gate;
	struct side a;
	int fds[2];
	char got[4000];

	world_open(&w);
	assert_int_equal(gate_new(&gate), ERR_OK);
	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(&w, &a, fds[0], NULL, gate);
	for (uint64_t i = 1; i <= 300; i++) {
		conn_gate(a.c, i);
		conn_writes(a.c, "0123456789");
		if (i > 20 && i % 3 == 0) {
			gate_advance(gate, i - 20);
			rest(&w, 1);
			assert_int_equal(arrived(fds[1], got, sizeof(got)),
				(i - 20) * 10);
		}
	}
	side_close(&a);
	close(fds[1]);
	gate_free(gate);
	world_close(&w);
}

/* --- TLS --------------------------------------------------------------------- */

struct tls_pair {
	struct tls_context *server, *client;
	struct buf chain, key;
};

static void tls_open(struct tls_pair *t)
{
	make_certificate("mail.example", &t->chain, &t->key);
	assert_int_equal(tls_server_new(&t->server), ERR_OK);
	assert_int_equal(tls_server_add(t->server, buf_slice(&t->chain),
				 buf_slice(&t->key)),
		ERR_OK);
	assert_int_equal(
		tls_client_new(buf_slice(&t->chain), &t->client), ERR_OK);
}

static void tls_close(struct tls_pair *t)
{
	tls_context_free(t->server);
	tls_context_free(t->client);
	buf_free(&t->chain);
	buf_wipe(&t->key);
}

static bool is_secured(void *arg)
{
	struct side *s = arg;

	return s[0].secured && s[1].secured;
}

static void fill_random(struct buf *b, size_t n)
{
	buf_init(b, n);
	for (size_t i = 0; i < n; i++)
		buf_addc(b, (char)rand());
}

static bool both_whole(void *arg)
{
	struct side *s = arg;

	return s[0].got.n >= 3000000 && s[1].got.n >= 3000000;
}

static void test_tls_implicit(void **state)
{
	struct world w;
	struct tls_pair t;
	struct side s[2];
	struct buf data;
	int fds[2];

	world_open(&w);
	tls_open(&t);
	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(&w, &s[0], fds[0], t.server, NULL);
	side_open(&w, &s[1], fds[1], t.client, NULL);
	assert_true(run(&w, is_secured, s, 10000));
	assert_true(conn_is_tls(s[0].c));
	assert_true(slice_iprefix(
		slice_str(conn_tls_text(s[0].c)), "TLSv1.3 TLS_"));
	/* Both directions at once, more than any buffer. */
	fill_random(&data, 3000000);
	conn_write(s[0].c, buf_slice(&data));
	conn_write(s[1].c, buf_slice(&data));
	assert_true(run(&w, both_whole, s, 20000));
	assert_true(slice_eq(buf_slice(&s[0].got), buf_slice(&data)));
	assert_true(slice_eq(buf_slice(&s[1].got), buf_slice(&data)));
	conn_finish(s[0].c);
	assert_true(run(&w, is_closed, &s[1], 5000));
	assert_int_equal(s[1].why, ERR_EOF);
	side_close(&s[0]);
	side_close(&s[1]);
	buf_free(&data);
	tls_close(&t);
	world_close(&w);
}

/* STARTTLS: the plain reply leaves first; what the client sent behind its
 * command in plain is thrown away (RFC 3207 4.2). */
static void test_start_tls(void **state)
{
	struct world w;
	struct tls_pair t;
	struct side s[2];

	world_open(&w);
	tls_open(&t);
	pair_open(&w, &s[0], &s[1], NULL);
	s[0].hold = true;
	conn_writes(s[1].c, "STARTTLS\r\nINJECTED\r\n");
	assert_true(run(&w, was_called, &s[0], 5000));
	conn_writes(s[0].c, "go ahead\r\n");
	assert_int_equal(conn_start_tls(s[0].c, t.server), ERR_OK);
	assert_int_equal(conn_input(s[0].c).n, 0);
	s[0].hold = false;
	assert_true(run(&w, has_input, &s[1], 5000));
	assert_true(slice_eqs(buf_slice(&s[1].got), "go ahead\r\n"));
	assert_int_equal(conn_start_tls(s[1].c, t.client), ERR_OK);
	assert_true(run(&w, is_secured, s, 10000));
	conn_writes(s[1].c, "safe");
	assert_true(run(&w, has_input, &s[0], 5000));
	assert_true(slice_eqs(buf_slice(&s[0].got), "safe"));
	side_close(&s[0]);
	side_close(&s[1]);
	tls_close(&t);
	world_close(&w);
}

static void test_tls_refuses_plain(void **state)
{
	struct world w;
	struct tls_pair t;
	struct side a, b;
	int fds[2];

	world_open(&w);
	tls_open(&t);
	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(&w, &a, fds[0], t.server, NULL);
	side_open(&w, &b, fds[1], NULL, NULL);
	conn_writes(b.c, "a001 LOGIN me secret\r\n");
	assert_true(run(&w, is_closed, &a, 5000));
	assert_int_equal(a.why, ERR_SYNTAX);
	assert_int_equal(a.got.n, 0);
	side_close(&a);
	side_close(&b);
	tls_close(&t);
	world_close(&w);
}

static void test_tls_reload(void **state)
{
	struct tls_pair t;
	struct buf chain, key;
	const struct tls_clients none = { { NULL, 0 }, { NULL, 0 } };

	tls_open(&t);
	make_certificate("other.example", &chain, &key);
	const struct slice wrong[][2] = { { buf_slice(&chain),
		buf_slice(&t.key) } };
	assert_int_equal(
		tls_server_reload(t.server, wrong, 1, none), ERR_SYNTAX);
	assert_true(strlen(tls_reason()) > 0);
	const struct slice right[][2] = { { buf_slice(&chain),
						  buf_slice(&key) },
		{ buf_slice(&t.chain), buf_slice(&t.key) } };
	assert_int_equal(tls_server_reload(t.server, right, 2, none), ERR_OK);
	buf_free(&chain);
	buf_free(&key);
	tls_close(&t);
}

/* --- splice ------------------------------------------------------------------ */

/* client <-> a1 = a2 <-> server */
struct chain {
	struct world w;
	struct side client, a1, a2, server;
	bool done;
};

static void on_done(void *arg)
{
	struct chain *c = arg;

	assert_false(c->done);
	c->done = true;
}

static const struct splice_rules rules = { .done = on_done };

static bool is_done(void *arg)
{
	return ((struct chain *)arg)->done;
}

static void chain_open(struct chain *c)
{
	memset(c, 0, sizeof(*c));
	world_open(&c->w);
	pair_open(&c->w, &c->client, &c->a1, NULL);
	pair_open(&c->w, &c->a2, &c->server, NULL);
}

static void chain_close(struct chain *c)
{
	side_close(&c->client);
	side_close(&c->a1);
	side_close(&c->a2);
	side_close(&c->server);
	world_close(&c->w);
}

static bool got_all(void *arg)
{
	return ((struct side *)arg)->got.n >= 3000000;
}

static void test_splice(void **state)
{
	struct chain c;
	struct buf data;

	chain_open(&c);
	/* What waited before the splice goes over first. */
	c.a1.hold = true;
	conn_writes(c.client.c, "first,");
	assert_true(run(&c.w, was_called, &c.a1, 5000));
	conn_pause(c.a1.c); /* as a front does while a login runs */
	conn_splice(c.a1.c, c.a2.c, &rules, &c);
	assert_true(run(&c.w, has_input, &c.server, 5000));
	assert_true(slice_eqs(buf_slice(&c.server.got), "first,"));
	/* A slow reader stops the writer: nothing piles up in the middle. */
	fill_random(&data, 3000000);
	conn_pause(c.client.c);
	conn_write(c.server.c, buf_slice(&data));
	rest(&c.w, 50);
	assert_true(conn_pending(c.a1.c) < OUTPUT_HIGH + KIB(64));
	assert_true(conn_pending(c.server.c) > 1000000);
	conn_resume(c.client.c);
	assert_true(run(&c.w, got_all, &c.client, 10000));
	assert_true(slice_eq(buf_slice(&c.client.got), buf_slice(&data)));
	/* The client ends its half; the last reply still reaches it. */
	c.client.got.n = 0;
	c.server.closed = false;
	conn_set_events(c.client.c, &events, &c.client);
	side_close(&c.client);
	c.client.c = NULL;
	assert_true(run(&c.w, is_closed, &c.server, 5000));
	assert_int_equal(c.server.why, ERR_EOF);
	side_close(&c.server);
	c.server.c = NULL;
	assert_true(run(&c.w, is_done, &c, 5000));
	buf_free(&data);
	chain_close(&c);
}

static void test_splice_half_close(void **state)
{
	struct chain c;
	char got[10];
	int fds[2];

	chain_open(&c);
	side_close(&c.client);
	side_close(&c.a1);
	c.client.c = NULL;
	assert_int_equal(stream_pair(fds), ERR_OK);
	side_open(&c.w, &c.a1, fds[0], NULL, NULL);
	conn_splice(c.a1.c, c.a2.c, &rules, &c);
	assert_int_equal(write(fds[1], "LOGOUT", 6), 6);
	shutdown(fds[1], SHUT_WR);
	c.server.hold = true;
	assert_true(run(&c.w, was_called, &c.server, 5000));
	rest(&c.w, 50);
	assert_false(c.done);
	conn_writes(c.server.c, "BYE");
	conn_finish(c.server.c);
	assert_true(run(&c.w, is_done, &c, 5000));
	assert_int_equal(read(fds[1], got, 10), 3);
	assert_memory_equal(got, "BYE", 3);
	close(fds[1]);
	chain_close(&c);
}

/* --- records ------------------------------------------------------------------ */

static void test_records(void **state)
{
	struct world w;
	struct side a, b;
	struct msg m;
	struct msg_in in;
	static char big[90000];

	world_open(&w);
	pair_open(&w, &a, &b, NULL);
	b.hold = true;
	assert_int_equal(record_next(b.c, &in), ERR_AGAIN);
	msg_begin(&m, 5);
	msg_add_slice(&m, slice_of(big, sizeof(big)));
	record_send(a.c, &m);
	conn_writes(a.c, "raw");
	for (int i = 0; i < 100 && record_next(b.c, &in) == ERR_AGAIN; i++)
		rest(&w, 5);
	assert_int_equal(in.type, 5);
	assert_int_equal(msg_slice(&in).n, sizeof(big));
	assert_int_equal(msg_end(&in), ERR_OK);
	record_done(b.c);
	rest(&w, 20);
	assert_true(slice_eqs(conn_input(b.c), "raw"));
	side_close(&a);
	side_close(&b);
	pair_open(&w, &a, &b, NULL);
	b.hold = true;
	conn_writes(a.c, "\xff\xff\xff\xff");
	assert_true(run(&w, was_called, &b, 5000));
	assert_int_equal(record_next(b.c, &in), ERR_SYNTAX);
	side_close(&a);
	side_close(&b);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_input_waits),
		cmocka_unit_test(test_resume_after_eof),
		cmocka_unit_test(test_full_and_low),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_free_inside),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_gate_many),
		cmocka_unit_test(test_tls_implicit),
		cmocka_unit_test(test_start_tls),
		cmocka_unit_test(test_tls_refuses_plain),
		cmocka_unit_test(test_tls_reload),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_splice_half_close),
		cmocka_unit_test(test_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
