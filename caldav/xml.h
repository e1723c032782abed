/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Request bodies in XML: libxml2's push parser behind limits, and a small tree
 * of our own in an arena. Only UTF-8; no document type, hence no entity but
 * the five of XML; nothing is ever fetched.
 */
#ifndef CALDAV_XML_H
#define CALDAV_XML_H

#include <bastide/buf.h>
#include <bastide/mem.h>

#define NS_DAV "DAV:"
#define NS_CALDAV "urn:ietf:params:xml:ns:caldav"
#define NS_CARDDAV "urn:ietf:params:xml:ns:carddav"
#define NS_CS "http://calendarserver.org/ns/"
#define NS_APPLE "http://apple.com/ns/ical/"

struct xml_attr {
	struct slice ns, name, value; /* ns empty: none */
	struct xml_attr *next;
};

/* An element, or a run of text (name empty, `text` set). */
struct xml_node {
	struct slice ns, name, text;
	struct xml_attr *attrs, *last_attr;
	struct xml_node *parent, *children, *last, *next;
};

/* ERR_SYNTAX: not well-formed, or a DOCTYPE. ERR_LIMIT: LIMIT_XML_... */
MUST_CHECK enum err xml_parse(
	struct arena *arena, struct slice body, struct xml_node **out);
/* Memory of the tree of the largest body that is allowed. */
#define XML_ARENA MIB(24)
/* Before the walls close. */
void xml_warm_up(void);

bool xml_is(const struct xml_node *n, const char *ns, const char *name);
/* First child element of that name, and the next of it; NULL: none. */
const struct xml_node *xml_child(
	const struct xml_node *n, const char *ns, const char *name);
const struct xml_node *xml_next(
	const struct xml_node *n, const char *ns, const char *name);
/* First child element, next element: without the texts between. */
const struct xml_node *xml_first(const struct xml_node *n);
const struct xml_node *xml_sibling(const struct xml_node *n);
/* {NULL, 0}: not there. */
struct slice xml_attr(const struct xml_node *n, const char *name);
/* The texts directly inside, joined; trimmed. */
struct slice xml_text(const struct xml_node *n, struct arena *arena);
/* Text with what XML needs escaped; what XML cannot hold becomes U+FFFD. */
void xml_escape(struct buf *b, struct slice text);
/* What is inside `n`, as XML that stands for itself. */
void xml_write_inner(struct buf *b, const struct xml_node *n);

#endif
