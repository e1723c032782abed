/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Content lines (RFC 5545 3.1, RFC 6350 3.3) to a tree, in one pass: unfold,
 * cut, hang into the component that is open. No recursion; depth, components,
 * properties and parameters have their limits.
 */
#include <bastide/content.h>
#include <bastide/cursor.h>
#include <bastide/limits.h>

struct parser {
	struct arena *arena;
	struct cursor in;
	struct content_comp *root, *open;
	size_t depth, comps, props, params;
	bool closed; /* the root ended */
};

/* --- lines ---------------------------------------------------------------------- */

/* One physical line without its end. */
static struct slice physical(struct cursor *c)
{
	struct slice rest = cursor_rest(c);
	size_t n = slice_find(rest, '\n');

	c->p += n < rest.n ? n + 1 : n;
	if (n && n < rest.n && rest.p[n - 1] == '\r')
		n--;
	return slice_head(rest, n);
}

static bool folded(const struct cursor *c)
{
	int next = p_peek(c);

	return next == ' ' || next == '\t';
}

/* Room for a line with all its continuations: bytes until the unfolded end. */
static size_t unfolded_room(struct cursor c)
{
	size_t n = 0;

	while (folded(&c)) {
		c.p++;
		n += physical(&c).n;
	}
	return n;
}

static enum err unfold(struct parser *p, struct slice first, struct slice *out)
{
	size_t room = first.n + unfolded_room(p->in), n = first.n;

	if (room > LIMIT_RESOURCE)
		return ERR_LIMIT;
	char *to = arena_alloc(p->arena, room + 1);
	if (!to)
		return ERR_LIMIT;
	memcpy(to, first.p, first.n);
	while (folded(&p->in)) {
		p->in.p++;
		struct slice more = physical(&p->in);
		if (more.n)
			memcpy(to + n, more.p, more.n);
		n += more.n;
	}
	*out = slice_of(to, n);
	return ERR_OK;
}

static enum err next_line(struct parser *p, struct slice *out)
{
	*out = physical(&p->in);
	if (folded(&p->in))
		TRY(unfold(p, *out, out));
	return ERR_OK;
}

/* --- one line --------------------------------------------------------------------- */

static bool is_name(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_safe(unsigned char c)
{
	return c != '"' && c != ';' && c != ':' && c != ',';
}

static bool is_quoted(unsigned char c)
{
	return c != '"';
}

static enum err one_value(struct parser *p, struct cursor *c, struct slice name,
	struct content_param ***last)
{
	struct content_param *param;
	struct slice value = slice_of("", 0);

	if (p_char(c, '"')) {
		(void)p_run(c, is_quoted, &value);
		if (!p_char(c, '"'))
			return ERR_SYNTAX;
	} else {
		(void)p_run(c, is_safe, &value);
	}
	if (++p->params > LIMIT_CONTENT_LINES)
		return ERR_LIMIT;
	param = arena_alloc(p->arena, sizeof(*param));
	if (!param)
		return ERR_LIMIT;
	param->name = name;
	param->value = value;
	**last = param;
	*last = &param->next;
	return ERR_OK;
}

/* *(";" name "=" value *("," value)); vCard 2.1's bare "TYPE" words too. */
static enum err params(
	struct parser *p, struct cursor *c, struct content_prop *prop)
{
	struct content_param **last = &prop->params;
	struct slice name;

	while (p_char(c, ';')) {
		if (!p_run(c, is_name, &name))
			return ERR_SYNTAX;
		if (!p_char(c, '='))
			return ERR_SYNTAX;
		do
			TRY(one_value(p, c, name, &last));
		while (p_char(c, ','));
	}
	return ERR_OK;
}

static enum err split(
	struct parser *p, struct slice line, struct content_prop *prop)
{
	struct cursor c = cursor_of(line);

	if (!p_run(&c, is_name, &prop->name))
		return ERR_SYNTAX;
	if (p_char(&c, '.')) {
		prop->group = prop->name;
		if (!p_run(&c, is_name, &prop->name))
			return ERR_SYNTAX;
	}
	TRY(params(p, &c, prop));
	if (!p_char(&c, ':'))
		return ERR_SYNTAX;
	prop->value = cursor_rest(&c);
	return ERR_OK;
}

/* --- the tree ---------------------------------------------------------------------- */

static enum err begin(struct parser *p, struct slice name)
{
	struct content_comp *comp;

	if (++p->comps > LIMIT_ICAL_COMPONENTS || ++p->depth > LIMIT_ICAL_DEPTH)
		return ERR_LIMIT;
	if (p->closed)
		return ERR_SYNTAX;
	comp = arena_alloc(p->arena, sizeof(*comp));
	if (!comp)
		return ERR_LIMIT;
	comp->name = slice_trim(name);
	comp->parent = p->open;
	if (!p->open)
		p->root = comp;
	else if (p->open->last_child)
		p->open->last_child->next = comp;
	else
		p->open->children = comp;
	if (p->open)
		p->open->last_child = comp;
	p->open = comp;
	return ERR_OK;
}

static enum err end(struct parser *p, struct slice name)
{
	if (!p->open || !slice_ieq(p->open->name, slice_trim(name)))
		return ERR_SYNTAX;
	p->open = p->open->parent;
	p->depth--;
	p->closed = !p->open;
	return ERR_OK;
}

static enum err add_prop(struct parser *p, const struct content_prop *from)
{
	struct content_prop *prop;

	if (!p->open)
		return ERR_SYNTAX;
	if (++p->props > LIMIT_CONTENT_LINES)
		return ERR_LIMIT;
	prop = arena_alloc(p->arena, sizeof(*prop));
	if (!prop)
		return ERR_LIMIT;
	*prop = *from;
	if (p->open->last_prop)
		p->open->last_prop->next = prop;
	else
		p->open->props = prop;
	p->open->last_prop = prop;
	return ERR_OK;
}

static enum err take_line(struct parser *p, struct slice line)
{
	struct content_prop prop = { .group = SLICE("") };

	if (slice_trim(line).n == 0)
		return ERR_OK; /* some writers leave empty lines */
	TRY(split(p, line, &prop));
	if (slice_ieqs(prop.name, "BEGIN"))
		return begin(p, prop.value);
	if (slice_ieqs(prop.name, "END"))
		return end(p, prop.value);
	return add_prop(p, &prop);
}

enum err content_parse(
	struct arena *arena, struct slice data, struct content_comp **out)
{
	struct parser p = { .arena = arena };
	struct slice line;

	if (data.n > LIMIT_RESOURCE)
		return ERR_LIMIT;
	if (!data.n || slice_find(data, '\0') < data.n)
		return ERR_SYNTAX;
	if (!utf8_valid(data))
		return ERR_ENCODING;
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		data = slice_from(data, 3);
	p.in = cursor_of(data);
	while (!p_end(&p.in)) {
		TRY(next_line(&p, &line));
		TRY(take_line(&p, line));
	}
	if (!p.closed)
		return ERR_SYNTAX;
	*out = p.root;
	return ERR_OK;
}

/* --- looking ------------------------------------------------------------------------ */

const struct content_prop *content_prop(
	const struct content_comp *c, const char *name)
{
	const struct content_prop *p = c->props;

	while (p && !slice_ieqs(p->name, name))
		p = p->next;
	return p;
}

const struct content_param *content_param(
	const struct content_prop *p, const char *name)
{
	const struct content_param *q = p->params;

	while (q && !slice_ieqs(q->name, name))
		q = q->next;
	return q;
}

enum err content_unescape(struct slice value, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\\' && i + 1 < value.n) {
			c = value.p[++i];
			if (c == 'n' || c == 'N')
				c = '\n';
		}
		buf_addc(out, c);
	}
	return buf_err(out);
}
