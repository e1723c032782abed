/* SPDX-License-Identifier: EUPL-1.2 */
/* What goes out: strings, flags, dates, envelopes (RFC 9051 4.3, 7.5.2). */
#include "imap.h"

/* Longer strings go as literals: some clients bound quoted ones. */
#define QUOTED_MAX 1000

static bool can_quote(struct slice s)
{
	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == 0 || c == '\r' || c == '\n' || c >= 128)
			return false;
	}
	return true;
}

static void put_quoted(struct buf *b, struct slice s)
{
	buf_addc(b, '"');
	while (s.n) {
		size_t n = 0;
		while (n < s.n && s.p[n] != '"' && s.p[n] != '\\')
			n++;
		buf_add(b, s.p, n);
		if (n < s.n) {
			buf_addc(b, '\\');
			buf_addc(b, s.p[n++]);
		}
		s = slice_from(s, n);
	}
	buf_addc(b, '"');
}

void put_string(struct buf *b, struct slice s)
{
	if (can_quote(s)) {
		put_quoted(b, s);
		return;
	}
	buf_addf(b, "{%zu}\r\n", s.n);
	buf_add_slice(b, s);
}

void put_nstring(struct buf *b, struct slice s)
{
	if (s.p)
		put_string(b, s);
	else
		buf_adds(b, "NIL");
}

static bool can_be_atom(struct slice s)
{
	bool atom = s.n > 0 && !slice_ieqs(s, "NIL");

	for (size_t i = 0; i < s.n && atom; i++)
		atom = is_astring_char((unsigned char)s.p[i]);
	return atom;
}

void put_astring(struct buf *b, struct slice s)
{
	if (can_be_atom(s))
		buf_add_slice(b, s);
	else
		put_string(b, s);
}

void put_mailbox(struct imap *i, struct slice utf8)
{
	struct buf coded;

	if (imap_enabled(i, ENABLED_REV2 | ENABLED_UTF8)) {
		/* Names have no control characters: they can be quoted. */
		if (can_be_atom(utf8))
			buf_add_slice(&i->out, utf8);
		else
			put_quoted(&i->out, utf8);
		return;
	}
	buf_init(&coded, LIMIT_MAILBOX_NAME * 4);
	utf7_encode(utf8, &coded);
	put_astring(&i->out, buf_slice(&coded));
	buf_free(&coded);
}

static const struct {
	uint32_t bit;
	const char *name;
} system_flags[] = {
	{ FLAG_ANSWERED, "\\Answered" },
	{ FLAG_FLAGGED, "\\Flagged" },
	{ FLAG_DELETED, "\\Deleted" },
	{ FLAG_SEEN, "\\Seen" },
	{ FLAG_DRAFT, "\\Draft" },
};

static void put_one(struct buf *b, const char **gap, struct slice name)
{
	buf_adds(b, *gap);
	buf_add_slice(b, name);
	*gap = " ";
}

void put_flags(struct buf *b, const struct flags *f, bool recent,
	const struct slice keywords[LIMIT_KEYWORDS])
{
	const char *gap = "";

	buf_addc(b, '(');
	for (size_t i = 0; i < sizeof(system_flags) / sizeof(system_flags[0]);
		i++)
		if (f->system & system_flags[i].bit)
			put_one(b, &gap, slice_str(system_flags[i].name));
	if (recent)
		put_one(b, &gap, slice_str("\\Recent"));
	for (size_t w = 0; w < LIMIT_KEYWORDS / 64; w++)
		for (uint64_t bits = f->keyword[w]; bits; bits &= bits - 1) {
			size_t k = w * 64 + (size_t)__builtin_ctzll(bits);
			if (keywords[k].n)
				put_one(b, &gap, keywords[k]);
		}
	buf_addc(b, ')');
}

void put_internal_date(struct buf *b, int64_t time, int16_t zone)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct mail_date d = { time, zone };
	int64_t days = mail_date_day(d), year;
	int64_t second = time + zone * 60 - days * 86400;
	unsigned month, day, z = (unsigned)(zone < 0 ? -zone : zone);

	civil_from_days(days, &year, &month, &day);
	buf_addf(b, "\"%2u-%s-%04d %02d:%02d:%02d %c%02u%02u\"", day,
		months[month - 1], (int)year, (int)(second / 3600),
		(int)(second / 60 % 60), (int)(second % 60),
		zone < 0 ? '-' : '+', z / 60, z % 60);
}

static void put_addresses(struct buf *b, const struct mail_addresses *l)
{
	if (l->n == 0) {
		buf_adds(b, "NIL");
		return;
	}
	buf_addc(b, '(');
	for (size_t i = 0; i < l->n; i++) {
		const struct mail_address *one = &l->list[i];
		buf_addc(b, '(');
		put_nstring(b, one->name);
		buf_addc(b, ' ');
		put_nstring(b, one->route);
		buf_addc(b, ' ');
		put_nstring(b, one->mailbox);
		buf_addc(b, ' ');
		put_nstring(b, one->host);
		buf_addc(b, ')');
	}
	buf_addc(b, ')');
}

void put_envelope(struct buf *b, const struct mail_envelope *e)
{
	buf_addc(b, '(');
	put_nstring(b, e->date);
	buf_addc(b, ' ');
	put_nstring(b, e->subject);
	for (size_t i = 0; i < MAIL_ROLES; i++) {
		buf_addc(b, ' ');
		put_addresses(b, &e->who[i]);
	}
	buf_addc(b, ' ');
	put_nstring(b, e->in_reply_to);
	buf_addc(b, ' ');
	put_nstring(b, e->message_id);
	buf_addc(b, ')');
}

void put_uid_set(struct buf *b, const uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = i;
		while (k + 1 < n && uids[k + 1] == uids[k] + 1)
			k++;
		if (i)
			buf_addc(b, ',');
		buf_add_u64(b, uids[i]);
		if (k > i) {
			buf_addc(b, ':');
			buf_add_u64(b, uids[k]);
		}
		i = k + 1;
	}
}
