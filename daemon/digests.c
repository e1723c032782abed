/* SPDX-License-Identifier: EUPL-1.2 */
/* Open addressing with linear probing; the keys are digests under a secret
 * key, so nobody can choose them to collide. */
#include <bastide/mem.h>

#include "digests.h"

#define SLOT (DIGEST + 4)
#define FIRST_CAP 64

static uint8_t *slot(const struct digests *d, size_t i)
{
	return d->slots + (i & (d->cap - 1)) * SLOT;
}

static uint32_t owner_of(const uint8_t *s)
{
	return get_be32(s + DIGEST);
}

static size_t home(const struct digests *d, const uint8_t *digest)
{
	return (size_t)get_be64(digest) & (d->cap - 1);
}

void digests_free(struct digests *d)
{
	mem_free(d->slots);
	*d = (struct digests){ NULL, 0, 0 };
}

/* Its slot, or the free one where it belongs. */
static size_t locate(const struct digests *d, const uint8_t *digest)
{
	size_t i = home(d, digest);

	while (owner_of(slot(d, i)) && memcmp(slot(d, i), digest, DIGEST) != 0)
		i++;
	return i & (d->cap - 1);
}

uint32_t digests_find(const struct digests *d, const uint8_t digest[DIGEST])
{
	return d->n ? owner_of(slot(d, locate(d, digest))) : 0;
}

static enum err grow(struct digests *d)
{
	struct digests bigger = { .cap = d->cap ? 2 * d->cap : FIRST_CAP };
	const uint8_t *digest;
	uint32_t owner;
	size_t at = 0;

	bigger.slots = mem_alloc(bigger.cap * SLOT);
	if (!bigger.slots)
		return ERR_NOMEM;
	while (digests_next(d, &at, &digest, &owner)) {
		memcpy(slot(&bigger, locate(&bigger, digest)), digest, SLOT);
		bigger.n++;
	}
	mem_free(d->slots);
	*d = bigger;
	return ERR_OK;
}

enum err digests_add(
	struct digests *d, const uint8_t digest[DIGEST], uint32_t owner)
{
	if (4 * (d->n + 1) > 3 * d->cap)
		TRY(grow(d));
	uint8_t *s = slot(d, locate(d, digest));
	if (!owner_of(s))
		d->n++;
	memcpy(s, digest, DIGEST);
	put_be32(s + DIGEST, owner);
	return ERR_OK;
}

/* The gap is closed by what would not be found over it. */
static void close_gap(struct digests *d, size_t gap)
{
	for (size_t i = gap + 1; owner_of(slot(d, i)); i++) {
		size_t wants = home(d, slot(d, i));
		size_t from_home = (i - wants) & (d->cap - 1);
		size_t from_gap = (i - gap) & (d->cap - 1);
		if (from_home < from_gap)
			continue;
		memcpy(slot(d, gap), slot(d, i), SLOT);
		gap = i;
	}
	memset(slot(d, gap), 0, SLOT);
	d->n--;
}

void digests_remove(struct digests *d, const uint8_t digest[DIGEST])
{
	if (!d->n)
		return;
	size_t i = locate(d, digest);
	if (owner_of(slot(d, i)))
		close_gap(d, i);
}

void digests_remove_owner(struct digests *d, uint32_t owner)
{
	size_t i = 0;

	while (d->n && i < d->cap) {
		if (owner_of(slot(d, i)) == owner)
			close_gap(d, i); /* another one may be here now */
		else
			i++;
	}
	/* What wrapped round the end moved to places already seen. */
	for (i = 0; d->n && i < d->cap; i++)
		while (owner_of(slot(d, i)) == owner)
			close_gap(d, i);
}

bool digests_next(const struct digests *d, size_t *at, const uint8_t **digest,
	uint32_t *owner)
{
	while (*at < d->cap) {
		const uint8_t *s = slot(d, (*at)++);
		if (!owner_of(s))
			continue;
		*digest = s;
		*owner = owner_of(s);
		return true;
	}
	return false;
}
