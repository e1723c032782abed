/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A mailbox of 100,000 messages. What counts is not the clock of a busy
 * machine but the work: every statement that ran reports its full scans and
 * sorts to SQLite's own counters, and there must be none. Times are printed.
 */
#include <time.h>

#include "store_fixture.h"

#define MESSAGES 100000
#define BODIES 500
#define PAGE 1000

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

#define timed(what, times, call)                                               \
	do {                                                                   \
		double start_ = now_ms();                                      \
		for (int i_ = 0; i_ < (times); i_++)                           \
			call;                                                  \
		print_message("# %s: %.3f ms\n", what,                         \
			(now_ms() - start_) / (times));                        \
	} while (0)

static sqlite3 *connection(struct db *d)
{
	sqlite3_stmt *st = db_stmt(d, "SELECT 1");
	sqlite3 *c = sqlite3_db_handle(st);

	db_done(st);
	return c;
}

/* Statements whose work grows with the mailbox, one line each. A row of a
 * table with one row (state) counts as one step of a scan. */
static unsigned count_scans(struct fixture *f)
{
	sqlite3 *c = connection(account_db(f->a));
	sqlite3_stmt *st = NULL;
	unsigned bad = 0;

	while ((st = sqlite3_next_stmt(c, st))) {
		int runs = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_RUN, 0);
		int scan = sqlite3_stmt_status(
			st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
		int sort = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_SORT, 0);
		int made =
			sqlite3_stmt_status(st, SQLITE_STMTSTATUS_AUTOINDEX, 0);
		if (scan <= runs && sort == 0 && made == 0)
			continue;
		print_message("# %d runs, %d scanned, %d sorts: %s\n", runs,
			scan, sort, sqlite3_sql(st));
		bad++;
	}
	return bad;
}

/* What the loop does between two commands. */
static void turn(struct fixture *f)
{
	store_turn(f->s);
	store_poll(f->s);
	store_housekeep(f->s, 100000);
}

/* 100,000 messages, every second one seen, of 500 bodies. */
static uint64_t fill(struct fixture *f)
{
	uint64_t inbox = mailbox_id(f, "INBOX");
	uint32_t uid;

	for (uint32_t i = 0; i < MESSAGES;) {
		ok(store_begin(f->s));
		for (uint32_t k = 0; k < PAGE; k++, i++)
			if (i < BODIES)
				add_message(f->a, inbox, 200,
					i % 2 ? FLAG_SEEN : 0);
			else
				ok(message_copy(f->a, inbox, i % BODIES + 1,
					inbox, &uid));
		ok(store_commit(f->s, NULL));
		turn(f);
	}
	return inbox;
}

static void list_all(struct fixture *f, uint64_t inbox, unsigned what)
{
	struct message_row *rows = mem_resize(NULL, PAGE, sizeof(*rows));
	uint32_t from = 1, seen = 0;
	size_t n = PAGE;

	while (n == PAGE) {
		ok(message_list(f->a, inbox, from, UINT32_MAX, what, fresh(f),
			rows, PAGE, &n));
		for (size_t i = 0; i < n; i++)
			assert_int_equal(rows[i].uid, ++seen);
		if (n > 0)
			from = rows[n - 1].uid + 1;
		if (n > 0 && what)
			assert_true(slice_eqs(
				rows[n - 1].meta.structure, "structure"));
	}
	mem_free(rows);
	assert_int_equal(seen, MESSAGES);
}

static void uids_all(struct fixture *f, uint64_t inbox)
{
	uint32_t *uids = mem_resize(NULL, MESSAGES, sizeof(*uids));
	size_t n;

	ok(message_uids(f->a, inbox, 1, uids, MESSAGES, &n));
	assert_int_equal(n, MESSAGES);
	assert_int_equal(uids[n - 1], MESSAGES);
	mem_free(uids);
}

static void set_flags(
	struct fixture *f, uint64_t inbox, uint32_t uid, uint32_t system)
{
	struct flags flags = { .system = system };
	uint64_t modseq;

	ok(message_set_flags(f->a, inbox, uid, &flags, &modseq));
}

/* What a client asks that was away for 200 changes. */
static void resynchronise(struct fixture *f, uint64_t inbox, uint64_t modseq,
	size_t changed, size_t gone)
{
	struct message_row rows[300];
	struct vanished_row vanished[300];
	size_t n;

	ok(message_changed(f->a, inbox, modseq, 0, rows, 300, &n));
	assert_int_equal(n, changed);
	ok(message_vanished(f->a, inbox, modseq, 0, vanished, 300, &n));
	assert_int_equal(n, gone);
}

/* One mailbox for all three tests, which follow one another. */
static struct fixture *f;
static uint64_t inbox;

static void test_100000(void **state)
{
	struct mailbox_row row;
	uint32_t uid, before;
	uint64_t modseq;

	f = fixture_new("scale");
	timed("fill 100,000", 1, inbox = fill(f));
	timed("mailbox_get", 100, ok(mailbox_get(f->a, inbox, fresh(f), &row)));
	assert_int_equal(row.exists, MESSAGES);
	assert_int_equal(row.unseen, MESSAGES / 2);
	timed("message_first_unseen", 100,
		ok(message_first_unseen(f->a, inbox, &uid, &before)));
	assert_int_equal(uid, 1);
	timed("message_uids, all", 1, uids_all(f, inbox));
	timed("message_list, all", 1, list_all(f, inbox, 0));
	timed("message_list, all, with meta", 1,
		list_all(f, inbox, MESSAGE_META));
	modseq = row.modseq;
	ok(store_begin(f->s));
	for (uint32_t i = 1; i <= 200; i++)
		set_flags(f, inbox, i * 400, FLAG_ANSWERED | FLAG_SEEN);
	for (uint32_t i = 1; i <= 200; i++)
		ok(message_expunge(
			f->a, inbox, MESSAGES - 2 * i, &(uint64_t){ 0 }));
	ok(store_commit(f->s, NULL));
	timed("200 changed, 200 vanished", 10,
		resynchronise(f, inbox, modseq, 200, 200));
	assert_int_equal(count_scans(f), 0);
	/* That a scan would be seen: */
	peek(account_db(f->a), "SELECT count(*) FROM message WHERE size = 1");
	assert_int_equal(count_scans(f), 1);
}

/* The first unseen message far behind, then far in front, and back. */
static void test_first_unseen_far_away(void **state)
{
	const uint32_t last = MESSAGES - 3; /* unseen at first */
	uint32_t uid, before;

	for (uint32_t i = 1; i < MESSAGES; i += 2) {
		if (i % PAGE == 1)
			ok(store_begin(f->s));
		set_flags(f, inbox, i, FLAG_SEEN);
		if (i % PAGE == PAGE - 1) {
			ok(store_commit(f->s, NULL));
			turn(f);
		}
	}
	ok(message_first_unseen(f->a, inbox, &uid, &before));
	assert_int_equal(uid, 0);
	ok(store_begin(f->s));
	set_flags(f, inbox, last, 0);
	timed("unseen again, 99,000 before", 1, set_flags(f, inbox, 1000, 0));
	ok(message_first_unseen(f->a, inbox, &uid, &before));
	assert_int_equal(uid, 1000);
	assert_int_equal(before, 999);
	timed("seen, the next is 99,000 behind", 1,
		set_flags(f, inbox, 1000, FLAG_SEEN));
	ok(message_first_unseen(f->a, inbox, &uid, &before));
	assert_int_equal(uid, last);
	/* All before it but those that vanished, at MESSAGES - 2 * i. */
	assert_int_equal(before, last - 1 - 199);
	ok(store_commit(f->s, NULL));
	assert_int_equal(count_scans(f), 1);
}

/* Of what vanished the newest LIMIT_VANISHED are kept. */
static void test_vanished_expire(void **state)
{
	const uint32_t more = LIMIT_VANISHED - 200; /* fill it up */
	uint64_t modseq = 0, start;
	struct vanished_row rows[2];
	struct mailbox_row row;
	size_t n;

	ok(message_vanished(f->a, inbox, 0, 0, rows, 1, &n));
	start = rows[0].modseq - 1;
	for (uint32_t i = 1; i <= more + 1; i++) {
		if (i % PAGE == 1)
			ok(store_begin_freeing(f->s));
		if (i == more + 1)
			ok(message_vanished(
				f->a, inbox, start, 0, rows, 2, &n));
		ok(message_expunge(f->a, inbox, i, &modseq));
		if (i % PAGE == 0 || i == more + 1) {
			ok(store_commit(f->s, NULL));
			turn(f);
		}
	}
	/* The oldest hundred went, of the two hundred from the first test. */
	assert_int_equal(message_vanished(f->a, inbox, start, 0, rows, 2, &n),
		ERR_EXPIRED);
	assert_int_equal(
		message_vanished(f->a, inbox, start + 99, 0, rows, 2, &n),
		ERR_EXPIRED);
	ok(message_vanished(f->a, inbox, start + 100, 0, rows, 2, &n));
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].uid, MESSAGES - 2 * 101);
	ok(mailbox_get(f->a, inbox, fresh(f), &row));
	assert_int_equal(row.exists, MESSAGES - LIMIT_VANISHED - 1);
	assert_int_equal(count_scans(f), 1);
}

/* 50,000 messages move to a new mailbox, which is deleted: at once, and then
 * emptied in slices. */
static void test_rename_and_delete(void **state)
{
	bool more = true;
	double worst = 0;
	uint64_t id;

	ok(store_begin(f->s));
	timed("INBOX renamed, 50,000 messages", 1,
		ok(mailbox_rename(f->a, inbox, S("old"))));
	ok(store_commit(f->s, NULL));
	turn(f);
	id = mailbox_id(f, "old");
	ok(store_begin_freeing(f->s));
	timed("deleted", 1, ok(mailbox_delete(f->a, id)));
	ok(store_commit(f->s, NULL));
	while (more) {
		double begin = now_ms();
		ok(schema_reap(f->s, 100, &more));
		if (now_ms() - begin > worst)
			worst = now_ms() - begin;
		turn(f);
	}
	print_message("# longest slice of 100: %.3f ms\n", worst);
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM body"), 0);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_100000),
		cmocka_unit_test(test_first_unseen_far_away),
		cmocka_unit_test(test_vanished_expire),
		cmocka_unit_test(test_rename_and_delete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
