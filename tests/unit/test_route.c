/* SPDX-License-Identifier: EUPL-1.2 */
/* Addresses: which are private, how they are written; answers of the DNS. */
#include "unit.h"

#include "smtpd/relay/route.h"

static void test_private(void **state)
{
	static const struct {
		const char *address;
		bool private;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "10.1.2.3", true },
		{ "100.64.0.1", true },
		{ "100.128.0.1", false },
		{ "169.254.169.254", true },
		{ "172.15.0.1", false },
		{ "172.16.0.1", true },
		{ "172.31.255.255", true },
		{ "172.32.0.1", false },
		{ "192.168.0.1", true },
		{ "192.169.0.1", false },
		{ "0.0.0.0", true },
		{ "224.0.0.1", true },
		{ "255.255.255.255", true },
		{ "223.255.255.255", false },
		{ "8.8.8.8", false },
		{ "::1", true },
		{ "::", true },
		{ "fe80::1", true },
		{ "fd00::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "64:ff9b::7f00:1", true },
		{ "2002:7f00:1::", true },
		{ "2001:db8::1", true },
		{ "2001:0:1::", true },
		{ "2001:4860:4860::8888", false },
		{ "2a00:1450::1", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target t = { 0 };
		print_message("# %s\n", rows[i].address);
		assert_true(numeric_address(rows[i].address, 25, &t));
		assert_int_equal(is_private(&t.address), rows[i].private);
	}
}

static void test_host_port(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port; /* 0: wrong */
	} rows[] = {
		{ "mx.example:25", "mx.example", 25 },
		{ "127.0.0.1:2525", "127.0.0.1", 2525 },
		{ "[::1]:465", "::1", 465 },
		{ "mx.example", "", 0 },
		{ ":25", "", 0 },
		{ "mx:0", "", 0 },
		{ "mx:65536", "", 0 },
		{ "mx:x", "", 0 },
		{ "", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char host[LIMIT_DOMAIN + 1];
		uint16_t port = 0;
		enum err e = host_port(slice_str(rows[i].text), host, &port);
		assert_int_equal(e, rows[i].port ? ERR_OK : ERR_SYNTAX);
		assert_int_equal(port, rows[i].port);
		if (e == ERR_OK)
			assert_string_equal(host, rows[i].host);
	}
}

#define HEAD(n) "\x12\x34\x81\x80\0\1\0" n "\0\0\0\0"
#define QUESTION "\1m\7example\0\0\x0f\0\1"
#define MX(pref, size, name)                                                   \
	"\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0" size "\0" pref name

static enum err parse(
	struct slice packet, struct arena *a, struct dns_answer *out)
{
	return dns_packet_parse(packet, DNS_MX, a, out);
}

static void test_packet(void **state)
{
	static const char good[] = HEAD("\2") QUESTION MX(
		"\x0a", "\x08", "\3one\xc0\x0e") MX("\x14", "\3", "\0");
	/* A name that points at itself. */
	static const char loop[] =
		HEAD("\1") QUESTION MX("\x0a", "\4", "\xc0\x29");
	static const char control[] =
		HEAD("\1") QUESTION MX("\x0a", "\x08", "\4a\r\nb\0");
	struct arena *a = arena_new(MIB(1));
	struct dns_answer out;

	assert_int_equal(
		parse(slice_of(good, sizeof(good) - 1), a, &out), ERR_OK);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.list[0].preference, 10);
	assert_true(slice_eqs(out.list[0].data, "one.example"));
	assert_int_equal(out.list[1].data.n, 0);
	/* Every packet that was cut off is refused. */
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_int_equal(parse(slice_of(good, n), a, &out), ERR_SYNTAX);
	assert_int_equal(
		parse(slice_of(loop, sizeof(loop) - 1), a, &out), ERR_SYNTAX);
	assert_int_equal(parse(slice_of(control, sizeof(control) - 1), a, &out),
		ERR_SYNTAX);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_host_port),
		cmocka_unit_test(test_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
