/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The fronts: bastided opens their ports and keeps them open, starts as many
 * processes of each program as the configuration says, starts again who died,
 * and answers their questions for a tenant.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/file.h>
#include <bastide/log.h>

#include "bastided.h"

#define LISTENERS 64
#define FRONTS 256
#define CERTS 64
/* Two of them fit one message. */
#define CLIENT_PEM KIB(44)
#define BACKLOG 1024
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 10000
/* Who lived so long did not die of its start. */
#define HEALTHY_MS 60000
/* The fronts of a bastided that died give the ports free in a moment. */
#define BIND_TRIES 50
#define BIND_WAIT_US 100000

struct listening {
	const struct service *service;
	int fd;
};

struct front_process {
	struct program *program;
	struct child *child;
	struct ipc *ipc;
	struct timer *again;
	uint64_t started_ms;
	unsigned failures;
};

static struct {
	struct listening listening[LISTENERS];
	size_t n_listening;
	struct program programs[FRONTS];
	size_t n_programs;
	struct front_process fronts[FRONTS];
	size_t n_fronts;
	struct buf pems[CERTS][2];
	size_t n_pems;
	struct buf client_ca, client_crl;
} state;

static void start(struct front_process *f);

/* --- ports --------------------------------------------------------------------------- */

static bool parse_address(struct slice text, uint16_t port,
	struct sockaddr_storage *out, socklen_t *n)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char name[64];

	memset(out, 0, sizeof(*out));
	if (snprintf(name, sizeof(name), "%.*s", SLICE_ARG(text)) >=
		(int)sizeof(name))
		return false;
	if (inet_pton(AF_INET, name, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*n = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, name, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*n = sizeof(*v6);
	return true;
}

static bool try_bind(int fd, const struct sockaddr_storage *ss, socklen_t n)
{
	for (int i = 0; i < BIND_TRIES; i++) {
		if (bind(fd, (const struct sockaddr *)ss, n) == 0)
			return listen(fd, BACKLOG) == 0;
		usleep(BIND_WAIT_US);
	}
	return false;
}

static enum err listen_one(
	const struct service *s, struct slice address, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t n;
	int one = 1;

	if (state.n_listening == LISTENERS)
		return ERR_LIMIT;
	if (!parse_address(address, port, &ss, &n)) {
		log_event(LOG_ERROR_, "bad-listen-address", "address=\"%.*s\"",
			SLICE_ARG(address));
		return ERR_SYNTAX;
	}
	int fd = socket(
		ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ss.ss_family == AF_INET6)
		(void)setsockopt(
			fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!try_bind(fd, &ss, n)) {
		log_event(LOG_ERROR_, "port-taken", "service=%s port=%u",
			s->name, port);
		close(fd);
		return ERR_BUSY;
	}
	state.listening[state.n_listening++] = (struct listening){ s, fd };
	log_event(LOG_INFO_, "listening", "service=%s address=%.*s port=%u",
		s->name, SLICE_ARG(address), port);
	return ERR_OK;
}

static enum err listen_all(const struct service *s)
{
	uint16_t port = (uint16_t)config_num(bastided.process.config, s->port);
	struct slice list =
		slice_str(config_str(bastided.process.config, "listen"));

	while (port && list.n) {
		struct slice address = slice_cut(list, ' ', &list);
		if (address.n)
			TRY(listen_one(s, address, port));
	}
	return ERR_OK;
}

/* --- programs -------------------------------------------------------------------------- */

bool service_is_wanted(const char *program)
{
	struct slice list =
		slice_str(config_str(bastided.process.config, "services"));

	if (!list.n)
		return true;
	while (list.n)
		if (slice_eqs(slice_cut(list, ' ', &list), program))
			return true;
	return false;
}

static enum err add_program(const char *name)
{
	struct program *p = &state.programs[state.n_programs++];
	int64_t n = config_num(bastided.process.config, "fronts");

	p->name = name;
	TRY(program_open(programs_dir(), p));
	while (n-- && state.n_fronts < FRONTS)
		state.fronts[state.n_fronts++].program = p;
	return ERR_OK;
}

enum err fronts_listen(void)
{
	const char *last = "";

	for (const struct service *s = services; s->program; s++) {
		if (!service_is_wanted(s->program))
			continue;
		if (strcmp(last, s->program) != 0)
			TRY(add_program(s->program));
		last = s->program;
		TRY(listen_all(s));
	}
	return ERR_OK;
}

/* --- certificates ------------------------------------------------------------------------ */

static enum err read_pem(struct slice path, struct buf *out)
{
	char name[4096];

	if (snprintf(name, sizeof(name), "%.*s", SLICE_ARG(path)) >=
		(int)sizeof(name))
		return ERR_LIMIT;
	buf_init(out, KIB(64));
	TRY(buf_reserve(out, KIB(64)));
	/* A link is usual here (letsencrypt's "live" folder). */
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	enum err e = fd < 0 ? ERR_NOTFOUND : file_read_fd(fd, out);
	if (fd >= 0)
		close(fd);
	if (e != ERR_OK)
		log_event(LOG_ERROR_, "no-certificate", "path=\"%s\" err=%s",
			name, err_info(e)->name);
	return e;
}

static void drop_pems(void)
{
	for (size_t i = 0; i < state.n_pems; i++) {
		buf_free(&state.pems[i][0]);
		buf_wipe(&state.pems[i][1]);
	}
	state.n_pems = 0;
	buf_free(&state.client_ca);
	buf_free(&state.client_crl);
}

static enum err read_pems(void)
{
	struct slice certs =
		slice_str(config_str(bastided.process.config, "tls_cert"));
	struct slice keys =
		slice_str(config_str(bastided.process.config, "tls_key"));

	drop_pems();
	while (certs.n && keys.n && state.n_pems < CERTS) {
		struct buf *pem = state.pems[state.n_pems++];
		buf_init(&pem[1], 0);
		TRY(read_pem(slice_cut(certs, ' ', &certs), &pem[0]));
		TRY(read_pem(slice_cut(keys, ' ', &keys), &pem[1]));
	}
	TRY(named_file_read("tls_client_ca", CLIENT_PEM, &state.client_ca));
	TRY(named_file_read("tls_client_crl", CLIENT_PEM, &state.client_crl));
	return certs.n || keys.n ? ERR_SYNTAX : ERR_OK;
}

static enum err send_pems(struct front_process *f)
{
	struct msg m;

	for (size_t i = 0; i < state.n_pems; i++) {
		struct buf *pem = state.pems[i];
		msg_begin(&m, FRONT_CERT);
		msg_reserve(&m, pem[0].n + pem[1].n + 64);
		msg_add_slice(&m, buf_slice(&pem[0]));
		msg_add_slice(&m, buf_slice(&pem[1]));
		TRY(ipc_send(f->ipc, &m));
	}
	msg_begin(&m, FRONT_CLIENT_CA);
	msg_reserve(&m, state.client_ca.n + state.client_crl.n + 64);
	msg_add_slice(&m, buf_slice(&state.client_ca));
	msg_add_slice(&m, buf_slice(&state.client_crl));
	TRY(ipc_send(f->ipc, &m));
	return send_plain(f->ipc, FRONT_CERTS_END);
}

enum err fronts_certificates(void)
{
	enum err e = read_pems();

	for (size_t i = 0; e == ERR_OK && i < state.n_fronts; i++)
		if (state.fronts[i].ipc)
			(void)send_pems(&state.fronts[i]);
	return e;
}

/* --- a front's questions -------------------------------------------------------------------- */

void front_reply(struct front_process *f, uint32_t id, enum err e, int fd)
{
	struct msg m;

	if (!f->ipc)
		return;
	msg_begin(&m, ROUTE_REPLY);
	msg_add_u32(&m, id);
	msg_add_err(&m, e);
	if (e == ERR_OK)
		msg_add_fd(&m, fd);
	(void)ipc_send(f->ipc, &m);
}

static bool copy_text(char *to, size_t n, struct slice s)
{
	if (s.n >= n || slice_find(s, '\0') < s.n)
		return false;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

static enum err on_route(struct front_process *f, struct msg_in *m)
{
	uint32_t id = msg_u32(m), protocol = msg_u32(m);
	struct slice address = msg_slice(m), peer = msg_slice(m);

	TRY(msg_end(m));
	struct pending *p = mem_new(struct pending);
	if (!p)
		return ERR_NOMEM;
	p->front = f;
	p->id = id;
	p->protocol = (enum protocol)protocol;
	if (protocol < PROTOCOL_IMAP || protocol > PROTOCOL_DAV ||
		!copy_text(p->address, sizeof(p->address), address) ||
		!copy_text(p->peer, sizeof(p->peer), peer)) {
		mem_free(p);
		return ERR_SYNTAX;
	}
	if (p->protocol == PROTOCOL_DELIVER)
		tenant_route(p);
	else
		door_enter(p);
	return ERR_OK;
}

static void on_message(void *arg, struct msg_in *m)
{
	struct front_process *f = arg;
	enum err e = m->type == ROUTE_ASK       ? on_route(f, m)
		     : m->type == CONTROL_READY ? msg_end(m)
						: ERR_UNSUPPORTED;

	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "front-broken", "program=%s err=%s",
		f->program->name, err_info(e)->name);
	child_kill(f->child, SIGKILL);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_again(void *arg)
{
	struct front_process *f = arg;

	if (!bastided.stopping && !f->child)
		start(f);
}

static void start_later(struct front_process *f)
{
	uint64_t wait = (uint64_t)BACKOFF_MS
			<< (f->failures < 7 ? f->failures : 7);

	f->failures++;
	timer_set(f->again, wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
}

static void on_ended(void *arg, int status)
{
	struct front_process *f = arg;

	f->child = NULL;
	ipc_free(f->ipc);
	f->ipc = NULL;
	door_forget_front(f);
	tenants_forget_front(f);
	if (bastided.stopping) {
		stop_step();
		return;
	}
	if (loop_now_ms() - f->started_ms > HEALTHY_MS)
		f->failures = 0;
	start_later(f);
}

static void on_closed(void *arg)
{
	struct front_process *f = arg;

	ipc_free(f->ipc);
	f->ipc = NULL;
}

static enum err tell_all(struct front_process *f)
{
	struct msg m;

	TRY(send_config(f->ipc));
	TRY(send_pems(f));
	for (size_t i = 0; i < state.n_listening; i++) {
		struct listening *l = &state.listening[i];
		if (strcmp(l->service->program, f->program->name) != 0)
			continue;
		msg_begin(&m, FRONT_LISTEN);
		msg_add_slice(&m, slice_str(l->service->name));
		msg_add_u32(&m, l->service->implicit_tls);
		msg_add_fd(&m, l->fd);
		TRY(ipc_send(f->ipc, &m));
	}
	msg_begin(&m, FRONT_START);
	msg_add_slice(&m, slice_of(bastided.fake_key, 32));
	return ipc_send(f->ipc, &m);
}

static enum err run(struct front_process *f)
{
	static const struct ipc_events events = { on_message, on_closed };
	int fds[2];

	TRY(ipc_pair(fds));
	struct child_start s = { .program = f->program,
		.dir = -1,
		.uid = uid_of(UID_FRONT),
		.fds = { { fds[1], CONTROL_FD } },
		.n_fds = 1,
		.ended = on_ended,
		.arg = f };
	enum err e = child_run(&s, &f->child);
	close(fds[1]);
	if (e != ERR_OK) {
		close(fds[0]);
		return e;
	}
	f->started_ms = loop_now_ms();
	/* What fails from here on ends the child, and that is told. */
	if (ipc_new(bastided.process.loop, fds[0], &events, f, &f->ipc) !=
			ERR_OK ||
		tell_all(f) != ERR_OK)
		child_kill(f->child, SIGKILL);
	return ERR_OK;
}

static void start(struct front_process *f)
{
	enum err e = run(f);

	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "front-start-failed", "program=%s err=%s",
		f->program->name, err_info(e)->name);
	start_later(f);
}

void fronts_start(void)
{
	struct rlimit r = { 0, 0 };

	for (size_t i = 0; i < state.n_fronts; i++) {
		struct front_process *f = &state.fronts[i];
		if (timer_new(bastided.process.loop, on_again, f, &f->again) !=
			ERR_OK)
			fatal("fronts", ERR_NOMEM);
		start(f);
	}
	(void)getrlimit(RLIMIT_NOFILE, &r);
	/* A session is two descriptors of a front and one of a tenantd. */
	log_event(LOG_INFO_, "room",
		"fronts=%zu descriptors=%llu sessions_per_front=%llu "
		"sessions_per_tenant=%llu",
		state.n_fronts, (unsigned long long)r.rlim_cur,
		(unsigned long long)r.rlim_cur / 2,
		(unsigned long long)r.rlim_cur);
}

void fronts_stop(void)
{
	for (size_t i = 0; i < state.n_fronts; i++)
		if (state.fronts[i].ipc)
			(void)send_plain(state.fronts[i].ipc, CONTROL_STOP);
}

void fronts_kill(void)
{
	for (size_t i = 0; i < state.n_fronts; i++)
		child_kill(state.fronts[i].child, SIGKILL);
}

bool fronts_running(void)
{
	for (size_t i = 0; i < state.n_fronts; i++)
		if (state.fronts[i].child)
			return true;
	return false;
}

void fronts_each(
	void (*each)(void *arg, const char *name, pid_t pid), void *arg)
{
	for (size_t i = 0; i < state.n_fronts; i++)
		if (state.fronts[i].child)
			each(arg, state.fronts[i].program->name,
				child_pid(state.fronts[i].child));
}

/* What listens everywhere is reached on the loopback. */
static void put_address(const struct sockaddr_storage *ss, struct buf *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	char text[INET6_ADDRSTRLEN];

	if (ss->ss_family == AF_INET) {
		memcpy(&v4, ss, sizeof(v4));
		if (v4.sin_addr.s_addr == htonl(INADDR_ANY))
			v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
		buf_addf(out, "%s:%u", text, ntohs(v4.sin_port));
	} else {
		memcpy(&v6, ss, sizeof(v6));
		if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr))
			v6.sin6_addr = in6addr_loopback;
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
		buf_addf(out, "[%s]:%u", text, ntohs(v6.sin6_port));
	}
}

bool fronts_smtp_address(struct buf *out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);

	for (size_t i = 0; i < state.n_listening; i++) {
		const struct listening *l = &state.listening[i];
		if (strcmp(l->service->name, "smtp") != 0 ||
			getsockname(l->fd, (struct sockaddr *)&ss, &n) != 0)
			continue;
		put_address(&ss, out);
		return buf_err(out) == ERR_OK;
	}
	return false;
}
