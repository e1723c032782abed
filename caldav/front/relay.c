/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Basic (RFC 7617) over TLS only, and the stream to the session: it stays for
 * the connection as long as the Authorization field does.
 */
#include "http.h"

static const char *const field_names[DAV_N_FIELDS] = {
#define FIELD_NAME(id, name) name,
	DAV_FIELDS(FIELD_NAME)
};

/* --- the end of a stream ----------------------------------------------------------- */

static void bury(void *arg)
{
	struct http *h = arg;

	conn_free(h->dead);
	h->dead = NULL;
}

void relay_drop(struct http *h)
{
	login_free(h->login);
	h->login = NULL;
	if (h->stream) {
		/* Perhaps we are called from inside of it: free it later. */
		static const struct conn_events none;
		conn_set_events(h->stream, &none, NULL);
		conn_free(h->dead);
		h->dead = h->stream;
		h->stream = NULL;
		h->later = (struct later){ .run = bury, .arg = h };
		loop_later(h->front->loop, &h->later);
	}
	secret_free(h->credentials);
	h->credentials = NULL;
}

/* --- to the session ------------------------------------------------------------------- */

static void send_request(struct http *h)
{
	struct msg m;

	msg_begin(&m, DAV_REQUEST);
	msg_add_u32(&m, h->method);
	msg_add_slice(&m, buf_slice(&h->path));
	for (size_t i = 0; i < DAV_N_FIELDS; i++) {
		struct slice value = http_field(&h->head, field_names[i]);
		msg_add_slice(&m, value.p ? value : slice_of("", 0));
	}
	record_send(h->stream, &m);
	http_read_body(h, HTTP_BODY);
}

void relay_body(struct http *h, struct slice piece)
{
	while (piece.n && h->stream) {
		struct slice one = slice_head(piece, DAV_PIECE);
		struct msg m;
		msg_begin(&m, DAV_BODY);
		msg_add_slice(&m, one);
		record_send(h->stream, &m);
		piece = slice_from(piece, one.n);
	}
}

void relay_end(struct http *h)
{
	struct msg m;

	msg_begin(&m, DAV_END);
	record_send(h->stream, &m);
}

/* --- from the session --------------------------------------------------------------------- */

static bool may_have_body(const struct http *h, uint32_t status)
{
	return h->method != METHOD_HEAD && status != 204 && status != 304;
}

static bool safe_field(struct slice name, struct slice value)
{
	return slice_find(name, '\n') == name.n &&
	       slice_find(value, '\n') == value.n &&
	       slice_find(value, '\r') == value.n;
}

static enum err on_head(struct http *h, struct msg_in *m)
{
	uint32_t status = msg_u32(m);
	uint64_t length = msg_u64(m);
	uint32_t n = msg_u32(m);

	if (h->head_sent || n > DAV_RESPONSE_FIELDS)
		return ERR_SYNTAX;
	h->chunked = length == DAV_NO_LENGTH && h->head.minor > 0 &&
		     may_have_body(h, status);
	if (length == DAV_NO_LENGTH && h->head.minor == 0)
		h->close = true; /* RFC 9112 6.3: its end is the end */
	http_start_head(h, status);
	while (n--) {
		struct slice name = msg_slice(m), value = msg_slice(m);
		if (!safe_field(name, value))
			return ERR_SYNTAX;
		conn_writef(h->conn, "%.*s: %.*s\r\n", SLICE_ARG(name),
			SLICE_ARG(value));
	}
	if (h->chunked)
		conn_writes(h->conn, "Transfer-Encoding: chunked\r\n");
	else if (length != DAV_NO_LENGTH && status != 204 && status != 304)
		conn_writef(h->conn, "Content-Length: %llu\r\n",
			(unsigned long long)length);
	http_end_head(h);
	return msg_end(m);
}

static enum err on_data(struct http *h, struct msg_in *m)
{
	struct slice piece = msg_slice(m);

	TRY(msg_end(m));
	if (!h->head_sent)
		return ERR_SYNTAX;
	if (h->chunked)
		conn_writef(h->conn, "%zx\r\n", piece.n);
	conn_write(h->conn, piece);
	if (h->chunked)
		conn_writes(h->conn, "\r\n");
	return ERR_OK;
}

static enum err on_done(struct http *h, struct msg_in *m)
{
	TRY(msg_end(m));
	if (!h->head_sent)
		return ERR_SYNTAX;
	if (h->chunked)
		conn_writes(h->conn, "0\r\n\r\n");
	h->chunked = false;
	http_next(h);
	return ERR_OK;
}

static enum err take(struct http *h, struct msg_in *m)
{
	if (h->state != HTTP_REPLY)
		return ERR_SYNTAX; /* nobody asked */
	switch (m->type) {
	case DAV_HEAD:
		return on_head(h, m);
	case DAV_DATA:
		return on_data(h, m);
	case DAV_DONE:
		return on_done(h, m);
	}
	return ERR_SYNTAX;
}

/* The session ended: a request that waits for it is answered, half an answer
 * ends the connection. */
static void stream_lost(struct http *h)
{
	bool waits = h->state == HTTP_BODY || h->state == HTTP_REPLY;

	relay_drop(h);
	if (!waits)
		return;
	h->close = true;
	if (!h->head_sent)
		http_answer(h, 503, NULL, slice_of("", 0));
	h->state = HTTP_REPLY;
	conn_finish(h->conn);
}

static void on_stream_input(void *arg)
{
	struct http *h = arg;
	struct msg_in m;

	while (h->stream) {
		if (conn_full(h->conn)) {
			conn_pause(h->stream); /* relay_low */
			return;
		}
		enum err e = record_next(h->stream, &m);
		if (e == ERR_AGAIN)
			return;
		if (e == ERR_OK) {
			struct conn *stream = h->stream;
			e = take(h, &m);
			if (h->stream == stream)
				record_done(stream);
		}
		if (e != ERR_OK)
			stream_lost(h);
	}
}

void relay_low(struct http *h)
{
	if (h->stream)
		conn_resume(h->stream);
}

static void on_stream_low(void *arg)
{
	struct http *h = arg;

	if (h->state == HTTP_BODY)
		conn_resume(h->conn);
}

static void on_stream_closed(void *arg, enum err why)
{
	stream_lost(arg);
}

static const struct conn_events stream_events = {
	.input = on_stream_input,
	.low = on_stream_low,
	.closed = on_stream_closed,
};

/* --- signing in ------------------------------------------------------------------------------ */

static void ask_for_credentials(struct http *h)
{
	http_start_head(h, 401);
	conn_writes(h->conn, "WWW-Authenticate: Basic realm=\"Bastide\", "
			     "charset=\"UTF-8\"\r\nContent-Length: 0\r\n");
	http_end_head(h);
}

static void refuse_login(struct http *h, unsigned status)
{
	bool skippable = !h->head.expect && !h->head.chunked &&
			 h->head.length <= LIMIT_DAV_BODY;

	if (!skippable || (status == 401 && h->refusals >= LIMIT_AUTH_TRIES))
		h->close = true;
	if (status == 401)
		ask_for_credentials(h);
	else
		http_answer(h, status, NULL, slice_of("", 0));
	if (h->close)
		http_next(h);
	else
		http_read_body(h, HTTP_SKIP);
}

static void on_challenge(void *arg, struct slice message)
{
	struct http *h = arg; /* PLAIN has none */

	relay_drop(h);
	refuse_login(h, 503);
}

static void on_success(
	void *arg, struct conn *stream, struct slice server_final)
{
	struct http *h = arg;

	login_free(h->login);
	h->login = NULL;
	h->stream = stream;
	h->refusals = 0;
	conn_set_events(stream, &stream_events, h);
	conn_set_timeout(stream, 0);
	send_request(h);
}

static void on_failure(void *arg, enum err e)
{
	struct http *h = arg;

	relay_drop(h);
	h->refusals += e == ERR_AUTH;
	refuse_login(h, (unsigned)err_info(e)->http);
}

static const struct login_events login_events = {
	.challenge = on_challenge,
	.success = on_success,
	.failure = on_failure,
};

/* base64(user ":" password) to PLAIN's "\0user\0password". A NUL inside would
 * shift the fields. */
static enum err plain_message(struct slice encoded, struct buf *out)
{
	TRY(buf_reserve(out, LIMIT_SASL_MESSAGE));
	TRY(buf_addc(out, 0));
	TRY(base64_decode(out, encoded));
	struct slice pair = slice_from(buf_slice(out), 1);
	size_t colon = slice_find(pair, ':');
	if (colon == pair.n || slice_find(pair, 0) < pair.n)
		return ERR_SYNTAX;
	out->p[1 + colon] = 0;
	return ERR_OK;
}

static struct slice basic_of(struct http *h)
{
	struct slice value = http_field(&h->head, "Authorization");

	if (!slice_iprefix(value, "Basic "))
		return slice_of(NULL, 0);
	return slice_trim(slice_from(value, 6));
}

static enum err sign_in(struct http *h, struct slice encoded)
{
	struct buf message;

	h->credentials = secret_copy(encoded.p, encoded.n);
	if (!h->credentials)
		return ERR_NOMEM;
	buf_init(&message, LIMIT_SASL_MESSAGE);
	enum err e = plain_message(encoded, &message);
	if (e == ERR_OK)
		e = login_new(h->front, PROTOCOL_DAV, slice_str("PLAIN"),
			h->conn, slice_of("", 0), &login_events, h, &h->login);
	if (e == ERR_OK) {
		h->state = HTTP_LOGIN;
		conn_pause(h->conn);
		login_input(h->login, buf_slice(&message));
	}
	buf_wipe(&message);
	return e;
}

static bool same_credentials(struct http *h, struct slice encoded)
{
	return h->stream && h->credentials &&
	       secret_size(h->credentials) == encoded.n &&
	       mem_same(secret_peek(h->credentials), encoded.p, encoded.n);
}

void relay_begin(struct http *h)
{
	struct slice encoded = basic_of(h);

	if (!encoded.n) {
		refuse_login(h, conn_is_tls(h->conn) ? 401 : 403);
		return;
	}
	if (!conn_is_tls(h->conn)) {
		refuse_login(h, 403);
		return;
	}
	if (same_credentials(h, encoded)) {
		send_request(h);
		return;
	}
	relay_drop(h);
	if (sign_in(h, encoded) != ERR_OK) {
		relay_drop(h);
		refuse_login(h, 401);
	}
}
