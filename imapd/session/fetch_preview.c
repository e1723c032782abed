/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * PREVIEW (RFC 8970): the first characters of the first text in a message that
 * has some, made when it is asked for. LAZY gets it too: a message's start is
 * read in a few milliseconds at most.
 */
#include "fetch.h"
#include "text_walk.h"

/* Of one part: newsletters have 100 KiB of styles before their first word. */
#define PREVIEW_BYTES KIB(256)
/* Parts that are tried. */
#define PREVIEW_PARTS 4

struct preview {
	struct account *account;
	const struct message_row *row;
	struct arena *arena;
	struct text_walk *walk; /* over `part` */
	size_t part, tried;
	struct mail_html html;
	struct mail_preview text;
	struct buf plain; /* of a piece of HTML */
	size_t bytes;
};

void preview_free(struct preview *p)
{
	if (!p)
		return;
	text_walk_free(p->walk);
	buf_free(&p->plain);
	mem_free(p);
}

/* ERR_EOF: it has enough. */
static enum err on_text(void *arg, unsigned zone, struct slice utf8)
{
	struct preview *p = arg;

	(void)zone;
	p->bytes += utf8.n;
	if (p->text.html) {
		buf_reset(&p->plain);
		TRY(mail_html_text(&p->html, utf8, &p->plain));
		utf8 = buf_slice(&p->plain);
	}
	return mail_preview_add(&p->text, utf8) || p->bytes >= PREVIEW_BYTES
		       ? ERR_EOF
		       : ERR_OK;
}

static enum err on_end(void *arg)
{
	(void)arg;
	return ERR_EOF;
}

enum err preview_begin(struct account *a, const struct message_row *row,
	struct arena *arena, struct preview **out)
{
	struct preview *p = mem_new(struct preview);

	if (!p)
		return ERR_NOMEM;
	*p = (struct preview){ .account = a, .row = row, .arena = arena };
	buf_init(&p->plain, MIB(8));
	const struct text_sink sink = {
		.text = on_text, .end = on_end, .arg = p
	};
	enum err e = text_walk_new(a, row->body, row->size, row->meta.structure,
		FULLTEXT_BODY, COLLATE_OCTET, arena, &sink, &p->walk);
	if (e != ERR_OK) {
		preview_free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

static bool is_text(const struct mail_part *part)
{
	return part->kind == MAIL_LEAF && slice_ieqs(part->type, "text") &&
	       (slice_ieqs(part->subtype, "plain") ||
		       slice_ieqs(part->subtype, "html")) &&
	       !slice_ieqs(part->disposition, "attachment");
}

/* The next part that may have something; false: there is none. */
static bool next_part(struct preview *p)
{
	const struct mail_structure *s = text_walk_structure(p->walk);

	if (p->tried == PREVIEW_PARTS)
		return false;
	if (p->tried)
		p->part++;
	while (p->part < s->n && !is_text(&s->parts[p->part]))
		p->part++;
	if (p->part == s->n)
		return false;
	p->tried++;
	p->bytes = 0;
	mail_html_init(&p->html);
	mail_preview_init(
		&p->text, slice_ieqs(s->parts[p->part].subtype, "html"));
	text_walk_only(p->walk, p->part);
	return true;
}

enum err preview_more(struct imap *i, struct preview *p, uint64_t started_us,
	struct slice *out)
{
	enum err e = p->tried ? ERR_AGAIN : ERR_EOF;

	for (;;) {
		if (e != ERR_AGAIN) {
			*out = mail_preview_text(&p->text);
			if (out->n || !next_part(p))
				return ERR_OK;
		}
		if (imap_slice_over(i, started_us))
			return ERR_AGAIN;
		e = text_walk_more(p->walk);
		if (e != ERR_OK && e != ERR_AGAIN && e != ERR_EOF)
			return e;
	}
}
