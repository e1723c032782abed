/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sync-collection (RFC 6578). The token is the collection's change number when
 * the report began: what changes while it is written comes again next time.
 * Without a token all resources come, in order of name; with one the changes,
 * in order of change. A <limit> cuts off changes (RFC 6578 3.6), of which the
 * last one's number is then the token.
 */
#include "dav.h"

#define BATCH 50

struct sync {
	struct want want;
	bool initial;
	uint64_t since, until; /* change numbers; `since` moves on */
	uint32_t left;         /* of the limit */
	bool cut;
	char name[LIMIT_SEGMENT_NAME + 1];
	struct slice after;
};

static enum err put_row(
	struct dav *d, struct sync *s, const struct resource_row *r)
{
	struct place_at at = { .place = AT_RESOURCE,
		.collection_name = d->at.collection.name,
		.collection = d->at.collection,
		.resource_name = r->name,
		.resource = *r };

	if (!r->deleted)
		return response_props(d, &s->want, &at);
	buf_adds(&d->out, "<D:response><D:href>");
	href_of(d, &d->out, &at);
	buf_adds(&d->out, "</D:href>");
	response_status(d, 404);
	buf_adds(&d->out, "</D:response>\n");
	return ERR_OK;
}

static enum err next_rows(
	struct dav *d, struct sync *s, struct resource_row *rows, size_t *n)
{
	if (s->initial)
		return resource_list(d->account, d->at.collection.id, s->after,
			d->batch, rows, BATCH, n);
	return resource_changes(d->account, d->at.collection.id, s->since,
		d->batch, rows, BATCH, n);
}

static void went_past(struct sync *s, const struct resource_row *r)
{
	s->since = r->etag;
	memcpy(s->name, r->name.p, r->name.n);
	s->after = slice_of(s->name, r->name.n);
}

static enum dav_step end(struct dav *d, struct sync *s)
{
	if (s->cut) {
		buf_adds(&d->out, "<D:response><D:href>");
		href_of(d, &d->out, &d->at);
		buf_adds(&d->out, "</D:href>");
		response_status(d, 507);
		buf_adds(&d->out,
			"<D:error><D:number-of-matches-within-limits/>"
			"</D:error></D:response>\n");
	}
	buf_adds(&d->out, "<D:sync-token>");
	put_sync_token(&d->out, s->cut ? s->since : s->until);
	buf_adds(&d->out, "</D:sync-token>");
	multistatus_end(d);
	return DAV_OVER;
}

/* One row; true: there is nothing more to give. */
static enum err take_row(
	struct dav *d, struct sync *s, const struct resource_row *r, bool *last)
{
	*last = !s->initial && r->etag > s->until;
	if (*last)
		return ERR_OK;
	if (!s->left) {
		s->cut = *last = true;
		return ERR_OK;
	}
	s->left--;
	went_past(s, r);
	return put_row(d, s, r);
}

static enum dav_step more(struct dav *d)
{
	struct sync *s = d->job;
	struct resource_row rows[BATCH];
	uint64_t since = loop_now_us();
	bool last = false;
	size_t n;

	respond_gate(d);
	do {
		arena_reset(d->batch);
		enum err e = next_rows(d, s, rows, &n);
		for (size_t i = 0; e == ERR_OK && i < n && !last; i++)
			e = take_row(d, s, &rows[i], &last);
		if (e != ERR_OK)
			return dav_fail(d, e);
		if (last || n < BATCH)
			return end(d, s);
	} while (!slice_over(d, since));
	return DAV_MORE;
}

static enum err read_token(struct dav *d, struct sync *s)
{
	const struct xml_node *n = xml_child(d->xml, NS_DAV, "sync-token");
	struct slice text = n ? xml_text(n, d->arena) : slice_of("", 0);
	struct slice prefix = slice_str("urn:bastide:sync:");

	s->initial = text.n == 0;
	if (s->initial)
		return ERR_OK;
	if (!slice_eq(slice_head(text, prefix.n), prefix) ||
		num_u64(slice_from(text, prefix.n), &s->since) != ERR_OK ||
		s->since > d->at.collection.sync ||
		s->since < d->at.collection.sync_oldest)
		return ERR_EXPIRED;
	return ERR_OK;
}

static enum err read_limit(struct dav *d, struct sync *s)
{
	const struct xml_node *n = xml_child(
		xml_child(d->xml, NS_DAV, "limit"), NS_DAV, "nresults");

	s->left = UINT32_MAX;
	if (!n)
		return ERR_OK;
	/* The first answer lists by name, not by change: it cannot be cut. */
	TRY(num_u32(xml_text(n, d->arena), &s->left));
	if (s->initial && s->left < d->at.collection.resources)
		return ERR_LIMIT;
	return s->left ? ERR_OK : ERR_SYNTAX;
}

enum dav_step report_sync(struct dav *d)
{
	struct sync *s = arena_alloc(d->arena, sizeof(*s));
	const struct xml_node *level = xml_child(d->xml, NS_DAV, "sync-level");

	if (!s)
		return dav_fail(d, ERR_NOMEM);
	if (level && slice_eqs(xml_text(level, d->arena), "infinite")) {
		respond_precondition(
			d, 403, NS_DAV, "sync-traversal-supported", NULL);
		return DAV_OVER;
	}
	enum err e = read_token(d, s);
	if (e == ERR_OK)
		e = read_limit(d, s);
	if (e == ERR_SYNTAX)
		return dav_fail(d, e);
	if (e != ERR_OK) {
		respond_precondition(d, 403, NS_DAV,
			e == ERR_LIMIT ? "number-of-matches-within-limits"
				       : "valid-sync-token",
			NULL);
		return DAV_OVER;
	}
	s->want = want_of(d, d->xml);
	s->until = d->at.collection.sync;
	s->after = slice_of("", 0);
	d->job = s;
	multistatus_begin(d);
	d->more = more;
	return DAV_MORE;
}
