/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Memory: checked allocation, arenas that live as long as one command, and
 * secrets that are locked, left out of core files, and wiped. malloc and its
 * kin are used in lib/ only.
 */
#ifndef BASTIDE_MEM_H
#define BASTIDE_MEM_H

#include <bastide/slice.h>

/* Zeroed memory, or NULL. `mem_resize` leaves the old block on failure. */
void *mem_alloc(size_t n);
void *mem_resize(void *p, size_t count, size_t size);
void mem_free(void *p);
#define mem_new(type) ((type *)mem_alloc(sizeof(type)))
/* NUL-terminated copy, or NULL. */
char *mem_str(struct slice s);
/* Overwrites; the compiler may not leave it out. */
void mem_wipe(void *p, size_t n);
/* Compares without leaking through time where they differ. */
bool mem_same(const void *a, const void *b, size_t n);

/* An arena hands out memory that is freed all at once. `max` bounds what it
 * hands out in bytes. */
struct arena;
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
/* Gives back everything handed out; keeps one block for the next command. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type; NULL when over the max or out of memory. */
void *arena_alloc(struct arena *a, size_t n);
/* So many of `size` bytes each; NULL also when their product overflows. */
void *arena_alloc_many(struct arena *a, size_t count, size_t size);
#define arena_array(a, type, count)                                            \
	((type *)arena_alloc_many(a, count, sizeof(type)))
/* A copy in the arena; {NULL, 0} when there is no room. NUL follows it. */
struct slice arena_copy(struct arena *a, struct slice s);

/* Key material and passwords. The bytes lie in locked pages of their own that
 * are not dumped and not inherited by a fork; they are wiped when freed. */
struct secret;
struct secret *secret_new(size_t n);
/* Takes a copy of `p`; wipe the source yourself. */
struct secret *secret_copy(const void *p, size_t n);
void secret_free(struct secret *s);
uint8_t *secret_bytes(struct secret *s);
const uint8_t *secret_peek(const struct secret *s);
size_t secret_size(const struct secret *s);

#endif
