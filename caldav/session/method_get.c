/* SPDX-License-Identifier: EUPL-1.2 */
/* OPTIONS, GET and HEAD (RFC 9110 9.3), and the conditions of RFC 9110 13. */
#include <stdio.h>

#include <bastide/cursor.h>

#include "dav.h"

enum dav_step method_options(struct dav *d)
{
	struct header fields[] = {
		{ "Allow", { NULL, 0 } },
		{ "DAV", SLICE(DAV_CLASSES) },
	};
	struct buf allow;

	buf_init(&allow, 1000);
	method_allow(&allow);
	fields[0].value = buf_slice(&allow);
	respond_head(d, 200, 0, fields, 2);
	buf_free(&allow);
	return DAV_OVER;
}

/* --- conditions ------------------------------------------------------------------ */

static bool is_etag_char(unsigned char c)
{
	return c != '"';
}

/* "*" or a list of entity tags. Weak ones never match: ours are strong. */
static bool lists(struct slice list, uint64_t etag)
{
	struct cursor c = cursor_of(list);
	char own[24];
	struct slice tag;

	if (slice_eqs(list, "*"))
		return etag != 0;
	snprintf(own, sizeof(own), "%llx", (unsigned long long)etag);
	while (!p_end(&c)) {
		bool weak = false;
		while (p_sp(&c) || p_char(&c, ',') || p_char(&c, '\t'))
			;
		weak = p_word(&c, "W/");
		if (!p_char(&c, '"') || !p_run(&c, is_etag_char, &tag) ||
			!p_char(&c, '"'))
			return false;
		if (etag && !weak && slice_eqs(tag, own))
			return true;
	}
	return false;
}

bool conditions_hold(struct dav *d, uint64_t etag)
{
	struct slice match = d->fields[DAV_IF_MATCH],
		     none = d->fields[DAV_IF_NONE_MATCH];

	if (match.n && !lists(match, etag))
		return false;
	return !none.n || !lists(none, etag);
}

/* --- GET ---------------------------------------------------------------------------- */

static enum dav_step give(struct dav *d)
{
	const struct resource_row *r = &d->at.resource;
	struct slice type = slice_str(slice_eqs(r->component, "VCARD")
					      ? "text/vcard; charset=utf-8"
					      : "text/calendar; charset=utf-8");
	struct header fields[] = { { "Content-Type", type },
		{ "ETag", { NULL, 0 } } };
	struct slice data;
	struct buf tag;
	enum err e = resource_data(d->account, r->id, d->arena, &data);

	if (e != ERR_OK)
		return dav_fail(d, e);
	buf_init(&tag, 40);
	put_etag(&tag, r->etag);
	fields[1].value = buf_slice(&tag);
	bool fresh = d->fields[DAV_IF_NONE_MATCH].n &&
		     lists(d->fields[DAV_IF_NONE_MATCH], r->etag);
	if (fresh)
		respond_head(d, 304, 0, fields + 1, 1);
	else
		respond_head(d, 200, data.n, fields, 2);
	buf_free(&tag);
	if (!fresh && d->method == METHOD_GET)
		buf_add_slice(&d->out, data);
	return DAV_OVER;
}

enum dav_step method_get(struct dav *d)
{
	if (d->at.place == AT_RESOURCE) {
		struct slice match = d->fields[DAV_IF_MATCH];
		if (!match.n || lists(match, d->at.resource.etag))
			return give(d);
		respond_status(d, 412);
	} else if (d->at.place == AT_NOTHING) {
		respond_err(d, ERR_NOTFOUND);
	} else {
		respond_status(
			d, 405); /* a collection has no form of its own */
	}
	return DAV_OVER;
}
