/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The filters of calendar-query (RFC 4791 9.7) and addressbook-query (RFC 6352
 * 10.5), compiled once, evaluated on the tree of each resource. Component
 * filters nest three levels, as iCalendar does.
 *
 * A time range stands on a component below VCALENDAR and is answered from the
 * spans; elsewhere (alarms, properties) it is refused with supported-filter.
 */
#include <bastide/mail.h>

#include "dav.h"

enum match_type { CONTAINS, EQUALS, STARTS, ENDS };

/* Collation makes text at most 11 times as long (mail_fold). */
#define FOLDED 11

struct text_match {
	enum mail_collation collation;
	enum match_type type;
	bool negate;
	struct slice text; /* collated */
	struct text_match *next;
};

struct param_filter {
	struct slice name;
	bool absent;
	struct text_match *match; /* NULL: only its being there */
	struct param_filter *next;
};

struct prop_filter {
	struct slice name;
	bool absent, any; /* any: RFC 6352's test="anyof" */
	struct text_match *matches;
	struct param_filter *params;
	struct prop_filter *next;
};

struct comp_filter {
	struct slice name;
	bool absent;
	struct prop_filter *props;
	struct comp_filter *children, *next;
};

struct filter {
	bool cards, any;
	struct comp_filter top; /* VCALENDAR; for cards only its props */
	struct slice component;
	bool ranged;
	int64_t start, end;
};

struct compiler {
	struct dav *d;
	struct filter *filter;
	const char *ns, *why;
};

/* --- compiling ------------------------------------------------------------------- */

static enum err unsupported(struct compiler *c, const char *why)
{
	c->why = why;
	return ERR_UNSUPPORTED;
}

static void *make(struct compiler *c, size_t n)
{
	return arena_alloc(c->d->arena, n);
}

static enum err read_collation(
	struct compiler *c, const struct xml_node *n, enum mail_collation *out)
{
	static const struct {
		const char *name;
		enum mail_collation is;
	} names[] = {
		{ "i;ascii-casemap", COLLATE_ASCII_CASEMAP },
		{ "i;unicode-casemap", COLLATE_UNICODE_CASEMAP },
		{ "i;octet", COLLATE_OCTET },
		{ "default", COLLATE_UNICODE_CASEMAP },
	};
	struct slice name = xml_attr(n, "collation");

	*out = c->filter->cards ? COLLATE_UNICODE_CASEMAP
				: COLLATE_ASCII_CASEMAP;
	if (!name.p)
		return ERR_OK;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_eqs(name, names[i].name)) {
			*out = names[i].is;
			return ERR_OK;
		}
	return unsupported(c, "supported-collation");
}

static enum err read_type(
	struct compiler *c, const struct xml_node *n, enum match_type *out)
{
	static const char *const names[] = { "contains", "equals",
		"starts-with", "ends-with" };
	struct slice name = xml_attr(n, "match-type");

	*out = CONTAINS;
	for (unsigned i = 0; i < 4; i++)
		if (slice_eqs(name, names[i])) {
			*out = (enum match_type)i;
			return ERR_OK;
		}
	return name.p ? ERR_SYNTAX : ERR_OK;
}

/* A text that is only blanks means them: xml_text would trim. */
static enum err compile_text(
	struct compiler *c, const struct xml_node *n, struct text_match **out)
{
	struct text_match *m = make(c, sizeof(*m));
	struct buf b;

	if (!m)
		return ERR_NOMEM;
	TRY(read_collation(c, n, &m->collation));
	TRY(read_type(c, n, &m->type));
	m->negate = slice_eqs(xml_attr(n, "negate-condition"), "yes");
	buf_init(&b, LIMIT_DAV_BODY * FOLDED);
	enum err e = mail_collate(m->collation, xml_text(n, c->d->arena), &b);
	m->text = arena_copy(c->d->arena, buf_slice(&b));
	buf_free(&b);
	TRY(e);
	*out = m;
	return ERR_OK;
}

static enum err compile_param(
	struct compiler *c, const struct xml_node *n, struct param_filter **out)
{
	struct param_filter *p = make(c, sizeof(*p));
	const struct xml_node *text = xml_child(n, c->ns, "text-match");

	if (!p)
		return ERR_NOMEM;
	p->name = xml_attr(n, "name");
	if (!p->name.n)
		return ERR_SYNTAX;
	p->absent = xml_child(n, c->ns, "is-not-defined") != NULL;
	if (text)
		TRY(compile_text(c, text, &p->match));
	*out = p;
	return ERR_OK;
}

static enum err compile_prop(
	struct compiler *c, const struct xml_node *n, struct prop_filter **out)
{
	struct prop_filter *p = make(c, sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	p->name = xml_attr(n, "name");
	if (!p->name.n)
		return ERR_SYNTAX;
	struct text_match **text = &p->matches;
	struct param_filter **param = &p->params;
	p->any = c->filter->cards && !slice_eqs(xml_attr(n, "test"), "allof");
	for (n = xml_first(n); n; n = xml_sibling(n)) {
		if (xml_is(n, c->ns, "is-not-defined")) {
			p->absent = true;
		} else if (xml_is(n, c->ns, "text-match")) {
			TRY(compile_text(c, n, text));
			text = &(*text)->next;
		} else if (xml_is(n, c->ns, "param-filter")) {
			TRY(compile_param(c, n, param));
			param = &(*param)->next;
		} else {
			return unsupported(c, "supported-filter");
		}
	}
	*out = p;
	return ERR_OK;
}

static enum err read_time(const struct xml_node *n, const char *name,
	int64_t preset, int64_t *out)
{
	struct slice text = xml_attr(n, name);

	*out = preset;
	return text.p ? ical_utc(text, out) : ERR_OK;
}

/* RFC 4791 9.9: at least one end, both in UTC. */
static enum err compile_range(
	struct compiler *c, const struct xml_node *n, bool below_top)
{
	struct filter *f = c->filter;

	if (!below_top || f->ranged)
		return unsupported(c, "supported-filter");
	c->why = "valid-filter";
	if (!xml_attr(n, "start").p && !xml_attr(n, "end").p)
		return ERR_SYNTAX;
	TRY(read_time(n, "start", INT64_MIN, &f->start));
	TRY(read_time(n, "end", INT64_MAX, &f->end));
	if (f->end <= f->start)
		return ERR_SYNTAX;
	c->why = NULL;
	f->ranged = true;
	return ERR_OK;
}

static enum err compile_props(
	struct compiler *c, const struct xml_node *n, struct prop_filter **last)
{
	for (n = xml_child(n, c->ns, "prop-filter"); n;
		n = xml_next(n, c->ns, "prop-filter")) {
		TRY(compile_prop(c, n, last));
		last = &(*last)->next;
	}
	return ERR_OK;
}

/* One component without what is inside of it. */
static enum err compile_comp(struct compiler *c, const struct xml_node *n,
	struct comp_filter *f, unsigned depth)
{
	const struct xml_node *range = xml_child(n, c->ns, "time-range");

	f->name = xml_attr(n, "name");
	if (!f->name.n)
		return ERR_SYNTAX;
	f->absent = xml_child(n, c->ns, "is-not-defined") != NULL;
	TRY(compile_props(c, n, &f->props));
	return range ? compile_range(c, range, depth == 1) : ERR_OK;
}

/* VCALENDAR, kinds, and what is in them (VALARM): three levels, which is all
 * that iCalendar has; deeper ones are refused. */
static enum err compile_children(struct compiler *c, const struct xml_node *n,
	struct comp_filter *f, unsigned depth)
{
	struct comp_filter **last = &f->children;

	for (n = xml_child(n, c->ns, "comp-filter"); n;
		n = xml_next(n, c->ns, "comp-filter")) {
		if (depth > 2)
			return unsupported(c, "supported-filter");
		*last = make(c, sizeof(**last));
		if (!*last)
			return ERR_NOMEM;
		TRY(compile_comp(c, n, *last, depth));
		TRY(compile_children(c, n, *last, depth + 1));
		last = &(*last)->next;
	}
	return ERR_OK;
}

static enum err compile_calendar(struct compiler *c, const struct xml_node *n)
{
	struct filter *f = c->filter;

	n = xml_child(n, c->ns, "comp-filter");
	if (!n)
		return ERR_SYNTAX;
	TRY(compile_comp(c, n, &f->top, 0));
	if (!slice_ieqs(f->top.name, "VCALENDAR"))
		return unsupported(c, "valid-filter");
	TRY(compile_children(c, n, &f->top, 1));
	struct comp_filter *one = f->top.children;
	/* A resource has one kind: the row says which. */
	if (one && !one->next && !one->absent &&
		!slice_ieqs(one->name, "VTIMEZONE"))
		f->component = one->name;
	if (f->ranged && (!one || one->next || one->absent))
		return unsupported(c, "supported-filter");
	return ERR_OK;
}

enum err filter_new(struct dav *d, const struct xml_node *n, bool cards,
	struct filter **out, const char **precondition)
{
	struct filter *f = arena_alloc(d->arena, sizeof(*f));
	struct compiler c = {
		.d = d, .filter = f, .ns = cards ? NS_CARDDAV : NS_CALDAV
	};
	enum err e;

	if (!f)
		return ERR_NOMEM;
	f->cards = cards;
	f->any = !slice_eqs(xml_attr(n, "test"), "allof");
	e = cards ? compile_props(&c, n, &f->top.props)
		  : compile_calendar(&c, n);
	*precondition = c.why                       ? c.why
			: e == ERR_SYNTAX && !cards ? "valid-filter"
						    : NULL;
	TRY(e);
	*out = f;
	return ERR_OK;
}

bool filter_range(const struct filter *f, int64_t *start, int64_t *end)
{
	*start = f->start;
	*end = f->end;
	return f->ranged;
}

struct slice filter_component(const struct filter *f)
{
	return f->component;
}

bool filter_needs_data(const struct filter *f)
{
	const struct comp_filter *one = f->top.children;

	if (f->top.props || f->top.absent)
		return true;
	if (!f->component.n)
		return one != NULL;
	return one->props || one->children;
}

/* --- evaluating --------------------------------------------------------------------- */

static bool text_is(const struct text_match *m, struct slice s)
{
	switch (m->type) {
	case EQUALS:
		return slice_eq(s, m->text);
	case STARTS:
		return slice_eq(slice_head(s, m->text.n), m->text);
	case ENDS:
		return s.n >= m->text.n &&
		       slice_eq(slice_from(s, s.n - m->text.n), m->text);
	case CONTAINS:
		break;
	}
	return !m->text.n || slice_find_slice(s, m->text) <= s.n;
}

static bool match_text(
	const struct text_match *m, struct slice raw, bool escaped)
{
	struct buf plain, folded;

	buf_init(&plain, LIMIT_RESOURCE);
	buf_init(&folded, LIMIT_RESOURCE * FOLDED);
	if (escaped)
		(void)content_unescape(raw, &plain);
	else
		(void)buf_add_slice(&plain, raw);
	(void)mail_collate(m->collation, buf_slice(&plain), &folded);
	bool is = text_is(m, buf_slice(&folded));
	buf_free(&plain);
	buf_free(&folded);
	return is != m->negate;
}

static bool match_param(
	const struct param_filter *f, const struct content_prop *p)
{
	bool there = false;

	for (const struct content_param *q = p->params; q; q = q->next) {
		if (!slice_ieq(q->name, f->name))
			continue;
		there = true;
		if (f->match && match_text(f->match, q->value, false))
			return true;
	}
	if (f->absent)
		return !there;
	return there && !f->match;
}

/* All conditions on one instance of the property, or any of them. */
static bool match_instance(
	const struct prop_filter *f, const struct content_prop *p)
{
	bool none = !f->matches && !f->params;

	for (const struct text_match *m = f->matches; m; m = m->next)
		if (match_text(m, p->value, true) == f->any)
			return f->any;
	for (const struct param_filter *q = f->params; q; q = q->next)
		if (match_param(q, p) == f->any)
			return f->any;
	return none || !f->any;
}

static bool match_prop(
	const struct prop_filter *f, const struct content_comp *c)
{
	bool there = false;

	for (const struct content_prop *p = c->props; p; p = p->next) {
		if (!slice_ieq(p->name, f->name))
			continue;
		there = true;
		if (!f->absent && match_instance(f, p))
			return true;
	}
	return f->absent && !there;
}

static bool match_props(
	const struct prop_filter *f, bool any, const struct content_comp *c)
{
	if (!f)
		return true;
	for (; f; f = f->next)
		if (match_prop(f, c) == any)
			return any;
	return !any;
}

static bool match_children(
	const struct comp_filter *f, const struct content_comp *c);

/* Three levels at most (compile_children): this is no recursion over input. */
static bool match_child(
	const struct comp_filter *f, const struct content_comp *parent)
{
	bool there = false;

	for (const struct content_comp *c = parent->children; c; c = c->next) {
		if (!slice_ieq(c->name, f->name))
			continue;
		there = true;
		if (!f->absent && match_props(f->props, false, c) &&
			match_children(f, c))
			return true;
	}
	return f->absent && !there;
}

static bool match_children(
	const struct comp_filter *f, const struct content_comp *c)
{
	for (const struct comp_filter *g = f->children; g; g = g->next)
		if (!match_child(g, c))
			return false;
	return true;
}

enum err filter_match(const struct filter *f, struct slice data,
	struct arena *arena, bool *out)
{
	struct content_comp *root;

	TRY(content_parse(arena, data, &root));
	if (f->cards)
		*out = match_props(f->top.props, f->any, root);
	else
		*out = !f->top.absent &&
		       match_props(f->top.props, false, root) &&
		       match_children(&f->top, root);
	return ERR_OK;
}
