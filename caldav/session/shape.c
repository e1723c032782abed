/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * calendar-data and address-data that ask for a part (RFC 4791 9.6, RFC 6352
 * 10.4): chosen components and properties; recurrences expanded into their
 * instances, or cut down to the overridden ones of a range. Ranges come from
 * the worker: the row waits, and the job goes on with shape_finish.
 */
#include "dav.h"

enum times { AS_THEY_ARE, LIMITED, EXPANDED };

struct shape {
	const struct xml_node *data; /* calendar-data or address-data */
	bool cards;
	enum times times;
	int64_t from, to;

	/* the row that is under way, in d->row and d->batch */
	struct place_at at;
	const struct content_comp *root;
	struct instances instances;
	bool waits;
};

/* --- what is asked for --------------------------------------------------------------- */

static enum err read_range(const struct xml_node *n, struct shape *s)
{
	TRY(ical_utc(xml_attr(n, "start"), &s->from));
	TRY(ical_utc(xml_attr(n, "end"), &s->to));
	return s->from < s->to ? ERR_OK : ERR_SYNTAX;
}

static enum err read_times(struct shape *s)
{
	const struct xml_node *expand = xml_child(s->data, NS_CALDAV, "expand");
	const struct xml_node *limit =
		xml_child(s->data, NS_CALDAV, "limit-recurrence-set");

	if (expand && limit)
		return ERR_SYNTAX;
	s->times = expand ? EXPANDED : limit ? LIMITED : AS_THEY_ARE;
	if (s->times == AS_THEY_ARE)
		return ERR_OK;
	return read_range(expand ? expand : limit, s);
}

enum err shape_new(struct dav *d, const struct want *w, struct shape **out)
{
	struct shape s = { .cards = d->at.place == AT_CONTACTS };

	*out = NULL;
	if (!w->props)
		return ERR_OK;
	s.data = xml_child(w->props, s.cards ? NS_CARDDAV : NS_CALDAV,
		s.cards ? "address-data" : "calendar-data");
	if (!s.data || !xml_first(s.data))
		return ERR_OK;
	if (!s.cards)
		TRY(read_times(&s));
	TRY(row_arena(d));
	*out = arena_alloc(d->arena, sizeof(s));
	if (!*out)
		return ERR_NOMEM;
	**out = s;
	return ERR_OK;
}

/* --- which parts ------------------------------------------------------------------------ */

/* What a <comp> lets through; NULL: everything. */
struct pick {
	const struct xml_node *comp;
	const char *ns;
};

static const struct xml_node *named(
	const struct pick *p, const char *element, struct slice name)
{
	const struct xml_node *n = xml_child(p->comp, p->ns, element);

	while (n && !slice_ieq(xml_attr(n, "name"), name))
		n = xml_next(n, p->ns, element);
	return n;
}

static bool pick_inside(
	const struct pick *p, struct slice name, struct pick *out)
{
	*out = (struct pick){ NULL, p->ns };
	if (!p->comp || xml_child(p->comp, p->ns, "allcomp"))
		return true;
	const struct xml_node *n = named(p, "comp", name);
	/* An empty one lets everything through: RFC 4791 7.8.1 shows it. */
	out->comp = n && xml_first(n) ? n : NULL;
	return n != NULL;
}

static bool pick_prop(const struct pick *p, struct slice name, bool *value)
{
	*value = true;
	if (!p->comp || !xml_child(p->comp, p->ns, "prop"))
		return true; /* allprop, or nothing is said of them */
	const struct xml_node *n = named(p, "prop", name);
	if (n)
		*value = !slice_ieqs(xml_attr(n, "novalue"), "yes");
	return n != NULL;
}

static struct pick pick_root(const struct shape *s)
{
	if (s->cards)
		return (struct pick){ s->data, NS_CARDDAV };
	return (struct pick){ xml_child(s->data, NS_CALDAV, "comp"),
		NS_CALDAV };
}

/* --- writing ------------------------------------------------------------------------------ */

static bool is_rule(struct slice name)
{
	static const char *const rules[] = { "RRULE", "RDATE", "EXRULE",
		"EXDATE", "RECURRENCE-ID" };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (slice_ieqs(name, rules[i]))
			return true;
	return false;
}

static bool put_instance_time(
	struct buf *b, struct slice name, const struct instance *i)
{
	if (i->flags & INSTANCE_WHOLE)
		return false;
	if (slice_ieqs(name, "DTSTART"))
		ical_put_time(b, name, i->start, i->flags);
	else if (slice_ieqs(name, "DTEND") || slice_ieqs(name, "DUE"))
		ical_put_time(b, name, i->end, i->flags);
	else
		return false;
	return true;
}

static void put_props(struct buf *b, const struct content_comp *c,
	const struct pick *p, const struct instance *i)
{
	bool value;

	for (const struct content_prop *q = c->props; q; q = q->next) {
		if (!pick_prop(p, q->name, &value) || (i && is_rule(q->name)))
			continue;
		if (!i || !value || !put_instance_time(b, q->name, i))
			content_put_prop(b, q, value);
	}
}

/* Depth is bounded by LIMIT_ICAL_DEPTH. */
static void put_component(
	struct buf *b, const struct content_comp *c, const struct pick *p)
{
	struct pick inside;

	content_put_line(b, "BEGIN", c->name);
	put_props(b, c, p, NULL);
	for (const struct content_comp *k = c->children; k; k = k->next)
		if (pick_inside(p, k->name, &inside))
			put_component(b, k, &inside);
	content_put_line(b, "END", c->name);
}

static void put_instance(struct buf *b, const struct content_comp *c,
	const struct pick *p, const struct instance *i, bool recurs)
{
	struct slice id = slice_str("RECURRENCE-ID");
	struct pick inside;
	bool value;

	content_put_line(b, "BEGIN", c->name);
	put_props(b, c, p, i);
	if (recurs && !(i->flags & INSTANCE_WHOLE) && pick_prop(p, id, &value))
		ical_put_time(b, id, i->recurrence, i->flags);
	for (const struct content_comp *k = c->children; k; k = k->next)
		if (pick_inside(p, k->name, &inside))
			put_component(b, k, &inside);
	content_put_line(b, "END", c->name);
}

static bool recurs(const struct content_comp *root)
{
	const struct content_comp *c = root->children;

	for (; (c = ical_object(c)); c = c->next)
		if (content_prop(c, "RRULE") || content_prop(c, "RDATE") ||
			content_prop(c, "RECURRENCE-ID"))
			return true;
	return false;
}

static const struct content_comp *component_at(
	const struct content_comp *root, uint32_t n)
{
	const struct content_comp *c = ical_object(root->children);

	while (c && n--)
		c = ical_object(c->next);
	return c;
}

static void put_expanded(
	struct shape *s, struct buf *b, const struct pick *calendar)
{
	bool many = recurs(s->root);
	struct pick p;

	for (size_t k = 0; k < s->instances.n; k++) {
		const struct instance *i = &s->instances.list[k];
		const struct content_comp *c =
			component_at(s->root, i->component);
		if (c && !(i->flags & INSTANCE_MOVED) &&
			pick_inside(calendar, c->name, &p))
			put_instance(b, c, &p, i, many);
	}
}

/* An overridden instance stays when it is, or was, in the range. */
static bool stays(
	const struct shape *s, const struct content_comp *c, uint32_t number)
{
	if (s->times != LIMITED || !content_prop(c, "RECURRENCE-ID"))
		return true;
	for (size_t k = 0; k < s->instances.n; k++)
		if (s->instances.list[k].component == number)
			return true;
	return false;
}

static void put_chosen(
	struct shape *s, struct buf *b, const struct pick *calendar)
{
	uint32_t number = 0;
	struct pick p;

	for (const struct content_comp *c = s->root->children; c; c = c->next) {
		bool object = ical_object(c) == c;
		if ((!object || stays(s, c, number)) &&
			pick_inside(calendar, c->name, &p))
			put_component(b, c, &p);
		number += object;
	}
}

static enum err write_out(struct dav *d, struct shape *s)
{
	struct pick p = pick_root(s);
	struct buf b;

	buf_init(&b, 4 * LIMIT_RESOURCE);
	content_put_line(&b, "BEGIN", s->root->name);
	put_props(&b, s->root, &p, NULL);
	if (s->times == EXPANDED)
		put_expanded(s, &b, &p);
	else
		put_chosen(s, &b, &p);
	content_put_line(&b, "END", s->root->name);
	enum err e = buf_err(&b);
	if (e == ERR_OK) {
		s->at.data = arena_copy(d->row, buf_slice(&b));
		e = s->at.data.p ? ERR_OK : ERR_LIMIT;
	}
	buf_free(&b);
	return e;
}

/* --- a row ---------------------------------------------------------------------------------- */

/* One whose instances cannot be told in time: the others are still answered. */
static void put_refused(struct dav *d, const struct place_at *at)
{
	buf_adds(&d->out, "<D:response><D:href>");
	href_of(d, &d->out, at);
	buf_adds(&d->out, "</D:href>");
	response_status(d, 507);
	buf_adds(&d->out, "<D:error><D:number-of-matches-within-limits/>"
			  "</D:error></D:response>\n");
}

static enum err respond(struct dav *d, struct shape *s, const struct want *w)
{
	enum err e = s->instances.err;

	if (e == ERR_OK)
		e = write_out(d, s);
	if (e == ERR_LIMIT || e == ERR_TIMEOUT) {
		put_refused(d, &s->at);
		return ERR_OK;
	}
	TRY(e);
	return response_props(d, w, &s->at);
}

/* Times in a zone: only the worker knows what they are in UTC. */
static bool zoned(const struct content_comp *root)
{
	const struct content_comp *c = root->children;

	for (; (c = ical_object(c)); c = c->next)
		for (const struct content_prop *p = c->props; p; p = p->next)
			if (content_param(p, "TZID"))
				return true;
	return false;
}

static bool needs_worker(const struct shape *s)
{
	return s->times != AS_THEY_ARE &&
	       (recurs(s->root) || (s->times == EXPANDED && zoned(s->root)));
}

enum err shape_row(struct dav *d, struct shape *s, const struct want *w,
	struct place_at *at)
{
	struct content_comp *root;

	if (!s)
		return response_props(d, w, at);
	arena_reset(d->row);
	s->at = *at;
	TRY(resource_data(d->account, at->resource.id, d->row, &s->at.data));
	s->instances = (struct instances){ .d = d };
	/* It was checked when it was stored. */
	TRY(content_parse(d->row, s->at.data, &root));
	s->root = root;
	if (!needs_worker(s)) {
		static struct instance itself = { .flags = INSTANCE_WHOLE };
		s->instances.list = &itself;
		s->instances.n = 1;
		return respond(d, s, w);
	}
	enum err e = instances_ask(d, root, s->from, s->to, &s->instances);
	s->waits = e == ERR_OK;
	if (s->waits)
		return ERR_AGAIN;
	s->instances.err = e;
	return respond(d, s, w);
}

enum err shape_finish(struct dav *d, struct shape *s, const struct want *w)
{
	if (!s || !s->waits)
		return ERR_OK;
	s->waits = false;
	return respond(d, s, w);
}
