/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * IMAP sessions of one tenant on a loopback port, without front and login: for
 * transcripts, stress and benchmarks of sessions alone. What it serves is the
 * real session on a real sealed store.
 *
 *     imap_host DIR [NAME=NUMBER ...]
 *
 * makes the store in DIR (which exists), prints "port N" and serves
 * anna@example.org on 127.0.0.1, ben on 127.0.0.2 and dora on 127.0.0.3. Names
 * are those of `settings`. Ben and dora are the group "team", info@ is a shared
 * account, and there may be many more who share.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/acl.h>
#include <bastide/directory.h>
#include <bastide/session.h>

#include "../../imapd/session/imap.h"

static struct tenant tenant;
/* Each has an address of the loopback, and the last only a mailbox. */
static struct person {
	const char *address, *name;
	uint32_t account;
	int fd;
} people[] = {
	{ "anna@example.org", "Anna", 0, -1 },
	{ "ben@example.org", "Ben", 0, -1 },
	{ "dora@example.org", "Dora", 0, -1 },
	{ "info@example.org", "Info", 0, -1 },
};
enum { N_PEOPLE = 4, N_USERS = 3 };
static unsigned sessions;
static uint64_t bytes_max, messages_max;
static uint64_t info_shared, many;
static uint64_t message_limit_at = LIMIT_COMMAND_MESSAGES;

static const struct {
	const char *name;
	uint64_t *value;
} settings[] = {
	/* A command tells its progress after so many microseconds. */
	{ "progress", &imap_progress_us },
	/* Messages that one command takes. */
	{ "limit", &message_limit_at },
	/* Anna's quota. */
	{ "bytes", &bytes_max },
	{ "messages", &messages_max },
	/* Dora has all rights on info's INBOX. */
	{ "shared", &info_shared },
	/* More users, u1@ and so on, whose INBOX everybody may read. */
	{ "many", &many },
};

void session_ended(struct tenant *t, uint64_t id)
{
	sessions--;
}

static void die(const char *what, enum err e)
{
	fprintf(stderr, "imap_host: %s: %s (%s)\n", what, err_info(e)->name,
		store_open_error());
	exit(1);
}

static void must(enum err e, const char *what)
{
	if (e != ERR_OK)
		die(what, e);
}

static void on_durable(void *arg, uint64_t commit)
{
	gate_advance(tenant.gate, commit);
}

static void on_head(void *arg, const struct head *head)
{
	store_head_kept(tenant.store, head->serial);
}

static void on_failed(void *arg, enum err e)
{
	die("the store failed", e);
}

static void on_store(void *arg, int ready)
{
	store_poll(tenant.store);
}

static void on_turn(void *arg)
{
	store_turn(tenant.store);
}

static struct timer *ticker;

static void on_timer(void *arg)
{
	bool soon = store_housekeep(tenant.store, SLICE_US);

	timer_set(ticker, soon ? 1 : 100);
}

static void on_accept(void *arg, int ready)
{
	struct person *p = arg;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	static const struct conn_events none;
	static uint64_t id;
	struct session_start s = { .tenant = &tenant,
		.protocol = PROTOCOL_IMAP,
		.account = p->account,
		.extra = slice_str("*"),
		.id = ++id };

	if (fd < 0)
		return;
	if (conn_new(tenant.loop, fd, NULL, tenant.gate, &none, NULL,
		    &s.conn) != ERR_OK)
		return;
	sessions++;
	must(imap_session_new(&s), "session");
}

/* On the port of the first one. */
static int listen_on_loopback(uint32_t address)
{
	static struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int on = 1; /* connections to an earlier host linger */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(address);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) !=
			0 ||
		bind(fd, (struct sockaddr *)&a, n) != 0 ||
		listen(fd, 128) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		die("listen", ERR_IO);
	if (address == INADDR_LOOPBACK)
		printf("port %d\n", ntohs(a.sin_port));
	return fd;
}

static void set_quota(void)
{
	struct arena *a = arena_new(KIB(64));
	struct user_row row;

	must(user_get(tenant.store, people[0].account, a, &row), "user");
	row.quota.bytes_max = bytes_max;
	row.quota.messages_max = messages_max;
	must(user_set(tenant.store, &row), "quota");
	arena_free(a);
}

/* On the INBOX of an account. */
static void grant(uint32_t account, const struct acl_row *row)
{
	struct arena *arena = arena_new(KIB(64));
	struct mailbox_row inbox;
	struct account *a;

	must(account_open(tenant.store, account, &a), "account");
	must(mailbox_find(a, slice_str("INBOX"), arena, &inbox), "inbox");
	must(acl_set(a, inbox.id, row), "grant");
	account_close(a);
	arena_free(arena);
}

static void make_many(void)
{
	const struct acl_row row = { .who = ACL_ANYONE,
		.rights = RIGHT_LOOKUP | RIGHT_READ };

	for (uint64_t k = 1; k <= many; k++) {
		char address[40];
		uint32_t account;
		snprintf(address, sizeof(address), "u%llu@example.org",
			(unsigned long long)k);
		must(user_create(tenant.store, slice_str(address),
			     slice_str(""), &account),
			"user");
		grant(account, &row);
	}
}

static void make_people(void)
{
	struct arena *arena = arena_new(KIB(64));
	struct user_row info;
	uint64_t team;

	for (size_t k = 0; k < N_PEOPLE; k++)
		must(user_create(tenant.store, slice_str(people[k].address),
			     slice_str(people[k].name), &people[k].account),
			"user");
	must(user_get(tenant.store, people[N_USERS].account, arena, &info),
		"user");
	info.shared = true;
	must(user_set(tenant.store, &info), "user");
	must(group_create(tenant.store, slice_str("team"), &team), "group");
	for (size_t k = 1; k < N_USERS; k++)
		must(group_member_set(
			     tenant.store, team, people[k].account, true),
			"member");
	const struct acl_row row = { .who = ACL_USER,
		.id = people[N_USERS - 1].account,
		.rights = RIGHTS_ALL };
	if (info_shared)
		grant(people[N_USERS].account, &row);
	make_many();
	arena_free(arena);
}

static void listen_for(struct person *p, size_t k)
{
	struct watch *accepts;

	p->fd = listen_on_loopback(INADDR_LOOPBACK + (uint32_t)k);
	must(watch_new(tenant.loop, p->fd, on_accept, p, &accepts), "watch");
	watch_set(accepts, LOOP_READ);
}

static void open_store(const char *dir)
{
	struct secret *key =
		secret_copy("0123456789abcdef0123456789abcdef", 32);
	struct store_opts o = { .dir = dir,
		.key = key,
		.create = true,
		.on_durable = on_durable,
		.on_head = on_head,
		.on_failed = on_failed };

	must(store_open(&o, &tenant.store), "open");
	secret_free(key);
	must(store_begin(tenant.store), "begin");
	must(domain_add(tenant.store, slice_str("example.org")), "domain");
	make_people();
	set_quota();
	must(store_commit(tenant.store, NULL), "commit");
}

static void on_stop(void *arg)
{
	loop_stop(tenant.loop);
}

static bool set(const char *option)
{
	size_t n = strcspn(option, "=");

	for (size_t k = 0; k < sizeof(settings) / sizeof(settings[0]); k++)
		if (strncmp(option, settings[k].name, n) == 0 &&
			settings[k].name[n] == 0 && option[n] == '=') {
			*settings[k].value = strtoull(option + n + 1, NULL, 10);
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	struct turn_hook hook = { .run = on_turn };
	struct watch *syncer;

	for (int k = 2; k < argc; k++)
		if (!set(argv[k]))
			argc = 0;
	if (argc < 2) {
		fprintf(stderr, "usage: imap_host DIR [NAME=NUMBER ...]\n");
		return 64;
	}
	imap_message_limit = (uint32_t)message_limit_at;
	must(loop_new(&tenant.loop), "loop");
	must(gate_new(&tenant.gate), "gate");
	open_store(argv[1]);
	for (size_t k = 0; k < N_USERS; k++)
		listen_for(&people[k], k);
	fflush(stdout);
	must(watch_new(tenant.loop, store_fd(tenant.store), on_store, NULL,
		     &syncer),
		"watch");
	watch_set(syncer, LOOP_READ);
	loop_add_turn_hook(tenant.loop, &hook);
	must(timer_new(tenant.loop, on_timer, NULL, &ticker), "timer");
	timer_set(ticker, 100);
	must(loop_on_signal(tenant.loop, 15, on_stop, NULL), "signal");
	loop_run(tenant.loop);
	if (sessions)
		_exit(0);
	store_close(tenant.store);
	return 0;
}
