/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of the front to requests, requests to the methods' functions. The
 * body is gathered whole: no grammar sees half of one.
 */
#include <bastide/mail.h>

#include "dav.h"

/* RFC 4918 9: what each does is in the file of its name. */
static method_fn *const methods[METHODS] = {
	[METHOD_OPTIONS] = method_options,
	[METHOD_GET] = method_get,
	[METHOD_HEAD] = method_get,
	[METHOD_PUT] = method_put,
	[METHOD_DELETE] = method_delete,
	[METHOD_PROPFIND] = method_propfind,
	[METHOD_PROPPATCH] = method_proppatch,
	[METHOD_MKCOL] = method_mkcol,
	[METHOD_MKCALENDAR] = method_mkcol,
	[METHOD_REPORT] = method_report,
	[METHOD_COPY] = method_copy,
	[METHOD_MOVE] = method_copy,
};

enum err dav_commit(struct dav *d, enum err e)
{
	if (e == ERR_OK)
		return store_commit(d->tenant->store, NULL);
	store_rollback(d->tenant->store);
	return e;
}

/* --- a request's life ----------------------------------------------------------- */

static void finish(struct dav *d)
{
	struct msg m;

	msg_begin(&m, DAV_DONE);
	record_send(d->conn, &m);
	d->state = DAV_IDLE;
	d->more = NULL;
	buf_free(&d->body);
	arena_reset(d->arena);
	arena_reset(d->batch);
	arena_free(d->row);
	d->row = NULL;
	conn_resume(d->conn);
}

/* Pours out what is answered, and goes on with the job while there is room. */
static void drive(void *arg)
{
	struct dav *d = arg;

	if (d->state != DAV_WORKING || d->work)
		return;
	respond_flush(d, d->over);
	if (conn_full(d->conn))
		return; /* on_low */
	if (d->over) {
		finish(d);
		return;
	}
	enum dav_step step = d->more ? d->more(d) : DAV_WAIT;
	if (step == DAV_WAIT)
		return;
	d->over = step == DAV_OVER;
	loop_later(d->tenant->loop, &d->later);
}

void dav_go_on(struct dav *d)
{
	loop_later(d->tenant->loop, &d->later);
}

static enum err parse_body(struct dav *d)
{
	struct xml_node *root;

	if (d->method == METHOD_PUT || !d->body.n)
		return ERR_OK;
	TRY(xml_parse(d->arena, buf_slice(&d->body), &root));
	d->xml = root;
	return ERR_OK;
}

static enum dav_step begin(struct dav *d)
{
	enum err e = d->body_err;

	if (e == ERR_OK && !methods[d->method])
		e = ERR_UNSUPPORTED;
	if (e == ERR_OK)
		e = parse_body(d);
	if (e == ERR_OK)
		e = path_find(d, d->path, d->arena, &d->at);
	if (e == ERR_OK)
		return methods[d->method](d);
	respond_err(d, e);
	return DAV_OVER;
}

/* --- records ---------------------------------------------------------------------- */

static enum err on_request(struct dav *d, struct msg_in *m)
{
	uint32_t method = msg_u32(m);

	if (d->state != DAV_IDLE || method >= METHODS)
		return ERR_SYNTAX;
	d->method = method;
	d->path = arena_copy(d->arena, msg_slice(m));
	for (size_t i = 0; i < DAV_N_FIELDS; i++)
		d->fields[i] = arena_copy(d->arena, msg_slice(m));
	buf_init(&d->body, dav_methods[method].body_max);
	d->body_err = ERR_OK;
	d->xml = NULL;
	d->more = NULL;
	d->at = (struct place_at){ 0 };
	d->over = d->head_sent = false;
	buf_reset(&d->out);
	d->state = DAV_BODYING;
	return msg_end(m);
}

static enum err on_body(struct dav *d, struct msg_in *m)
{
	struct slice piece = msg_slice(m);

	TRY(msg_end(m));
	if (d->state != DAV_BODYING)
		return ERR_SYNTAX;
	if (d->body_err == ERR_OK && buf_add_slice(&d->body, piece) != ERR_OK)
		d->body_err = ERR_LIMIT;
	return ERR_OK;
}

static enum err on_end(struct dav *d, struct msg_in *m)
{
	TRY(msg_end(m));
	if (d->state != DAV_BODYING)
		return ERR_SYNTAX;
	d->state = DAV_WORKING;
	conn_pause(d->conn); /* the next request waits for this one */
	enum dav_step step = begin(d);
	d->over = step == DAV_OVER;
	if (step != DAV_WAIT)
		drive(d);
	return ERR_OK;
}

static enum err take(struct dav *d, struct msg_in *m)
{
	static const struct {
		uint16_t type;
		enum err (*run)(struct dav *d, struct msg_in *m);
	} records[] = {
		{ DAV_REQUEST, on_request },
		{ DAV_BODY, on_body },
		{ DAV_END, on_end },
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		if (records[i].type == m->type)
			return records[i].run(d, m);
	return ERR_SYNTAX;
}

static void on_input(void *arg)
{
	struct dav *d = arg;
	struct msg_in m;

	while (d->state != DAV_WORKING) {
		enum err e = record_next(d->conn, &m);
		if (e == ERR_AGAIN)
			return;
		if (e == ERR_OK) {
			e = take(d, &m);
			record_done(d->conn);
		}
		if (e != ERR_OK) {
			conn_finish(d->conn);
			return;
		}
	}
}

static void on_low(void *arg)
{
	struct dav *d = arg;

	loop_later(d->tenant->loop, &d->later);
}

/* --- begin and end ------------------------------------------------------------------ */

static void on_first(void *arg)
{
	struct dav *d = arg;

	if (d->state == DAV_WORKING)
		drive(d);
	else
		on_input(d);
}

static void release(struct dav *d)
{
	if (d->account)
		account_close(d->account);
	arena_free(d->arena);
	arena_free(d->batch);
	arena_free(d->row);
	buf_free(&d->body);
	buf_free(&d->out);
	mem_free(d);
}

static void on_closed(void *arg, enum err why)
{
	struct dav *d = arg;
	struct tenant *t = d->tenant;
	uint64_t id = d->id;

	(void)why;
	loop_later_cancel(&d->later);
	if (d->work)
		worker_cancel(d->work);
	conn_free(d->conn);
	release(d);
	session_ended(t, id);
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

static enum err prepare(struct dav *d, const struct session_start *start)
{
	d->arena = arena_new(DAV_ARENA);
	d->batch = arena_new(DAV_ARENA);
	if (!d->arena || !d->batch)
		return ERR_NOMEM;
	if (start->login.n > LIMIT_ADDRESS)
		return ERR_LIMIT;
	memcpy(d->login, start->login.p, start->login.n);
	return account_open(start->tenant->store, start->account, &d->account);
}

enum err dav_session_new(const struct session_start *start)
{
	struct dav *d = mem_new(struct dav);

	if (!d)
		return ERR_NOMEM;
	enum err e = prepare(d, start);
	if (e != ERR_OK) {
		release(d);
		return e;
	}
	d->tenant = start->tenant;
	d->conn = start->conn;
	d->id = start->id;
	buf_init(&d->out, DAV_OUT_MAX);
	d->later = (struct later){ .run = on_first, .arg = d };
	conn_set_events(d->conn, &events, d);
	conn_set_timeout(d->conn, 0); /* the front counts */
	loop_later(d->tenant->loop, &d->later);
	return ERR_OK;
}

enum err dav_warm_up(void)
{
	xml_warm_up();
	return ERR_OK;
}
