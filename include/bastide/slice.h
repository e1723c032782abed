/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A slice borrows bytes; it never owns or frees them, and they need not end
 * with NUL. Comparisons without "i" are exact; those with "i" fold ASCII case
 * only, whatever the locale (the protocols' own rule).
 */
#ifndef BASTIDE_SLICE_H
#define BASTIDE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bastide/err.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice of a string literal, usable in a static initialiser. */
#define SLICE(lit)                                                             \
	{                                                                      \
		("" lit), sizeof(lit) - 1                                      \
	}
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_of(const void *p, size_t n)
{
	struct slice s = { p, n };
	return s;
}

static inline struct slice slice_str(const char *cstr)
{
	return slice_of(cstr, cstr ? strlen(cstr) : 0);
}

/* From `at` to the end, `at` cut to the length. */
static inline struct slice slice_from(struct slice s, size_t at)
{
	if (at > s.n)
		at = s.n;
	return slice_of(at ? s.p + at : s.p, s.n - at);
}

static inline struct slice slice_head(struct slice s, size_t n)
{
	return slice_of(s.p, n < s.n ? n : s.n);
}

bool slice_eq(struct slice a, struct slice b);
bool slice_eqs(struct slice a, const char *b);
bool slice_ieq(struct slice a, struct slice b);
bool slice_ieqs(struct slice a, const char *b);
bool slice_iprefix(struct slice s, const char *prefix);
/* memcmp order, shorter first. */
int slice_cmp(struct slice a, struct slice b);
/* First index of `c`, or s.n. */
size_t slice_find(struct slice s, char c);
/* First index where `needle` begins, or hay.n + 1 when it does not. */
size_t slice_find_slice(struct slice hay, struct slice needle);
/* Without blanks, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice s);
/* Cut at the first `sep`: head before it, *rest after it (empty when none). */
struct slice slice_cut(struct slice s, char sep, struct slice *rest);

/* Whole slice is a decimal number without sign, within the type. */
MUST_CHECK enum err num_u32(struct slice s, uint32_t *out);
MUST_CHECK enum err num_u64(struct slice s, uint64_t *out);
/* `n` bytes from 2n hexadecimal digits. */
MUST_CHECK enum err hex_decode(struct slice s, uint8_t *out, size_t n);

char ascii_lower(char c);
char ascii_upper(char c);
/* How many bytes at the start are ASCII. */
size_t ascii_run(struct slice s);
/* ascii_upper() of each of `s`, which is ASCII, into `out`. */
void ascii_upper_all(struct slice s, char *out);
/* Valid UTF-8 (RFC 3629: no surrogates, no overlong form). */
bool utf8_valid(struct slice s);

#endif
