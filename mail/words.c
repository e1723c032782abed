/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Encoded words in header values (RFC 2047, RFC 2231 5), decoded to UTF-8 for
 * searching and sorting. Blanks between two encoded words go (6.2); bytes of
 * neighbours with the same charset are joined before conversion, since some
 * mailers cut characters in two.
 */
#include <bastide/cursor.h>
#include <bastide/mail.h>

struct word {
	struct slice charset, text;
	bool base64;
};

/* "=?charset[*lang]?B|Q?text?=" at the cursor. */
static bool read_word(struct cursor *c, struct word *w)
{
	struct cursor look = *c;
	struct slice lang, kind;

	if (!p_word(&look, "=?") || !p_until(&look, '?', &w->charset) ||
		!p_char(&look, '?') || !p_take(&look, 1, &kind) ||
		!p_char(&look, '?') || !p_until(&look, '?', &w->text) ||
		!p_word(&look, "?="))
		return false;
	w->charset = slice_cut(w->charset, '*', &lang);
	w->base64 = ascii_upper(kind.p[0]) == 'B';
	if (!w->charset.n || (!w->base64 && ascii_upper(kind.p[0]) != 'Q'))
		return false;
	*c = look;
	return true;
}

static enum err decode_q(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t byte;
		if (text.p[i] == '_')
			buf_addc(out, ' ');
		else if (text.p[i] == '=' && i + 2 < text.n &&
			 hex_decode(slice_of(text.p + i + 1, 2), &byte, 1) ==
				 ERR_OK) {
			buf_addc(out, (char)byte);
			i += 2;
		} else
			buf_addc(out, text.p[i]);
	}
	return buf_err(out);
}

static enum err decode_text(const struct word *w, struct buf *out)
{
	struct mail_decoder d;

	if (!w->base64)
		return decode_q(w->text, out);
	mail_decoder_init(&d, MAIL_BASE64);
	return mail_decode(&d, w->text, out);
}

static void skip_blanks(struct cursor *c)
{
	while (p_char(c, ' ') || p_char(c, '\t') || p_char(c, '\r') ||
		p_char(c, '\n'))
		;
}

/* A run of encoded words, the first already read. */
static enum err decode_run(
	struct cursor *c, struct word first, struct buf *bytes, struct buf *out)
{
	struct word w = first;
	bool more = true;

	buf_reset(bytes);
	TRY(decode_text(&w, bytes));
	while (more) {
		struct cursor look = *c;
		struct word next;
		skip_blanks(&look);
		more = read_word(&look, &next);
		if (!more)
			break;
		*c = look;
		if (!slice_ieq(next.charset, w.charset)) {
			TRY(mail_to_utf8(buf_slice(bytes), w.charset, out));
			buf_reset(bytes);
		}
		w = next;
		TRY(decode_text(&w, bytes));
	}
	return mail_to_utf8(buf_slice(bytes), w.charset, out);
}

/* Bytes outside encoded words: UTF-8, or else as ISO-8859-1. */
static enum err flush_plain(struct slice plain, struct buf *out)
{
	return plain.n ? mail_to_utf8(plain, slice_of(NULL, 0), out) : ERR_OK;
}

enum err mail_words_decode(struct slice value, struct buf *out)
{
	struct cursor c = cursor_of(value);
	const char *plain = c.p;
	struct buf bytes;
	enum err e = ERR_OK;

	buf_init(&bytes, LIMIT_FIELD * 4);
	while (!p_end(&c) && e == ERR_OK) {
		const char *at = c.p;
		struct word w;
		if (*c.p != '=' || !read_word(&c, &w)) {
			c.p++;
			continue;
		}
		e = flush_plain(slice_of(plain, (size_t)(at - plain)), out);
		if (e == ERR_OK)
			e = decode_run(&c, w, &bytes, out);
		plain = c.p;
	}
	if (e == ERR_OK)
		e = flush_plain(slice_of(plain, (size_t)(c.end - plain)), out);
	buf_free(&bytes);
	return e;
}
