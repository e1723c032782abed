/* SPDX-License-Identifier: EUPL-1.2 */
/* The router's set of digests beside a plain model, and the login limits. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <bastide/mem.h>

#include "../../daemon/attempts.h"
#include "../../daemon/digests.h"

#define KEYS 600
#define OWNERS 5

/* Few home slots, so that chains and their gaps are the rule. */
static void make_digest(uint8_t out[DIGEST], unsigned i)
{
	memset(out, 0, DIGEST);
	out[7] = (uint8_t)(i % 7 * 40); /* the last byte of its first 8 */
	put_be32(out + 8, i);
}

static void check_all(const struct digests *d, const uint32_t *model)
{
	uint8_t digest[DIGEST];
	size_t n = 0, walked = 0, at = 0;
	const uint8_t *found;
	uint32_t owner;

	for (unsigned i = 0; i < KEYS; i++) {
		make_digest(digest, i);
		assert_int_equal(digests_find(d, digest), model[i]);
		n += model[i] != 0;
	}
	while (digests_next(d, &at, &found, &owner)) {
		assert_int_equal(model[get_be32(found + 8)], owner);
		walked++;
	}
	assert_int_equal(walked, n);
	assert_int_equal(d->n, n);
}

static void test_digests(void **state)
{
	struct digests d = { NULL, 0, 0 };
	uint32_t model[KEYS] = { 0 };
	uint8_t digest[DIGEST];

	check_all(&d, model);
	for (int step = 0; step < 6000; step++) {
		unsigned i = (unsigned)rand() % KEYS;
		uint32_t owner = 1 + (uint32_t)rand() % OWNERS;
		make_digest(digest, i);
		if (step % 500 == 499) {
			digests_remove_owner(&d, owner);
			for (unsigned k = 0; k < KEYS; k++)
				if (model[k] == owner)
					model[k] = 0;
		} else if (rand() % 3) {
			assert_int_equal(
				digests_add(&d, digest, owner), ERR_OK);
			model[i] = owner;
		} else {
			digests_remove(&d, digest);
			model[i] = 0;
		}
		if (step % 100 == 0 || step % 500 == 499)
			check_all(&d, model);
	}
	digests_free(&d);
}

/* --- attempts -------------------------------------------------------------- */

static const uint8_t key[32] = { 1 };

static struct attempts *limits(const char *text)
{
	struct config *c;
	struct buf error;
	struct attempts *a;

	buf_init(&error, 100);
	assert_int_equal(config_new(&c), ERR_OK);
	assert_int_equal(config_parse(c, slice_str(text), &error), ERR_OK);
	assert_int_equal(attempts_new(c, &a), ERR_OK);
	config_free(c);
	return a;
}

static struct attempt who(const char *peer, const char *address)
{
	struct attempt t;

	assert_int_equal(
		attempt_of(key, slice_str(peer), slice_str(address), &t),
		ERR_OK);
	return t;
}

static unsigned take_all(struct attempts *a, struct attempt t, uint64_t now)
{
	unsigned n = 0;

	while (n < 1000 && attempts_take(a, &t, now) == ATTEMPT_TAKEN) {
		attempts_end(a, &t, ATTEMPT_BAD, now);
		n++;
	}
	return n;
}

static void sign_in(struct attempts *a, struct attempt t, uint64_t now)
{
	assert_int_equal(attempts_take(a, &t, now), ATTEMPT_TAKEN);
	attempts_end(a, &t, ATTEMPT_GOOD, now);
}

static void test_source_limit(void **state)
{
	struct attempts *a =
		limits("login_source_burst = 10\nlogin_source_per_min = 60\n"
		       "login_account_burst = 0\n");

	assert_int_equal(take_all(a, who("192.0.2.1", "a@x"), 0), 10);
	assert_int_equal(take_all(a, who("192.0.2.1", "b@x"), 0), 0);
	assert_int_equal(take_all(a, who("192.0.2.2", "a@x"), 0), 10);
	/* One a second comes back, never above the burst. */
	assert_int_equal(take_all(a, who("192.0.2.1", "a@x"), 3100), 3);
	assert_int_equal(take_all(a, who("192.0.2.1", "a@x"), 999000), 10);
	/* IPv6: a network, not an address. */
	assert_int_equal(take_all(a, who("2001:db8::1", "a@x"), 0), 10);
	assert_int_equal(take_all(a, who("2001:db8::ffff:1", "a@x"), 0), 0);
	assert_int_equal(take_all(a, who("2001:db8:0:1::1", "a@x"), 0), 10);
	attempts_free(a);
}

static void test_account_limit(void **state)
{
	struct attempts *a = limits("login_source_burst = 0\n"
				    "login_account_burst = 5\n"
				    "login_account_per_min = 1\n");
	struct attempt owner = who("192.0.2.9", "a@x");

	/* The owner signs in before the attack. */
	sign_in(a, owner, 0);
	assert_int_equal(take_all(a, who("192.0.2.1", "a@x"), 0), 5);
	assert_int_equal(take_all(a, who("192.0.2.2", "a@x"), 0), 0);
	assert_int_equal(take_all(a, who("192.0.2.2", "b@x"), 0), 5);
	sign_in(a, owner, 0);
	/* Not for ever. */
	uint64_t later = (uint64_t)25 * 3600 * 1000;
	assert_int_equal(take_all(a, who("192.0.2.1", "a@x"), later), 5);
	assert_int_equal(attempts_take(a, &owner, later), ATTEMPT_REFUSED);
	attempts_free(a);
}

static void test_good_logins_cost_nothing(void **state)
{
	struct attempts *a = limits("login_source_burst = 2\n"
				    "login_account_burst = 2\n");
	struct attempt t = who("192.0.2.1", "a@x");

	for (int i = 0; i < 100; i++)
		sign_in(a, t, 0);
	assert_int_equal(take_all(a, t, 0), 2);
	attempts_free(a);
}

/* More than may be refused at the same moment: they wait, and go on when the
 * ones before them were right; when those were wrong, they are refused. */
static void test_under_way(void **state)
{
	struct attempts *a = limits("login_source_burst = 2\n"
				    "login_account_burst = 2\n");
	struct attempt t[3] = { who("192.0.2.1", "a@x"),
		who("192.0.2.1", "a@x"), who("192.0.2.1", "a@x") };

	assert_int_equal(attempts_take(a, &t[0], 0), ATTEMPT_TAKEN);
	assert_int_equal(attempts_take(a, &t[1], 0), ATTEMPT_TAKEN);
	assert_int_equal(attempts_take(a, &t[2], 0), ATTEMPT_WAIT);
	/* Not those of others. */
	struct attempt other = who("192.0.2.2", "b@x");
	assert_int_equal(attempts_take(a, &other, 0), ATTEMPT_TAKEN);
	/* From elsewhere it waits for the account. */
	struct attempt elsewhere = who("192.0.2.3", "a@x");
	assert_int_equal(attempts_take(a, &elsewhere, 0), ATTEMPT_WAIT);
	/* Nothing was compared: as if it had not been. */
	attempts_end(a, &t[0], ATTEMPT_UNDECIDED, 0);
	attempts_end(a, &t[0], ATTEMPT_UNDECIDED, 0); /* holds none now */
	assert_int_equal(attempts_take(a, &t[2], 0), ATTEMPT_TAKEN);
	assert_int_equal(attempts_take(a, &t[0], 0), ATTEMPT_WAIT);
	attempts_end(a, &t[1], ATTEMPT_GOOD, 0);
	/* Known now: the account's tokens are not asked for. */
	assert_int_equal(attempts_take(a, &t[0], 0), ATTEMPT_TAKEN);
	attempts_end(a, &t[2], ATTEMPT_BAD, 0);
	attempts_end(a, &t[0], ATTEMPT_BAD, 0);
	assert_int_equal(attempts_take(a, &t[0], 0), ATTEMPT_REFUSED);
	/* One token of the account came back, with t[1]. */
	assert_int_equal(attempts_take(a, &elsewhere, 0), ATTEMPT_TAKEN);
	attempts_free(a);
}

/* A million sources do not push out one that is at its limit... as long as it
 * is not the least important of its set. */
static void test_flood(void **state)
{
	struct attempts *a = limits("login_source_burst = 10\n"
				    "login_account_burst = 0\n");
	struct attempt bad = who("192.0.2.1", "a@x");
	char peer[32];

	assert_int_equal(take_all(a, bad, 0), 10);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(peer, sizeof(peer), "10.%u.%u.%u", i >> 16,
			i >> 8 & 255, i & 255);
		struct attempt t = who(peer, "a@x");
		assert_int_equal(attempts_take(a, &t, 0), ATTEMPT_TAKEN);
	}
	assert_int_equal(take_all(a, bad, 0), 0);
	attempts_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_source_limit),
		cmocka_unit_test(test_account_limit),
		cmocka_unit_test(test_good_logins_cost_nothing),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_flood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
