/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The runner of the sealed queue, in the tenantd. It takes what is due, one
 * message to the recipients of one domain at a time, and streams it to relayd:
 *
 *	due --marked SENDING--> asked for a stream --TENANT_RELAY--> JOB sent
 *	JOB --GO--> body in pieces, END --RESULTs, DONE--> settled (settle.c)
 *	asked --no relayd--> given back; nothing was tried
 *	any --the stream breaks--> settled: those without an answer are deferred
 *
 * JOB goes through the gate: nothing is sent to anybody before the queue entry
 * is durable. A server's 250 that gets lost between it and the commit is sent
 * again: at least once. While a message waits, bastided knows that this tenant
 * must be woken (TENANT_QUEUED, and the time in TENANT_IDLE).
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/domain.h>
#include <bastide/log.h>
#include <bastide/mem.h>
#include <bastide/process.h>

#include "../proto.h"
#include "outbound.h"

#define LOOK_ARENA MIB(1)
#define DELIVERY_ARENA MIB(1)
/* Seconds until the next attempt when relayd is away or the store is full. */
#define AWAY_S 5
#define PIECE KIB(64)
/* A record's share of it. */
#define RECORD KIB(32)
/* The clock may be set. */
#define LONGEST_MS 3600000

static void look_soon(void *arg);

/* --- a delivery's life ------------------------------------------------------------- */

static void delivery_free(struct delivery *d)
{
	struct outbound *o = d->out;

	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	conn_free(d->conn);
	if (d->bodies)
		account_close(d->bodies);
	arena_free(d->arena);
	mem_free(d->domain);
	mem_free(d);
	o->n--;
	tenant_working(o->tenant, -1);
}

static bool store_trouble(struct outbound *o, const char *what, enum err e)
{
	if (e == ERR_OK)
		return false;
	log_event(LOG_ERROR_, "queue-trouble", "what=%s err=%s", what,
		err_info(e)->name);
	o->not_before = time(NULL) + AWAY_S;
	return true;
}

/* Its books are closed, or it stays for the next look. */
static void close_books(struct delivery *d)
{
	struct outbound *o = d->out;

	if (!store_trouble(o, "settle", settle(d)))
		delivery_free(d);
	look_soon(o);
}

static void unknown(
	struct delivery *d, int code, const char *status, const char *text)
{
	for (size_t i = 0; i < d->n; i++) {
		struct fate *f = &d->fates[i];
		if (f->known)
			continue;
		*f = (struct fate){ .known = true, .code = code };
		snprintf(f->status, sizeof(f->status), "%s", status);
		snprintf(f->text, sizeof(f->text), "%s", text);
	}
}

static void delivery_over(struct delivery *d)
{
	unknown(d, 0, "4.3.0", "The sending process went away");
	d->over = true;
	conn_free(d->conn);
	d->conn = NULL;
	close_books(d);
}

/* --- the stream ---------------------------------------------------------------------- */

static void send_piece(struct delivery *d, struct slice data)
{
	while (data.n) {
		struct slice part = slice_head(data, RECORD);
		struct msg m;
		msg_begin(&m, RELAY_DATA);
		msg_add_slice(&m, part);
		record_send(d->conn, &m);
		data = slice_from(data, part.n);
	}
}

/* As much as the output takes; `low` calls again. */
static void send_more(struct delivery *d)
{
	static char piece[PIECE];
	enum err e = ERR_OK;
	struct msg m;
	size_t got = 1;

	while (d->going && !d->sent && !conn_full(d->conn)) {
		e = body_read(d->bodies, d->rows[0].body, d->offset, piece,
			PIECE, &got);
		if (e != ERR_OK)
			break;
		send_piece(d, slice_of(piece, got));
		d->offset += got;
		d->sent = got == 0;
	}
	mem_wipe(piece, PIECE);
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "body-unreadable", "message=%llu err=%s",
			(unsigned long long)d->rows[0].message,
			err_info(e)->name);
		unknown(d, 0, "4.3.0", "The message cannot be read");
		delivery_over(d);
	} else if (d->sent && got == 0) {
		msg_begin(&m, RELAY_END);
		record_send(d->conn, &m);
	}
}

static void copy_text(char *to, size_t size, struct slice s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;
	bool utf8;

	while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	utf8 = utf8_valid(slice_head(s, n));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool bad = c < ' ' || c == 127 || (c >= 128 && !utf8);
		to[i] = bad ? '?' : (char)c;
	}
	to[n] = '\0';
}

static enum err on_result(struct delivery *d, struct msg_in *m)
{
	uint32_t at = msg_u32(m), code = msg_u32(m);
	struct slice status = msg_slice(m), text = msg_slice(m),
		     host = msg_slice(m);

	TRY(msg_end(m));
	if (at >= d->n || d->fates[at].known || code > 599)
		return ERR_SYNTAX;
	struct fate *f = &d->fates[at];
	f->known = true;
	f->code = (int)code;
	copy_text(f->status, sizeof(f->status), status);
	copy_text(f->text, sizeof(f->text), text);
	copy_text(f->host, sizeof(f->host), host);
	return ERR_OK;
}

/* False: the delivery is over. */
static bool take(struct delivery *d, struct msg_in *m)
{
	enum err e = ERR_UNSUPPORTED;

	if (m->type == RELAY_RESULT) {
		e = on_result(d, m);
	} else if (m->type == RELAY_GO && !d->going) {
		e = msg_end(m);
		d->going = e == ERR_OK;
	} else if (m->type == RELAY_DONE) {
		delivery_over(d);
		return false;
	}
	if (e == ERR_OK)
		return true;
	log_event(LOG_ERROR_, "relay-broken", "type=%u err=%s", m->type,
		err_info(e)->name);
	delivery_over(d);
	return false;
}

static void on_input(void *arg)
{
	struct delivery *d = arg;
	struct msg_in m;
	bool was_going = d->going;

	for (;;) {
		enum err e = record_next(d->conn, &m);
		if (e == ERR_AGAIN)
			break;
		if (e != ERR_OK) {
			delivery_over(d);
			return;
		}
		if (!take(d, &m))
			return;
		record_done(d->conn);
	}
	if (d->going && !was_going)
		send_more(d);
}

static void on_low(void *arg)
{
	send_more(arg);
}

static void on_closed(void *arg, enum err why)
{
	delivery_over(arg);
}

static const struct conn_events conn_events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

static void send_job(struct delivery *d)
{
	const struct queue_row *row = &d->rows[0];
	struct msg m;

	conn_gate(d->conn, store_last_commit(d->out->tenant->store));
	msg_begin(&m, RELAY_JOB);
	msg_add_slice(&m, row->mail_from);
	msg_add_u32(&m, (row->utf8 ? (uint32_t)SMTP_UTF8 : 0) |
				(row->eightbit ? (uint32_t)SMTP_8BIT : 0));
	msg_add_u64(&m, row->size);
	msg_add_u32(&m, (uint32_t)d->n);
	for (size_t i = 0; i < d->n; i++)
		msg_add_slice(&m, d->rows[i].recipient);
	record_send(d->conn, &m);
}

static struct delivery *by_id(struct outbound *o, uint32_t id)
{
	for (struct delivery *d = o->list; d; d = d->next)
		if (d->id == id && !d->conn && !d->over)
			return d;
	return NULL;
}

static void on_stream(void *arg, uint32_t id, enum err e, int fd)
{
	struct outbound *o = arg;
	struct delivery *d = by_id(o, id);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (e == ERR_OK)
		e = conn_new(o->tenant->loop, fd, NULL, o->tenant->gate,
			&conn_events, d, &d->conn);
	if (e == ERR_OK) {
		conn_set_timeout(d->conn, 0); /* relayd is the patient one */
		send_job(d);
		return;
	}
	if (e == ERR_SYNTAX) {
		unknown(d, 550, "5.1.3", "The domain is not understood");
		delivery_over(d);
		return;
	}
	o->not_before = time(NULL) + AWAY_S;
	if (!store_trouble(o, "give-back", give_back(d))) {
		delivery_free(d);
	} else {
		unknown(d, 0, "4.3.0", "The sending process is away");
		d->over = true;
	}
	look_soon(o);
}

/* --- what is due ------------------------------------------------------------------------ */

static bool same_domain(struct slice a, struct slice b)
{
	return slice_ieq(address_domain(a), address_domain(b));
}

static enum err copy_row(
	struct delivery *d, const struct queue_row *from, struct queue_row *to)
{
	*to = *from;
	to->mail_from = arena_copy(d->arena, from->mail_from);
	to->recipient = arena_copy(d->arena, from->recipient);
	to->last_status = arena_copy(d->arena, from->last_status);
	return to->mail_from.p && to->recipient.p && to->last_status.p
		       ? ERR_OK
		       : ERR_NOMEM;
}

/* The first row, and those of its message that go to the same domain. */
static enum err collect(
	struct delivery *d, const struct queue_row *rows, size_t n)
{
	d->rows = arena_array(d->arena, struct queue_row, n);
	d->fates = arena_array(d->arena, struct fate, n);
	d->domain = mem_str(address_domain(rows[0].recipient));
	if (!d->rows || !d->fates || !d->domain)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (rows[i].message == rows[0].message &&
			same_domain(rows[i].recipient, rows[0].recipient))
			TRY(copy_row(d, &rows[i], &d->rows[d->n++]));
	return account_open(d->out->tenant->store, TENANT_ACCOUNT, &d->bodies);
}

static enum err mark_sending(struct delivery *d)
{
	struct store *s = d->out->tenant->store;
	enum err e = ERR_OK;

	TRY(store_begin(s));
	for (size_t i = 0; e == ERR_OK && i < d->n; i++) {
		struct queue_row row = d->rows[i];
		row.state = QUEUE_SENDING;
		e = queue_update(s, &row);
	}
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	return store_commit(s, NULL);
}

static enum err ask_for_stream(struct delivery *d)
{
	struct msg m;

	msg_begin(&m, TENANT_RELAY_START);
	msg_add_u32(&m, d->id);
	msg_add_slice(&m, slice_str(d->domain));
	return ipc_send(d->out->tenant->control, &m);
}

static enum err delivery_new(
	struct outbound *o, const struct queue_row *rows, size_t n)
{
	struct delivery *d = mem_new(struct delivery);
	struct arena *arena = arena_new(DELIVERY_ARENA);

	if (!d || !arena) {
		mem_free(d);
		arena_free(arena);
		return ERR_NOMEM;
	}
	*d = (struct delivery){ .out = o,
		.id = ++o->last_id,
		.arena = arena,
		.next = o->list,
		.prev = &o->list };
	if (d->next)
		d->next->prev = &d->next;
	o->list = d;
	o->n++;
	tenant_working(o->tenant, 1);
	enum err e = collect(d, rows, n);
	if (e == ERR_OK)
		e = mark_sending(d);
	/* Without bastided there is no answer, and soon no tenantd. */
	if (e == ERR_OK)
		e = ask_for_stream(d);
	if (e != ERR_OK)
		delivery_free(d);
	return e;
}

/* False: nothing more to begin now. */
static bool begin_one(struct outbound *o)
{
	struct queue_row *rows;
	size_t n = 0;

	arena_reset(o->arena);
	rows = arena_array(o->arena, struct queue_row, LIMIT_RECIPIENTS);
	enum err e = rows ? queue_due(o->tenant->store, time(NULL), o->arena,
				    rows, LIMIT_RECIPIENTS, &n)
			  : ERR_NOMEM;
	if (e == ERR_OK && n == 0)
		return false;
	if (e == ERR_OK)
		e = delivery_new(o, rows, n);
	return !store_trouble(o, "begin", e);
}

static int64_t next_time(struct outbound *o)
{
	int64_t when;

	if (queue_next(o->tenant->store, &when) != ERR_OK)
		when = time(NULL) + AWAY_S;
	if (when == INT64_MAX)
		return 0;
	return when > o->not_before ? when : o->not_before;
}

static void tell(struct outbound *o)
{
	if (!o->told)
		o->told =
			send_plain(o->tenant->control, TENANT_QUEUED) == ERR_OK;
}

static bool has_unsettled(const struct outbound *o)
{
	for (struct delivery *d = o->list; d; d = d->next)
		if (d->over)
			return true;
	return false;
}

static void arm(struct outbound *o)
{
	int64_t now = time(NULL), next = next_time(o);

	if (next || o->n)
		tell(o);
	if (has_unsettled(o) && (!next || o->not_before < next))
		next = o->not_before;
	if (!next || (next <= now && o->n >= LIMIT_TENANT_JOBS)) {
		timer_cancel(o->timer);
		return;
	}
	uint64_t ms = next > now ? (uint64_t)(next - now) * 1000 : 0;
	timer_set(o->timer, ms < LONGEST_MS ? ms : LONGEST_MS);
}

static void settle_again(struct outbound *o)
{
	struct delivery *next;

	for (struct delivery *d = o->list; d; d = next) {
		next = d->next;
		if (d->over && !store_trouble(o, "settle", settle(d)))
			delivery_free(d);
	}
}

static void look(void *arg)
{
	struct outbound *o = arg;

	if (time(NULL) >= o->not_before) {
		settle_again(o);
		while (!o->draining && time(NULL) >= o->not_before &&
			o->n < LIMIT_TENANT_JOBS && begin_one(o))
			;
	}
	arm(o);
}

static void look_soon(void *arg)
{
	struct outbound *o = arg;

	loop_later(o->tenant->loop, &o->later);
}

/* --- the process's side -------------------------------------------------------------------- */

/* Asked before an idle end: bastided keeps it. */
static int64_t on_next(void *arg)
{
	struct outbound *o = arg;
	int64_t next = next_time(o);

	o->told = next != 0;
	return next;
}

static void on_drain(void *arg)
{
	struct outbound *o = arg;

	o->draining = true;
}

/* Those that still run are SENDING, and WAITING again at the next open. */
static void on_stop(void *arg)
{
	struct outbound *o = arg;

	o->draining = true;
	timer_cancel(o->timer);
	loop_later_cancel(&o->later);
	while (o->list)
		delivery_free(o->list);
}

enum err outbound_begin(struct tenant *t)
{
	struct outbound *o = mem_new(struct outbound);

	if (!o)
		return ERR_NOMEM;
	*o = (struct outbound){ .tenant = t,
		.arena = arena_new(LOOK_ARENA),
		.later = { .run = look, .arg = o },
		.runner = { .look = look_soon,
			.stream = on_stream,
			.next = on_next,
			.drain = on_drain,
			.stop = on_stop,
			.arg = o } };
	enum err e = o->arena ? timer_new(t->loop, look_soon, o, &o->timer)
			      : ERR_NOMEM;
	if (e != ERR_OK) {
		arena_free(o->arena);
		mem_free(o);
		return e;
	}
	t->runner = &o->runner;
	look_soon(o);
	return ERR_OK;
}
