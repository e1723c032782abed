/* SPDX-License-Identifier: EUPL-1.2 */
/* IMAP URLs (RFC 5092 11), those that name a message or a part of one. */
#include <time.h>

#include "url.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "%2F" and kin; what decodes to a control character is refused. */
static enum err decode(struct arena *a, struct slice in, struct slice *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	if (!p)
		return ERR_NOMEM;
	for (size_t k = 0; k < in.n; k++) {
		unsigned char c = (unsigned char)in.p[k];
		if (c == '%') {
			if (in.n - k < 3 || hex_value(in.p[k + 1]) < 0 ||
				hex_value(in.p[k + 2]) < 0)
				return ERR_SYNTAX;
			c = (unsigned char)(hex_value(in.p[k + 1]) * 16 +
					    hex_value(in.p[k + 2]));
			k += 2;
		}
		if (c < ' ' || c == 127)
			return ERR_SYNTAX;
		p[n++] = (char)c;
	}
	*out = slice_of(p, n);
	return utf8_valid(*out) ? ERR_OK : ERR_SYNTAX;
}

/* Where "/;UID=" begins, or url.n: a mailbox name may have slashes. */
static size_t find_uid(struct slice url)
{
	for (size_t k = 0; k < url.n; k++)
		if (slice_iprefix(slice_from(url, k), "/;UID="))
			return k;
	return url.n;
}

/* imailbox-ref = enc-mailbox [uidvalidity] */
static enum err mailbox_ref(
	struct arena *a, struct slice ref, struct imap_url *out)
{
	struct slice rest;
	struct slice name = slice_cut(ref, ';', &rest);

	TRY(decode(a, name, &out->mailbox));
	if (out->mailbox.n == 0)
		return ERR_SYNTAX;
	if (slice_ieqs(out->mailbox, "INBOX"))
		out->mailbox = slice_str("INBOX");
	if (name.n == ref.n)
		return ERR_OK;
	struct cursor c = cursor_of(rest);
	return p_word(&c, "UIDVALIDITY=") && p_u32(&c, &out->uidvalidity) &&
			       out->uidvalidity > 0 && p_end(&c)
		       ? ERR_OK
		       : ERR_SYNTAX;
}

static enum err section(struct arena *a, struct slice coded, struct section *s)
{
	struct slice text;

	TRY(decode(a, coded, &text));
	struct cursor c = cursor_of(text);
	return text.n > 0 && section_parse(&c, a, s) && p_end(&c) ? ERR_OK
								  : ERR_SYNTAX;
}

/* ";PARTIAL=" number ["." nz-number]: without a length, to the end. */
static bool partial(struct cursor *c, struct section *s)
{
	s->partial = true;
	s->length = UINT32_MAX;
	if (!p_u32(c, &s->offset))
		return false;
	return !p_char(c, '.') || (p_u32(c, &s->length) && s->length > 0);
}

enum err url_parse(struct arena *a, struct slice url, struct imap_url *out)
{
	size_t at = find_uid(url);
	struct cursor c;

	*out = (struct imap_url){ 0 };
	if (slice_iprefix(url, ";UID=")) {
		c = cursor_of(url);
	} else {
		if (at == url.n || url.p[0] != '/' || at < 2 || url.p[1] == '/')
			return ERR_SYNTAX;
		TRY(mailbox_ref(a, slice_of(url.p + 1, at - 1), out));
		c = cursor_of(slice_from(url, at + 1));
	}
	if (!p_word(&c, ";UID=") || !p_u32(&c, &out->uid) || out->uid == 0)
		return ERR_SYNTAX;
	if (p_word(&c, "/;SECTION=")) {
		struct slice coded = cursor_rest(&c), rest;
		coded = slice_cut(coded, ';', &rest);
		bool more = coded.n < cursor_rest(&c).n;
		if (more && (coded.n == 0 || coded.p[coded.n - 1] != '/'))
			return ERR_SYNTAX;
		coded.n -= more;
		c.p += coded.n;
		TRY(section(a, coded, &out->section));
	}
	if (p_word(&c, "/;PARTIAL=") && !partial(&c, &out->section))
		return ERR_SYNTAX;
	return p_end(&c) ? ERR_OK : ERR_SYNTAX;
}

const char *url_bad_code(struct imap *i, struct slice url)
{
	struct buf b;

	buf_init(&b, LIMIT_IMAP_LITERAL * 3 + 16);
	buf_adds(&b, "BADURL ");
	for (size_t k = 0; k < url.n; k++) {
		unsigned char c = (unsigned char)url.p[k];
		if (c < ' ' || c >= 127 || c == ']' || c == '\\')
			buf_addf(&b, "%%%02X", c);
		else
			buf_addc(&b, (char)c);
	}
	const char *code = arena_copy(i->arena, buf_slice(&b)).p;
	buf_free(&b);
	return code;
}

/* --- with authorization (RFC 4467, RFC 5092 6.1) ---------------------------------------- */

/* Last: a mailbox's name may have it too. */
static size_t find_last(struct slice url, const char *name)
{
	for (size_t k = url.n; k-- > 0;)
		if (slice_iprefix(slice_from(url, k), name))
			return k;
	return url.n;
}

static bool digits(struct cursor *c, size_t n, int *out)
{
	struct slice text;
	uint32_t value;

	if (!p_take(c, n, &text) || num_u32(text, &value) != ERR_OK)
		return false;
	*out = (int)value;
	return true;
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* "Z" or "+01:30", in seconds. */
static bool zone(struct cursor *c, int *out)
{
	int hours, minutes;

	*out = 0;
	if (p_word(c, "Z"))
		return true;
	int sign = p_char(c, '+') ? 1 : p_char(c, '-') ? -1 : 0;
	if (!sign || !digits(c, 2, &hours) || !p_char(c, ':') ||
		!digits(c, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* date-time of RFC 3339 5.6. */
static bool date_time(struct cursor *c, int64_t *out)
{
	struct tm t = { 0 };
	struct slice fraction;
	int offset;

	if (!digits(c, 4, &t.tm_year) || !p_char(c, '-') ||
		!digits(c, 2, &t.tm_mon) || !p_char(c, '-') ||
		!digits(c, 2, &t.tm_mday) || !p_word(c, "T") ||
		!digits(c, 2, &t.tm_hour) || !p_char(c, ':') ||
		!digits(c, 2, &t.tm_min) || !p_char(c, ':') ||
		!digits(c, 2, &t.tm_sec))
		return false;
	if (p_char(c, '.') && !p_run(c, is_digit, &fraction))
		return false;
	if (t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 ||
		t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60 ||
		!zone(c, &offset))
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	*out = (int64_t)timegm(&t) - offset;
	return true;
}

static enum err access(struct arena *a, struct slice text, struct url_auth *out)
{
	static const struct {
		const char *name;
		bool user;
	} names[] = {
		[URL_SUBMIT] = { "submit+", true },
		[URL_USER] = { "user+", true },
		[URL_AUTHUSER] = { "authuser", false },
		[URL_ANONYMOUS] = { "anonymous", false },
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		size_t n = strlen(names[k].name);
		if (!slice_iprefix(text, names[k].name) ||
			(text.n > n) != names[k].user)
			continue;
		out->access = (enum url_access)k;
		return decode(a, slice_from(text, n), &out->access_user);
	}
	return ERR_SYNTAX;
}

/* "user@host:port": the user is an address, or the part before the "@" of one
 * at that host. */
static enum err owner(
	struct arena *a, struct slice server, struct url_auth *out)
{
	size_t at = find_last(server, "@");
	struct slice rest, user;

	if (at == server.n)
		return ERR_SYNTAX;
	TRY(decode(a, slice_cut(slice_head(server, at), ';', &rest), &user));
	struct slice host = slice_cut(slice_from(server, at + 1), ':', &rest);
	if (user.n == 0 || host.n == 0)
		return ERR_SYNTAX;
	out->user = user;
	if (slice_find(user, '@') < user.n)
		return ERR_OK;
	char *p = arena_alloc(a, user.n + host.n + 1);
	if (!p)
		return ERR_NOMEM;
	memcpy(p, user.p, user.n);
	p[user.n] = '@';
	memcpy(p + user.n + 1, host.p, host.n);
	out->user = slice_of(p, user.n + host.n + 1);
	return ERR_OK;
}

/* ";URLAUTH=access:mechanism:token" from `at` on. */
static enum err verifier(
	struct arena *a, struct slice url, size_t at, struct url_auth *out)
{
	size_t start = at + strlen(";URLAUTH=");
	struct slice rest = slice_from(url, start);
	struct slice who = slice_cut(rest, ':', &rest);

	out->rump = slice_head(url, start + who.n);
	TRY(access(a, who, out));
	if (out->rump.n == url.n)
		return ERR_OK;
	out->mechanism = slice_cut(rest, ':', &out->token);
	return out->token.n >= 32 ? ERR_OK : ERR_SYNTAX;
}

enum err url_auth_parse(struct arena *a, struct slice url, struct url_auth *out)
{
	size_t at = find_last(url, ";URLAUTH=");

	*out = (struct url_auth){ .expires = INT64_MAX };
	if (at == url.n || !slice_iprefix(url, "imap://"))
		return ERR_SYNTAX;
	TRY(verifier(a, url, at, out));
	struct slice part = slice_from(slice_head(url, at), strlen("imap://"));
	size_t expire = find_last(part, ";EXPIRE=");
	if (expire < part.n) {
		struct cursor c = cursor_of(
			slice_from(part, expire + strlen(";EXPIRE=")));
		if (!date_time(&c, &out->expires) || !p_end(&c))
			return ERR_SYNTAX;
		part.n = expire;
	}
	size_t path = slice_find(part, '/');
	TRY(owner(a, slice_head(part, path), out));
	return url_parse(a, slice_from(part, path), &out->url);
}
