/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Answers as records. Everything that shows stored things goes through the
 * gate with the account's last commit.
 */
#include "dav.h"

static const struct {
	unsigned status;
	const char *text;
} texts[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 207, "Multi-Status" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 424, "Failed Dependency" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 507, "Insufficient Storage" },
};

const char *status_text(unsigned status)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Error";
}

void respond_gate(struct dav *d)
{
	conn_gate(d->conn, account_last_commit(d->account));
}

void respond_head(struct dav *d, unsigned status, uint64_t length,
	const struct header *headers, size_t n)
{
	struct msg m;

	respond_gate(d);
	msg_begin(&m, DAV_HEAD);
	msg_add_u32(&m, status);
	msg_add_u64(&m, length);
	msg_add_u32(&m, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		msg_add_slice(&m, slice_str(headers[i].name));
		msg_add_slice(&m, headers[i].value);
	}
	record_send(d->conn, &m);
	d->head_sent = true;
}

static void send_piece(struct dav *d, struct slice piece)
{
	struct msg m;

	msg_begin(&m, DAV_DATA);
	msg_add_slice(&m, piece);
	record_send(d->conn, &m);
}

void respond_flush(struct dav *d, bool all)
{
	struct slice rest = buf_slice(&d->out);

	if (buf_err(&d->out) != ERR_OK) {
		conn_finish(d->conn); /* half an answer must not look whole */
		d->more = NULL;
		return;
	}
	while (!conn_full(d->conn) &&
		(rest.n >= DAV_PIECE || (all && rest.n))) {
		struct slice piece = slice_head(rest, DAV_PIECE);
		send_piece(d, piece);
		rest = slice_from(rest, piece.n);
	}
	buf_consume(&d->out, d->out.n - rest.n);
}

void respond_status(struct dav *d, unsigned status)
{
	struct header allow = { "Allow", { NULL, 0 } };
	struct buf b;

	buf_init(&b, 1000);
	if (status == 405)
		method_allow(&b);
	allow.value = buf_slice(&b);
	respond_head(d, status, 0, &allow, status == 405);
	buf_free(&b);
}

void respond_err(struct dav *d, enum err e)
{
	static const struct header plain[] = {
		{ "Content-Type", SLICE("text/plain; charset=utf-8") },
	};
	const struct err_info *info = err_info(e);
	struct slice text = slice_str(info->text);

	respond_head(d, (unsigned)info->http, text.n + 1, plain, 1);
	if (d->method != METHOD_HEAD) {
		buf_add_slice(&d->out, text);
		buf_addc(&d->out, '\n');
	}
}

enum dav_step dav_fail(struct dav *d, enum err e)
{
	if (!d->head_sent) {
		respond_err(d, e);
		return DAV_OVER;
	}
	d->more = NULL;
	conn_finish(d->conn);
	return DAV_WAIT;
}

/* --- XML ---------------------------------------------------------------------------- */

#define XML_START "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"

static const struct header xml_type[] = {
	{ "Content-Type", SLICE("application/xml; charset=utf-8") },
};

static const struct {
	const char *ns, *prefix;
} prefixes[] = {
	{ NS_DAV, "D" },
	{ NS_CALDAV, "C" },
	{ NS_CARDDAV, "CR" },
	{ NS_CS, "CS" },
	{ NS_APPLE, "IC" },
};

#define N_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

static const char *prefix_of(struct slice ns)
{
	for (size_t i = 0; i < N_PREFIXES; i++)
		if (slice_eqs(ns, prefixes[i].ns))
			return prefixes[i].prefix;
	return NULL;
}

void open_tag(struct buf *b, struct slice ns, struct slice name, bool empty)
{
	const char *prefix = prefix_of(ns);

	buf_addc(b, '<');
	if (prefix)
		buf_addf(b, "%s:", prefix);
	buf_add_slice(b, name);
	if (!prefix) {
		buf_adds(b, " xmlns=\"");
		xml_escape(b, ns);
		buf_addc(b, '"');
	}
	buf_adds(b, empty ? "/>" : ">");
}

void close_tag(struct buf *b, struct slice ns, struct slice name)
{
	const char *prefix = prefix_of(ns);

	buf_adds(b, "</");
	if (prefix)
		buf_addf(b, "%s:", prefix);
	buf_add_slice(b, name);
	buf_addc(b, '>');
}

static void root_element(struct buf *b, const char *name)
{
	buf_addf(b, XML_START "<D:%s", name);
	for (size_t i = 0; i < N_PREFIXES; i++)
		buf_addf(b, " xmlns:%s=\"%s\"", prefixes[i].prefix,
			prefixes[i].ns);
	buf_addc(b, '>');
}

void respond_precondition(struct dav *d, unsigned status, const char *ns,
	const char *name, const char *inside)
{
	struct buf *b = &d->out;

	buf_reset(b);
	root_element(b, "error");
	open_tag(b, slice_str(ns), slice_str(name), !inside);
	if (inside) {
		buf_adds(b, inside);
		close_tag(b, slice_str(ns), slice_str(name));
	}
	buf_adds(b, "</D:error>\n");
	respond_head(d, status, b->n, xml_type, 1);
	if (d->method == METHOD_HEAD)
		buf_reset(b);
}

void respond_element(
	struct dav *d, unsigned status, const char *name, struct slice inside)
{
	struct buf *b = &d->out;

	buf_reset(b);
	root_element(b, name);
	buf_add_slice(b, inside);
	buf_addf(b, "</D:%s>\n", name);
	respond_head(d, status, b->n, xml_type, 1);
}

void multistatus_begin(struct dav *d)
{
	respond_head(d, 207, DAV_NO_LENGTH, xml_type, 1);
	root_element(&d->out, "multistatus");
	buf_addc(&d->out, '\n');
}

void multistatus_end(struct dav *d)
{
	buf_adds(&d->out, "</D:multistatus>\n");
}

void response_status(struct dav *d, unsigned status)
{
	buf_addf(&d->out, "<D:status>HTTP/1.1 %u %s</D:status>", status,
		status_text(status));
}

void put_etag(struct buf *b, uint64_t etag)
{
	buf_addf(b, "\"%llx\"", (unsigned long long)etag);
}

void put_sync_token(struct buf *b, uint64_t sync)
{
	buf_adds(b, "urn:bastide:sync:");
	buf_add_u64(b, sync);
}

bool slice_over(struct dav *d, uint64_t since)
{
	respond_flush(d, false);
	return conn_full(d->conn) || loop_now_us() - since > SLICE_US;
}
