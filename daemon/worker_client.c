/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A tenantd's side of its worker: jobs wait in a queue, one is computed at a
 * time, and its deadline runs from when the worker has it.
 *
 *	NONE --job--> ASKED --channel--> THERE --idle--> NONE
 *	ASKED --refused--> NONE (jobs fail)
 *	THERE --deadline--> NONE (this job fails, the next asks again)
 *	THERE --end--> NONE (this job is tried once more)
 */
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/log.h>

#include "tenantd.h"

#define JOBS_MAX 1000
/* bastided has to fork and the worker to put up its walls. */
#define START_MS 10000

enum state { NONE, ASKED, THERE };

struct job {
	uint32_t id;
	struct msg message;
	unsigned deadline_ms;
	void (*done)(void *arg, enum err e, struct msg_in *reply);
	void *arg;
	bool cancelled;
	bool again; /* a worker ended with it before */
	struct job *next;
};

struct worker {
	enum state state;
	struct ipc *ipc;
	struct job *first, **last; /* first: with the worker when `sent` */
	bool sent;
	size_t n;
	uint32_t last_id;
	struct timer *timer; /* start, deadline or idle */
	struct later go;
};

static struct worker worker;

static void finish_first(enum err e, struct msg_in *reply)
{
	struct job *j = worker.first;

	worker.first = j->next;
	if (!worker.first)
		worker.last = &worker.first;
	worker.n--;
	worker.sent = false;
	if (!j->cancelled)
		j->done(j->arg, e, reply);
	msg_free(&j->message);
	mem_free(j);
}

static void lose(void)
{
	ipc_free(worker.ipc);
	worker.ipc = NULL;
	worker.state = NONE;
}

static void rest_a_while(void)
{
	int64_t seconds = config_num(tenantd.process.config, "worker_idle");

	if (worker.state == THERE)
		timer_set(worker.timer, (uint64_t)seconds * 1000);
}

/* What is in a message behind its type. ipc_send uses a message up. */
static enum err append_fields(struct msg *to, const struct msg *from)
{
	return buf_add_slice(&to->b, slice_from(buf_slice(&from->b), 2));
}

static void send_first(void)
{
	struct msg copy;

	msg_begin(&copy, WORK_ASK);
	msg_reserve(&copy, worker.first->message.b.n);
	/* An error is an end of the channel, which is reported. */
	if (append_fields(&copy, &worker.first->message) == ERR_OK)
		(void)ipc_send(worker.ipc, &copy);
	else
		msg_free(&copy); /* no memory: the deadline ends it */
}

/* Starts what can be started; called from the loop only. While a job or a
 * start runs, the timer is theirs. */
static void go(void *arg)
{
	if (worker.sent || worker.state == ASKED)
		return;
	timer_cancel(worker.timer);
	while (worker.first && worker.first->cancelled)
		finish_first(ERR_OK, NULL);
	if (!worker.first) {
		rest_a_while();
	} else if (worker.state == NONE) {
		worker.state = ASKED;
		timer_set(worker.timer, START_MS);
		(void)send_plain(tenantd.tenant.control, TENANT_WORKER_START);
	} else {
		worker.sent = true;
		timer_set(worker.timer, worker.first->deadline_ms);
		send_first();
	}
}

static void on_timer(void *arg)
{
	enum state was = worker.state;
	bool had_job = worker.first != NULL;

	if (was == NONE)
		return;
	/* Idle: closing the channel ends it. */
	if (had_job || was == ASKED)
		(void)send_plain(tenantd.tenant.control, TENANT_WORKER_KILL);
	lose();
	if (had_job) {
		log_event(LOG_WARN_, "worker-killed", "reason=%s",
			was == ASKED ? "start" : "deadline");
		finish_first(
			was == ASKED ? ERR_UNAVAILABLE : ERR_TIMEOUT, NULL);
	}
	loop_later(tenantd.tenant.loop, &worker.go);
}

static void on_message(void *arg, struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	enum err e = msg_err(m);

	if (m->type != WORK_REPLY || m->bad || !worker.sent ||
		id != worker.first->id) {
		log_event(LOG_WARN_, "worker-broken", "err=syntax");
		lose();
		if (worker.sent)
			finish_first(ERR_LIMIT, NULL);
	} else {
		finish_first(e, e == ERR_OK ? m : NULL);
	}
	loop_later(tenantd.tenant.loop, &worker.go);
}

/* Its end in the middle of a job: over its memory, or a fault in a library; or
 * it had ended before and we did not know. A second one will tell. */
static void on_closed(void *arg)
{
	lose();
	if (worker.sent && worker.first->again)
		finish_first(ERR_LIMIT, NULL);
	else if (worker.sent)
		worker.first->again = true;
	worker.sent = false;
	loop_later(tenantd.tenant.loop, &worker.go);
}

enum err worker_came(struct msg_in *m)
{
	static const struct ipc_events events = { on_message, on_closed };
	enum err e = msg_err(m);
	int fd = e == ERR_OK ? msg_fd(m) : -1;

	TRY(msg_end(m));
	if (worker.state != ASKED) {
		if (fd >= 0)
			close(fd); /* asked for, and given up since */
		return ERR_OK;
	}
	if (e == ERR_OK)
		e = ipc_new(
			tenantd.tenant.loop, fd, &events, NULL, &worker.ipc);
	worker.state = e == ERR_OK ? THERE : NONE;
	if (e != ERR_OK && worker.first)
		finish_first(ERR_UNAVAILABLE, NULL);
	loop_later(tenantd.tenant.loop, &worker.go);
	return ERR_OK;
}

enum err worker_ask(struct worker *w, enum work kind, struct msg *request,
	unsigned deadline_ms,
	void (*done)(void *arg, enum err e, struct msg_in *reply), void *arg,
	struct job **out)
{
	enum err e = buf_err(&request->b);

	if (e == ERR_OK && w->n >= JOBS_MAX)
		e = ERR_BUSY;
	struct job *j = e == ERR_OK ? mem_new(struct job) : NULL;
	if (!j) {
		msg_free(request);
		return e == ERR_OK ? ERR_NOMEM : e;
	}
	*j = (struct job){ .id = ++w->last_id,
		.deadline_ms = deadline_ms,
		.done = done,
		.arg = arg };
	/* The request's fields go behind ours. */
	msg_begin(&j->message, WORK_ASK);
	msg_reserve(&j->message, request->b.n + 16);
	msg_add_u32(&j->message, j->id);
	msg_add_u32(&j->message, kind);
	e = append_fields(&j->message, request);
	msg_free(request);
	if (e != ERR_OK) {
		msg_free(&j->message);
		mem_free(j);
		return e;
	}
	*w->last = j;
	w->last = &j->next;
	w->n++;
	loop_later(tenantd.tenant.loop, &w->go);
	*out = j;
	return ERR_OK;
}

void worker_cancel(struct job *j)
{
	if (j)
		j->cancelled = true;
}

enum err worker_init(void)
{
	worker.last = &worker.first;
	worker.go = (struct later){ .run = go };
	tenantd.tenant.worker = &worker;
	return timer_new(tenantd.tenant.loop, on_timer, NULL, &worker.timer);
}
