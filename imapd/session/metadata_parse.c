/* SPDX-License-Identifier: EUPL-1.2 */
/* What GETMETADATA and SETMETADATA bring (RFC 5464 5), and the names of
 * entries (3.2). */
#include "metadata.h"

static const char private[] = "/private", shared[] = "/shared";

/* 3.2: no "//", none at the end, ASCII without controls, '*' and '%'. */
static bool clean(struct slice name)
{
	for (size_t k = 0; k < name.n; k++) {
		unsigned char c = (unsigned char)name.p[k];
		if (c < ' ' || c >= 127 || c == '*' || c == '%')
			return false;
		if (c == '/' && (k + 1 == name.n || name.p[k + 1] == '/'))
			return false;
	}
	return name.n <= LIMIT_METADATA_NAME;
}

static bool scope(struct slice name, const char *prefix, struct slice *rest)
{
	*rest = slice_from(name, strlen(prefix));
	return slice_iprefix(name, prefix) && (!rest->n || rest->p[0] == '/');
}

static size_t components(struct slice path)
{
	size_t n = 0;

	for (size_t k = 0; k < path.n; k++)
		n += path.p[k] == '/';
	return n;
}

bool metadata_entry(struct cursor *c, struct arena *a, struct entry *out)
{
	struct slice name;

	if (!imap_astring(c, a, &name) || !clean(name))
		return false;
	out->shared = scope(name, shared, &out->path);
	return out->shared || scope(name, private, &out->path);
}

/* 3.2: two components at least, four below "vendor". */
static bool can_be_set(const struct entry *e)
{
	bool vendor = slice_iprefix(e->path, "/vendor") &&
		      (e->path.n == 7 || e->path.p[7] == '/');

	return components(e->path) >= (vendor ? 3 : 1);
}

/* "DEPTH" SP ("0" / "1" / "infinity"), "MAXSIZE" SP number */
static bool one_option(struct cursor *c, struct metadata_options *o)
{
	static const struct {
		const char *word;
		enum metadata_depth depth;
	} depths[] = {
		{ "DEPTH 0", DEPTH_0 },
		{ "DEPTH 1", DEPTH_1 },
		{ "DEPTH infinity", DEPTH_INFINITY },
	};

	for (size_t k = 0; k < sizeof(depths) / sizeof(depths[0]); k++)
		if (p_word(c, depths[k].word)) {
			o->depth = depths[k].depth;
			return true;
		}
	return p_word(c, "MAXSIZE ") && p_u32(c, &o->max_size);
}

bool metadata_options(struct cursor *c, struct metadata_options *o)
{
	if (!p_char(c, '('))
		return false;
	do {
		if (!one_option(c, o))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

enum err metadata_entries(
	struct cursor *c, struct arena *a, struct entry *list, size_t *n)
{
	bool open = p_char(c, '(');

	*n = 0;
	do {
		if (*n == LIMIT_METADATA_ENTRIES)
			return ERR_LIMIT;
		if (!metadata_entry(c, a, &list[(*n)++]))
			return ERR_SYNTAX;
	} while (p_sp(c));
	return !open || p_char(c, ')') ? ERR_OK : ERR_SYNTAX;
}

/* value = nstring / literal8; NIL is {NULL, 0}. */
static bool value(struct cursor *c, struct arena *a, struct slice *out)
{
	*out = slice_of(NULL, 0);
	if (p_word(c, "NIL"))
		return true;
	bool binary = p_char(c, '~');
	if (binary && p_peek(c) != '{')
		return false;
	return imap_string(c, a, out) &&
	       (binary || slice_find(*out, '\0') == out->n);
}

enum err metadata_values(
	struct cursor *c, struct arena *a, struct entry *list, size_t *n)
{
	*n = 0;
	if (!p_char(c, '('))
		return ERR_SYNTAX;
	do {
		if (*n == LIMIT_METADATA_ENTRIES)
			return ERR_LIMIT;
		struct entry *e = &list[(*n)++];
		if (!metadata_entry(c, a, e) || !can_be_set(e) || !p_sp(c) ||
			!value(c, a, &e->value))
			return ERR_SYNTAX;
	} while (p_sp(c));
	return p_char(c, ')') ? ERR_OK : ERR_SYNTAX;
}
