/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The instances of a calendar object (RFC 5545 3.8.5, RFC 4791 9.9) as spans.
 * In the worker: libical's iterator can run on for longer than any count of
 * results bounds, and its parser reads what a client wrote.
 *
 * SECONDLY and MINUTELY rules are not expanded: such an object is a candidate
 * for every range from its start on.
 */
#include <stdlib.h>

#include <libical/ical.h>

#include <bastide/content.h>
#include <bastide/limits.h>

#define DAY 86400

struct expansion {
	struct span *spans;
	size_t n;
	int64_t horizon;
	icalcomponent *calendar;
	struct sink *sink; /* instances are wanted, not spans; else NULL */
};

/* ical_instances: what is wanted, and the component that is expanded. */
struct sink {
	int64_t from, to;
	struct instance *list;
	size_t n, max;
	enum err err;
	uint32_t component, flags;
	const int64_t *recurrence; /* of an overridden instance; else NULL */
};

void ical_warm_up(void)
{
	icalerror_set_errors_are_fatal(0);
	(void)icaltimezone_get_utc_timezone();
}

/* --- times ------------------------------------------------------------------------ */

static int64_t seconds(struct icaltimetype t)
{
	if (t.is_date) /* from midnight, floating */
		return icaltime_as_timet_with_zone(t, NULL);
	return icaltime_as_timet_with_zone(t, icaltime_get_timezone(t));
}

static icalproperty *prop(icalcomponent *c, icalproperty_kind kind)
{
	return icalcomponent_get_first_property(c, kind);
}

static struct icaltimetype time_of(icalproperty *p, icalcomponent *c)
{
	return icalproperty_get_datetime_with_component(p, c);
}

static bool time_at(icalcomponent *c, icalproperty_kind kind, int64_t *out)
{
	icalproperty *p = prop(c, kind);

	if (!p)
		return false;
	struct icaltimetype t = time_of(p, c);
	if (icaltime_is_null_time(t))
		return false;
	*out = seconds(t);
	return true;
}

/* RFC 4791 9.9: what has no length is inside when it begins there. */
static bool inside(const struct sink *s, int64_t start, int64_t length)
{
	return length > 0 ? start < s->to && start + length > s->from
			  : start >= s->from && start < s->to;
}

static void keep(struct sink *s, int64_t start, int64_t length)
{
	int64_t rule = s->recurrence ? *s->recurrence : start;
	uint32_t flags = s->flags;

	if (!(flags & INSTANCE_WHOLE) && !inside(s, start, length)) {
		if (!inside(s, rule, length))
			return;
		flags |= INSTANCE_MOVED;
	}
	if (s->n == s->max) {
		s->err = ERR_LIMIT;
		return;
	}
	s->list[s->n++] = (struct instance){ s->component, flags, start,
		start + (length > 0 ? length : 0), rule };
}

static void add(struct expansion *x, int64_t start, int64_t length)
{
	if (x->sink) {
		keep(x->sink, start, length);
		return;
	}
	if (x->n == LIMIT_SPANS) {
		if (start < x->horizon)
			x->horizon = start;
		return;
	}
	x->spans[x->n++] =
		(struct span){ start, start + (length > 0 ? length : 0) };
}

/* --- how long an instance is -------------------------------------------------------- */

static int64_t event_length(icalcomponent *c, struct icaltimetype start)
{
	icalproperty *d = prop(c, ICAL_DURATION_PROPERTY);
	int64_t end;

	if (time_at(c, ICAL_DTEND_PROPERTY, &end))
		return end - seconds(start);
	if (d)
		return icaldurationtype_as_int(icalproperty_get_duration(d));
	return start.is_date ? DAY : 0;
}

/* RFC 4791 9.9, the table of VTODO, for those with DTSTART. */
static int64_t todo_length(icalcomponent *c, struct icaltimetype start)
{
	icalproperty *d = prop(c, ICAL_DURATION_PROPERTY);
	int64_t due;

	if (d)
		return icaldurationtype_as_int(icalproperty_get_duration(d));
	if (time_at(c, ICAL_DUE_PROPERTY, &due))
		return due - seconds(start);
	return start.is_date ? DAY : 0;
}

static int64_t vjournal_length(icalcomponent *c, struct icaltimetype start)
{
	return start.is_date ? DAY : 0;
}

/* Without DTSTART: by DUE, COMPLETED and CREATED; none of them: always. */
static void todo_without_start(struct expansion *x, icalcomponent *c)
{
	int64_t due, completed, created, from, to;
	bool has_due = time_at(c, ICAL_DUE_PROPERTY, &due),
	     is_completed = time_at(c, ICAL_COMPLETED_PROPERTY, &completed),
	     is_created = time_at(c, ICAL_CREATED_PROPERTY, &created);

	if (has_due) {
		/* "(start < DUE) OR (end >= DUE)..": the moment itself, and a
		 * second before it, since the range is open at its end. */
		add(x, due - 1, 1);
	} else if (is_completed) {
		from = is_created && created < completed ? created : completed;
		to = is_created && created > completed ? created : completed;
		add(x, from, to - from + 1);
	} else if (is_created) {
		add(x, created, 0);
		x->horizon = created; /* from then on, without end */
	} else {
		x->horizon = INT64_MIN;
	}
}

static const struct kind {
	icalcomponent_kind kind;
	int64_t (*length)(icalcomponent *c, struct icaltimetype start);
	void (*without_start)(struct expansion *x, icalcomponent *c);
} kinds[] = {
	{ ICAL_VEVENT_COMPONENT, event_length, NULL },
	{ ICAL_VTODO_COMPONENT, todo_length, todo_without_start },
	/* RFC 4791 9.9: a VJOURNAL without DTSTART matches no range. */
	{ ICAL_VJOURNAL_COMPONENT, vjournal_length, NULL },
};

static const struct kind *kind_of(icalcomponent *c)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (icalcomponent_isa(c) == kinds[i].kind)
			return &kinds[i];
	return NULL;
}

/* --- recurrence ---------------------------------------------------------------------- */

/* Asked for each instance: EXDATEs, and the times for which a component with
 * RECURRENCE-ID stands, sorted. */
struct exceptions {
	int64_t *at;
	size_t n;
};

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static enum err gather(
	struct expansion *x, icalcomponent *c, struct exceptions *e)
{
	icalcomponent_kind kind = icalcomponent_isa(c);
	size_t max = (size_t)icalcomponent_count_properties(
			     c, ICAL_EXDATE_PROPERTY) +
		     (size_t)icalcomponent_count_components(x->calendar, kind);
	icalproperty *p = prop(c, ICAL_EXDATE_PROPERTY);

	e->n = 0;
	e->at = mem_alloc((max + 1) * sizeof(*e->at));
	if (!e->at)
		return ERR_NOMEM;
	for (; p && e->n < max;
		p = icalcomponent_get_next_property(c, ICAL_EXDATE_PROPERTY))
		e->at[e->n++] = seconds(time_of(p, c));
	c = icalcomponent_get_first_component(x->calendar, kind);
	for (; c && e->n < max;
		c = icalcomponent_get_next_component(x->calendar, kind))
		if (time_at(c, ICAL_RECURRENCEID_PROPERTY, &e->at[e->n]))
			e->n++;
	qsort(e->at, e->n, sizeof(*e->at), by_time);
	return ERR_OK;
}

static bool is_exception(const struct exceptions *e, int64_t at)
{
	return e->n && bsearch(&at, e->at, e->n, sizeof(at), by_time) != NULL;
}

static void add_instance(struct expansion *x, const struct exceptions *e,
	int64_t at, int64_t length)
{
	if (!is_exception(e, at))
		add(x, at, length);
}

static bool spans_full(struct expansion *x, size_t steps, int64_t at)
{
	if (steps <= LIMIT_SPANS * 2 && x->n < LIMIT_SPANS)
		return false;
	x->horizon = at < x->horizon ? at : x->horizon;
	return true;
}

static bool sink_full(struct sink *s, size_t steps, int64_t at)
{
	if (steps > LIMIT_RECUR_STEPS)
		s->err = ERR_LIMIT;
	return s->err != ERR_OK || at >= s->to;
}

static void expand_rule(struct expansion *x, const struct exceptions *e,
	icalproperty *p, struct icaltimetype start, int64_t length)
{
	struct icalrecurrencetype r = icalproperty_get_rrule(p);
	int64_t first = seconds(start);

	if (r.freq == ICAL_NO_RECURRENCE)
		return;
	if (!x->sink && (r.freq == ICAL_SECONDLY_RECURRENCE ||
				r.freq == ICAL_MINUTELY_RECURRENCE)) {
		x->horizon = first < x->horizon ? first : x->horizon;
		return;
	}
	icalrecur_iterator *it = icalrecur_iterator_new(r, start);
	if (!it)
		return;
	struct icaltimetype t = icalrecur_iterator_next(it);
	for (size_t n = 0; !icaltime_is_null_time(t); n++) {
		int64_t at = seconds(t);
		if (x->sink ? sink_full(x->sink, n, at) : spans_full(x, n, at))
			break;
		if (at != first) /* is there already */
			add_instance(x, e, at, length);
		t = icalrecur_iterator_next(it);
	}
	icalrecur_iterator_free(it);
}

static void expand_dates(struct expansion *x, const struct exceptions *e,
	icalcomponent *c, int64_t length)
{
	icalproperty *p = prop(c, ICAL_RDATE_PROPERTY);

	for (; p; p = icalcomponent_get_next_property(c, ICAL_RDATE_PROPERTY)) {
		struct icaldatetimeperiodtype d = icalproperty_get_rdate(p);
		if (icaltime_is_null_time(d.time)) { /* a period */
			int64_t from = seconds(d.period.start);
			int64_t to = icaltime_is_null_time(d.period.end)
					     ? from + icaldurationtype_as_int(
							      d.period.duration)
					     : seconds(d.period.end);
			add_instance(x, e, from, to - from);
		} else {
			add_instance(x, e, seconds(time_of(p, c)), length);
		}
	}
}

static void begin_instances(
	struct sink *s, struct icaltimetype start, const int64_t *recurrence)
{
	bool zoned = icaltime_is_utc(start) || icaltime_get_timezone(start);

	s->recurrence = recurrence;
	s->flags = start.is_date ? INSTANCE_DATE
		   : zoned       ? 0
				 : INSTANCE_FLOATING;
}

static enum err expand_component(
	struct expansion *x, const struct kind *k, icalcomponent *c)
{
	icalproperty *p = prop(c, ICAL_DTSTART_PROPERTY);

	if (!p) {
		if (x->sink) {
			x->sink->flags = INSTANCE_WHOLE;
			x->sink->recurrence = NULL;
			keep(x->sink, 0, 0);
		} else if (k->without_start) {
			k->without_start(x, c);
		}
		return ERR_OK;
	}
	struct icaltimetype start = time_of(p, c);
	if (icaltime_is_null_time(start) || !icaltime_is_valid_time(start))
		return ERR_SYNTAX;
	int64_t length = k->length(c, start), first = seconds(start), rule;
	bool recurs = !prop(c, ICAL_RECURRENCEID_PROPERTY);
	if (x->sink)
		begin_instances(x->sink, start,
			time_at(c, ICAL_RECURRENCEID_PROPERTY, &rule) ? &rule
								      : NULL);
	struct exceptions e = { NULL, 0 };
	if (recurs)
		TRY(gather(x, c, &e));
	/* DTSTART is the first instance whether the rule says so or not. */
	add_instance(x, &e, first, length);
	p = recurs ? prop(c, ICAL_RRULE_PROPERTY) : NULL;
	for (; p; p = icalcomponent_get_next_property(c, ICAL_RRULE_PROPERTY))
		expand_rule(x, &e, p, start, length);
	if (recurs)
		expand_dates(x, &e, c, length);
	mem_free(e.at);
	return ERR_OK;
}

/* An iterator of its own: gather() moves the one inside the calendar. */
static enum err expand_all(struct expansion *x)
{
	icalcompiter it =
		icalcomponent_begin_component(x->calendar, ICAL_ANY_COMPONENT);
	icalcomponent *c = icalcompiter_deref(&it);

	for (; c; c = icalcompiter_next(&it)) {
		const struct kind *k = kind_of(c);
		if (!k)
			continue;
		TRY(expand_component(x, k, c));
		if (x->sink)
			x->sink->component++;
	}
	return ERR_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Sorted, each once (DTSTART is an instance of its rule too). */
static void tidy(struct expansion *x)
{
	size_t n = 0;

	qsort(x->spans, x->n, sizeof(*x->spans), by_start);
	for (size_t i = 0; i < x->n; i++)
		if (!n || by_start(&x->spans[n - 1], &x->spans[i]) != 0)
			x->spans[n++] = x->spans[i];
	x->n = n;
}

/* libical keeps what it could not read as X-LIC-ERROR properties. */
static bool has_errors(icalcomponent *calendar)
{
	return icalcomponent_count_errors(calendar) > 0;
}

static enum err expand_text(struct expansion *x, struct slice ics)
{
	char *text = mem_str(ics);

	if (!text)
		return ERR_NOMEM;
	x->calendar = icalparser_parse_string(text);
	mem_free(text);
	if (!x->calendar)
		return ERR_SYNTAX;
	enum err e = has_errors(x->calendar) ? ERR_SYNTAX : expand_all(x);
	icalcomponent_free(x->calendar);
	icalmemory_free_ring();
	return e;
}

static int by_time_of(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* In order of time; an RDATE may name what the rule gives too. */
enum err ical_instances(struct slice ics, int64_t from, int64_t to,
	struct instance *out, size_t max, size_t *n_out)
{
	struct sink s = { .from = from, .to = to, .list = out, .max = max };
	struct expansion x = { .horizon = INT64_MAX, .sink = &s };
	size_t n = 0;

	TRY(expand_text(&x, ics));
	TRY(s.err);
	qsort(out, s.n, sizeof(*out), by_time_of);
	for (size_t i = 0; i < s.n; i++)
		if (!n || out[n - 1].component != out[i].component ||
			out[n - 1].start != out[i].start)
			out[n++] = out[i];
	*n_out = n;
	return ERR_OK;
}

enum err ical_expand(
	struct slice ics, struct span *spans, size_t *n_out, int64_t *horizon)
{
	struct expansion x = { .spans = spans, .horizon = INT64_MAX };

	TRY(expand_text(&x, ics));
	tidy(&x);
	*n_out = x.n;
	*horizon = x.horizon;
	return ERR_OK;
}
