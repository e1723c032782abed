/* SPDX-License-Identifier: EUPL-1.2 */
/* Borrowed bytes: compare, search, cut, and turn into numbers. */
#include <bastide/slice.h>

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* Eight bytes at once, as the lanes of a word. */
#define LANES(byte) ((uint64_t)(byte)*0x0101010101010101u)

size_t ascii_run(struct slice s)
{
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= s.n; i += sizeof(w)) {
		memcpy(&w, s.p + i, sizeof(w));
		if (w & LANES(0x80))
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

/* The top bit of a lane shows what is not below 'a', and what is above 'z':
 * where only the first holds, a small letter loses bit 5. */
void ascii_upper_all(struct slice s, char *out)
{
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= s.n; i += sizeof(w)) {
		memcpy(&w, s.p + i, sizeof(w));
		uint64_t from = w + LANES(0x80 - 'a');
		uint64_t above = w + LANES(0x7f - 'z');
		w ^= ((from ^ above) & LANES(0x80)) >> 2;
		memcpy(out + i, &w, sizeof(w));
	}
	for (; i < s.n; i++)
		out[i] = ascii_upper(s.p[i]);
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eqs(struct slice a, const char *b)
{
	return slice_eq(a, slice_str(b));
}

bool slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool slice_ieqs(struct slice a, const char *b)
{
	return slice_ieq(a, slice_str(b));
}

bool slice_iprefix(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && slice_ieq(slice_head(s, n), slice_of(prefix, n));
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

size_t slice_find(struct slice s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t slice_find_slice(struct slice hay, struct slice needle)
{
	if (needle.n == 0)
		return 0;
	if (hay.n < needle.n)
		return hay.n + 1;
	const char *at = memmem(hay.p, hay.n, needle.p, needle.n);
	return at ? (size_t)(at - hay.p) : hay.n + 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct slice slice_cut(struct slice s, char sep, struct slice *rest)
{
	size_t at = slice_find(s, sep);

	*rest = slice_from(s, at + 1);
	return slice_head(s, at);
}

enum err num_u64(struct slice s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
		unsigned d = (unsigned)(s.p[i] - '0');
		if (v > (UINT64_MAX - d) / 10)
			return ERR_LIMIT;
		v = v * 10 + d;
	}
	*out = v;
	return ERR_OK;
}

enum err num_u32(struct slice s, uint32_t *out)
{
	uint64_t v;

	TRY(num_u64(s, &v));
	if (v > UINT32_MAX)
		return ERR_LIMIT;
	*out = (uint32_t)v;
	return ERR_OK;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err hex_decode(struct slice s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_digit(s.p[2 * i]) * 16 +
				   hex_digit(s.p[2 * i + 1]));
	return ERR_OK;
}

/* Length of the sequence that `c` begins, and the least code point that may
 * use it; 0 when no sequence begins so (RFC 3629 3). */
static size_t utf8_length(unsigned char c, uint32_t *least)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = c < 0x80                 ? 1
		   : c >= 0xc2 && c <= 0xdf ? 2
		   : (c & 0xf0) == 0xe0     ? 3
		   : c >= 0xf0 && c <= 0xf4 ? 4
					    : 0;

	*least = first[n];
	return n;
}

bool utf8_valid(struct slice s)
{
	for (size_t i = ascii_run(s); i < s.n;
		i += ascii_run(slice_from(s, i))) {
		uint32_t least;
		size_t n = utf8_length((unsigned char)s.p[i], &least);

		if (n == 0 || n > s.n - i)
			return false;
		uint32_t cp = (unsigned char)s.p[i];
		if (n > 1)
			cp &= 0x7fu >> n;
		for (size_t k = 1; k < n; k++) {
			unsigned char c = (unsigned char)s.p[i + k];
			if ((c & 0xc0) != 0x80)
				return false;
			cp = cp << 6 | (c & 0x3fu);
		}
		if (cp < least || cp > 0x10ffff ||
			(cp >= 0xd800 && cp < 0xe000))
			return false;
		i += n;
	}
	return true;
}
