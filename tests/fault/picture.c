/* SPDX-License-Identifier: EUPL-1.2 */
#include "picture.h"

#include <stdio.h>
#include <stdlib.h>

#include <bastide/collection.h>
#include <bastide/directory.h>
#include <bastide/limits.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>

#define ROWS 40
#define PIECE (64 * 1024)

/* --- hashes ---------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t mix_slice(uint64_t h, struct slice s)
{
	uint64_t word;
	size_t i = 0;

	h = mix(h, s.n);
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		h = mix(h, word);
	}
	for (; i < s.n; i++)
		h = mix(h, (uint8_t)s.p[i]);
	return h;
}

#define MIX(h, ...)                                                            \
	mix_all(h, (uint64_t[]){ __VA_ARGS__ },                                \
		sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static uint64_t mix_all(uint64_t h, const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = mix(h, v[i]);
	return h;
}

static uint64_t mix_oid(uint64_t h, const struct oid *id)
{
	return mix_slice(h, slice_of(id->b, sizeof(id->b)));
}

/* --- areas ------------------------------------------------------------------------- */

static void begin(struct picture *p, const char *what, uint32_t account,
	const char *part, uint64_t id)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->area = realloc(p->area, p->cap * sizeof(*p->area));
		memset(p->area + p->n, 0, (p->cap - p->n) * sizeof(*p->area));
	}
	struct area *a = &p->area[p->n++];
	a->n = 0;
	a->end = ERR_OK;
	snprintf(a->name, sizeof(a->name), "%s %u %s %llu", what, account, part,
		(unsigned long long)id);
	arena_reset(p->arena);
}

static void item(struct picture *p, uint64_t hash)
{
	struct area *a = &p->area[p->n - 1];

	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 8;
		a->item = realloc(a->item, a->cap * sizeof(*a->item));
	}
	a->item[a->n++] = hash;
}

/* False, and the area ends, when the call refused. */
static bool took(struct picture *p, enum err e)
{
	if (e == ERR_OK)
		return true;
	p->area[p->n - 1].end = e;
	if (p->err == ERR_OK)
		p->err = e;
	return false;
}

struct ids {
	uint64_t *id;
	size_t n, cap;
};

static void keep_id(struct ids *l, uint64_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 32;
		l->id = realloc(l->id, l->cap * sizeof(*l->id));
	}
	l->id[l->n++] = id;
}

/* --- bodies ------------------------------------------------------------------------- */

static void take_bodies(
	struct picture *p, struct account *a, const struct ids *bodies)
{
	char *piece = malloc(PIECE);

	for (size_t i = 0; i < bodies->n; i++) {
		size_t got = PIECE;
		begin(p, "account", account_number(a), "body", bodies->id[i]);
		for (uint64_t at = 0; got == PIECE; at += got) {
			if (!took(p, body_read(a, bodies->id[i], at, piece,
					     PIECE, &got)))
				break;
			item(p, mix_slice(1, slice_of(piece, got)));
		}
	}
	free(piece);
}

/* --- mail ----------------------------------------------------------------------------- */

static uint64_t hash_mailbox(const struct mailbox_row *r)
{
	uint64_t h = MIX(2, r->id, r->special, r->selectable, r->has_children,
		r->uidvalidity, r->uidnext, r->modseq, r->exists, r->unseen,
		r->deleted, r->size, r->recent);

	return mix_slice(mix_oid(h, &r->oid), r->name);
}

static void take_mailboxes(
	struct picture *p, struct account *a, struct ids *out)
{
	struct mailbox_row rows[ROWS];
	struct slice after = slice_of("", 0);
	size_t n = ROWS;

	begin(p, "account", account_number(a), "mailboxes", 0);
	while (n == ROWS) {
		if (!took(p, mailbox_list(a, after, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, hash_mailbox(&rows[i]));
			if (rows[i].selectable)
				keep_id(out, rows[i].id);
			after = rows[i].name;
		}
	}
}

static uint64_t hash_message(const struct message_row *m)
{
	uint64_t h = MIX(3, m->uid, m->modseq, m->flags.system,
		m->flags.keyword[0], m->flags.keyword[1],
		(uint64_t)m->internal_date, (uint64_t)m->internal_zone,
		(uint64_t)m->save_date, m->body, m->size, m->meta.size);

	h = mix_oid(h, &m->meta.oid);
	h = mix_slice(h, m->meta.envelope);
	return mix_slice(h, m->meta.structure);
}

static void take_messages(
	struct picture *p, struct account *a, uint64_t box, struct ids *bodies)
{
	struct message_row rows[ROWS];
	uint32_t from = 1;
	size_t n = ROWS;

	begin(p, "account", account_number(a), "messages", box);
	while (n == ROWS) {
		if (!took(p, message_list(a, box, from, UINT32_MAX,
				     MESSAGE_META, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, hash_message(&rows[i]));
			keep_id(bodies, rows[i].body);
			from = rows[i].uid + 1;
		}
	}
}

static void take_uids(struct picture *p, struct account *a, uint64_t box)
{
	uint32_t uids[ROWS], from = 1, unseen, before;
	size_t n = ROWS;

	begin(p, "account", account_number(a), "uids", box);
	if (took(p, message_first_unseen(a, box, &unseen, &before)))
		item(p, MIX(4, unseen, before));
	while (n == ROWS) {
		if (!took(p, message_uids(a, box, from, uids, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++)
			item(p, uids[i]);
		if (n)
			from = uids[n - 1] + 1;
	}
}

static void take_changed(struct picture *p, struct account *a, uint64_t box)
{
	struct message_row rows[ROWS];
	uint64_t after = 0;
	uint32_t uid = 0;
	size_t n = ROWS;

	begin(p, "account", account_number(a), "changed", box);
	while (n == ROWS) {
		if (!took(p, message_changed(
				     a, box, after, uid, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			after = rows[i].modseq;
			uid = rows[i].uid;
			item(p, MIX(5, after, uid, rows[i].flags.system));
		}
	}
}

static void take_vanished(struct picture *p, struct account *a, uint64_t box)
{
	struct vanished_row rows[ROWS];
	uint64_t after = 0;
	uint32_t uid = 0;
	size_t n = ROWS;

	begin(p, "account", account_number(a), "vanished", box);
	while (n == ROWS) {
		enum err e =
			message_vanished(a, box, after, uid, rows, ROWS, &n);
		if (e == ERR_EXPIRED) {
			item(p, 6);
			return;
		}
		if (!took(p, e))
			return;
		for (size_t i = 0; i < n; i++) {
			after = rows[i].modseq;
			uid = rows[i].uid;
			item(p, MIX(6, after, uid));
		}
	}
}

static void take_keywords(struct picture *p, struct account *a, uint64_t box)
{
	struct slice names[LIMIT_KEYWORDS];
	size_t n;

	begin(p, "account", account_number(a), "keywords", box);
	if (took(p, keyword_list(a, box, p->arena, names, &n)))
		for (size_t i = 0; i < n; i++)
			item(p, mix_slice(7, names[i]));
}

static void take_subscriptions(struct picture *p, struct account *a)
{
	struct slice names[ROWS], after = slice_of("", 0);
	size_t n = ROWS;

	begin(p, "account", account_number(a), "subscriptions", 0);
	while (n == ROWS) {
		if (!took(p, subscription_list(
				     a, after, p->arena, names, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, mix_slice(8, names[i]));
			after = names[i];
		}
	}
}

/* --- calendars and contacts -------------------------------------------------------------- */

static uint64_t hash_resource(const struct resource_row *r)
{
	uint64_t h = MIX(9, r->id, r->etag, r->size, (uint64_t)r->created,
		(uint64_t)r->modified, r->deleted);

	h = mix_slice(mix_oid(h, &r->oid), r->name);
	return mix_slice(mix_slice(h, r->uid), r->component);
}

static void take_collections(struct picture *p, struct account *a,
	enum collection_kind kind, struct ids *out)
{
	struct collection_row rows[ROWS];
	size_t n;

	begin(p, "account", account_number(a), "collections", kind);
	if (!took(p, collection_list(a, kind, p->arena, rows, ROWS, &n)))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct collection_row *r = &rows[i];
		uint64_t h = MIX(10, r->id, r->kind, r->sync, r->sync_oldest,
			r->resources);
		item(p, mix_slice(mix_oid(h, &r->oid), r->name));
		keep_id(out, r->id);
	}
}

static void take_properties(
	struct picture *p, struct account *a, uint64_t collection)
{
	struct property rows[ROWS];
	size_t n;

	begin(p, "account", account_number(a), "properties", collection);
	if (took(p, collection_properties(
			    a, collection, p->arena, rows, ROWS, &n)))
		for (size_t i = 0; i < n; i++)
			item(p, mix_slice(mix_slice(11, rows[i].name),
					rows[i].value));
}

static void take_resources(struct picture *p, struct account *a,
	uint64_t collection, struct ids *out)
{
	struct resource_row rows[ROWS];
	struct slice after = slice_of("", 0);
	size_t n = ROWS;

	begin(p, "account", account_number(a), "resources", collection);
	while (n == ROWS) {
		if (!took(p, resource_list(a, collection, after, p->arena, rows,
				     ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, hash_resource(&rows[i]));
			keep_id(out, rows[i].id);
			after = rows[i].name;
		}
	}
}

static void take_ranges(
	struct picture *p, struct account *a, uint64_t collection)
{
	struct resource_row rows[ROWS];
	size_t n = ROWS;

	begin(p, "account", account_number(a), "ranges", collection);
	for (uint64_t after = 0; n == ROWS; after = rows[n - 1].id) {
		if (!took(p, resource_in_range(a, collection, slice_of("", 0),
				     5000, 500000, after, p->arena, rows, ROWS,
				     &n)))
			return;
		for (size_t i = 0; i < n; i++)
			item(p, hash_resource(&rows[i]));
		if (n == 0)
			return;
	}
}

static void take_changes(
	struct picture *p, struct account *a, uint64_t collection)
{
	struct resource_row rows[200];
	size_t n;

	begin(p, "account", account_number(a), "changes", collection);
	enum err e =
		resource_changes(a, collection, 0, p->arena, rows, 200, &n);
	if (e == ERR_EXPIRED)
		item(p, 12);
	else if (took(p, e))
		for (size_t i = 0; i < n; i++)
			item(p, hash_resource(&rows[i]));
}

static void take_data(
	struct picture *p, struct account *a, const struct ids *resources)
{
	struct slice data;

	for (size_t i = 0; i < resources->n; i++) {
		begin(p, "account", account_number(a), "data",
			resources->id[i]);
		if (took(p, resource_data(
				    a, resources->id[i], p->arena, &data)))
			item(p, mix_slice(13, data));
	}
}

static void take_calendars(struct picture *p, struct account *a)
{
	struct ids collections = { 0 }, resources = { 0 };

	take_collections(p, a, COLLECTION_CALENDAR, &collections);
	take_collections(p, a, COLLECTION_CONTACTS, &collections);
	for (size_t i = 0; i < collections.n; i++) {
		take_properties(p, a, collections.id[i]);
		take_resources(p, a, collections.id[i], &resources);
		take_ranges(p, a, collections.id[i]);
		take_changes(p, a, collections.id[i]);
	}
	take_data(p, a, &resources);
	free(collections.id);
	free(resources.id);
}

void picture_account(struct picture *p, struct store *s, uint32_t number)
{
	struct ids boxes = { 0 }, bodies = { 0 };
	struct account *a;
	struct quota q;

	begin(p, "account", number, "itself", 0);
	if (!took(p, account_open(s, number, &a)))
		return;
	if (took(p, account_quota(a, &q)))
		item(p, mix_oid(MIX(14, q.bytes, q.bytes_max, q.messages,
					q.messages_max),
				account_oid(a)));
	take_mailboxes(p, a, &boxes);
	for (size_t i = 0; i < boxes.n; i++) {
		take_messages(p, a, boxes.id[i], &bodies);
		take_uids(p, a, boxes.id[i]);
		take_changed(p, a, boxes.id[i]);
		take_vanished(p, a, boxes.id[i]);
		take_keywords(p, a, boxes.id[i]);
	}
	take_bodies(p, a, &bodies);
	take_subscriptions(p, a);
	take_calendars(p, a);
	account_close(a);
	free(boxes.id);
	free(bodies.id);
}

/* --- the tenant -------------------------------------------------------------------------- */

static void take_users(struct picture *p, struct store *s, struct ids *out)
{
	struct user_row rows[ROWS];
	uint32_t after = 0;
	size_t n = ROWS;

	begin(p, "tenant", 0, "users", 0);
	while (n == ROWS) {
		if (!took(p, user_list(s, after, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			const struct user_row *r = &rows[i];
			uint64_t h = MIX(15, r->account, r->disabled,
				(uint64_t)r->created, r->quota.bytes_max,
				r->quota.messages_max);
			h = mix_slice(mix_oid(h, &r->oid), r->address);
			h = mix_slice(h, r->imap_without);
			item(p, mix_slice(h, r->name));
			keep_id(out, r->account);
			after = r->account;
		}
	}
}

static void take_credentials(
	struct picture *p, struct store *s, uint32_t account)
{
	struct credential rows[ROWS];
	size_t n;

	begin(p, "tenant", 0, "credentials", account);
	if (!took(p, credential_list(s, account, p->arena, rows, ROWS, &n)))
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = MIX(16, rows[i].id, rows[i].iterations);
		h = mix_slice(h, rows[i].label);
		h = mix_slice(h, slice_of(rows[i].salt, 16));
		h = mix_slice(h, slice_of(rows[i].stored_key, 32));
		item(p, mix_slice(h, slice_of(rows[i].server_key, 32)));
	}
}

static void take_addresses(struct picture *p, struct store *s)
{
	struct slice domains[ROWS], after = slice_of("", 0);
	struct alias_row rows[ROWS];
	size_t n = ROWS;

	begin(p, "tenant", 0, "addresses", 0);
	if (!took(p, domain_list(s, after, p->arena, domains, ROWS, &n)))
		return;
	for (size_t i = 0; i < n; i++)
		item(p, mix_slice(17, domains[i]));
	for (n = ROWS; n == ROWS;) {
		if (!took(p, address_list(s, after, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, mix_slice(MIX(18, rows[i].account),
					rows[i].address));
			after = rows[i].address;
		}
	}
}

/* What was being sent waits again after an open: the same for us. */
static uint64_t hash_queue(const struct queue_row *q)
{
	bool held = q->state == QUEUE_HELD;
	uint64_t h = MIX(19, q->id, q->message, q->body, q->size, q->account,
		q->utf8, q->eightbit, held, q->tries, (uint64_t)q->created,
		(uint64_t)q->next_try, (uint64_t)q->expires);

	h = mix_slice(h, q->mail_from);
	return mix_slice(mix_slice(h, q->recipient), q->last_status);
}

static void take_queue(struct picture *p, struct store *s, struct ids *bodies)
{
	struct queue_row rows[ROWS];
	uint64_t after = 0;
	size_t n = ROWS;

	begin(p, "tenant", 0, "queue", 0);
	while (n == ROWS) {
		if (!took(p, queue_list(s, after, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, hash_queue(&rows[i]));
			keep_id(bodies, rows[i].body);
			after = rows[i].id;
		}
	}
}

static void take_audit(struct picture *p, struct store *s)
{
	struct audit_row rows[ROWS];
	uint64_t after = 0;
	size_t n = ROWS;

	begin(p, "tenant", 0, "audit", 0);
	while (n == ROWS) {
		if (!took(p, audit_list(s, after, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			item(p, mix_slice(20, slice_of(rows[i].hash, 32)));
			after = rows[i].id;
		}
	}
}

static void take_trace(struct picture *p, struct store *s)
{
	struct trace_row rows[ROWS];
	uint64_t before = 0;
	size_t n = ROWS;

	begin(p, "tenant", 0, "trace", 0);
	while (n == ROWS) {
		if (!took(p, trace_list(s, before, p->arena, rows, ROWS, &n)))
			return;
		for (size_t i = 0; i < n; i++) {
			const struct trace_row *r = &rows[i];
			uint64_t h = MIX(21, r->id, (uint64_t)r->time, r->event,
				r->message, r->account);
			h = mix_slice(mix_slice(h, r->from), r->to);
			item(p, mix_slice(h, r->detail));
			before = r->id;
		}
	}
}

static void take_tenant(struct picture *p, struct store *s, struct ids *users)
{
	struct ids bodies = { 0 };
	struct account *a;

	take_users(p, s, users);
	for (size_t i = 0; i < users->n; i++)
		take_credentials(p, s, (uint32_t)users->id[i]);
	take_addresses(p, s);
	take_queue(p, s, &bodies);
	take_audit(p, s);
	take_trace(p, s);
	begin(p, "tenant", 0, "itself", 0);
	if (took(p, account_open(s, TENANT_ACCOUNT, &a))) {
		take_bodies(p, a, &bodies);
		account_close(a);
	}
	free(bodies.id);
}

void picture_tenant(struct picture *p, struct store *s)
{
	struct ids users = { 0 };

	take_tenant(p, s, &users);
	free(users.id);
}

/* --- the whole ------------------------------------------------------------------------------ */

void picture_init(struct picture *p)
{
	*p = (struct picture){ .arena = arena_new(MIB(64)) };
}

void picture_free(struct picture *p)
{
	for (size_t i = 0; i < p->cap; i++)
		free(p->area[i].item);
	free(p->area);
	arena_free(p->arena);
}

void picture_reset(struct picture *p)
{
	p->n = 0;
	p->err = ERR_OK;
}

void picture_store(struct picture *p, struct store *s)
{
	struct ids users = { 0 };

	picture_reset(p);
	take_tenant(p, s, &users);
	for (size_t i = 0; i < users.n; i++)
		picture_account(p, s, (uint32_t)users.id[i]);
	free(users.id);
}

uint64_t picture_digest(const struct picture *p)
{
	uint64_t h = 22;

	for (size_t i = 0; i < p->n; i++) {
		h = mix_slice(h, slice_str(p->area[i].name));
		for (size_t k = 0; k < p->area[i].n; k++)
			h = mix(h, p->area[i].item[k]);
		h = mix(h, p->area[i].end);
	}
	return h;
}

/* Pictures of one store have their areas in the same order. */
static const struct area *find(
	const struct picture *p, const char *name, size_t *at)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t k = (*at + i) % p->n;
		if (strcmp(p->area[k].name, name) == 0) {
			*at = k + 1;
			return &p->area[k];
		}
	}
	return NULL;
}

static bool refusal(enum err e)
{
	return e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_NOKEY;
}

static bool area_true(const struct area *want, const struct area *have)
{
	if (!want || (have->end == ERR_OK && have->n != want->n) ||
		have->n > want->n)
		return false;
	if (have->end != ERR_OK && !refusal(have->end))
		return false;
	return have->n == 0 || memcmp(have->item, want->item,
				       have->n * sizeof(*have->item)) == 0;
}

enum verdict picture_compare(
	const struct picture *truth, const struct picture *p, char *why)
{
	size_t at = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct area *have = &p->area[i];
		const struct area *want = find(truth, have->name, &at);
		if (have->end != ERR_OK)
			snprintf(why, 256, "%s: %s", have->name,
				err_info(have->end)->name);
		if (!area_true(want, have)) {
			snprintf(why, 256, "%s: %zu of %zu items, %s",
				have->name, have->n, want ? want->n : 0,
				err_info(have->end)->name);
			return PICTURE_WRONG;
		}
	}
	if (p->err != ERR_OK)
		return PICTURE_REFUSED;
	if (p->n == truth->n)
		return PICTURE_SAME;
	snprintf(why, 256, "%zu of %zu areas", p->n, truth->n);
	return PICTURE_WRONG;
}
