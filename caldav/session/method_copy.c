/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * COPY and MOVE (RFC 4918 9.8, 9.9) of a resource, to a collection of the same
 * kind. Collections themselves stay where they are.
 */
#include "dav.h"

static enum err find_destination(struct dav *d, struct place_at *to)
{
	struct slice query, path;
	struct buf b;

	buf_init(&b, LIMIT_HTTP_LINE);
	enum err e = target_decode(d->fields[DAV_DESTINATION], &b, &query);
	path = arena_copy(d->arena, buf_slice(&b));
	buf_free(&b);
	TRY(e);
	return path_find(d, path, d->arena, to);
}

static unsigned refuse(struct dav *d, const struct place_at *to)
{
	const struct place_at *at = &d->at;

	if (at->place == AT_NOTHING)
		return 404;
	if (at->place != AT_RESOURCE)
		return 403;
	if (to->place != AT_RESOURCE && to->place != AT_NOTHING)
		return 403;
	if (!to->has_collection || to->deep)
		return 409;
	if (to->collection.kind != at->collection.kind ||
		(to->place == AT_RESOURCE &&
			to->resource.id == at->resource.id))
		return 403;
	if (!conditions_hold(d, at->resource.etag) ||
		(to->place == AT_RESOURCE &&
			slice_ieqs(d->fields[DAV_OVERWRITE], "F")))
		return 412;
	return 0;
}

enum dav_step method_copy(struct dav *d)
{
	struct place_at *to = arena_alloc(d->arena, sizeof(*to));
	struct slice data;

	if (!to)
		return dav_fail(d, ERR_NOMEM);
	enum err e = d->fields[DAV_DESTINATION].n ? find_destination(d, to)
						  : ERR_SYNTAX;
	if (e != ERR_OK)
		return dav_fail(d, e);
	unsigned status = refuse(d, to);
	if (status) {
		respond_status(d, status);
		return DAV_OVER;
	}
	e = resource_data(d->account, d->at.resource.id, d->arena, &data);
	if (e != ERR_OK)
		return dav_fail(d, e);
	return object_store(
		d, to, data, d->method == METHOD_MOVE ? &d->at : NULL);
}
