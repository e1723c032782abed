/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Modified UTF-7 of mailbox names (RFC 3501 5.1.3): '&' opens base64 of UTF-16
 * with ',' for '/', "&-" is '&'. Decoding is strict: what encoding would not
 * make is refused, so that one mailbox has one name.
 */
#include "imap.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void put_utf8(struct buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		buf_addc(b, (char)cp);
		return;
	}
	unsigned tail = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
	static const uint8_t mark[] = { 0, 0xc0, 0xe0, 0xf0 };
	buf_addc(b, (char)(mark[tail] | cp >> (6 * tail)));
	while (tail--)
		buf_addc(b, (char)(0x80 | (cp >> (6 * tail) & 63)));
}

/* One UTF-16 unit; `high` holds a waiting high surrogate. */
static bool take_unit(uint32_t unit, uint32_t *high, struct buf *out)
{
	bool low = unit >= 0xdc00 && unit <= 0xdfff;

	if (*high) {
		put_utf8(out,
			0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return low;
	}
	if (unit >= 0xd800 && unit < 0xdc00) {
		*high = unit;
		return true;
	}
	/* Printable ASCII stands for itself, never in base64. */
	if (low || (unit >= 0x20 && unit <= 0x7e))
		return false;
	put_utf8(out, unit);
	return true;
}

static enum err decode_shifted(struct slice coded, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned n = 0;

	for (size_t i = 0; i < coded.n; i++) {
		const char *at = memchr(digits, coded.p[i], 64);
		if (!at)
			return ERR_SYNTAX;
		bits = bits << 6 | (uint32_t)(at - digits);
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		if (!take_unit(bits >> n & 0xffff, &high, out))
			return ERR_SYNTAX;
	}
	bool filler_clear = (bits & ((1u << n) - 1)) == 0;
	return high == 0 && n < 6 && filler_clear ? ERR_OK : ERR_SYNTAX;
}

enum err utf7_decode(struct slice in, struct buf *out)
{
	bool after_shift = false;

	while (in.n) {
		unsigned char c = (unsigned char)in.p[0];
		size_t n = 1;
		if (c < 0x20 || c > 0x7e)
			return ERR_SYNTAX;
		if (c != '&') {
			TRY(buf_addc(out, (char)c));
			after_shift = false;
		} else {
			n = slice_find(in, '-') + 1;
			if (n > in.n)
				return ERR_SYNTAX;
			struct slice coded = slice_of(in.p + 1, n - 2);
			/* "&AAA-&AAA-" has a shorter form. */
			if (coded.n && after_shift)
				return ERR_SYNTAX;
			TRY(coded.n ? decode_shifted(coded, out)
				    : buf_addc(out, '&'));
			after_shift = coded.n > 0;
		}
		in = slice_from(in, n);
	}
	return buf_err(out);
}

struct coder {
	struct buf *out;
	uint32_t bits;
	unsigned n;
	bool open;
};

static void put_unit(struct coder *c, uint32_t unit)
{
	if (!c->open) {
		buf_addc(c->out, '&');
		c->open = true;
		c->bits = c->n = 0;
	}
	c->bits = c->bits << 16 | unit;
	for (c->n += 16; c->n >= 6; c->n -= 6)
		buf_addc(c->out, digits[c->bits >> (c->n - 6) & 63]);
}

static void close_shift(struct coder *c)
{
	if (!c->open)
		return;
	if (c->n)
		buf_addc(c->out, digits[c->bits << (6 - c->n) & 63]);
	buf_addc(c->out, '-');
	c->open = false;
}

/* Next code point of valid UTF-8. */
static uint32_t next_point(struct slice *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t cp = n == 1 ? c : c & (0x7fu >> n);

	for (size_t i = 1; i < n && i < s->n; i++)
		cp = cp << 6 | ((unsigned char)s->p[i] & 63);
	*s = slice_from(*s, n);
	return cp;
}

enum err utf7_encode(struct slice in, struct buf *out)
{
	struct coder c = { .out = out };

	while (in.n) {
		uint32_t cp = next_point(&in);
		if (cp >= 0x20 && cp <= 0x7e) {
			close_shift(&c);
			buf_addc(out, (char)cp);
			if (cp == '&')
				buf_addc(out, '-');
		} else if (cp >= 0x10000) {
			put_unit(&c, 0xd800 + ((cp - 0x10000) >> 10));
			put_unit(&c, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else {
			put_unit(&c, cp);
		}
	}
	close_shift(&c);
	return buf_err(out);
}
