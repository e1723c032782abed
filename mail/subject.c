/* SPDX-License-Identifier: EUPL-1.2 */
/* The base subject that messages are sorted and threaded by (RFC 5256 2.1). */
#include <bastide/cursor.h>
#include <bastide/mail.h>

/* Step 1: encoded words decoded, blanks made single spaces. */
static enum err plain_text(struct slice subject, struct buf *out)
{
	size_t n = 0;

	TRY(mail_words_decode(subject, out));
	for (size_t k = 0; k < out->n; k++) {
		char c = out->p[k];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (blank && n && out->p[n - 1] == ' ')
			continue;
		out->p[n++] = blank ? ' ' : c;
	}
	out->n = n;
	return ERR_OK;
}

static void skip_spaces(struct cursor *c)
{
	while (p_sp(c))
		;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP */
static bool blob(struct cursor *c)
{
	struct cursor look = *c;

	if (!p_char(&look, '['))
		return false;
	while (look.p < look.end && *look.p != '[' && *look.p != ']')
		look.p++;
	if (!p_char(&look, ']'))
		return false;
	skip_spaces(&look);
	*c = look;
	return true;
}

/* subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool refwd(struct cursor *c)
{
	struct cursor look = *c;

	if (!p_word(&look, "re") && !p_word(&look, "fwd") &&
		!p_word(&look, "fw"))
		return false;
	skip_spaces(&look);
	(void)blob(&look);
	if (!p_char(&look, ':'))
		return false;
	*c = look;
	return true;
}

/* Step 2: *subj-trailer, "(fwd)" or a blank. */
static void strip_trailers(struct cursor *c, bool *reply)
{
	for (;;) {
		struct slice rest = cursor_rest(c);
		if (rest.n && rest.p[rest.n - 1] == ' ') {
			c->end--;
		} else if (rest.n >= 5 &&
			   slice_ieqs(slice_from(rest, rest.n - 5), "(fwd)")) {
			c->end -= 5;
			*reply = true;
		} else {
			return;
		}
	}
}

/* Steps 3 to 5. Blobs that no "re:" follows go together, but for the last one
 * when nothing would be left. */
static void strip_leaders(struct cursor *c, bool *reply)
{
	for (;;) {
		struct cursor look = *c, last = *c;
		skip_spaces(&look);
		*c = look;
		while (!p_end(&look)) {
			last = look;
			if (!blob(&look))
				break;
		}
		if (refwd(&look)) {
			*c = look;
			*reply = true;
			continue;
		}
		*c = p_end(&look) ? last : look;
		return;
	}
}

/* Step 6: "[fwd:" ... "]" */
static bool strip_wrapping(struct cursor *c)
{
	struct cursor look = *c;

	if (!p_word(&look, "[fwd:") || p_end(&look) || look.end[-1] != ']')
		return false;
	look.end--;
	*c = look;
	return true;
}

enum err mail_base_subject(struct slice subject, struct buf *out, bool *reply)
{
	TRY(plain_text(subject, out));
	struct cursor c = cursor_of(buf_slice(out));

	*reply = false;
	do {
		strip_trailers(&c, reply);
		strip_leaders(&c, reply);
		if (!strip_wrapping(&c))
			break;
		*reply = true;
	} while (true);
	out->n = (size_t)(c.end - out->p);
	buf_consume(out, (size_t)(c.p - out->p));
	return buf_err(out);
}
