/* SPDX-License-Identifier: EUPL-1.2 */
/* PROPFIND (RFC 4918 9.1): the thing itself, then what lies in it. */
#include "dav.h"

#define BATCH 50

struct propfind {
	struct want want;
	bool deep; /* Depth: 1 */
	bool began;
	struct slice after; /* the last resource's name, owned below */
	char name[LIMIT_SEGMENT_NAME + 1];
	struct collection_row *rows; /* of the home */
	size_t n_rows, next;
};

static enum err list_kind(
	struct dav *d, struct propfind *p, enum collection_kind kind)
{
	size_t n;

	TRY(collection_list(d->account, kind, d->arena, p->rows + p->n_rows,
		LIMIT_COLLECTIONS, &n));
	p->n_rows += n;
	return ERR_OK;
}

/* Both kinds at once; LIMIT_COLLECTIONS bounds the list. */
static enum err list_home(struct dav *d, struct propfind *p)
{
	p->rows = arena_array(
		d->arena, struct collection_row, 2 * (size_t)LIMIT_COLLECTIONS);
	if (!p->rows)
		return ERR_NOMEM;
	TRY(list_kind(d, p, COLLECTION_CALENDAR));
	return list_kind(d, p, COLLECTION_CONTACTS);
}

static enum err put_one(struct dav *d, struct propfind *p, enum place place)
{
	struct place_at at = { .place = place };

	return response_props(d, &p->want, &at);
}

static enum err put_collection(
	struct dav *d, struct propfind *p, const struct collection_row *row)
{
	struct place_at at = { .place = row->kind == COLLECTION_CALENDAR
						? AT_CALENDAR
						: AT_CONTACTS,
		.collection = *row };

	arena_reset(d->batch);
	return response_props(d, &p->want, &at);
}

static enum dav_step more_home(struct dav *d, struct propfind *p)
{
	uint64_t since = loop_now_us();
	enum err e = p->rows ? ERR_OK : list_home(d, p);

	while (e == ERR_OK && p->next < p->n_rows) {
		if (slice_over(d, since))
			return DAV_MORE;
		e = put_collection(d, p, &p->rows[p->next++]);
	}
	if (e != ERR_OK)
		return dav_fail(d, e);
	multistatus_end(d);
	return DAV_OVER;
}

/* Above the homes: what leads to them. */
static enum dav_step more_above(struct dav *d, struct propfind *p)
{
	bool root = d->at.place == AT_ROOT;
	enum err e = put_one(d, p, root ? AT_PRINCIPALS : AT_PRINCIPAL);

	if (e == ERR_OK && root)
		e = put_one(d, p, AT_HOME);
	if (e != ERR_OK)
		return dav_fail(d, e);
	multistatus_end(d);
	return DAV_OVER;
}

static enum err put_resource(
	struct dav *d, struct propfind *p, const struct resource_row *r)
{
	struct place_at at = { .place = AT_RESOURCE,
		.collection_name = d->at.collection.name,
		.collection = d->at.collection,
		.resource_name = r->name,
		.resource = *r };

	TRY(response_props(d, &p->want, &at));
	memcpy(p->name, r->name.p, r->name.n);
	p->after = slice_of(p->name, r->name.n);
	return ERR_OK;
}

/* The resources, in order of name. A deleted collection has no more. */
static enum dav_step more_resources(struct dav *d, struct propfind *p)
{
	struct resource_row rows[BATCH];
	uint64_t since = loop_now_us();
	size_t n;

	do {
		arena_reset(d->batch);
		enum err e = resource_list(d->account, d->at.collection.id,
			p->after, d->batch, rows, BATCH, &n);
		if (e == ERR_NOTFOUND)
			n = 0;
		else if (e != ERR_OK)
			return dav_fail(d, e);
		for (size_t i = 0; i < n; i++) {
			e = put_resource(d, p, &rows[i]);
			if (e != ERR_OK)
				return dav_fail(d, e);
			if (slice_over(d, since) && i + 1 < n)
				return DAV_MORE;
		}
		if (n < BATCH) {
			multistatus_end(d);
			return DAV_OVER;
		}
	} while (!slice_over(d, since));
	return DAV_MORE;
}

static enum dav_step more(struct dav *d)
{
	struct propfind *p = d->job;

	arena_reset(d->batch);
	respond_gate(d);
	if (!p->began) {
		p->began = true;
		multistatus_begin(d);
		enum err e = response_props(d, &p->want, &d->at);
		if (e != ERR_OK)
			return dav_fail(d, e);
		if (!p->deep || d->at.place == AT_RESOURCE ||
			d->at.place == AT_PRINCIPAL) {
			multistatus_end(d);
			return DAV_OVER;
		}
		return DAV_MORE;
	}
	if (d->at.place & AT_COLLECTION)
		return more_resources(d, p);
	return d->at.place == AT_HOME ? more_home(d, p) : more_above(d, p);
}

enum dav_step method_propfind(struct dav *d)
{
	struct slice depth = d->fields[DAV_DEPTH];
	struct propfind *p;

	if (d->xml && !xml_is(d->xml, NS_DAV, "propfind")) {
		respond_err(d, ERR_SYNTAX);
		return DAV_OVER;
	}
	if (d->at.place == AT_NOTHING) {
		respond_err(d, ERR_NOTFOUND);
		return DAV_OVER;
	}
	/* RFC 4918 9.1: no Depth is infinity, which may be refused. */
	if (!slice_eqs(depth, "0") && !slice_eqs(depth, "1")) {
		respond_precondition(
			d, 403, NS_DAV, "propfind-finite-depth", NULL);
		return DAV_OVER;
	}
	p = arena_alloc(d->arena, sizeof(*p));
	if (!p)
		return dav_fail(d, ERR_NOMEM);
	p->want = want_of(d, d->xml);
	p->deep = slice_eqs(depth, "1");
	p->after = slice_of("", 0);
	d->job = p;
	d->more = more;
	return DAV_MORE;
}
