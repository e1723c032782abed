/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * HTTP/1.1 heads and bodies (RFC 9110, RFC 9112). Whatever two readers could
 * understand in two ways is refused: that is what request smuggling lives on.
 */
#include <bastide/cursor.h>
#include <bastide/frame.h>

/* RFC 9110 5.6.2. */
static bool is_tchar(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c && memchr("!#$%&'*+-.^_`|~", c, 15));
}

static bool is_visible(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

static bool is_value_char(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static size_t leading_crlf(struct slice in)
{
	return in.n >= 2 && in.p[0] == '\r' && in.p[1] == '\n' ? 2 : 0;
}

size_t http_head_end(struct slice in)
{
	static const struct slice empty_line = SLICE("\r\n\r\n");
	size_t skip = leading_crlf(in);
	struct slice head = slice_from(in, skip);
	size_t at = slice_find_slice(head, empty_line);

	return at > head.n ? 0 : skip + at + empty_line.n;
}

static bool p_crlf(struct cursor *c)
{
	if (c->end - c->p < 2 || c->p[0] != '\r' || c->p[1] != '\n')
		return false;
	c->p += 2;
	return true;
}

/* method SP request-target SP "HTTP/" DIGIT "." DIGIT CRLF */
static enum err request_line(struct cursor *c, struct http_head *h)
{
	struct slice version;

	if (slice_find(cursor_rest(c), '\n') > LIMIT_HTTP_LINE)
		return ERR_LIMIT;
	if (!p_run(c, is_tchar, &h->method) || !p_sp(c) ||
		!p_run(c, is_visible, &h->target) || !p_sp(c) ||
		!p_take(c, 8, &version) || memcmp(version.p, "HTTP/", 5) != 0)
		return ERR_SYNTAX;
	if (version.p[5] < '0' || version.p[5] > '9' || version.p[6] != '.' ||
		version.p[7] < '0' || version.p[7] > '9' || !p_crlf(c))
		return ERR_SYNTAX;
	if (version.p[5] != '1')
		return ERR_UNSUPPORTED;
	h->minor = (unsigned)(version.p[7] - '0');
	return ERR_OK;
}

static struct slice trim_ows(struct slice s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_from(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static enum err field_line(struct cursor *c, struct http_head *h)
{
	struct http_field *f = &h->fields[h->n_fields];
	struct slice value;

	if (h->n_fields == LIMIT_HTTP_FIELDS)
		return ERR_LIMIT;
	/* No blank before the colon, no line that begins with one (5.1, 5.2):
	 * neither is a tchar. */
	if (!p_run(c, is_tchar, &f->name) || !p_char(c, ':'))
		return ERR_SYNTAX;
	value = slice_of(c->p, 0);
	p_run(c, is_value_char, &value);
	if (!p_crlf(c))
		return ERR_SYNTAX;
	f->value = trim_ows(value);
	h->n_fields++;
	return ERR_OK;
}

/* --- what the fields mean for framing ------------------------------------- */

static enum err on_length(struct http_head *h, struct slice value)
{
	uint64_t n;

	if (num_u64(value, &n) != ERR_OK || (h->has_length && h->length != n))
		return ERR_SYNTAX;
	h->has_length = true;
	h->length = n;
	return ERR_OK;
}

static enum err on_coding(struct http_head *h, struct slice value)
{
	if (h->chunked)
		return ERR_SYNTAX;
	if (!slice_ieqs(value, "chunked"))
		return ERR_UNSUPPORTED;
	h->chunked = true;
	return ERR_OK;
}

static enum err on_connection(struct http_head *h, struct slice value)
{
	while (value.n) {
		struct slice option = slice_trim(slice_cut(value, ',', &value));
		if (slice_ieqs(option, "close"))
			h->keep_alive = false;
		else if (slice_ieqs(option, "keep-alive") && h->minor == 0)
			h->keep_alive = true;
	}
	return ERR_OK;
}

static enum err on_expect(struct http_head *h, struct slice value)
{
	h->expect = slice_ieqs(value, "100-continue");
	return ERR_OK;
}

static const struct {
	const char *name;
	enum err (*take)(struct http_head *h, struct slice value);
} framing_fields[] = {
	{ "Content-Length", on_length },    /* RFC 9110 8.6 */
	{ "Transfer-Encoding", on_coding }, /* RFC 9112 6.1 */
	{ "Connection", on_connection },    /* RFC 9110 7.6.1 */
	{ "Expect", on_expect },            /* RFC 9110 10.1.1 */
};

static enum err understand(struct http_head *h)
{
	size_t hosts = 0;

	h->keep_alive = h->minor >= 1;
	for (size_t i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];
		hosts += slice_ieqs(f->name, "Host");
		for (size_t k = 0;
			k < sizeof(framing_fields) / sizeof(framing_fields[0]);
			k++)
			if (slice_ieqs(f->name, framing_fields[k].name))
				TRY(framing_fields[k].take(h, f->value));
	}
	/* RFC 9112 3.2: exactly one Host; 6.1: one length, and no chunks in
	 * HTTP/1.0. */
	if (hosts > 1 || (hosts == 0 && h->minor >= 1) ||
		(h->chunked && (h->has_length || h->minor == 0)))
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err http_head_parse(struct slice head, struct http_head *out)
{
	struct cursor c = cursor_of(slice_from(head, leading_crlf(head)));

	memset(out, 0, sizeof(*out));
	if (head.n > LIMIT_HTTP_HEAD)
		return ERR_LIMIT;
	TRY(request_line(&c, out));
	while (!p_crlf(&c))
		TRY(field_line(&c, out));
	return p_end(&c) ? understand(out) : ERR_SYNTAX;
}

struct slice http_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (slice_ieqs(h->fields[i].name, name))
			return h->fields[i].value;
	return slice_of(NULL, 0);
}

/* --- bodies ------------------------------------------------------------------ */
/*
 *	chunked (RFC 9112 7.1):
 *	SIZE0 -digit-> SIZE -";"-> EXT -CR-> SIZE_LF -LF, >0-> DATA -> DATA_CR
 *	  ^                                    |                         |
 *	  +------------------------------------|--- DATA_LF <------------+
 *	                                  0, trailers
 *	LINE0 -char-> LINE -CR-> LINE_LF -LF-> LINE0 -CR-> END_LF -LF-> OVER
 */
enum state {
	PLAIN,
	SIZE0,
	SIZE,
	EXT,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	LINE0,
	LINE,
	LINE_LF,
	END_LF,
	OVER,
	BAD
};

void http_body_init(struct http_body *b, const struct http_head *h)
{
	*b = (struct http_body){ .chunked = h->chunked,
		.left = h->chunked ? 0 : h->length,
		.state = h->chunked ? SIZE0 : PLAIN };
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int on_size(struct http_body *b, char c)
{
	int d = hex_value(c);

	if (d >= 0) {
		if (b->left >> 60) {
			b->err = ERR_LIMIT;
			return BAD;
		}
		b->left = b->left << 4 | (unsigned)d;
		return SIZE;
	}
	if (b->state == SIZE0)
		return BAD;
	return c == '\r' ? SIZE_LF : c == ';' ? EXT : BAD;
}

/* Text that nobody reads: extensions and trailers. */
static int on_extra(struct http_body *b, char c, int after_cr)
{
	if (c == '\r')
		return after_cr;
	if (c == '\n' || c == '\0')
		return BAD;
	if (++b->extra > LIMIT_HTTP_HEAD) {
		b->err = ERR_LIMIT;
		return BAD;
	}
	return b->state == LINE0 ? LINE : b->state;
}

static int on_byte(struct http_body *b, char c)
{
	bool lf = c == '\n';

	switch (b->state) {
	case SIZE0:
	case SIZE:
		return on_size(b, c);
	case EXT:
		return on_extra(b, c, SIZE_LF);
	case SIZE_LF:
		return !lf ? BAD : b->left ? DATA : LINE0;
	case DATA_CR:
		return c == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		return lf ? SIZE0 : BAD;
	case LINE0:
		return on_extra(b, c, END_LF);
	case LINE:
		return on_extra(b, c, LINE_LF);
	case LINE_LF:
		return lf ? LINE0 : BAD;
	case END_LF:
		return lf ? OVER : BAD;
	default:
		return BAD;
	}
}

static enum frame_step give_data(
	struct http_body *b, struct slice in, size_t *taken)
{
	size_t n = b->left < in.n ? (size_t)b->left : in.n;

	b->data = slice_head(in, n);
	b->left -= n;
	*taken += n;
	if (!b->left)
		b->state = b->state == PLAIN ? OVER : DATA_CR;
	return FRAME_DATA;
}

enum frame_step http_body_step(
	struct http_body *b, struct slice in, size_t *taken)
{
	*taken = 0;
	if (b->state == PLAIN && !b->left)
		b->state = OVER;
	while (b->state != OVER && b->state != BAD && *taken < in.n) {
		if (b->state == PLAIN || b->state == DATA)
			return give_data(b, slice_from(in, *taken), taken);
		b->state = on_byte(b, in.p[*taken]);
		++*taken;
	}
	if (b->state == OVER)
		return FRAME_DONE;
	if (b->state != BAD)
		return FRAME_MORE;
	if (b->err == ERR_OK)
		b->err = ERR_SYNTAX;
	return FRAME_BAD;
}
