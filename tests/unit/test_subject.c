/* SPDX-License-Identifier: EUPL-1.2 */
#include <bastide/mail.h>

#include "unit.h"

/* RFC 5256 2.1 and 5. */
static void test_base_subject(void **state)
{
	static const struct {
		const char *subject, *base;
		bool reply;
	} rows[] = {
		{ "", "", false },
		{ "hello", "hello", false },
		{ "  hello \t world  ", "hello world", false },
		{ "Re: hello", "hello", true },
		{ "RE : hello", "hello", true },
		{ "re[2]: hello", "hello", true },
		{ "Re: Fwd: FW: hello", "hello", true },
		{ "Fw [x] : hello", "hello", true },
		{ "[list] hello", "hello", false },
		{ "[list] [two] Re: [three] hello", "hello", true },
		{ "[a][b] hello", "hello", false },
		{ "[list]", "[list]", false },
		{ "[a] [b]", "[b]", false },
		{ "Re: [b]", "[b]", true },
		{ "hello (fwd)", "hello", true },
		{ "hello (FWD) (fwd)  ", "hello", true },
		{ "[Fwd: hello]", "hello", true },
		{ "[Fwd: [fwd: Re: hello (fwd)]]", "hello", true },
		{ "Re: [Fwd: x] y", "y", true },
		{ "[fwd: x", "[fwd: x", false },
		{ "Re:", "", true },
		{ "(fwd)", "", true },
		{ "Rex: hello", "Rex: hello", false },
		{ "AW: hello", "AW: hello", false },
		{ "=?utf-8?q?Re=3A_caf=C3=A9?=", "caf\xc3\xa9", true },
		{ "[un[closed] x", "[un[closed] x", false },
	};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		bool reply;
		buf_reset(&b);
		assert_int_equal(mail_base_subject(slice_str(rows[k].subject),
					 &b, &reply),
			ERR_OK);
		if (!slice_eqs(buf_slice(&b), rows[k].base) ||
			reply != rows[k].reply)
			fail_msg("%s: %.*s %d", rows[k].subject,
				SLICE_ARG(buf_slice(&b)), reply);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base_subject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
