/* SPDX-License-Identifier: EUPL-1.2 */
/* PUT (RFC 4791 5.3.2, RFC 6352 6.3.2) and DELETE (RFC 4918 9.6). */
#include "dav.h"

/* Something to replace, or a free name in a collection. */
static unsigned refuse_place(struct dav *d)
{
	const struct place_at *at = &d->at;

	if (at->place != AT_RESOURCE && at->place != AT_NOTHING)
		return 405;
	/* RFC 4918 9.7.1: a parent must be there; a resource is none. */
	return at->has_collection && !at->deep ? 0 : 409;
}

enum dav_step method_put(struct dav *d)
{
	unsigned status = refuse_place(d);
	uint64_t etag = d->at.place == AT_RESOURCE ? d->at.resource.etag : 0;

	if (!status && !conditions_hold(d, etag))
		status = 412;
	if (!status)
		return object_store(d, &d->at, buf_slice(&d->body), NULL);
	respond_status(d, status);
	return DAV_OVER;
}

static enum err delete (struct dav *d) {
	struct place_at *at = &d->at;

	TRY(store_begin_freeing(d->tenant->store));
	return dav_commit(
		d, at->place == AT_RESOURCE
			   ? resource_delete(d->account, at->collection.id,
				     at->resource_name)
			   : collection_delete(d->account, at->collection.id));
}

enum dav_step method_delete(struct dav *d)
{
	const struct place_at *at = &d->at;
	uint64_t etag = at->place == AT_RESOURCE ? at->resource.etag : 0;
	enum err e = ERR_OK;

	if (at->place == AT_NOTHING)
		e = ERR_NOTFOUND;
	else if (!(at->place & (AT_RESOURCE | AT_COLLECTION)))
		e = ERR_NOPERM;
	else if (at->place == AT_RESOURCE && !conditions_hold(d, etag))
		e = ERR_CONFLICT;
	else
		e = delete (d);
	if (e == ERR_OK)
		respond_status(d, 204);
	else
		respond_err(d, e);
	return DAV_OVER;
}
