/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Substrings in headers and in the text of parts, decoded and folded. Text is
 * looked at in windows that end at line ends, with the needle's length carried
 * over, so that memory stays bounded whatever a part's size.
 */
#include "search.h"

#define PIECE KIB(64)
#define WINDOW KIB(256)

struct finder {
	struct search_needle needle;
	struct slice charset;
	struct mail_decoder decoder;
	struct buf decoded; /* bytes of the charset, not yet converted */
	struct buf utf8;
	struct buf folded; /* the window; its start is carried over */
	bool found;
};

static void finder_init(struct finder *f, struct search_needle needle)
{
	*f = (struct finder){ .needle = needle };
	buf_init(&f->decoded, WINDOW * 2);
	buf_init(&f->utf8, WINDOW * 16);
	buf_init(&f->folded, WINDOW * 32);
}

static void finder_free(struct finder *f)
{
	buf_free(&f->decoded);
	buf_free(&f->utf8);
	buf_free(&f->folded);
}

static void finder_start(
	struct finder *f, struct slice charset, enum mail_encoding encoding)
{
	f->charset = charset;
	mail_decoder_init(&f->decoder, encoding);
	buf_reset(&f->decoded);
	buf_reset(&f->folded);
}

/* Converts the first `n` decoded bytes and looks at the window. */
static enum err look(struct finder *f, size_t n)
{
	buf_reset(&f->utf8);
	TRY(mail_to_utf8(
		slice_head(buf_slice(&f->decoded), n), f->charset, &f->utf8));
	TRY(mail_collate(f->needle.collation, buf_slice(&f->utf8), &f->folded));
	buf_consume(&f->decoded, n);
	f->found = slice_find_slice(buf_slice(&f->folded), f->needle.text) <=
		   f->folded.n;
	size_t carry = f->needle.text.n ? f->needle.text.n - 1 : 0;
	if (f->folded.n > carry)
		buf_consume(&f->folded, f->folded.n - carry);
	return ERR_OK;
}

static enum err finder_feed(struct finder *f, struct slice raw)
{
	TRY(mail_decode(&f->decoder, raw, &f->decoded));
	/* A character is never cut at a line end. */
	size_t n = f->decoded.n;
	while (n && f->decoded.p[n - 1] != '\n')
		n--;
	if (n == 0 && f->decoded.n >= WINDOW)
		n = f->decoded.n;
	return n ? look(f, n) : ERR_OK;
}

static enum err finder_end(struct finder *f)
{
	return f->decoded.n ? look(f, f->decoded.n) : ERR_OK;
}

/* --- reading --------------------------------------------------------------------- */

/* The message that is looked at. Most fit into one piece, which is opened once
 * for the header and all parts. */
struct text {
	struct imap *i;
	const struct message_row *row;
	struct arena *scratch;
	struct slice whole; /* of a small message, once it was read */
};

static bool is_small(const struct text *t)
{
	return t->row->size <= PIECE;
}

static enum err read_bytes(
	struct text *t, uint64_t start, char *p, size_t n, struct slice *out)
{
	size_t got;

	if (!p)
		return ERR_NOMEM;
	TRY(body_read(t->i->account, t->row->body, start, p, n, &got));
	*out = slice_of(p, got);
	return ERR_OK;
}

/* Up to `n` bytes from `start` on, of a small message. */
static enum err small_bytes(
	struct text *t, uint64_t start, size_t n, struct slice *out)
{
	size_t size = (size_t)t->row->size;

	if (!t->whole.p)
		TRY(read_bytes(
			t, 0, arena_alloc(t->scratch, size), size, &t->whole));
	*out = slice_head(slice_from(t->whole, start), n);
	return ERR_OK;
}

static enum err read_through(
	struct text *t, uint64_t start, uint64_t size, struct finder *f)
{
	char *p = is_small(t) ? NULL : arena_alloc(t->scratch, PIECE);

	while (size && !f->found) {
		size_t want = size < PIECE ? (size_t)size : PIECE;
		struct slice piece;
		TRY(is_small(t) ? small_bytes(t, start, want, &piece)
				: read_bytes(t, start, p, want, &piece));
		if (piece.n == 0)
			return ERR_CORRUPT;
		TRY(finder_feed(f, piece));
		start += piece.n;
		size -= piece.n;
	}
	return f->found ? ERR_OK : finder_end(f);
}

/* --- headers -------------------------------------------------------------------- */

static enum err read_header(
	struct text *t, const struct mail_part *p, struct slice *out)
{
	size_t n =
		p->header_size < LIMIT_HEADER ? p->header_size : LIMIT_HEADER;

	if (is_small(t))
		return small_bytes(t, p->header_start, n, out);
	return read_bytes(
		t, p->header_start, arena_alloc(t->scratch, n), n, out);
}

/* Fields of that name (all, when empty) whose decoded value has the needle.
 * An empty needle asks whether the field is there. */
static enum err in_fields(struct slice header, struct slice field,
	struct search_needle needle, struct arena *scratch, bool *out)
{
	struct mail_field f;
	struct buf words, folded;

	buf_init(&words, SEARCH_FIELD_MAX);
	buf_init(&folded, SEARCH_FIELD_MAX);
	*out = false;
	while (!*out && mail_next_field(&header, &f)) {
		if (field.n && !slice_ieq(f.name, field))
			continue;
		/* TEXT finds names of fields too: "subject: hello". */
		struct slice raw = field.n ? f.value : f.raw;
		struct slice value = mail_unfold(scratch, raw);
		buf_reset(&words);
		buf_reset(&folded);
		mail_words_decode(value, &words);
		mail_collate(needle.collation, buf_slice(&words), &folded);
		*out = slice_find_slice(buf_slice(&folded), needle.text) <=
		       folded.n;
	}
	buf_free(&words);
	buf_free(&folded);
	return ERR_OK;
}

enum err search_header(struct imap *i, const struct message_row *row,
	struct arena *scratch, struct slice field, struct search_needle needle,
	bool *out)
{
	struct text t = { .i = i, .row = row, .scratch = scratch };
	struct mail_structure s;
	struct slice header;

	TRY(mail_structure_unpack(scratch, row->meta.structure, &s));
	TRY(read_header(&t, &s.parts[0], &header));
	return in_fields(header, field, needle, scratch, out);
}

/* --- whole messages ---------------------------------------------------------------- */

static enum err in_part(struct text *t, const struct mail_part *p,
	struct search_needle needle, bool with_header, bool *out)
{
	struct slice header, none = { 0 };

	if (with_header) {
		TRY(read_header(t, p, &header));
		TRY(in_fields(header, none, needle, t->scratch, out));
		if (*out)
			return ERR_OK;
	}
	if (p->kind != MAIL_LEAF || !slice_ieqs(p->type, "text"))
		return ERR_OK;
	struct finder f;
	finder_init(&f, needle);
	finder_start(&f, mail_param(&p->params, "charset"),
		mail_encoding_of(p->encoding));
	enum err e = read_through(t, p->body_start, p->body_size, &f);
	*out = f.found;
	finder_free(&f);
	return e;
}

/* TEXT looks at every header, BODY at those inside the body: of its parts, and
 * of messages in it. */
enum err search_text(struct imap *i, const struct message_row *row,
	struct arena *scratch, struct search_needle needle, bool with_header,
	bool *out)
{
	struct text t = { .i = i, .row = row, .scratch = scratch };
	struct mail_structure s;

	*out = needle.text.n == 0;
	TRY(mail_structure_unpack(scratch, row->meta.structure, &s));
	for (size_t k = 0; k < s.n && !*out; k++)
		TRY(in_part(
			&t, &s.parts[k], needle, with_header || k > 0, out));
	return ERR_OK;
}
