/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Nothing altered: files of a stopped store are changed in every way of
 * alter.c, one thing a case, and everything is opened and read. Each case must
 * be refused with the store's own errors, what could be read before being
 * true, or be harmless: all is there as it was. Nothing else may come out.
 *
 * Two stopped stores are altered: one that was closed, and one whose process
 * was ended, with a journal to be replayed. In the second the end of the
 * journal behind the head may be cut off (doc/THREATS.md): then the state of
 * a commit between head and end is true.
 *
 * With -DCONTROL the program is linked to a map that matches always: old pages
 * must get through then, or the test could not see them. SHARD shares the
 * seeds out to processes.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../store/segref.h"
#include "alter.h"

#ifndef SHARD
#define SHARD 0
#endif
#define CASES 95       /* of each kind */
#define CASES_MIN 2500 /* in all; there are four shards */

static struct world maker, stranger, dice;
static struct image closed, killed, old[OLD], other;
static struct place place[4000];
static size_t n_places;

static struct {
	unsigned refused, harmless, wrong;
} count[64];

static void fatal(const char *what)
{
	printf("Bail out! %s: %s\n", what, store_open_error());
	exit(1);
}

/* --- the stores ------------------------------------------------------------------------- */

static void live(struct world *w, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++)
		if (world_step(w) != ERR_OK)
			fatal("step");
	world_settle(w);
}

static void see(struct image *i, struct store *s)
{
	i->truth = realloc(i->truth, (i->n_truths + 1) * sizeof(*i->truth));
	picture_init(&i->truth[i->n_truths]);
	picture_store(&i->truth[i->n_truths], s);
	if (i->truth[i->n_truths++].err != ERR_OK)
		fatal("picture");
}

static void close_as(struct world *w, struct image *out)
{
	world_close(w);
	out->disk = disk_copy(w->disk);
	out->head = w->head;
}

static void open_again(struct world *w)
{
	if (world_open(w, false) != ERR_OK)
		fatal("open");
}

static void make(struct world *w, uint64_t seed)
{
	world_init(w, seed);
	w->slack = false;
	if (world_open(w, true) != ERR_OK)
		fatal("create");
}

static void note_places(struct store *s, uint32_t number)
{
	struct account *a;
	struct segref r;

	if (account_open(s, number, &a) != ERR_OK)
		return;
	sqlite3_stmt *st = db_stmt(
		account_db(a), "SELECT ref FROM body WHERE ref IS NOT NULL");
	while (db_step(st) == ERR_OK) {
		if (segref_parse(db_column(st, 0), &r) != ERR_OK)
			fatal("reference");
		for (uint32_t i = 0; i < r.chunks && n_places < 4000; i++) {
			struct place *p = &place[n_places++];
			p->account = number;
			p->n = segref_size(&r, i) + CHUNK_TAG;
			segref_place(&r, i, &p->segment, &p->offset);
		}
	}
	db_done(st);
	account_close(a);
}

/* The head is given at the last commit; three more follow it. */
static void kill_behind_head(struct world *w)
{
	w->store->want_head = true;
	store_poll(w->store);
	store_head_kept(w->store, w->head.serial);
	see(&killed, w->store);
	for (uint64_t last = store_last_commit(w->store); killed.n_truths < 4;
		last = store_last_commit(w->store)) {
		if (work_step(w) != ERR_OK)
			fatal("step");
		if (store_last_commit(w->store) != last)
			see(&killed, w->store);
	}
	while (store_durable(w->store) < store_last_commit(w->store)) {
		store_turn(w->store);
		store_poll(w->store);
	}
	w->store->failed = ERR_IO;
	world_close(w);
	disk_kill(w->disk);
	killed.disk = disk_copy(w->disk);
	killed.head = w->head;
}

static void make_stores(void)
{
	make(&stranger, 500 + SHARD);
	live(&stranger, 150);
	close_as(&stranger, &other);
	make(&maker, 100 + SHARD);
	live(&maker, 150);
	close_as(&maker, &old[0]);
	open_again(&maker);
	live(&maker, 60);
	old[1].disk = disk_copy(maker.disk); /* in the middle of its life */
	old[1].head = maker.head;
	live(&maker, 40);
	close_as(&maker, &old[2]);
	open_again(&maker);
	live(&maker, 60);
	see(&closed, maker.store);
	for (uint32_t number = 0; number < 10; number++)
		note_places(maker.store, number);
	close_as(&maker, &closed);
	open_again(&maker);
	live(&maker, 40);
	kill_behind_head(&maker);
}

/* --- one case ----------------------------------------------------------------------------- */

static enum err open_copy(
	struct disk *d, const struct head *head, struct store **out)
{
	struct store_opts o = { .dir = "",
		.tenant = maker.tenant,
		.key = maker.key,
		.head = *head,
		.medium = disk_medium(d),
		.file_limit = maker.file_limit };

	return store_open(&o, out);
}

static enum verdict judge(const struct image *image, struct store *s, char *why)
{
	static struct picture p;
	enum verdict best = PICTURE_WRONG;

	if (!p.arena)
		picture_init(&p);
	picture_store(&p, s);
	/* What is wrong is said of the newest one. */
	for (size_t i = 0; i < image->n_truths && best == PICTURE_WRONG; i++)
		best = picture_compare(&image->truth[i], &p, why);
	return best;
}

static enum verdict try_open(
	const struct image *image, struct victim *v, char *why)
{
	struct store *s;
	enum err e = open_copy(v->disk, &v->head, &s);

	if (e != ERR_OK) {
		snprintf(why, 256, "%s", store_open_error());
		return e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_NOKEY
			       ? PICTURE_REFUSED
			       : PICTURE_WRONG;
	}
	enum verdict result = judge(image, s, why);
	store_close(s);
	return result;
}

#ifdef CONTROL
static sigjmp_buf stopped;

static void on_abort(int sig)
{
	siglongjmp(stopped, 1);
}

/* Old pages may be of a schema that no statement fits, which ends in an
 * assertion: they got through. What the store held stays. */
static enum verdict try_apart(
	const struct image *image, struct victim *v, char *why)
{
	signal(SIGABRT, on_abort);
	return sigsetjmp(stopped, 1) ? PICTURE_WRONG : try_open(image, v, why);
}
#else
#define try_apart try_open
#endif

/* False: nothing of the kind could be done. */
static bool one(size_t kind, uint64_t seed, bool talk)
{
	const struct alteration *alter = &alterations[kind];
	struct victim v = { .dice = &dice,
		.old = { &old[0], &old[1], &old[2] },
		.other = &other,
		.place = place,
		.n_places = n_places };
	char why[256] = "";
	bool done;

	dice.random = seed * 0x9e3779b97f4a7c15ull + 1;
	v.image = world_draw(&dice, 2) ? &closed : &killed;
	v.head = v.image->head;
	v.disk = disk_lend(v.image->disk);
	done = alter->apply(&v);
	if (done) {
		enum verdict verdict = try_apart(v.image, &v, why);
		count[kind].refused += verdict == PICTURE_REFUSED;
		count[kind].harmless += verdict == PICTURE_SAME;
		count[kind].wrong += verdict == PICTURE_WRONG;
		bool bad = verdict == PICTURE_WRONG ||
			   (verdict == PICTURE_SAME &&
				   alter->expect == ALL_REFUSED);
		if (bad && talk)
			printf("# %s, seed %llu, %s store: %s\n", alter->name,
				(unsigned long long)seed,
				v.image == &closed ? "closed" : "killed",
				*why ? why : "harmless");
	}
	disk_free(v.disk);
	return done;
}

static void run_kind(size_t kind, unsigned cases, bool talk)
{
	uint64_t seed = ((uint64_t)SHARD << 40) + ((uint64_t)kind << 32);

	for (unsigned done = 0, tries = 0; done < cases && tries < 200 * cases;
		tries++)
		done += one(kind, ++seed, talk);
}

/* --- the verdict ---------------------------------------------------------------------------- */

#ifdef CONTROL
static int control(void)
{
	unsigned through = 0, cases = 0, wholly = 0;

	for (size_t k = 0; k < n_alterations; k++) {
		if (!alterations[k].replay)
			continue;
		run_kind(k, 40, false);
		cases += count[k].refused + count[k].harmless + count[k].wrong;
		through += count[k].wrong;
		wholly += count[k].wrong > 0;
		printf("# %s: %u refused, %u harmless, %u got through\n",
			alterations[k].name, count[k].refused,
			count[k].harmless, count[k].wrong);
	}
	bool seen = through * 4 > cases && wholly == 2;
	printf("%sok 1 - without the map old pages get through, and are seen\n",
		seen ? "" : "not ");
	return !seen;
}
#else
static bool report(size_t k)
{
	const struct alteration *a = &alterations[k];
	unsigned n = count[k].refused + count[k].harmless + count[k].wrong;
	/* How often an old segment has the name of a new one is by chance. */
	bool good = count[k].wrong == 0 &&
		    (n >= CASES || alterations[k].expect == ANYTHING);

	if (a->expect != ANYTHING)
		good &= count[k].refused > 0;
	if (a->expect == ALL_REFUSED)
		good &= count[k].harmless == 0;
	printf("%sok %zu - %s: %u cases, %u refused, %u harmless, %u wrong\n",
		good ? "" : "not ", k + 1, a->name, n, count[k].refused,
		count[k].harmless, count[k].wrong);
	return good;
}
#endif

/* Unaltered, each of the two is whole: else nothing above means anything. */
static bool sound(void)
{
	const struct image *images[] = { &closed, &killed };
	bool good = true;
	char why[256];

	for (size_t i = 0; i < 2; i++) {
		struct victim v = { .head = images[i]->head,
			.disk = disk_lend(images[i]->disk) };
		if (try_open(images[i], &v, why) != PICTURE_SAME) {
			printf("# unaltered: %s\n", why);
			good = false;
		}
		disk_free(v.disk);
	}
	return good;
}

int main(void)
{
	bool good;

	make_stores();
	good = sound();
	if (!good)
		fatal("an unaltered store is not as it was");
#ifdef CONTROL
	int bad = control();
	fflush(stdout);
	_exit(bad); /* with what a stopped case has left */
#else
	unsigned n = 0;
	for (size_t k = 0; k < n_alterations; k++) {
		run_kind(k, CASES, true);
		good &= report(k);
		n += count[k].refused + count[k].harmless + count[k].wrong;
	}
	good &= n >= CASES_MIN;
	printf("%sok %zu - %u cases\n", n >= CASES_MIN ? "" : "not ",
		n_alterations + 1, n);
	return good ? 0 : 1;
#endif
}
