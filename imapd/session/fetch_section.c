/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where the bytes of BODY[section] are (RFC 9051 6.4.5.1): in the sealed body,
 * found by the structure that was made on arrival; only HEADER.FIELDS are made
 * from the header block.
 */
#include "fetch.h"

static void set_region(struct region *out, uint64_t start, uint64_t size)
{
	*out = (struct region){ .exists = true, .start = start, .size = size };
}

static bool is_asked(const struct section *s, struct slice name)
{
	for (size_t k = 0; k < s->n_fields; k++)
		if (slice_ieq(s->fields[k], name))
			return true;
	return false;
}

/* The fields asked for (or not asked for), and the empty line. */
static enum err pick_fields(struct arena *a, struct slice header,
	const struct section *s, struct slice *out)
{
	struct mail_field f;
	struct buf b;

	buf_init(&b, LIMIT_HEADER + 16);
	while (mail_next_field(&header, &f))
		if (is_asked(s, f.name) == (s->kind == SECTION_FIELDS))
			buf_add_slice(&b, f.raw);
	buf_adds(&b, "\r\n");
	enum err e = buf_err(&b);
	*out = arena_copy(a, buf_slice(&b));
	buf_free(&b);
	return e != ERR_OK ? e : out->p ? ERR_OK : ERR_NOMEM;
}

static enum err header_fields(struct account *from, struct arena *a,
	const struct message_row *row, const struct mail_part *root,
	const struct section *s, struct region *out)
{
	size_t n = root->header_size, got;

	if (n > LIMIT_HEADER)
		n = LIMIT_HEADER;
	char *p = arena_alloc(a, n);
	if (!p)
		return ERR_NOMEM;
	TRY(body_read(from, row->body, root->header_start, p, n, &got));
	*out = (struct region){ .exists = true, .is_made = true };
	TRY(pick_fields(a, slice_of(p, got), s, &out->made));
	out->size = out->made.n;
	return ERR_OK;
}

static void cut(struct region *r, const struct section *s)
{
	if (!s->partial || !r->exists)
		return;
	uint64_t at = s->offset < r->size ? s->offset : r->size;
	uint64_t n = r->size - at < s->length ? r->size - at : s->length;
	r->start += at;
	r->made = slice_head(slice_from(r->made, at), n);
	r->size = n;
}

/* A section inside the tree; `part` is what its numbers name. */
static enum err in_tree(struct account *from, struct arena *a,
	const struct message_row *row, const struct mail_structure *tree,
	const struct section *s, struct region *out)
{
	const struct mail_part *part = mail_part_find(tree, s->part, s->n_part);

	if (!part)
		return ERR_OK; /* NIL */
	if (s->kind == SECTION_ALL) {
		set_region(out, part->body_start, part->body_size);
		if (part->kind == MAIL_LEAF)
			out->encoding = part->encoding;
		return ERR_OK;
	}
	if (s->kind == SECTION_MIME) {
		set_region(out, part->header_start, part->header_size);
		return ERR_OK;
	}
	const struct mail_part *root =
		s->n_part ? mail_message_of(tree, part) : part;
	/* "1.HEADER" of a message that is itself no message/rfc822 in part 1:
	 * RFC 9051 gives it no meaning. */
	if (!root || (s->n_part && part->kind != MAIL_MESSAGE))
		return ERR_OK;
	if (s->n_part)
		root = &tree->parts[part->first_child];
	if (s->kind == SECTION_HEADER)
		set_region(out, root->header_start, root->header_size);
	else if (s->kind == SECTION_TEXT)
		set_region(out, root->body_start, root->body_size);
	else
		return header_fields(from, a, row, root, s, out);
	return ERR_OK;
}

enum err section_find(struct account *from, struct arena *a,
	const struct message_row *row, const struct section *s,
	struct region *out)
{
	struct mail_structure tree;

	*out = (struct region){ 0 };
	if (s->kind == SECTION_ALL && s->n_part == 0) {
		set_region(out, 0, row->size);
	} else {
		TRY(mail_structure_unpack(a, row->meta.structure, &tree));
		TRY(in_tree(from, a, row, &tree, s, out));
	}
	if (!s->binary)
		cut(out, s);
	return ERR_OK;
}
