/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One HTTP/1.1 connection in caldavd: one request at a time, others wait in
 * the input (RFC 9112 9.3.2).
 *
 *	HEAD --head, answered here-----------> SKIP --body over--> HEAD
 *	HEAD --head of a set-up page---------> GATHER --body-----> HEAD
 *	HEAD --head, other Authorization-----> LOGIN --signed in-> BODY
 *	HEAD --head, same Authorization------> BODY --body over--> REPLY
 *	LOGIN --refused--> SKIP         REPLY --DAV_DONE--> HEAD
 *	any --framing lost, or a body nobody reads--> answer, close
 */
#ifndef CALDAV_FRONT_HTTP_H
#define CALDAV_FRONT_HTTP_H

#include <bastide/config.h>
#include <bastide/conn.h>
#include <bastide/frame.h>
#include <bastide/mem.h>
#include <bastide/session.h>

#include "../method.h"
#include "../proto.h"
#include "../target.h"

struct http;
/* A page that the front answers itself, once the body is whole. */
typedef void page_fn(struct http *h, struct slice body);

struct http {
	struct front *front;
	struct conn *conn;
	enum http_state {
		HTTP_HEAD,
		HTTP_SKIP,
		HTTP_GATHER,
		HTTP_LOGIN,
		HTTP_BODY,
		HTTP_REPLY
	} state;
	struct buf raw; /* the head as it came: `head` borrows from it */
	struct http_head head;
	enum dav_method method;
	struct buf path;
	struct slice query;
	struct http_body body;
	uint64_t taken; /* bytes of the body so far */
	struct buf gathered;
	page_fn *page;
	bool close; /* after this request */

	struct login *login;
	struct conn *stream;
	struct secret *credentials; /* the Authorization of `stream` */
	unsigned refusals;
	struct later later; /* frees the stream outside its own call */
	struct conn *dead;

	bool chunked; /* the answer */
	bool head_sent;
};

/* http.c */
void http_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls);
/* A whole answer; `type` NULL: no body. Not for a request at the session. */
void http_answer(
	struct http *h, unsigned status, const char *type, struct slice body);
void http_answer_with(
	struct http *h, unsigned status, const char *name, const char *value);
/* Answers, and throws the rest of the body away (or the connection, when that
 * is long or was not begun). */
void http_refuse(struct http *h, unsigned status);
/* The body, to whoever waits for it. */
void http_read_body(struct http *h, enum http_state state);
/* The request is answered: the next. */
void http_next(struct http *h);
void http_start_head(struct http *h, unsigned status);
void http_end_head(struct http *h);
const char *http_reason(unsigned status);

/* request.c: what a head asks for. */
void http_dispatch(struct http *h);

/* relay.c: Basic sign-in, and the session's stream. */
void relay_begin(struct http *h);
void relay_body(struct http *h, struct slice piece);
void relay_end(struct http *h);
void relay_drop(struct http *h);
void relay_low(struct http *h);

/* setup.c, autodiscover.c: how mail programs are set up. NULL: no page. */
page_fn *setup_find(struct http *h);
page_fn page_autoconfig, page_autodiscover, page_autodiscover_json;

#endif
