/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The load generator of `./dev bench`: IMAP over TLS, and SMTP or LMTP, against
 * any server on loopback. One mode per run, one JSON object as the result; any
 * error ends it without one.
 *
 * usage: imapload MODE key=value...       (modes and keys: the tables below)
 * accounts=FILE has lines "login password"; client i uses account i modulo
 * their number.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imapload.h"

#define MESSAGE_MAX ((size_t)4 << 20)
/* Messages on their way in `fill`. */
#define WINDOW 50
#define CLIENTS_MAX 12000
/* Texts of one client that appends. */
#define POOL 32

struct options options = { .clients = 1,
	.n = 1,
	.size = 8192,
	.seconds = 3,
	.mailbox = "INBOX",
	.set = "1:*",
	.items = "FLAGS" };

/* --- samples ----------------------------------------------------------------- */

struct samples {
	double *t;
	size_t n, cap;
};

static void add(struct samples *s, double t)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->t = realloc(s->t, s->cap * sizeof(*s->t));
		if (!s->t)
			die("no memory");
	}
	s->t[s->n++] = t;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at(struct samples *s, double part)
{
	if (!s->n)
		die("nothing was measured");
	qsort(s->t, s->n, sizeof(*s->t), by_value);
	size_t k = (size_t)((double)s->n * part);
	return s->t[k < s->n ? k : s->n - 1];
}

static void print_times(struct samples *s)
{
	printf("{\"n\": %zu, \"median_ms\": %.4f, \"p99_ms\": %.4f, "
	       "\"max_ms\": %.4f}\n",
		s->n, at(s, 0.5) * 1e3, at(s, 0.99) * 1e3, at(s, 1) * 1e3);
}

static const struct account *account_of(size_t i)
{
	return &options.account[i % options.n_accounts];
}

/* --- append and fill ----------------------------------------------------------- */

struct worker {
	pthread_t thread;
	size_t index;
	pthread_barrier_t *start;
	struct samples times;
	double end;
};

/* The command and its literal in one piece: `text` has COMMAND bytes before
 * the message and two behind it. */
#define COMMAND 200

static void append_one(struct client *c, char *text)
{
	char head[COMMAND];
	int n = snprintf(head, sizeof(head), "A%u APPEND \"%s\" {%u+}\r\n",
		++c->tag, options.mailbox, options.size);

	if (n < 0 || (size_t)n >= sizeof(head))
		die("the mailbox has too long a name");
	memcpy(text + COMMAND - n, head, (size_t)n);
	memcpy(text + COMMAND + options.size, "\r\n", 2);
	client_send(c, text + COMMAND - n, (size_t)n + options.size + 2);
}

static char *text_new(void)
{
	char *text = malloc(COMMAND + options.size + 2);

	if (!text)
		die("no memory");
	return text;
}

static void *append_run(void *arg)
{
	struct worker *w = arg;
	struct client c;
	char *text[POOL];
	/* Every client and every run has messages of its own. */
	unsigned number = (unsigned)(w->index * 1000000) +
			  (unsigned)getpid() % 1000 * 1000;

	for (unsigned i = 0; i < POOL; i++) {
		text[i] = text_new();
		message_make(text[i] + COMMAND, options.size, number + i);
	}
	imap_open(&c, account_of(w->index));
	pthread_barrier_wait(w->start);
	double begin = now(), end = begin + options.seconds;
	for (unsigned i = 0; begin < end; i++) {
		char *one = text[i % POOL];
		message_renumber(one + COMMAND, options.size, number + i);
		append_one(&c, one);
		imap_wait(&c, c.tag, NULL);
		double done = now();
		add(&w->times, done - begin);
		begin = done;
	}
	w->end = begin;
	client_close(&c);
	for (unsigned i = 0; i < POOL; i++)
		free(text[i]);
	return NULL;
}

/* `run` in a thread for each client; says how many of what they timed there
 * were in a second. */
static void run_clients(void *(*run)(void *))
{
	static struct worker w[CLIENTS_MAX];
	pthread_attr_t small;
	pthread_barrier_t start;
	struct samples all = { 0 };
	double last = 0;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 * 1024);
	pthread_barrier_init(&start, NULL, options.clients + 1);
	for (size_t i = 0; i < options.clients; i++) {
		w[i] = (struct worker){ .index = i, .start = &start };
		if (pthread_create(&w[i].thread, &small, run, &w[i]))
			die("no thread");
	}
	pthread_barrier_wait(&start);
	double begin = now();
	for (size_t i = 0; i < options.clients; i++) {
		pthread_join(w[i].thread, NULL);
		last = w[i].end > last ? w[i].end : last;
		for (size_t k = 0; k < w[i].times.n; k++)
			add(&all, w[i].times.t[k]);
	}
	printf("{\"n\": %zu, \"per_s\": %.2f, \"median_ms\": %.4f, "
	       "\"p99_ms\": %.4f, \"max_ms\": %.4f}\n",
		all.n, (double)all.n / (last - begin), at(&all, 0.5) * 1e3,
		at(&all, 0.99) * 1e3, at(&all, 1) * 1e3);
}

/* Each client appends, one message after the other, for so many seconds. */
static void mode_append(void)
{
	run_clients(append_run);
}

/* --- logins and work of a day ---------------------------------------------------- */

static void *login_run(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->start);
	double begin = now(), end = begin + options.seconds;
	while (begin < end) {
		struct client c;
		client_open(&c, options.port, true);
		imap_login(&c, account_of(w->index));
		client_close(&c);
		double done = now();
		add(&w->times, done - begin);
		begin = done;
	}
	w->end = begin;
	return NULL;
}

/* Each client connects and signs in, again and again. */
static void mode_logins(void)
{
	run_clients(login_run);
}

/* What a client does that somebody works with, one command after the other. */
static const char *const busy_commands[] = {
	"NOOP",
	"FETCH * (FLAGS ENVELOPE)",
	"UID FETCH * (BODY.PEEK[])",
	"STORE * +FLAGS.SILENT (\\Seen)",
	"SEARCH UNSEEN",
	"STATUS INBOX (MESSAGES UNSEEN UIDNEXT)",
	"STORE * -FLAGS.SILENT (\\Seen)",
	"LIST \"\" *",
};
#define N_BUSY (sizeof(busy_commands) / sizeof(busy_commands[0]))
/* Between two commands: 500 clients ask 2,500 times a second at most. */
#define BUSY_PAUSE_US 200000

static void *busy_run(void *arg)
{
	struct worker *w = arg;
	char *text = text_new();
	struct client c;

	imap_open(&c, account_of(w->index));
	message_make(text + COMMAND, options.size, (unsigned)w->index);
	append_one(&c, text);
	imap_wait(&c, c.tag, NULL);
	imap_send(&c, "SELECT \"%s\"", options.mailbox);
	imap_wait(&c, c.tag, NULL);
	pthread_barrier_wait(w->start);
	double begin = now(), end = begin + options.seconds;
	for (size_t k = w->index; now() < end; k++) {
		begin = now();
		imap_send(&c, "%s", busy_commands[k % N_BUSY]);
		imap_wait(&c, c.tag, NULL);
		add(&w->times, now() - begin);
		usleep(BUSY_PAUSE_US);
	}
	w->end = now();
	client_close(&c);
	free(text);
	return NULL;
}

static void mode_busy(void)
{
	run_clients(busy_run);
}

static void fill_window(
	struct client *c, char *text, unsigned first, unsigned n)
{
	unsigned from = c->tag + 1;

	if (!c->multi) {
		for (unsigned k = 0; k < n; k++) {
			message_make(text + COMMAND, options.size, first + k);
			append_one(c, text);
		}
		for (unsigned k = 0; k < n; k++)
			imap_wait(c, from + k, NULL);
		return;
	}
	client_sendf(c, "A%u APPEND \"%s\"", ++c->tag, options.mailbox);
	for (unsigned k = 0; k < n; k++) {
		message_make(text, options.size, first + k);
		client_sendf(c, " {%u+}\r\n", options.size);
		client_send(c, text, options.size);
	}
	client_send(c, "\r\n", 2);
	imap_wait(c, c->tag, NULL);
}

/* `n` messages as fast as the server takes them, into a new mailbox. */
static void mode_fill(void)
{
	char *text = text_new();
	struct client c;

	imap_open(&c, account_of(0));
	imap_send(&c, "CREATE \"%s\"", options.mailbox);
	imap_wait(&c, c.tag, NULL);
	double begin = now();
	for (unsigned i = 0; i < options.n; i += WINDOW)
		fill_window(&c, text, options.first + i,
			options.n - i < WINDOW ? options.n - i : WINDOW);
	printf("{\"n\": %u, \"per_s\": %.2f}\n", options.n,
		options.n / (now() - begin));
	client_close(&c);
	free(text);
}

/* --- reading ------------------------------------------------------------------- */

static void examine(struct client *c, struct answer *a)
{
	imap_send(c, "EXAMINE \"%s\"", options.mailbox);
	imap_wait(c, c->tag, a);
}

/* FETCH `set` `items` in a new session. */
static void mode_fetch(void)
{
	struct client c;
	struct answer a;

	imap_open(&c, account_of(0));
	examine(&c, &a);
	double begin = now();
	imap_send(&c, "FETCH %s (%s)", options.set, options.items);
	imap_wait(&c, c.tag, &a);
	double took = now() - begin;
	printf("{\"n\": %u, \"per_s\": %.2f, \"ms\": %.4f, \"bytes\": %llu}\n",
		a.responses, a.responses / took, took * 1e3,
		(unsigned long long)a.bytes);
	client_close(&c);
}

/* `command`, `n` times in a new session. */
static void mode_command(void)
{
	struct samples times = { 0 };
	struct answer a = { 0 };
	struct client c;

	imap_open(&c, account_of(0));
	examine(&c, &a);
	for (unsigned i = 0; i < options.n; i++) {
		double begin = now();
		imap_send(&c, "%s", options.command);
		imap_wait(&c, c.tag, &a);
		add(&times, now() - begin);
	}
	printf("{\"n\": %zu, \"median_ms\": %.4f, \"hits\": %u}\n", times.n,
		at(&times, 0.5) * 1e3, a.hits);
	client_close(&c);
}

/* SELECT, each time in a new session. */
static void mode_select(void)
{
	struct samples times = { 0 };
	struct answer a = { 0 };

	for (unsigned i = 0; i < options.n; i++) {
		struct client c;
		imap_open(&c, account_of(0));
		double begin = now();
		imap_send(&c, "SELECT \"%s\"", options.mailbox);
		imap_wait(&c, c.tag, &a);
		add(&times, now() - begin);
		client_close(&c);
	}
	printf("{\"n\": %zu, \"median_ms\": %.4f, \"exists\": %u}\n", times.n,
		at(&times, 0.5) * 1e3, a.exists);
}

/* Connect and LOGIN, one after the other. */
static void mode_login(void)
{
	struct samples times = { 0 };

	for (unsigned i = 0; i < options.n; i++) {
		struct client c;
		double begin = now();
		client_open(&c, options.port, true);
		imap_login(&c, account_of(i));
		add(&times, now() - begin);
		client_close(&c);
	}
	print_times(&times);
}

/* --- waiting ------------------------------------------------------------------- */

static void start_idle(struct client *c)
{
	size_t n;

	imap_send(c, "SELECT \"%s\"", options.mailbox);
	imap_wait(c, c->tag, NULL);
	imap_send(c, "IDLE");
	client_line(c, &n);
}

/* `clients` sessions in IDLE; says "ready" and holds them until the input
 * ends. */
static void mode_idle(void)
{
	static struct client c[CLIENTS_MAX];
	char byte;

	for (unsigned i = 0; i < options.clients; i++) {
		imap_open(&c[i], account_of(i));
		start_idle(&c[i]);
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (unsigned i = 0; i < options.clients; i++)
		client_close(&c[i]);
	printf("{\"n\": %u}\n", options.clients);
}

static void expect(struct client *c, char kind)
{
	const char *line;
	size_t n;

	do
		line = client_line(c, &n);
	while (n > 3 && line[3] == '-');
	if (n < 3 || line[0] != kind)
		die("refused: %.*s", (int)n, line);
}

static void say(struct client *c, const char *text, const char *to, char kind)
{
	client_sendf(c, "%s%s\r\n", text, to);
	expect(c, kind);
}

/* From the last byte of a message at the port `delivery` (command=EHLO or
 * LHLO) to EXISTS in a session that idles: `n` times with pauses between. */
static void mode_arrive(void)
{
	const struct account *a = account_of(0);
	struct samples times = { 0 };
	struct client idler, mta;
	char *text = malloc(options.size), to[200];

	if (!text)
		die("no memory");
	imap_open(&idler, a);
	start_idle(&idler);
	client_open(&mta, options.delivery, false);
	expect(&mta, '2');
	say(&mta, options.command, " bench.example", '2');
	snprintf(to, sizeof(to), "<%s>", a->login);
	for (unsigned i = 0; i < options.n; i++) {
		usleep(50000);
		message_make(text, options.size,
			900000000u + (unsigned)getpid() % 10000 * 1000 + i);
		say(&mta, "MAIL FROM:", "<clara@example.org>", '2');
		say(&mta, "RCPT TO:", to, '2');
		say(&mta, "DATA", "", '3');
		client_send(&mta, text, options.size);
		double begin = now();
		client_send(&mta, ".\r\n", 3);
		imap_wait_exists(&idler);
		add(&times, now() - begin);
		expect(&mta, '2');
	}
	print_times(&times);
	client_close(&mta);
	client_close(&idler);
	free(text);
}

/* --- the command line ------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "append", mode_append },
	{ "fill", mode_fill },
	{ "fetch", mode_fetch },
	{ "command", mode_command },
	{ "select", mode_select },
	{ "login", mode_login },
	{ "logins", mode_logins },
	{ "busy", mode_busy },
	{ "idle", mode_idle },
	{ "arrive", mode_arrive },
};

static const struct {
	const char *name;
	unsigned *number;
	const char **text;
} keys[] = {
	{ "port", &options.port, NULL },
	{ "delivery", &options.delivery, NULL },
	{ "clients", &options.clients, NULL },
	{ "n", &options.n, NULL },
	{ "size", &options.size, NULL },
	{ "first", &options.first, NULL },
	{ "mailbox", NULL, &options.mailbox },
	{ "set", NULL, &options.set },
	{ "items", NULL, &options.items },
	{ "command", NULL, &options.command },
	{ "accounts", NULL, &options.accounts },
};

static void set_option(const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value - word) : 0;

	if (value && strncmp(word, "seconds", n) == 0 && n == 7) {
		options.seconds = strtod(value + 1, NULL);
		return;
	}
	for (size_t i = 0; value && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) != n ||
			memcmp(keys[i].name, word, n) != 0)
			continue;
		if (keys[i].text)
			*keys[i].text = value + 1;
		else
			*keys[i].number =
				(unsigned)strtoul(value + 1, NULL, 10);
		return;
	}
	die("what is '%s'?", word);
}

static void read_accounts(void)
{
	FILE *in = options.accounts ? fopen(options.accounts, "re") : NULL;
	static struct account list[CLIENTS_MAX];
	struct account *a = list;

	while (in && a < list + CLIENTS_MAX &&
		fscanf(in, "%127s %127s", a->login, a->password) == 2)
		a++;
	if (in)
		fclose(in);
	options.account = list;
	options.n_accounts = (size_t)(a - list);
	if (!options.n_accounts)
		die("no accounts");
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		set_option(argv[i]);
	if (options.clients > CLIENTS_MAX || options.size > MESSAGE_MAX)
		die("too many clients or too large messages");
	read_accounts();
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]);
		i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run();
			return 0;
		}
	die("what mode?");
}
