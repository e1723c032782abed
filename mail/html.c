/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The text of HTML, without its markup: tags, comments and what nobody reads
 * (scripts, styles, titles) go, character references become characters, and
 * where a block begins or ends a line ends. Nothing is nested, so nothing can
 * be too deep; each byte is looked at once.
 *
 *   TEXT --'<'--> OPEN --letter or '/'--> NAME --> TAG --'>'--> TEXT
 *     |             |--'!'--> MARKUP --"--"--> COMMENT --"-->"--> TEXT
 *     |--'&'--> REFERENCE                         TAG --'"'--> QUOTED --> TAG
 *   the end of <script> and its kin: RAW --"</script"--> TAG
 */
#include <bastide/mail.h>

enum state {
	TEXT,
	OPEN,
	NAME,
	TAG,
	QUOTED,
	MARKUP,
	COMMENT,
	DECLARATION,
	REFERENCE,
	RAW
};

/* What a tag is in the text. */
enum tag_kind { TAG_INLINE, TAG_BLOCK, TAG_CELL, TAG_RAW };
static const struct {
	const char *name;
	enum tag_kind kind;
} tags[] = {
	{ "script", TAG_RAW },
	{ "style", TAG_RAW },
	{ "title", TAG_RAW },
	{ "template", TAG_RAW },
	{ "td", TAG_CELL },
	{ "th", TAG_CELL },
	{ "address", TAG_BLOCK },
	{ "article", TAG_BLOCK },
	{ "blockquote", TAG_BLOCK },
	{ "br", TAG_BLOCK },
	{ "center", TAG_BLOCK },
	{ "dd", TAG_BLOCK },
	{ "div", TAG_BLOCK },
	{ "dl", TAG_BLOCK },
	{ "dt", TAG_BLOCK },
	{ "footer", TAG_BLOCK },
	{ "form", TAG_BLOCK },
	{ "h1", TAG_BLOCK },
	{ "h2", TAG_BLOCK },
	{ "h3", TAG_BLOCK },
	{ "h4", TAG_BLOCK },
	{ "h5", TAG_BLOCK },
	{ "h6", TAG_BLOCK },
	{ "header", TAG_BLOCK },
	{ "hr", TAG_BLOCK },
	{ "li", TAG_BLOCK },
	{ "ol", TAG_BLOCK },
	{ "p", TAG_BLOCK },
	{ "pre", TAG_BLOCK },
	{ "section", TAG_BLOCK },
	{ "table", TAG_BLOCK },
	{ "tr", TAG_BLOCK },
	{ "ul", TAG_BLOCK },
};

/* HTML 4, 24.2.1: from U+00A0 on. */
static const char latin1[96][8] = { "nbsp", "iexcl", "cent", "pound", "curren",
	"yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
	"reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
	"para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12",
	"frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml",
	"Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml",
	"Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
	"Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave",
	"Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave",
	"aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
	"egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
	"iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
	"divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute",
	"thorn", "yuml" };
static const struct {
	const char *name;
	uint32_t code;
} others[] = {
	{ "amp", '&' },
	{ "lt", '<' },
	{ "gt", '>' },
	{ "quot", '"' },
	{ "apos", '\'' },
	{ "OElig", 0x152 },
	{ "oelig", 0x153 },
	{ "Scaron", 0x160 },
	{ "scaron", 0x161 },
	{ "ensp", 0x2002 },
	{ "emsp", 0x2003 },
	{ "thinsp", 0x2009 },
	{ "zwnj", 0x200c },
	{ "zwj", 0x200d },
	{ "ndash", 0x2013 },
	{ "mdash", 0x2014 },
	{ "lsquo", 0x2018 },
	{ "rsquo", 0x2019 },
	{ "sbquo", 0x201a },
	{ "ldquo", 0x201c },
	{ "rdquo", 0x201d },
	{ "bdquo", 0x201e },
	{ "bull", 0x2022 },
	{ "hellip", 0x2026 },
	{ "lsaquo", 0x2039 },
	{ "rsaquo", 0x203a },
	{ "euro", 0x20ac },
	{ "trade", 0x2122 },
	{ "larr", 0x2190 },
	{ "rarr", 0x2192 },
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice held(const struct mail_html *h)
{
	return slice_of(h->held, h->n);
}

/* What is longer than any name that counts is as good as unknown. */
static void hold(struct mail_html *h, char c)
{
	if (h->n < sizeof(h->held))
		h->held[h->n++] = c;
}

/* --- character references ----------------------------------------------------------- */

static bool named(struct slice name, uint32_t *code)
{
	for (size_t k = 0; k < LENGTH(latin1); k++)
		if (slice_eqs(name, latin1[k])) {
			*code = 0xa0 + (uint32_t)k;
			return true;
		}
	for (size_t k = 0; k < LENGTH(others); k++)
		if (slice_eqs(name, others[k].name)) {
			*code = others[k].code;
			return true;
		}
	return false;
}

/* "#233", "#xE9" */
static bool numbered(struct slice text, uint32_t *code)
{
	uint32_t value = 0;
	bool hex = text.n > 1 && (text.p[1] == 'x' || text.p[1] == 'X');
	size_t from = hex ? 2 : 1;

	if (text.n <= from || text.n > 9)
		return false;
	for (size_t k = from; k < text.n; k++) {
		char c = text.p[k];
		uint32_t digit = is_digit(c) ? (uint32_t)(c - '0')
					     : (uint32_t)((c | 32) - 'a' + 10);
		if (digit >= (hex ? 16u : 10u))
			return false;
		value = value * (hex ? 16 : 10) + digit;
	}
	*code = value;
	return true;
}

static void put_code(struct buf *out, uint32_t code)
{
	char c = (char)code;

	if (code >= 0x80 && code < 0xa0) {
		/* Every browser takes these for windows-1252. */
		mail_to_utf8(slice_of(&c, 1), slice_str("windows-1252"), out);
	} else if (code < ' ' || (code >= 0xd800 && code < 0xe000) ||
		   code > 0x10ffff) {
		buf_addc(out, ' ');
	} else if (code < 0x80) {
		buf_addc(out, c);
	} else if (code < 0x800) {
		buf_addc(out, (char)(0xc0 | code >> 6));
		buf_addc(out, (char)(0x80 | (code & 0x3f)));
	} else if (code < 0x10000) {
		buf_addc(out, (char)(0xe0 | code >> 12));
		buf_addc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | code >> 18));
		buf_addc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* True: `c` belonged to it. */
static bool in_reference(struct mail_html *h, char c, struct buf *out)
{
	uint32_t code = 0;

	if ((is_letter(c) || is_digit(c) || (c == '#' && h->n == 0)) &&
		h->n < sizeof(h->held)) {
		hold(h, c);
		return true;
	}
	h->state = TEXT;
	if (h->n && (h->held[0] == '#' ? numbered(held(h), &code)
				       : named(held(h), &code))) {
		put_code(out, code);
		return c == ';';
	}
	buf_addc(out, '&');
	buf_add_slice(out, held(h));
	return false;
}

/* --- tags ------------------------------------------------------------------------- */

static enum tag_kind kind_of(struct slice name)
{
	for (size_t k = 0; k < LENGTH(tags); k++)
		if (slice_ieqs(name, tags[k].name))
			return tags[k].kind;
	return TAG_INLINE;
}

static void end_tag(struct mail_html *h, struct buf *out)
{
	enum tag_kind kind = kind_of(held(h));

	h->state = TEXT;
	if (kind == TAG_RAW && !h->closing) {
		h->state = RAW;
		h->matched = 0;
	} else if (kind == TAG_BLOCK) {
		buf_addc(out, '\n');
	} else if (kind == TAG_CELL) {
		buf_addc(out, ' ');
	}
}

static bool after_open(struct mail_html *h, char c, struct buf *out)
{
	h->n = 0;
	h->closing = c == '/';
	if (c == '!') {
		h->state = MARKUP;
	} else if (c == '?') {
		h->state = DECLARATION;
	} else if (c == '/' || is_letter(c)) {
		h->state = NAME;
		if (c != '/')
			hold(h, c);
	} else { /* "a < b" */
		buf_addc(out, '<');
		h->state = TEXT;
		return false;
	}
	return true;
}

static void in_tag(struct mail_html *h, char c, struct buf *out)
{
	if (c == '>') {
		end_tag(h, out);
	} else if ((c == '"' || c == '\'') && h->equals) {
		h->quote = c;
		h->state = QUOTED;
	} else if (!is_blank(c)) {
		h->equals = c == '=';
	}
}

static void in_name(struct mail_html *h, char c, struct buf *out)
{
	if (is_letter(c) || is_digit(c)) {
		hold(h, c);
		return;
	}
	h->state = TAG;
	h->equals = false;
	in_tag(h, c, out);
}

/* "<!--": the two dashes may share themselves with the end: "<!-->". */
static void in_markup(struct mail_html *h, char c)
{
	hold(h, c);
	if (c == '>')
		h->state = TEXT;
	else if (c != '-')
		h->state = DECLARATION;
	else if (h->n == 2) {
		h->state = COMMENT;
		h->matched = 2;
	}
}

static void in_comment(struct mail_html *h, char c)
{
	if (c == '>' && h->matched >= 2)
		h->state = TEXT;
	h->matched = c != '-' ? 0 : h->matched < 2 ? h->matched + 1 : 2;
}

/* "</" and the name that is held end it. */
static void in_raw(struct mail_html *h, char c)
{
	size_t at = h->matched;
	char want = at == 0 ? '<' : at == 1 ? '/' : h->held[at - 2];

	if ((c | 32) == (want | 32) && (at >= 2 || c == want))
		h->matched++;
	else
		h->matched = c == '<';
	if (h->matched == h->n + 2) {
		h->closing = true;
		h->equals = false;
		h->state = TAG;
	}
}

/* --- all of it -------------------------------------------------------------------- */

/* True: `c` was taken; else it is to be looked at once more. */
static bool one(struct mail_html *h, char c, struct buf *out)
{
	switch ((enum state)h->state) {
	case OPEN:
		return after_open(h, c, out);
	case REFERENCE:
		return in_reference(h, c, out);
	case NAME:
		in_name(h, c, out);
		break;
	case TAG:
		in_tag(h, c, out);
		break;
	case QUOTED:
		if (c == h->quote)
			h->state = TAG;
		h->equals = false;
		break;
	case MARKUP:
		in_markup(h, c);
		break;
	case COMMENT:
		in_comment(h, c);
		break;
	case DECLARATION:
		if (c == '>')
			h->state = TEXT;
		break;
	case RAW:
		in_raw(h, c);
		break;
	case TEXT:
		h->n = 0;
		if (c == '<')
			h->state = OPEN;
		else if (c == '&')
			h->state = REFERENCE;
		else
			buf_addc(out, is_blank(c) ? ' ' : c);
		break;
	}
	return true;
}

void mail_html_init(struct mail_html *h)
{
	*h = (struct mail_html){ .state = TEXT };
}

enum err mail_html_text(struct mail_html *h, struct slice utf8, struct buf *out)
{
	for (size_t k = 0; k < utf8.n; k++)
		while (!one(h, utf8.p[k], out))
			;
	return buf_err(out);
}
