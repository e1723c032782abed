/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts that every grammar shares. */
#include <bastide/cursor.h>

bool p_char(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

bool p_word(struct cursor *c, const char *text)
{
	if (!slice_iprefix(cursor_rest(c), text))
		return false;
	c->p += strlen(text);
	return true;
}

bool p_run(struct cursor *c, bool (*is)(unsigned char), struct slice *out)
{
	const char *p = c->p;

	while (p < c->end && is((unsigned char)*p))
		p++;
	if (p == c->p)
		return false;
	*out = slice_of(c->p, (size_t)(p - c->p));
	c->p = p;
	return true;
}

bool p_until(struct cursor *c, char stop, struct slice *out)
{
	struct slice rest = cursor_rest(c);
	size_t at = slice_find(rest, stop);

	if (at == rest.n)
		return false;
	*out = slice_head(rest, at);
	c->p += at;
	return true;
}

static bool is_digit(unsigned char ch)
{
	return ch >= '0' && ch <= '9';
}

bool p_u64(struct cursor *c, uint64_t *out)
{
	struct cursor look = *c;
	struct slice digits;

	if (!p_run(&look, is_digit, &digits) || num_u64(digits, out) != ERR_OK)
		return false;
	*c = look;
	return true;
}

bool p_u32(struct cursor *c, uint32_t *out)
{
	struct cursor look = *c;
	struct slice digits;

	if (!p_run(&look, is_digit, &digits) || num_u32(digits, out) != ERR_OK)
		return false;
	*c = look;
	return true;
}

bool p_take(struct cursor *c, size_t n, struct slice *out)
{
	if ((size_t)(c->end - c->p) < n)
		return false;
	*out = slice_of(c->p, n);
	c->p += n;
	return true;
}
