/* SPDX-License-Identifier: EUPL-1.2 */
/* The order of a turn, work put off, timers and signals. */
#include "unit.h"

#include <signal.h>
#include <unistd.h>

#include <bastide/buf.h>
#include <bastide/loop.h>

static struct loop *loop;
static struct buf trace;
static struct later first, second;
static unsigned turns;

static void on_first(void *arg)
{
	buf_adds(&trace, "a");
	if (turns < 2)
		loop_later(loop, &first); /* not before the next turn */
}

static void on_second(void *arg)
{
	buf_adds(&trace, "b");
}

static void on_hook(void *arg)
{
	buf_adds(&trace, "h ");
	if (++turns == 4)
		loop_stop(loop);
	static struct later nudge;
	nudge = (struct later){ .run = on_second };
	if (turns == 3)
		loop_later(loop, &nudge);
}

static void test_turns(void **state)
{
	static struct turn_hook hook = { .run = on_hook };

	buf_init(&trace, 1000);
	assert_int_equal(loop_new(&loop), ERR_OK);
	loop_add_turn_hook(loop, &hook);
	first = (struct later){ .run = on_first };
	second = (struct later){ .run = on_second };
	loop_later(loop, &first);
	loop_later(loop, &second);
	loop_later(loop, &second); /* twice is once */
	loop_run(loop);
	assert_true(slice_eqs(buf_slice(&trace), "abh ah ah bh "));
	buf_free(&trace);
	loop_free(loop);
}

static void test_later_cancel(void **state)
{
	struct later w[5];

	buf_init(&trace, 1000);
	turns = 2;
	assert_int_equal(loop_new(&loop), ERR_OK);
	for (int i = 0; i < 5; i++) {
		w[i] = (struct later){ .run = on_second };
		loop_later(loop, &w[i]);
	}
	loop_later_cancel(&w[0]);
	loop_later_cancel(&w[2]);
	loop_later_cancel(&w[4]);
	loop_later_cancel(&w[4]);
	static struct turn_hook hook = { .run = on_hook };
	loop_add_turn_hook(loop, &hook);
	loop_run(loop);
	assert_true(slice_eqs(buf_slice(&trace), "bbh bh "));
	buf_free(&trace);
	loop_free(loop);
}

static unsigned fired;

static void on_timer(void *arg)
{
	fired++;
	kill(getpid(), SIGUSR1);
}

static void on_signal(void *arg)
{
	fired += 10;
	loop_stop(loop);
}

static void test_timer_and_signal(void **state)
{
	struct timer *t, *never;
	uint64_t start = loop_now_ms();

	fired = 0;
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(timer_new(loop, on_timer, NULL, &t), ERR_OK);
	assert_int_equal(timer_new(loop, on_timer, NULL, &never), ERR_OK);
	assert_int_equal(
		loop_on_signal(loop, SIGUSR1, on_signal, NULL), ERR_OK);
	timer_set(t, 10000);
	timer_set(t, 30); /* replaces */
	timer_set(never, 10);
	timer_cancel(never);
	loop_run(loop);
	assert_int_equal(fired, 11);
	assert_true(loop_now_ms() - start >= 29);
	timer_free(t);
	timer_free(never);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_later_cancel),
		cmocka_unit_test(test_timer_and_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
