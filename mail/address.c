/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Address lists for envelopes (RFC 5322 3.4, obsolete forms 4.4, and what real
 * mail has: bare local parts, dots and 8-bit bytes in names, missing commas).
 * One pass over an unfolded field, no recursion; comments are counted, not
 * nested. libetpan's parser is the oracle of the tests, not the workhorse: it
 * drops comments that are names, refuses a whole list for one bad entry, and
 * recurses on parentheses.
 */
#include <bastide/cursor.h>
#include <bastide/mail.h>

/* One address while it is being read. */
struct entry {
	struct buf words;  /* phrase: words joined by one blank */
	struct buf local;  /* same words joined as a local part */
	struct buf domain; /* after '@' */
	struct buf route;
	struct slice comment; /* the last one, raw */
	bool any;             /* some word was seen */
	bool angle;           /* <...> was seen; words are the name */
	bool at;
};

struct reader {
	struct cursor c;
	struct arena *a;
	struct entry e;
	struct mail_address *list;
	size_t n, max;
	bool in_group, failed;
};

static bool is_atom(unsigned char ch)
{
	return ch > ' ' && ch != 127 && !strchr("()<>@,;:\\\"[]", ch);
}

/* A comment, its parentheses counted; the content of the outermost is kept.
 * An unclosed one ends with the field. */
static void skip_comment(struct reader *r)
{
	const char *start = r->c.p + 1;
	unsigned depth = 0;

	while (r->c.p < r->c.end) {
		char ch = *r->c.p++;
		if (ch == '\\' && r->c.p < r->c.end) {
			r->c.p++;
		} else if (ch == '(') {
			depth++;
		} else if (ch == ')' && --depth == 0) {
			r->e.comment = slice_trim(
				slice_of(start, (size_t)(r->c.p - 1 - start)));
			return;
		}
	}
}

static void skip_cfws(struct reader *r)
{
	for (;;) {
		int ch = p_peek(&r->c);
		if (ch == ' ' || ch == '\t')
			r->c.p++;
		else if (ch == '(')
			skip_comment(r);
		else
			return;
	}
}

/* The content of a quoted string, without its escapes. */
static void read_quoted(struct reader *r, struct buf *to)
{
	r->c.p++;
	while (r->c.p < r->c.end) {
		char ch = *r->c.p++;
		if (ch == '"')
			return;
		if (ch == '\\' && r->c.p < r->c.end)
			ch = *r->c.p++;
		buf_addc(to, ch);
	}
}

static void entry_reset(struct entry *e)
{
	buf_reset(&e->words);
	buf_reset(&e->local);
	buf_reset(&e->domain);
	buf_reset(&e->route);
	e->comment = slice_of(NULL, 0);
	e->any = e->angle = e->at = false;
}

static void add_word(struct reader *r, struct slice word, bool spaced)
{
	if (r->e.words.n && spaced)
		buf_addc(&r->e.words, ' ');
	buf_add_slice(&r->e.words, word);
	buf_add_slice(&r->e.local, word);
	r->e.any = true;
}

/* An atom or quoted string into the words before '<' or '@'. `spaced`: blanks
 * stood before it. */
static void read_word(struct reader *r, bool spaced)
{
	struct slice word;

	if (p_peek(&r->c) == '"') {
		struct buf content;
		buf_init(&content, LIMIT_FIELD);
		read_quoted(r, &content);
		add_word(r, buf_slice(&content), spaced);
		buf_free(&content);
	} else if (p_run(&r->c, is_atom, &word)) {
		add_word(r, word, spaced);
	} else {
		r->c.p++; /* a stray special: left out */
	}
}

/* After '@': atoms, dots, and [literals] up to what ends the address. */
static void read_domain(struct reader *r, struct buf *to)
{
	struct slice part;

	for (;;) {
		skip_cfws(r);
		if (p_peek(&r->c) == '[') {
			struct slice lit;
			const char *start = r->c.p;
			if (!p_until(&r->c, ']', &lit))
				r->c.p = r->c.end;
			else
				r->c.p++;
			buf_add(to, start, (size_t)(r->c.p - start));
		} else if (p_run(&r->c, is_atom, &part)) {
			buf_add_slice(to, part);
		} else {
			return;
		}
		/* "example .org" goes on; "example org" does not. */
		skip_cfws(r);
		int ch = p_peek(&r->c);
		if (ch != '.' && (to->n == 0 || to->p[to->n - 1] != '.'))
			return;
	}
}

/* The old source route "@a,@b:" (RFC 5322 4.4). */
static void read_route(struct reader *r)
{
	while (p_peek(&r->c) == '@') {
		r->c.p++;
		if (r->e.route.n)
			buf_addc(&r->e.route, ',');
		buf_addc(&r->e.route, '@');
		read_domain(r, &r->e.route);
		skip_cfws(r);
		while (p_char(&r->c, ','))
			skip_cfws(r);
	}
	(void)p_char(&r->c, ':');
	skip_cfws(r);
}

/* Inside <...>: [route] local@domain. */
static void read_angle(struct reader *r)
{
	r->c.p++;
	r->e.angle = true;
	buf_reset(&r->e.local);
	skip_cfws(r);
	read_route(r);
	while (r->c.p < r->c.end && *r->c.p != '>') {
		struct slice word;
		skip_cfws(r);
		int ch = p_peek(&r->c);
		if (ch == '"') {
			read_quoted(r, &r->e.local);
		} else if (ch == '@') {
			r->c.p++;
			r->e.at = true;
			buf_reset(&r->e.domain);
			read_domain(r, &r->e.domain);
		} else if (p_run(&r->c, is_atom, &word)) {
			buf_add_slice(&r->e.local, word);
		} else if (ch == ',' || ch == ';') {
			return; /* the '>' is missing */
		} else if (r->c.p < r->c.end && ch != '>') {
			r->c.p++;
		}
	}
	(void)p_char(&r->c, '>');
}

static void push(struct reader *r, struct mail_address one)
{
	if (r->n == r->max) {
		size_t max = r->max ? r->max * 2 : 8;
		struct mail_address *list =
			arena_array(r->a, struct mail_address, max);
		if (!list) {
			r->failed = true;
			return;
		}
		if (r->n)
			memcpy(list, r->list, r->n * sizeof(*list));
		r->list = list;
		r->max = max;
	}
	r->list[r->n++] = one;
}

static struct slice kept(struct reader *r, struct slice s)
{
	struct slice copy = arena_copy(r->a, s);

	if (!copy.p)
		r->failed = true;
	return copy;
}

/* The comment's text without escapes: "(J. \(Joe\) Doe)". */
static struct slice comment_name(struct reader *r)
{
	struct slice raw = kept(r, r->e.comment);
	char *p = (char *)(uintptr_t)raw.p;
	size_t n = 0;

	for (size_t i = 0; p && i < raw.n; i++) {
		if (p[i] == '\\' && i + 1 < raw.n)
			i++;
		p[n++] = p[i];
	}
	return slice_of(raw.p, n);
}

/* An address ends: at ',', ';' or the end of the field. */
static void finish_entry(struct reader *r)
{
	struct entry *e = &r->e;
	struct mail_address one = { 0 };

	if (e->any || e->angle || e->at) {
		if (e->angle && e->words.n)
			one.name = kept(r, buf_slice(&e->words));
		else if (e->comment.n)
			one.name = comment_name(r);
		if (e->route.n)
			one.route = kept(r, buf_slice(&e->route));
		one.mailbox = kept(r, buf_slice(&e->local));
		/* An absent host would read as a group: empty, not NIL. */
		one.host = kept(r, buf_slice(&e->domain));
		if (r->n < LIMIT_ADDRESSES)
			push(r, one);
	}
	entry_reset(e);
}

static void begin_group(struct reader *r)
{
	struct mail_address one = {
		.mailbox = kept(r, buf_slice(&r->e.words)),
	};

	if (r->n < LIMIT_ADDRESSES) {
		push(r, one);
		r->in_group = true;
	}
	entry_reset(&r->e);
}

static void end_group(struct reader *r)
{
	finish_entry(r);
	if (r->in_group)
		push(r, (struct mail_address){ 0 });
	r->in_group = false;
}

static void read_special(struct reader *r, int ch, bool spaced)
{
	switch (ch) {
	case ',':
		r->c.p++;
		finish_entry(r);
		break;
	case ';':
		r->c.p++;
		end_group(r);
		break;
	case ':':
		r->c.p++;
		if (!r->in_group)
			begin_group(r);
		break;
	case '<':
		if (r->e.angle)
			finish_entry(r); /* a comma is missing */
		read_angle(r);
		break;
	case '@':
		r->c.p++;
		r->e.at = true;
		buf_reset(&r->e.domain);
		read_domain(r, &r->e.domain);
		break;
	default:
		if (r->e.angle)
			finish_entry(r);
		read_word(r, spaced);
	}
}

static bool blank_at(const struct cursor *c)
{
	return p_peek(c) == ' ' || p_peek(c) == '\t' || p_peek(c) == '(';
}

enum err mail_addresses_parse(
	struct arena *a, struct slice value, struct mail_addresses *out)
{
	struct slice text = mail_unfold(a, value);
	struct reader r = { .a = a };

	if (!text.p)
		return ERR_NOMEM;
	r.c = cursor_of(text);
	buf_init(&r.e.words, LIMIT_FIELD * 2);
	buf_init(&r.e.local, LIMIT_FIELD);
	buf_init(&r.e.domain, LIMIT_FIELD);
	buf_init(&r.e.route, LIMIT_FIELD);
	while (!p_end(&r.c) && !r.failed) {
		bool spaced = blank_at(&r.c);
		skip_cfws(&r);
		if (!p_end(&r.c))
			read_special(&r, p_peek(&r.c), spaced);
	}
	end_group(&r);
	buf_free(&r.e.words);
	buf_free(&r.e.local);
	buf_free(&r.e.domain);
	buf_free(&r.e.route);
	if (r.failed)
		return ERR_NOMEM;
	out->list = r.list;
	out->n = r.n;
	return ERR_OK;
}
