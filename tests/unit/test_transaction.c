/* SPDX-License-Identifier: EUPL-1.2 */
/* A transaction bounds what a front may ask of it, whoever the front is. */
#include "store_fixture.h"

#include "smtpd/session/session.h"

/* The library's queue runner wants a tenantd around it. */
void session_ended(struct tenant *t, uint64_t id)
{
}

void tenant_working(struct tenant *t, int change)
{
}

static void test_recipients(void **state)
{
	struct fixture *f = fixture_new("transaction");
	struct tenant t = { .store = f->s };
	struct smtp_session s = { .tenant = &t,
		.protocol = PROTOCOL_SUBMIT,
		.account = f->number,
		.arena = f->arena };
	const char *text = NULL;
	char to[40];

	ok(transaction_mail(&s, S("anna@example.org"), &text));
	ok(transaction_rcpt(&s, S("anna@example.org"), &text));
	for (int i = 1; i < LIMIT_RECIPIENTS; i++) {
		snprintf(to, sizeof(to), "b%d@far.example", i);
		ok(transaction_rcpt(&s, S(to), &text));
	}
	assert_int_equal(
		transaction_rcpt(&s, S("c@far.example"), &text), ERR_LIMIT);
	assert_int_equal(s.t.n_locals + s.t.n_remotes, LIMIT_RECIPIENTS);
	transaction_free(&s);
	/* The next one begins anew. */
	ok(transaction_mail(&s, S("anna@example.org"), &text));
	ok(transaction_rcpt(&s, S("c@far.example"), &text));
	transaction_free(&s);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
