/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What every front does: take its configuration, certificates and listening
 * sockets from bastided, put up its walls, accept. A front that has as many
 * connections as it has descriptors for stops accepting until one ends; the
 * kernel's queue holds the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/log.h>
#include <bastide/mem.h>

#include "front_parts.h"

/* Descriptors that are no client's; a client needs two. */
#define RESERVED_FDS 64
/* Clients accepted in one turn from one socket. */
#define BURST 64

static void rest_or_serve(struct front_parts *p)
{
	bool rest = p->open >= p->most;

	if (rest == p->resting)
		return;
	p->resting = rest;
	for (size_t i = 0; i < p->n_listeners; i++)
		watch_set(p->listeners[i].watch, rest ? 0 : LOOP_READ);
}

void front_released(struct front *f)
{
	f->parts->open--;
	rest_or_serve(f->parts);
}

static void on_client(void *arg, int events)
{
	struct listener *l = arg;
	struct front *f = l->front;

	for (int i = 0; i < BURST && f->parts->open < f->parts->most; i++) {
		int fd = accept4(
			l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		if (l->implicit_tls && !f->tls) {
			close(fd); /* never in clear on a port of TLS */
			continue;
		}
		f->parts->open++;
		f->accepted(f, fd, l->service, l->implicit_tls);
	}
	rest_or_serve(f->parts);
}

/* --- what bastided says -------------------------------------------------------- */

static enum err on_cert(struct front *f, struct msg_in *m)
{
	struct front_parts *p = f->parts;
	struct slice chain = msg_slice(m), key = msg_slice(m);

	TRY(msg_end(m));
	if (p->n_pems == CERTS)
		return ERR_LIMIT;
	struct buf *pem = p->pems[p->n_pems++];
	buf_init(&pem[0], LIMIT_IPC_MESSAGE);
	buf_init(&pem[1], LIMIT_IPC_MESSAGE);
	TRY(buf_reserve(&pem[1], key.n));
	TRY(buf_add_slice(&pem[0], chain));
	return buf_add_slice(&pem[1], key);
}

static enum err on_client_ca(struct front *f, struct msg_in *m)
{
	struct front_parts *p = f->parts;
	struct slice ca = msg_slice(m), crl = msg_slice(m);

	TRY(msg_end(m));
	buf_init(&p->client_ca, LIMIT_IPC_MESSAGE);
	buf_init(&p->client_crl, LIMIT_IPC_MESSAGE);
	TRY(buf_add_slice(&p->client_ca, ca));
	return buf_add_slice(&p->client_crl, crl);
}

static enum err on_certs_end(struct front *f, struct msg_in *m)
{
	struct front_parts *p = f->parts;
	struct slice pairs[CERTS][2];
	enum err e = msg_end(m);

	for (size_t i = 0; i < p->n_pems; i++) {
		pairs[i][0] = buf_slice(&p->pems[i][0]);
		pairs[i][1] = buf_slice(&p->pems[i][1]);
	}
	if (e == ERR_OK && p->n_pems && !f->tls)
		e = tls_server_new(&f->tls);
	if (e == ERR_OK && p->n_pems) {
		/* A bad new set leaves the old one in force. */
		e = tls_server_reload(f->tls, (const struct slice(*)[2])pairs,
			p->n_pems,
			(struct tls_clients){ buf_slice(&p->client_ca),
				buf_slice(&p->client_crl) });
		if (e != ERR_OK)
			log_event(LOG_ERROR_, "certificates-refused",
				"reason=\"%s\"", tls_reason());
		if (p->serving)
			e = ERR_OK;
	}
	for (size_t i = 0; i < p->n_pems; i++) {
		buf_free(&p->pems[i][0]);
		buf_wipe(&p->pems[i][1]);
	}
	p->n_pems = 0;
	buf_free(&p->client_ca);
	buf_free(&p->client_crl);
	return e;
}

static enum err on_listen(struct front *f, struct msg_in *m)
{
	struct front_parts *p = f->parts;
	struct slice service = msg_slice(m);
	uint32_t implicit = msg_u32(m);
	int fd = msg_fd(m);

	if (msg_end(m) != ERR_OK || p->n_listeners == LISTENERS) {
		if (fd >= 0)
			close(fd);
		return ERR_SYNTAX;
	}
	struct listener *l = &p->listeners[p->n_listeners];
	*l = (struct listener){
		.front = f, .fd = fd, .implicit_tls = implicit != 0
	};
	snprintf(l->service, sizeof(l->service), "%.*s", SLICE_ARG(service));
	TRY(watch_new(f->loop, fd, on_client, l, &l->watch));
	p->n_listeners++;
	return ERR_OK;
}

static uint32_t clients_that_fit(void)
{
	struct rlimit r = { 1024, 1024 };

	(void)getrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur > 2 * RESERVED_FDS
		       ? (uint32_t)((r.rlim_cur - RESERVED_FDS) / 2)
		       : RESERVED_FDS / 2;
}

static enum err on_start(struct front *f, struct msg_in *m)
{
	struct front_parts *p = f->parts;
	struct slice key = msg_slice(m);

	TRY(msg_end(m));
	if (key.n != sizeof(p->fake_key))
		return ERR_SYNTAX;
	memcpy(p->fake_key, key.p, key.n);
	if (f->warm_up)
		f->warm_up(f);
	p->most = clients_that_fit();
	TRY(process_walls(&p->process, PROFILE_FRONT, NULL));
	p->serving = true;
	p->resting = true;
	rest_or_serve(p);
	log_event(LOG_INFO_, "serving", "listeners=%zu clients_max=%u tls=%s",
		p->n_listeners, p->most, f->tls ? "yes" : "NO");
	return send_plain(f->control, CONTROL_READY);
}

static enum err on_config(struct front *f, struct msg_in *m)
{
	return process_config(&f->parts->process, m);
}

static enum err on_stop(struct front *f, struct msg_in *m)
{
	loop_stop(f->loop);
	return msg_end(m);
}

static const struct {
	uint16_t type;
	enum err (*take)(struct front *f, struct msg_in *m);
} messages[] = {
	{ CONTROL_CONFIG, on_config },
	{ CONTROL_STOP, on_stop },
	{ FRONT_CERT, on_cert },
	{ FRONT_CLIENT_CA, on_client_ca },
	{ FRONT_CERTS_END, on_certs_end },
	{ FRONT_LISTEN, on_listen },
	{ FRONT_START, on_start },
	{ ROUTE_REPLY, route_replied },
};

static void on_message(void *arg, struct msg_in *m)
{
	enum err e = ERR_UNSUPPORTED;
	uint16_t type = m->type;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == type)
			e = messages[i].take(arg, m);
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "control-failed", "type=%u err=%s", type,
		err_info(e)->name);
	exit(err_info(e)->exit);
}

static void on_closed(void *arg)
{
	struct front *f = arg;

	loop_stop(f->loop);
}

int front_main(struct front *f, int argc, char **argv)
{
	static const struct ipc_events events = { on_message, on_closed };
	struct front_parts *p = mem_new(struct front_parts);

	if (!p)
		return err_info(ERR_NOMEM)->exit;
	p->process.name = f->name;
	process_begin(&p->process);
	f->parts = p;
	f->loop = p->process.loop;
	f->config = p->process.config;
	enum err e = ipc_new(f->loop, CONTROL_FD, &events, f, &f->control);
	if (e != ERR_OK)
		return err_info(e)->exit;
	loop_run(f->loop);
	log_event(LOG_INFO_, "ended", "clients=%u", p->open);
	/* The kernel closes what is open; nothing is kept here. */
	_exit(0);
}
