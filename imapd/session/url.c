/* SPDX-License-Identifier: EUPL-1.2 */
/* IMAP URLs (RFC 5092 11), those that name a message or a part of one. */
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
