/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * BODY and BODYSTRUCTURE of a message's tree (RFC 9051 7.5.2). The tree is
 * walked along its own links, without recursion: a part is opened on the way
 * down and closed on the way up.
 */
#include "imap.h"

static void put_params(struct buf *b, const struct mail_params *p)
{
	if (p->n == 0) {
		buf_adds(b, "NIL");
		return;
	}
	buf_addc(b, '(');
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			buf_addc(b, ' ');
		put_string(b, p->list[i].name);
		buf_addc(b, ' ');
		put_string(b, p->list[i].value);
	}
	buf_addc(b, ')');
}

static void put_disposition(struct buf *b, const struct mail_part *p)
{
	if (!p->disposition.p) {
		buf_adds(b, "NIL");
		return;
	}
	buf_addc(b, '(');
	put_string(b, p->disposition);
	buf_addc(b, ' ');
	put_params(b, &p->disposition_params);
	buf_addc(b, ')');
}

/* One tag, or a list of them (body-fld-lang). */
static void put_language(struct buf *b, struct slice raw)
{
	if (slice_find(raw, ',') == raw.n) {
		put_nstring(b, raw);
		return;
	}
	buf_addc(b, '(');
	for (bool first = true; raw.n; first = false) {
		struct slice one = slice_trim(slice_cut(raw, ',', &raw));
		if (!first)
			buf_addc(b, ' ');
		put_string(b, one);
	}
	buf_addc(b, ')');
}

static void put_extension(struct buf *b, const struct mail_part *p)
{
	buf_addc(b, ' ');
	put_disposition(b, p);
	buf_addc(b, ' ');
	put_language(b, p->language);
	buf_addc(b, ' ');
	put_nstring(b, p->location);
}

/* type .. octets, the fields that all single parts have. */
static void open_single(struct buf *b, const struct mail_part *p)
{
	put_string(b, p->type);
	buf_addc(b, ' ');
	put_string(b, p->subtype);
	buf_addc(b, ' ');
	put_params(b, &p->params);
	buf_addc(b, ' ');
	put_nstring(b, p->id);
	buf_addc(b, ' ');
	put_nstring(b, p->description);
	buf_addc(b, ' ');
	put_string(b, p->encoding.p ? p->encoding : slice_str("7bit"));
	buf_addf(b, " %u", p->body_size);
}

static void open_part(struct buf *b, struct arena *a, const struct mail_part *p)
{
	struct mail_envelope e = { 0 };

	buf_addc(b, '(');
	if (p->kind == MAIL_MULTIPART) {
		/* The grammar wants a part where the message has none. */
		if (p->n_children == 0)
			buf_adds(b, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" "
				    "0 0)");
		return;
	}
	open_single(b, p);
	if (p->kind != MAIL_MESSAGE)
		return;
	if (p->envelope.p && mail_envelope_unpack(a, p->envelope, &e) != ERR_OK)
		e = (struct mail_envelope){ 0 };
	buf_addc(b, ' ');
	put_envelope(b, &e);
	buf_addc(b, ' ');
}

static void close_part(struct buf *b, const struct mail_part *p, bool extended)
{
	if (p->kind == MAIL_MULTIPART) {
		buf_addc(b, ' ');
		put_string(b, p->subtype);
		if (extended) {
			buf_addc(b, ' ');
			put_params(b, &p->params);
			put_extension(b, p);
		}
		buf_addc(b, ')');
		return;
	}
	if (p->kind == MAIL_MESSAGE || slice_ieqs(p->type, "text"))
		buf_addf(b, " %u", p->body_lines);
	if (extended) {
		buf_addc(b, ' ');
		put_nstring(b, p->md5);
		put_extension(b, p);
	}
	buf_addc(b, ')');
}

void put_structure(struct buf *b, struct arena *a,
	const struct mail_structure *s, bool extended)
{
	uint16_t at = 0;

	for (;;) {
		const struct mail_part *p = &s->parts[at];
		open_part(b, a, p);
		if (p->first_child != MAIL_NO_PART) {
			at = p->first_child;
			continue;
		}
		close_part(b, p, extended);
		while (p->next == MAIL_NO_PART && p->parent != MAIL_NO_PART) {
			p = &s->parts[p->parent];
			close_part(b, p, extended);
		}
		if (p->next == MAIL_NO_PART)
			return;
		at = p->next;
	}
}
