/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Request targets and hrefs: percent-decoded once, by one function, so that
 * front and session mean the same thing by a path.
 */
#ifndef CALDAV_TARGET_H
#define CALDAV_TARGET_H

#include <bastide/buf.h>

/* "/a/b?q" or "http(s)://host/a/b?q" (RFC 9112 3.2): the path decoded, with
 * runs of slashes made one; *query raw. ERR_SYNTAX: a bad escape, a dot
 * segment, an encoded slash, control characters, no UTF-8. `path` needs a max
 * of its own. */
MUST_CHECK enum err target_decode(
	struct slice target, struct buf *path, struct slice *query);
/* One segment, everything escaped but RFC 3986's unreserved characters. */
void target_encode(struct buf *b, struct slice segment);
/* The value of a parameter of the query, decoded ("+" is a plus: an address
 * may have one). False: not there, or not decodable. */
bool target_query(struct slice query, const char *name, struct buf *value);

#endif
