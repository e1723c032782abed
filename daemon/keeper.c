/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the store needs of its process: the key and head from keyd, its turn,
 * its syncer's news, time for its housekeeping, and that its heads reach keyd.
 */
#include <stdlib.h>

#include <bastide/control.h>
#include <bastide/log.h>

#include "admin_check.h"
#include "admin_tenantd.h"
#include "head.h"
#include "tenantd.h"

#define HOUSEKEEPING_MS 200
#define HEAD_AGAIN_MS 1000
#define LAST_HEAD_MS 5000

static bool opened;

static void on_durable(void *arg, uint64_t commit)
{
	gate_advance(tenantd.tenant.gate, commit);
	admin_durable(commit);
}

static struct timer *head_again;

static void send_head(void)
{
	struct msg m;

	if (!tenantd.keyd || !tenantd.head_unkept)
		return;
	msg_begin(&m, HEAD_PUT);
	msg_add_u64(&m, tenantd.head_unkept);
	msg_add_slice(&m, slice_of(tenantd.head, HEAD_PACKED));
	/* When keyd is away it is sent again on the next channel. */
	(void)ipc_send(tenantd.keyd, &m);
}

static void on_head_again(void *arg)
{
	send_head();
}

static void on_head(void *arg, const struct head *head)
{
	head_pack(head, tenantd.head);
	tenantd.head_unkept = head->serial;
	send_head();
}

static void on_failed(void *arg, enum err e)
{
	give_up("store", e);
}

static void on_store_ready(void *arg, int events)
{
	store_poll(tenantd.tenant.store);
}

static void on_turn(void *arg)
{
	store_turn(tenantd.tenant.store);
}

static void tidy(void *arg)
{
	if (store_housekeep(tenantd.tenant.store, SLICE_US))
		loop_later(tenantd.tenant.loop, &tenantd.tidy);
	else
		timer_set(tenantd.housekeeping, HOUSEKEEPING_MS);
}

/* --- opening ------------------------------------------------------------------- */

static enum err open_store(const struct secret *key, const struct head *head)
{
	struct tenantd *t = &tenantd;
	struct store_opts o = { .dir = ".",
		.tenant = t->tenant.id,
		.key = key,
		.head = *head,
		.create = t->create,
		.on_durable = on_durable,
		.on_head = on_head,
		.on_failed = on_failed };

	enum err e = store_open(&o, &t->tenant.store);
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "store-refused", "err=%s where=\"%s\"",
			err_info(e)->name, store_open_error());
		return e;
	}
	opened = true;
	gate_advance(t->tenant.gate, store_durable(t->tenant.store));
	t->turn = (struct turn_hook){ .run = on_turn };
	t->tidy = (struct later){ .run = tidy };
	loop_add_turn_hook(t->tenant.loop, &t->turn);
	TRY(watch_new(t->tenant.loop, store_fd(t->tenant.store), on_store_ready,
		NULL, &t->store_watch));
	watch_set(t->store_watch, LOOP_READ);
	TRY(timer_new(t->tenant.loop, tidy, NULL, &t->housekeeping));
	TRY(timer_new(t->tenant.loop, on_head_again, NULL, &head_again));
	timer_set(t->housekeeping, HOUSEKEEPING_MS);
	return ERR_OK;
}

static enum err serve(void)
{
	struct tenantd *t = &tenantd;

	TRY(auth_init());
	if (t->want_addresses)
		TRY(addresses_tell_all());
	for (const struct house *h = houses; h->session; h++)
		if (h->begin)
			TRY(h->begin(&t->tenant));
	TRY(send_plain(t->tenant.control, CONTROL_READY));
	idle_changed();
	return ERR_OK;
}

static enum err on_key(struct msg_in *m)
{
	enum err e = msg_err(m);
	struct slice raw = msg_slice(m), packed = msg_slice(m);
	struct head head = { 0 };

	TRY(msg_end(m));
	if (opened) {
		/* A keyd that was started anew knows us now. */
		send_head();
		return ERR_OK;
	}
	if (e == ERR_OK && packed.n)
		e = head_unpack(packed, &head);
	struct secret *key = NULL;
	if (e == ERR_OK) {
		key = secret_copy(raw.p, raw.n);
		e = key ? open_store(key, &head) : ERR_NOMEM;
	}
	secret_free(key); /* the store has its own copy */
	if (e == ERR_OK)
		e = serve();
	if (e != ERR_OK)
		give_up("open", e);
	return ERR_OK;
}

static enum err on_head_kept(struct msg_in *m)
{
	enum err e = msg_err(m);
	uint64_t serial = msg_u64(m);

	TRY(msg_end(m));
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "head-refused", "err=%s",
			err_info(e)->name);
		/* keyd's disk may be ours, and full: what is removed once a
		 * head is kept must not wait for the next one. */
		if (e == ERR_NOSPACE && tenantd.tenant.store) {
			store_head_refused(tenantd.tenant.store);
			timer_set(head_again, HEAD_AGAIN_MS);
		}
		return ERR_OK;
	}
	if (serial == tenantd.head_unkept)
		tenantd.head_unkept = 0;
	if (tenantd.tenant.store)
		store_head_kept(tenantd.tenant.store, serial);
	else if (!tenantd.head_unkept)
		loop_stop(tenantd.tenant.loop); /* keeper_stop waits */
	return ERR_OK;
}

static void on_message(void *arg, struct msg_in *m)
{
	enum err e = m->type == KEY_GIVEN   ? on_key(m)
		     : m->type == HEAD_KEPT ? on_head_kept(m)
					    : ERR_UNSUPPORTED;

	if (e != ERR_OK)
		give_up("keyd", e);
}

/* bastided starts a new keyd and sends a new channel; until then the key that
 * we have is enough. */
static void on_closed(void *arg)
{
	log_event(LOG_WARN_, "keyd-away", "opened=%s", opened ? "yes" : "no");
	ipc_free(tenantd.keyd);
	tenantd.keyd = NULL;
	if (tenantd.ending)
		loop_stop(tenantd.tenant.loop);
}

enum err keeper_keyd(int fd)
{
	static const struct ipc_events events = { on_message, on_closed };

	ipc_free(tenantd.keyd);
	tenantd.keyd = NULL;
	TRY(ipc_new(tenantd.tenant.loop, fd, &events, NULL, &tenantd.keyd));
	return send_plain(tenantd.keyd, KEY_GET);
}

enum err keeper_start(void)
{
	return keeper_keyd(KEYD_FD);
}

/* --- closing ------------------------------------------------------------------- */

static void on_late(void *arg)
{
	log_event(LOG_WARN_, "last-head-late", "serial=%llu",
		(unsigned long long)tenantd.head_unkept);
	loop_stop(tenantd.tenant.loop);
}

static void no_turn(void *arg)
{
}

void keeper_stop(void)
{
	struct store *s = tenantd.tenant.store;
	struct timer *late;

	if (!s)
		return;
	auth_flush();
	admin_check_stop();
	watch_free(tenantd.store_watch);
	timer_free(tenantd.housekeeping);
	timer_free(head_again);
	loop_later_cancel(&tenantd.tidy);
	tenantd.turn.run = no_turn;
	tenantd.tenant.store = NULL;
	store_close(s);
	if (!tenantd.head_unkept || !tenantd.keyd ||
		timer_new(tenantd.tenant.loop, on_late, NULL, &late) != ERR_OK)
		return;
	timer_set(late, LAST_HEAD_MS);
	loop_run(tenantd.tenant.loop);
	timer_free(late);
}
