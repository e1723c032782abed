/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bastided: supervisor and router. The only process that is started by hand,
 * and when started as root the only one that stays root. It opens the ports,
 * starts everybody, joins fronts and tenants, and holds no tenant's key.
 *
 * Start: options and configuration, data directory and its lock, ports, walls,
 * keyd; when keyd has given the router's key: table, admin socket, fronts.
 *
 * Stop (SIGTERM, SIGINT):
 *
 *	FRONTS   told to stop; all gone, or 5 s ------> TENANTS
 *	TENANTS  told; stores closed, all gone, 60 s --> KEYD (table saved)
 *	KEYD     it and relayd told; gone, or 10 s ----> end
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <bastide/crypt.h>
#include <bastide/file.h>
#include <bastide/log.h>

#include "bastided.h"

#define CONFIG_MAX KIB(64)
#define LOCK_TRIES 300
#define LOCK_WAIT_US 100000
#define DEBUG_MARK "made-by-debug"

struct bastided bastided = { .process = { .name = "bastided" } };

static enum phase { RUNNING, FRONTS, TENANTS, KEYD } phase;
static struct timer *stop_timer;

void fatal(const char *what, enum err e)
{
	log_event(
		LOG_ERROR_, "fatal", "what=%s err=%s", what, err_info(e)->name);
	exit(err_info(e)->exit);
}

uid_t uid_of(unsigned slot)
{
	return (uid_t)config_num(bastided.process.config, "uid_base") + slot;
}

enum err send_config(struct ipc *i)
{
	struct buf text;
	struct msg m;

	buf_init(&text, CONFIG_MAX);
	config_pack(bastided.process.config, &text);
	msg_begin(&m, CONTROL_CONFIG);
	msg_add_slice(&m, buf_slice(&text));
	msg_add_u32(&m, (uint32_t)bastided.process.max_abi);
	msg_add_u32(&m, bastided.process.debug);
	buf_free(&text);
	return ipc_send(i, &m);
}

/* --- options ------------------------------------------------------------------------ */

static void usage(FILE *out)
{
	fputs("usage: bastided [--config FILE] [--set 'KEY = VALUE']...\n"
	      "  --config FILE     configuration (/etc/bastide/bastide.conf)\n"
	      "  --set KEY=VALUE   one more line of it\n"
	      "  --sample-config   print the documented sample and end\n"
	      "  --debug           no seccomp, no Landlock, core files; only\n"
	      "                    with a data directory that it made itself\n"
	      "  --weak-walls      serve even where a wall is missing\n"
	      "  --landlock ABI    as if the kernel's Landlock were that old, "
	      "or\n"
	      "                    'none'\n"
	      "  --version, --help\n",
		out);
}

static void sample(void)
{
	struct buf b;

	buf_init(&b, CONFIG_MAX);
	config_sample(&b);
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
	exit(0);
}

static void apply(struct slice text, const char *where)
{
	struct buf error;

	buf_init(&error, 1024);
	if (config_parse(bastided.process.config, text, &error) != ERR_OK) {
		fprintf(stderr, "bastided: %s: %.*s\n", where,
			SLICE_ARG(buf_slice(&error)));
		exit(EX_CONFIG);
	}
	buf_free(&error);
}

static void read_config(const char *path, bool given)
{
	struct buf text;

	buf_init(&text, CONFIG_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !given)
		return; /* the presets and --set */
	if (fd < 0 || file_read_fd(fd, &text) != ERR_OK) {
		fprintf(stderr, "bastided: cannot read %s\n", path);
		exit(EX_NOINPUT);
	}
	close(fd);
	apply(buf_slice(&text), path);
	buf_free(&text);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "set", required_argument, NULL, 's' },
	{ "sample-config", no_argument, NULL, 'p' },
	{ "debug", no_argument, NULL, 'd' },
	{ "weak-walls", no_argument, NULL, 'w' },
	{ "landlock", required_argument, NULL, 'l' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void take_option(int c)
{
	uint32_t abi = 0;

	switch (c) {
	case 's':
		apply(slice_str(optarg), "--set");
		return;
	case 'w':
		apply(slice_str("weak_walls = yes"), "--weak-walls");
		return;
	case 'd':
		bastided.process.debug = true;
		return;
	case 'l':
		if (slice_eqs(slice_str(optarg), "none")) {
			bastided.process.max_abi = -1;
			return;
		}
		if (num_u32(slice_str(optarg), &abi) == ERR_OK && abi < 1000) {
			bastided.process.max_abi = (int)abi;
			return;
		}
		break;
	case 'p':
		sample();
		break;
	case 'v':
		puts(PACKAGE_STRING);
		exit(0);
	case 'h':
		usage(stdout);
		exit(0);
	default:
		break;
	}
	usage(stderr);
	exit(EX_USAGE);
}

static void take_options(int argc, char **argv)
{
	const char *path = "/etc/bastide/bastide.conf";
	bool given = false;
	int c;

	/* The file first, whatever the order: --set overrides it. */
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (c == 'c') {
			path = optarg;
			given = true;
		} else if (c != 's' && c != 'w') {
			take_option(c);
		}
	if (optind < argc)
		take_option('?');
	read_config(path, given);
	optind = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (c == 's' || c == 'w')
			take_option(c);
}

/* --- the data directory ----------------------------------------------------------------- */

static enum err make_dir(int at, const char *name, uid_t owner)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return err_from_errno(errno);
	if (!bastided.root || owner == 0)
		return ERR_OK;
	return fchownat(at, name, owner, owner, AT_SYMLINK_NOFOLLOW) == 0
		       ? ERR_OK
		       : err_from_errno(errno);
}

static enum err check_debug(bool fresh)
{
	bool marked = faccessat(bastided.dir, DEBUG_MARK, F_OK, 0) == 0;

	if (!bastided.process.debug)
		return ERR_OK;
	if (fresh)
		return file_replace(bastided.dir, DEBUG_MARK, slice_str(""));
	if (marked)
		return ERR_OK;
	fputs("bastided: --debug works only with a data directory that "
	      "--debug made\n",
		stderr);
	return ERR_NOPERM;
}

/* The programs of a bastided that was killed still close their stores. */
static enum err lock(void)
{
	bastided.lock = openat(bastided.dir, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (bastided.lock < 0)
		return err_from_errno(errno);
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(bastided.lock, LOCK_EX | LOCK_NB) == 0)
			return ERR_OK;
		if (i == 0)
			log_event(LOG_WARN_, "waiting",
				"for=\"another bastided in the data "
				"directory\"");
		usleep(LOCK_WAIT_US);
	}
	return ERR_BUSY;
}

static enum err open_data(void)
{
	const char *path = config_str(bastided.process.config, "data_dir");
	bool fresh = mkdir(path, 0700) == 0;
	struct stat st;

	if (!fresh && errno != EEXIST)
		return err_from_errno(errno);
	bastided.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bastided.dir < 0 || fstat(bastided.dir, &st) != 0)
		return err_from_errno(errno);
	if (st.st_uid != geteuid() || st.st_mode & 077) {
		fprintf(stderr,
			"bastided: %s must belong to its user, mode 0700\n",
			path);
		return ERR_NOPERM;
	}
	TRY(check_debug(fresh));
	TRY(lock());
	TRY(make_dir(bastided.dir, "keyd", uid_of(UID_KEYD)));
	TRY(make_dir(bastided.dir, "tenants", 0));
	bastided.tenants_dir = openat(bastided.dir, "tenants",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return bastided.tenants_dir < 0 ? ERR_IO : ERR_OK;
}

/* --- stopping ---------------------------------------------------------------------------- */

static void enter(enum phase p, uint64_t ms)
{
	phase = p;
	timer_set(stop_timer, ms);
}

void stop_step(void)
{
	if (phase == FRONTS && !fronts_running()) {
		enter(TENANTS, 70000);
		tenants_stop();
	}
	if (phase == TENANTS && !tenants_running()) {
		/* Clean when every process closed its store. */
		enum err e = router_save(true);
		if (e != ERR_OK)
			log_event(LOG_ERROR_, "router-save-failed", "err=%s",
				err_info(e)->name);
		enter(KEYD, 10000);
		keyd_stop();
		relay_stop();
	}
	if (phase == KEYD && !keyd_alive() && !relay_running())
		loop_stop(bastided.process.loop);
}

static void on_stop_timer(void *arg)
{
	log_event(LOG_WARN_, "stop-late", "phase=%d", phase);
	if (phase == FRONTS)
		fronts_kill();
	else if (phase == TENANTS)
		tenants_kill();
	else {
		relay_kill();
		loop_stop(bastided.process.loop);
	}
}

static void on_stop(void *arg)
{
	if (bastided.stopping)
		return;
	bastided.stopping = true;
	log_event(LOG_INFO_, "stopping", "reason=signal");
	admin_stop();
	enter(FRONTS, 5000);
	fronts_stop();
	stop_step();
}

static void on_reload(void *arg)
{
	enum err e = fronts_certificates();

	log_event(e == ERR_OK ? LOG_INFO_ : LOG_ERROR_, "certificates-read",
		"err=%s", err_info(e)->name);
	e = token_keys_read();
	if (e == ERR_OK)
		tenants_token_keys();
	log_event(e == ERR_OK ? LOG_INFO_ : LOG_ERROR_, "token-keys-read",
		"err=%s", err_info(e)->name);
}

/* --- starting ----------------------------------------------------------------------------- */

/* Everything that needs the router's key. */
static void on_keyd(void)
{
	enum err e = hkdf_sha256(slice_of(bastided.router_key, 32),
		"scram names", slice_str(""), bastided.fake_key);

	if (e == ERR_OK)
		e = router_load();
	if (e == ERR_OK)
		e = tenants_init();
	if (e != ERR_OK)
		fatal("router", e);
	e = admin_listen();
	if (e != ERR_OK)
		fatal("admin-socket", e);
	fronts_start();
	relay_start();
	log_event(LOG_INFO_, "running", "data=\"%s\" root=%s",
		config_str(bastided.process.config, "data_dir"),
		bastided.root ? "yes" : "no");
}

static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static enum err start(void)
{
	struct loop *l = bastided.process.loop;

	TRY(timer_new(l, on_stop_timer, NULL, &stop_timer));
	TRY(children_init(l));
	TRY(loop_on_signal(l, SIGTERM, on_stop, NULL));
	TRY(loop_on_signal(l, SIGINT, on_stop, NULL));
	TRY(loop_on_signal(l, SIGHUP, on_reload, NULL));
	TRY(door_open());
	TRY(programs_open());
	TRY(fronts_listen());
	TRY(relay_open());
	TRY(fronts_certificates());
	TRY(token_keys_read());
	int passphrase =
		open(config_str(bastided.process.config, "passphrase_file"),
			O_RDONLY | O_CLOEXEC);
	if (passphrase < 0) {
		fputs("bastided: cannot read the passphrase file\n", stderr);
		return ERR_NOKEY;
	}
	TRY(process_walls(&bastided.process, PROFILE_BASTIDED,
		config_str(bastided.process.config, "data_dir")));
	keyd_on_ready(on_keyd);
	return keyd_open(passphrase);
}

int main(int argc, char **argv)
{
	struct process *p = &bastided.process;

	tzset();
	umask(077);
	log_init(p->name, LOG_INFO_);
	enum err e = loop_new(&p->loop);
	if (e == ERR_OK)
		e = config_new(&p->config);
	if (e == ERR_OK)
		e = crypt_warm_up();
	if (e != ERR_OK)
		fatal("begin", e);
	take_options(argc, argv);
	log_init(p->name, log_level_of(config_str(p->config, "log_level")));
	bastided.root = geteuid() == 0;
	bastided.started_ms = loop_now_ms();
	raise_limits();
	e = open_data();
	if (e != ERR_OK)
		fatal("data-directory", e);
	e = start();
	if (e != ERR_OK)
		fatal("start", e);
	loop_run(p->loop);
	log_event(LOG_INFO_, "ended", "reason=stop");
	return 0;
}
