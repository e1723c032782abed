/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The machine stops at any change: whatever was acknowledged is there after
 * the next open, transactions of several accounts are there whole or not at
 * all, and every invariant holds (store_verify). SHARD shares the seeds out to processes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#ifndef SHARD
#define SHARD 0
#endif
#ifndef SEEDS
#define SEEDS 16
#endif

static struct {
	unsigned crashes, in_recovery, kills, failures, steps, lost;
	unsigned rotations;
} total;

static void explain(
	const struct world *w, uint64_t seed, const char *what, const char *why)
{
	printf("# seed %llu: %s: %s (crash %u, acknowledged %llu)\n",
		(unsigned long long)seed, what, why, total.crashes,
		(unsigned long long)w->acknowledged);
}

/* Works until the disk stops or fails, or for `steps`. */
static void work(struct world *w, unsigned steps)
{
	for (unsigned i = 0; i < steps && !w->failed && !disk_stopped(w->disk);
		i++) {
		enum err e = world_step(w);
		total.steps++;
		if (e != ERR_OK && e != ERR_IO) {
			printf("# step: %s\n", err_info(e)->name);
			fflush(stdout);
			abort();
		}
	}
}

/* Opens after a crash; the machine may stop in the middle of that as well. */
static bool open_again(struct world *w, uint64_t seed, unsigned *crashes)
{
	enum err e = ERR_IO;

	for (int i = 0; i < 5; i++) {
		if (i < 4 && world_draw(w, 3) == 0)
			disk_stop_after(w->disk, world_draw(w, 60) + 1);
		e = world_open(w, false);
		if (e == ERR_OK || !disk_stopped(w->disk))
			break;
		total.in_recovery++;
		total.crashes++;
		++*crashes;
		disk_crash(w->disk);
	}
	disk_stop_after(w->disk, 0);
	if (e == ERR_OK && disk_stopped(w->disk)) {
		/* Stopped in the last moment: nothing was wrong yet. */
		world_close(w);
		disk_crash(w->disk);
		++*crashes;
		e = world_open(w, false);
	}
	if (e != ERR_OK)
		explain(w, seed, "open", store_open_error());
	return e == ERR_OK;
}

/* One life: work, an end of some kind, and the next open. */
static bool live(struct world *w, uint64_t seed)
{
	unsigned recoveries = 0;
	char why[256];

	switch (world_draw(w, 10)) {
	case 0: /* the process alone ends */
		work(w, 100);
		total.kills++;
		w->store->failed = ERR_IO;
		world_close(w);
		disk_kill(w->disk);
		break;
	case 1: /* a write or a sync fails, then the machine stops */
		disk_fail_after(w->disk, world_draw(w, 60) + 1);
		work(w, 200);
		total.failures++;
		w->store->failed = ERR_IO;
		world_close(w);
		disk_crash(w->disk);
		break;
	case 2: /* in the clean stop */
		work(w, 60);
		disk_stop_after(w->disk, world_draw(w, 60) + 1);
		world_close(w);
		disk_crash(w->disk);
		break;
	case 3: /* soon after the journal's files have retired */
		for (int i = 0; i < 60; i++) {
			work(w, 1);
			world_settle(w);
		}
		disk_stop_after(w->disk, world_draw(w, 20) + 1);
		work(w, 3000);
		world_close(w);
		disk_crash(w->disk);
		break;
	default:
		disk_stop_after(w->disk, world_draw(w, 250) + 1);
		work(w, 3000);
		world_close(w);
		disk_crash(w->disk);
	}
	total.crashes++;
	if (!open_again(w, seed, &recoveries))
		return false;
	/* A recovery that was cut short may have cut off a commit, and given
	 * its number to one of its own that changes no content. */
	uint64_t commit = w->store->opened;
	while (!work_check(w, commit, why)) {
		if (recoveries-- == 0 || commit <= w->acknowledged) {
			explain(w, seed, "content", why);
			return false;
		}
		commit--;
	}
	if (!world_verify(w)) {
		explain(w, seed, "verify", "see above");
		return false;
	}
	work_forget(w, commit);
	w->acknowledged = w->store->opened;
	total.rotations = (unsigned)w->store->j.head.number;
	return true;
}

static bool run_seed(uint64_t seed, unsigned lives, bool lie)
{
	struct world w;
	bool good = true;

	world_init(&w, seed);
	disk_slow(w.disk, seed % 3 ? 0 : 300);
	if (world_open(&w, true) != ERR_OK) {
		printf("# seed %llu: create: %s\n", (unsigned long long)seed,
			store_open_error());
		good = false;
	}
	/* A store that is being made may vanish with the machine. */
	if (good)
		world_settle(&w);
	disk_lie(w.disk, lie);
	for (unsigned i = 0; i < lives && good; i++)
		good = live(&w, seed);
	if (good && w.store) {
		world_settle(&w);
		good = lie || world_verify(&w);
	}
	world_done(&w);
	return good;
}

int main(int argc, char **argv)
{
	unsigned seeds = SEEDS, lives = 14, bad = 0, losses = 0;

	if (argc > 1)
		return run_seed(strtoull(argv[1], NULL, 10), 100, false) ? 0
									 : 1;
	for (unsigned i = 0; i < seeds; i++)
		bad += !run_seed(1000 * SHARD + i + 1, lives, false);
	printf("# %u crashes (%u in recovery, %u kills, %u failures), "
	       "%u steps, journal file %u\n",
		total.crashes, total.in_recovery, total.kills, total.failures,
		total.steps, total.rotations);
	printf("%sok %d - nothing acknowledged is lost\n", bad ? "not " : "",
		1);
	bool enough = work_report() && total.crashes >= 200;
	printf("%sok %d - at least 200 crashes, and of all that can be done\n",
		enough ? "" : "not ", 2);
	/* Control: on a disk that lies about syncs, this test must fail. */
	if (!freopen("/dev/null", "w", stderr))
		abort();
	for (unsigned i = 0; i < 5; i++)
		losses += !run_seed(900000 + SHARD * 100 + i, lives, true);
	printf("# control: %u of 5 runs on a lying disk lost something\n",
		losses);
	printf("%sok %d - the control run fails\n", losses == 5 ? "" : "not ",
		3);
	return bad || !enough || losses < 5;
}
