/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * calendar-multiget (RFC 4791 7.9), addressbook-multiget (RFC 6352 8.7): each
 * href that was named gets its response, also when it is not there.
 */
#include "dav.h"

struct multiget {
	struct want want;
	struct shape *shape;
	const struct xml_node *next; /* <href> */
};

static bool find(struct dav *d, struct slice href, struct place_at *at)
{
	struct slice query;
	struct buf path;

	buf_init(&path, LIMIT_HTTP_LINE);
	enum err e = target_decode(href, &path, &query);
	struct slice kept = e == ERR_OK ? arena_copy(d->batch, buf_slice(&path))
					: slice_of(NULL, 0);
	buf_free(&path);
	/* What lies in another collection is not this one's to give. */
	return kept.p && path_find(d, kept, d->batch, at) == ERR_OK &&
	       at->place == AT_RESOURCE &&
	       at->collection.id == d->at.collection.id;
}

static void put_missing(struct dav *d, struct slice href)
{
	buf_adds(&d->out, "<D:response><D:href>");
	xml_escape(&d->out, href);
	buf_adds(&d->out, "</D:href>");
	response_status(d, 404);
	buf_adds(&d->out, "</D:response>\n");
}

static enum dav_step more(struct dav *d)
{
	struct multiget *m = d->job;
	uint64_t since = loop_now_us();

	respond_gate(d);
	enum err e = shape_finish(d, m->shape, &m->want);
	while (e == ERR_OK && m->next) {
		struct place_at at;
		if (slice_over(d, since))
			return DAV_MORE;
		arena_reset(d->batch);
		struct slice href = xml_text(m->next, d->batch);
		m->next = xml_next(m->next, NS_DAV, "href");
		if (find(d, href, &at))
			e = shape_row(d, m->shape, &m->want, &at);
		else
			put_missing(d, href);
	}
	if (e != ERR_OK)
		return e == ERR_AGAIN ? DAV_WAIT : dav_fail(d, e);
	multistatus_end(d);
	return DAV_OVER;
}

static size_t count(const struct xml_node *n)
{
	size_t i = 0;

	for (; n; n = xml_next(n, NS_DAV, "href"))
		i++;
	return i;
}

enum dav_step report_multiget(struct dav *d)
{
	struct multiget *m = arena_alloc(d->arena, sizeof(*m));

	if (!m)
		return dav_fail(d, ERR_NOMEM);
	m->want = want_of(d, d->xml);
	m->next = xml_child(d->xml, NS_DAV, "href");
	if (!m->next || shape_new(d, &m->want, &m->shape) != ERR_OK)
		return dav_fail(d, ERR_SYNTAX);
	if (count(m->next) > LIMIT_MULTIGET) {
		respond_precondition(d, 403, NS_DAV,
			"number-of-matches-within-limits", NULL);
		return DAV_OVER;
	}
	d->job = m;
	multistatus_begin(d);
	d->more = more;
	return DAV_MORE;
}
