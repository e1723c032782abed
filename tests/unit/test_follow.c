/* SPDX-License-Identifier: EUPL-1.2 */
/* What the front sees in a dialogue that it carries, and what it lets through. */
#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/ipc.h>

#include "../../imapd/front/pipe.h"

/* A dialogue: "C:" is what the client sends, all at once, and "C>" what of all
 * that it sent goes on by then. "S:" is what the tenantd sends; "S!" the same,
 * and it is an answer that somebody waited for. */
struct line {
	char who, how;
	const char *text;
};
#define END                                                                    \
	{                                                                      \
		0, 0, NULL                                                     \
	}

static void tenant_says(
	struct follow *f, const char *text, bool answer, size_t piece)
{
	struct slice in = slice_str(text);
	enum followed what = FOLLOW_OTHER;
	bool event = false;

	while (in.n) {
		struct slice now = slice_head(in, piece);
		size_t n = follow_tenant(f, now, &event, &what);
		assert_true(n == now.n || event);
		in = slice_from(in, n);
		assert_true(!event || !in.n); /* at its end, no sooner */
	}
	assert_int_equal(event, answer);
}

/* In pieces of so many bytes. */
static void play_in(const struct line *lines, size_t piece)
{
	struct buf sent, gone;
	struct follow f;

	buf_init(&sent, KIB(64));
	buf_init(&gone, KIB(64));
	follow_init(&f);
	for (const struct line *l = lines; l->who; l++) {
		if (l->who == 'S') {
			tenant_says(&f, l->text, l->how == '!', piece);
		} else if (l->how == ':') {
			buf_adds(&sent, l->text);
		}
		size_t n = 1;
		while (n && gone.n < sent.n) {
			struct slice rest = slice_head(
				slice_from(buf_slice(&sent), gone.n), piece);
			n = follow_client(&f, rest);
			buf_add_slice(&gone, slice_head(rest, n));
		}
		if (l->who == 'C' && l->how == '>') {
			assert_string_equal(
				buf_addc(&gone, 0) == ERR_OK ? gone.p : "",
				l->text);
			gone.n--;
		}
	}
	follow_free(&f);
	buf_free(&sent);
	buf_free(&gone);
}

static void play(const struct line *lines)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 1000 };

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		play_in(lines, pieces[i]);
}

static void test_sign_out(void **state)
{
	static const struct line lines[] = {
		{ 'C', ':',
			"a NOOP\r\nb unAuthenticate\r\nc LOGIN u secret\r\n" },
		{ 'C', '>', "a NOOP\r\nb unAuthenticate\r\n" },
		{ 'S', ':', "a OK done\r\n" },
		{ 'S', ':', "b OK signed out\r\n" },
		{ 'C', '>', "a NOOP\r\nb unAuthenticate\r\n" },
		END,
	};

	play(lines);
}

/* Whatever the tenantd says, what is behind the command does not go on. */
static void test_sign_out_refused(void **state)
{
	static const char *const answers[] = { "b BAD no\r\n", "b NO no\r\n",
		"+ go on\r\n", "* BYE\r\n", "b OK\r\n", "c OK [X] y\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct line lines[] = {
			{ 'C', ':', "b UNAUTHENTICATE\r\nc LOGIN u s\r\n" },
			{ 'S', ':', answers[i] },
			{ 'C', '>', "b UNAUTHENTICATE\r\n" },
			END,
		};
		play(lines);
	}
}

/* What only looks like it. */
static void test_no_command(void **state)
{
	static const char *const rows[] = {
		"a APPEND x {18+}\r\nb UNAUTHENTICATE\r\n\r\n",
		"a APPEND x {3+}\r\nabc {20+}\r\n\r\nb UNAUTHENTICATE\r\n\r\n",
		"UNAUTHENTICATE\r\n",
		"a UNAUTHENTICATE now\r\n",
		"a UNAUTHENTICATE \r\n",
		" a UNAUTHENTICATE\r\n",
		"a XUNAUTHENTICATE\r\n",
		"a NOOP UNAUTHENTICATE\r\n",
		"a UNAUTHENTICATE {4+}\r\nabcd\r\n",
		"a NOOP\rb UNAUTHENTICATE\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char whole[200];
		snprintf(whole, sizeof(whole), "%sz NOOP\r\n", rows[i]);
		const struct line lines[] = {
			{ 'C', ':', whole },
			{ 'C', '>', whole },
			END,
		};
		play(lines);
	}
}

/* "{n}" holds what comes until the tenantd decides. */
static void test_literal(void **state)
{
	static const struct line taken[] = {
		{ 'C', ':',
			"a APPEND x {20}\r\nb UNAUTHENTICATE\r\nxx\r\n"
			"c UNAUTHENTICATE\r\nd LOGIN\r\n" },
		{ 'C', '>', "a APPEND x {20}\r\n" },
		{ 'S', ':', "* 1 EXISTS\r\n" },
		{ 'C', '>', "a APPEND x {20}\r\n" },
		{ 'S', '!', "+ OK\r\n" },
		{ 'C', '>',
			"a APPEND x {20}\r\nb UNAUTHENTICATE\r\nxx\r\n"
			"c UNAUTHENTICATE\r\n" },
		END,
	};
	static const struct line refused[] = {
		{ 'C', ':', "a APPEND x {20}\r\n" },
		{ 'S', ':', "* OK a NO\r\n" },
		{ 'S', ':', "aa NO of another\r\n" },
		{ 'S', '!', "a NO [TOOBIG] no\r\n" },
		{ 'C', ':', "b UNAUTHENTICATE\r\nd LOGIN\r\n" },
		{ 'C', '>', "a APPEND x {20}\r\nb UNAUTHENTICATE\r\n" },
		END,
	};

	play(taken);
	play(refused);
}

/* The "+" of IDLE is not taken for that of a literal behind it. */
static void test_idle(void **state)
{
	static const struct line lines[] = {
		{ 'C', ':', "a IDLE\r\nDONE\r\nb APPEND x {20}\r\n" },
		{ 'C', '>', "a IDLE\r\n" },
		{ 'S', '!', "+ idling\r\n" },
		{ 'C', '>', "a IDLE\r\nDONE\r\nb APPEND x {20}\r\n" },
		{ 'S', ':', "a OK done\r\n" },
		{ 'S', '!', "b NO [TRYCREATE] no\r\n" },
		{ 'C', ':', "c UNAUTHENTICATE\r\nd\r\n" },
		{ 'C', '>',
			"a IDLE\r\nDONE\r\nb APPEND x {20}\r\n"
			"c UNAUTHENTICATE\r\n" },
		END,
	};

	play(lines);
}

/* A command in the place of DONE: when IDLE is answered, it is lost. */
static void test_idle_astray(void **state)
{
	static const char *const rows[] = { "b UNAUTHENTICATE\r\n",
		"b COMPRESS DEFLATE\r\n", "b IDLE\r\n", "b APPEND x {20}\r\n" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char gone[100];
		snprintf(gone, sizeof(gone), "a IDLE\r\n%s", rows[i]);
		const struct line lines[] = {
			{ 'C', ':', "a IDLE\r\n" },
			{ 'S', '!', "+ idling\r\n" },
			{ 'C', ':', rows[i] },
			{ 'C', ':', "c LOGIN u s\r\n" },
			{ 'S', ':', "* 1 EXISTS\r\n" },
			{ 'S', '!', "a BAD no\r\n" },
			{ 'C', '>', gone },
			END,
		};
		play(lines);
	}
}

/* Lines inside what the tenantd sends as literals are no answers. */
static void test_tenant_literals(void **state)
{
	static const struct line lines[] = {
		{ 'C', ':', "a FETCH 1 BODY[]\r\nb APPEND x {9}\r\nab" },
		{ 'S', ':',
			"* 1 FETCH (BODY[] {18}\r\nx\r\n+ no\r\nb NO no\r\n"
			" BINARY[1] ~{4}\r\n+ \r\n X \"\")\r\n" },
		{ 'C', '>', "a FETCH 1 BODY[]\r\nb APPEND x {9}\r\n" },
		{ 'S', ':', "a OK done\r\n" },
		{ 'S', '!', "+ OK\r\n" },
		{ 'C', '>', "a FETCH 1 BODY[]\r\nb APPEND x {9}\r\nab" },
		END,
	};

	play(lines);
}

static void test_compress(void **state)
{
	static const struct line lines[] = {
		{ 'C', ':', "a COMPRESS DEFLATE\r\nxyz" },
		{ 'C', '>', "a COMPRESS DEFLATE\r\n" },
		{ 'S', '!', "a BAD [COMPRESSIONACTIVE] no\r\n" },
		{ 'C', '>', "a COMPRESS DEFLATE\r\nxyz" },
		END,
	};
	struct follow f;
	enum followed what = FOLLOW_OTHER;
	bool event;

	play(lines);
	follow_init(&f);
	assert_int_equal(follow_client(&f, slice_str("a COMPRESS D\r\nx")), 14);
	assert_int_equal(follow_tenant(&f, slice_str("a OK on\r\nbehind"),
				 &event, &what),
		9);
	assert_true(event);
	assert_int_equal(what, FOLLOW_COMPRESS);
	follow_free(&f);
}

/* A tag of any length is known again. */
static void test_long_tag(void **state)
{
	char client[700], tenant[700], tag[601];

	memset(tag, 't', sizeof(tag) - 1);
	tag[sizeof(tag) - 1] = 0;
	snprintf(client, sizeof(client), "%s IDLE\r\n", tag);
	snprintf(tenant, sizeof(tenant), "%s BAD no\r\n", tag);
	const struct line lines[] = {
		{ 'C', ':', client },
		{ 'S', ':', "t BAD no\r\n" },
		{ 'S', '!', tenant },
		END,
	};
	play(lines);
}

/* --- the pipe ------------------------------------------------------------------------- */

static struct loop *loop;
static bool signed_out, over;

static void on_alarm(void *arg)
{
	loop_stop(loop);
}

static void turn(struct timer *t)
{
	timer_set(t, 30);
	loop_run(loop);
}

static void on_signed_out(void *arg)
{
	signed_out = true;
}

static void on_done(void *arg)
{
	over = true;
}

static void expect(int fd, const char *want)
{
	char got[1000];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = 0;
	assert_string_equal(got, want);
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A login in the same write as the command never comes to the tenantd, and is
 * there for the next one; or the connection ends. */
static void pipe_with(const char *answer, bool good)
{
	static const struct conn_events none = { 0 };
	struct pipe p = { .signed_out = on_signed_out, .done = on_done };
	struct conn *client, *stream;
	struct timer *t;
	int c[2], s[2];

	signed_out = over = false;
	assert_int_equal(loop_new(&loop), ERR_OK);
	assert_int_equal(timer_new(loop, on_alarm, NULL, &t), ERR_OK);
	assert_int_equal(stream_pair(c), ERR_OK);
	assert_int_equal(stream_pair(s), ERR_OK);
	assert_int_equal(
		conn_new(loop, c[0], NULL, NULL, &none, NULL, &client), ERR_OK);
	assert_int_equal(
		conn_new(loop, s[0], NULL, NULL, &none, NULL, &stream), ERR_OK);
	pipe_open(&p, client, stream);
	put(c[1], "a NOOP\r\nb UNAUTHENTICATE\r\nc LOGIN u secret\r\n");
	turn(t);
	expect(s[1], "a NOOP\r\nb UNAUTHENTICATE\r\n");
	put(s[1], answer);
	turn(t);
	expect(s[1], "");
	expect(c[1], answer);
	close(s[1]);
	turn(t);
	expect(c[1], good ? "" : "* BYE The session ended\r\n");
	assert_int_equal(signed_out, good);
	assert_true(
		!good || slice_eqs(conn_input(client), "c LOGIN u secret\r\n"));
	close(c[1]);
	turn(t);
	assert_int_equal(over, !good);
	conn_free(client);
	pipe_free(&p); /* once more does no harm */
	timer_free(t);
	loop_free(loop);
}

static void test_pipe(void **state)
{
	pipe_with("a OK\r\nb OK signed out\r\n", true);
	pipe_with("a OK\r\nb BAD no\r\n", false);
	pipe_with("a OK\r\n", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_out),
		cmocka_unit_test(test_sign_out_refused),
		cmocka_unit_test(test_no_command),
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_idle_astray),
		cmocka_unit_test(test_tenant_literals),
		cmocka_unit_test(test_compress),
		cmocka_unit_test(test_long_tag),
		cmocka_unit_test(test_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
