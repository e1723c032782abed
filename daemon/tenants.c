/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The tenants' processes: woken when somebody needs them, ended when nobody
 * does, started again when they died.
 *
 *	ASLEEP   --tenant_route, _admin, _create--> STARTING
 *	STARTING --CONTROL_READY-------------------> AWAKE (what waited goes on)
 *	AWAKE    --TENANT_IDLE, nobody came since--> ENDING (TENANT_END sent)
 *	AWAKE    --tenant_stop, tenants_stop-------> ENDING (CONTROL_STOP sent)
 *	any      --its process ended---------------> ASLEEP; what waits wakes it
 *	            again, not before its back-off is over
 *
 * A session is sent to an AWAKE tenant only. The idle handshake names the last
 * session that the tenantd saw, so none is lost in between.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <bastide/domain.h>
#include <bastide/log.h>

#include "bastided.h"

#define START_MS 60000
#define BACKOFF_MS 500
#define BACKOFF_MAX_MS 30000
#define WAITING_MAX 10000
/* A stop may checkpoint; after this it is killed, and recovers next time. */
#define STOP_MS 60000
#define WAKE_LOOK_MS 3600000
#define WAKE_APART_MS 50

enum state { ASLEEP, STARTING, AWAKE, ENDING };
static const char *const state_names[] = { "asleep", "starting", "awake",
	"ending" };

/* An administrator's question that waits for the tenantd, or for its reply. */
struct asking {
	uint32_t id;
	char *request; /* NULL: sent */
	tenant_admin_done *done;
	void *arg;
	struct asking *next;
};

/* A login that was passed on and not answered yet. */
struct trying {
	uint64_t session;
	struct attempt attempt;
	struct trying *next;
};

struct tenant_run {
	struct tenant_entry *tenant;
	enum state state;
	struct child *child, *worker;
	struct ipc *ipc;
	unsigned sessions, failures;
	uint64_t last_session;
	struct pending *pending;
	struct asking *asking;
	struct trying *trying;
	tenant_done *created, *stopped;
	void *created_arg, *stopped_arg;
	uint64_t not_before;
	struct timer *timer;
};

static uint64_t last_session;
static uint32_t last_asking;
static size_t n_waiting;

static void wake(struct tenant_run *r);
static void go_on(struct tenant_run *r);

static void name_of(const struct tenant_run *r, char out[OID_TEXT + 1])
{
	oid_text(&r->tenant->oid, out);
}

/* --- what waits -------------------------------------------------------------------- */

static void pending_done(struct pending *p, enum err e, int fd)
{
	door_end(&p->attempt, e == ERR_AUTH ? ATTEMPT_BAD : ATTEMPT_UNDECIDED);
	if (p->front)
		front_reply(p->front, p->id, e, fd);
	mem_free(p);
	n_waiting--;
}

static void refuse_pending(struct tenant_run *r, enum err e)
{
	while (r->pending) {
		struct pending *p = r->pending;
		r->pending = p->next;
		pending_done(p, e, -1);
	}
}

static void asking_done(struct asking *a, enum err e, struct slice reply)
{
	a->done(a->arg, e, reply);
	mem_free(a->request);
	mem_free(a);
}

/* `sent`: only those that the process had already. */
static void refuse_asking_why(
	struct tenant_run *r, enum err e, bool sent_only, struct slice why)
{
	for (struct asking **at = &r->asking; *at;) {
		struct asking *a = *at;
		if (sent_only && a->request) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		asking_done(a, e, why);
	}
}

static void refuse_asking(struct tenant_run *r, enum err e, bool sent_only)
{
	refuse_asking_why(r, e, sent_only, slice_str(""));
}

static void created(struct tenant_run *r, enum err e)
{
	tenant_done *done = r->created;

	r->created = NULL;
	if (done)
		done(r->created_arg, e);
}

/* --- mail that waits for its time ----------------------------------------------------- */

/* ASLEEP: wakes it when its queue has something to do, now or by the timer.
 * The clock may be set: an hour is the longest sleep without a look at it. */
static void wake_for_mail(struct tenant_run *r)
{
	int64_t at = r->tenant->wake, now = time(NULL);
	uint64_t now_ms = loop_now_ms(), wait;

	if (!at || r->state != ASLEEP || r->tenant->life != LIVE ||
		bastided.stopping)
		return;
	if (at <= now && now_ms >= r->not_before) {
		wake(r);
		if (r->state != ASLEEP)
			return;
	}
	wait = at > now ? (uint64_t)(at - now) * 1000 : 0;
	if (wait > WAKE_LOOK_MS)
		wait = WAKE_LOOK_MS;
	if (now_ms + wait < r->not_before)
		wait = r->not_before - now_ms;
	timer_set(r->timer, wait);
}

static enum err set_wake(struct tenant_run *r, int64_t at)
{
	if (r->tenant->wake == at)
		return ERR_OK;
	r->tenant->wake = at;
	router_changed();
	return ERR_OK;
}

/* What is queued from here on is not forgotten, whoever dies. */
static enum err on_queued(struct tenant_run *r, struct msg_in *m)
{
	TRY(msg_end(m));
	return set_wake(r, time(NULL));
}

static enum err on_relay_start(struct tenant_run *r, struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	struct slice domain = msg_slice(m);
	struct msg reply;
	int fd = -1;

	TRY(msg_end(m));
	enum err e = relay_stream(domain, &fd);
	msg_begin(&reply, TENANT_RELAY);
	msg_add_u32(&reply, id);
	msg_add_err(&reply, e);
	if (e == ERR_OK)
		msg_add_fd(&reply, fd);
	e = ipc_send(r->ipc, &reply);
	if (fd >= 0)
		close(fd);
	return e;
}

/* --- the process's end --------------------------------------------------------------- */

static void back_off(struct tenant_run *r)
{
	uint64_t wait = (uint64_t)BACKOFF_MS
			<< (r->failures < 7 ? r->failures : 7);

	r->failures++;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	r->not_before = loop_now_ms() + wait;
}

static void on_ended(void *arg, int status)
{
	struct tenant_run *r = arg;
	bool was_starting = r->state == STARTING;

	r->child = NULL;
	ipc_free(r->ipc);
	r->ipc = NULL;
	child_kill(r->worker, SIGKILL);
	r->state = ASLEEP;
	r->sessions = 0;
	r->last_session = 0; /* the next process has seen none */
	timer_cancel(r->timer);
	while (r->trying) {
		struct trying *t = r->trying;
		r->trying = t->next;
		door_end(&t->attempt, ATTEMPT_BAD);
		mem_free(t);
	}
	refuse_asking(r, ERR_UNAVAILABLE, true);
	if (status) {
		/* What it told last may be lost. */
		r->tenant->synced = false;
		back_off(r);
	}
	if (was_starting || bastided.stopping) {
		refuse_pending(r, ERR_UNAVAILABLE);
		refuse_asking(r, ERR_UNAVAILABLE, false);
		created(r, ERR_UNAVAILABLE);
	}
	tenant_done *stopped = r->stopped;
	r->stopped = NULL;
	if (stopped)
		stopped(r->stopped_arg, ERR_OK);
	else if (!bastided.stopping && (r->pending || r->asking))
		wake(r);
	else
		wake_for_mail(r);
	stop_step();
}

static void on_timer(void *arg)
{
	struct tenant_run *r = arg;

	if (r->state == ASLEEP) {
		if (r->pending || r->asking)
			wake(r);
		else
			wake_for_mail(r);
		return;
	}
	char name[OID_TEXT + 1];
	name_of(r, name);
	log_event(LOG_WARN_, "tenant-stuck", "tenant=%s state=%s", name,
		state_names[r->state]);
	child_kill(r->child, SIGKILL);
}

/* --- its messages --------------------------------------------------------------------- */

static enum err on_ready(struct tenant_run *r, struct msg_in *m)
{
	TRY(msg_end(m));
	if (r->state != STARTING)
		return ERR_WRONGSTATE;
	r->state = AWAKE;
	r->failures = 0;
	timer_cancel(r->timer);
	created(r, ERR_OK);
	go_on(r);
	return ERR_OK;
}

static void trying_end(
	struct tenant_run *r, uint64_t session, enum attempt_end end)
{
	for (struct trying **at = &r->trying; *at; at = &(*at)->next) {
		struct trying *t = *at;
		if (t->session == session) {
			*at = t->next;
			door_end(&t->attempt, end);
			mem_free(t);
			return;
		}
	}
}

static enum err on_login(struct tenant_run *r, struct msg_in *m)
{
	uint64_t session = msg_u64(m);
	enum err e = msg_err(m);

	TRY(msg_end(m));
	trying_end(r, session, e == ERR_OK ? ATTEMPT_GOOD : ATTEMPT_BAD);
	return ERR_OK;
}

static enum err on_session_ended(struct tenant_run *r, struct msg_in *m)
{
	uint64_t session = msg_u64(m);

	TRY(msg_end(m));
	trying_end(r, session, ATTEMPT_BAD);
	if (!r->sessions)
		return ERR_WRONGSTATE;
	r->sessions--;
	return ERR_OK;
}

static enum err on_idle(struct tenant_run *r, struct msg_in *m)
{
	uint64_t seen = msg_u64(m), at = msg_u64(m);

	TRY(msg_end(m));
	if (at > INT64_MAX)
		return ERR_SYNTAX;
	/* Somebody came whom it has not seen, or an answer is due. */
	if (r->state != AWAKE || seen != r->last_session || r->sessions ||
		r->asking)
		return ERR_OK;
	TRY(set_wake(r, (int64_t)at));
	r->state = ENDING;
	timer_set(r->timer, STOP_MS);
	return send_plain(r->ipc, TENANT_END);
}

static void on_worker_ended(void *arg, int status)
{
	struct tenant_run *r = arg;

	r->worker = NULL;
}

static enum err start_worker(struct tenant_run *r, int *fd_out)
{
	int control[2], work[2];
	struct msg m;
	struct buf config;

	TRY(ipc_pair(control));
	enum err e = ipc_pair(work);
	if (e != ERR_OK) {
		close(control[0]);
		close(control[1]);
		return e;
	}
	struct child_start s = { .program = &programs[PROGRAM_WORKER],
		.dir = -1,
		.uid = uid_of(UID_WORKER),
		.fds = { { control[1], CONTROL_FD }, { work[1], 4 } },
		.n_fds = 2,
		.ended = on_worker_ended,
		.arg = r };
	e = child_run(&s, &r->worker);
	close(control[1]);
	close(work[1]);
	/* Its configuration is the one message it gets. */
	buf_init(&config, KIB(64));
	config_pack(bastided.process.config, &config);
	msg_begin(&m, CONTROL_CONFIG);
	msg_add_slice(&m, buf_slice(&config));
	msg_add_u32(&m, (uint32_t)bastided.process.max_abi);
	msg_add_u32(&m, bastided.process.debug);
	buf_free(&config);
	if (e == ERR_OK && write(control[0], m.b.p, m.b.n) != (ssize_t)m.b.n)
		e = ERR_IO;
	msg_free(&m);
	close(control[0]);
	if (e != ERR_OK)
		close(work[0]);
	else
		*fd_out = work[0];
	return e;
}

static enum err on_worker_start(struct tenant_run *r, struct msg_in *m)
{
	int fd = -1;
	struct msg reply;

	TRY(msg_end(m));
	if (r->worker) { /* it is on its way out */
		child_forget(r->worker);
		child_kill(r->worker, SIGKILL);
		r->worker = NULL;
	}
	enum err e = start_worker(r, &fd);
	msg_begin(&reply, TENANT_WORKER);
	msg_add_err(&reply, e);
	if (e == ERR_OK)
		msg_add_fd(&reply, fd);
	e = ipc_send(r->ipc, &reply);
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err on_worker_kill(struct tenant_run *r, struct msg_in *m)
{
	child_kill(r->worker, SIGKILL);
	return msg_end(m);
}

static enum err on_admin_reply(struct tenant_run *r, struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	enum err e = msg_err(m);
	struct slice reply = msg_slice(m);

	TRY(msg_end(m));
	for (struct asking **at = &r->asking; *at; at = &(*at)->next) {
		struct asking *a = *at;
		if (a->id != id || a->request)
			continue;
		*at = a->next;
		asking_done(a, e, reply);
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

static enum err on_addresses(struct tenant_run *r, struct msg_in *m)
{
	return router_addresses(r->tenant, m);
}

static enum err on_failed(struct tenant_run *r, struct msg_in *m)
{
	char name[OID_TEXT + 1];
	enum err e = msg_err(m);
	struct slice why = msg_slice(m);

	TRY(msg_end(m));
	/* Who asked is told why: another try would end the same. */
	if (r->state == STARTING && e != ERR_OK)
		refuse_asking_why(r, e, false, why);
	name_of(r, name);
	log_event(LOG_ERROR_, "tenant-failed", "tenant=%s err=%s", name,
		err_info(e)->name);
	return ERR_OK;
}

static const struct {
	uint16_t type;
	enum err (*take)(struct tenant_run *r, struct msg_in *m);
} messages[] = {
	{ CONTROL_READY, on_ready },
	{ TENANT_LOGIN, on_login },
	{ TENANT_SESSION_ENDED, on_session_ended },
	{ TENANT_IDLE, on_idle },
	{ TENANT_QUEUED, on_queued },
	{ TENANT_RELAY_START, on_relay_start },
	{ TENANT_WORKER_START, on_worker_start },
	{ TENANT_WORKER_KILL, on_worker_kill },
	{ TENANT_ADMIN_REPLY, on_admin_reply },
	{ TENANT_ADDRESSES, on_addresses },
	{ TENANT_FAILED, on_failed },
};

static void on_message(void *arg, struct msg_in *m)
{
	struct tenant_run *r = arg;
	enum err e = ERR_UNSUPPORTED;
	uint16_t type = m->type;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == type)
			e = messages[i].take(r, m);
	if (e == ERR_OK)
		return;
	char name[OID_TEXT + 1];
	name_of(r, name);
	log_event(LOG_ERROR_, "tenant-broken", "tenant=%s type=%u err=%s", name,
		type, err_info(e)->name);
	child_kill(r->child, SIGKILL);
}

static void on_closed(void *arg)
{
	struct tenant_run *r = arg;

	/* It ends, and keyd still takes its last head: SIGCHLD comes. */
	ipc_free(r->ipc);
	r->ipc = NULL;
}

/* --- starting --------------------------------------------------------------------------- */

int tenant_dir_open(const struct tenant_entry *t)
{
	char name[OID_TEXT + 1];

	oid_text(&t->oid, name);
	return openat(bastided.tenants_dir, name,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static enum err send_start(struct tenant_run *r)
{
	struct msg m;

	TRY(send_config(r->ipc));
	TRY(token_keys_send(r->ipc));
	msg_begin(&m, TENANT_START);
	msg_add_slice(&m, slice_of(r->tenant->oid.b, 16));
	msg_add_u32(&m, r->created != NULL);
	msg_add_slice(&m, slice_of(bastided.fake_key, 32));
	msg_add_u32(&m, !r->tenant->synced);
	return ipc_send(r->ipc, &m);
}

static enum err start(struct tenant_run *r)
{
	static const struct ipc_events events = { on_message, on_closed };
	int control[2] = { -1, -1 }, lease = -1;
	int dir = tenant_dir_open(r->tenant);
	enum err e = dir < 0 ? ERR_NOTFOUND : ERR_OK;

	if (e == ERR_OK)
		e = keyd_lease(&r->tenant->oid, &lease);
	if (e == ERR_OK)
		e = ipc_pair(control);
	if (e == ERR_OK) {
		struct child_start s = { .program = &programs[PROGRAM_TENANTD],
			.dir = dir,
			.uid = uid_of(UID_TENANTS + r->tenant->number),
			.fds = { { control[1], CONTROL_FD }, { lease, KEYD_FD },
				{ bastided.lock, LOCK_FD } },
			.n_fds = 3,
			.ended = on_ended,
			.arg = r };
		e = child_run(&s, &r->child);
	}
	if (dir >= 0)
		close(dir);
	if (lease >= 0)
		close(lease);
	if (control[1] >= 0)
		close(control[1]);
	if (e != ERR_OK) {
		if (control[0] >= 0)
			close(control[0]);
		return e;
	}
	r->state = STARTING;
	timer_set(r->timer, START_MS);
	/* An error here is the end of the child, which is told. */
	e = ipc_new(bastided.process.loop, control[0], &events, r, &r->ipc);
	if (e != ERR_OK || send_start(r) != ERR_OK)
		child_kill(r->child, SIGKILL);
	return ERR_OK;
}

static void wake(struct tenant_run *r)
{
	uint64_t now = loop_now_ms();

	if (r->state != ASLEEP)
		return;
	if (now < r->not_before) {
		/* A client that waits for the back-off would only wait. */
		refuse_pending(r, ERR_UNAVAILABLE);
		timer_set(r->timer, r->not_before - now);
		return;
	}
	enum err e = start(r);
	if (e == ERR_OK)
		return;
	char name[OID_TEXT + 1];
	name_of(r, name);
	log_event(LOG_ERROR_, "tenant-start-failed", "tenant=%s err=%s", name,
		err_info(e)->name);
	back_off(r);
	refuse_pending(r, ERR_UNAVAILABLE);
	refuse_asking(r, ERR_UNAVAILABLE, false);
	created(r, e);
}

static struct tenant_run *run_of(struct tenant_entry *t)
{
	if (t->run)
		return t->run;
	struct tenant_run *r = mem_new(struct tenant_run);
	if (!r)
		return NULL;
	r->tenant = t;
	if (timer_new(bastided.process.loop, on_timer, r, &r->timer) !=
		ERR_OK) {
		mem_free(r);
		return NULL;
	}
	t->run = r;
	return r;
}

/* --- sessions ------------------------------------------------------------------------------ */

static enum err send_session(
	struct tenant_run *r, struct pending *p, int *front_fd)
{
	int fds[2];
	struct msg m;

	TRY(stream_pair(fds));
	struct trying *t = mem_new(struct trying);
	if (!t) {
		close(fds[0]);
		close(fds[1]);
		return ERR_NOMEM;
	}
	*t = (struct trying){ .session = ++last_session,
		.attempt = p->attempt,
		.next = r->trying };
	msg_begin(&m, TENANT_SESSION);
	msg_add_u64(&m, t->session);
	msg_add_u32(&m, p->protocol);
	msg_add_slice(&m, slice_str(p->peer));
	msg_add_fd(&m, fds[1]);
	enum err e = ipc_send(r->ipc, &m);
	close(fds[1]);
	if (e != ERR_OK) {
		mem_free(t);
		close(fds[0]);
		return ERR_UNAVAILABLE;
	}
	if (p->protocol == PROTOCOL_DELIVER)
		mem_free(t);
	else
		r->trying = t;
	p->attempt = (struct attempt){ 0 }; /* it ends with `t` */
	r->last_session = last_session;
	r->sessions++;
	*front_fd = fds[0];
	return ERR_OK;
}

static enum err ask(struct tenant_run *r, struct asking *a)
{
	struct msg m;
	struct slice request = slice_str(a->request);

	msg_begin(&m, TENANT_ADMIN);
	msg_reserve(&m, request.n + 16);
	msg_add_u32(&m, a->id);
	msg_add_slice(&m, request);
	mem_wipe(a->request, request.n); /* may hold a password */
	mem_free(a->request);
	a->request = NULL;
	return ipc_send(r->ipc, &m);
}

/* The tenant does not have the address. */
static enum err unknown(const struct pending *p)
{
	return p->protocol == PROTOCOL_DELIVER ? ERR_NOTFOUND : ERR_AUTH;
}

/* AWAKE: everything that waits is passed on. */
static void go_on(struct tenant_run *r)
{
	struct pending *list = r->pending;

	r->pending = NULL;
	while (list) {
		struct pending *p = list;
		list = p->next;
		int fd = -1;
		enum err e = ERR_UNAVAILABLE;
		/* Now all addresses are known. */
		if (!router_knows(
			    r->tenant, slice_str(p->address), p->protocol))
			e = unknown(p);
		else if (p->front && r->ipc)
			e = send_session(r, p, &fd);
		pending_done(p, e, fd);
		if (fd >= 0)
			close(fd);
	}
	for (struct asking *a = r->asking; a; a = a->next)
		if (a->request && r->ipc)
			(void)ask(r, a); /* lost with the process: on_ended */
}

void tenant_route(struct pending *p)
{
	struct slice address = slice_str(p->address);
	struct tenant_entry *t = tenant_by_domain(address_domain(address));

	n_waiting++;
	p->next = NULL;
	if (!t) {
		pending_done(p,
			p->protocol == PROTOCOL_DELIVER ? ERR_RELAY : ERR_AUTH,
			-1);
		return;
	}
	struct tenant_run *r = run_of(t);
	if (!router_knows(t, address, p->protocol) && t->synced) {
		pending_done(p, unknown(p), -1);
		return;
	}
	if (!r || n_waiting > WAITING_MAX || t->life != LIVE ||
		bastided.stopping) {
		pending_done(p, ERR_UNAVAILABLE, -1);
		return;
	}
	p->next = r->pending;
	r->pending = p;
	if (r->state == AWAKE)
		go_on(r);
	else
		wake(r);
}

void tenants_forget_front(struct front_process *f)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next)
		for (struct pending *p = t->run ? t->run->pending : NULL; p;
			p = p->next)
			if (p->front == f)
				p->front = NULL;
}

/* --- for administrators ---------------------------------------------------------------------- */

void tenant_admin(struct tenant_entry *t, struct slice request,
	tenant_admin_done *done, void *arg)
{
	struct tenant_run *r = run_of(t);
	struct asking *a = mem_new(struct asking);
	char *copy = mem_str(request);

	if (!r || !a || !copy || t->life != LIVE || bastided.stopping) {
		mem_free(a);
		mem_free(copy);
		done(arg, ERR_UNAVAILABLE, slice_str(""));
		return;
	}
	*a = (struct asking){ .id = ++last_asking,
		.request = copy,
		.done = done,
		.arg = arg,
		.next = r->asking };
	r->asking = a;
	if (r->state == AWAKE)
		(void)ask(r, a);
	else
		wake(r);
}

void tenant_create(struct tenant_entry *t, tenant_done *done, void *arg)
{
	struct tenant_run *r = run_of(t);

	if (!r) {
		done(arg, ERR_NOMEM);
		return;
	}
	r->created = done;
	r->created_arg = arg;
	wake(r);
}

void tenant_stop(struct tenant_entry *t, tenant_done *done, void *arg)
{
	struct tenant_run *r = t->run;

	if (!r || r->state == ASLEEP) {
		done(arg, ERR_OK);
		return;
	}
	refuse_pending(r, ERR_UNAVAILABLE);
	refuse_asking(r, ERR_UNAVAILABLE, false);
	r->stopped = done;
	r->stopped_arg = arg;
	if (r->state != ENDING && r->ipc)
		(void)send_plain(r->ipc, CONTROL_STOP);
	r->state = ENDING;
	timer_set(r->timer, STOP_MS);
}

void tenant_forget(struct tenant_entry *t)
{
	struct tenant_run *r = t->run;

	if (!r)
		return;
	refuse_pending(r, ERR_UNAVAILABLE);
	refuse_asking(r, ERR_UNAVAILABLE, false);
	child_forget(r->worker);
	child_kill(r->worker, SIGKILL);
	timer_free(r->timer);
	mem_free(r);
	t->run = NULL;
}

/* --- all of them -------------------------------------------------------------------------------- */

enum err tenants_init(void)
{
	uint64_t n = 0;

	/* Ids in logs do not repeat from one run to the next. */
	last_session = (uint64_t)getpid() << 32;
	for (struct tenant_entry *t = router_tenants(); t; t = t->next) {
		if (!t->wake)
			continue;
		struct tenant_run *r = run_of(t);
		if (!r)
			return ERR_NOMEM;
		/* Not all at the same moment. */
		timer_set(r->timer, WAKE_APART_MS * ++n);
	}
	return ERR_OK;
}

void tenants_token_keys(void)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next)
		if (t->run && t->run->ipc)
			(void)!token_keys_send(t->run->ipc);
}

void tenants_new_keyd(void)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next) {
		struct tenant_run *r = t->run;
		int fd;
		if (!r || !r->ipc || keyd_lease(&t->oid, &fd) != ERR_OK)
			continue;
		struct msg m;
		msg_begin(&m, TENANT_KEYD);
		msg_add_fd(&m, fd);
		(void)ipc_send(r->ipc, &m);
		close(fd);
	}
}

void tenants_stop(void)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next) {
		struct tenant_run *r = t->run;
		if (!r)
			continue;
		refuse_pending(r, ERR_UNAVAILABLE);
		refuse_asking(r, ERR_UNAVAILABLE, false);
		if (r->ipc)
			(void)send_plain(r->ipc, CONTROL_STOP);
	}
}

void tenants_kill(void)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next)
		if (t->run)
			child_kill(t->run->child, SIGKILL);
}

bool tenants_running(void)
{
	for (struct tenant_entry *t = router_tenants(); t; t = t->next)
		if (t->run && t->run->child)
			return true;
	return false;
}

void tenant_status(const struct tenant_entry *t, struct tenant_status *out)
{
	const struct tenant_run *r = t->run;

	*out = (struct tenant_status){
		.state = state_names[r ? r->state : ASLEEP],
		.pid = r && r->child ? child_pid(r->child) : 0,
		.sessions = r ? r->sessions : 0,
	};
}
