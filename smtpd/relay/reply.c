/* SPDX-License-Identifier: EUPL-1.2 */
/* The grammar of what a server says; see reply.h. */
#include "reply.h"

void reply_init(struct reply *r)
{
	*r = (struct reply){ 0 };
	buf_init(&r->text, LIMIT_REPLY);
}

void reply_free(struct reply *r)
{
	buf_free(&r->text);
}

void reply_reset(struct reply *r)
{
	struct buf keep = r->text;

	buf_reset(&keep);
	*r = (struct reply){ .text = keep };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "c.sss.ddd" of the class of `code` at the start; 0: none. */
static size_t enhanced_length(struct slice s, int code)
{
	size_t at = 1;

	if (s.n < 5 || s.p[0] != '0' + code / 100)
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t from;
		if (at == s.n || s.p[at] != '.')
			return 0;
		for (from = ++at; at < s.n && is_digit(s.p[at]); at++)
			;
		if (at == from || at - from > 3)
			return 0;
	}
	return at == s.n || s.p[at] == ' ' ? at : 0;
}

static bool code_of(struct slice line, int *out)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' ||
		!is_digit(line.p[1]) || !is_digit(line.p[2]))
		return false;
	*out = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
	       (line.p[2] - '0');
	return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-';
}

/* The code of the first line is that of all (RFC 5321 4.2.1). */
static enum frame_step take_line(struct reply *r, struct slice line)
{
	int code;

	if (!code_of(line, &code) || (r->begun && code != r->code) ||
		++r->lines > LIMIT_REPLY_LINES)
		return FRAME_BAD;
	bool last = line.n == 3 || line.p[3] == ' ';
	struct slice text = slice_from(line, 4);
	size_t n = enhanced_length(text, code);
	if (n) {
		memcpy(r->enhanced, text.p, n);
		r->enhanced[n] = '\0';
		text = slice_from(text, n + 1);
	}
	if (r->begun)
		buf_addc(&r->text, '\n');
	r->begun = true;
	r->code = code;
	if (buf_add_slice(&r->text, text) != ERR_OK)
		return FRAME_BAD;
	return last ? FRAME_DONE : FRAME_MORE;
}

enum frame_step reply_step(struct reply *r, struct slice in, size_t *taken)
{
	enum frame_step got = FRAME_MORE;

	*taken = 0;
	while (got == FRAME_MORE) {
		struct slice rest = slice_from(in, *taken);
		size_t at = slice_find(rest, '\n');
		if (at > LIMIT_REPLY_LINE)
			return FRAME_BAD;
		if (at == rest.n)
			return FRAME_MORE;
		*taken += at + 1;
		if (at && rest.p[at - 1] == '\r')
			at--;
		got = take_line(r, slice_head(rest, at));
	}
	return got;
}

void extensions_parse(struct slice text, struct extensions *out)
{
	*out = (struct extensions){ 0 };
	(void)slice_cut(text, '\n', &text);
	while (text.n) {
		struct slice arg, line = slice_cut(text, '\n', &text);
		struct slice name = slice_cut(slice_trim(line), ' ', &arg);
		if (slice_ieqs(name, "STARTTLS"))
			out->starttls = true;
		else if (slice_ieqs(name, "8BITMIME"))
			out->eightbit = true;
		else if (slice_ieqs(name, "SMTPUTF8"))
			out->utf8 = true;
		else if (slice_ieqs(name, "SIZE"))
			out->size = num_u64(slice_trim(arg), &out->size_max) ==
					    ERR_OK ||
				    arg.n == 0;
	}
}

void reply_one_line(struct slice text, char *out, size_t size)
{
	size_t n = text.n < size - 1 ? text.n : size - 1;

	/* No half a character at the cut. */
	while (n && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	bool utf8 = utf8_valid(slice_head(text, n));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		out[i] = c < ' ' || c == 127 ? ' '
			 : c >= 128 && !utf8 ? '?'
					     : (char)c;
	}
	out[n] = '\0';
}

enum err dot_stuff(struct slice in, bool *line_start, struct buf *out)
{
	while (in.n) {
		if (*line_start && in.p[0] == '.')
			buf_addc(out, '.');
		size_t n = slice_find(in, '\n');
		*line_start = n < in.n;
		n += *line_start;
		buf_add(out, in.p, n);
		in = slice_from(in, n);
	}
	return buf_err(out);
}
