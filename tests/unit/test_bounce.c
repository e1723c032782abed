/* SPDX-License-Identifier: EUPL-1.2 */
/* The text of a bounce, byte by byte, and the times between two tries. */
#include "unit.h"

#include "smtpd/session/bounce.h"
#include "smtpd/session/outbound.h"

/* The library's queue runner wants a tenantd around it. */
void session_ended(struct tenant *t, uint64_t id)
{
}

void tenant_working(struct tenant *t, int change)
{
}

static const struct bounce_recipient ascii = {
	.address = SLICE("bad@b.example"),
	.code = 550,
	.status = SLICE("5.1.1"),
	.text = SLICE("No\r\nsuch \xc3\xa9"),
	.host = SLICE("mx.b.example"),
};

static const char want[] =
	"Return-Path: <>\r\n"
	"Date: Thu, 01 Jan 1970 00:01:40 +0000\r\n"
	"From: Mail delivery <MAILER-DAEMON@a.example>\r\n"
	"To: <ann@a.example>\r\n"
	"Subject: Your message was not delivered\r\n"
	"Message-ID: <id1@a.example>\r\n"
	"Auto-Submitted: auto-replied\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=delivery-status;\r\n"
	"\tboundary=\"=_id1\"\r\n\r\n"
	"\r\n--=_id1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	"This is the mail system at a.example.\r\n\r\n"
	"Your message could not be delivered to:\r\n\r\n"
	"    <bad@b.example>\r\n"
	"    mx.b.example said: No  such ??\r\n\r\n"
	"Its header follows below; the message itself was not kept.\r\n"
	"\r\n--=_id1\r\nContent-Type: message/delivery-status\r\n\r\n"
	"Reporting-MTA: dns; a.example\r\n"
	"Arrival-Date: Thu, 01 Jan 1970 00:00:10 +0000\r\n\r\n"
	"Final-Recipient: rfc822; bad@b.example\r\n"
	"Action: failed\r\n"
	"Status: 5.1.1\r\n"
	"Remote-MTA: dns; mx.b.example\r\n"
	"Diagnostic-Code: smtp; 550 No  such ??\r\n"
	"\r\n--=_id1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
	"Subject: x\r\n"
	"\r\n--=_id1--\r\n";

static void write_one(
	const struct bounce_recipient *r, bool utf8, struct buf *out)
{
	struct bounce b = { .hostname = SLICE("a.example"),
		.to = SLICE("ann@a.example"),
		.id = SLICE("id1"),
		.header = SLICE("Subject: x\r\n"),
		.utf8 = utf8,
		.arrived = 10,
		.now = 100,
		.list = r,
		.n = 1 };

	buf_init(out, 10000);
	assert_int_equal(bounce_write(out, &b), ERR_OK);
	buf_addc(out, '\0');
}

static void test_ascii(void **state)
{
	struct buf out;

	write_one(&ascii, false, &out);
	assert_string_equal(out.p, want);
	buf_free(&out);
}

/* RFC 6533: the address as it is, in the types that may hold it. */
static void test_global(void **state)
{
	struct bounce_recipient r = ascii;
	struct buf out;

	r.address = slice_str("b\xc3\xb6se@b.example");
	write_one(&r, false, &out);
	assert_non_null(strstr(out.p, "report-type=global-delivery-status"));
	assert_non_null(strstr(out.p,
		"\r\nContent-Type: message/global-delivery-status\r\n"
		"Content-Transfer-Encoding: 8bit\r\n"));
	assert_non_null(strstr(out.p,
		"\r\nFinal-Recipient: utf-8; b\xc3\xb6se@b.example\r\n"));
	assert_non_null(strstr(out.p, "message/global-headers"));
	assert_non_null(strstr(out.p, "550 No  such \xc3\xa9\r\n"));
	buf_free(&out);
}

static void test_expired(void **state)
{
	struct bounce_recipient r = ascii;
	struct buf out;

	r.expired = true;
	r.code = 0;
	r.host = slice_str("");
	write_one(&r, false, &out);
	assert_non_null(strstr(out.p, "\r\nStatus: 5.4.7\r\n"));
	assert_null(strstr(out.p, "Diagnostic-Code"));
	assert_null(strstr(out.p, "Remote-MTA"));
	buf_free(&out);
}

static void test_header(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "A: b\r\nC: d\r\n\r\nbody\r\n", "A: b\r\nC: d\r\n" },
		{ "A: b\r\nC: d\r\n e\r\n\r\nbody", "A: b\r\nC: d\r\n e\r\n" },
		{ "A: b\r\nC: cut of", "A: b\r\n" },
		{ "A: b\r\nC: d\r\n e cut", "A: b\r\n" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# %zu\n", i);
		assert_true(slice_eqs(
			bounce_header(slice_str(rows[i].in)), rows[i].out));
	}
}

static void test_retries(void **state)
{
	static const int minutes[] = { 5, 15, 60, 180, 360, 360, 360 };

	for (unsigned i = 0; i < ARRAY_LEN(minutes); i++)
		assert_int_equal(retry_after(i + 1, 300), minutes[i] * 60);
	assert_int_equal(retry_after(4000000000u, 300), 360 * 60);
	assert_int_equal(retry_after(0, 300), 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
