/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bastide: the administrator's command line. It knows no operation by name:
 * commands, arguments and help come from the table in lib/admin.c; it makes a
 * request of what was typed and prints the answer, as text or as JSON.
 *
 * Passwords are asked for at the terminal, or read from --password-file FILE
 * ("-": standard input): never from the command line, where others see them.
 */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include <bastide/admin.h>
#include <bastide/buf.h>
#include <bastide/file.h>
#include <bastide/limits.h>
#include <bastide/mem.h>

#define DEFAULT_SOCKET "/var/lib/bastide/admin.sock"

static struct {
	bool json;
	const char *socket, *password_file;
} options = { false, DEFAULT_SOCKET, NULL };

/* --- help ---------------------------------------------------------------------------- */

/* An optional tenant stands where a required one would. */
static bool by_place(const struct admin_arg *a)
{
	return a->type != ARG_PASSWORD &&
	       (a->required || a->type == ARG_TENANT);
}

static void usage_line(FILE *out, const struct admin_row *row)
{
	fprintf(out, "bastide %s%s%s", row->noun, *row->verb ? " " : "",
		row->verb);
	for (size_t i = 0; i < admin_n_args(row); i++) {
		const struct admin_arg *a = &row->args[i];
		if (a->type == ARG_PASSWORD)
			fprintf(out, " [--password-file FILE]");
		else if (a->required)
			fprintf(out, " %s", a->name);
		else if (by_place(a))
			fprintf(out, " [%s]", a->name);
		else
			fprintf(out, " [--%s %s]", a->name,
				a->type == ARG_BOOL     ? "yes|no"
				: a->type == ARG_NUMBER ? "N"
							: "TEXT");
	}
	fputc('\n', out);
}

static void help_one(const struct admin_row *row)
{
	printf("%s\n\nusage: ", row->help);
	usage_line(stdout, row);
	for (size_t i = 0; i < admin_n_args(row); i++)
		printf("  %-16s %s\n", row->args[i].name, row->args[i].help);
}

/* All, or those of a noun. */
static bool help_all(FILE *out, struct slice noun)
{
	bool any = false;

	for (int op = 0; op < OP_COUNT; op++) {
		const struct admin_row *row = &admin_rows[op];
		if (noun.n && !slice_eqs(noun, row->noun))
			continue;
		if (!any)
			fputs("usage: bastide NOUN VERB [ARGUMENTS] [--json] "
			      "[--socket PATH] [--help]\n\n",
				out);
		any = true;
		fprintf(out, "  %-10s %-8s %s\n", row->noun, row->verb,
			row->help);
	}
	return any;
}

static void misuse(
	const struct admin_row *row, const char *what, const char *name)
{
	fprintf(stderr, "bastide: %s%s%s\nusage: ", what, *name ? ": " : "",
		name);
	usage_line(stderr, row);
	exit(EX_USAGE);
}

/* --- passwords ------------------------------------------------------------------------ */

static struct slice first_line(struct buf *b)
{
	size_t n = slice_find(buf_slice(b), '\n');

	if (n && b->p[n - 1] == '\r')
		n--;
	return slice_of(b->p, n);
}

static void read_password(struct buf *out)
{
	const char *path = options.password_file;
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO
					: open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || file_read_fd(fd, out) != ERR_OK) {
		fprintf(stderr, "bastide: cannot read the password from %s\n",
			path);
		exit(EX_NOINPUT);
	}
	out->n = first_line(out).n;
}

static void prompt(const char *text, struct buf *out)
{
	struct termios old, quiet;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (tty < 0 || tcgetattr(tty, &old) != 0) {
		fputs("bastide: no terminal to ask for the password; use "
		      "--password-file\n",
			stderr);
		exit(EX_USAGE);
	}
	quiet = old;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	/* First quiet, then the question: who types at once is not shown. */
	tcsetattr(tty, TCSAFLUSH, &quiet);
	dprintf(tty, "%s: ", text);
	ssize_t n = read(tty, out->p, out->cap);
	tcsetattr(tty, TCSAFLUSH, &old);
	dprintf(tty, "\n");
	close(tty);
	out->n = n > 0 ? (size_t)n : 0;
	out->n = first_line(out).n;
}

static void ask_password(struct buf *out)
{
	struct buf again;

	buf_init(&again, LIMIT_PASSWORD + 2);
	if (buf_reserve(&again, LIMIT_PASSWORD + 2) != ERR_OK)
		exit(EX_OSERR);
	prompt("Password", out);
	prompt("Again", &again);
	if (!slice_eq(buf_slice(out), buf_slice(&again))) {
		fputs("bastide: the two are not the same\n", stderr);
		exit(EX_DATAERR);
	}
	buf_wipe(&again);
}

static void add_password(json_t *args, const struct admin_arg *arg)
{
	struct buf password;

	buf_init(&password, LIMIT_PASSWORD + 2);
	if (buf_reserve(&password, LIMIT_PASSWORD + 2) != ERR_OK)
		exit(EX_OSERR);
	if (options.password_file)
		read_password(&password);
	else
		ask_password(&password);
	json_object_set_new(
		args, arg->name, json_stringn(password.p, password.n));
	buf_wipe(&password);
}

/* --- arguments ------------------------------------------------------------------------- */

static json_t *value_of(const struct admin_row *row,
	const struct admin_arg *arg, const char *text)
{
	uint64_t n;
	struct slice s = slice_str(text);

	switch (arg->type) {
	case ARG_NUMBER:
		if (num_u64(s, &n) != ERR_OK || n > INT64_MAX)
			misuse(row, "not a number", text);
		return json_integer((json_int_t)n);
	case ARG_BOOL:
		if (!slice_eqs(s, "yes") && !slice_eqs(s, "no"))
			misuse(row, "neither yes nor no", text);
		return json_boolean(slice_eqs(s, "yes"));
	default:
		if (!utf8_valid(s))
			misuse(row, "not UTF-8", arg->name);
		return json_string(text);
	}
}

static const struct admin_arg *option_arg(
	const struct admin_row *row, const char *name)
{
	for (size_t i = 0; i < admin_n_args(row); i++)
		if (!row->args[i].required && !by_place(&row->args[i]) &&
			row->args[i].type != ARG_PASSWORD &&
			strcmp(row->args[i].name, name) == 0)
			return &row->args[i];
	return NULL;
}

static const struct admin_arg *next_place(
	const struct admin_row *row, size_t place)
{
	for (size_t i = 0; i < admin_n_args(row); i++)
		if (by_place(&row->args[i]) && place-- == 0)
			return &row->args[i];
	return NULL;
}

static json_t *read_args(const struct admin_row *row, char **argv)
{
	json_t *args = json_object();
	size_t place = 0;

	for (; *argv; argv++) {
		const char *word = *argv;
		const struct admin_arg *arg;
		if (strncmp(word, "--", 2) == 0) {
			arg = option_arg(row, word + 2);
			if (!arg)
				misuse(row, "no such option", word);
			if (!argv[1])
				misuse(row, "its value is missing", word);
			word = *++argv;
		} else {
			arg = next_place(row, place++);
			if (!arg)
				misuse(row, "one argument too many", word);
		}
		json_object_set_new(args, arg->name, value_of(row, arg, word));
	}
	const struct admin_arg *missing = next_place(row, place);
	if (missing && missing->required)
		misuse(row, "missing", missing->name);
	for (size_t i = 0; i < admin_n_args(row); i++)
		if (row->args[i].type == ARG_PASSWORD &&
			(row->args[i].required || options.password_file))
			add_password(args, &row->args[i]);
	return args;
}

/* Those that every command has are taken out. */
static void take_common(char **argv)
{
	char **to = argv;

	for (; *argv; argv++) {
		const char **value = strcmp(*argv, "--socket") == 0
					     ? &options.socket
				     : strcmp(*argv, "--password-file") == 0
					     ? &options.password_file
					     : NULL;
		if (strcmp(*argv, "--json") == 0) {
			options.json = true;
		} else if (value && argv[1]) {
			*value = *++argv;
		} else {
			*to++ = *argv;
		}
	}
	*to = NULL;
}

/* --- talking ------------------------------------------------------------------------------ */

static int connect_socket(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(options.socket) >= sizeof(un.sun_path)) {
		fputs("bastide: the socket's path is too long\n", stderr);
		exit(EX_USAGE);
	}
	memcpy(un.sun_path, options.socket, strlen(options.socket));
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		fprintf(stderr, "bastide: cannot reach bastided at %s: %s\n",
			options.socket, strerror(errno));
		exit(EX_UNAVAILABLE);
	}
	return fd;
}

static json_t *exchange(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	struct buf reply;
	json_error_t error;

	buf_init(&reply, 2 * LIMIT_ADMIN_LINE);
	size_t n = strlen(text);
	text[n] = '\n'; /* in the place of its NUL */
	bool sent = send(fd, text, n + 1, MSG_NOSIGNAL) == (ssize_t)(n + 1);
	mem_wipe(text, n + 1);
	mem_free(text);
	while (sent && slice_find(buf_slice(&reply), '\n') == reply.n) {
		if (buf_reserve(&reply, 4096) != ERR_OK)
			break;
		ssize_t got = read(fd, reply.p + reply.n, 4096);
		if (got <= 0)
			break;
		reply.n += (size_t)got;
	}
	json_t *answer = json_loadb(reply.p ? reply.p : "", reply.n, 0, &error);
	buf_free(&reply);
	if (!answer) {
		fputs("bastide: bastided did not answer\n", stderr);
		exit(EX_PROTOCOL);
	}
	return answer;
}

static int exit_status(const char *name)
{
	for (int e = 0; e < ERR_COUNT; e++)
		if (strcmp(err_info((enum err)e)->name, name) == 0)
			return err_info((enum err)e)->exit;
	return EX_SOFTWARE;
}

/* --- printing ------------------------------------------------------------------------------ */

static void print_value(const json_t *v)
{
	size_t i;
	json_t *item;

	if (json_is_string(v)) {
		fputs(json_string_value(v), stdout);
	} else if (json_is_integer(v)) {
		printf("%lld", (long long)json_integer_value(v));
	} else if (json_is_boolean(v)) {
		fputs(json_is_true(v) ? "yes" : "no", stdout);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		{
			if (i)
				putchar(',');
			print_value(item);
		}
	}
}

/* name=value pairs, one row a line. */
static void print_row(json_t *row)
{
	const char *name, *blank = "";
	json_t *v;

	json_object_foreach(row, name, v)
	{
		printf("%s%s=", blank, name);
		print_value(v);
		blank = " ";
	}
	putchar('\n');
}

static void print_result(json_t *result)
{
	json_t *rows = json_object_get(result, "rows"), *row, *v;
	const char *name;
	size_t i;

	if (options.json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	json_array_foreach(rows, i, row) print_row(row);
	json_object_foreach(
		result, name, v) if (v != rows && strcmp(name, "next") != 0)
	{
		printf("%s: ", name);
		print_value(v);
		putchar('\n');
	}
}

/* What a long operation has done so far; on a terminal in one line. */
static void show_progress(const json_t *result)
{
	const char *text =
		json_string_value(json_object_get(result, "progress"));

	if (text && !options.json)
		fprintf(stderr, "%s%s", text,
			isatty(STDERR_FILENO) ? "\r" : "\n");
}

/* Follows "next": all rows of a list as one result. */
static int run(const struct admin_row *row, json_t *args)
{
	json_t *request = json_object(), *all = NULL, *next;
	int fd = connect_socket(), status = 0;

	json_object_set_new(request, "noun", json_string(row->noun));
	json_object_set_new(request, "verb", json_string(row->verb));
	json_object_set_new(request, "args", args);
	do {
		json_t *answer = exchange(fd, request);
		json_t *result = json_object_get(answer, "result");
		if (!json_is_true(json_object_get(answer, "ok"))) {
			const char *name = json_string_value(
				json_object_get(answer, "error"));
			const char *text = json_string_value(
				json_object_get(answer, "text"));
			if (options.json)
				json_dumpf(answer, stdout, JSON_INDENT(2));
			fprintf(stderr, "bastide: %s\n", text ? text : "?");
			return exit_status(name ? name : "bug");
		}
		const char *verdict =
			json_string_value(json_object_get(result, "verdict"));
		bool worse = verdict && exit_status(verdict);
		if (worse)
			status = exit_status(verdict);
		show_progress(result);
		if (all && json_object_get(result, "rows")) {
			json_array_extend(json_object_get(all, "rows"),
				json_object_get(result, "rows"));
		} else { /* the first page, or how far it is now */
			json_decref(all);
			all = json_incref(result);
		}
		if (worse)
			json_object_set(all, "verdict",
				json_object_get(result, "verdict"));
		next = json_incref(json_object_get(result, "next"));
		if (next)
			json_object_set_new(args, "after", next);
		json_decref(answer);
	} while (next);
	json_object_del(all, "next");
	json_object_del(all, "progress");
	print_result(all);
	json_decref(all);
	json_decref(request);
	close(fd);
	return status;
}

int main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
		strcmp(argv[1], "help") == 0)
		return help_all(argc < 2 ? stderr : stdout, slice_str("")) &&
				       argc < 2
			       ? EX_USAGE
			       : 0;
	if (strcmp(argv[1], "--version") == 0) {
		puts(PACKAGE_STRING);
		return 0;
	}
	take_common(argv + 1);
	struct slice noun = slice_str(argv[1] ? argv[1] : "");
	struct slice verb = slice_str(noun.n && argv[2] ? argv[2] : "");
	enum admin_op op = admin_find(noun, verb);
	if (op == OP_COUNT) {
		verb = slice_str(""); /* one without? */
		op = admin_find(noun, verb);
	}
	char **words = argv + (verb.n ? 3 : 2);
	if (op == OP_COUNT) {
		bool asked =
			argv[1] && argv[2] && strcmp(argv[2], "--help") == 0;
		if (!help_all(asked ? stdout : stderr, noun))
			help_all(stderr, slice_str(""));
		return asked ? 0 : EX_USAGE;
	}
	for (char **word = words; *word; word++)
		if (strcmp(*word, "--help") == 0) {
			help_one(&admin_rows[op]);
			return 0;
		}
	return run(&admin_rows[op], read_args(&admin_rows[op], words));
}
