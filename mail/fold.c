/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Collations (RFC 4790): texts become bytes that are compared as they are, for
 * equality, order and substrings. i;unicode-casemap (RFC 5051) makes titlecase
 * of each code point and decomposes it; its table is made by casemap.py.
 */
#include <bastide/mail.h>

/* `n` code points from `from` on, each `step` apart, and the first one's. */
struct run {
	uint32_t from, n, step, to;
};
struct many {
	uint32_t from;
	uint16_t at, n; /* of points[] */
};
#include "casemap_many.h"
#include "casemap_one.h"
#define N_RUNS (sizeof(runs) / sizeof(runs[0]))
#define N_MANY (sizeof(many) / sizeof(many[0]))

static void put_point(struct buf *b, uint32_t cp)
{
	static const uint8_t mark[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned tail = cp < 0x80 ? 0 : cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;

	buf_addc(b, (char)(mark[tail] | cp >> (6 * tail)));
	while (tail--)
		buf_addc(b, (char)(0x80 | (cp >> (6 * tail) & 63)));
}

/* The code point at s.p[*at], which moves behind it; bytes that are no UTF-8
 * stand for themselves (as 0x110000 + byte). */
static uint32_t take_point(struct slice s, size_t *at)
{
	unsigned char c = (unsigned char)s.p[*at];
	size_t n = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n > s.n - *at || !utf8_valid(slice_of(s.p + *at, n))) {
		(*at)++;
		return 0x110000u + c;
	}
	uint32_t cp = c & (0x7fu >> n);
	for (size_t k = 1; k < n; k++)
		cp = cp << 6 | ((unsigned char)s.p[*at + k] & 63u);
	*at += n;
	return cp;
}

static uint32_t map_one(uint32_t cp)
{
	size_t low = 0, high = N_RUNS;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (runs[mid].from <= cp)
			low = mid + 1;
		else
			high = mid;
	}
	/* Runs that leave every other one out lie in one another. */
	for (size_t k = low; k && low - k < 2; k--) {
		const struct run *r = &runs[k - 1];
		uint32_t away = cp - r->from;
		if (away % r->step == 0 && away / r->step < r->n)
			return r->to + away;
	}
	return cp;
}

static const struct many *find_many(uint32_t cp)
{
	size_t low = 0, high = N_MANY;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (many[mid].from < cp)
			low = mid + 1;
		else
			high = mid;
	}
	return low < N_MANY && many[low].from == cp ? &many[low] : NULL;
}

/* The Unicode Standard 3.12: syllables are made by counting. */
static void put_hangul(struct buf *b, uint32_t syllable)
{
	put_point(b, 0x1100 + syllable / 588);
	put_point(b, 0x1161 + syllable % 588 / 28);
	if (syllable % 28)
		put_point(b, 0x11a7 + syllable % 28);
}

static void put_mapped(struct buf *b, uint32_t cp)
{
	const struct many *m;

	if (cp >= 0x110000)
		buf_addc(b, (char)(cp - 0x110000));
	else if (cp >= 0x3400 && cp < 0xa640) /* Han and Yi: as they are */
		put_point(b, cp);
	else if (cp >= 0xac00 && cp <= 0xd7a3)
		put_hangul(b, cp - 0xac00);
	else if ((m = find_many(cp)))
		for (size_t k = 0; k < m->n; k++)
			put_point(b, points[m->at + k]);
	else
		put_point(b, map_one(cp));
}

enum err mail_fold(struct slice s, struct buf *out)
{
	for (size_t at = 0; at < s.n;) {
		size_t n = ascii_run(slice_from(s, at));
		TRY(buf_reserve(out, s.n - at));
		ascii_upper_all(slice_of(s.p + at, n), out->p + out->n);
		out->n += n;
		at += n;
		if (at < s.n)
			put_mapped(out, take_point(s, &at));
	}
	return buf_err(out);
}

enum err mail_collate(
	enum mail_collation collation, struct slice s, struct buf *out)
{
	if (collation == COLLATE_UNICODE_CASEMAP)
		return mail_fold(s, out);
	size_t start = out->n;
	TRY(buf_add_slice(out, s));
	if (collation == COLLATE_ASCII_CASEMAP)
		for (size_t k = start; k < out->n; k++)
			out->p[k] = ascii_upper(out->p[k]);
	return ERR_OK;
}
