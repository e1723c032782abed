/* SPDX-License-Identifier: EUPL-1.2 */
/* Names, sets, dates and flags of commands (RFC 9051 9). */
#include "imap.h"

static bool is_pattern_char(unsigned char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

/* RFC 9755 3, RFC 9051 5.1: "&" means nothing there. */
static bool raw_name(struct slice raw, struct slice *out)
{
	*out = raw;
	return utf8_valid(raw) && raw.n <= LIMIT_MAILBOX_NAME;
}

static bool has_8bit(struct slice s)
{
	for (size_t k = 0; k < s.n; k++)
		if ((unsigned char)s.p[k] >= 128)
			return true;
	return false;
}

/* RFC 6855 3: raw UTF-8 is taken at any time. Thunderbird sends it on each
 * connection once it has enabled it on one. */
static bool to_utf8(struct imap *i, struct slice raw, struct slice *out)
{
	struct buf name;
	bool good;

	if (imap_enabled(i, ENABLED_REV2 | ENABLED_UTF8) || has_8bit(raw))
		return raw_name(raw, out);
	buf_init(&name, LIMIT_MAILBOX_NAME);
	good = utf7_decode(raw, &name) == ERR_OK;
	if (good) {
		*out = arena_copy(i->arena, buf_slice(&name));
		good = out->p != NULL;
	}
	buf_free(&name);
	return good;
}

bool imap_mailbox(struct imap *i, struct cursor *c, struct slice *out)
{
	struct cursor look = *c;
	struct slice raw;

	if (!imap_astring(&look, i->arena, &raw) || !to_utf8(i, raw, out))
		return false;
	if (slice_ieqs(*out, "INBOX"))
		*out = slice_str("INBOX");
	*c = look;
	return true;
}

bool imap_pattern(struct imap *i, struct cursor *c, struct slice *out)
{
	struct cursor look = *c;
	struct slice raw;

	if (!p_run(&look, is_pattern_char, &raw) &&
		!imap_string(&look, i->arena, &raw))
		return false;
	if (!to_utf8(i, raw, out))
		return false;
	*c = look;
	return true;
}

/* --- sets ------------------------------------------------------------------ */

static bool set_number(struct cursor *c, uint32_t *out)
{
	if (p_char(c, '*')) {
		*out = 0;
		return true;
	}
	return p_u32(c, out) && *out > 0;
}

bool imap_set(struct cursor *c, struct arena *a, struct set *out)
{
	struct cursor look = *c;
	size_t max = 1;

	*out = (struct set){ .saved = p_char(c, '$') }; /* RFC 5182 3 */
	if (out->saved)
		return true;
	for (const char *p = look.p; p < look.end && *p != ' '; p++)
		max += *p == ',';
	if (max > LIMIT_SET_RANGES)
		return false;
	out->list = arena_array(a, struct range, max);
	if (!out->list)
		return false;
	do {
		struct range *r = &out->list[out->n];
		if (out->n == max || !set_number(&look, &r->from))
			return false;
		r->to = r->from;
		if (p_char(&look, ':') && !set_number(&look, &r->to))
			return false;
		out->n++;
	} while (p_char(&look, ','));
	*c = look;
	return true;
}

/* --- parts of results ------------------------------------------------------- */

static bool partial_number(struct cursor *c, bool from_end, uint32_t *out)
{
	return (!from_end || p_char(c, '-')) && p_u32(c, out) && *out > 0;
}

bool imap_partial(struct cursor *c, struct partial *out)
{
	struct cursor look = *c;
	struct partial p = { .asked = true, .from_end = p_peek(c) == '-' };

	if (!partial_number(&look, p.from_end, &p.from) ||
		!p_char(&look, ':') ||
		!partial_number(&look, p.from_end, &p.to))
		return false;
	p.text = slice_of(c->p, (size_t)(look.p - c->p));
	if (p.from > p.to) { /* 500:400 is 400:500 */
		uint32_t from = p.to;
		p.to = p.from;
		p.from = from;
	}
	*out = p;
	*c = look;
	return true;
}

void partial_bounds(
	const struct partial *p, size_t n, size_t *first, size_t *end)
{
	size_t before = p->from - 1 < n ? p->from - 1 : n;
	size_t upto = p->to < n ? p->to : n;

	*first = p->from_end ? n - upto : before;
	*end = p->from_end ? n - before : upto;
}

/* --- dates ----------------------------------------------------------------- */

static bool digits_of(struct cursor *c, size_t n, unsigned *out)
{
	struct cursor look = *c;
	struct slice s;
	uint32_t v;

	if (!p_take(&look, n, &s) || num_u32(s, &v) != ERR_OK)
		return false;
	*out = v;
	*c = look;
	return true;
}

static bool month_name(struct cursor *c, unsigned *out)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

	for (unsigned m = 0; m < 12; m++)
		if (p_word(c, months[m])) {
			*out = m + 1;
			return true;
		}
	return false;
}

static bool valid_day(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };

	return year > 0 && day >= 1 && day <= days[month - 1];
}

/* date-day "-" date-month "-" date-year; date-day-fixed is " 1" */
static bool bare_date(struct cursor *c, int64_t *day)
{
	unsigned d, m, y;

	(void)p_char(c, ' ');
	if (!digits_of(c, 2, &d) && !digits_of(c, 1, &d))
		return false;
	if (!p_char(c, '-') || !month_name(c, &m) || !p_char(c, '-') ||
		!digits_of(c, 4, &y) || !valid_day(y, m, d))
		return false;
	*day = days_from_civil(y, m, d);
	return true;
}

bool imap_date(struct cursor *c, int64_t *day)
{
	struct cursor look = *c;
	bool q = p_char(&look, '"');

	if (!bare_date(&look, day) || (q && !p_char(&look, '"')))
		return false;
	*c = look;
	return true;
}

static bool zone(struct cursor *c, int16_t *out)
{
	unsigned h, m;
	bool west = p_char(c, '-');

	if (!west && !p_char(c, '+'))
		return false;
	if (!digits_of(c, 2, &h) || !digits_of(c, 2, &m) || h > 23 || m > 59)
		return false;
	*out = (int16_t)(h * 60 + m);
	if (west)
		*out = (int16_t)(0 - *out);
	return true;
}

bool imap_date_time(struct cursor *c, struct mail_date *out)
{
	struct cursor look = *c;
	int64_t day;
	unsigned h, m, s;

	if (!p_char(&look, '"') || !bare_date(&look, &day) || !p_sp(&look) ||
		!digits_of(&look, 2, &h) || !p_char(&look, ':') ||
		!digits_of(&look, 2, &m) || !p_char(&look, ':') ||
		!digits_of(&look, 2, &s) || !p_sp(&look) ||
		!zone(&look, &out->zone) || !p_char(&look, '"') || h > 23 ||
		m > 59 || s > 60)
		return false;
	out->time = day * 86400 + h * 3600 + m * 60 + s - out->zone * 60;
	*c = look;
	return true;
}

/* --- flags ----------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t bit;
} system_names[] = {
	{ "Answered", FLAG_ANSWERED }, { "Flagged", FLAG_FLAGGED },
	{ "Deleted", FLAG_DELETED }, { "Seen", FLAG_SEEN },
	{ "Draft", FLAG_DRAFT }, { "Recent", 0 }, /* clients cannot change it */
};

static bool system_flag(struct cursor *c, struct flag_list *out)
{
	struct slice name;

	if (!imap_atom(c, &name))
		return false;
	for (size_t i = 0; i < sizeof(system_names) / sizeof(system_names[0]);
		i++)
		if (slice_ieqs(name, system_names[i].name)) {
			out->system |= system_names[i].bit;
			return true;
		}
	return false; /* an extension that is not known */
}

static bool one_flag(struct cursor *c, struct flag_list *out)
{
	struct slice name;

	if (p_char(c, '\\'))
		return system_flag(c, out);
	if (!imap_atom(c, &name) || name.n > LIMIT_KEYWORD_NAME ||
		out->n_keywords == LIMIT_KEYWORDS)
		return false;
	out->keywords[out->n_keywords++] = name;
	return true;
}

bool imap_flag_list(struct cursor *c, bool bare, struct flag_list *out)
{
	struct cursor look = *c;
	bool open = p_char(&look, '(');

	out->system = 0;
	out->n_keywords = 0;
	if (!open && !bare)
		return false;
	if (!(open && p_peek(&look) == ')'))
		do {
			if (!one_flag(&look, out))
				return false;
		} while (p_sp(&look));
	if (open && !p_char(&look, ')'))
		return false;
	*c = look;
	return true;
}
