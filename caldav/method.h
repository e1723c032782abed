/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The methods, for front and session: the one table of their names and of how
 * long their bodies may be.
 */
#ifndef CALDAV_METHOD_H
#define CALDAV_METHOD_H

#include <bastide/buf.h>

enum dav_method {
	METHOD_OPTIONS,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_PROPFIND,
	METHOD_PROPPATCH,
	METHOD_MKCOL,
	METHOD_MKCALENDAR,
	METHOD_REPORT,
	METHOD_COPY,
	METHOD_MOVE,
	METHOD_POST, /* set-up pages only */
	METHODS
};

struct method_row {
	const char *name;
	size_t body_max;
	bool dav; /* named in Allow */
};
extern const struct method_row dav_methods[METHODS];

/* Names are case-sensitive (RFC 9110 9.1). METHODS: none of ours. */
enum dav_method method_find(struct slice name);
/* The value of Allow. */
void method_allow(struct buf *b);
/* The value of the DAV field: RFC 4918 10.1, RFC 4791 5.1, RFC 6352 6.1,
 * RFC 5689 3.1. Class 2 (locks) is not there. */
#define DAV_CLASSES "1, 3, extended-mkcol, calendar-access, addressbook"

#endif
