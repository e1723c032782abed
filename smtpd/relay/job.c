/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One delivery, in relayd: the stream to the tenantd on one side, one server
 * after another on the other.
 *
 *	ASKED --JOB--> ROUTING --targets--> CONNECTING --connected--> TALKING
 *	TALKING --go--> (DATA flows) --over--> RESULTs, DONE --> gone
 *	CONNECTING, TALKING --host of no use--> CONNECTING to the next
 *	any --the stream ends--> gone: the tenantd or its tenant went
 *
 * Flow control is the kernel's: a server that is slow pauses the stream.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/domain.h>
#include <bastide/log.h>
#include <bastide/mem.h>

#include "../proto.h"
#include "relayd.h"

#define CONNECT_MS 30000
#define LETTER_ARENA KIB(256)

struct job {
	struct conn *stream;
	char *domain, *local;
	struct arena *arena; /* the letter */
	struct letter letter;
	struct route_find *find;
	struct targets targets;
	size_t at; /* the target that is tried */
	struct verdict why;
	int fd; /* connecting, or -1 */
	struct watch *watch;
	struct timer *timer;
	struct client *client;
	bool asked, going, reported;
};

static void connect_next(struct job *j);

static void job_free(struct job *j)
{
	route_find_free(j->find);
	client_free(j->client);
	watch_free(j->watch);
	timer_free(j->timer);
	if (j->fd >= 0)
		close(j->fd);
	conn_free(j->stream);
	arena_free(j->arena);
	mem_free(j->domain);
	mem_free(j->local);
	mem_free(j);
	relayd.jobs--;
}

/* --- the end --------------------------------------------------------------------- */

static void report(struct job *j)
{
	struct msg m;

	for (size_t i = 0; i < j->letter.n; i++) {
		const struct verdict *v = &j->letter.verdicts[i];
		if (!v->decided)
			v = &j->why;
		msg_begin(&m, RELAY_RESULT);
		msg_add_u32(&m, (uint32_t)i);
		msg_add_u32(&m, (uint32_t)v->code);
		msg_add_slice(&m, slice_str(v->enhanced));
		msg_add_slice(&m, slice_str(v->text));
		msg_add_slice(&m, slice_str(v->host));
		record_send(j->stream, &m);
	}
	msg_begin(&m, RELAY_DONE);
	record_send(j->stream, &m);
	j->reported = true;
	conn_resume(j->stream);
	conn_finish(j->stream);
}

/* --- talking to a server ----------------------------------------------------------- */

static void on_go(void *arg)
{
	struct job *j = arg;
	struct msg m;

	j->going = true;
	msg_begin(&m, RELAY_GO);
	record_send(j->stream, &m);
}

static void on_low(void *arg)
{
	struct job *j = arg;

	conn_resume(j->stream);
}

static void host_failed(struct job *j, const struct verdict *why)
{
	/* What may pass is said rather than what may not. */
	if (!j->why.decided || j->why.code >= 500)
		j->why = *why;
	j->at++;
	connect_next(j);
}

static void on_over(void *arg, enum outcome how, const struct verdict *why)
{
	struct job *j = arg;
	struct target *t = &j->targets.list[j->at];
	struct verdict v = *why;

	client_free(j->client);
	j->client = NULL;
	if (how == OUTCOME_DECIDED) {
		report(j);
	} else if (how == OUTCOME_NO_TLS && !t->tls_at_once) {
		t->policy = TLS_CLEAR;
		connect_next(j);
	} else {
		host_failed(j, &v);
	}
}

static const struct client_events client_events = {
	.go = on_go,
	.low = on_low,
	.over = on_over,
};

static void cannot_connect(struct job *j, const char *text)
{
	struct verdict v;

	timer_cancel(j->timer);
	watch_free(j->watch);
	j->watch = NULL;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	verdict_set(
		&v, 0, "4.4.1", slice_str(text), j->targets.list[j->at].name);
	host_failed(j, &v);
}

static void on_connected(void *arg, int events)
{
	struct job *j = arg;
	const struct target *t = &j->targets.list[j->at];
	int problem = 0, fd = j->fd;
	socklen_t n = sizeof(problem);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &n) != 0 ||
		problem) {
		cannot_connect(j, problem == ECONNREFUSED ? "Connection refused"
							  : "Cannot connect");
		return;
	}
	timer_cancel(j->timer);
	watch_free(j->watch);
	j->watch = NULL;
	j->fd = -1;
	if (client_new(relayd.process.loop, fd, t->name, t->policy,
		    t->tls_at_once, relayd.tls, &j->letter, &client_events, j,
		    &j->client) != ERR_OK)
		cannot_connect(j, "Not enough memory");
}

static void on_connect_late(void *arg)
{
	cannot_connect(arg, "No answer to the connection");
}

static enum err begin_connect(struct job *j, const struct target *t)
{
	j->fd = socket(t->address.ss_family,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (j->fd < 0)
		return err_from_errno(errno);
	if (connect(j->fd, (const struct sockaddr *)&t->address, t->length) !=
			0 &&
		errno != EINPROGRESS)
		return err_from_errno(errno);
	TRY(watch_new(relayd.process.loop, j->fd, on_connected, j, &j->watch));
	watch_set(j->watch, LOOP_WRITE);
	timer_set(j->timer, CONNECT_MS);
	return ERR_OK;
}

static void connect_next(struct job *j)
{
	/* Each turn of this loop has one target less. */
	while (j->at < j->targets.n) {
		if (begin_connect(j, &j->targets.list[j->at]) == ERR_OK)
			return;
		if (j->fd >= 0)
			close(j->fd);
		j->fd = -1;
		if (!j->why.decided)
			verdict_set(&j->why, 0, "4.4.1",
				slice_str("Cannot connect"),
				j->targets.list[j->at].name);
		j->at++;
	}
	report(j);
}

static void on_route(
	void *arg, const struct targets *t, const struct verdict *why)
{
	struct job *j = arg;

	j->targets = *t;
	if (!t->n)
		j->why = *why;
	route_find_free(j->find);
	j->find = NULL;
	connect_next(j);
}

/* --- the tenantd's side -------------------------------------------------------------- */

/* The stream's domain is the letter's: bastided decided by it. And nothing in
 * an address may end a line of the dialogue. */
static bool is_sound(const struct job *j, struct slice address, bool to)
{
	struct slice domain = address_domain(address);
	struct buf normal;

	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] < ' ' || address.p[i] == 127)
			return false;
	if (!to)
		return true;
	buf_init(&normal, LIMIT_DOMAIN + 1);
	if (domain_normal(domain, &normal) == ERR_OK)
		domain = buf_slice(&normal);
	bool sound = slice_eqs(domain, j->domain);
	buf_free(&normal);
	return sound;
}

static enum err take_letter(struct job *j, struct msg_in *m)
{
	struct letter *l = &j->letter;

	l->helo = config_str(relayd.process.config, "hostname");
	l->from = arena_copy(j->arena, msg_slice(m));
	l->flags = msg_u32(m);
	l->size = msg_u64(m);
	l->n = msg_u32(m);
	if (m->bad || l->n == 0 || l->n > LIMIT_RECIPIENTS || !l->from.p ||
		!is_sound(j, l->from, false))
		return ERR_SYNTAX;
	l->recipients = arena_array(j->arena, struct slice, l->n);
	l->verdicts = arena_array(j->arena, struct verdict, l->n);
	if (!l->recipients || !l->verdicts)
		return ERR_NOMEM;
	for (size_t i = 0; i < l->n; i++) {
		l->recipients[i] = arena_copy(j->arena, msg_slice(m));
		if (m->bad || !is_sound(j, l->recipients[i], true))
			return ERR_SYNTAX;
	}
	return msg_end(m);
}

static enum err on_job(struct job *j, struct msg_in *m)
{
	if (j->asked)
		return ERR_SYNTAX;
	j->asked = true;
	TRY(take_letter(j, m));
	return route_find_new(relayd.process.loop, relayd.dns,
		relayd.process.config, slice_str(j->domain),
		slice_str(j->local), on_route, j, &j->find);
}

static enum err on_data(struct job *j, struct msg_in *m)
{
	struct slice data = msg_slice(m);

	TRY(msg_end(m));
	if (!j->going)
		return ERR_SYNTAX;
	if (!j->client) /* it ended early */
		return ERR_OK;
	client_data(j->client, data);
	if (client_full(j->client))
		conn_pause(j->stream);
	return ERR_OK;
}

static enum err on_end(struct job *j, struct msg_in *m)
{
	if (!j->going)
		return ERR_SYNTAX;
	if (j->client)
		client_end(j->client);
	return msg_end(m);
}

static const struct {
	uint16_t type;
	enum err (*take)(struct job *j, struct msg_in *m);
} records[] = {
	{ RELAY_JOB, on_job },
	{ RELAY_DATA, on_data },
	{ RELAY_END, on_end },
};

static enum err take(struct job *j, struct msg_in *m)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		if (records[i].type == m->type)
			return records[i].take(j, m);
	return ERR_UNSUPPORTED;
}

static void on_input(void *arg)
{
	struct job *j = arg;
	struct msg_in m;
	enum err e = ERR_OK;

	while (e == ERR_OK && !j->reported &&
		!(j->client && client_full(j->client))) {
		e = record_next(j->stream, &m);
		if (e == ERR_AGAIN)
			return;
		if (e == ERR_OK)
			e = take(j, &m);
		if (e == ERR_OK)
			record_done(j->stream);
	}
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "job-broken", "err=%s", err_info(e)->name);
	job_free(j);
}

static void on_stream_low(void *arg)
{
}

static void on_stream_closed(void *arg, enum err why)
{
	job_free(arg);
}

static const struct conn_events stream_events = {
	.input = on_input,
	.low = on_stream_low,
	.closed = on_stream_closed,
};

enum err job_new(int fd, struct slice domain, struct slice local)
{
	struct job *j = mem_new(struct job);

	if (!j || relayd.jobs == LIMIT_RELAY_JOBS) {
		mem_free(j);
		close(fd);
		return j ? ERR_BUSY : ERR_NOMEM;
	}
	relayd.jobs++;
	j->fd = -1;
	enum err e = conn_new(relayd.process.loop, fd, NULL, NULL,
		&stream_events, j, &j->stream);
	j->domain = mem_str(domain);
	j->local = mem_str(local);
	j->arena = arena_new(LETTER_ARENA);
	if (e == ERR_OK)
		e = j->domain && j->local && j->arena ? ERR_OK : ERR_NOMEM;
	if (e == ERR_OK)
		e = timer_new(
			relayd.process.loop, on_connect_late, j, &j->timer);
	if (e != ERR_OK)
		job_free(j);
	return e;
}
