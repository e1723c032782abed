/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The n-th write or sync fails, for each n. From then on what is on the disk
 * is unknown: the store refuses everything, writes nothing more and tries
 * nothing again, and says so once; the next open has all that was acknowledged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "world.h"

#define FAILURES 150

static unsigned syncs, failures;

static bool complain(uint64_t n, const char *what)
{
	printf("# failure %llu: %s\n", (unsigned long long)n, what);
	return false;
}

/* What the loop would go on to do. */
static void idle(struct world *w)
{
	for (int i = 0; i < 5; i++) {
		store_turn(w->store);
		store_poll(w->store);
		store_housekeep(w->store, 1000);
		usleep(1000);
	}
}

static bool refuses(struct world *w, uint64_t n)
{
	uint64_t changes, acknowledged;
	struct account *a;

	/* Syncs that ran beside the one that failed come to an end, on a busy
	 * machine too: when nothing has changed for a while. */
	do {
		changes = disk_changes(w->disk);
		for (int i = 0; i < 10; i++)
			idle(w);
	} while (disk_changes(w->disk) != changes);
	if (!w->failed)
		return complain(n, "nobody was told");
	changes = disk_changes(w->disk);
	acknowledged = w->acknowledged;
	if (store_begin(w->store) != ERR_IO ||
		store_begin_freeing(w->store) != ERR_IO ||
		account_open(w->store, 1, &a) != ERR_IO)
		return complain(n, "it still serves");
	idle(w);
	world_close(w);
	if (disk_changes(w->disk) != changes)
		return complain(n, "it still writes");
	if (w->acknowledged != acknowledged)
		return complain(n, "it still acknowledges");
	return true;
}

static bool fail_at(uint64_t n)
{
	struct world w;
	char why[256];
	bool sync;

	world_init(&w, 7000 + n % 3);
	if (world_open(&w, true) != ERR_OK)
		return complain(n, "create");
	world_settle(&w);
	disk_fail_after(w.disk, n);
	for (int i = 0; i < 3000 && !disk_failed(w.disk, &sync); i++)
		(void)!world_step(&w);
	bool good = disk_failed(w.disk, &sync);
	failures += good;
	syncs += good && sync;
	good = good ? refuses(&w, n) : complain(n, "it never came");
	if (good && n % 2)
		disk_kill(w.disk);
	else if (good)
		disk_crash(w.disk);
	if (good && world_open(&w, false) != ERR_OK)
		good = complain(n, store_open_error());
	else if (good && !work_check(&w, w.store->opened, why))
		good = complain(n, why);
	else if (good && !world_verify(&w))
		good = complain(n, "verify");
	world_done(&w);
	return good;
}

int main(void)
{
	unsigned bad = 0;

	for (uint64_t n = 1; n <= FAILURES && bad < 5; n++)
		bad += !fail_at(n);
	printf("# %u failures, %u of them syncs\n", failures, syncs);
	printf("%sok 1 - after a failure nothing is served, written or lost\n",
		bad ? "not " : "");
	bool both = syncs > 20 && failures - syncs > 20;
	printf("%sok 2 - of writes and of syncs\n", both ? "" : "not ");
	return bad || !both;
}
