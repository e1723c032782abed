/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A growing byte buffer that always has a maximum. Errors are sticky: after
 * the first failed add the content stops growing and buf_err() says why, so a
 * writer may add many pieces and check once. `p` may move at every add.
 */
#ifndef BASTIDE_BUF_H
#define BASTIDE_BUF_H

#include <stdarg.h>

#include <bastide/slice.h>

struct buf {
	char *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes it may ever hold */
	enum err err;
};

/* `max` is in bytes; nothing is allocated until the first add. */
void buf_init(struct buf *b, size_t max);
/* Empties it and keeps the memory; clears the sticky error. */
void buf_reset(struct buf *b);
/* Frees the memory; the buffer may be used again with the same max. */
void buf_free(struct buf *b);
/* Like buf_free, after overwriting the whole allocation. For secrets. A
 * buffer for secrets must be given its full size first (buf_reserve), since
 * growing would leave copies behind. */
void buf_wipe(struct buf *b);

enum err buf_add(struct buf *b, const void *p, size_t n);
enum err buf_adds(struct buf *b, const char *cstr);
enum err buf_add_slice(struct buf *b, struct slice s);
enum err buf_addc(struct buf *b, char c);
enum err buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum err buf_add_u64(struct buf *b, uint64_t v); /* decimal, fast */
/* Big-endian integers, for formats on disk and between processes. */
enum err buf_add_be16(struct buf *b, uint16_t v);
enum err buf_add_be32(struct buf *b, uint32_t v);
enum err buf_add_be64(struct buf *b, uint64_t v);
/* Room for `n` more bytes at b->p + b->n; the caller raises b->n itself. */
MUST_CHECK enum err buf_reserve(struct buf *b, size_t n);
/* Removes the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);

static inline enum err buf_err(const struct buf *b)
{
	return b->err;
}

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

/* RFC 4648 4, with padding; strict: no white space, no missing padding. */
enum err base64_encode(struct buf *b, struct slice s);
MUST_CHECK enum err base64_decode(struct buf *b, struct slice s);

static inline uint16_t get_be16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t get_be32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t get_be64(const void *p)
{
	const uint8_t *b = p;
	return (uint64_t)get_be32(b) << 32 | get_be32(b + 4);
}

static inline void put_be16(void *p, uint16_t v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void put_be32(void *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16((uint8_t *)p + 2, (uint16_t)v);
}

static inline void put_be64(void *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32((uint8_t *)p + 4, (uint32_t)v);
}

#endif
