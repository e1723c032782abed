/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * BINARY[section] (RFC 3516 4.2): a part without its transfer encoding. What
 * is announced before it is sent is its size, and whether it has a NUL: so it
 * is decoded twice, in slices, and never held.
 */
#include "fetch.h"

#define PIECE KIB(64)

/* Those that RFC 2045 6 defines; "" is a part that names none. */
static bool is_known(struct slice name)
{
	static const char *const identity[] = { "", "7bit", "8bit", "binary" };

	for (size_t k = 0; k < sizeof(identity) / sizeof(identity[0]); k++)
		if (slice_ieqs(name, identity[k]))
			return true;
	return mail_encoding_of(name) != MAIL_7BIT;
}

static void rewind_to_start(struct binary *b)
{
	mail_decoder_init(&b->decoder, b->encoding);
	b->at = 0;
	b->decoded = 0;
}

enum err binary_begin(
	struct binary *b, const struct region *r, const struct section *s)
{
	if (!is_known(r->encoding))
		return ERR_ENCODING;
	if (!b->piece.max) /* an escape that was no escape comes out too */
		buf_init(&b->piece, PIECE + sizeof(b->decoder.held));
	b->encoding = mail_encoding_of(r->encoding);
	b->start = r->start;
	b->encoded = r->size;
	b->from = s->partial ? s->offset : 0;
	b->to = s->partial ? b->from + s->length : UINT64_MAX;
	b->size = 0;
	b->has_nul = false;
	rewind_to_start(b);
	return ERR_OK;
}

/* Decodes the next piece; `out` is what of it is asked for. */
static enum err next(struct imap *i, uint64_t body, struct binary *b,
	char raw[PIECE], struct slice *out)
{
	uint64_t left = b->encoded - b->at;
	size_t want = left < PIECE ? (size_t)left : PIECE, got;

	TRY(body_read(i->box, body, b->start + b->at, raw, want, &got));
	if (got != want)
		return ERR_CORRUPT;
	buf_reset(&b->piece);
	TRY(mail_decode(&b->decoder, slice_of(raw, got), &b->piece));
	struct slice all = buf_slice(&b->piece);
	uint64_t before = b->decoded;
	b->at += got;
	b->decoded += all.n;
	*out = slice_head(all, 0);
	if (before < b->to && b->decoded > b->from) {
		size_t skip = b->from > before ? b->from - before : 0;
		size_t end = b->to < b->decoded ? b->to - before : all.n;
		*out = slice_from(slice_head(all, end), skip);
	}
	return ERR_OK;
}

enum err binary_measure(
	struct imap *i, uint64_t body, struct binary *b, uint64_t started_us)
{
	char raw[PIECE];
	struct slice piece;

	while (b->at < b->encoded && b->decoded < b->to) {
		if (imap_slice_over(i, started_us))
			return ERR_AGAIN;
		TRY(next(i, body, b, raw, &piece));
		b->size += piece.n;
		b->has_nul |= slice_find(piece, '\0') < piece.n;
	}
	rewind_to_start(b);
	b->left = b->size;
	return ERR_OK;
}

enum err binary_send(
	struct imap *i, uint64_t body, struct binary *b, uint64_t started_us)
{
	char raw[PIECE];
	struct slice piece;

	while (b->left) {
		if (imap_slice_over(i, started_us))
			return ERR_AGAIN;
		if (b->at == b->encoded)
			return ERR_BUG;
		TRY(next(i, body, b, raw, &piece));
		buf_add_slice(&i->out, piece);
		b->left -= piece.n;
		imap_flush(i);
	}
	return ERR_OK;
}
