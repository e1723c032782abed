/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Case folding for searches: the simple lower-case mapping of each code point,
 * by the C library's C.UTF-8 locale, which is opened once (a file, so before the
 * walls close).
 */
#include <locale.h>
#include <wctype.h>

#include <bastide/mail.h>

static locale_t unicode(void)
{
	static locale_t l;

	if (!l)
		l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return l;
}

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

enum err mail_fold(struct slice s, struct buf *out)
{
	locale_t l = unicode();

	for (size_t at = 0; at < s.n;) {
		size_t n = ascii_run(slice_from(s, at));
		TRY(buf_reserve(out, s.n - at));
		ascii_lower_all(slice_of(s.p + at, n), out->p + out->n);
		out->n += n;
		at += n;
		if (at == s.n)
			break;
		uint32_t cp = take_point(s, &at);
		if (cp >= 0x110000)
			buf_addc(out, (char)(cp - 0x110000));
		else
			put_point(out, l ? (uint32_t)towlower_l(cp, l) : cp);
	}
	return buf_err(out);
}
