/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * tenantd: the heart. One process per awake tenant, sole owner of its files,
 * holder of its key; no network. Its working directory is the tenant's.
 *
 *	STARTING --TENANT_START, KEY_GIVEN, store open--> SERVING
 *	SERVING  --idle for tenant_idle s--> asks (TENANT_IDLE) --TENANT_END-->
 *	SERVING  --CONTROL_STOP, TENANT_END, bastided gone--> ENDING
 *	ENDING   --last visit over, or 10 s--> store closed, end
 *	any      --the medium failed--> give_up: a new process recovers
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/log.h>

#include "admin_tenantd.h"
#include "tenantd.h"

/* For sessions to see the end of their streams. */
#define ENDING_MS 10000

struct tenantd tenantd = { .process = { .name = "tenantd" } };

void give_up(const char *what, enum err e)
{
	struct msg m;

	log_event(LOG_ERROR_, "giving-up", "what=%s err=%s", what,
		err_info(e)->name);
	msg_begin(&m, TENANT_FAILED);
	msg_add_err(&m, e);
	msg_add_slice(&m, slice_str(store_open_error()));
	(void)ipc_send(tenantd.tenant.control, &m);
	_exit(err_info(e)->exit);
}

/* --- visits ---------------------------------------------------------------------- */

void idle_changed(void)
{
	struct tenantd *t = &tenantd;
	bool idle = !t->visits && !t->working;

	if (t->ending) {
		if (idle)
			loop_stop(t->tenant.loop);
		return;
	}
	if (idle)
		timer_set(t->idle,
			(uint64_t)config_num(t->process.config, "tenant_idle") *
				1000);
	else
		timer_cancel(t->idle);
}

static void on_idle(void *arg)
{
	struct msg m;

	if (tenantd.ending) {
		loop_stop(tenantd.tenant.loop); /* waited long enough */
		return;
	}
	const struct queue_runner *q = tenantd.tenant.runner;
	int64_t wake = q ? q->next(q->arg) : 0;
	msg_begin(&m, TENANT_IDLE);
	msg_add_u64(&m, tenantd.last_visit);
	msg_add_u64(&m, (uint64_t)wake);
	(void)ipc_send(tenantd.tenant.control, &m);
	idle_changed(); /* refused when somebody comes just now */
}

void tenant_working(struct tenant *t, int change)
{
	tenantd.working += (unsigned)change;
	idle_changed();
}

void visit_end(struct visit *v)
{
	struct msg m;

	*v->prev = v->next;
	if (v->next)
		v->next->prev = v->prev;
	auth_free(v->auth);
	msg_begin(&m, TENANT_SESSION_ENDED);
	msg_add_u64(&m, v->id);
	(void)ipc_send(tenantd.tenant.control, &m);
	mem_free(v);
	idle_changed();
}

void visits_hang_up(uint32_t account)
{
	for (struct visit *v = tenantd.visits; v; v = v->next)
		if (v->account == account)
			conn_hang_up(v->conn);
}

void session_ended(struct tenant *t, uint64_t id)
{
	for (struct visit *v = tenantd.visits; v; v = v->next)
		if (v->id == id) {
			visit_end(v);
			return;
		}
}

static const struct house *house_of(enum protocol protocol)
{
	for (const struct house *h = houses; h->session; h++)
		if (h->protocol == protocol)
			return h;
	return NULL;
}

void visit_begin_session(struct visit *v, uint32_t account, struct slice login,
	struct slice extra, bool tls)
{
	const struct house *h = house_of(v->protocol);
	struct session_start s = { .tenant = &tenantd.tenant,
		.conn = v->conn,
		.protocol = v->protocol,
		.account = account,
		.login = login,
		.peer = slice_str(v->peer),
		.extra = extra,
		.tls = tls,
		.id = v->id };

	v->account = account;
	enum err e = h ? h->session(&s) : ERR_UNSUPPORTED;
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "session-refused", "session=%llu err=%s",
		(unsigned long long)v->id, err_info(e)->name);
	conn_free(v->conn);
	visit_end(v);
}

static enum err visit_new(
	uint64_t id, uint32_t protocol, struct slice peer, int fd)
{
	struct visit *v = mem_new(struct visit);

	if (!v) {
		close(fd);
		return ERR_NOMEM;
	}
	*v = (struct visit){ .id = id,
		.protocol = (enum protocol)protocol,
		.next = tenantd.visits,
		.prev = &tenantd.visits };
	memcpy(v->peer, peer.p,
		peer.n < sizeof(v->peer) ? peer.n : sizeof(v->peer) - 1);
	/* Its events are set by auth or by the session. */
	enum err e = conn_new(tenantd.tenant.loop, fd, NULL,
		tenantd.tenant.gate, NULL, NULL, &v->conn);
	if (e != ERR_OK) {
		mem_free(v);
		return e;
	}
	if (v->next)
		v->next->prev = &v->next;
	tenantd.visits = v;
	if (protocol == PROTOCOL_DELIVER) {
		visit_begin_session(v, 0, slice_str(""), slice_str(""), false);
		return ERR_OK;
	}
	e = auth_new(v, &v->auth);
	if (e != ERR_OK) {
		conn_free(v->conn);
		visit_end(v);
	}
	return e;
}

/* --- messages --------------------------------------------------------------------- */

static enum err on_session(struct msg_in *m)
{
	uint64_t id = msg_u64(m);
	uint32_t protocol = msg_u32(m);
	struct slice peer = msg_slice(m);
	int fd = msg_fd(m);

	if (msg_end(m) != ERR_OK) {
		if (fd >= 0)
			close(fd);
		return ERR_SYNTAX;
	}
	tenantd.last_visit = id;
	/* No room for one more is no reason to lose the others. */
	enum err e = visit_new(id, protocol, peer, fd);
	if (e != ERR_OK)
		log_event(LOG_WARN_, "visit-refused", "session=%llu err=%s",
			(unsigned long long)id, err_info(e)->name);
	idle_changed();
	return ERR_OK;
}

static enum err warm_up(void)
{
	for (const struct house *h = houses; h->session; h++)
		if (h->warm_up)
			TRY(h->warm_up());
	return ERR_OK;
}

static enum err on_start(struct msg_in *m)
{
	struct tenantd *t = &tenantd;
	struct slice oid = msg_slice(m);
	uint32_t create = msg_u32(m);
	struct slice fake_key = msg_slice(m);
	uint32_t want = msg_u32(m);

	TRY(msg_end(m));
	if (oid.n != sizeof(t->tenant.id.b) ||
		fake_key.n != sizeof(t->fake_key))
		return ERR_SYNTAX;
	memcpy(t->tenant.id.b, oid.p, oid.n);
	memcpy(t->fake_key, fake_key.p, fake_key.n);
	t->create = create != 0;
	t->want_addresses = want != 0;
	t->tenant.hostname = config_str(t->process.config, "hostname");
	TRY(warm_up());
	TRY(process_walls(&t->process, PROFILE_TENANTD, "."));
	return keeper_start();
}

static enum err on_config(struct msg_in *m)
{
	return process_config(&tenantd.process, m);
}

static enum err on_token_keys(struct msg_in *m)
{
	struct slice keys = msg_slice(m);

	TRY(msg_end(m));
	buf_reset(&tenantd.token_keys);
	return buf_add_slice(&tenantd.token_keys, keys);
}

/* Nobody new comes; those who are here see the end of their streams. */
static enum err begin_end(struct msg_in *m)
{
	const struct queue_runner *q = tenantd.tenant.runner;

	tenantd.ending = true;
	if (q)
		q->drain(q->arg);
	for (const struct house *h = houses; h->session; h++)
		if (h->end)
			h->end(&tenantd.tenant);
	for (struct visit *v = tenantd.visits; v; v = v->next)
		conn_hang_up(v->conn);
	timer_set(tenantd.idle, ENDING_MS);
	idle_changed();
	return m ? msg_end(m) : ERR_OK;
}

static enum err on_keyd(struct msg_in *m)
{
	int fd = msg_fd(m);

	if (fd < 0)
		return ERR_SYNTAX;
	TRY(keeper_keyd(fd));
	return msg_end(m);
}

static enum err on_relay(struct msg_in *m)
{
	const struct queue_runner *q = tenantd.tenant.runner;
	uint32_t id = msg_u32(m);
	enum err e = msg_err(m);
	int fd = e == ERR_OK ? msg_fd(m) : -1;

	if (msg_end(m) != ERR_OK || !q) {
		if (fd >= 0)
			close(fd);
		return ERR_SYNTAX;
	}
	q->stream(q->arg, id, e, fd);
	return ERR_OK;
}

static const struct {
	uint16_t type;
	enum err (*take)(struct msg_in *m);
} messages[] = {
	{ CONTROL_CONFIG, on_config },
	{ CONTROL_STOP, begin_end },
	{ TENANT_END, begin_end },
	{ TENANT_START, on_start },
	{ TENANT_SESSION, on_session },
	{ TENANT_WORKER, worker_came },
	{ TENANT_RELAY, on_relay },
	{ TENANT_KEYD, on_keyd },
	{ TENANT_TOKEN_KEYS, on_token_keys },
	{ TENANT_ADMIN, admin_ask },
};

static void on_message(void *arg, struct msg_in *m)
{
	enum err e = ERR_UNSUPPORTED;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == m->type)
			e = messages[i].take(m);
	if (e != ERR_OK)
		give_up("control", e);
}

static void on_closed(void *arg)
{
	(void)begin_end(NULL);
}

static enum err begin(void)
{
	static const struct ipc_events events = { on_message, on_closed };
	struct tenantd *t = &tenantd;

	t->tenant.loop = t->process.loop;
	t->tenant.config = t->process.config;
	buf_init(&t->token_keys, LIMIT_TOKEN_KEY_SET);
	TRY(gate_new(&t->tenant.gate));
	TRY(timer_new(t->tenant.loop, on_idle, NULL, &t->idle));
	TRY(worker_init());
	return ipc_new(
		t->tenant.loop, CONTROL_FD, &events, NULL, &t->tenant.control);
}

int main(int argc, char **argv)
{
	process_begin(&tenantd.process);
	enum err e = begin();
	if (e != ERR_OK)
		return err_info(e)->exit;
	loop_run(tenantd.tenant.loop);
	if (tenantd.tenant.runner)
		tenantd.tenant.runner->stop(tenantd.tenant.runner->arg);
	if (tenantd.visits)
		/* Somebody still holds an account: what is durable is durable,
		 * the next process recovers. */
		log_event(LOG_WARN_, "ended-unclean", "visits=yes");
	else
		keeper_stop();
	log_event(LOG_INFO_, "ended", "reason=stop");
	_exit(0);
}
