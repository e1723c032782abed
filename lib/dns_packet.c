/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The records of a DNS answer packet (RFC 1035 4). libunbound has checked it,
 * but hands it over as it came: read it as if nobody had. Compressed names may
 * only point backwards, so they end.
 */
#include <bastide/buf.h>
#include <bastide/dns.h>
#include <bastide/limits.h>

#define HEADER 12
#define POINTER 0xc0

struct reader {
	struct slice packet;
	size_t at;
	bool bad;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	static const uint8_t zeros[HEADER];

	if (r->bad || r->packet.n - r->at < n) {
		r->bad = true;
		return zeros;
	}
	const char *p = r->packet.p + r->at;
	r->at += n;
	return (const uint8_t *)p;
}

static uint16_t take_u16(struct reader *r)
{
	return get_be16(take(r, 2));
}

static void skip_name(struct reader *r)
{
	for (;;) {
		uint8_t n = *take(r, 1);
		if (r->bad || n == 0)
			return;
		if ((n & POINTER) == POINTER) {
			take(r, 1);
			return;
		}
		take(r, n);
	}
}

/* A label may hold any byte; what no host name has makes the name bad. */
static bool is_host_label(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			c != '-' && c != '_')
			return false;
	}
	return true;
}

static void read_name(struct reader *r, struct buf *out)
{
	struct reader at = *r;
	size_t before = r->at;

	skip_name(r);
	while (!at.bad) {
		uint8_t n = *take(&at, 1);
		if (at.bad || n == 0)
			break;
		if ((n & POINTER) == POINTER) {
			size_t to = (size_t)(n & ~POINTER) << 8 | *take(&at, 1);
			at.bad |= to >= before;
			at.at = before = to;
			continue;
		}
		struct slice label = slice_of(take(&at, n), n);
		at.bad |= n & POINTER || !is_host_label(label);
		if (out->n)
			buf_addc(out, '.');
		if (!at.bad)
			buf_add_slice(out, label);
		at.bad |= buf_err(out) != ERR_OK;
	}
	r->bad |= at.bad;
}

static enum err read_mx(
	struct reader *r, struct arena *arena, struct dns_record *out)
{
	struct buf name;

	buf_init(&name, LIMIT_DOMAIN + 1);
	out->preference = take_u16(r);
	read_name(r, &name);
	out->data =
		name.n ? arena_copy(arena, buf_slice(&name)) : slice_str("");
	buf_free(&name);
	return out->data.p ? ERR_OK : ERR_NOMEM;
}

static enum err read_record(struct reader *r, enum dns_type type,
	struct arena *arena, struct dns_answer *out)
{
	skip_name(r);
	uint16_t said = take_u16(r), class = take_u16(r);
	take(r, 4);
	size_t n = take_u16(r), end = r->at + n;
	if (r->bad || r->packet.n - r->at < n)
		return ERR_SYNTAX;
	if (said == type && class == 1) {
		struct dns_record *row = &out->list[out->n];
		if (type == DNS_MX) {
			TRY(read_mx(r, arena, row));
		} else {
			if (n != (type == DNS_A ? 4 : 16))
				return ERR_SYNTAX;
			row->data = arena_copy(arena, slice_of(take(r, n), n));
			if (!row->data.p)
				return ERR_NOMEM;
		}
		if (r->bad || r->at != end)
			return ERR_SYNTAX;
		out->n++;
	}
	r->at = end;
	return ERR_OK;
}

enum err dns_packet_parse(struct slice packet, enum dns_type type,
	struct arena *arena, struct dns_answer *out)
{
	struct reader r = { .packet = packet };
	struct dns_answer a = { 0 };
	const uint8_t *head = take(&r, HEADER);
	uint16_t questions = get_be16(head + 4), answers = get_be16(head + 6);

	/* A record has 11 bytes at least. */
	if (r.bad || answers > packet.n / 11)
		return ERR_SYNTAX;
	a.list = arena_array(arena, struct dns_record, answers + 1u);
	if (!a.list)
		return ERR_NOMEM;
	while (questions-- && !r.bad) {
		skip_name(&r);
		take(&r, 4);
	}
	while (answers-- && !r.bad)
		TRY(read_record(&r, type, arena, &a));
	if (r.bad)
		return ERR_SYNTAX;
	*out = a;
	return ERR_OK;
}
