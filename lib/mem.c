/* SPDX-License-Identifier: EUPL-1.2 */
/* Checked allocation, arenas and secrets. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <bastide/mem.h>

void *mem_alloc(size_t n)
{
	return calloc(1, n ? n : 1);
}

void *mem_resize(void *p, size_t count, size_t size)
{
	return reallocarray(p, count ? count : 1, size);
}

void mem_free(void *p)
{
	free(p);
}

char *mem_str(struct slice s)
{
	char *p = mem_alloc(s.n + 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

void mem_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

bool mem_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

/* --- arena ------------------------------------------------------------- */

#define BLOCK_SIZE (size_t)4096
#define ALIGNMENT (size_t)16

struct block {
	struct block *next;
	size_t used, size;
	char data[] __attribute__((aligned(16)));
};

struct arena {
	struct block *blocks; /* the newest first; the last one is kept */
	size_t used, max;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = mem_new(struct arena);

	if (a)
		a->max = max;
	return a;
}

void arena_reset(struct arena *a)
{
	while (a->blocks && a->blocks->next) {
		struct block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	if (a->blocks && a->blocks->size > BLOCK_SIZE) {
		free(a->blocks);
		a->blocks = NULL;
	}
	if (a->blocks)
		a->blocks->used = 0;
	a->used = 0;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	arena_reset(a);
	free(a->blocks);
	free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > a->max || a->used > a->max - n)
		return NULL;
	size_t need = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct block *b = a->blocks;
	if (!b || b->size - b->used < need) {
		size_t size = need > BLOCK_SIZE ? need : BLOCK_SIZE;
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct block){ .next = a->blocks, .size = size };
		a->blocks = b;
	}
	void *p = b->data + b->used;
	b->used += need;
	a->used += n;
	memset(p, 0, need);
	return p;
}

void *arena_alloc_many(struct arena *a, size_t count, size_t size)
{
	return count > SIZE_MAX / size ? NULL : arena_alloc(a, count * size);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (!p)
		return slice_of(NULL, 0);
	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

/* --- secret ------------------------------------------------------------ */

struct secret {
	size_t n;
	size_t mapped;
	uint8_t *bytes;
};

struct secret *secret_new(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct secret *s = mem_new(struct secret);

	if (!s)
		return NULL;
	s->n = n;
	s->mapped = (n + page - 1) / page * page;
	s->bytes = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->bytes == MAP_FAILED) {
		free(s);
		return NULL;
	}
	/* Best effort where the memory lock limit is small: the pages are
	 * still left out of core files and of children. */
	(void)mlock(s->bytes, s->mapped);
	(void)madvise(s->bytes, s->mapped, MADV_DONTDUMP);
	(void)madvise(s->bytes, s->mapped, MADV_WIPEONFORK);
	return s;
}

struct secret *secret_copy(const void *p, size_t n)
{
	struct secret *s = secret_new(n);

	if (s && n)
		memcpy(s->bytes, p, n);
	return s;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	mem_wipe(s->bytes, s->mapped);
	munmap(s->bytes, s->mapped);
	free(s);
}

uint8_t *secret_bytes(struct secret *s)
{
	return s->bytes;
}

const uint8_t *secret_peek(const struct secret *s)
{
	return s->bytes;
}

size_t secret_size(const struct secret *s)
{
	return s->n;
}
