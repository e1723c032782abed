/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * relayd: sends mail to other servers. It has the Internet, and neither a file
 * nor a key: a tenantd streams it one message for the recipients of one
 * domain, on a stream that bastided made; what it sees is gone when it is sent.
 * Who is a tenant's own is decided by bastided, which gives the listener's
 * address with the stream.
 */
#include <stdlib.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/file.h>
#include <bastide/log.h>

#include "relayd.h"

#define CA_MAX MIB(4)

struct relayd relayd = { .process = { .name = "relayd" } };

/* Without authorities nothing verifies: said once, and only a verified
 * smarthost needs them. */
static enum err load_authorities(int fd)
{
	struct buf pem;

	buf_init(&pem, CA_MAX);
	enum err e = fd >= 0 ? file_read_fd(fd, &pem) : ERR_NOTFOUND;
	if (e == ERR_OK)
		e = tls_client_new(buf_slice(&pem), &relayd.tls);
	buf_free(&pem);
	if (e == ERR_OK)
		return ERR_OK;
	log_event(LOG_WARN_, "no-authorities", "path=\"%s\" err=%s",
		config_str(relayd.process.config, "ca_file"),
		err_info(e)->name);
	return tls_client_new(slice_str(""), &relayd.tls);
}

static enum err on_config(struct msg_in *m)
{
	struct process *p = &relayd.process;

	TRY(process_config(p, m));
	return dns_new(p->loop, slice_str(config_str(p->config, "resolver")),
		&relayd.dns);
}

static enum err on_start(struct msg_in *m)
{
	int authorities = msg_fd(m);
	enum err e = msg_end(m);

	if (e == ERR_OK)
		e = load_authorities(authorities);
	if (authorities >= 0)
		close(authorities);
	TRY(e);
	TRY(process_walls(&relayd.process, PROFILE_RELAYD, NULL));
	return send_plain(relayd.control, CONTROL_READY);
}

static enum err on_stream(struct msg_in *m)
{
	struct slice domain = msg_slice(m), local = msg_slice(m);
	int fd = msg_fd(m);

	if (msg_end(m) != ERR_OK) {
		if (fd >= 0)
			close(fd);
		return ERR_SYNTAX;
	}
	/* One too many is the tenantd's to send again. */
	enum err e = job_new(fd, domain, local);
	if (e != ERR_OK)
		log_event(
			LOG_WARN_, "job-refused", "err=%s", err_info(e)->name);
	return ERR_OK;
}

/* Nobody is left who could be told how a delivery ends. */
static enum err on_stop(struct msg_in *m)
{
	log_event(LOG_INFO_, "ended", "reason=stop jobs=%zu", relayd.jobs);
	_exit(0);
}

static const struct {
	uint16_t type;
	enum err (*take)(struct msg_in *m);
} messages[] = {
	{ CONTROL_CONFIG, on_config },
	{ RELAY_START, on_start },
	{ CONTROL_STOP, on_stop },
	{ RELAY_STREAM, on_stream },
};

static void on_message(void *arg, struct msg_in *m)
{
	enum err e = ERR_UNSUPPORTED;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == m->type)
			e = messages[i].take(m);
	if (e == ERR_OK)
		return;
	log_event(LOG_ERROR_, "giving-up", "what=control err=%s",
		err_info(e)->name);
	_exit(err_info(e)->exit);
}

static void on_closed(void *arg)
{
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct ipc_events events = { on_message, on_closed };

	process_begin(&relayd.process);
	enum err e = ipc_new(relayd.process.loop, CONTROL_FD, &events, NULL,
		&relayd.control);
	if (e != ERR_OK)
		return err_info(e)->exit;
	loop_run(relayd.process.loop);
	_exit(0);
}
