/* SPDX-License-Identifier: EUPL-1.2 */
/* Frames requests, writes answers; the diagram is in http.h. */
#include <time.h>

#include "http.h"

static const struct {
	unsigned status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 207, "Multi-Status" },
	{ 301, "Moved Permanently" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *http_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Error";
}

/* --- answers ------------------------------------------------------------------------ */

void http_start_head(struct http *h, unsigned status)
{
	char date[40] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(
			date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	conn_writef(h->conn, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status,
		http_reason(status), date);
	h->head_sent = true;
}

void http_end_head(struct http *h)
{
	if (h->close)
		conn_writes(h->conn, "Connection: close\r\n");
	else if (h->head.minor == 0)
		conn_writes(h->conn, "Connection: keep-alive\r\n");
	conn_writes(h->conn, "\r\n");
}

/* RFC 9110 8.6: no length with 204. */
static void put_length(struct http *h, unsigned status, size_t n)
{
	if (status != 204 && status != 304)
		conn_writef(h->conn, "Content-Length: %zu\r\n", n);
}

void http_answer(
	struct http *h, unsigned status, const char *type, struct slice body)
{
	http_start_head(h, status);
	if (type)
		conn_writef(h->conn, "Content-Type: %s\r\n", type);
	put_length(h, status, body.n);
	http_end_head(h);
	if (h->method != METHOD_HEAD)
		conn_write(h->conn, body);
}

void http_answer_with(
	struct http *h, unsigned status, const char *name, const char *value)
{
	http_start_head(h, status);
	conn_writef(h->conn, "%s: %s\r\n", name, value);
	put_length(h, status, 0);
	http_end_head(h);
}

void http_next(struct http *h)
{
	buf_free(&h->gathered);
	if (h->close) {
		h->state = HTTP_REPLY; /* nothing more is read */
		conn_finish(h->conn);
		return;
	}
	h->state = HTTP_HEAD;
	conn_resume(h->conn); /* calls on_input for what waits */
}

/* --- bodies -------------------------------------------------------------------------- */

static bool has_body(const struct http *h)
{
	return h->head.chunked || h->head.length > 0;
}

/* Before answering: whether the body can be thrown away, or the connection
 * must. A client that waits for 100 may never send it (RFC 9110 10.1.1). */
static bool body_is_skippable(const struct http *h)
{
	return !has_body(h) || (!h->head.expect && !h->head.chunked &&
				       h->head.length <= LIMIT_DAV_BODY);
}

void http_refuse(struct http *h, unsigned status)
{
	if (h->state == HTTP_HEAD && !body_is_skippable(h))
		h->close = true;
	http_answer(h, status, NULL, slice_of("", 0));
	if (h->close)
		http_next(h);
	else
		http_read_body(h, HTTP_SKIP);
}

static void body_over(struct http *h)
{
	switch (h->state) {
	case HTTP_BODY:
		h->state = HTTP_REPLY;
		conn_pause(h->conn);
		relay_end(h);
		break;
	case HTTP_GATHER:
		h->page(h, buf_slice(&h->gathered));
		http_next(h);
		break;
	default:
		http_next(h);
	}
}

static void lost(struct http *h, unsigned status)
{
	h->close = true;
	relay_drop(h);
	if (!h->head_sent)
		http_answer(h, status, NULL, slice_of("", 0));
	conn_finish(h->conn);
	h->state = HTTP_REPLY; /* nothing more is read */
	conn_pause(h->conn);
}

static void body_piece(struct http *h, struct slice piece)
{
	h->taken += piece.n;
	if (h->taken > dav_methods[h->method].body_max)
		return; /* its caller sees it */
	if (h->state == HTTP_BODY)
		relay_body(h, piece);
	else if (h->state == HTTP_GATHER)
		(void)buf_add_slice(&h->gathered, piece);
}

/* One step; false: wait for more. */
static bool read_body(struct http *h)
{
	size_t taken;
	enum frame_step got =
		http_body_step(&h->body, conn_input(h->conn), &taken);

	if (got == FRAME_DATA)
		body_piece(h, h->body.data);
	conn_consume(h->conn, taken);
	if (got == FRAME_BAD) {
		lost(h, 400);
		return false;
	}
	if (h->taken > dav_methods[h->method].body_max) {
		lost(h, 413);
		return false;
	}
	if (got == FRAME_DONE)
		body_over(h);
	return got != FRAME_MORE;
}

void http_read_body(struct http *h, enum http_state state)
{
	h->state = state;
	if (h->head.expect && state != HTTP_SKIP && has_body(h))
		conn_writes(h->conn, "HTTP/1.1 100 Continue\r\n\r\n");
	if (!has_body(h))
		body_over(h);
	else
		conn_resume(h->conn);
}

/* --- heads ---------------------------------------------------------------------------- */

static bool line_too_long(struct slice in)
{
	return in.n > LIMIT_HTTP_LINE && slice_find(in, '\n') > LIMIT_HTTP_LINE;
}

static unsigned status_of(enum err e)
{
	return e == ERR_LIMIT ? 431 : e == ERR_UNSUPPORTED ? 505 : 400;
}

/* A new request begins: nothing of the last one is left. */
static void begin(struct http *h)
{
	h->method = METHOD_GET;
	h->head = (struct http_head){ .minor = 1 };
	h->head_sent = false;
	h->taken = 0;
	h->page = NULL;
	buf_reset(&h->raw);
	buf_free(&h->gathered);
}

static bool read_head(struct http *h)
{
	struct slice in = conn_input(h->conn);
	size_t n = http_head_end(in);

	begin(h);
	if (line_too_long(in) || in.n > LIMIT_HTTP_HEAD + KIB(1)) {
		if (line_too_long(in) || !n || n > LIMIT_HTTP_HEAD) {
			lost(h, line_too_long(in) ? 414 : 431);
			return false;
		}
	}
	if (!n)
		return false;
	enum err e = buf_add_slice(&h->raw, slice_head(in, n));
	conn_consume(h->conn, n);
	if (e == ERR_OK)
		e = http_head_parse(buf_slice(&h->raw), &h->head);
	if (e != ERR_OK) {
		lost(h, status_of(e));
		return false;
	}
	h->close = !h->head.keep_alive;
	http_body_init(&h->body, &h->head);
	http_dispatch(h);
	return true;
}

static void on_input(void *arg)
{
	struct http *h = arg;
	bool more = true;

	while (more)
		switch (h->state) {
		case HTTP_HEAD:
			more = read_head(h);
			break;
		case HTTP_SKIP:
		case HTTP_GATHER:
			more = read_body(h);
			break;
		case HTTP_BODY:
			/* The end of a body needs no more input: nothing
			 * would call us for it. */
			if (h->stream && conn_full(h->stream) &&
				conn_input(h->conn).n) {
				conn_pause(h->conn); /* until it is low */
				return;
			}
			more = read_body(h);
			break;
		case HTTP_LOGIN:
		case HTTP_REPLY:
			more = false;
			break;
		}
}

/* --- begin and end ----------------------------------------------------------------------- */

static void on_low(void *arg)
{
	relay_low(arg);
}

static void on_closed(void *arg, enum err why)
{
	struct http *h = arg;
	struct front *f = h->front;

	relay_drop(h);
	loop_later_cancel(&h->later);
	conn_free(h->dead);
	conn_free(h->conn);
	buf_wipe(&h->raw);
	buf_free(&h->path);
	buf_free(&h->gathered);
	mem_free(h);
	front_released(f);
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

void http_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls)
{
	struct http *h = mem_new(struct http);

	if (!h || conn_new(f->loop, fd, implicit_tls ? f->tls : NULL, NULL,
			  &events, h, &h->conn) != ERR_OK) {
		mem_free(h);
		front_released(f);
		return;
	}
	h->front = f;
	buf_init(&h->raw, LIMIT_HTTP_HEAD);
	buf_init(&h->path, LIMIT_HTTP_LINE);
	buf_init(&h->gathered, LIMIT_SETUP_BODY);
	conn_set_timeout(h->conn, LIMIT_HTTP_IDLE_S);
}
