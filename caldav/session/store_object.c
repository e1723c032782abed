/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A calendar object or vCard on its way into the store: check, expand in the
 * worker, one transaction. What the worker cannot expand in time is stored as
 * a candidate for every range.
 *
 *	object_store --card--------------------------> keep
 *	object_store --calendar object--> (worker) --> keep
 *
 * Between asking and the answer other sessions may change the same resource:
 * the conditions are looked at again in keep().
 */
#include "dav.h"

/* Recurrence: 1 s of CPU, then the worker is killed. */
struct object {
	struct place_at where;
	bool moves;
	struct place_at source;
	struct content_info info;
	struct slice data;
	struct span *spans;
	size_t n_spans;
	int64_t horizon;
};

/* --- errors to preconditions ------------------------------------------------------ */

struct failure {
	enum err e;
	const char *calendar,
		*contacts; /* RFC 4791 5.3.2.1, RFC 6352 6.3.2.1 */
	unsigned status;
};

static const struct failure failures[] = {
	{ ERR_SYNTAX, "valid-calendar-data", "valid-address-data", 403 },
	{ ERR_ENCODING, "valid-calendar-data", "valid-address-data", 403 },
	{ ERR_TYPE, "valid-calendar-object-resource", "valid-address-data",
		403 },
	{ ERR_UNSUPPORTED, "supported-calendar-component",
		"supported-address-data", 403 },
	{ ERR_LIMIT, "max-resource-size", "max-resource-size", 403 },
};

static enum dav_step refuse(struct dav *d, bool cards, enum err e)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		const struct failure *f = &failures[i];
		if (f->e != e)
			continue;
		respond_precondition(d, f->status,
			cards ? NS_CARDDAV : NS_CALDAV,
			cards ? f->contacts : f->calendar, NULL);
		return DAV_OVER;
	}
	respond_err(d, e);
	return DAV_OVER;
}

static bool is_cards(const struct object *o)
{
	return o->where.collection.kind == COLLECTION_CONTACTS;
}

/* The element names the resource that has the UID, where there is one. */
static void refuse_uid(struct dav *d, struct object *o)
{
	struct resource_row other;
	struct buf href;
	bool there = resource_find_uid(d->account, o->where.collection.id,
			     o->info.uid, d->arena, &other) == ERR_OK;

	buf_init(&href, KIB(4));
	if (there) {
		buf_adds(&href, "<D:href>");
		href_resource(d, &href, o->where.collection.name, other.name);
		buf_adds(&href, "</D:href>");
	}
	buf_addc(&href, 0);
	respond_precondition(d, 403, is_cards(o) ? NS_CARDDAV : NS_CALDAV,
		"no-uid-conflict", there ? href.p : NULL);
	buf_free(&href);
}

/* --- the transaction ----------------------------------------------------------------- */

/* What was there when the worker was asked may be gone, or new. */
static enum err look_again(struct dav *d, struct object *o, bool *replaces)
{
	struct collection_row c;
	struct resource_row r;

	TRY(path_find_collection(d, o->where.collection.name, d->arena, &c));
	if (c.id != o->where.collection.id)
		return ERR_NOTFOUND;
	enum err e = resource_find(
		d->account, c.id, o->where.resource_name, d->arena, &r);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*replaces = e == ERR_OK;
	if (d->method == METHOD_PUT &&
		!conditions_hold(d, *replaces ? r.etag : 0))
		return ERR_CONFLICT;
	return ERR_OK;
}

/* MOVE within one collection gives its UID to the new name. */
static enum err put_object(struct dav *d, struct object *o, uint64_t *etag)
{
	struct resource_new r = { .name = o->where.resource_name,
		.uid = o->info.uid,
		.component = o->info.component,
		.data = o->data,
		.spans = o->spans,
		.n_spans = o->n_spans,
		.horizon = o->horizon };

	if (o->moves)
		TRY(resource_delete(d->account, o->source.collection.id,
			o->source.resource_name));
	return resource_put(d->account, o->where.collection.id, &r, etag);
}

static void respond_stored(struct dav *d, bool replaced, uint64_t etag)
{
	struct header field = { "ETag", { NULL, 0 } };
	struct buf tag;

	buf_init(&tag, 40);
	put_etag(&tag, etag);
	field.value = buf_slice(&tag);
	respond_head(d, replaced ? 204 : 201, 0, &field, 1);
	buf_free(&tag);
}

static enum dav_step keep(struct dav *d, struct object *o)
{
	bool replaces;
	uint64_t etag = 0;
	enum err e = look_again(d, o, &replaces);

	if (e == ERR_CONFLICT) {
		respond_status(d, 412);
		return DAV_OVER;
	}
	if (e == ERR_NOTFOUND) {
		respond_status(d, 409);
		return DAV_OVER;
	}
	if (e == ERR_OK)
		e = store_begin(d->tenant->store);
	if (e == ERR_OK) {
		e = put_object(d, o, &etag);
		bool uid = e == ERR_CONFLICT;
		e = dav_commit(d, e);
		if (uid) {
			refuse_uid(d, o);
			return DAV_OVER;
		}
	}
	if (e != ERR_OK)
		return refuse(d, is_cards(o), e);
	respond_stored(d, replaces, etag);
	return DAV_OVER;
}

/* --- the worker ------------------------------------------------------------------------ */

static enum err read_spans(struct dav *d, struct object *o, struct msg_in *m)
{
	int64_t horizon = (int64_t)msg_u64(m);
	size_t n = msg_u32(m);

	if (n > LIMIT_SPANS)
		return ERR_LIMIT;
	struct span *spans = arena_array(d->arena, struct span, n);
	if (n && !spans)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		spans[i].start = (int64_t)msg_u64(m);
		spans[i].end = (int64_t)msg_u64(m);
	}
	TRY(msg_end(m));
	o->spans = spans;
	o->n_spans = n;
	o->horizon = horizon;
	return ERR_OK;
}

static void on_expanded(void *arg, enum err e, struct msg_in *reply)
{
	struct dav *d = arg;
	struct object *o = d->job;

	d->work = NULL;
	if (e == ERR_OK)
		e = read_spans(d, o, reply);
	if (e == ERR_SYNTAX)
		(void)refuse(d, false, e);
	else
		(void)keep(d, o); /* killed: a candidate for every range */
	d->over = true;
	dav_go_on(d);
}

static enum dav_step expand(
	struct dav *d, struct object *o, const struct content_comp *root)
{
	d->job = o;
	enum err e = expander_ask(d, WORK_EXPAND, root, NULL, on_expanded, d);
	/* Too long for a message, or no worker: a candidate always. */
	return e == ERR_OK ? DAV_WAIT : keep(d, o);
}

/* --- the checks ---------------------------------------------------------------------- */

static enum dav_step check_and_go(struct dav *d, struct object *o)
{
	struct content_comp *root;
	bool cards = is_cards(o);
	enum err e = content_parse(d->arena, o->data, &root);

	if (e == ERR_OK)
		e = cards ? vcard_check(root, &o->info)
			  : ical_check(root, &o->info);
	if (e != ERR_OK)
		return refuse(d, cards, e);
	if (cards)
		return keep(d, o);
	struct place_at calendar = { .place = AT_CALENDAR,
		.collection = o->where.collection };
	if (!calendar_takes(d, &calendar, o->info.component))
		return refuse(d, false, ERR_UNSUPPORTED);
	return expand(d, o, root);
}

enum dav_step object_store(struct dav *d, const struct place_at *where,
	struct slice data, const struct place_at *source)
{
	struct object *o = arena_alloc(d->arena, sizeof(*o));

	if (!o)
		return dav_fail(d, ERR_NOMEM);
	o->where = *where;
	o->data = data;
	o->moves = source != NULL;
	if (source)
		o->source = *source;
	o->horizon = INT64_MIN;
	return check_and_go(d, o);
}
