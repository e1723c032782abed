/* SPDX-License-Identifier: EUPL-1.2 */
/* Content lines written: folded at 75 octets, never inside of a character. */
#include <time.h>

#include <bastide/content.h>

#define LINE_MAX 75

static bool inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static void put_folded(struct buf *b, struct slice line)
{
	size_t room = LINE_MAX;

	while (line.n > room) {
		size_t n = room;
		while (n > 1 && inside_character(line.p[n]))
			n--;
		buf_add_slice(b, slice_head(line, n));
		buf_adds(b, "\r\n ");
		line = slice_from(line, n);
		room = LINE_MAX - 1;
	}
	buf_add_slice(b, line);
	buf_adds(b, "\r\n");
}

static bool needs_quotes(struct slice s)
{
	return slice_find(s, ':') < s.n || slice_find(s, ';') < s.n ||
	       slice_find(s, ',') < s.n;
}

static void put_param(struct buf *b, const struct content_param *q)
{
	const char *quote = needs_quotes(q->value) ? "\"" : "";

	buf_addc(b, ';');
	buf_add_slice(b, q->name);
	buf_addf(b, "=%s", quote);
	buf_add_slice(b, q->value);
	buf_adds(b, quote);
}

/* The line is made at the end of `b`, and then folded from a copy only when it
 * is long, which few are. */
static void fold_from(struct buf *b, size_t at)
{
	size_t n = b->n - at;
	struct buf line;

	if (buf_err(b) != ERR_OK)
		return;
	if (n <= LINE_MAX) {
		buf_adds(b, "\r\n");
		return;
	}
	buf_init(&line, n);
	buf_add_slice(&line, slice_of(b->p + at, n));
	b->n = at;
	if (buf_err(&line) == ERR_OK)
		put_folded(b, buf_slice(&line));
	else
		b->err = ERR_NOMEM;
	buf_free(&line);
}

void content_put_prop(struct buf *b, const struct content_prop *p, bool value)
{
	size_t at = b->n;

	if (p->group.n) {
		buf_add_slice(b, p->group);
		buf_addc(b, '.');
	}
	buf_add_slice(b, p->name);
	for (const struct content_param *q = p->params; q; q = q->next)
		put_param(b, q);
	buf_addc(b, ':');
	if (value)
		buf_add_slice(b, p->value);
	fold_from(b, at);
}

void content_put_line(struct buf *b, const char *name, struct slice value)
{
	size_t at = b->n;

	buf_addf(b, "%s:", name);
	buf_add_slice(b, value);
	fold_from(b, at);
}

void ical_put_value(struct buf *b, int64_t time, uint32_t flags)
{
	time_t t = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	buf_addf(b, "%04d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday);
	if (!(flags & INSTANCE_DATE))
		buf_addf(b, "T%02d%02d%02d%s", tm.tm_hour, tm.tm_min, tm.tm_sec,
			flags & INSTANCE_FLOATING ? "" : "Z");
}

void ical_put_time(
	struct buf *b, struct slice name, int64_t time, uint32_t flags)
{
	buf_add_slice(b, name);
	buf_adds(b, flags & INSTANCE_DATE ? ";VALUE=DATE:" : ":");
	ical_put_value(b, time, flags);
	buf_adds(b, "\r\n");
}
