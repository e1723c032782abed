/* SPDX-License-Identifier: EUPL-1.2 */
/* The envelope: made from a header block, packed, unpacked (RFC 9051 7.5.2). */
#include "pack.h"

struct target {
	const char *name;
	size_t offset;
};

/* Single-valued texts; the first field of a name counts. */
static const struct target texts[] = {
	{ "Date", offsetof(struct mail_envelope, date) },
	{ "Subject", offsetof(struct mail_envelope, subject) },
	{ "In-Reply-To", offsetof(struct mail_envelope, in_reply_to) },
	{ "Message-ID", offsetof(struct mail_envelope, message_id) },
	{ "References", offsetof(struct mail_envelope, references) },
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static const char *const roles[MAIL_ROLES] = {
	[MAIL_FROM] = "From",
	[MAIL_SENDER] = "Sender",
	[MAIL_REPLY_TO] = "Reply-To",
	[MAIL_TO] = "To",
	[MAIL_CC] = "Cc",
	[MAIL_BCC] = "Bcc",
};

static struct slice *text_of(struct mail_envelope *e, size_t i)
{
	return (struct slice *)(void *)((char *)e + texts[i].offset);
}

static enum err take_text(
	struct arena *a, const struct mail_field *f, struct mail_envelope *out)
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		if (!slice_ieqs(f->name, texts[i].name) || text_of(out, i)->p)
			continue;
		*text_of(out, i) = mail_unfold(a, f->value);
		if (!text_of(out, i)->p)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

/* Repeated address fields are one list (RFC 5322 forbids, mail has them); so
 * many of one name, then no more: each costs memory. */
#define REPEATS_MAX 16

static enum err take_role(struct arena *a, const struct mail_field *f,
	unsigned seen[MAIL_ROLES], struct mail_envelope *out)
{
	for (size_t i = 0; i < MAIL_ROLES; i++) {
		struct mail_addresses *have = &out->who[i], more;
		if (!slice_ieqs(f->name, roles[i]) || seen[i] == REPEATS_MAX)
			continue;
		seen[i]++;
		TRY(mail_addresses_parse(a, f->value, &more));
		if (have->n + more.n > LIMIT_ADDRESSES || more.n == 0)
			continue;
		struct mail_address *list =
			arena_array(a, struct mail_address, have->n + more.n);
		if (!list)
			return ERR_NOMEM;
		if (have->n)
			memcpy(list, have->list, have->n * sizeof(*list));
		memcpy(list + have->n, more.list, more.n * sizeof(*list));
		have->list = list;
		have->n += more.n;
	}
	return ERR_OK;
}

enum err mail_envelope_parse(
	struct arena *a, struct slice header, struct mail_envelope *out)
{
	struct mail_envelope e = { 0 };
	unsigned seen[MAIL_ROLES] = { 0 };
	struct mail_field f;

	while (mail_next_field(&header, &f)) {
		TRY(take_text(a, &f, &e));
		TRY(take_role(a, &f, seen, &e));
	}
	if (e.who[MAIL_SENDER].n == 0)
		e.who[MAIL_SENDER] = e.who[MAIL_FROM];
	if (e.who[MAIL_REPLY_TO].n == 0)
		e.who[MAIL_REPLY_TO] = e.who[MAIL_FROM];
	e.has_sent = e.date.p && mail_date_parse(e.date, &e.sent) == ERR_OK;
	*out = e;
	return ERR_OK;
}

/* Equal to From (the usual case): packed as one number. */
#define SAME_AS_FROM (LIMIT_ADDRESSES * 2 + 1)

static bool same_list(
	const struct mail_addresses *a, const struct mail_addresses *b)
{
	return a->list == b->list && a->n == b->n && a->n;
}

static void pack_addresses(struct buf *b, const struct mail_addresses *l)
{
	pack_number(b, l->n);
	for (size_t i = 0; i < l->n; i++) {
		pack_string(b, l->list[i].name);
		pack_string(b, l->list[i].route);
		pack_string(b, l->list[i].mailbox);
		pack_string(b, l->list[i].host);
	}
}

enum err mail_envelope_pack(struct buf *b, const struct mail_envelope *e)
{
	struct mail_envelope copy = *e;

	buf_addc(b, PACK_VERSION);
	for (size_t i = 0; i < N_TEXTS; i++)
		pack_string(b, *text_of(&copy, i));
	for (size_t i = 0; i < MAIL_ROLES; i++) {
		if (i != MAIL_FROM && same_list(&e->who[i], &e->who[MAIL_FROM]))
			pack_number(b, SAME_AS_FROM);
		else
			pack_addresses(b, &e->who[i]);
	}
	buf_addc(b, e->has_sent);
	if (e->has_sent) {
		buf_add_be64(b, (uint64_t)e->sent.time);
		buf_add_be16(b, (uint16_t)e->sent.zone);
	}
	return buf_err(b);
}

static enum err unpack_addresses(struct cursor *c, struct arena *a,
	const struct mail_addresses *from, struct mail_addresses *out)
{
	uint64_t n;

	if (!unpack_number(c, SAME_AS_FROM, &n))
		return ERR_CORRUPT;
	if (n == SAME_AS_FROM) {
		*out = *from;
		return ERR_OK;
	}
	/* Each takes four bytes at least: the pack bounds the memory. */
	if (n > (uint64_t)(c->end - c->p) / 4)
		return ERR_CORRUPT;
	out->n = n;
	out->list = n ? arena_array(a, struct mail_address, n) : NULL;
	if (n && !out->list)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		struct mail_address *one = &out->list[i];
		if (!unpack_string(c, &one->name) ||
			!unpack_string(c, &one->route) ||
			!unpack_string(c, &one->mailbox) ||
			!unpack_string(c, &one->host))
			return ERR_CORRUPT;
	}
	return ERR_OK;
}

static enum err unpack_sent(struct cursor *c, struct mail_envelope *e)
{
	struct slice raw;

	if (!p_take(c, 1, &raw))
		return ERR_CORRUPT;
	e->has_sent = raw.p[0] != 0;
	if (!e->has_sent)
		return p_end(c) ? ERR_OK : ERR_CORRUPT;
	if (!p_take(c, 10, &raw) || !p_end(c))
		return ERR_CORRUPT;
	e->sent.time = (int64_t)get_be64(raw.p);
	e->sent.zone = (int16_t)get_be16(raw.p + 8);
	return ERR_OK;
}

enum err mail_envelope_unpack(
	struct arena *a, struct slice pack, struct mail_envelope *out)
{
	struct cursor c = cursor_of(pack);
	struct mail_envelope e = { 0 };

	TRY(unpack_version(&c));
	for (size_t i = 0; i < N_TEXTS; i++)
		if (!unpack_string(&c, text_of(&e, i)))
			return ERR_CORRUPT;
	for (size_t i = 0; i < MAIL_ROLES; i++)
		TRY(unpack_addresses(&c, a, &e.who[MAIL_FROM], &e.who[i]));
	TRY(unpack_sent(&c, &e));
	*out = e;
	return ERR_OK;
}
