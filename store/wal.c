/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The log holds plaintext: what is given back is wiped, as far as it was
 * written. Every busy account takes and gives back a log every few seconds, so
 * some blocks are kept for the next one; fresh memory of the kernel would cost
 * a page fault for each of its pages.
 */
#include <assert.h>

#include <bastide/mem.h>

#include "wal.h"

#define BLOCK_FRAMES 16
#define BLOCK (BLOCK_FRAMES * WAL_FRAME)
/* 4 MiB: the logs of a few accounts between two checkpoints. */
#define SPARE 64

/* Of the process, whose store is used by one thread. All zeros. */
static uint8_t *spare[SPARE];
static size_t n_spare;

static uint8_t *block_new(void)
{
	return n_spare ? spare[--n_spare] : mem_alloc(BLOCK);
}

static void block_free(uint8_t *b, size_t used)
{
	mem_wipe(b, used < BLOCK ? used : BLOCK);
	if (n_spare < SPARE)
		spare[n_spare++] = b;
	else
		mem_free(b);
}

static bool grow(struct wal_memory *w, size_t end)
{
	size_t need = end > WAL_HEAD ? (end - WAL_HEAD + BLOCK - 1) / BLOCK : 0;

	if (need > w->cap) {
		size_t cap = w->cap ? w->cap : 16;
		while (cap < need)
			cap *= 2;
		uint8_t **p = mem_resize(w->block, cap, sizeof(*p));
		if (!p)
			return false;
		w->block = p;
		w->cap = cap;
	}
	while (w->blocks < need) {
		uint8_t *b = block_new();
		if (!b)
			return false;
		w->block[w->blocks++] = b;
	}
	return true;
}

/* Where byte `at` lies, and how many follow it there. */
static uint8_t *place(const struct wal_memory *w, size_t at, size_t *n_out)
{
	if (at < WAL_HEAD) {
		*n_out = WAL_HEAD - at;
		return (uint8_t *)w->head + at;
	}
	at -= WAL_HEAD;
	*n_out = BLOCK - at % BLOCK;
	return w->block[at / BLOCK] + at % BLOCK;
}

bool wal_put(struct wal_memory *w, size_t at, const void *p, size_t n)
{
	const uint8_t *from = p;
	size_t end = at + n, room;

	if (!grow(w, end))
		return false;
	for (; at < end; at += room, from += room) {
		uint8_t *to = place(w, at, &room);
		if (room > end - at)
			room = end - at;
		memcpy(to, from, room);
	}
	if (end > w->n)
		w->n = end;
	if (end > w->high)
		w->high = end;
	return true;
}

size_t wal_get(const struct wal_memory *w, size_t at, void *p, size_t n)
{
	size_t end = at + n < w->n ? at + n : w->n, done = 0, room;

	for (; at < end; at += room, done += room) {
		const uint8_t *from = place(w, at, &room);
		if (room > end - at)
			room = end - at;
		memcpy((uint8_t *)p + done, from, room);
	}
	return done;
}

void wal_cut(struct wal_memory *w, size_t n)
{
	if (n < w->n)
		w->n = n;
	if (n > 0)
		return;
	size_t used = w->high > WAL_HEAD ? w->high - WAL_HEAD : 0;
	for (size_t i = 0; i < w->blocks; i++)
		block_free(
			w->block[i], used > i * BLOCK ? used - i * BLOCK : 0);
	mem_free(w->block);
	mem_wipe(w->head, sizeof(w->head));
	*w = (struct wal_memory){ 0 };
}

const uint8_t *wal_frame(const struct wal_memory *w, uint32_t i)
{
	size_t at = WAL_HEAD + (size_t)(i - 1) * WAL_FRAME, room;

	assert(i > 0 && at + WAL_FRAME <= w->n);
	return place(w, at, &room);
}
