/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Properties: one table of those that live, with where they are and how they
 * are got; everything else on a collection is dead and kept as it was set
 * (RFC 4918 4.2). A kept value is the XML inside its element.
 */
#include <stdio.h>
#include <time.h>

#include "dav.h"

#define KEPT 1    /* may be set on a collection; `get` is what else is said */
#define ALLPROP 2 /* RFC 4918 14.2; not what RFC 4791 or others leave out */
#define ASKED_ONLY 4 /* not even in propname: calendar-data */

/* Nothing inside an element, kept: an empty value would remove it. */
#define EMPTY "<!---->"

struct row {
	const char *ns, *name;
	unsigned where, flags;
	/* Adds what is inside; false: it is not there. NULL: only kept. */
	bool (*get)(struct dav *d, struct place_at *at, struct buf *b);
};

/* --- getters ------------------------------------------------------------------- */

static bool put(struct buf *b, const char *text)
{
	buf_adds(b, text);
	return true;
}

static bool get_resourcetype(struct dav *d, struct place_at *at, struct buf *b)
{
	if (at->place == AT_RESOURCE)
		return true;
	buf_adds(b, "<D:collection/>");
	if (at->place == AT_PRINCIPAL)
		buf_adds(b, "<D:principal/>");
	if (at->place == AT_CALENDAR)
		buf_adds(b, "<C:calendar/>");
	if (at->place == AT_CONTACTS)
		buf_adds(b, "<CR:addressbook/>");
	return true;
}

static bool get_principal(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_adds(b, "<D:href>");
	href_principal(d, b);
	return put(b, "</D:href>");
}

static bool get_home(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_adds(b, "<D:href>");
	href_home(d, b);
	return put(b, "</D:href>");
}

static bool get_principals(struct dav *d, struct place_at *at, struct buf *b)
{
	return put(b, "<D:href>/dav/principals/</D:href>");
}

static bool get_addresses(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_adds(b, "<D:href>mailto:");
	xml_escape(b, slice_str(d->login));
	buf_adds(b, "</D:href>");
	return get_principal(d, at, b);
}

static bool get_displayname(struct dav *d, struct place_at *at, struct buf *b)
{
	struct user_row user;

	if (at->place & AT_COLLECTION) {
		xml_escape(b, at->collection.name);
		return true;
	}
	bool named = user_get(d->tenant->store, account_number(d->account),
			     d->batch, &user) == ERR_OK &&
		     user.name.n;
	xml_escape(b, named ? user.name : slice_str(d->login));
	return true;
}

static bool get_etag(struct dav *d, struct place_at *at, struct buf *b)
{
	struct buf tag;

	buf_init(&tag, 40);
	put_etag(&tag, at->resource.etag);
	xml_escape(b, buf_slice(&tag));
	buf_free(&tag);
	return true;
}

static bool get_length(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_add_u64(b, at->resource.size);
	return true;
}

static bool get_type(struct dav *d, struct place_at *at, struct buf *b)
{
	if (slice_eqs(at->resource.component, "VCARD"))
		return put(b, "text/vcard; charset=utf-8");
	buf_addf(b, "text/calendar; charset=utf-8; component=%.*s",
		SLICE_ARG(at->resource.component));
	return true;
}

/* RFC 9110 5.6.7. */
static bool get_modified(struct dav *d, struct place_at *at, struct buf *b)
{
	char text[64];
	time_t t = (time_t)at->resource.modified;
	struct tm tm;

	return gmtime_r(&t, &tm) &&
	       strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) &&
	       put(b, text);
}

/* RFC 3339. */
static bool get_created(struct dav *d, struct place_at *at, struct buf *b)
{
	char text[64];
	time_t t = (time_t)at->resource.created;
	struct tm tm;

	return gmtime_r(&t, &tm) &&
	       strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) &&
	       put(b, text);
}

static bool get_sync_token(struct dav *d, struct place_at *at, struct buf *b)
{
	put_sync_token(b, at->collection.sync);
	return true;
}

static bool get_ctag(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_add_u64(b, at->collection.sync);
	return true;
}

/* RFC 3744 5.4: the owner may do everything with what is his. */
static bool get_privileges(struct dav *d, struct place_at *at, struct buf *b)
{
	static const char *const all[] = { "all", "read", "write",
		"write-properties", "write-content", "bind", "unbind",
		"read-current-user-privilege-set" };
	static const char *const some[] = { "read",
		"read-current-user-privilege-set" };
	bool own = at->place & (AT_HOME | AT_COLLECTION | AT_RESOURCE);
	const char *const *list = own ? all : some;
	size_t n = own ? sizeof(all) / sizeof(all[0]) : 2;

	for (size_t i = 0; i < n; i++)
		buf_addf(b, "<D:privilege><D:%s/></D:privilege>", list[i]);
	return true;
}

static bool get_reports(struct dav *d, struct place_at *at, struct buf *b)
{
	static const struct {
		unsigned where;
		const char *name;
	} reports[] = {
		{ AT_CALENDAR, "<C:calendar-query/>" },
		{ AT_CALENDAR, "<C:calendar-multiget/>" },
		{ AT_CALENDAR, "<C:free-busy-query/>" },
		{ AT_CONTACTS, "<CR:addressbook-query/>" },
		{ AT_CONTACTS, "<CR:addressbook-multiget/>" },
		{ AT_COLLECTION, "<D:sync-collection/>" },
	};

	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		if (reports[i].where & at->place)
			buf_addf(b,
				"<D:supported-report><D:report>%s</D:report>"
				"</D:supported-report>",
				reports[i].name);
	return true;
}

static bool get_components(struct dav *d, struct place_at *at, struct buf *b)
{
	return put(b, "<C:comp name=\"VEVENT\"/><C:comp name=\"VTODO\"/>"
		      "<C:comp name=\"VJOURNAL\"/>");
}

static bool get_calendar_data_types(
	struct dav *d, struct place_at *at, struct buf *b)
{
	return put(b, "<C:calendar-data content-type=\"text/calendar\" "
		      "version=\"2.0\"/>");
}

static bool get_address_data_types(
	struct dav *d, struct place_at *at, struct buf *b)
{
	return put(b, "<CR:address-data-type content-type=\"text/vcard\" "
		      "version=\"3.0\"/><CR:address-data-type "
		      "content-type=\"text/vcard\" version=\"4.0\"/>");
}

static bool get_collations(struct dav *d, struct place_at *at, struct buf *b)
{
	const char *p = at->place == AT_CALENDAR ? "C" : "CR";
	static const char *const names[] = { "i;ascii-casemap",
		"i;unicode-casemap", "i;octet" };

	for (size_t i = 0; i < 3; i++)
		buf_addf(b,
			"<%s:supported-collation>%s</%s:supported-collation>",
			p, names[i], p);
	return true;
}

static bool get_max_size(struct dav *d, struct place_at *at, struct buf *b)
{
	buf_add_u64(b, LIMIT_RESOURCE);
	return true;
}

static bool get_quota_used(struct dav *d, struct place_at *at, struct buf *b)
{
	struct quota q;

	if (account_quota(d->account, &q) != ERR_OK)
		return false;
	buf_add_u64(b, q.bytes);
	return true;
}

static bool get_quota_available(
	struct dav *d, struct place_at *at, struct buf *b)
{
	struct quota q;

	if (account_quota(d->account, &q) != ERR_OK || !q.bytes_max)
		return false;
	buf_add_u64(b, q.bytes < q.bytes_max ? q.bytes_max - q.bytes : 0);
	return true;
}

static bool get_data(struct dav *d, struct place_at *at, struct buf *b)
{
	if (!at->data.p && resource_data(d->account, at->resource.id, d->batch,
				   &at->data) != ERR_OK)
		return false;
	xml_escape(b, at->data);
	return true;
}

/* --- the table ------------------------------------------------------------------- */

#define AT_FRONT (AT_ROOT | AT_PRINCIPALS | AT_PRINCIPAL | AT_HOME)

static const struct row rows[] = {
	{ NS_DAV, "resourcetype", AT_ANY, ALLPROP, get_resourcetype },
	{ NS_DAV, "displayname", AT_PRINCIPAL | AT_HOME | AT_COLLECTION,
		ALLPROP | KEPT, get_displayname },
	{ NS_DAV, "getetag", AT_RESOURCE, ALLPROP, get_etag },
	{ NS_DAV, "getcontentlength", AT_RESOURCE, ALLPROP, get_length },
	{ NS_DAV, "getcontenttype", AT_RESOURCE, ALLPROP, get_type },
	{ NS_DAV, "getlastmodified", AT_RESOURCE, ALLPROP, get_modified },
	{ NS_DAV, "creationdate", AT_RESOURCE, ALLPROP, get_created },
	/* RFC 3744, RFC 5397, RFC 6578, RFC 4331 */
	{ NS_DAV, "current-user-principal", AT_ANY, 0, get_principal },
	{ NS_DAV, "principal-URL", AT_PRINCIPAL, 0, get_principal },
	{ NS_DAV, "principal-collection-set", AT_ANY, 0, get_principals },
	{ NS_DAV, "owner", AT_HOME | AT_COLLECTION | AT_RESOURCE, 0,
		get_principal },
	{ NS_DAV, "current-user-privilege-set", AT_ANY, 0, get_privileges },
	{ NS_DAV, "supported-report-set", AT_ANY, 0, get_reports },
	{ NS_DAV, "sync-token", AT_COLLECTION, 0, get_sync_token },
	{ NS_DAV, "quota-used-bytes", AT_HOME | AT_COLLECTION, 0,
		get_quota_used },
	{ NS_DAV, "quota-available-bytes", AT_HOME | AT_COLLECTION, 0,
		get_quota_available },
	/* RFC 4791 5.2, 6.2, RFC 6638 2.4.1 */
	{ NS_CALDAV, "calendar-home-set", AT_FRONT, 0, get_home },
	{ NS_CALDAV, "calendar-user-address-set", AT_PRINCIPAL, 0,
		get_addresses },
	{ NS_CALDAV, "supported-calendar-component-set", AT_CALENDAR, KEPT,
		get_components },
	{ NS_CALDAV, "supported-calendar-data", AT_CALENDAR, 0,
		get_calendar_data_types },
	{ NS_CALDAV, "supported-collation-set", AT_CALENDAR, 0,
		get_collations },
	{ NS_CALDAV, "max-resource-size", AT_CALENDAR, 0, get_max_size },
	{ NS_CALDAV, "calendar-description", AT_CALENDAR, KEPT, NULL },
	{ NS_CALDAV, "calendar-timezone", AT_CALENDAR, KEPT, NULL },
	{ NS_CALDAV, "calendar-data", AT_RESOURCE, ASKED_ONLY, get_data },
	/* RFC 6352 6.2, 7.1 */
	{ NS_CARDDAV, "addressbook-home-set", AT_FRONT, 0, get_home },
	{ NS_CARDDAV, "supported-address-data", AT_CONTACTS, 0,
		get_address_data_types },
	{ NS_CARDDAV, "supported-collation-set", AT_CONTACTS, 0,
		get_collations },
	{ NS_CARDDAV, "max-resource-size", AT_CONTACTS, 0, get_max_size },
	{ NS_CARDDAV, "addressbook-description", AT_CONTACTS, KEPT, NULL },
	{ NS_CARDDAV, "address-data", AT_RESOURCE, ASKED_ONLY, get_data },
	/* calendarserver.org's, Apple's */
	{ NS_CS, "getctag", AT_COLLECTION, 0, get_ctag },
	{ NS_APPLE, "calendar-color", AT_CALENDAR, KEPT, NULL },
	{ NS_APPLE, "calendar-order", AT_CALENDAR, KEPT, NULL },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *find_row(struct slice ns, struct slice name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (slice_eqs(name, rows[i].name) && slice_eqs(ns, rows[i].ns))
			return &rows[i];
	return NULL;
}

/* --- what is kept ------------------------------------------------------------------- */

enum err kept_load(struct dav *d, struct place_at *at)
{
	if (at->kept_loaded || !(at->place & AT_COLLECTION))
		return ERR_OK;
	at->kept = arena_array(d->batch, struct property, LIMIT_PROPERTIES);
	if (!at->kept)
		return ERR_NOMEM;
	TRY(collection_properties(d->account, at->collection.id, d->batch,
		at->kept, LIMIT_PROPERTIES, &at->n_kept));
	at->kept_loaded = true;
	return ERR_OK;
}

static bool is_named(struct slice kept, struct slice ns, struct slice name)
{
	return kept.n == ns.n + 1 + name.n &&
	       slice_eq(slice_head(kept, ns.n), ns) && kept.p[ns.n] == ' ' &&
	       slice_eq(slice_from(kept, ns.n + 1), name);
}

static const struct property *find_kept(
	const struct place_at *at, struct slice ns, struct slice name)
{
	for (size_t i = 0; i < at->n_kept; i++)
		if (is_named(at->kept[i].name, ns, name))
			return &at->kept[i];
	return NULL;
}

const struct property *kept_find(
	const struct place_at *at, const char *ns, const char *name)
{
	return find_kept(at, slice_str(ns), slice_str(name));
}

bool calendar_takes(struct dav *d, struct place_at *at, struct slice component)
{
	char wanted[64];

	if (kept_load(d, at) != ERR_OK)
		return false;
	const struct property *p =
		kept_find(at, NS_CALDAV, "supported-calendar-component-set");
	if (!p)
		return true;
	/* As xml_write_inner wrote it. */
	int n = snprintf(
		wanted, sizeof(wanted), "name=\"%.*s\"", SLICE_ARG(component));
	struct slice needle = slice_of(wanted, (size_t)n);
	return slice_find_slice(p->value, needle) <= p->value.n;
}

/* --- one <response> ------------------------------------------------------------------ */

struct answer {
	struct dav *d;
	struct place_at *at;
	const struct want *want;
	struct buf missing;
};

static void begin_propstat(struct buf *b)
{
	buf_adds(b, "<D:propstat><D:prop>");
}

static void end_propstat(struct dav *d, unsigned status)
{
	buf_adds(&d->out, "</D:prop>");
	response_status(d, status);
	buf_adds(&d->out, "</D:propstat>");
}

/* The element, when there is such a property here. */
static bool put_property(struct answer *a, struct slice ns, struct slice name)
{
	struct buf *b = &a->d->out;
	const struct property *kept = find_kept(a->at, ns, name);
	const struct row *r = find_row(ns, name);
	size_t before = b->n;

	if (kept && (!r || r->flags & KEPT)) {
		open_tag(b, ns, name, false);
		buf_add_slice(b, kept->value);
		close_tag(b, ns, name);
		return true;
	}
	if (!r || !(r->where & a->at->place) || !r->get)
		return false;
	open_tag(b, ns, name, false);
	if (!r->get(a->d, a->at, b)) {
		b->n = before;
		return false;
	}
	close_tag(b, ns, name);
	return true;
}

static void put_asked(struct answer *a)
{
	const struct xml_node *n = xml_first(a->want->props);

	for (; n; n = xml_sibling(n))
		if (!put_property(a, n->ns, n->name))
			open_tag(&a->missing, n->ns, n->name, true);
}

static void put_all(struct answer *a, bool names)
{
	struct buf *b = &a->d->out;

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];
		struct slice ns = slice_str(r->ns), name = slice_str(r->name);
		bool wanted =
			names ? !(r->flags & ASKED_ONLY) : r->flags & ALLPROP;
		if (!wanted || !(r->where & a->at->place))
			continue;
		if (!names)
			(void)put_property(a, ns, name);
		else if (r->get)
			open_tag(b, ns, name, true);
	}
	for (size_t i = 0; i < a->at->n_kept; i++) {
		struct slice name,
			ns = slice_cut(a->at->kept[i].name, ' ', &name);
		const struct row *r = find_row(ns, name);
		if (names && (!r || !r->get))
			open_tag(b, ns, name, true);
		else if (!names && !r)
			(void)put_property(a, ns, name);
	}
}

/* allprop with <include>. */
static void put_included(struct answer *a)
{
	if (a->want->props)
		put_asked(a);
}

enum err response_props(
	struct dav *d, const struct want *w, struct place_at *at)
{
	struct answer a = { .d = d, .at = at, .want = w };

	TRY(kept_load(d, at));
	buf_init(&a.missing, OUTPUT_MAX);
	buf_adds(&d->out, "<D:response><D:href>");
	href_of(d, &d->out, at);
	buf_adds(&d->out, "</D:href>");
	size_t before = d->out.n;
	begin_propstat(&d->out);
	size_t empty = d->out.n;
	if (w->kind == WANT_PROP)
		put_asked(&a);
	else
		put_all(&a, w->kind == WANT_PROPNAME);
	if (w->kind == WANT_ALLPROP)
		put_included(&a);
	bool show_missing = a.missing.n && !w->minimal;
	if (d->out.n > empty || !show_missing)
		end_propstat(d, 200);
	else
		d->out.n = before;
	if (show_missing) {
		begin_propstat(&d->out);
		buf_add_slice(&d->out, buf_slice(&a.missing));
		end_propstat(d, 404);
	}
	buf_free(&a.missing);
	buf_adds(&d->out, "</D:response>\n");
	return ERR_OK;
}

struct want want_of(struct dav *d, const struct xml_node *n)
{
	struct want w = { .kind = WANT_ALLPROP };
	struct slice prefer = d->fields[DAV_PREFER];
	struct slice minimal = slice_str("return=minimal");

	w.minimal = slice_find_slice(prefer, minimal) <= prefer.n;
	if (xml_child(n, NS_DAV, "prop")) {
		w.kind = WANT_PROP;
		w.props = xml_child(n, NS_DAV, "prop");
	} else if (xml_child(n, NS_DAV, "propname")) {
		w.kind = WANT_PROPNAME;
	} else {
		w.props = xml_child(n, NS_DAV, "include");
	}
	return w;
}

/* --- setting ------------------------------------------------------------------------ */

static bool is_timezone(struct dav *d, const struct xml_node *prop)
{
	struct content_comp *root;
	struct slice text = xml_text(prop, d->batch);

	return content_parse(d->batch, text, &root) == ERR_OK &&
	       slice_ieqs(root->name, "VCALENDAR") && root->children &&
	       slice_ieqs(root->children->name, "VTIMEZONE") &&
	       !root->children->next;
}

bool property_settable(struct dav *d, const struct xml_node *prop,
	enum place place, const char **precondition)
{
	const struct row *r = find_row(prop->ns, prop->name);

	*precondition = NULL;
	if (!(place & AT_COLLECTION))
		return false;
	if (!r)
		return prop->name.n + prop->ns.n < LIMIT_PROPERTY_NAME;
	if (!(r->flags & KEPT) || !(r->where & place)) {
		*precondition = "cannot-modify-protected-property";
		return false;
	}
	if (xml_is(prop, NS_CALDAV, "calendar-timezone") && prop->children &&
		!is_timezone(d, prop))
		return false;
	return true;
}

enum err property_store(struct dav *d, uint64_t collection,
	const struct xml_node *prop, bool set)
{
	struct buf name, value;

	buf_init(&name, LIMIT_PROPERTY_NAME);
	buf_init(&value, LIMIT_PROPERTY);
	buf_add_slice(&name, prop->ns);
	buf_addc(&name, ' ');
	buf_add_slice(&name, prop->name);
	if (set)
		xml_write_inner(&value, prop);
	if (set && !value.n)
		buf_adds(&value, EMPTY);
	enum err e = buf_err(&name) || buf_err(&value)
			     ? ERR_LIMIT
			     : collection_set_property(d->account, collection,
				       buf_slice(&name), buf_slice(&value));
	buf_free(&name);
	buf_free(&value);
	return e;
}
