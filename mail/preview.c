/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The beginning of a text, to be shown in a list (RFC 8970 3.3): one line, blanks
 * collapsed, quoted lines left out.
 */
#include <bastide/mail.h>

/* Blanks of all kinds, and what takes no room: newsletters hide their padding
 * with it. Joiners stay inside words. */
enum looks { SHOWN, BLANK, HIDDEN, JOINER };
static const struct {
	uint32_t from, to;
	enum looks looks;
} rows[] = {
	{ 0x00, 0x20, BLANK },
	{ 0x7f, 0xa0, BLANK },
	{ 0xad, 0xad, HIDDEN },
	{ 0x34f, 0x34f, HIDDEN },
	{ 0x2000, 0x200a, BLANK },
	{ 0x200b, 0x200b, HIDDEN },
	{ 0x200c, 0x200d, JOINER },
	{ 0x2028, 0x2029, BLANK },
	{ 0x202f, 0x202f, BLANK },
	{ 0x205f, 0x205f, BLANK },
	{ 0x2060, 0x2060, HIDDEN },
	{ 0x3000, 0x3000, BLANK },
	{ 0xfeff, 0xfeff, HIDDEN },
};

static enum looks looks_of(uint32_t code)
{
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
		if (code >= rows[k].from && code <= rows[k].to)
			return rows[k].looks;
	return SHOWN;
}

/* Of valid UTF-8: the character at the start, and its bytes. */
static uint32_t next_code(struct slice s, size_t *n)
{
	static const unsigned char mask[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned char c = (unsigned char)s.p[0];
	uint32_t code;

	*n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*n > s.n)
		*n = s.n;
	code = c & mask[*n];
	for (size_t k = 1; k < *n; k++)
		code = code << 6 | ((unsigned char)s.p[k] & 0x3f);
	return code;
}

static void add(struct mail_preview *p, const char *bytes, size_t n)
{
	memcpy(p->text + p->n, bytes, n);
	p->n += n;
	p->characters++;
}

static void one(struct mail_preview *p, uint32_t code, struct slice bytes)
{
	enum looks looks = looks_of(code);

	if (code == '\n') {
		p->line_started = false;
		p->quoted = false;
	}
	if (looks == BLANK) {
		p->blank = true;
		return;
	}
	if (!p->line_started && looks == SHOWN) {
		p->line_started = true;
		p->quoted = code == '>' && !p->html;
	}
	bool start = p->n == 0 || p->blank;
	if (p->quoted || looks == HIDDEN || (looks == JOINER && start))
		return;
	if (p->blank && p->n)
		add(p, " ", 1);
	p->blank = false;
	if (p->characters < MAIL_PREVIEW_MAX)
		add(p, bytes.p, bytes.n);
}

void mail_preview_init(struct mail_preview *p, bool html)
{
	*p = (struct mail_preview){ .html = html };
}

bool mail_preview_add(struct mail_preview *p, struct slice utf8)
{
	size_t n;

	while (utf8.n && p->characters < MAIL_PREVIEW_MAX) {
		uint32_t code = next_code(utf8, &n);
		one(p, code, slice_head(utf8, n));
		utf8 = slice_from(utf8, n);
	}
	return p->characters >= MAIL_PREVIEW_MAX;
}

/* What is encrypted in the text itself says nothing. */
struct slice mail_preview_text(const struct mail_preview *p)
{
	static const char pgp[] = "-----BEGIN PGP MESSAGE-----";
	size_t n = p->n;

	while (n && p->text[n - 1] == ' ')
		n--;
	if (slice_iprefix(slice_of(p->text, n), pgp))
		n = 0;
	return slice_of(p->text, n);
}
