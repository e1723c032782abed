/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an iCalendar object must be to lie in a calendar (RFC 4791 4.1), and
 * the reduced copy of it that the worker expands.
 */
#include <bastide/content.h>
#include <bastide/limits.h>

/* --- the check ----------------------------------------------------------------- */

static const char *const kinds[] = { "VEVENT", "VTODO", "VJOURNAL" };

static const char *kind_of(struct slice name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (slice_ieqs(name, kinds[i]))
			return kinds[i];
	return NULL;
}

const struct content_comp *ical_object(const struct content_comp *c)
{
	while (c && !kind_of(c->name))
		c = c->next;
	return c;
}

static bool uid_of(const struct content_comp *c, struct slice *out)
{
	const struct content_prop *p = content_prop(c, "UID");

	if (!p)
		return false;
	*out = slice_trim(p->value);
	return out->n && out->n <= LIMIT_UID;
}

static enum err check_component(const struct content_comp *c, const char *kind,
	struct content_info *info)
{
	struct slice uid;

	if (info->component.n && !slice_eqs(info->component, kind))
		return ERR_TYPE; /* two kinds in one resource */
	if (!uid_of(c, &uid) || (info->uid.n && !slice_eq(uid, info->uid)))
		return ERR_TYPE;
	info->component = slice_str(kind);
	info->uid = uid;
	/* RFC 5545 3.6.1: without METHOD an event has a start. */
	if (slice_ieqs(c->name, "VEVENT") && !content_prop(c, "DTSTART"))
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err ical_check(const struct content_comp *root, struct content_info *out)
{
	struct content_info info = { 0 };
	const struct content_prop *version = content_prop(root, "VERSION");

	if (!slice_ieqs(root->name, "VCALENDAR") || !version ||
		!slice_eqs(slice_trim(version->value), "2.0"))
		return ERR_SYNTAX;
	if (content_prop(root, "METHOD"))
		return ERR_TYPE;
	for (const struct content_comp *c = root->children; c; c = c->next) {
		const char *kind = kind_of(c->name);
		if (slice_ieqs(c->name, "VTIMEZONE"))
			continue;
		if (!kind)
			return ERR_UNSUPPORTED;
		TRY(check_component(c, kind, &info));
	}
	if (!info.component.n)
		return ERR_TYPE;
	*out = info;
	return ERR_OK;
}

/* --- the reduced copy ------------------------------------------------------------ */

/* Nothing but times. What is not here never leaves the tenantd. */
static const char *const timely[] = { "DTSTART", "DTEND", "DUE", "DURATION",
	"COMPLETED", "CREATED", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID",
	"STATUS", "TZID", "TZOFFSETFROM", "TZOFFSETTO" };

static bool is_timely(struct slice name)
{
	for (size_t i = 0; i < sizeof(timely) / sizeof(timely[0]); i++)
		if (slice_ieqs(name, timely[i]))
			return true;
	return false;
}

static bool is_sub_zone(struct slice name)
{
	return slice_ieqs(name, "STANDARD") || slice_ieqs(name, "DAYLIGHT");
}

/* A zone that the object does not define: its times are taken as floating, so
 * that libical looks for no file. */
static bool zone_known(const struct content_comp *root, struct slice tzid)
{
	for (const struct content_comp *c = root->children; c; c = c->next) {
		const struct content_prop *p = content_prop(c, "TZID");
		if (slice_ieqs(c->name, "VTIMEZONE") && p &&
			slice_eq(slice_trim(p->value), slice_trim(tzid)))
			return true;
	}
	return false;
}

static bool plain_value(struct slice s)
{
	return slice_find(s, ':') == s.n && slice_find(s, ';') == s.n &&
	       slice_find(s, ',') == s.n;
}

static void put_param(struct buf *out, const struct content_comp *root,
	const struct content_param *q)
{
	if (slice_ieqs(q->name, "TZID") && !zone_known(root, q->value))
		return;
	if (!slice_ieqs(q->name, "TZID") && !slice_ieqs(q->name, "VALUE") &&
		!slice_ieqs(q->name, "RANGE"))
		return;
	const char *quote = plain_value(q->value) ? "" : "\"";
	buf_addf(out, ";%.*s=%s%.*s%s", SLICE_ARG(q->name), quote,
		SLICE_ARG(q->value), quote);
}

static void put_props(struct buf *out, const struct content_comp *root,
	const struct content_comp *c)
{
	for (const struct content_prop *p = c->props; p; p = p->next) {
		if (!is_timely(p->name))
			continue;
		buf_add_slice(out, p->name);
		for (const struct content_param *q = p->params; q; q = q->next)
			put_param(out, root, q);
		buf_addc(out, ':');
		buf_add_slice(out, p->value);
		buf_adds(out, "\r\n");
	}
}

static void put_component(struct buf *out, const struct content_comp *root,
	const struct content_comp *c)
{
	buf_addf(out, "BEGIN:%.*s\r\n", SLICE_ARG(c->name));
	put_props(out, root, c);
	for (const struct content_comp *d = c->children; d; d = d->next) {
		if (!is_sub_zone(d->name))
			continue;
		buf_addf(out, "BEGIN:%.*s\r\n", SLICE_ARG(d->name));
		put_props(out, root, d);
		buf_addf(out, "END:%.*s\r\n", SLICE_ARG(d->name));
	}
	buf_addf(out, "END:%.*s\r\n", SLICE_ARG(c->name));
}

enum err ical_reduce(const struct content_comp *root, struct buf *out)
{
	buf_adds(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
	for (const struct content_comp *c = root->children; c; c = c->next)
		if (kind_of(c->name) || slice_ieqs(c->name, "VTIMEZONE"))
			put_component(out, root, c);
	buf_adds(out, "END:VCALENDAR\r\n");
	return buf_err(out);
}

/* --- times ------------------------------------------------------------------------ */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static bool digits(
	struct slice s, size_t at, size_t n, uint32_t max, uint32_t *out)
{
	return num_u32(slice_of(s.p + at, n), out) == ERR_OK && *out <= max;
}

enum err ical_utc(struct slice s, int64_t *out)
{
	uint32_t y, mo, d, h, mi, sec;

	if (s.n != 16 || s.p[8] != 'T' || s.p[15] != 'Z')
		return ERR_SYNTAX;
	if (!digits(s, 0, 4, 9999, &y) || !digits(s, 4, 2, 12, &mo) ||
		!digits(s, 6, 2, 31, &d) || !digits(s, 9, 2, 23, &h) ||
		!digits(s, 11, 2, 59, &mi) || !digits(s, 13, 2, 60, &sec) ||
		!mo || !d)
		return ERR_SYNTAX;
	*out = days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	return ERR_OK;
}
