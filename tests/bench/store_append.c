/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Durable appends of 8 KiB a second, by the store alone, beside what the disk
 * does: writers each have one message on its way and append the next when it
 * is durable. Prints a line per measurement.
 *
 * usage: store_append [FOLDER [SECONDS]]   (default: here, 3 s each)
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bastide/directory.h>
#include <bastide/mailbox.h>

#define BYTES 8192
#define WRITERS 8

struct bench {
	struct store *s;
	struct head head;
	struct account *account[WRITERS];
	uint64_t inbox[WRITERS];
	char dir[300];
	double seconds, raw;
};

static char message[BYTES];

static void must(enum err e, const char *what)
{
	if (e == ERR_OK)
		return;
	fprintf(stderr, "store_append: %s: %s\n", what, err_info(e)->name);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- the disk ---------------------------------------------------------------- */

/* The same bytes, one after the other, in a file with reserved space, each
 * followed by fdatasync: what the simplest durable append can do. */
static double raw_rate(struct bench *b)
{
	char path[320];
	double begin = now(), end;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/raw", b->dir);
	int fd = open(path, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 256 << 20) != 0)
		must(ERR_IO, "raw file");
	do {
		off_t at = (off_t)(n++ % 32768) * BYTES;
		if (pwrite(fd, message, BYTES, at) != BYTES ||
			fdatasync(fd) != 0)
			must(ERR_IO, "raw write");
		end = now();
	} while (end - begin < b->seconds);
	close(fd);
	unlink(path);
	return n / (end - begin);
}

/* --- the store --------------------------------------------------------------- */

static void on_head(void *arg, const struct head *head)
{
	struct bench *b = arg;

	b->head = *head;
}

static void make_user(struct bench *b, unsigned i)
{
	struct arena *arena = arena_new(MIB(1));
	struct mailbox_row row;
	char address[40];
	uint32_t number;

	snprintf(address, sizeof(address), "user%u@example.org", i);
	must(store_begin(b->s), "begin");
	must(user_create(b->s, slice_str(address), slice_str("User"), &number),
		"user");
	must(store_commit(b->s, NULL), "commit");
	must(account_open(b->s, number, &b->account[i]), "open");
	must(mailbox_find(b->account[i], slice_str("INBOX"), arena, &row),
		"inbox");
	b->inbox[i] = row.id;
	arena_free(arena);
}

static void make_store(struct bench *b, const struct secret *key)
{
	char dir[320];
	struct store_opts o = { .dir = dir,
		.key = key,
		.create = true,
		.on_head = on_head,
		.arg = b };

	snprintf(dir, sizeof(dir), "%s/store", b->dir);
	if (mkdir(dir, 0700) != 0)
		must(ERR_IO, "folder");
	oid_new(&o.tenant);
	must(store_open(&o, &b->s), "create");
	must(store_begin(b->s), "begin");
	must(domain_add(b->s, slice_str("example.org")), "domain");
	must(store_commit(b->s, NULL), "commit");
	for (unsigned i = 0; i < WRITERS; i++)
		make_user(b, i);
}

static uint64_t append(struct bench *b, unsigned who)
{
	struct message_new m = { .internal_date = 1700000000 };
	static const struct body_meta meta = { .envelope = SLICE("envelope"),
		.structure = SLICE("structure") };
	struct account *a = b->account[who];
	struct body_writer *w;
	uint64_t modseq, commit;
	uint32_t uid;

	must(body_begin(a, BYTES, &w), "body");
	must(body_write(w, slice_of(message, BYTES)), "write");
	must(store_begin(b->s), "begin");
	must(body_finish(w, &meta, &m.body), "finish");
	must(message_add(a, b->inbox[who], &m, &uid, &modseq), "add");
	must(store_commit(b->s, &commit), "commit");
	return commit;
}

/* One turn of a loop: what became durable, housekeeping, and a wait. */
static void turn(struct bench *b)
{
	struct pollfd fd = { store_fd(b->s), POLLIN, 0 };

	store_turn(b->s);
	bool more = store_housekeep(b->s, 2000);
	store_head_kept(b->s, b->head.serial);
	if (poll(&fd, 1, more ? 0 : 10) > 0)
		store_poll(b->s);
}

static void measure(
	struct bench *b, unsigned writers, unsigned accounts, const char *name)
{
	uint64_t waits[WRITERS] = { 0 };
	double begin = now(), end;
	unsigned n = 0;

	do {
		for (unsigned i = 0; i < writers; i++)
			if (waits[i] <= store_durable(b->s)) {
				n += waits[i] != 0;
				waits[i] = append(b, i % accounts);
			}
		turn(b);
		end = now();
	} while (end - begin < b->seconds);
	printf("%-36s %8.0f/s  %.2f of raw\n", name, n / (end - begin),
		n / (end - begin) / b->raw);
	while (store_durable(b->s) < store_last_commit(b->s))
		turn(b);
}

static void remove_all(struct bench *b)
{
	char path[600];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/store", b->dir);
	DIR *d = opendir(path);
	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
	rmdir(b->dir);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.seconds = argc > 2 ? (double)strtoul(argv[2], NULL, 10) : 3
	};
	struct secret *key =
		secret_copy("0123456789abcdef0123456789abcdef", 32);

	snprintf(b.dir, sizeof(b.dir), "%s/store-append-XXXXXX",
		argc > 1 ? argv[1] : ".");
	if (!mkdtemp(b.dir))
		must(ERR_IO, "folder");
	memset(message, 'x', sizeof(message));
	b.raw = raw_rate(&b);
	printf("%-36s %8.0f/s\n", "8 KiB and fdatasync, raw", b.raw);
	make_store(&b, key);
	measure(&b, 1, 1, "8 KiB durable, 1 writer");
	measure(&b, WRITERS, WRITERS, "8 KiB durable, 8 writers");
	measure(&b, WRITERS, 1, "8 KiB durable, 8 writers, 1 account");
	for (unsigned i = 0; i < WRITERS; i++)
		account_close(b.account[i]);
	store_close(b.s);
	secret_free(key);
	remove_all(&b);
	return 0;
}
