/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bastided's side of keyd: starts it, starts it again when it dies (whoever is
 * awake gets a new channel), asks it to make and destroy keys.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/log.h>

#include "bastided.h"

#define PASSPHRASE_FD 6
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 10000

struct question {
	uint32_t id;
	keyd_done *done;
	void *arg;
	struct question *next;
};

static struct {
	struct child *child;
	struct ipc *ipc;
	int dir, passphrase;
	struct question *questions;
	uint32_t last_id;
	void (*ready)(void);
	struct timer *again;
	unsigned failures;
	bool serving;
} keyd;

static void start(void);

static void on_again(void *arg)
{
	if (!bastided.stopping)
		start();
}

static void on_ended(void *arg, int status)
{
	keyd.child = NULL;
	keyd.serving = false;
	ipc_free(keyd.ipc);
	keyd.ipc = NULL;
	while (keyd.questions) {
		struct question *q = keyd.questions;
		keyd.questions = q->next;
		q->done(q->arg, ERR_UNAVAILABLE, slice_str(""));
		mem_free(q);
	}
	if (bastided.stopping) {
		stop_step();
		return;
	}
	/* Without its first start (passphrase, root key) nothing can work. */
	if (keyd.ready)
		fatal("keyd", ERR_NOKEY);
	uint64_t wait = BACKOFF_MS << (keyd.failures < 6 ? keyd.failures : 6);
	keyd.failures++;
	timer_set(keyd.again, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

static enum err on_router_key(struct msg_in *m)
{
	enum err e = msg_err(m);
	struct slice key = msg_slice(m);

	TRY(msg_end(m));
	if (e != ERR_OK || key.n != sizeof(bastided.router_key))
		return e == ERR_OK ? ERR_SYNTAX : e;
	memcpy(bastided.router_key, key.p, key.n);
	keyd.failures = 0;
	if (keyd.ready) {
		void (*ready)(void) = keyd.ready;
		keyd.ready = NULL;
		ready();
	} else {
		tenants_new_keyd();
	}
	return ERR_OK;
}

static enum err on_answer(struct msg_in *m)
{
	bool list = m->type == KEYD_LIST;
	uint32_t id = msg_u32(m);
	enum err e = msg_err(m);
	struct slice text = list ? msg_slice(m) : slice_str("");

	TRY(msg_end(m));
	for (struct question **at = &keyd.questions; *at; at = &(*at)->next) {
		struct question *q = *at;
		if (q->id != id)
			continue;
		*at = q->next;
		q->done(q->arg, e, text);
		mem_free(q);
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

static void on_message(void *arg, struct msg_in *m)
{
	enum err e;

	switch (m->type) {
	case CONTROL_READY:
		keyd.serving = true;
		e = msg_end(m);
		if (e == ERR_OK)
			e = send_plain(keyd.ipc, KEYD_ROUTER);
		break;
	case KEYD_ROUTER:
		e = on_router_key(m);
		break;
	default:
		e = on_answer(m);
	}
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "keyd-broken", "err=%s", err_info(e)->name);
	child_kill(keyd.child, SIGKILL);
}

static void on_closed(void *arg)
{
	/* Its end comes by SIGCHLD. */
	ipc_free(keyd.ipc);
	keyd.ipc = NULL;
}

static enum err run(void)
{
	static const struct ipc_events events = { on_message, on_closed };
	int fds[2];

	TRY(ipc_pair(fds));
	(void)lseek(keyd.passphrase, 0, SEEK_SET);
	struct child_start s = { .program = &programs[PROGRAM_KEYD],
		.dir = keyd.dir,
		.uid = uid_of(UID_KEYD),
		.fds = { { fds[1], CONTROL_FD }, { bastided.lock, LOCK_FD },
			{ keyd.passphrase, PASSPHRASE_FD } },
		.n_fds = 3,
		.ended = on_ended };
	enum err e = child_run(&s, &keyd.child);
	close(fds[1]);
	if (e != ERR_OK) {
		close(fds[0]);
		return e;
	}
	TRY(ipc_new(bastided.process.loop, fds[0], &events, NULL, &keyd.ipc));
	return send_config(keyd.ipc);
}

static void start(void)
{
	enum err e = run();

	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "keyd-start-failed", "err=%s", err_info(e)->name);
	if (!keyd.child)
		timer_set(keyd.again, BACKOFF_MAX_MS);
}

enum err keyd_open(int passphrase_fd)
{
	keyd.passphrase = passphrase_fd;
	keyd.dir = openat(bastided.dir, "keyd",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (keyd.dir < 0)
		return ERR_IO;
	TRY(timer_new(bastided.process.loop, on_again, NULL, &keyd.again));
	start();
	return ERR_OK;
}

void keyd_on_ready(void (*ready)(void))
{
	keyd.ready = ready;
}

enum err keyd_ask(
	uint16_t type, const struct oid *tenant, keyd_done *done, void *arg)
{
	struct msg m;

	if (!keyd.ipc || !keyd.serving)
		return ERR_UNAVAILABLE;
	struct question *q = mem_new(struct question);
	if (!q)
		return ERR_NOMEM;
	*q = (struct question){ .id = ++keyd.last_id,
		.done = done,
		.arg = arg,
		.next = keyd.questions };
	msg_begin(&m, type);
	msg_add_u32(&m, q->id);
	if (tenant)
		msg_add_slice(&m, slice_of(tenant->b, sizeof(tenant->b)));
	enum err e = ipc_send(keyd.ipc, &m);
	if (e != ERR_OK) {
		mem_free(q);
		return ERR_UNAVAILABLE;
	}
	keyd.questions = q;
	return ERR_OK;
}

enum err keyd_lease(const struct oid *tenant, int *fd_out)
{
	int fds[2];
	struct msg m;

	if (!keyd.ipc)
		return ERR_UNAVAILABLE;
	TRY(ipc_pair(fds));
	msg_begin(&m, KEYD_TENANT);
	msg_add_slice(&m, slice_of(tenant->b, sizeof(tenant->b)));
	msg_add_fd(&m, fds[0]);
	enum err e = ipc_send(keyd.ipc, &m);
	close(fds[0]);
	if (e != ERR_OK) {
		close(fds[1]);
		return ERR_UNAVAILABLE;
	}
	*fd_out = fds[1];
	return ERR_OK;
}

void keyd_stop(void)
{
	if (keyd.ipc)
		(void)send_plain(keyd.ipc, CONTROL_STOP);
	else
		child_kill(keyd.child, SIGTERM);
}

bool keyd_alive(void)
{
	return keyd.child != NULL;
}

pid_t keyd_pid(void)
{
	return keyd.child ? child_pid(keyd.child) : 0;
}
