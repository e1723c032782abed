/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A cursor walks a whole frame in memory. Each p_ function either consumes
 * what it names and says true, or consumes nothing and says false, so that a
 * grammar reads as `p_atom(c, &s) && p_sp(c) && p_number(c, &n)`. Parsers have
 * no I/O, no store and no globals; each has a fuzz target.
 */
#ifndef BASTIDE_CURSOR_H
#define BASTIDE_CURSOR_H

#include <bastide/slice.h>

struct cursor {
	const char *p, *end;
};

static inline struct cursor cursor_of(struct slice s)
{
	struct cursor c = { s.p, s.p + s.n };
	return c;
}

static inline struct slice cursor_rest(const struct cursor *c)
{
	return slice_of(c->p, (size_t)(c->end - c->p));
}

static inline bool p_end(const struct cursor *c)
{
	return c->p == c->end;
}

/* Next byte without consuming it, or -1 at the end. */
static inline int p_peek(const struct cursor *c)
{
	return c->p < c->end ? (unsigned char)*c->p : -1;
}

bool p_char(struct cursor *c, char want);
static inline bool p_sp(struct cursor *c)
{
	return p_char(c, ' ');
}
/* The literal text, ASCII case folded. */
bool p_word(struct cursor *c, const char *text);
/* The longest run of bytes for which is(byte); false when it is empty. */
bool p_run(struct cursor *c, bool (*is)(unsigned char), struct slice *out);
/* Everything up to `stop`, which stays; false when `stop` does not come. */
bool p_until(struct cursor *c, char stop, struct slice *out);
/* Decimal digits that fit; false (nothing consumed) when they do not. */
bool p_u32(struct cursor *c, uint32_t *out);
bool p_u64(struct cursor *c, uint64_t *out);
/* Exactly `n` bytes. */
bool p_take(struct cursor *c, size_t n, struct slice *out);

#endif
