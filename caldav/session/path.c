/* SPDX-License-Identifier: EUPL-1.2 */
/* From a decoded path to what lies there, and back to an href. */
#include "dav.h"

static bool is_own(struct dav *d, struct slice login)
{
	uint32_t account;

	if (slice_ieqs(login, d->login))
		return true;
	/* An alias is the owner's too. */
	return address_resolve(d->tenant->store, login, &account) == ERR_OK &&
	       account == account_number(d->account);
}

enum err path_find_collection(struct dav *d, struct slice name,
	struct arena *arena, struct collection_row *out)
{
	enum err e = collection_find(
		d->account, COLLECTION_CALENDAR, name, arena, out);

	if (e == ERR_NOTFOUND)
		e = collection_find(
			d->account, COLLECTION_CONTACTS, name, arena, out);
	return e;
}

static enum err find_resource(
	struct dav *d, struct arena *arena, struct place_at *at)
{
	enum err e = resource_find(d->account, at->collection.id,
		at->resource_name, arena, &at->resource);

	at->place = e == ERR_OK && !at->deep ? AT_RESOURCE : AT_NOTHING;
	return e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_LIMIT ? ERR_OK
								      : e;
}

/* `rest`: what follows "/dav/LOGIN/". */
static enum err below_home(struct dav *d, struct slice rest,
	struct arena *arena, struct place_at *at)
{
	struct slice below;

	at->place = AT_HOME;
	if (!rest.n)
		return ERR_OK;
	at->collection_name = slice_cut(rest, '/', &rest);
	at->resource_name = slice_cut(rest, '/', &below);
	at->deep = at->resource_name.n < rest.n;
	at->place = AT_NOTHING;
	enum err e = path_find_collection(
		d, at->collection_name, arena, &at->collection);
	if (e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_LIMIT)
		return ERR_OK; /* no such name is no such thing */
	TRY(e);
	at->has_collection = true;
	if (at->resource_name.n)
		return find_resource(d, arena, at);
	at->place = at->collection.kind == COLLECTION_CALENDAR ? AT_CALENDAR
							       : AT_CONTACTS;
	return ERR_OK;
}

static enum err principals(
	struct dav *d, struct slice rest, struct place_at *at)
{
	struct slice login = slice_cut(rest, '/', &rest);

	at->place = login.n ? AT_PRINCIPAL : AT_PRINCIPALS;
	if (rest.n)
		return ERR_NOTFOUND;
	return !login.n || is_own(d, login) ? ERR_OK : ERR_NOPERM;
}

enum err path_find(struct dav *d, struct slice path, struct arena *arena,
	struct place_at *out)
{
	struct slice rest = slice_from(path, 1), first;

	*out = (struct place_at){ .place = AT_ROOT };
	first = slice_cut(rest, '/', &rest);
	if (!first.n)
		return ERR_OK;
	if (!slice_eqs(first, "dav"))
		return ERR_NOTFOUND;
	first = slice_cut(rest, '/', &rest);
	if (!first.n)
		return ERR_OK;
	if (slice_eqs(first, "principals"))
		return principals(d, rest, out);
	if (!is_own(d, first))
		return ERR_NOPERM;
	return below_home(d, rest, arena, out);
}

/* --- back ------------------------------------------------------------------------- */

void href_home(struct dav *d, struct buf *b)
{
	buf_adds(b, "/dav/");
	target_encode(b, slice_str(d->login));
	buf_addc(b, '/');
}

void href_principal(struct dav *d, struct buf *b)
{
	buf_adds(b, "/dav/principals/");
	target_encode(b, slice_str(d->login));
	buf_addc(b, '/');
}

void href_collection(struct dav *d, struct buf *b, struct slice name)
{
	href_home(d, b);
	target_encode(b, name);
	buf_addc(b, '/');
}

void href_resource(struct dav *d, struct buf *b, struct slice collection,
	struct slice name)
{
	href_collection(d, b, collection);
	target_encode(b, name);
}

void href_of(struct dav *d, struct buf *b, const struct place_at *at)
{
	switch (at->place) {
	case AT_ROOT:
		buf_adds(b, "/dav/");
		break;
	case AT_PRINCIPALS:
		buf_adds(b, "/dav/principals/");
		break;
	case AT_PRINCIPAL:
		href_principal(d, b);
		break;
	case AT_HOME:
		href_home(d, b);
		break;
	case AT_CALENDAR:
	case AT_CONTACTS:
		href_collection(d, b, at->collection.name);
		break;
	case AT_RESOURCE:
	case AT_NOTHING:
		href_resource(d, b, at->collection_name, at->resource_name);
		break;
	}
}
