/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Dates of messages: read by libetpan (RFC 5322 3.3 and its obsolete forms),
 * printed here. Calendar arithmetic is the proleptic Gregorian one, without
 * the C library's time zone.
 */
#include <libetpan/libetpan.h>

#include <bastide/mail.h>

int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	/* Years begin in March, so that the leap day is the last one. */
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year =
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t of_days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

	return era * 146097 + of_days - 719468;
}

void civil_from_days(
	int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t of_days = days - era * 146097;
	int64_t of_era = (of_days - of_days / 1460 + of_days / 36524 -
				 of_days / 146096) /
			 365;
	int64_t of_year = of_days - (365 * of_era + of_era / 4 - of_era / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = of_era + era * 400 + (*month <= 2);
}

int64_t mail_date_day(struct mail_date d)
{
	int64_t local = d.time + d.zone * 60;

	return local >= 0 ? local / 86400 : -((86399 - local) / 86400);
}

static bool in_range(const struct mailimf_date_time *t)
{
	return t->dt_year >= 1 && t->dt_year <= 9999 && t->dt_month >= 1 &&
	       t->dt_month <= 12 && t->dt_day >= 1 && t->dt_day <= 31 &&
	       t->dt_hour >= 0 && t->dt_hour <= 24 && t->dt_min >= 0 &&
	       t->dt_min <= 59 && t->dt_sec >= 0 && t->dt_sec <= 60 &&
	       t->dt_zone >= -2400 && t->dt_zone <= 2400;
}

/* Parentheses recurse in libetpan: a date has no need of many. */
#define DATE_MAX 128

enum err mail_date_parse(struct slice value, struct mail_date *out)
{
	struct mailimf_date_time *t = NULL;
	size_t at = 0;

	value = slice_trim(value);
	if (value.n == 0 || value.n > DATE_MAX)
		return ERR_SYNTAX;
	if (mailimf_date_time_parse(value.p, value.n, &at, &t) !=
		MAILIMF_NO_ERROR)
		return ERR_SYNTAX;
	enum err e = in_range(t) ? ERR_OK : ERR_SYNTAX;
	if (e == ERR_OK) {
		int zone = t->dt_zone / 100 * 60 + t->dt_zone % 100;
		int64_t days = days_from_civil(
			t->dt_year, (unsigned)t->dt_month, (unsigned)t->dt_day);
		out->time = days * 86400 + t->dt_hour * 3600 + t->dt_min * 60 +
			    t->dt_sec - zone * 60;
		out->zone = (int16_t)zone;
	}
	mailimf_date_time_free(t);
	return e;
}

enum err mail_date_print(struct buf *b, struct mail_date d)
{
	static const char week[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon",
		"Tue", "Wed" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t days = mail_date_day(d), year;
	int64_t second = d.time + d.zone * 60 - days * 86400;
	unsigned month, day, zone = (unsigned)(d.zone < 0 ? -d.zone : d.zone);

	civil_from_days(days, &year, &month, &day);
	return buf_addf(b, "%s, %02u %s %04d %02d:%02d:%02d %c%02u%02u",
		week[((days % 7) + 7) % 7], day, months[month - 1], (int)year,
		(int)(second / 3600), (int)(second / 60 % 60),
		(int)(second % 60), d.zone < 0 ? '-' : '+', zone / 60,
		zone % 60);
}
