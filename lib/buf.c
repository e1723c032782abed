/* SPDX-License-Identifier: EUPL-1.2 */
/* The bounded, growing byte buffer. Model: curl's dynbuf. */
#include <stdio.h>
#include <stdlib.h>

#include <bastide/buf.h>
#include <bastide/mem.h>

#define FIRST_SIZE 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = ERR_OK;
}

void buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->cap);
	buf_free(b);
}

enum err buf_reserve(struct buf *b, size_t n)
{
	if (b->err != ERR_OK)
		return b->err;
	if (n > b->max || b->n > b->max - n)
		return b->err = ERR_LIMIT;
	if (b->n + n <= b->cap)
		return ERR_OK;
	size_t cap = b->cap ? b->cap : FIRST_SIZE;
	while (cap < b->n + n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	char *p = realloc(b->p, cap);
	if (!p)
		return b->err = ERR_NOMEM;
	b->p = p;
	b->cap = cap;
	return ERR_OK;
}

enum err buf_add(struct buf *b, const void *p, size_t n)
{
	TRY(buf_reserve(b, n));
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return ERR_OK;
}

enum err buf_adds(struct buf *b, const char *cstr)
{
	return buf_add(b, cstr, strlen(cstr));
}

enum err buf_add_slice(struct buf *b, struct slice s)
{
	return buf_add(b, s.p, s.n);
}

enum err buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

enum err buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->err = ERR_BUG;
	TRY(buf_reserve(b, (size_t)n));
	/* vsnprintf wants room for a NUL that the buffer does not keep. */
	char small[256];
	char *at = (size_t)n < sizeof(small) ? small : malloc((size_t)n + 1);
	if (!at)
		return b->err = ERR_NOMEM;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	memcpy(b->p + b->n, at, (size_t)n);
	b->n += (size_t)n;
	if (at != small)
		free(at);
	return ERR_OK;
}

enum err buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return buf_add(b, digits + at, sizeof(digits) - at);
}

enum err buf_add_be16(struct buf *b, uint16_t v)
{
	uint8_t raw[2];

	put_be16(raw, v);
	return buf_add(b, raw, sizeof(raw));
}

enum err buf_add_be32(struct buf *b, uint32_t v)
{
	uint8_t raw[4];

	put_be32(raw, v);
	return buf_add(b, raw, sizeof(raw));
}

enum err buf_add_be64(struct buf *b, uint64_t v)
{
	uint8_t raw[8];

	put_be64(raw, v);
	return buf_add(b, raw, sizeof(raw));
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum err base64_encode(struct buf *b, struct slice s)
{
	const uint8_t *in = (const uint8_t *)s.p;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)in[i] << 16 |
			     (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0);
		buf_addc(b, base64_digits[v >> 18]);
		buf_addc(b, base64_digits[v >> 12 & 63]);
		buf_addc(b, left > 1 ? base64_digits[v >> 6 & 63] : '=');
		buf_addc(b, left > 2 ? base64_digits[v & 63] : '=');
	}
	return b->err;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

enum err base64_decode(struct buf *b, struct slice s)
{
	if (s.n % 4)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i += 4) {
		bool last = i + 4 == s.n;
		size_t pad = last && s.p[i + 3] == '=' ? 1 : 0;
		if (pad && s.p[i + 2] == '=')
			pad = 2;
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = k < 4 - pad ? base64_value(s.p[i + k]) : 0;
			if (d < 0)
				return ERR_SYNTAX;
			v = v << 6 | (uint32_t)d;
		}
		char out[3] = { (char)(v >> 16), (char)(v >> 8), (char)v };
		buf_add(b, out, 3 - pad);
	}
	return b->err;
}
