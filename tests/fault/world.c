/* SPDX-License-Identifier: EUPL-1.2 */
#include "world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static const char key_bytes[] = "a tenant's key of thirty-two b.!";

uint64_t world_draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return below ? w->random % below : w->random;
}

void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * 0x9e3779b97f4a7c15ull + 77;
	w->disk = disk_new(world_draw(w, 0));
	w->key = secret_copy(key_bytes, 32);
	oid_new(&w->tenant);
	w->file_limit = 150000;
	w->slack = true;
}

void world_done(struct world *w)
{
	world_close(w);
	work_free(w->work);
	disk_free(w->disk);
	secret_free(w->key);
}

/* --- the store ---------------------------------------------------------------- */

static void on_durable(void *arg, uint64_t commit)
{
	struct world *w = arg;

	if (commit > w->acknowledged)
		w->acknowledged = commit;
}

/* The keeper may be slow: then the old head stays in force. */
static void on_head(void *arg, const struct head *head)
{
	struct world *w = arg;

	if (!w->slack || world_draw(w, 4) > 0)
		w->head = *head;
}

static void on_failed(void *arg, enum err e)
{
	struct world *w = arg;

	w->failed = e;
}

enum err world_open(struct world *w, bool create)
{
	struct store_opts o = { .dir = "",
		.tenant = w->tenant,
		.key = w->key,
		.head = w->head,
		.medium = disk_medium(w->disk),
		.create = create,
		.file_limit = w->file_limit,
		.on_durable = on_durable,
		.on_head = on_head,
		.on_failed = on_failed,
		.arg = w };

	w->failed = ERR_OK;
	TRY(store_open(&o, &w->store));
	if (create) {
		w->acknowledged = store_durable(w->store);
		w->work = work_new(w);
	}
	return ERR_OK;
}

void world_close(struct world *w)
{
	work_release(w);
	store_close(w->store);
	w->store = NULL;
}

static void poll_store(struct world *w, int ms)
{
	struct pollfd fd = { .fd = store_fd(w->store), .events = POLLIN };

	if (poll(&fd, 1, ms) > 0)
		store_poll(w->store);
}

void world_settle(struct world *w)
{
	struct store *s = w->store;

	for (int i = 0; i < 2000 && !w->failed; i++) {
		store_turn(s);
		bool more = store_housekeep(s, 2000);
		bool late = store_durable(s) < store_last_commit(s);
		poll_store(w, late ? 100 : 0);
		if (w->head.serial)
			store_head_kept(s, w->head.serial);
		if (!more && !late && i > 20)
			return;
	}
}

static void turn(struct world *w)
{
	struct store *s = w->store;

	switch (world_draw(w, 3)) {
	case 0:
		store_turn(s);
		return;
	case 1:
		store_turn(s);
		poll_store(w, (int)world_draw(w, 3));
		return;
	default:
		store_housekeep(s, (unsigned)world_draw(w, 1000));
		if (w->head.serial && world_draw(w, 2))
			store_head_kept(s, w->head.serial);
	}
}

enum err world_step(struct world *w)
{
	if (world_draw(w, 8) > 2)
		return work_step(w);
	turn(w);
	return ERR_OK;
}

static void on_finding(void *arg, const char *line)
{
	(void)arg;
	printf("# %s\n", line);
}

bool world_verify(struct world *w)
{
	struct store_check c = { .report = on_finding };
	struct store_verify *v;
	enum err e = store_verify_new(w->store, &c, &v);

	if (e != ERR_OK)
		return false;
	do
		e = store_verify_more(v, 1000000);
	while (e == ERR_AGAIN);
	store_verify_free(v);
	if (e != ERR_OK)
		printf("# verify: %s\n", err_info(e)->name);
	return e == ERR_OK && c.findings == 0 && c.records > 0;
}
