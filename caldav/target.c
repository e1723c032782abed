/* SPDX-License-Identifier: EUPL-1.2 */
#include "target.h"

static bool unescape(struct slice s, size_t *at, unsigned char *out)
{
	if (s.p[*at] != '%') {
		*out = (unsigned char)s.p[(*at)++];
		return true;
	}
	if (s.n - *at < 3 ||
		hex_decode(slice_of(s.p + *at + 1, 2), out, 1) != ERR_OK)
		return false;
	*at += 3;
	return true;
}

/* "http://host" in front of the path; an empty path is "/". */
static struct slice origin_form(struct slice target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		if (!slice_iprefix(target, schemes[i]))
			continue;
		struct slice rest = slice_from(target, strlen(schemes[i]));
		size_t n = slice_find(rest, '/');
		return n < rest.n ? slice_from(rest, n) : slice_str("/");
	}
	return target;
}

static bool is_dots(struct slice s)
{
	return slice_eqs(s, ".") || slice_eqs(s, "..");
}

static bool has_dot_segment(struct slice path)
{
	while (path.n)
		if (is_dots(slice_cut(path, '/', &path)))
			return true;
	return false;
}

static enum err decode(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.n;) {
		bool slash = s.p[i] == '/';
		unsigned char c;
		if (!unescape(s, &i, &c) || c < 0x20 || c == 0x7f ||
			(c == '/' && !slash))
			return ERR_SYNTAX;
		if (slash && out->n && out->p[out->n - 1] == '/')
			continue;
		TRY(buf_addc(out, (char)c));
	}
	return ERR_OK;
}

enum err target_decode(
	struct slice target, struct buf *path, struct slice *query)
{
	struct slice raw_query, raw;

	raw = slice_cut(origin_form(target), '?', &raw_query);
	if (!raw.n || raw.p[0] != '/' || slice_find(raw, '#') < raw.n)
		return ERR_SYNTAX;
	buf_reset(path);
	TRY(decode(raw, path));
	if (!utf8_valid(buf_slice(path)) || has_dot_segment(buf_slice(path)))
		return ERR_SYNTAX;
	*query = raw_query;
	return ERR_OK;
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void target_encode(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (is_unreserved(c))
			buf_addc(b, (char)c);
		else
			buf_addf(b, "%%%02X", c);
	}
}

bool target_query(struct slice query, const char *name, struct buf *value)
{
	while (query.n) {
		struct slice text, pair = slice_cut(query, '&', &query),
				   key = slice_cut(pair, '=', &text);
		if (!slice_ieqs(key, name))
			continue;
		for (size_t i = 0; i < text.n;) {
			unsigned char c;
			if (!unescape(text, &i, &c) || c < 0x20 ||
				buf_addc(value, (char)c) != ERR_OK)
				return false;
		}
		return utf8_valid(buf_slice(value));
	}
	return false;
}
