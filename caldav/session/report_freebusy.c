/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * free-busy-query (RFC 4791 7.10): when the owner of the calendar is busy, and
 * nothing else. Transparent and cancelled events do not count.
 */
#include <stdlib.h>
#include <time.h>

#include "dav.h"

#define BATCH 50

struct period {
	int64_t start, end;
	bool tentative;
};

struct freebusy {
	int64_t from, to;
	uint64_t after_id;
	struct period *periods; /* room for LIMIT_BUSY_PERIODS */
	size_t n;
	const struct content_comp *root;
	struct instances instances;
	bool waits;
};

/* --- one event ---------------------------------------------------------------------- */

static bool is(
	const struct content_comp *c, const char *name, const char *value)
{
	const struct content_prop *p = content_prop(c, name);

	return p && slice_ieqs(slice_trim(p->value), value);
}

static bool is_free(const struct content_comp *c)
{
	return is(c, "TRANSP", "TRANSPARENT") || is(c, "STATUS", "CANCELLED");
}

static bool all_free(const struct content_comp *root)
{
	const struct content_comp *c = root->children;

	for (; (c = ical_object(c)); c = c->next)
		if (!is_free(c))
			return false;
	return true;
}

static enum err add_instance(struct freebusy *f, const struct instance *i)
{
	const struct content_comp *c = ical_object(f->root->children);

	for (uint32_t n = i->component; c && n; n--)
		c = ical_object(c->next);
	if (!c || is_free(c) || i->flags & (INSTANCE_MOVED | INSTANCE_WHOLE) ||
		i->end <= i->start)
		return ERR_OK;
	if (f->n == LIMIT_BUSY_PERIODS)
		return ERR_LIMIT;
	f->periods[f->n++] = (struct period){ i->start < f->from ? f->from
								 : i->start,
		i->end > f->to ? f->to : i->end, is(c, "STATUS", "TENTATIVE") };
	return ERR_OK;
}

static enum err take_instances(struct freebusy *f)
{
	f->waits = false;
	TRY(f->instances.err);
	for (size_t i = 0; i < f->instances.n; i++)
		TRY(add_instance(f, &f->instances.list[i]));
	return ERR_OK;
}

/* ERR_AGAIN: the worker has it. */
static enum err take_row(
	struct dav *d, struct freebusy *f, const struct resource_row *r)
{
	struct content_comp *root;
	struct slice data;

	f->after_id = r->id;
	arena_reset(d->row);
	TRY(resource_data(d->account, r->id, d->row, &data));
	TRY(content_parse(d->row, data, &root));
	if (all_free(root))
		return ERR_OK;
	f->root = root;
	TRY(instances_ask(d, root, f->from, f->to, &f->instances));
	f->waits = true;
	return ERR_AGAIN;
}

/* --- the answer ---------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct period *x = a, *y = b;

	if (x->tentative != y->tentative)
		return x->tentative - y->tentative;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void put_period(struct buf *b, const struct period *p)
{
	buf_addf(b, "FREEBUSY;FBTYPE=%s:",
		p->tentative ? "BUSY-TENTATIVE" : "BUSY");
	ical_put_value(b, p->start, 0);
	buf_addc(b, '/');
	ical_put_value(b, p->end, 0);
	buf_adds(b, "\r\n");
}

static void put_periods(struct buf *b, struct period *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_time);
	for (size_t i = 0; i < n;) {
		struct period p = list[i++];
		for (; i < n && list[i].tentative == p.tentative &&
			list[i].start <= p.end;
			i++)
			if (list[i].end > p.end)
				p.end = list[i].end;
		put_period(b, &p);
	}
}

static enum dav_step answer(struct dav *d, struct freebusy *f)
{
	static const struct header type[] = {
		{ "Content-Type", SLICE("text/calendar; charset=utf-8") },
	};
	struct buf *b = &d->out;

	buf_reset(b);
	buf_adds(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
		    "PRODID:-//Bastide//Bastide//EN\r\nBEGIN:VFREEBUSY\r\n");
	ical_put_time(b, slice_str("DTSTAMP"), time(NULL), 0);
	ical_put_time(b, slice_str("DTSTART"), f->from, 0);
	ical_put_time(b, slice_str("DTEND"), f->to, 0);
	put_periods(b, f->periods, f->n);
	buf_adds(b, "END:VFREEBUSY\r\nEND:VCALENDAR\r\n");
	respond_head(d, 200, b->n, type, 1);
	return DAV_OVER;
}

/* --- the walk -------------------------------------------------------------------------- */

static enum dav_step fail(struct dav *d, enum err e)
{
	if (e != ERR_LIMIT && e != ERR_TIMEOUT)
		return dav_fail(d, e);
	respond_precondition(
		d, 403, NS_DAV, "number-of-matches-within-limits", NULL);
	return DAV_OVER;
}

static enum dav_step more(struct dav *d)
{
	struct freebusy *f = d->job;
	struct resource_row rows[BATCH];
	uint64_t since = loop_now_us();
	enum err e = f->waits ? take_instances(f) : ERR_OK;
	size_t n;

	do {
		arena_reset(d->batch);
		if (e == ERR_OK)
			e = resource_in_range(d->account, d->at.collection.id,
				slice_str("VEVENT"), f->from, f->to,
				f->after_id, d->batch, rows, BATCH, &n);
		for (size_t i = 0; e == ERR_OK && i < n; i++)
			e = take_row(d, f, &rows[i]);
		if (e == ERR_AGAIN)
			return DAV_WAIT;
		if (e != ERR_OK)
			return fail(d, e);
		if (n < BATCH)
			return answer(d, f);
	} while (!slice_over(d, since));
	return DAV_MORE;
}

enum dav_step report_freebusy(struct dav *d)
{
	struct freebusy *f = arena_alloc(d->arena, sizeof(*f));
	const struct xml_node *range =
		xml_child(d->xml, NS_CALDAV, "time-range");

	if (f)
		f->periods = arena_array(
			d->arena, struct period, LIMIT_BUSY_PERIODS);
	if (!f || !f->periods || row_arena(d) != ERR_OK)
		return dav_fail(d, ERR_NOMEM);
	if (!range || ical_utc(xml_attr(range, "start"), &f->from) != ERR_OK ||
		ical_utc(xml_attr(range, "end"), &f->to) != ERR_OK ||
		f->from >= f->to)
		return dav_fail(d, ERR_SYNTAX);
	d->job = f;
	d->more = more;
	return DAV_MORE;
}
