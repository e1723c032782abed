/* SPDX-License-Identifier: EUPL-1.2 */
/* Parts: their MIME header fields, their pack, and how to find one. */
#include "pack.h"
#include "scan_int.h"

/* --- header fields of a part ------------------------------------------------------ */

static void take_type(
	struct arena *a, struct slice value, struct mail_part *out)
{
	struct slice head, subtype;
	struct mail_params params;

	if (mail_params_parse(a, value, &head, &params) != ERR_OK)
		return;
	struct slice type = slice_trim(slice_cut(head, '/', &subtype));
	subtype = slice_trim(subtype);
	if (type.n == 0 || subtype.n == 0)
		return; /* RFC 2045 5.2: as if it were not there */
	out->type = type;
	out->subtype = subtype;
	out->params = params;
}

static void take_disposition(
	struct arena *a, struct slice value, struct mail_part *out)
{
	struct slice head;
	struct mail_params params;

	if (mail_params_parse(a, value, &head, &params) != ERR_OK || !head.n)
		return;
	out->disposition = head;
	out->disposition_params = params;
}

/* A token without comment: "base64 (really)". */
static struct slice token_of(struct slice value)
{
	return slice_trim(slice_head(value, slice_find(value, '(')));
}

static void take_field(
	struct arena *a, const struct mail_field *f, struct mail_part *out)
{
	struct {
		const char *name;
		struct slice *to;
	} texts[] = {
		{ "Content-ID", &out->id },
		{ "Content-Description", &out->description },
		{ "Content-Transfer-Encoding", &out->encoding },
		{ "Content-MD5", &out->md5 },
		{ "Content-Location", &out->location },
		{ "Content-Language", &out->language },
	};

	if (!slice_iprefix(f->name, "Content-"))
		return;
	if (slice_ieqs(f->name, "Content-Type") && !out->type.p)
		take_type(a, f->value, out);
	if (slice_ieqs(f->name, "Content-Disposition") && !out->disposition.p)
		take_disposition(a, f->value, out);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!slice_ieqs(f->name, texts[i].name) || texts[i].to->p)
			continue;
		struct slice value = mail_unfold(a, f->value);
		if (value.n)
			*texts[i].to = value;
	}
}

void part_take_header(struct arena *a, struct slice header, bool digest,
	struct mail_part *out)
{
	struct mail_field f;

	while (mail_next_field(&header, &f))
		take_field(a, &f, out);
	if (out->encoding.p)
		out->encoding = token_of(out->encoding);
	if (!out->encoding.n)
		out->encoding = slice_str("7bit");
	if (!out->type.p) {
		out->type = slice_str(digest ? "message" : "text");
		out->subtype = slice_str(digest ? "rfc822" : "plain");
	}
}

/* --- pack ----------------------------------------------------------------------- */

static void pack_params(struct buf *b, const struct mail_params *p)
{
	pack_number(b, p->n);
	for (size_t i = 0; i < p->n; i++) {
		pack_string(b, p->list[i].name);
		pack_string(b, p->list[i].value);
	}
}

static const struct slice *string_of(const struct mail_part *p, size_t i)
{
	const struct slice *all[] = { &p->type, &p->subtype, &p->id,
		&p->description, &p->encoding, &p->md5, &p->location,
		&p->disposition, &p->language, &p->envelope };

	return all[i];
}
#define N_STRINGS 10

/* A part's place in the tree is its parent: children come in order. */
enum err structure_pack(struct buf *b, const struct mail_part *parts, size_t n)
{
	buf_addc(b, PACK_VERSION);
	pack_number(b, n);
	for (size_t i = 0; i < n; i++) {
		const struct mail_part *p = &parts[i];
		pack_number(b, p->kind);
		pack_number(b, p->parent == MAIL_NO_PART ? 0 : p->parent + 1u);
		pack_number(b, p->header_start);
		pack_number(b, p->header_size);
		pack_number(b, p->body_start);
		pack_number(b, p->body_size);
		pack_number(b, p->body_lines);
		for (size_t k = 0; k < N_STRINGS; k++)
			pack_string(b, *string_of(p, k));
		pack_params(b, &p->params);
		pack_params(b, &p->disposition_params);
	}
	return buf_err(b);
}

static bool unpack_params(
	struct cursor *c, struct arena *a, struct mail_params *out)
{
	uint64_t n;

	if (!unpack_number(c, (uint64_t)(c->end - c->p) / 2 + 1, &n))
		return false;
	out->n = n;
	out->list = n ? arena_array(a, struct mail_param, n) : NULL;
	if (n && !out->list)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!unpack_string(c, &out->list[i].name) ||
			!unpack_string(c, &out->list[i].value))
			return false;
	return true;
}

static bool unpack_u32(struct cursor *c, uint32_t *out)
{
	uint64_t v;

	if (!unpack_number(c, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool unpack_part(
	struct cursor *c, struct arena *a, size_t index, struct mail_part *p)
{
	uint64_t kind, parent;

	if (!unpack_number(c, MAIL_MESSAGE, &kind) ||
		!unpack_number(c, index, &parent) ||
		(index > 0) != (parent > 0))
		return false;
	p->kind = (enum mail_kind)kind;
	p->parent = parent ? (uint16_t)(parent - 1) : MAIL_NO_PART;
	p->first_child = p->next = MAIL_NO_PART;
	if (!unpack_u32(c, &p->header_start) ||
		!unpack_u32(c, &p->header_size) ||
		!unpack_u32(c, &p->body_start) ||
		!unpack_u32(c, &p->body_size) || !unpack_u32(c, &p->body_lines))
		return false;
	for (size_t i = 0; i < N_STRINGS; i++)
		if (!unpack_string(
			    c, (struct slice *)(uintptr_t)string_of(p, i)))
			return false;
	return p->type.p && p->subtype.p && unpack_params(c, a, &p->params) &&
	       unpack_params(c, a, &p->disposition_params);
}

/* A leaf has no child and a message has one: callers count on it. */
static bool children_fit(const struct mail_structure *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct mail_part *p = &s->parts[i];
		if ((p->kind == MAIL_LEAF && p->n_children) ||
			(p->kind == MAIL_MESSAGE && p->n_children != 1))
			return false;
	}
	return true;
}

/* Children are appended in order; `last` remembers where, per parent. */
static enum err link_children(struct mail_structure *s, struct arena *a)
{
	uint16_t *last = arena_array(a, uint16_t, s->n);

	if (!last)
		return ERR_NOMEM;
	for (size_t i = 1; i < s->n; i++) {
		struct mail_part *up = &s->parts[s->parts[i].parent];
		if (up->n_children++ == 0)
			up->first_child = (uint16_t)i;
		else
			s->parts[last[s->parts[i].parent]].next = (uint16_t)i;
		last[s->parts[i].parent] = (uint16_t)i;
	}
	return children_fit(s) ? ERR_OK : ERR_CORRUPT;
}

enum err mail_structure_unpack(
	struct arena *a, struct slice pack, struct mail_structure *out)
{
	struct cursor c = cursor_of(pack);
	struct mail_structure s;
	uint64_t n;

	TRY(unpack_version(&c));
	if (!unpack_number(&c, LIMIT_MIME_PARTS, &n) || n == 0)
		return ERR_CORRUPT;
	s.n = n;
	s.parts = arena_array(a, struct mail_part, n);
	if (!s.parts)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (!unpack_part(&c, a, i, &s.parts[i]))
			return ERR_CORRUPT;
	if (!p_end(&c))
		return ERR_CORRUPT;
	TRY(link_children(&s, a));
	*out = s;
	return ERR_OK;
}

/* --- finding ------------------------------------------------------------------- */

static const struct mail_part *child(const struct mail_structure *s,
	const struct mail_part *p, uint32_t number)
{
	uint16_t at = p->first_child;

	if (number == 0 || number > p->n_children)
		return NULL;
	while (--number && at != MAIL_NO_PART)
		at = s->parts[at].next;
	return at == MAIL_NO_PART ? NULL : &s->parts[at];
}

/* Numbers go through a message part without one of their own: "2.1" of a
 * message/rfc822 at 2 is the first part of the message inside, or its body
 * when that is no multipart. */
const struct mail_part *mail_part_find(
	const struct mail_structure *s, const uint32_t *numbers, size_t n)
{
	const struct mail_part *p = &s->parts[0];

	for (size_t i = 0; i < n; i++) {
		const struct mail_part *in = p;
		if (i > 0 && p->kind == MAIL_MESSAGE)
			in = &s->parts[p->first_child];
		else if (i > 0 && p->kind == MAIL_LEAF)
			return NULL;
		if (in->kind == MAIL_MULTIPART)
			p = child(s, in, numbers[i]);
		else
			p = numbers[i] == 1 ? in : NULL;
		if (!p)
			return NULL;
	}
	return p;
}

const struct mail_part *mail_message_of(
	const struct mail_structure *s, const struct mail_part *part)
{
	if (part == &s->parts[0])
		return part;
	if (part->kind != MAIL_MESSAGE)
		return NULL;
	return &s->parts[part->first_child];
}
