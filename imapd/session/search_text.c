/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Substrings in the text of one message: a needle held against what the walk
 * over its text gives (text_walk.c). Of each piece as many bytes are carried
 * over as the needle is long, so that what lies across two pieces is found.
 */
#include "search.h"
#include "text_walk.h"

struct finder {
	struct search_needle *needle;
	struct buf carried; /* the end of the piece before */
};

static bool has(struct slice text, struct slice needle)
{
	return slice_find_slice(text, needle) <= text.n;
}

enum err search_look(struct search_needle *n, struct slice folded)
{
	if (!n->like) {
		if (has(folded, n->text))
			n->score = 100;
		return ERR_OK;
	}
	TRY(fulltext_fuzzy_text(n->like, folded));
	TRY(fulltext_fuzzy_break(n->like));
	n->score = fulltext_fuzzy_score(n->like);
	return ERR_OK;
}

/* Across the end of the piece before and the begin of this one. */
static enum err look_across(struct finder *f, struct slice text)
{
	size_t carry = f->needle->text.n - 1, before = f->carried.n;

	TRY(buf_add_slice(&f->carried, slice_head(text, carry)));
	if (before && has(buf_slice(&f->carried), f->needle->text))
		f->needle->score = 100;
	if (f->carried.n > carry)
		buf_consume(&f->carried, f->carried.n - carry);
	if (text.n <= carry)
		return ERR_OK;
	buf_reset(&f->carried);
	return buf_add_slice(&f->carried, slice_from(text, text.n - carry));
}

static enum err on_text(void *arg, unsigned zone, struct slice text)
{
	struct finder *f = arg;
	struct search_needle *n = f->needle;

	if (n->like)
		return fulltext_fuzzy_text(n->like, text);
	TRY(search_look(n, text));
	return n->score || n->text.n < 2 ? ERR_OK : look_across(f, text);
}

static enum err on_end(void *arg)
{
	struct finder *f = arg;
	struct search_needle *n = f->needle;

	if (n->like) {
		TRY(fulltext_fuzzy_break(n->like));
		n->score = fulltext_fuzzy_score(n->like);
	}
	buf_reset(&f->carried);
	return ERR_OK;
}

/* TEXT looks at every header, BODY at those inside the body: of its parts, and
 * of messages in it. */
enum err search_text(struct account *from, const struct message_row *row,
	struct arena *scratch, struct search_needle *needle, bool with_header)
{
	struct finder f = { .needle = needle };
	const struct text_sink sink = { on_text, on_end, &f };
	struct text_walk *w;
	enum err e = ERR_AGAIN;

	if (needle->text.n == 0)
		needle->score = 100;
	TRY(text_walk_new(from, row->body, row->size, row->meta.structure,
		with_header ? FULLTEXT_HEADER | FULLTEXT_BODY : FULLTEXT_BODY,
		needle->collation, scratch, &sink, &w));
	buf_init(&f.carried, 2 * LIMIT_IMAP_COMMAND);
	while (e == ERR_AGAIN && needle->score < 100)
		e = text_walk_more(w);
	buf_free(&f.carried);
	text_walk_free(w);
	return e == ERR_AGAIN ? ERR_OK : e;
}

/* --- one field ----------------------------------------------------------------------- */

static enum err read_header(struct account *from, const struct message_row *row,
	struct arena *scratch, struct slice *out)
{
	struct mail_structure s;
	size_t got;

	TRY(mail_structure_unpack(scratch, row->meta.structure, &s));
	size_t n = s.parts[0].header_size;
	n = n < LIMIT_HEADER ? n : LIMIT_HEADER;
	char *p = arena_alloc(scratch, n + 1);
	if (!p)
		return ERR_NOMEM;
	TRY(body_read(from, row->body, s.parts[0].header_start, p, n, &got));
	*out = slice_of(p, got);
	return ERR_OK;
}

/* Fields of that name whose decoded value has the needle. An empty needle asks
 * whether the field is there. */
enum err search_header(struct account *from, const struct message_row *row,
	struct arena *scratch, struct slice field, struct search_needle *needle)
{
	struct slice header;
	struct mail_field f;
	struct buf words, folded;

	TRY(read_header(from, row, scratch, &header));
	buf_init(&words, LIMIT_FIELD * 8);
	buf_init(&folded, SEARCH_FIELD_MAX);
	enum err e = ERR_OK;
	while (needle->score < 100 && e == ERR_OK &&
		mail_next_field(&header, &f)) {
		if (!slice_ieq(f.name, field))
			continue;
		buf_reset(&words);
		buf_reset(&folded);
		mail_words_decode(mail_unfold(scratch, f.value), &words);
		mail_collate(needle->collation, buf_slice(&words), &folded);
		e = search_look(needle, buf_slice(&folded));
	}
	buf_free(&words);
	buf_free(&folded);
	return e;
}
