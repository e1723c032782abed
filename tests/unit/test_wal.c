/* SPDX-License-Identifier: EUPL-1.2 */
/* The log's memory against one flat array. */
#include "unit.h"

#include <stdlib.h>

#include "../../store/wal.h"

#define FRAMES 100
#define SIZE (WAL_HEAD + FRAMES * WAL_FRAME)

static uint8_t model[SIZE], out[SIZE];

static void assert_same(const struct wal_memory *w, size_t n)
{
	assert_int_equal(w->n, n);
	assert_int_equal(wal_get(w, 0, out, SIZE), n);
	assert_memory_equal(out, model, n);
}

static void test_as_a_flat_array(void **state)
{
	struct wal_memory w = { 0 };
	static uint8_t data[3 * WAL_FRAME];
	size_t n = 0;

	srandom(7);
	memset(model, 0, SIZE);
	for (int round = 0; round < 2000; round++) {
		size_t size = (size_t)random() % sizeof(data) + 1;
		size_t at = (size_t)random() % (SIZE - size);
		for (size_t i = 0; i < size; i += 1 + (size_t)random() % 64)
			data[i] = (uint8_t)random();
		assert_true(wal_put(&w, at, data, size));
		memcpy(model + at, data, size);
		n = at + size > n ? at + size : n;
		assert_same(&w, n);
		size_t from = (size_t)random() % SIZE;
		size_t want = from < n ? n - from : 0;
		assert_int_equal(wal_get(&w, from, out, SIZE - from), want);
		assert_memory_equal(out, model + from, want);
		if (round % 50 == 49) {
			n = (size_t)random() % (n + 1);
			wal_cut(&w, n);
			assert_same(&w, n);
		}
		if (round % 200 == 199) {
			wal_cut(&w, 0);
			memset(model, 0, SIZE);
			n = 0;
		}
	}
	wal_cut(&w, 0);
}

static void test_frames_are_whole(void **state)
{
	struct wal_memory w = { 0 };

	for (uint32_t i = 1; i <= FRAMES; i++) {
		uint8_t frame[WAL_FRAME];
		memset(frame, (int)i, sizeof(frame));
		assert_true(wal_put(&w, WAL_HEAD + (i - 1) * WAL_FRAME, frame,
			sizeof(frame)));
	}
	for (uint32_t i = 1; i <= FRAMES; i++) {
		const uint8_t *p = wal_frame(&w, i);
		for (size_t k = 0; k < WAL_FRAME; k++)
			assert_int_equal(p[k], i);
	}
	wal_cut(&w, 0);
}

/* Blocks go from one log to another: without what was in them, also behind a
 * place where the log was cut. */
static void test_what_is_given_back_is_wiped(void **state)
{
	struct wal_memory one = { 0 }, two = { 0 };
	uint8_t byte = 1;

	memset(model, 0x5a, SIZE);
	assert_true(wal_put(&one, 0, model, SIZE));
	wal_cut(&one, WAL_HEAD + 1);
	wal_cut(&one, 0);
	assert_int_equal(wal_get(&one, 0, out, SIZE), 0);
	assert_true(wal_put(&two, SIZE - 1, &byte, 1));
	assert_int_equal(wal_get(&two, 0, out, SIZE), SIZE);
	for (size_t i = 0; i < SIZE - 1; i++)
		assert_int_equal(out[i], 0);
	wal_cut(&two, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_flat_array),
		cmocka_unit_test(test_frames_are_whole),
		cmocka_unit_test(test_what_is_given_back_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
