/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who answers a request: the front (errors of HTTP, OPTIONS, redirections,
 * set-up pages) or, after signing in, the session.
 */
#include "http.h"

/* RFC 6764 5: from the well-known places to the context path. */
static bool is_well_known(struct slice path)
{
	return slice_eqs(path, "/.well-known/caldav") ||
	       slice_eqs(path, "/.well-known/caldav/") ||
	       slice_eqs(path, "/.well-known/carddav") ||
	       slice_eqs(path, "/.well-known/carddav/");
}

static void options(struct http *h)
{
	struct buf allow;

	buf_init(&allow, 1000);
	method_allow(&allow);
	http_start_head(h, 200);
	conn_writef(h->conn,
		"DAV: " DAV_CLASSES "\r\nAllow: %.*s\r\nContent-Length: 0\r\n",
		SLICE_ARG(buf_slice(&allow)));
	http_end_head(h);
	buf_free(&allow);
	http_read_body(h, HTTP_SKIP);
}

static void to_page(struct http *h)
{
	if (h->head.has_length && h->head.length > LIMIT_SETUP_BODY)
		http_refuse(h, 413);
	else
		http_read_body(h, HTTP_GATHER);
}

void http_dispatch(struct http *h)
{
	h->method = method_find(h->head.method);
	if (h->method == METHODS) {
		h->method = METHOD_GET;
		http_refuse(h, 501);
		return;
	}
	if (h->head.has_length &&
		h->head.length > dav_methods[h->method].body_max) {
		http_refuse(h, 413);
		return;
	}
	/* RFC 9110 9.3.7: "*" is the server itself. */
	if (h->method == METHOD_OPTIONS && slice_eqs(h->head.target, "*")) {
		options(h);
		return;
	}
	if (target_decode(h->head.target, &h->path, &h->query) != ERR_OK) {
		http_refuse(h, 400);
		return;
	}
	struct slice path = buf_slice(&h->path);
	h->page = setup_find(h);
	if (h->page) {
		to_page(h);
	} else if (is_well_known(path)) {
		http_answer_with(h, 301, "Location", "/dav/");
		http_read_body(h, HTTP_SKIP);
	} else if (h->method == METHOD_OPTIONS) {
		options(h);
	} else if (h->method == METHOD_POST) {
		http_refuse(h, 405);
	} else {
		relay_begin(h);
	}
}
