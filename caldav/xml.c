/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A scanner of our own runs in front of libxml2: libxml2 is quadratic in a
 * start tag's attributes, so their number and the tag's length are checked
 * before it sees them (LIMIT_XML_TAG, LIMIT_XML_ATTRIBUTES). It counts bytes,
 * so the bytes must be what libxml2 reads: NUL and other first bytes than "<"
 * are refused, which leaves UTF-8, and the document's own word on its encoding
 * is ignored.
 */
#include <libxml/SAX2.h>
#include <libxml/parser.h>

#include <bastide/limits.h>

#include "xml.h"

#define PIECE KIB(16)

struct xml {
	struct arena *arena;
	xmlParserCtxt *ctxt;
	struct xml_node *root, *open;
	size_t depth, elements;
	enum err err;
};

/* --- the scanner in front -------------------------------------------------------- */

struct tag {
	size_t n, attributes;
	char quote;
	bool in;
};

static enum err in_tag(struct tag *t, char c)
{
	if (++t->n > LIMIT_XML_TAG)
		return ERR_LIMIT;
	if (t->quote) {
		t->quote = c == t->quote ? 0 : t->quote;
	} else if (c == '"' || c == '\'') {
		t->quote = c;
	} else if (c == '>') {
		t->in = false;
	} else if (c == '=' && ++t->attributes > LIMIT_XML_ATTRIBUTES) {
		return ERR_LIMIT;
	}
	return ERR_OK;
}

/* Length of a comment, CDATA section or processing instruction at the head of
 * `s`, to its end or that of `s`; 0: something else. */
static size_t skip(struct slice s)
{
	static const struct {
		const char *begin, *end;
	} kinds[] = {
		{ "<!--", "-->" },
		{ "<![CDATA[", "]]>" },
		{ "<?", "?>" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].begin);
		if (s.n < n || memcmp(s.p, kinds[i].begin, n) != 0)
			continue;
		struct slice end = slice_str(kinds[i].end),
			     rest = slice_from(s, n);
		size_t at = slice_find_slice(rest, end);
		return at > rest.n ? s.n : n + at + end.n;
	}
	return 0;
}

static enum err scan(struct slice body)
{
	struct tag t = { 0 };

	for (size_t i = 0; i < body.n; i++) {
		if (t.in) {
			TRY(in_tag(&t, body.p[i]));
		} else if (body.p[i] == '<') {
			size_t over = skip(slice_from(body, i));
			if (over)
				i += over - 1;
			else
				t = (struct tag){ .in = true };
		}
	}
	return ERR_OK;
}

static enum err check_bytes(struct slice body)
{
	/* libxml2 lets some of what is not UTF-8 pass inside CDATA. */
	if (slice_find(body, '\0') < body.n || !utf8_valid(body))
		return ERR_SYNTAX;
	if (body.n >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0)
		body = slice_from(body, 3);
	body = slice_trim(body);
	if (!body.n || body.p[0] != '<')
		return ERR_SYNTAX;
	return scan(body);
}

/* --- building the tree ------------------------------------------------------------ */

static void stop(struct xml *x, enum err e)
{
	if (x->err == ERR_OK)
		x->err = e;
	xmlStopParser(x->ctxt);
}

static struct slice keep(struct xml *x, const void *p, size_t n)
{
	struct slice s = arena_copy(x->arena, slice_of(n ? p : "", n));

	if (!s.p)
		stop(x, ERR_LIMIT);
	return s.p ? s : slice_of("", 0);
}

static struct slice keep_str(struct xml *x, const xmlChar *s)
{
	return keep(x, s, s ? strlen((const char *)s) : 0);
}

/* Of an attribute, a namespace too: as libxml2 replaces no entities, an
 * ampersand comes as "&#38;", and comes in no other way. */
static struct slice keep_value(struct xml *x, const void *p, size_t n)
{
	static const char escaped[] = "&#38;";
	struct slice s = keep(x, p, n);

	if (slice_find(s, '&') == s.n)
		return s;
	char *to = arena_alloc(x->arena, s.n + 1);
	if (!to) {
		stop(x, ERR_LIMIT);
		return slice_of("", 0);
	}
	n = 0;
	while (s.n) {
		bool amp = s.n >= 5 && memcmp(s.p, escaped, 5) == 0;
		to[n++] = s.p[0];
		s = slice_from(s, amp ? 5 : 1);
	}
	return slice_of(to, n);
}

static struct slice keep_namespace(struct xml *x, const xmlChar *s)
{
	return keep_value(x, s, s ? strlen((const char *)s) : 0);
}

static struct xml_node *hang(struct xml *x)
{
	struct xml_node *n = arena_alloc(x->arena, sizeof(*n));

	if (!n) {
		stop(x, ERR_LIMIT);
		return NULL;
	}
	n->parent = x->open;
	if (!x->open)
		x->root = n;
	else if (x->open->last)
		x->open->last->next = n;
	else
		x->open->children = n;
	if (x->open)
		x->open->last = n;
	return n;
}

static void add_attr(struct xml *x, struct xml_node *n, const xmlChar **a)
{
	struct xml_attr *attr = arena_alloc(x->arena, sizeof(*attr));

	if (!attr) {
		stop(x, ERR_LIMIT);
		return;
	}
	attr->name = keep_str(x, a[0]);
	attr->ns = keep_namespace(x, a[2]);
	attr->value = keep_value(x, a[3], (size_t)(a[4] - a[3]));
	if (n->last_attr)
		n->last_attr->next = attr;
	else
		n->attrs = attr;
	n->last_attr = attr;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
	const xmlChar *ns, int n_ns, const xmlChar **all_ns, int n_attrs,
	int n_default, const xmlChar **attrs)
{
	struct xml *x = arg;

	(void)prefix, (void)n_ns, (void)all_ns, (void)n_default;
	if (x->err != ERR_OK)
		return;
	if (++x->depth > LIMIT_XML_DEPTH ||
		++x->elements > LIMIT_XML_ELEMENTS) {
		stop(x, ERR_LIMIT);
		return;
	}
	struct xml_node *n = hang(x);
	if (!n)
		return;
	n->name = keep_str(x, name);
	n->ns = keep_namespace(x, ns);
	for (int i = 0; i < n_attrs; i++)
		add_attr(x, n, attrs + 5 * i);
	x->open = n;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix,
	const xmlChar *ns)
{
	struct xml *x = arg;

	(void)name, (void)prefix, (void)ns;
	if (x->err != ERR_OK || !x->open)
		return;
	x->depth--;
	x->open = x->open->parent;
}

/* libxml2 gives long texts in pieces: each becomes a node. */
static void on_text(void *arg, const xmlChar *p, int n)
{
	struct xml *x = arg;

	if (x->err != ERR_OK || !x->open)
		return;
	struct xml_node *node = hang(x);
	if (node)
		node->text = keep(x, p, (size_t)n);
}

static void on_doctype(
	void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
	(void)name, (void)id, (void)uri;
	stop(arg, ERR_SYNTAX);
}

static xmlEntityPtr on_entity(void *arg, const xmlChar *name)
{
	(void)arg;
	return xmlGetPredefinedEntity(name);
}

static void on_message(void *arg, xmlErrorPtr why)
{
	(void)arg, (void)why; /* the parser's error number says it all */
}

static xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.cdataBlock = on_text,
	.internalSubset = on_doctype,
	.getEntity = on_entity,
	.serror = on_message,
};

static enum err feed(struct xml *x, struct slice body)
{
	while (body.n && x->err == ERR_OK) {
		struct slice piece = slice_head(body, PIECE);
		body = slice_from(body, piece.n);
		if (xmlParseChunk(x->ctxt, piece.p, (int)piece.n,
			    body.n == 0) != XML_ERR_OK)
			break;
	}
	if (x->err != ERR_OK)
		return x->err;
	/* After xmlStopParser wellFormed stays 1: the error is what counts. */
	if (x->ctxt->errNo != XML_ERR_OK || !x->ctxt->wellFormed || !x->root ||
		x->depth)
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err xml_parse(
	struct arena *arena, struct slice body, struct xml_node **out)
{
	struct xml x = { .arena = arena };

	TRY(check_bytes(body));
	x.ctxt = xmlCreatePushParserCtxt(&handlers, &x, NULL, 0, NULL);
	if (!x.ctxt)
		return ERR_NOMEM;
	(void)xmlCtxtUseOptions(x.ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	enum err e = feed(&x, body);
	xmlFreeDoc(x.ctxt->myDoc);
	xmlFreeParserCtxt(x.ctxt);
	TRY(e);
	*out = x.root;
	return ERR_OK;
}

void xml_warm_up(void)
{
	xmlInitParser();
}

/* --- looking ------------------------------------------------------------------------ */

bool xml_is(const struct xml_node *n, const char *ns, const char *name)
{
	return slice_eqs(n->name, name) && slice_eqs(n->ns, ns);
}

static const struct xml_node *find(
	const struct xml_node *n, const char *ns, const char *name)
{
	while (n && !xml_is(n, ns, name))
		n = n->next;
	return n;
}

const struct xml_node *xml_child(
	const struct xml_node *n, const char *ns, const char *name)
{
	return n ? find(n->children, ns, name) : NULL;
}

const struct xml_node *xml_next(
	const struct xml_node *n, const char *ns, const char *name)
{
	return find(n->next, ns, name);
}

static const struct xml_node *element(const struct xml_node *n)
{
	while (n && !n->name.n)
		n = n->next;
	return n;
}

const struct xml_node *xml_first(const struct xml_node *n)
{
	return n ? element(n->children) : NULL;
}

const struct xml_node *xml_sibling(const struct xml_node *n)
{
	return element(n->next);
}

struct slice xml_attr(const struct xml_node *n, const char *name)
{
	for (const struct xml_attr *a = n->attrs; a; a = a->next)
		if (!a->ns.n && slice_eqs(a->name, name))
			return a->value;
	return slice_of(NULL, 0);
}

struct slice xml_text(const struct xml_node *n, struct arena *arena)
{
	size_t total = 0;

	for (const struct xml_node *c = n->children; c; c = c->next)
		total += c->text.n;
	char *p = arena_alloc(arena, total + 1);
	if (!p)
		return slice_of("", 0);
	total = 0;
	for (const struct xml_node *c = n->children; c; c = c->next) {
		if (c->text.n)
			memcpy(p + total, c->text.p, c->text.n);
		total += c->text.n;
	}
	return slice_trim(slice_of(p, total));
}

/* --- writing ---------------------------------------------------------------------- */

void xml_escape(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '<')
			buf_adds(b, "&lt;");
		else if (c == '>')
			buf_adds(b, "&gt;");
		else if (c == '&')
			buf_adds(b, "&amp;");
		else if (c == '"')
			buf_adds(b, "&quot;");
		else if (c == '\r')
			buf_adds(b, "&#13;");
		else if (c < 0x20 && c != '\n' && c != '\t')
			buf_adds(b, "\xef\xbf\xbd"); /* XML 1.0 2.2 */
		else
			buf_addc(b, (char)c);
	}
}

static void write_start(struct buf *b, const struct xml_node *n)
{
	unsigned i = 0;

	buf_addc(b, '<');
	buf_add_slice(b, n->name);
	buf_adds(b, " xmlns=\"");
	xml_escape(b, n->ns);
	buf_addc(b, '"');
	for (const struct xml_attr *a = n->attrs; a; a = a->next) {
		bool xml = slice_eqs(
			a->ns, "http://www.w3.org/XML/1998/namespace");
		buf_addc(b, ' ');
		if (xml) {
			buf_adds(b, "xml:");
		} else if (a->ns.n) {
			buf_addf(b, "xmlns:n%u=\"", ++i);
			xml_escape(b, a->ns);
			buf_addf(b, "\" n%u:", i);
		}
		buf_add_slice(b, a->name);
		buf_adds(b, "=\"");
		xml_escape(b, a->value);
		buf_addc(b, '"');
	}
	buf_addc(b, '>');
}

static void write_end(struct buf *b, const struct xml_node *n)
{
	buf_adds(b, "</");
	buf_add_slice(b, n->name);
	buf_addc(b, '>');
}

/* Down while there are children, else over, else up: no recursion. */
void xml_write_inner(struct buf *b, const struct xml_node *top)
{
	const struct xml_node *n = top->children;

	while (n) {
		if (n->name.n)
			write_start(b, n);
		else
			xml_escape(b, n->text);
		if (n->children) {
			n = n->children;
			continue;
		}
		if (n->name.n)
			write_end(b, n);
		while (!n->next && n->parent != top) {
			n = n->parent;
			write_end(b, n);
		}
		n = n->next;
	}
}
