/* SPDX-License-Identifier: EUPL-1.2 */
/* The common beginning of our processes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <bastide/control.h>
#include <bastide/crypt.h>
#include <bastide/log.h>
#include <bastide/process.h>

static void give_up(const char *what, enum err e)
{
	log_event(LOG_ERROR_, "start-failed", "what=%s err=%s", what,
		err_info(e)->name);
	exit(err_info(e)->exit);
}

void process_begin(struct process *p)
{
	int type;
	socklen_t n = sizeof(type);

	log_init(p->name, LOG_INFO_);
	tzset(); /* loads the zone now: later no file can be opened */
	umask(077);
	if (getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0 ||
		type != SOCK_SEQPACKET) {
		dprintf(STDERR_FILENO, "%s is started by bastided only\n",
			p->name);
		exit(EX_USAGE);
	}
	enum err e = loop_new(&p->loop);
	if (e == ERR_OK)
		e = config_new(&p->config);
	if (e == ERR_OK)
		e = crypt_warm_up();
	if (e != ERR_OK)
		give_up("begin", e);
}

enum err process_config(struct process *p, struct msg_in *m)
{
	struct slice text = msg_slice(m);
	uint32_t max_abi = msg_u32(m), debug = msg_u32(m);

	TRY(msg_end(m));
	TRY(config_unpack(p->config, text));
	p->max_abi = (int)max_abi;
	p->debug = debug != 0;
	log_init(p->name, log_level_of(config_str(p->config, "log_level")));
	return ERR_OK;
}

enum err process_walls(struct process *p, enum profile profile, const char *dir)
{
	struct sandbox s = { .profile = profile,
		.dir = dir,
		.max_abi = p->max_abi,
		.weak = config_bool(p->config, "weak_walls"),
		.debug = p->debug };
	struct walls w;
	struct buf text;

	enum err e = sandbox_apply(&s, &w);
	buf_init(&text, 256);
	walls_text(&w, &text);
	log_event(e == ERR_OK ? LOG_INFO_ : LOG_ERROR_,
		e == ERR_OK ? "walls" : "walls-missing", "%.*s%s",
		SLICE_ARG(buf_slice(&text)), p->debug ? " debug=yes" : "");
	buf_free(&text);
	return e;
}

enum err send_plain(struct ipc *i, uint16_t type)
{
	struct msg m;

	msg_begin(&m, type);
	return ipc_send(i, &m);
}
