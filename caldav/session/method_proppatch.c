/* SPDX-License-Identifier: EUPL-1.2 */
/* PROPPATCH (RFC 4918 9.2): all or nothing, in the order they are given. */
#include "dav.h"

/* Calls `each` for every property of <set> and <remove>. */
static enum err walk(struct dav *d,
	enum err (*each)(struct dav *d, const struct xml_node *prop, bool set))
{
	const struct xml_node *n = xml_first(d->xml);

	for (; n; n = xml_sibling(n)) {
		bool set = xml_is(n, NS_DAV, "set");
		if (!set && !xml_is(n, NS_DAV, "remove"))
			continue;
		const struct xml_node *p =
			xml_first(xml_child(n, NS_DAV, "prop"));
		for (; p; p = xml_sibling(p))
			TRY(each(d, p, set));
	}
	return ERR_OK;
}

static enum err check(struct dav *d, const struct xml_node *p, bool set)
{
	const char *why;

	return property_settable(d, p, d->at.place, &why) ? ERR_OK : ERR_NOPERM;
}

static enum err apply(struct dav *d, const struct xml_node *p, bool set)
{
	return property_store(d, d->at.collection.id, p, set);
}

/* --- the answer --------------------------------------------------------------------- */

static void put_status(struct dav *d, const struct xml_node *p, unsigned status,
	const char *why)
{
	struct buf *b = &d->out;

	buf_adds(b, "<D:propstat><D:prop>");
	open_tag(b, p->ns, p->name, true);
	buf_adds(b, "</D:prop>");
	response_status(d, status);
	if (why)
		buf_addf(b, "<D:error><D:%s/></D:error>", why);
	buf_adds(b, "</D:propstat>");
}

static enum err put_done(struct dav *d, const struct xml_node *p, bool set)
{
	put_status(d, p, 200, NULL);
	return ERR_OK;
}

/* Those at fault say 403, the others 424 for them. */
static enum err put_refused(struct dav *d, const struct xml_node *p, bool set)
{
	const char *why;
	bool good = property_settable(d, p, d->at.place, &why);

	put_status(d, p, good ? 424 : 403, why);
	return ERR_OK;
}

static enum err put_no_space(struct dav *d, const struct xml_node *p, bool set)
{
	put_status(d, p, 507, NULL);
	return ERR_OK;
}

static enum dav_step answer(struct dav *d,
	enum err (*each)(struct dav *d, const struct xml_node *prop, bool set))
{
	multistatus_begin(d);
	buf_adds(&d->out, "<D:response><D:href>");
	href_of(d, &d->out, &d->at);
	buf_adds(&d->out, "</D:href>");
	(void)walk(d, each);
	buf_adds(&d->out, "</D:response>\n");
	multistatus_end(d);
	return DAV_OVER;
}

enum dav_step method_proppatch(struct dav *d)
{
	if (!d->xml || !xml_is(d->xml, NS_DAV, "propertyupdate"))
		return dav_fail(d, ERR_SYNTAX);
	if (d->at.place == AT_NOTHING)
		return dav_fail(d, ERR_NOTFOUND);
	if (walk(d, check) != ERR_OK)
		return answer(d, put_refused);
	enum err e = store_begin(d->tenant->store);
	if (e == ERR_OK)
		e = dav_commit(d, walk(d, apply));
	if (e == ERR_LIMIT || e == ERR_OVERQUOTA)
		return answer(d, put_no_space);
	if (e != ERR_OK)
		return dav_fail(d, e);
	return answer(d, put_done);
}
