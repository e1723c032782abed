/* SPDX-License-Identifier: EUPL-1.2 */
/* fetch-att of RFC 9051 9, with RFC 3501's RFC822 items and CONDSTORE. */
#include "fetch.h"

static const struct {
	const char *name;
	enum fetch_kind kind;
	bool meta;
} simple[] = {
	{ "FLAGS", FETCH_FLAGS, false },
	{ "UID", FETCH_UID, false },
	{ "MODSEQ", FETCH_MODSEQ, false },
	{ "INTERNALDATE", FETCH_INTERNALDATE, false },
	{ "SAVEDATE", FETCH_SAVEDATE, false },
	{ "EMAILID", FETCH_EMAILID, true },
	{ "THREADID", FETCH_THREADID, false },
	{ "RFC822.SIZE", FETCH_SIZE, false },
	{ "PREVIEW", FETCH_PREVIEW, true },
	{ "ENVELOPE", FETCH_ENVELOPE, true },
	{ "BODYSTRUCTURE", FETCH_BODYSTRUCTURE, true },
	{ "BODY", FETCH_BODY, true },
};
#define N_SIMPLE (sizeof(simple) / sizeof(simple[0]))

/* RFC 3501 6.4.5: the old names for sections. */
static const struct {
	const char *name;
	enum section_kind kind;
	bool peek;
} old[] = {
	{ "RFC822", SECTION_ALL, false },
	{ "RFC822.HEADER", SECTION_HEADER, true },
	{ "RFC822.TEXT", SECTION_TEXT, false },
};

static const struct {
	const char *name;
	enum fetch_kind kinds[6];
	size_t n;
} macros[] = {
	{ "ALL",
		{ FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE },
		4 },
	{ "FULL",
		{ FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE,
			FETCH_BODY },
		5 },
	{ "FAST", { FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE }, 3 },
};

/* What one command may ask for. */
#define ITEMS_MAX 100

enum err fetch_request_new(
	struct arena *a, size_t max, struct fetch_request *out)
{
	*out = (struct fetch_request){ .changed_since = UINT64_MAX,
		.max = max,
		.items = arena_array(a, struct fetch_item, max) };
	return out->items ? ERR_OK : ERR_NOMEM;
}

void fetch_add(struct fetch_request *r, enum fetch_kind kind)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].kind == kind)
			return;
	if (r->n == r->max)
		return;
	r->items[r->n++] = (struct fetch_item){ .kind = kind };
	r->has_flags |= kind == FETCH_FLAGS;
	r->has_modseq |= kind == FETCH_MODSEQ;
	for (size_t i = 0; i < N_SIMPLE; i++)
		if (simple[i].kind == kind)
			r->meta |= simple[i].meta;
}

static bool add_section(struct fetch_request *r, enum fetch_kind kind,
	struct section *s, bool peek)
{
	if (r->n == r->max)
		return false;
	r->items[r->n++] = (struct fetch_item){ kind, s };
	r->sets_seen |= !peek;
	r->meta |= s->kind != SECTION_ALL || s->n_part > 0;
	return true;
}

static bool header_list(struct cursor *c, struct arena *a, struct section *s)
{
	size_t max = 1;

	if (!p_sp(c) || !p_char(c, '('))
		return false;
	for (const char *p = c->p; p < c->end; p++)
		max += *p == ' ';
	s->fields = arena_array(a, struct slice, max);
	if (!s->fields)
		return false;
	do {
		if (s->n_fields == max ||
			!imap_astring(c, a, &s->fields[s->n_fields++]))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

static bool section_text(struct cursor *c, struct arena *a, struct section *s)
{
	if (p_word(c, "HEADER.FIELDS.NOT")) {
		s->kind = SECTION_FIELDS_NOT;
		return header_list(c, a, s);
	}
	if (p_word(c, "HEADER.FIELDS")) {
		s->kind = SECTION_FIELDS;
		return header_list(c, a, s);
	}
	if (p_word(c, "HEADER")) {
		s->kind = SECTION_HEADER;
		return true;
	}
	if (p_word(c, "TEXT")) {
		s->kind = SECTION_TEXT;
		return true;
	}
	s->kind = SECTION_MIME;
	return s->n_part > 0 && p_word(c, "MIME");
}

/* section = "[" [part *("." part) ["." text] / text] "]" */
bool section_parse(struct cursor *c, struct arena *a, struct section *s)
{
	bool dot = false;

	while (p_peek(c) >= '0' && p_peek(c) <= '9') {
		if (s->n_part == sizeof(s->part) / sizeof(s->part[0]) ||
			!p_u32(c, &s->part[s->n_part]) ||
			s->part[s->n_part++] == 0)
			return false;
		dot = p_char(c, '.');
		if (!dot)
			break;
	}
	if ((s->n_part == 0 && p_peek(c) != ']') || dot)
		return section_text(c, a, s);
	return true;
}

/* "<offset.length>" */
static bool partial(struct cursor *c, struct section *s)
{
	s->partial = true;
	return p_u32(c, &s->offset) && p_char(c, '.') && p_u32(c, &s->length) &&
	       s->length > 0 && p_char(c, '>');
}

/* What takes a section, and how the response calls it. */
static const struct {
	const char *name, *label;
	enum fetch_kind kind;
	bool peek;
} sectioned[] = {
	{ "BODY", "BODY", FETCH_SECTION, false },
	{ "BODY.PEEK", "BODY", FETCH_SECTION, true },
	{ "BINARY", "BINARY", FETCH_BINARY, false },
	{ "BINARY.PEEK", "BINARY", FETCH_BINARY, true },
	{ "BINARY.SIZE", "BINARY.SIZE", FETCH_BINARY_SIZE, true },
};

/* RFC 3516 7: section-binary has numbers only, and a size is of the whole. */
static bool suits(enum fetch_kind kind, const struct section *s)
{
	if (kind == FETCH_SECTION)
		return true;
	return s->kind == SECTION_ALL &&
	       !(s->partial && kind == FETCH_BINARY_SIZE);
}

static bool body_section(
	struct cursor *c, struct arena *a, struct fetch_request *r, size_t k)
{
	struct section *s = arena_alloc(a, sizeof(*s));
	struct buf label;

	if (!s)
		return false;
	const char *start = c->p;
	if (!section_parse(c, a, s))
		return false;
	struct slice spec = slice_of(start, (size_t)(c->p - start));
	if (!p_char(c, ']') || (p_char(c, '<') && !partial(c, s)))
		return false;
	s->binary = sectioned[k].kind != FETCH_SECTION;
	if (!suits(sectioned[k].kind, s))
		return false;
	/* The label repeats the request, with the offset only. */
	buf_init(&label, LIMIT_IMAP_COMMAND + 64);
	buf_addf(&label, "%s[", sectioned[k].label);
	buf_add_slice(&label, spec);
	buf_adds(&label, "]");
	if (s->partial)
		buf_addf(&label, "<%u>", s->offset);
	s->label = arena_copy(a, buf_slice(&label));
	buf_free(&label);
	return s->label.p &&
	       add_section(r, sectioned[k].kind, s, sectioned[k].peek);
}

static bool old_section(struct arena *a, struct fetch_request *r, size_t k)
{
	struct section *s = arena_alloc(a, sizeof(*s));

	if (!s)
		return false;
	s->kind = old[k].kind;
	s->label = slice_str(old[k].name);
	return add_section(r, FETCH_SECTION, s, old[k].peek);
}

static bool is_item_char(unsigned char ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
	       (ch >= '0' && ch <= '9') || ch == '.';
}

static bool one_item(struct cursor *c, struct arena *a, struct fetch_request *r)
{
	struct slice name;

	if (!p_run(c, is_item_char, &name))
		return false;
	for (size_t k = 0; k < sizeof(sectioned) / sizeof(sectioned[0]); k++)
		if (slice_ieqs(name, sectioned[k].name) && p_char(c, '['))
			return body_section(c, a, r, k);
	for (size_t k = 0; k < sizeof(old) / sizeof(old[0]); k++)
		if (slice_ieqs(name, old[k].name))
			return old_section(a, r, k);
	for (size_t k = 0; k < N_SIMPLE; k++)
		if (slice_ieqs(name, simple[k].name)) {
			fetch_add(r, simple[k].kind);
			/* RFC 8970 6: they would get the same. */
			if (simple[k].kind == FETCH_PREVIEW)
				(void)p_word(c, " (LAZY)");
			return true;
		}
	return false;
}

static bool macro(struct cursor *c, struct fetch_request *r)
{
	for (size_t k = 0; k < sizeof(macros) / sizeof(macros[0]); k++) {
		struct cursor look = *c;
		if (!p_word(&look, macros[k].name) ||
			!(p_end(&look) || p_peek(&look) == ' '))
			continue;
		for (size_t n = 0; n < macros[k].n; n++)
			fetch_add(r, macros[k].kinds[n]);
		*c = look;
		return true;
	}
	return false;
}

/* RFC 7162 3.1.4.1, 3.2.6: "CHANGEDSINCE n", "VANISHED"; RFC 9394: "PARTIAL
 * 1:9". */
static bool one_modifier(struct cursor *c, struct fetch_request *r)
{
	if (p_word(c, "PARTIAL "))
		return !r->partial.asked && imap_partial(c, &r->partial);
	if (p_word(c, "VANISHED"))
		return r->vanished = true;
	if (!p_word(c, "CHANGEDSINCE ") || !p_u64(c, &r->changed_since))
		return false;
	fetch_add(r, FETCH_MODSEQ);
	return true;
}

static bool modifiers(struct cursor *c, struct fetch_request *r)
{
	if (!p_char(c, '('))
		return false;
	do {
		if (!one_modifier(c, r))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

static bool item_list(
	struct cursor *c, struct arena *a, struct fetch_request *r)
{
	if (!p_char(c, '('))
		return false;
	do {
		if (!one_item(c, a, r))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

bool fetch_items(struct cursor *c, struct arena *a, struct fetch_request *r)
{
	return fetch_request_new(a, ITEMS_MAX, r) == ERR_OK &&
	       item_list(c, a, r);
}

bool fetch_parse(struct cursor *c, struct arena *a, struct fetch_request *r)
{
	if (fetch_request_new(a, ITEMS_MAX, r) != ERR_OK)
		return false;
	if (p_peek(c) == '(') {
		if (!item_list(c, a, r))
			return false;
	} else if (!macro(c, r) && !one_item(c, a, r)) {
		return false;
	}
	if (p_sp(c) && !modifiers(c, r))
		return false;
	return p_end(c);
}

static bool same_item(const struct fetch_item *a, const struct fetch_item *b)
{
	const struct section *x = a->section, *y = b->section;

	if (a->kind != b->kind)
		return false;
	/* The label says which section, and where it begins. */
	return x == y ||
	       (x && y && slice_eq(x->label, y->label) &&
		       x->partial == y->partial && x->length == y->length);
}

static bool has_item(const struct fetch_request *r, const struct fetch_item *it)
{
	for (size_t k = 0; k < r->n; k++)
		if (same_item(&r->items[k], it))
			return true;
	return false;
}

void fetch_join(struct fetch_request *to, const struct fetch_request *from)
{
	for (size_t k = 0; k < from->n; k++)
		if (!has_item(to, &from->items[k]) && to->n < to->max)
			to->items[to->n++] = from->items[k];
	to->meta |= from->meta;
	to->has_flags |= from->has_flags;
	to->has_modseq |= from->has_modseq;
	to->sets_seen |= from->sets_seen;
}
