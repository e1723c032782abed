/* SPDX-License-Identifier: EUPL-1.2 */
/* Cuts folded text into words, as include/bastide/fulltext.h says. */
#include "fulltext.h"

/* Written without gaps: each character is a word. Ideographs, kana, bopomofo
 * and their extensions (Unicode 15, blocks). */
static bool is_word_alone(uint32_t c)
{
	return (c >= 0x2e80 && c <= 0x312f) || (c >= 0x31a0 && c <= 0x31bf) ||
	       (c >= 0x31f0 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0xff66 && c <= 0xff9f) ||
	       (c >= 0x20000 && c <= 0x3ffff);
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c >= 'A' && c <= 'Z');
}

static enum err give(struct word_cutter *c, size_t n, word_fn *fn, void *arg)
{
	return n > c->fresh ? fn(arg, slice_of(c->p, n)) : ERR_OK;
}

/* No room for one more character: a piece, and what overlaps stays. */
static enum err give_piece(struct word_cutter *c, word_fn *fn, void *arg)
{
	size_t keep = c->n - WORD_OVERLAP;

	TRY(give(c, c->n, fn, arg));
	while (keep && ((unsigned char)c->p[keep] & 0xc0) == 0x80)
		keep--;
	memmove(c->p, c->p + keep, c->n - keep);
	c->n -= keep;
	c->fresh = c->n;
	return ERR_OK;
}

enum err words_end(struct word_cutter *c, word_fn *fn, void *arg)
{
	enum err e = give(c, c->n, fn, arg);

	c->n = c->fresh = c->need = 0;
	return e;
}

/* The character from c->begin on is complete. */
static enum err end_character(struct word_cutter *c, word_fn *fn, void *arg)
{
	char alone[4];
	size_t n = c->n - c->begin;

	if (!is_word_alone(c->code))
		return ERR_OK;
	memcpy(alone, c->p + c->begin, n);
	c->n = c->begin;
	TRY(words_end(c, fn, arg));
	return fn(arg, slice_of(alone, n));
}

static void begin_character(struct word_cutter *c, unsigned char lead)
{
	c->begin = c->n;
	c->need = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	c->code = lead & (0x7fU >> (c->need + 1));
}

static enum err beyond_ascii(
	struct word_cutter *c, unsigned char byte, word_fn *fn, void *arg)
{
	if (!c->need) {
		if (c->n + 4 > WORD_MAX)
			TRY(give_piece(c, fn, arg));
		begin_character(c, byte);
	} else {
		c->code = c->code << 6 | (byte & 0x3f);
		c->need--;
	}
	c->p[c->n++] = (char)byte;
	return c->need ? ERR_OK : end_character(c, fn, arg);
}

enum err words_feed(
	struct word_cutter *c, struct slice folded, word_fn *fn, void *arg)
{
	for (size_t i = 0; i < folded.n; i++) {
		unsigned char byte = (unsigned char)folded.p[i];
		if (byte >= 0x80) {
			TRY(beyond_ascii(c, byte, fn, arg));
			continue;
		}
		c->need = 0;
		if (!is_letter(byte)) {
			TRY(words_end(c, fn, arg));
			continue;
		}
		if (c->n == WORD_MAX)
			TRY(give_piece(c, fn, arg));
		c->p[c->n++] = (char)byte;
	}
	return ERR_OK;
}

struct slice words_head(struct slice word)
{
	if (word.n <= WORD_OVERLAP)
		return word;
	size_t n = WORD_OVERLAP;
	while (n && ((unsigned char)word.p[n] & 0xc0) == 0x80)
		n--;
	return slice_head(word, n);
}
