/* SPDX-License-Identifier: EUPL-1.2 */
/* Atoms and strings, before and after the login. */
#include "grammar.h"

static bool is_atom_char(unsigned char c)
{
	return c > ' ' && c < 127 && !strchr("(){%*\"\\]", c);
}

bool is_astring_char(unsigned char c)
{
	return is_atom_char(c) || c == ']';
}

bool is_tag_char(unsigned char c)
{
	return is_astring_char(c) && c != '+';
}

bool imap_atom(struct cursor *c, struct slice *out)
{
	return p_run(c, is_atom_char, out);
}

static bool quoted(struct cursor *c, struct arena *a, struct slice *out)
{
	struct cursor look = *c;
	size_t n = 0;

	if (!p_char(&look, '"'))
		return false;
	char *p = arena_alloc(a, (size_t)(c->end - c->p));
	while (p && look.p < look.end && *look.p != '"') {
		if (*look.p == '\\' && look.p + 1 < look.end)
			look.p++;
		if (*look.p == '\r' || *look.p == '\n' || *look.p == 0)
			return false;
		p[n++] = *look.p++;
	}
	if (!p || !p_char(&look, '"'))
		return false;
	*out = slice_of(p, n);
	*c = look;
	return true;
}

static bool literal(struct cursor *c, struct slice *out)
{
	struct cursor look = *c;
	uint64_t n;

	if (!p_char(&look, '{') || !p_u64(&look, &n))
		return false;
	(void)p_char(&look, '+');
	if (!p_char(&look, '}') || !p_char(&look, '\r') ||
		!p_char(&look, '\n') || !p_take(&look, n, out))
		return false;
	*c = look;
	return true;
}

bool imap_string(struct cursor *c, struct arena *a, struct slice *out)
{
	return quoted(c, a, out) || literal(c, out);
}

bool imap_astring(struct cursor *c, struct arena *a, struct slice *out)
{
	return p_run(c, is_astring_char, out) || imap_string(c, a, out);
}
