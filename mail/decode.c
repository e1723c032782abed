/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Transfer encodings, decoded in the pieces in which they come. Tolerant: base64
 * skips what is not of its alphabet (RFC 2045 6.8), quoted-printable passes
 * broken escapes through and drops blanks at line ends (6.7).
 */
#include <bastide/mail.h>

enum mail_encoding mail_encoding_of(struct slice name)
{
	if (slice_ieqs(name, "base64"))
		return MAIL_BASE64;
	if (slice_ieqs(name, "quoted-printable"))
		return MAIL_QUOTED_PRINTABLE;
	return MAIL_7BIT;
}

void mail_decoder_init(struct mail_decoder *d, enum mail_encoding e)
{
	*d = (struct mail_decoder){ .encoding = e };
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static enum err decode_base64(
	struct mail_decoder *d, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int v = base64_digit(in.p[i]);
		if (in.p[i] == '=')
			d->n = 0; /* padding: the bits left are filler */
		if (v < 0)
			continue;
		d->bits = d->bits << 6 | (uint32_t)v;
		/* The first digit of four gives no byte yet. */
		if (d->n)
			buf_addc(out, (char)(d->bits >> (6 - 2 * d->n)));
		d->n = (d->n + 1) % 4;
	}
	return buf_err(out);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is held is given out as it is, or dropped at a line end. `held` holds
 * either blanks or the start of an escape. */
static void release(struct mail_decoder *d, struct buf *out)
{
	buf_add(out, d->held, d->n);
	d->n = 0;
}

static void hold(struct mail_decoder *d, char c, struct buf *out)
{
	if (d->n == sizeof(d->held))
		release(d, out);
	d->held[d->n++] = c;
}

/* One byte after '=' [X]: true when the escape took it. */
static bool in_escape(struct mail_decoder *d, char c, struct buf *out)
{
	if (c == '\n' && (d->n == 1 || d->held[d->n - 1] == ' ' ||
				 d->held[d->n - 1] == '\t' ||
				 d->held[d->n - 1] == '\r')) {
		d->n = 0; /* soft line break */
		return true;
	}
	if (d->n == 1 &&
		(c == '\r' || c == ' ' || c == '\t' || hex_value(c) >= 0)) {
		hold(d, c, out);
		return true;
	}
	bool blank = d->n > 1 && hex_value(d->held[1]) < 0;
	if (blank && (c == '\r' || c == ' ' || c == '\t') &&
		d->n < sizeof(d->held)) {
		hold(d, c, out);
		return true;
	}
	if (d->n == 2 && !blank && hex_value(c) >= 0) {
		buf_addc(
			out, (char)(hex_value(d->held[1]) * 16 + hex_value(c)));
		d->n = 0;
		return true;
	}
	release(d, out); /* no escape after all */
	return false;
}

static enum err decode_quoted(
	struct mail_decoder *d, struct slice in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (d->n && d->held[0] == '=' && in_escape(d, c, out))
			continue;
		if (c == '=') {
			release(d, out);
			hold(d, c, out);
		} else if (c == ' ' || c == '\t' || c == '\r') {
			hold(d, c, out);
		} else if (c == '\n') {
			bool cr = d->n && d->held[d->n - 1] == '\r';
			d->n = 0; /* blanks before a line end are padding */
			buf_adds(out, cr ? "\r\n" : "\n");
		} else {
			release(d, out);
			buf_addc(out, c);
		}
	}
	return buf_err(out);
}

enum err mail_decode(struct mail_decoder *d, struct slice in, struct buf *out)
{
	switch (d->encoding) {
	case MAIL_BASE64:
		return decode_base64(d, in, out);
	case MAIL_QUOTED_PRINTABLE:
		return decode_quoted(d, in, out);
	case MAIL_7BIT:
		break;
	}
	return buf_add_slice(out, in);
}
