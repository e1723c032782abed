/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * relayd, the one process that connects to other servers: started anew when it
 * died, and joined to a tenant for each delivery. A stream is made here, one
 * end for each; the domain that it is for, and whether that is hosted on this
 * server, is told to relayd by us and not by the tenant.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <bastide/domain.h>
#include <bastide/log.h>

#include "bastided.h"

#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 10000
/* Who lived so long did not die of its start. */
#define HEALTHY_MS 60000

static struct {
	struct program program;
	struct child *child;
	struct ipc *ipc;
	struct timer *again;
	uint64_t started_ms;
	unsigned failures;
	bool wanted, ready;
} relay = { .program = { "relayd", -1 } };

static void start(void);

enum err relay_open(void)
{
	relay.wanted = service_is_wanted("relayd");
	return relay.wanted ? program_open(programs_dir(), &relay.program)
			    : ERR_OK;
}

/* --- streams ----------------------------------------------------------------------- */

/* An address literal is a domain as well (RFC 5321 4.1.3): as it is. */
static enum err normal(struct slice domain, struct buf *out)
{
	if (domain.n && domain.n <= LIMIT_DOMAIN && domain.p[0] == '[')
		return buf_add_slice(out, domain);
	return domain_normal(domain, out);
}

static enum err send_stream(struct slice domain, int fd)
{
	struct buf name, local;
	struct msg m;

	buf_init(&name, LIMIT_DOMAIN + 1);
	buf_init(&local, 100);
	enum err e = normal(domain, &name);
	if (e == ERR_OK) {
		if (tenant_by_domain(buf_slice(&name)))
			(void)fronts_smtp_address(&local);
		msg_begin(&m, RELAY_STREAM);
		msg_add_slice(&m, buf_slice(&name));
		msg_add_slice(&m, buf_slice(&local));
		msg_add_fd(&m, fd);
		e = ipc_send(relay.ipc, &m);
	}
	buf_free(&name);
	buf_free(&local);
	return e;
}

enum err relay_stream(struct slice domain, int *fd_out)
{
	int fds[2];

	if (!relay.ipc || !relay.ready || bastided.stopping)
		return ERR_UNAVAILABLE;
	TRY(stream_pair(fds));
	enum err e = send_stream(domain, fds[1]);
	close(fds[1]);
	if (e != ERR_OK) {
		close(fds[0]);
		return e;
	}
	*fd_out = fds[0];
	return ERR_OK;
}

/* --- life -------------------------------------------------------------------------- */

static void on_again(void *arg)
{
	if (!bastided.stopping && !relay.child)
		start();
}

static void start_later(void)
{
	uint64_t wait = (uint64_t)BACKOFF_MS
			<< (relay.failures < 7 ? relay.failures : 7);

	relay.failures++;
	timer_set(relay.again, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

static void on_message(void *arg, struct msg_in *m)
{
	if (m->type == CONTROL_READY && msg_end(m) == ERR_OK) {
		relay.ready = true;
		return;
	}
	log_event(LOG_ERROR_, "relayd-broken", "type=%u", m->type);
	child_kill(relay.child, SIGKILL);
}

static void on_closed(void *arg)
{
	ipc_free(relay.ipc);
	relay.ipc = NULL;
	relay.ready = false;
}

static void on_ended(void *arg, int status)
{
	relay.child = NULL;
	on_closed(NULL);
	if (bastided.stopping) {
		stop_step();
		return;
	}
	if (loop_now_ms() - relay.started_ms > HEALTHY_MS)
		relay.failures = 0;
	start_later();
}

/* The file may be for root alone: it is opened here. */
static enum err send_start(void)
{
	const char *path = config_str(bastided.process.config, "ca_file");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct msg m;

	TRY(send_config(relay.ipc));
	msg_begin(&m, RELAY_START);
	if (fd >= 0)
		msg_add_fd(&m, fd);
	enum err e = ipc_send(relay.ipc, &m);
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err run(void)
{
	static const struct ipc_events events = { on_message, on_closed };
	int fds[2];

	TRY(ipc_pair(fds));
	struct child_start s = { .program = &relay.program,
		.dir = -1,
		.uid = uid_of(UID_RELAYD),
		.fds = { { fds[1], CONTROL_FD } },
		.n_fds = 1,
		.ended = on_ended };
	enum err e = child_run(&s, &relay.child);
	close(fds[1]);
	if (e != ERR_OK) {
		close(fds[0]);
		return e;
	}
	relay.started_ms = loop_now_ms();
	/* What fails from here on ends the child, and that is told. */
	if (ipc_new(bastided.process.loop, fds[0], &events, NULL, &relay.ipc) !=
			ERR_OK ||
		send_start() != ERR_OK)
		child_kill(relay.child, SIGKILL);
	return ERR_OK;
}

static void start(void)
{
	enum err e = run();

	if (e == ERR_OK)
		return;
	log_event(
		LOG_ERROR_, "relayd-start-failed", "err=%s", err_info(e)->name);
	start_later();
}

void relay_start(void)
{
	if (!relay.wanted)
		return;
	if (timer_new(bastided.process.loop, on_again, NULL, &relay.again) !=
		ERR_OK)
		fatal("relayd", ERR_NOMEM);
	start();
}

void relay_stop(void)
{
	if (relay.ipc)
		(void)send_plain(relay.ipc, CONTROL_STOP);
}

void relay_kill(void)
{
	child_kill(relay.child, SIGKILL);
}

bool relay_running(void)
{
	return relay.child != NULL;
}

void relay_each(void (*each)(void *arg, const char *name, pid_t pid), void *arg)
{
	if (relay.child)
		each(arg, relay.program.name, child_pid(relay.child));
}
