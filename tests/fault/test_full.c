/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The disk is full: whatever would add something is refused with ERR_NOSPACE,
 * changes nothing and damages nothing; deleting works, and makes room for
 * adding again; also when the process is ended in the middle and a new one
 * finds the disk full. Space that the store reserves for itself is that of one
 * journal file, however many it has left. How clients are told is one row of
 * lib/err.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/collection.h>
#include <bastide/directory.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>

#include "world.h"

#define SEEDS 12
#define SPACE (10u << 20)
#define FULL 10 /* refusals until it is taken for full */

static struct {
	unsigned refused, deleted, again, reopened;
} total;

static bool complain(uint64_t seed, const char *what, enum err e)
{
	printf("# seed %llu: %s: %s\n", (unsigned long long)seed, what,
		err_info(e)->name);
	return false;
}

/* --- one thing of each kind ----------------------------------------------------------- */

static struct account *open_first(struct world *w)
{
	struct arena *arena = arena_new(MIB(1));
	struct user_row row;
	struct account *a = NULL;
	size_t n = 0;

	if (user_list(w->store, 0, arena, &row, 1, &n) == ERR_OK && n &&
		account_open(w->store, row.account, &a) != ERR_OK)
		a = NULL;
	arena_free(arena);
	return a;
}

static enum err body(struct account *a, size_t n, uint64_t *out)
{
	static const struct body_meta none;
	static char bytes[200000];
	struct body_writer *to;

	TRY(body_begin(a, n, &to));
	enum err e = body_write(to, slice_of(bytes, n));
	if (e != ERR_OK) {
		body_abort(to);
		return e;
	}
	return body_finish(to, &none, out);
}

static enum err inbox_of(struct account *a, uint64_t *id_out)
{
	struct arena *arena = arena_new(MIB(1));
	struct mailbox_row row;
	enum err e = mailbox_find(a, slice_str("INBOX"), arena, &row);

	*id_out = row.id;
	arena_free(arena);
	return e;
}

static enum err add_mail(struct world *w, struct account *a, size_t n)
{
	struct message_new m = { 0 };
	uint64_t modseq, inbox;
	uint32_t uid;

	(void)w;
	TRY(inbox_of(a, &inbox));
	TRY(body(a, n, &m.body));
	return message_add(a, inbox, &m, &uid, &modseq);
}

static enum err add_event(struct world *w, struct account *a, size_t n)
{
	static char bytes[200000];
	struct resource_new r = { .name = slice_str("full.ics"),
		.uid = slice_str("full"),
		.component = slice_str("VEVENT"),
		.data = slice_of(bytes, n),
		.horizon = INT64_MAX };
	struct arena *arena = arena_new(MIB(1));
	struct collection_row c;
	uint64_t etag;

	(void)w;
	enum err e = collection_find(
		a, COLLECTION_CALENDAR, slice_str("calendar"), arena, &c);
	if (e == ERR_NOTFOUND) /* all calendars are gone: make one first */
		e = collection_create(
			a, COLLECTION_CALENDAR, slice_str("calendar"), &c.id);
	if (e == ERR_OK)
		e = resource_put(a, c.id, &r, &etag);
	arena_free(arena);
	return e;
}

static enum err add_queued(struct world *w, struct account *a, size_t n)
{
	struct slice to = slice_str("x@elsewhere.example");
	struct queue_row row = { .account = account_number(a), .size = n };
	struct account *tenant;
	uint64_t message;

	TRY(account_open(w->store, TENANT_ACCOUNT, &tenant));
	enum err e = body(tenant, n, &row.body);
	account_close(tenant);
	TRY(e);
	return queue_add(w->store, &row, &to, 1, &message);
}

static enum err add_user(struct world *w, struct account *a, size_t n)
{
	static unsigned count;
	char address[40];
	uint32_t number;

	(void)a;
	(void)n;
	snprintf(address, sizeof(address), "full%u@example.org", count++);
	return user_create(
		w->store, slice_str(address), slice_str("Full"), &number);
}

static enum err (*const adding[])(struct world *w, struct account *a,
	size_t n) = { add_mail, add_event, add_queued, add_user };

static enum err in_tx(struct world *w,
	enum err (*what)(struct world *w, struct account *a, size_t n),
	size_t n)
{
	struct account *a = open_first(w);
	enum err e = a ? store_begin(w->store) : ERR_NOTFOUND;

	if (e == ERR_OK) {
		e = what(w, a, n);
		if (e == ERR_OK)
			e = store_commit(w->store, NULL);
		else
			store_rollback(w->store);
	}
	account_close(a);
	return e;
}

/* --- deleting --------------------------------------------------------------------------- */

static enum err drop_messages(struct account *a, uint64_t box, uint32_t *n_out)
{
	struct store *s = account_store(a);
	uint32_t uids[40];
	uint64_t modseq;
	size_t n;

	TRY(message_uids(a, box, 1, uids, 40, &n));
	*n_out = (uint32_t)n;
	if (n == 0)
		return ERR_OK;
	TRY(store_begin_freeing(s));
	for (size_t i = 0; i < n; i++) {
		enum err e = message_expunge(a, box, uids[i], &modseq);
		if (e != ERR_OK) {
			store_rollback(s);
			return e;
		}
	}
	return store_commit(s, NULL);
}

static void between(struct world *w)
{
	/* Ten seconds pass, after which the store looks for room again. */
	w->store->retire.again = w->store->spare.again = 0;
	store_turn(w->store);
	store_housekeep(w->store, 1000);
	store_poll(w->store);
	store_head_kept(w->store, w->head.serial);
}

/* All mail of one mailbox, a few at a time. */
static enum err empty_mailbox(struct world *w, struct account *a, uint64_t box)
{
	uint32_t n = 1;

	while (n > 0) {
		TRY(drop_messages(a, box, &n));
		total.deleted += n;
		between(w);
	}
	return ERR_OK;
}

static enum err empty_collections(struct world *w, struct account *a)
{
	struct arena *arena = arena_new(MIB(1));
	struct collection_row rows[60];
	size_t n = 0;
	enum err e =
		collection_list(a, COLLECTION_CALENDAR, arena, rows, 60, &n);

	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		e = store_begin_freeing(w->store);
		if (e == ERR_OK)
			e = collection_delete(a, rows[i].id);
		if (e == ERR_OK)
			e = store_commit(w->store, NULL);
		between(w);
	}
	arena_free(arena);
	return e;
}

static enum err empty_queue(struct world *w)
{
	struct arena *arena = arena_new(MIB(1));
	struct queue_row row;
	size_t n = 1;
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		e = queue_list(w->store, 0, arena, &row, 1, &n);
		if (e != ERR_OK || n == 0)
			break;
		e = store_begin_freeing(w->store);
		if (e == ERR_OK)
			e = queue_remove(w->store, row.id);
		if (e == ERR_OK)
			e = store_commit(w->store, NULL);
		between(w);
	}
	arena_free(arena);
	return e;
}

static enum err empty_account(struct world *w, uint32_t number)
{
	struct arena *arena = arena_new(MIB(1));
	struct mailbox_row rows[60];
	struct account *a;
	size_t n = 0;
	enum err e = account_open(w->store, number, &a);

	if (e == ERR_OK) {
		e = mailbox_list(a, slice_of("", 0), arena, rows, 60, &n);
		for (size_t i = 0; i < n && e == ERR_OK; i++)
			if (rows[i].selectable)
				e = empty_mailbox(w, a, rows[i].id);
		if (e == ERR_OK)
			e = empty_collections(w, a);
		account_close(a);
	}
	arena_free(arena);
	return e;
}

static enum err empty_all(struct world *w)
{
	struct arena *arena = arena_new(MIB(1));
	struct user_row rows[10];
	size_t n = 0;
	enum err e = user_list(w->store, 0, arena, rows, 10, &n);

	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = empty_account(w, rows[i].account);
	if (e == ERR_OK)
		e = empty_queue(w);
	arena_free(arena);
	return e;
}

/* --- one disk ------------------------------------------------------------------------------ */

/* Until nothing more goes in, with what the loop does in between. */
static bool fill(struct world *w, uint64_t seed)
{
	unsigned refused = 0;

	disk_space(w->disk, disk_used(w->disk) + SPACE);
	for (unsigned i = 0; i < 20000 && refused < FULL; i++) {
		enum err e = world_step(w);
		if (e == ERR_NOSPACE)
			refused++;
		else if (e != ERR_OK)
			return complain(seed, "step", e);
		if (w->failed)
			return complain(seed, "failed", w->failed);
	}
	total.refused += refused;
	return refused == FULL || complain(seed, "never full", ERR_OK);
}

/* What the current journal file may reserve beyond its records. */
#define IDLE_MAX MIB(4)

static bool gives_back(struct world *w, uint64_t seed)
{
	world_settle(w);
	uint64_t idle = disk_idle(w->disk, "journal-");
	if (w->store->j.head.number > 3 && idle <= IDLE_MAX)
		return true;
	printf("# journal file %llu, %llu bytes reserved and not used\n",
		(unsigned long long)w->store->j.head.number,
		(unsigned long long)idle);
	return complain(seed, "reserved", ERR_OK);
}

static bool refuses(struct world *w, uint64_t seed)
{
	/* Small ones may still fit: the last gap is filled too. */
	for (size_t n = 150000; n > 0; n /= 2)
		for (unsigned i = 0; i < 2000; i++)
			if (in_tx(w, add_mail, n) != ERR_OK)
				break;
	for (size_t i = 0; i < sizeof(adding) / sizeof(*adding); i++) {
		/* One kind's record may be smaller than another's. */
		enum err e = ERR_OK;
		for (unsigned n = 0; n < 500 && e == ERR_OK; n++)
			e = in_tx(w, adding[i], 150000);
		if (e != ERR_NOSPACE)
			return complain(seed, "not refused", e);
		total.refused++;
	}
	return !w->failed || complain(seed, "failed", w->failed);
}

/* The process ends here; the next one finds the disk as it is. */
static bool reopen(struct world *w, uint64_t seed, bool kill)
{
	if (kill)
		w->store->failed = ERR_IO;
	world_close(w);
	disk_kill(w->disk);
	enum err e = world_open(w, false);
	if (e != ERR_OK)
		return complain(seed, store_open_error(), e);
	total.reopened++;
	return world_verify(w) || complain(seed, "verify", ERR_CORRUPT);
}

static bool makes_room(struct world *w, uint64_t seed)
{
	enum err e = empty_all(w);

	if (e != ERR_OK)
		return complain(seed, "deleting", e);
	for (size_t i = 0; i < sizeof(adding) / sizeof(*adding); i++) {
		e = in_tx(w, adding[i], 20000);
		/* What was deleted goes when syncs are done. */
		for (unsigned n = 0; n < 5000 && e == ERR_NOSPACE; n++) {
			usleep(1000);
			between(w);
			e = in_tx(w, adding[i], 20000);
		}
		if (e != ERR_OK)
			return complain(seed, "no room again", e);
		total.again++;
	}
	world_settle(w);
	return world_verify(w) || complain(seed, "verify", ERR_CORRUPT);
}

static bool run(uint64_t seed)
{
	struct world w;

	world_init(&w, seed);
	w.file_limit = KIB(512);
	w.slack = false;
	bool good = world_open(&w, true) == ERR_OK;
	if (good)
		world_settle(&w);
	good = good && fill(&w, seed) && gives_back(&w, seed) &&
	       refuses(&w, seed);
	good = good &&
	       (world_verify(&w) || complain(seed, "verify", ERR_CORRUPT));
	if (good && seed % 3)
		good = reopen(&w, seed, seed % 3 == 1);
	good = good && makes_room(&w, seed) && reopen(&w, seed, false);
	world_done(&w);
	return good;
}

int main(void)
{
	unsigned bad = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		bad += !run(seed);
	printf("# %u refused, %u messages deleted, %u times room again, "
	       "%u opens\n",
		total.refused, total.deleted, total.again, total.reopened);
	printf("%sok 1 - a full disk refuses, and deleting makes room\n",
		bad ? "not " : "");
	bool enough =
		total.deleted > 100 && total.again > 40 && total.reopened > 16;
	printf("%sok 2 - much was deleted, added again, and opened while "
	       "full\n",
		enough ? "" : "not ");
	return bad || !enough;
}
