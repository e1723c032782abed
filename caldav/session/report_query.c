/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * calendar-query (RFC 4791 7.8), addressbook-query (RFC 6352 8.6): candidates
 * from the cached spans when there is a time range, else all in order of name;
 * the data of each is opened only when the filter asks for more.
 *
 * The spans are the instances: what the store gives for a range lies in it,
 * except past the horizon of its expansion, where it is given without proof.
 */
#include "dav.h"

#define BATCH 50

struct query {
	struct want want;
	struct shape *shape;
	struct filter *filter;
	bool ranged;
	int64_t start, end;
	uint64_t after_id;
	char name[LIMIT_SEGMENT_NAME + 1];
	struct slice after;
	uint32_t left; /* of <limit> */
	bool limited, cut;
};

static enum err next_rows(
	struct dav *d, struct query *q, struct resource_row *rows, size_t *n)
{
	if (q->ranged)
		return resource_in_range(d->account, d->at.collection.id,
			filter_component(q->filter), q->start, q->end,
			q->after_id, d->batch, rows, BATCH, n);
	return resource_list(d->account, d->at.collection.id, q->after,
		d->batch, rows, BATCH, n);
}

static enum err matches(struct dav *d, struct query *q, struct place_at *at,
	struct arena *scratch, bool *out)
{
	struct slice component = filter_component(q->filter);

	*out = !component.n || slice_ieq(component, at->resource.component);
	if (!*out || !filter_needs_data(q->filter))
		return ERR_OK;
	TRY(resource_data(d->account, at->resource.id, scratch, &at->data));
	return filter_match(q->filter, at->data, scratch, out);
}

static enum err take_row(struct dav *d, struct query *q,
	const struct resource_row *r, struct arena *scratch)
{
	struct place_at at = { .place = AT_RESOURCE,
		.collection_name = d->at.collection.name,
		.collection = d->at.collection,
		.resource_name = r->name,
		.resource = *r };
	bool good;

	q->after_id = r->id;
	memcpy(q->name, r->name.p, r->name.n);
	q->after = slice_of(q->name, r->name.n);
	TRY(matches(d, q, &at, scratch, &good));
	if (!good)
		return ERR_OK;
	if (q->limited && !q->left--) {
		q->cut = true;
		return ERR_OK;
	}
	return shape_row(d, q->shape, &q->want, &at);
}

static enum dav_step end(struct dav *d, struct query *q)
{
	if (q->cut) { /* RFC 6352 8.6.2 */
		buf_adds(&d->out, "<D:response><D:href>");
		href_of(d, &d->out, &d->at);
		buf_adds(&d->out, "</D:href>");
		response_status(d, 507);
		buf_adds(&d->out,
			"<D:error><D:number-of-matches-within-limits/>"
			"</D:error></D:response>\n");
	}
	multistatus_end(d);
	return DAV_OVER;
}

/* Rows live in `batch`, the data of one row in an arena of its own. */
static enum dav_step run(struct dav *d, struct query *q, struct arena *scratch)
{
	struct resource_row rows[BATCH];
	uint64_t since = loop_now_us();
	size_t n;

	do {
		arena_reset(d->batch);
		enum err e = next_rows(d, q, rows, &n);
		for (size_t i = 0; e == ERR_OK && i < n && !q->cut; i++) {
			arena_reset(scratch);
			e = take_row(d, q, &rows[i], scratch);
			if (e == ERR_AGAIN)
				return DAV_WAIT;
			if (e == ERR_OK && i + 1 < n && slice_over(d, since))
				return DAV_MORE;
		}
		if (e != ERR_OK)
			return dav_fail(d, e);
		if (q->cut || n < BATCH)
			return end(d, q);
	} while (!slice_over(d, since));
	return DAV_MORE;
}

static enum dav_step more(struct dav *d)
{
	struct query *q = d->job;

	respond_gate(d);
	enum err e = shape_finish(d, q->shape, &q->want);
	struct arena *scratch = arena_new(LIMIT_CONTENT_ARENA + LIMIT_RESOURCE);
	if (e != ERR_OK || !scratch) {
		arena_free(scratch);
		return dav_fail(d, e != ERR_OK ? e : ERR_NOMEM);
	}
	enum dav_step step = run(d, q, scratch);
	arena_free(scratch);
	return step;
}

static enum dav_step refuse(struct dav *d, enum err e, const char *why)
{
	if (!why)
		return dav_fail(d, e);
	respond_precondition(d, 403,
		d->at.place == AT_CONTACTS ? NS_CARDDAV : NS_CALDAV, why, NULL);
	return DAV_OVER;
}

static enum err read_limit(struct dav *d, struct query *q)
{
	const struct xml_node *n = xml_child(
		xml_child(d->xml, NS_CARDDAV, "limit"), NS_CARDDAV, "nresults");

	q->limited = n != NULL;
	return n ? num_u32(xml_text(n, d->arena), &q->left) : ERR_OK;
}

enum dav_step report_query(struct dav *d)
{
	bool cards = d->at.place == AT_CONTACTS;
	struct query *q = arena_alloc(d->arena, sizeof(*q));
	const struct xml_node *filter =
		xml_child(d->xml, cards ? NS_CARDDAV : NS_CALDAV, "filter");
	const char *why = NULL;

	if (!q)
		return dav_fail(d, ERR_NOMEM);
	if (!filter)
		return dav_fail(d, ERR_SYNTAX);
	enum err e = filter_new(d, filter, cards, &q->filter, &why);
	if (e == ERR_OK)
		e = read_limit(d, q);
	q->want = want_of(d, d->xml);
	if (e == ERR_OK)
		e = shape_new(d, &q->want, &q->shape);
	if (e != ERR_OK)
		return refuse(d, e, why);
	q->ranged = filter_range(q->filter, &q->start, &q->end);
	q->after = slice_of("", 0);
	d->job = q;
	multistatus_begin(d);
	d->more = more;
	return DAV_MORE;
}
