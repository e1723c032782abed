/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * store_verify on a store that serves: silent while all is well, also when
 * everything changes between its steps; and each kind of damage is found, with
 * the place.
 */
#include "store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <store/internal.h>

static char lines[2000];

static void keep_line(void *arg, const char *line)
{
	size_t n = strlen(lines);

	snprintf(lines + n, sizeof(lines) - n, "%s\n", line);
	on_line(arg, line);
}

/* Until all is durable, maps are written and nothing waits. */
static void settle(struct fixture *f)
{
	for (int i = 0; i < 50; i++) {
		struct pollfd fd = { store_fd(f->s), POLLIN, 0 };
		store_turn(f->s);
		poll(&fd, 1, 5);
		store_poll(f->s);
		store_housekeep(f->s, 100000);
		store_head_kept(f->s, f->head.serial);
	}
}

static struct store_check verify(struct fixture *f)
{
	struct store_check c = { .report = keep_line, .arg = f };
	struct store_verify *v;
	enum err e;

	lines[0] = '\0';
	ok(store_verify_new(f->s, &c, &v));
	while ((e = store_verify_more(v, 1000000)) == ERR_AGAIN)
		;
	ok(e);
	store_verify_free(v);
	return c;
}

static uint64_t fill(struct fixture *f)
{
	uint64_t inbox = mailbox_id(f, "INBOX");

	for (int i = 0; i < 30; i++) {
		ok(store_begin(f->s));
		add_message(f->a, inbox, i % 3 ? 500 : 90000, 0);
		ok(store_commit(f->s, NULL));
	}
	return inbox;
}

static void test_clean(void **state)
{
	struct fixture *f = fixture_new("clean");
	struct store_check c;

	fill(f);
	assert_int_equal(verify(f).findings, 0);
	settle(f);
	assert_int_equal(verify(f).findings, 0);
	fixture_reopen(f);
	settle(f);
	c = verify(f);
	assert_int_equal(c.findings, 0);
	assert_int_equal(c.accounts, 2);
	assert_int_equal(c.messages, 30);
	assert_int_equal(c.bodies, 30);
	assert_int_equal(c.bytes, 10 * 90000 + 20 * 500);
	assert_true(c.pages > 40);
	assert_true(c.records > 30);
	fixture_free(f);
}

/* Mail comes and goes between all steps, and so does a user. */
static void test_busy(void **state)
{
	struct fixture *f = fixture_new("busy");
	struct store_check c = { .report = keep_line, .arg = f };
	uint64_t inbox = fill(f), modseq;
	struct store_verify *v;
	uint32_t other = 0;
	unsigned steps = 0;
	enum err e;

	ok(store_verify_new(f->s, &c, &v));
	while ((e = store_verify_more(v, 0)) == ERR_AGAIN && steps++ < 5000) {
		if (steps % 50 == 0) {
			ok(store_begin(f->s));
			uint32_t uid = add_message(f->a, inbox, 9000, 0);
			ok(message_expunge(f->a, inbox, uid - 20, &modseq));
			ok(store_commit(f->s, NULL));
		}
		if (steps % 100 == 0 && !other)
			in_tx(f, user_create(f->s, S("bob@example.org"),
					 S("Bob"), &other));
		else if (steps % 100 == 0) {
			in_tx(f, user_delete(f->s, other));
			other = 0;
		}
		store_turn(f->s);
		if (steps % 7 == 0)
			store_housekeep(f->s, 1000);
		store_poll(f->s);
	}
	ok(e);
	assert_true(steps > 200);
	assert_int_equal(c.findings, 0);
	store_verify_free(v);
	fixture_free(f);
}

/* --- damage --------------------------------------------------------------------- */

/* The last file whose name begins so. */
static void find_name(struct fixture *f, const char *prefix, char name[256])
{
	DIR *d = opendir(f->dir);
	struct dirent *entry;

	name[0] = '\0';
	assert_non_null(d);
	while ((entry = readdir(d)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
			strcmp(entry->d_name, name) > 0)
			snprintf(name, 256, "%s", entry->d_name);
	closedir(d);
	assert_true(name[0]);
}

/* The byte at `at` changes; twice is never. */
static void damage(struct fixture *f, const char *name, off_t at)
{
	char path[600];
	uint8_t byte;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static const struct {
	const char *prefix;
	off_t at;
	const char *says;
} damages[] = {
	{ "db-00000001", 5 * 4096 + 100, "account 1: page 6 of db-00000001" },
	{ "db-00000000", 2 * 4096 + 4092, "account 0: page 3 of db-00000000" },
	{ "map-00000001", 60, "account 1: map-00000001-" },
	{ "map-00000000", 60, "account 0: map-00000000-" },
	{ "keys", 512 + 128 + 30, "account 1: its key does not open" },
	{ "journal-", 10, "head at 0 does not verify" },
	{ "journal-", 512 + 40, "record at 512 does not verify" },
	{ "journal-", 3000, "record at 512 does not verify" },
	{ "seg-", 600, "does not verify: seg-" },
};

static void test_damage(void **state)
{
	struct fixture *f = fixture_new("damage");
	char name[256];

	fill(f);
	fixture_reopen(f);
	settle(f);
	assert_int_equal(verify(f).findings, 0);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		find_name(f, damages[i].prefix, name);
		damage(f, name, damages[i].at);
		if (verify(f).findings == 0)
			fail_msg("%s at %d", name, (int)damages[i].at);
		if (!strstr(lines, damages[i].says))
			fail_msg("%s: %s", name, lines);
		damage(f, name, damages[i].at);
		assert_int_equal(verify(f).findings, 0);
	}
	fixture_free(f);
}

static void test_leftovers(void **state)
{
	static const char *const names[] = { "seg-0000000000000000",
		"db-00000077", "map-00000077-0000000000000001",
		"map-00000001-0000000000000000", "journal-0000000000000000",
		"notes.txt" };
	struct fixture *f = fixture_new("leftovers");
	char path[600];

	fill(f);
	fixture_reopen(f);
	settle(f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		int fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(verify(f).findings, 1);
		assert_non_null(strstr(lines, names[i]));
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(verify(f).findings, 0);
	fixture_free(f);
}

/* The next journal file, of a process that ended before its head was durable:
 * gone with the opening, whether this life writes or not. */
static void test_begun_journal(void **state)
{
	struct fixture *f = fixture_new("begun");
	char path[600];
	uint64_t last;

	fill(f);
	fixture_reopen(f);
	settle(f);
	last = f->s->j.head.number;
	account_close(f->a);
	store_close(f->s);
	snprintf(path, sizeof(path), "%s/journal-%016llx", f->dir,
		(unsigned long long)last + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	fixture_open(f, false);
	ok(account_open(f->s, f->number, &f->a));
	settle(f);
	assert_int_equal(f->s->j.head.number, last);
	assert_int_equal(verify(f).findings, 0);
	assert_int_equal(access(path, F_OK), -1);
	fixture_free(f);
}

/* A counter that lies is found also on the way through all. */
static void test_rows(void **state)
{
	struct fixture *f = fixture_new("rows");

	fill(f);
	ok(store_begin(f->s));
	ok(db_write(account_db(f->a)));
	ok(db_run(account_db(f->a),
		"UPDATE mailbox SET unseen = 7"
		" WHERE name = 'INBOX'",
		""));
	ok(store_commit(f->s, NULL));
	assert_true(verify(f).findings > 0);
	assert_non_null(strstr(lines, "account 1: mailbox"));
	ok(store_begin(f->s));
	ok(db_write(account_db(f->a)));
	ok(db_run(account_db(f->a),
		"UPDATE mailbox SET unseen = total"
		" WHERE name = 'INBOX'",
		""));
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_begun_journal),
		cmocka_unit_test(test_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
