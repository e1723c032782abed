/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * MKCALENDAR (RFC 4791 5.3.1) and extended MKCOL (RFC 5689): a calendar or an
 * address book right below the home, with its properties, in one commit.
 */
#include "dav.h"

struct making {
	enum collection_kind kind;
	const struct xml_node *props; /* <prop> of <set>; may be NULL */
};

/* <set><prop> of the body; RFC 5689 3 has several <set>: the first <prop> that
 * is there counts, as all clients send one. */
static const struct xml_node *props_of(const struct xml_node *xml)
{
	return xml_child(xml_child(xml, NS_DAV, "set"), NS_DAV, "prop");
}

static enum err kind_of(struct dav *d, struct making *m)
{
	const struct xml_node *type;

	m->props = props_of(d->xml);
	if (d->method == METHOD_MKCALENDAR) {
		m->kind = COLLECTION_CALENDAR;
		return !d->xml || xml_is(d->xml, NS_CALDAV, "mkcalendar")
			       ? ERR_OK
			       : ERR_SYNTAX;
	}
	if (d->xml && !xml_is(d->xml, NS_DAV, "mkcol"))
		return ERR_SYNTAX;
	type = xml_child(m->props, NS_DAV, "resourcetype");
	if (type && xml_child(type, NS_CALDAV, "calendar"))
		m->kind = COLLECTION_CALENDAR;
	else if (type && xml_child(type, NS_CARDDAV, "addressbook"))
		m->kind = COLLECTION_CONTACTS;
	else
		return ERR_TYPE;
	return ERR_OK;
}

static bool is_type(const struct xml_node *p)
{
	return xml_is(p, NS_DAV, "resourcetype");
}

static const struct xml_node *first_refused(
	struct dav *d, const struct making *m)
{
	enum place place =
		m->kind == COLLECTION_CALENDAR ? AT_CALENDAR : AT_CONTACTS;
	const char *why;
	const struct xml_node *p = xml_first(m->props);

	while (p && (is_type(p) || property_settable(d, p, place, &why)))
		p = xml_sibling(p);
	return p;
}

static enum err make(struct dav *d, const struct making *m)
{
	uint64_t id;

	TRY(collection_create(d->account, m->kind, d->at.collection_name, &id));
	for (const struct xml_node *p = xml_first(m->props); p;
		p = xml_sibling(p))
		if (!is_type(p))
			TRY(property_store(d, id, p, true));
	return ERR_OK;
}

/* RFC 5689 3.4: which property was at fault. */
static enum dav_step refuse_property(struct dav *d, const struct xml_node *p)
{
	struct buf b;

	buf_init(&b, KIB(8));
	buf_adds(&b, "<D:propstat><D:prop>");
	open_tag(&b, p->ns, p->name, true);
	buf_adds(&b, "</D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>"
		     "</D:propstat>");
	respond_element(d, 403, "mkcol-response", buf_slice(&b));
	buf_free(&b);
	return DAV_OVER;
}

static enum dav_step refuse(struct dav *d, enum err e)
{
	switch (e) {
	case ERR_EXISTS: /* RFC 4918 9.3.1, RFC 4791 5.3.1.1 */
		respond_status(d, 405);
		break;
	case ERR_TYPE:
		respond_precondition(
			d, 403, NS_DAV, "valid-resourcetype", NULL);
		break;
	case ERR_NOPERM:
		respond_precondition(d, 403, NS_CALDAV,
			"calendar-collection-location-ok", NULL);
		break;
	default:
		respond_err(d, e);
	}
	return DAV_OVER;
}

static enum err check_place(struct dav *d)
{
	if (d->at.place != AT_NOTHING)
		return ERR_EXISTS;
	/* Not inside a collection, nor inside what is not there. */
	if (d->at.has_collection)
		return ERR_NOPERM;
	return d->at.resource_name.n ? ERR_WRONGSTATE : ERR_OK; /* 409 */
}

enum dav_step method_mkcol(struct dav *d)
{
	struct making m;
	enum err e = check_place(d);

	if (e == ERR_OK)
		e = kind_of(d, &m);
	if (e != ERR_OK)
		return refuse(d, e);
	const struct xml_node *bad = first_refused(d, &m);
	if (bad)
		return refuse_property(d, bad);
	e = store_begin(d->tenant->store);
	if (e == ERR_OK)
		e = dav_commit(d, make(d, &m));
	if (e != ERR_OK)
		return refuse(d, e);
	respond_status(d, 201);
	return DAV_OVER;
}
