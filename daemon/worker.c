/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * worker: computes for one tenantd what is slow or doubtful. One job at a
 * time: read a message, compute, write a message. No loop, no thread; seccomp
 * leaves read, write, memory and exit. Who waits too long has bastided kill it.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/log.h>
#include <bastide/mem.h>
#include <bastide/process.h>

#include "work.h"

#define MEMORY_MAX ((rlim_t)512 << 20)
/* Of CPU for its whole life: a worker is killed at a deadline long before. */
#define CPU_MAX_S 3600

/* Where bastided leaves the channel to the tenantd. */
#define WORK_FD 4

static struct process process = { .name = "worker" };

static enum err compute(struct msg_in *m, struct msg *reply)
{
	uint32_t kind = msg_u32(m);

	for (const struct work_kind *k = work_kinds; k->run; k++)
		if ((uint32_t)k->kind == kind)
			return k->run(m, reply);
	return ERR_UNSUPPORTED;
}

static enum err answer(struct slice raw)
{
	struct msg_in m;
	struct msg body, reply;

	TRY(msg_parse(raw, &m));
	if (m.type != WORK_ASK)
		return ERR_SYNTAX;
	uint32_t job = msg_u32(&m);
	msg_begin(&body, WORK_REPLY);
	size_t from = body.b.n;
	enum err e = compute(&m, &body);
	msg_begin(&reply, WORK_REPLY);
	msg_reserve(&reply, body.b.n + 32);
	msg_add_u32(&reply, job);
	msg_add_err(&reply, e);
	if (e == ERR_OK)
		buf_add_slice(&reply.b, slice_from(buf_slice(&body.b), from));
	e = buf_err(&reply.b);
	if (e == ERR_OK &&
		write(WORK_FD, reply.b.p, reply.b.n) != (ssize_t)reply.b.n)
		e = ERR_EOF;
	msg_free(&body);
	msg_free(&reply);
	return e;
}

static int serve(void)
{
	static char inbox[LIMIT_IPC_MESSAGE];

	for (;;) {
		ssize_t n = read(WORK_FD, inbox, sizeof(inbox));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0; /* nobody needs us any more */
		enum err e = answer(slice_of(inbox, (size_t)n));
		mem_wipe(inbox, (size_t)n);
		if (e != ERR_OK)
			return err_info(e)->exit;
	}
}

static void limit(int what, rlim_t most)
{
	struct rlimit r = { most, most };

	(void)setrlimit(what, &r);
}

/* Configuration is one message that waits already; no loop for it. */
static enum err configure(void)
{
	static char inbox[LIMIT_IPC_MESSAGE];
	struct msg_in m;

	(void)fcntl(CONTROL_FD, F_SETFL, 0);
	(void)fcntl(WORK_FD, F_SETFL, 0);
	ssize_t n = read(CONTROL_FD, inbox, sizeof(inbox));
	if (n <= 0)
		return ERR_EOF;
	TRY(msg_parse(slice_of(inbox, (size_t)n), &m));
	if (m.type != CONTROL_CONFIG)
		return ERR_SYNTAX;
	TRY(process_config(&process, &m));
	close(CONTROL_FD);
	return ERR_OK;
}

int main(int argc, char **argv)
{
	process_begin(&process);
	enum err e = configure();
	for (const struct work_kind *k = work_kinds; e == ERR_OK && k->run; k++)
		if (k->warm_up)
			e = k->warm_up();
	if (e == ERR_OK) {
#ifndef SANITIZED
		limit(RLIMIT_AS, MEMORY_MAX);
#endif
		limit(RLIMIT_CPU, CPU_MAX_S);
		limit(RLIMIT_NOFILE, 16);
		e = process_walls(&process, PROFILE_WORKER, NULL);
	}
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "start-failed", "err=%s",
			err_info(e)->name);
		return err_info(e)->exit;
	}
	_exit(serve());
}
