/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two threads, one lock, one eventfd. Everything they share with the loop is
 * in struct syncer under `lock`; the loop's own view (`mine`) is apart.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bastide/mem.h>

#include "syncer.h"

#define THREADS 2

struct batch {
	struct medium_file **files;
	size_t n, cap; /* NULL as last file: the names */
	size_t next;   /* first one that no thread has taken */
	size_t left;   /* not finished yet */
	enum err result;
};

struct syncer {
	struct medium *m;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct batch batch[LANE_COUNT];
	bool stop;
	int fd;
	bool mine[LANE_COUNT]; /* handed over and not collected */
	pthread_t thread[THREADS];
	int threads;
};

static struct batch *next_batch(struct syncer *sy)
{
	for (int lane = 0; lane < LANE_COUNT; lane++)
		if (sy->batch[lane].next < sy->batch[lane].n)
			return &sy->batch[lane];
	return NULL;
}

static void notify(struct syncer *sy)
{
	uint64_t one = 1;
	ssize_t n = write(sy->fd, &one, sizeof(one));

	(void)n; /* a full counter is as readable as one more */
}

/* With the lock held; gives it up while it syncs. */
static void work_on(struct syncer *sy, struct batch *b)
{
	struct medium_file *f = b->files[b->next++];

	pthread_mutex_unlock(&sy->lock);
	enum err e = f ? sy->m->sync(f) : sy->m->sync_names(sy->m);
	pthread_mutex_lock(&sy->lock);
	if (e != ERR_OK && b->result == ERR_OK)
		b->result = e;
	if (--b->left == 0)
		notify(sy);
}

static void *run(void *arg)
{
	struct syncer *sy = arg;
	struct batch *b;

	pthread_mutex_lock(&sy->lock);
	while (!sy->stop) {
		b = next_batch(sy);
		if (b)
			work_on(sy, b);
		else
			pthread_cond_wait(&sy->work, &sy->lock);
	}
	pthread_mutex_unlock(&sy->lock);
	return NULL;
}

enum err syncer_new(struct medium *m, struct syncer **out)
{
	struct syncer *sy = mem_new(struct syncer);

	if (!sy)
		return ERR_NOMEM;
	sy->m = m;
	pthread_mutex_init(&sy->lock, NULL);
	pthread_cond_init(&sy->work, NULL);
	sy->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	while (sy->fd >= 0 && sy->threads < THREADS) {
		if (pthread_create(&sy->thread[sy->threads], NULL, run, sy))
			break;
		sy->threads++;
	}
	if (sy->threads < THREADS) {
		syncer_free(sy);
		return ERR_NOMEM;
	}
	*out = sy;
	return ERR_OK;
}

void syncer_free(struct syncer *sy)
{
	if (!sy)
		return;
	pthread_mutex_lock(&sy->lock);
	sy->stop = true;
	pthread_cond_broadcast(&sy->work);
	pthread_mutex_unlock(&sy->lock);
	for (int i = 0; i < sy->threads; i++)
		pthread_join(sy->thread[i], NULL);
	for (int lane = 0; lane < LANE_COUNT; lane++)
		mem_free(sy->batch[lane].files);
	if (sy->fd >= 0)
		close(sy->fd);
	pthread_cond_destroy(&sy->work);
	pthread_mutex_destroy(&sy->lock);
	mem_free(sy);
}

int syncer_fd(const struct syncer *sy)
{
	return sy->fd;
}

static enum err fill(
	struct batch *b, struct medium_file *const *files, size_t n, bool names)
{
	if (n + 1 > b->cap) {
		struct medium_file **grown = mem_resize(
			b->files, n + 8, sizeof(struct medium_file *));
		if (!grown)
			return ERR_NOMEM;
		b->files = grown;
		b->cap = n + 8;
	}
	if (n)
		memcpy(b->files, files, n * sizeof(struct medium_file *));
	b->n = n;
	if (names)
		b->files[b->n++] = NULL;
	b->next = 0;
	b->left = b->n;
	b->result = ERR_OK;
	return ERR_OK;
}

enum err syncer_submit(struct syncer *sy, enum lane lane,
	struct medium_file *const *files, size_t n, bool names)
{
	if (sy->mine[lane])
		return ERR_BUG;
	pthread_mutex_lock(&sy->lock);
	enum err e = fill(&sy->batch[lane], files, n, names);
	if (e == ERR_OK && sy->batch[lane].left == 0)
		notify(sy);
	pthread_mutex_unlock(&sy->lock);
	/* Outside: who wakes would else wait for the lock at once. */
	if (e == ERR_OK)
		pthread_cond_broadcast(&sy->work);
	sy->mine[lane] = e == ERR_OK;
	return e;
}

bool syncer_busy(const struct syncer *sy, enum lane lane)
{
	return sy->mine[lane];
}

bool syncer_collect(struct syncer *sy, enum lane lane, enum err *result_out)
{
	bool done = false;

	if (!sy->mine[lane])
		return false;
	pthread_mutex_lock(&sy->lock);
	if (sy->batch[lane].left == 0) {
		done = true;
		*result_out = sy->batch[lane].result;
	}
	pthread_mutex_unlock(&sy->lock);
	if (done)
		sy->mine[lane] = false;
	return done;
}

void syncer_quiet(struct syncer *sy)
{
	uint64_t count;
	ssize_t n = read(sy->fd, &count, sizeof(count));

	(void)n; /* nothing to read is fine */
}

void syncer_wait(struct syncer *sy)
{
	struct pollfd p = { .fd = sy->fd, .events = POLLIN };
	bool any = false;

	for (int lane = 0; lane < LANE_COUNT; lane++)
		any |= sy->mine[lane];
	while (any && poll(&p, 1, -1) < 0)
		;
}
