/* SPDX-License-Identifier: EUPL-1.2 */
/* Paths and host names of the SMTP grammar (RFC 5321 4.1.2, RFC 6531 3.3). */
#include "smtp.h"

static bool is_atext(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr("!#$%&'*+-/=?^_`{|}~", c) ||
	       c >= 128;
}

static bool is_dot_string(unsigned char c)
{
	return (c && is_atext(c)) || c == '.';
}

static bool is_domain_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c >= 128;
}

static bool is_literal_char(unsigned char c)
{
	return c > ' ' && c < 127 && c != '[' && c != ']' && c != '\\';
}

static bool quoted_local(struct cursor *c)
{
	if (!p_char(c, '"'))
		return false;
	while (c->p < c->end && *c->p != '"') {
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
		if ((unsigned char)*c->p < ' ' || *c->p == 127)
			return false;
		c->p++;
	}
	return p_char(c, '"');
}

static bool local_part(struct cursor *c)
{
	struct slice s;

	if (p_peek(c) == '"')
		return quoted_local(c);
	return p_run(c, is_dot_string, &s) && s.p[0] != '.' &&
	       s.p[s.n - 1] != '.' &&
	       slice_find_slice(s, slice_str("..")) > s.n;
}

static bool domain(struct cursor *c)
{
	struct slice s;

	if (p_char(c, '['))
		return p_run(c, is_literal_char, &s) && p_char(c, ']');
	return p_run(c, is_domain_char, &s) && s.p[0] != '.' &&
	       slice_find_slice(s, slice_str("..")) > s.n;
}

/* The obsolete "@a,@b:" is taken and ignored (RFC 5321 4.1.1.3). */
static bool source_route(struct cursor *c)
{
	while (p_char(c, '@'))
		if (!domain(c) || !(p_char(c, ',') || p_peek(c) == ':'))
			return false;
	(void)p_char(c, ':');
	return true;
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 128)
			return false;
	return true;
}

bool smtp_path(
	struct cursor *c, bool null_allowed, bool utf8, char *out, size_t size)
{
	struct cursor look = *c;

	if (!p_char(&look, '<'))
		return false;
	if (null_allowed && p_char(&look, '>')) {
		out[0] = 0;
		*c = look;
		return true;
	}
	if (!source_route(&look))
		return false;
	const char *start = look.p;
	if (!local_part(&look))
		return false;
	/* RFC 5321 4.1.1.3: "<postmaster>" may come without a domain. */
	bool bare = slice_ieqs(
		slice_of(start, (size_t)(look.p - start)), "postmaster");
	if (p_char(&look, '@') ? !domain(&look) : !bare)
		return false;
	struct slice address = slice_of(start, (size_t)(look.p - start));
	if (!p_char(&look, '>') || address.n >= size ||
		!(utf8 ? utf8_valid(address) : is_ascii(address)))
		return false;
	memcpy(out, address.p, address.n);
	out[address.n] = 0;
	*c = look;
	return true;
}

bool smtp_is_helo_name(struct slice name)
{
	struct cursor c = cursor_of(name);

	return name.n && name.n <= 255 && domain(&c) && p_end(&c);
}
