/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The walk over a message's text. A part's text is decoded in windows that end
 * at line ends, so that no character is cut and memory stays bounded whatever
 * the part's size.
 *
 *   HEADER --its fields--> TEXT --windows--> HEADER of the next part ...
 */
#include "text_walk.h"

#define PIECE KIB(64)
#define WINDOW KIB(256)

enum stage { HEADER, TEXT };

struct text_walk {
	struct account *account;
	uint64_t body, size;
	unsigned zones;
	enum mail_collation collation;
	struct arena *scratch;
	struct text_sink sink;
	struct mail_structure structure;
	size_t part, end; /* the current one, and behind the last */
	bool only_text;
	enum stage stage;
	uint64_t at, left;  /* of the text that is being read */
	struct slice whole; /* of a small message, opened once */
	char *piece;        /* of a large one */
	struct slice charset;
	struct mail_decoder decoder;
	struct buf decoded, utf8, folded;
};

enum err text_walk_new(struct account *a, uint64_t body, uint64_t size,
	struct slice structure, unsigned zones, enum mail_collation collation,
	struct arena *scratch, const struct text_sink *sink,
	struct text_walk **out)
{
	struct text_walk *w = mem_new(struct text_walk);

	if (!w)
		return ERR_NOMEM;
	*w = (struct text_walk){ .account = a,
		.body = body,
		.size = size,
		.zones = zones,
		.collation = collation,
		.scratch = scratch,
		.sink = *sink };
	buf_init(&w->decoded, WINDOW * 2);
	buf_init(&w->utf8, WINDOW * 16);
	buf_init(&w->folded, WINDOW * 32);
	enum err e = mail_structure_unpack(scratch, structure, &w->structure);
	if (e != ERR_OK) {
		text_walk_free(w);
		return e;
	}
	w->end = w->structure.n;
	*out = w;
	return ERR_OK;
}

void text_walk_only(struct text_walk *w, size_t part)
{
	w->part = part;
	w->end = part + 1;
	w->only_text = true;
	w->stage = HEADER;
}

const struct mail_structure *text_walk_structure(const struct text_walk *w)
{
	return &w->structure;
}

void text_walk_free(struct text_walk *w)
{
	if (!w)
		return;
	buf_free(&w->decoded);
	buf_free(&w->utf8);
	buf_free(&w->folded);
	mem_free(w);
}

/* --- reading ------------------------------------------------------------------------ */

static bool is_small(const struct text_walk *w)
{
	return w->size <= PIECE;
}

static enum err read_bytes(struct text_walk *w, uint64_t start, char *p,
	size_t n, struct slice *out)
{
	size_t got;

	if (!p)
		return ERR_NOMEM;
	TRY(body_read(w->account, w->body, start, p, n, &got));
	*out = slice_of(p, got);
	return ERR_OK;
}

/* Up to `n` bytes from `start` on; of a large message into `p`. */
static enum err bytes_at(struct text_walk *w, uint64_t start, size_t n, char *p,
	struct slice *out)
{
	if (!is_small(w))
		return read_bytes(w, start, p, n, out);
	size_t size = (size_t)w->size;
	if (!w->whole.p)
		TRY(read_bytes(w, 0, arena_alloc(w->scratch, size + 1), size,
			&w->whole));
	*out = slice_head(slice_from(w->whole, start), n);
	return ERR_OK;
}

/* --- headers ------------------------------------------------------------------------- */

/* Names of fields are text too: "subject: hello". */
static enum err one_field(
	struct text_walk *w, unsigned zone, const struct mail_field *f)
{
	struct slice value = mail_unfold(w->scratch, f->raw);

	buf_reset(&w->utf8);
	buf_reset(&w->folded);
	mail_words_decode(value, &w->utf8);
	mail_collate(w->collation, buf_slice(&w->utf8), &w->folded);
	TRY(w->sink.text(w->sink.arg, zone, buf_slice(&w->folded)));
	return w->sink.end(w->sink.arg);
}

static enum err fields_of(
	struct text_walk *w, const struct mail_part *p, unsigned zone)
{
	size_t n =
		p->header_size < LIMIT_HEADER ? p->header_size : LIMIT_HEADER;
	char *room = is_small(w) ? NULL : arena_alloc(w->scratch, n + 1);
	struct slice header;
	struct mail_field f;

	TRY(bytes_at(w, p->header_start, n, room, &header));
	while (mail_next_field(&header, &f))
		TRY(one_field(w, zone, &f));
	return ERR_OK;
}

/* --- text of parts ----------------------------------------------------------------------- */

/* The first `n` decoded bytes. */
static enum err give(struct text_walk *w, size_t n)
{
	buf_reset(&w->utf8);
	buf_reset(&w->folded);
	TRY(mail_to_utf8(
		slice_head(buf_slice(&w->decoded), n), w->charset, &w->utf8));
	TRY(mail_collate(w->collation, buf_slice(&w->utf8), &w->folded));
	buf_consume(&w->decoded, n);
	return w->sink.text(w->sink.arg, FULLTEXT_BODY, buf_slice(&w->folded));
}

static enum err one_piece(struct text_walk *w)
{
	size_t want = w->left < PIECE ? (size_t)w->left : PIECE;
	struct slice piece;

	if (!is_small(w) && !w->piece)
		w->piece = arena_alloc(w->scratch, PIECE);
	TRY(bytes_at(w, w->at, want, w->piece, &piece));
	if (piece.n == 0)
		return ERR_CORRUPT;
	w->at += piece.n;
	w->left -= piece.n;
	TRY(mail_decode(&w->decoder, piece, &w->decoded));
	size_t n = w->decoded.n;
	while (w->left && n && w->decoded.p[n - 1] != '\n')
		n--;
	if (n == 0 && w->decoded.n >= WINDOW)
		n = w->decoded.n;
	return n ? give(w, n) : ERR_OK;
}

/* --- parts -------------------------------------------------------------------------------- */

static enum err begin_part(struct text_walk *w)
{
	const struct mail_part *p = &w->structure.parts[w->part];
	unsigned zone = w->part ? FULLTEXT_BODY : FULLTEXT_HEADER;

	if ((w->zones & zone) && !w->only_text)
		TRY(fields_of(w, p, zone));
	w->left = 0;
	if ((w->zones & FULLTEXT_BODY) && p->kind == MAIL_LEAF &&
		slice_ieqs(p->type, "text")) {
		w->at = p->body_start;
		w->left = p->body_size;
		w->charset = mail_param(&p->params, "charset");
		mail_decoder_init(&w->decoder, mail_encoding_of(p->encoding));
		buf_reset(&w->decoded);
	}
	w->stage = TEXT;
	return ERR_OK;
}

enum err text_walk_more(struct text_walk *w)
{
	if (w->part == w->end)
		return ERR_OK;
	if (w->stage == HEADER) {
		TRY(begin_part(w));
	} else if (w->left) {
		TRY(one_piece(w));
	} else {
		TRY(w->sink.end(w->sink.arg));
		w->part++;
		w->stage = HEADER;
	}
	return w->part == w->end ? ERR_OK : ERR_AGAIN;
}
