/* SPDX-License-Identifier: EUPL-1.2 */
#include <stdlib.h>

#include <bastide/config.h>
#include <bastide/directory.h>
#include <bastide/mem.h>

#include "../fault/disk.h"
#include "stream.h"
#include "tenant.h"

/* What clients send before there is a new store, so that no session has to look
 * through what hundreds before it have filed; bytes of its disk after which there
 * is a new one before, and at which it is full. */
#define LIFE KIB(64)
#define DISK_OLD MIB(12)
#define DISK_FULL MIB(24)
#define RS 0x1e

static struct tenant tenant;
static struct disk *disk;
static uint32_t account;
static unsigned served, running, streams;
static size_t life; /* bytes that this store has been sent */

static void stop_when_over(void)
{
	if (!running && !streams)
		loop_stop(tenant.loop);
}

void session_ended(struct tenant *t, uint64_t id)
{
	running--;
	stop_when_over();
}

void tenant_working(struct tenant *t, int change)
{
}

enum err worker_ask(struct worker *w, enum work kind, struct msg *request,
	unsigned deadline_ms,
	void (*done)(void *arg, enum err e, struct msg_in *reply), void *arg,
	struct job **out)
{
	msg_free(request);
	return ERR_UNAVAILABLE;
}

void worker_cancel(struct job *j)
{
}

static void on_durable(void *arg, uint64_t commit)
{
	gate_advance(tenant.gate, commit);
}

static void on_head(void *arg, const struct head *head)
{
	store_head_kept(tenant.store, head->serial);
}

static void on_failed(void *arg, enum err e)
{
	abort();
}

static void on_store(void *arg, int ready)
{
	store_poll(tenant.store);
}

static void on_turn(void *arg)
{
	if (tenant.store)
		store_turn(tenant.store);
}

static struct timer *ticker;

static void on_timer(void *arg)
{
	bool soon = store_housekeep(tenant.store, SLICE_US);

	timer_set(ticker, soon ? 1 : 100);
}

/* --- the world -------------------------------------------------------------------- */

static struct watch *syncer;

static void store_make(void)
{
	struct secret *key =
		secret_copy("0123456789abcdef0123456789abcdef", 32);
	struct store_opts o = { .key = key,
		.create = true,
		.on_durable = on_durable,
		.on_head = on_head,
		.on_failed = on_failed };
	uint32_t other;

	disk = disk_new(1);
	disk_space(disk, DISK_FULL);
	o.medium = disk_medium(disk);
	must(gate_new(&tenant.gate));
	must(store_open(&o, &tenant.store));
	secret_free(key);
	must(store_begin(tenant.store));
	must(domain_add(tenant.store, slice_str("example.org")));
	must(user_create(tenant.store, slice_str("anna@example.org"),
		slice_str("Anna"), &account));
	must(user_create(tenant.store, slice_str("ben@example.org"),
		slice_str("Ben"), &other));
	must(store_commit(tenant.store, NULL));
	must(watch_new(
		tenant.loop, store_fd(tenant.store), on_store, NULL, &syncer));
	watch_set(syncer, LOOP_READ);
}

static void store_unmake(void)
{
	watch_free(syncer);
	store_close(tenant.store);
	tenant.store = NULL;
	gate_free(tenant.gate);
	disk_free(disk);
}

static void world(void)
{
	static struct turn_hook hook = { .run = on_turn };

	if (!tenant.loop) {
		must(loop_new(&tenant.loop));
		must(config_new(&tenant.config));
		tenant.hostname = "mail.example.org";
		loop_add_turn_hook(tenant.loop, &hook);
		must(timer_new(tenant.loop, on_timer, NULL, &ticker));
		timer_set(ticker, 100);
	}
	served++;
	if (tenant.store && life < LIFE && disk_used(disk) < DISK_OLD)
		return;
	if (tenant.store)
		store_unmake();
	store_make();
	life = 0;
}

/* --- one session ------------------------------------------------------------------ */

static void on_stream_closed(void *arg)
{
	streams--;
	stop_when_over();
}

void tenant_serve(
	session_new_fn *begin, enum protocol protocol, struct slice in)
{
	static const struct conn_events none;
	static struct stream client = { .closed = on_stream_closed };
	int fds[2];

	world();
	life += in.n;
	must(stream_pair(fds));
	struct session_start s = { .tenant = &tenant,
		.protocol = protocol,
		.account = protocol == PROTOCOL_DELIVER ? 0 : account,
		.login = slice_str("anna@example.org"),
		.peer = slice_str("192.0.2.1"),
		.extra = slice_str("*"),
		.id = served };
	must(conn_new(
		tenant.loop, fds[0], NULL, tenant.gate, &none, NULL, &s.conn));
	must(begin(&s));
	running++;
	streams++;
	stream_begin(&client, tenant.loop, fds[1], in);
	loop_run(tenant.loop);
}

void tenant_records(struct slice script,
	bool (*put)(struct msg *m, struct slice piece), struct buf *out)
{
	while (script.n) {
		struct slice piece = slice_cut(script, RS, &script);
		struct msg m;
		if (piece.n && put(&m, slice_head(piece, KIB(64)))) {
			buf_add_be32(out, (uint32_t)m.b.n);
			buf_add_slice(out, buf_slice(&m.b));
			msg_free(&m);
		} else {
			buf_add_be32(out, (uint32_t)piece.n);
			buf_add_slice(out, piece);
		}
	}
}
