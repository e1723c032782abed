/* SPDX-License-Identifier: EUPL-1.2 */
/* Open, commit, close and open again, on local files. */
#include "unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../store/internal.h"
#include "store_tables.h"

static void make(struct place *p, const char *name, uint32_t accounts)
{
	place_init(p, name);
	assert_int_equal(place_open(p, true), ERR_OK);
	assert_int_equal(store_begin(p->store), ERR_OK);
	for (uint32_t i = 1; i <= accounts; i++)
		assert_int_equal(account_key_create(p->store, i), ERR_OK);
	assert_int_equal(store_commit(p->store, NULL), ERR_OK);
}

static int64_t value_of(struct place *p, uint32_t account, int64_t id)
{
	struct account *a;

	assert_int_equal(account_open(p->store, account, &a), ERR_OK);
	int64_t v = thing_get(account_db(a), id);
	account_close(a);
	return v;
}

static void test_reopen(void **state)
{
	struct place p;

	make(&p, "reopen", 3);
	for (int64_t i = 1; i <= 50; i++)
		assert_int_equal(
			thing_commit(&p, (uint32_t)(i % 3) + 1, i, i * 7, 500),
			ERR_OK);
	place_settle(&p);
	assert_int_equal(store_durable(p.store), store_last_commit(p.store));
	uint64_t last = store_last_commit(p.store);
	place_close(&p);
	assert_true(p.heads > 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(place_open(&p, false), ERR_OK);
		assert_true(store_last_commit(p.store) >= last);
		for (int64_t i = 1; i <= 50; i++)
			assert_int_equal(
				value_of(&p, (uint32_t)(i % 3) + 1, i), i * 7);
		place_close(&p);
	}
	place_done(&p);
}

/* The child commits and dies without closing; the parent opens. */
static void test_killed(void **state)
{
	struct place p;

	make(&p, "killed", 2);
	place_close(&p);
	for (int round = 1; round <= 3; round++) {
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			/* A secret does not survive a fork. */
			p.key = secret_copy(PLACE_KEY, 32);
			if (place_open(&p, false) != ERR_OK)
				_exit(1);
			for (int i = 0; i < 300; i++)
				if (thing_commit(&p, (uint32_t)(i & 1) + 1, i,
					    round, 300) != ERR_OK)
					_exit(2);
			store_turn(p.store);
			while (store_durable(p.store) <
				store_last_commit(p.store)) {
				struct pollfd fd = { store_fd(p.store), POLLIN,
					0 };
				poll(&fd, 1, 1000);
				store_poll(p.store);
			}
			_exit(0);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		enum err e = place_open(&p, false);
		if (e)
			printf("# %s\n", store_open_error());
		assert_int_equal(e, ERR_OK);
		for (int i = 0; i < 300; i++)
			assert_int_equal(
				value_of(&p, (uint32_t)(i & 1) + 1, i), round);
		place_settle(&p);
		place_close(&p);
	}
	place_done(&p);
}

static int64_t journal_size(const struct place *p)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/journal-%016llx", p->dir,
		(unsigned long long)p->store->j.head.number);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* A sync has a new size to write for few of the commits. */
static void test_zeros_ahead(void **state)
{
	struct place p;
	unsigned grown = 0;

	make(&p, "ahead", 1);
	for (int64_t i = 1; i <= 200; i++) {
		int64_t before = journal_size(&p);
		assert_int_equal(thing_commit(&p, 1, i, i, 500), ERR_OK);
		place_settle(&p);
		grown += journal_size(&p) != before;
		assert_true(journal_size(&p) >= (int64_t)p.store->j.size);
		/* Not more of them than there is already. */
		assert_true(journal_size(&p) <= (int64_t)p.store->j.size * 2);
	}
	assert_in_range(grown, 2, 20);
	place_close(&p);
	place_done(&p);
}

static void test_rollback(void **state)
{
	struct place p;
	struct account *a, *b;

	make(&p, "rollback", 2);
	assert_int_equal(thing_commit(&p, 1, 1, 1, 10), ERR_OK);
	uint64_t last = store_last_commit(p.store);
	assert_int_equal(account_open(p.store, 1, &a), ERR_OK);
	assert_int_equal(account_open(p.store, 2, &b), ERR_OK);
	assert_int_equal(db_write(account_db(a)), ERR_BUG);
	assert_int_equal(store_begin(p.store), ERR_OK);
	assert_int_equal(store_begin(p.store), ERR_WRONGSTATE);
	assert_int_equal(thing_put(account_db(a), 1, 2, 10), ERR_OK);
	assert_int_equal(thing_put(account_db(b), 1, 2, 10), ERR_OK);
	assert_int_equal(account_key_create(p.store, 3), ERR_OK);
	store_rollback(p.store);
	assert_int_equal(thing_get(account_db(a), 1), 1);
	assert_int_equal(thing_get(account_db(b), 1), -1);
	assert_int_equal(store_last_commit(p.store), last);
	account_close(a);
	account_close(b);
	assert_int_equal(account_open(p.store, 3, &a), ERR_NOTFOUND);
	/* Nothing changed: the last number. */
	uint64_t n = 0;
	assert_int_equal(store_begin(p.store), ERR_OK);
	assert_int_equal(store_commit(p.store, &n), ERR_OK);
	assert_int_equal(n, last);
	place_done(&p);
}

static void test_stray_write(void **state)
{
	struct place p;
	struct account *a;

	make(&p, "stray", 1);
	assert_int_equal(account_open(p.store, 1, &a), ERR_OK);
	/* A write past the transaction never commits. */
	assert_int_not_equal(
		db_run(account_db(a), "INSERT INTO thing VALUES(9,9,NULL,NULL)",
			""),
		ERR_OK);
	assert_int_equal(thing_get(account_db(a), 9), -1);
	account_close(a);
	place_done(&p);
}

static void test_gone_account(void **state)
{
	struct place p;
	struct account *a;

	make(&p, "gone", 2);
	assert_int_equal(thing_commit(&p, 2, 1, 1, 10), ERR_OK);
	assert_int_equal(account_open(p.store, 2, &a), ERR_OK);
	assert_int_equal(store_begin(p.store), ERR_OK);
	assert_int_equal(account_key_destroy(p.store, 2), ERR_BUSY);
	account_close(a);
	assert_int_equal(account_key_destroy(p.store, 2), ERR_OK);
	assert_int_equal(store_commit(p.store, NULL), ERR_OK);
	assert_int_equal(account_open(p.store, 2, &a), ERR_NOTFOUND);
	place_settle(&p);
	place_close(&p);
	assert_int_equal(place_open(&p, false), ERR_OK);
	assert_int_equal(account_open(p.store, 2, &a), ERR_NOTFOUND);
	assert_int_equal(value_of(&p, 1, 1), -1);
	place_done(&p);
}

/* Damage is called damage, wherever it is met: not a failure of the disk, and
 * not a store that was never there. */
static void test_damage(void **state)
{
	struct place p;
	struct account *a;
	char path[200];

	make(&p, "damage", 1);
	assert_int_equal(thing_commit(&p, 1, 1, 1, 10), ERR_OK);
	place_settle(&p);
	place_close(&p);
	snprintf(path, sizeof(path), "%s/db-00000001", p.dir);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fputc('x', f), 'x');
	assert_int_equal(fclose(f), 0);
	assert_int_equal(place_open(&p, false), ERR_OK);
	assert_int_equal(account_open(p.store, 1, &a), ERR_CORRUPT);
	place_close(&p);
	snprintf(path, sizeof(path), "%s/keys", p.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(place_open(&p, false), ERR_CORRUPT);
	place_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_zeros_ahead),
		cmocka_unit_test(test_rollback),
		cmocka_unit_test(test_stray_write),
		cmocka_unit_test(test_gone_account),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
