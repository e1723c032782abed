/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys of URLs: one for each mailbox, revoked and dropped with it. */
#include "store_fixture.h"

static const char rump[] = "imap://a@b/INBOX/;UID=1;URLAUTH=anonymous";

static enum err token(struct fixture *f, uint32_t owner, uint64_t mailbox,
	char out[URL_TOKEN + 1])
{
	memset(out, 0, URL_TOKEN + 1);
	return url_token(f->a, owner, mailbox, S(rump), out);
}

static void test_tokens(void **state)
{
	struct fixture *f = fixture_new("tokens");
	uint64_t inbox = mailbox_id(f, "INBOX"), sent = mailbox_id(f, "Sent");
	uint32_t own = f->number;
	char a[URL_TOKEN + 1], b[URL_TOKEN + 1];

	assert_int_equal(token(f, own, inbox, a), ERR_NOTFOUND);
	in_tx(f, url_key_new(f->a, own, inbox));
	in_tx(f, url_key_new(f->a, own, sent));
	in_tx(f, url_key_new(f->a, own + 7, inbox));
	ok(token(f, own, inbox, a));
	assert_int_equal(strlen(a), URL_TOKEN);
	assert_memory_equal(a, "01", 2);
	ok(token(f, own, inbox, b));
	assert_string_equal(a, b);
	/* Another mailbox, another owner, another text. */
	ok(token(f, own, sent, b));
	assert_string_not_equal(a, b);
	ok(token(f, own + 7, inbox, b));
	assert_string_not_equal(a, b);
	ok(url_token(f->a, own, inbox, S("imap://"), b));
	assert_string_not_equal(a, b);
	fixture_reopen(f);
	ok(token(f, own, inbox, b));
	assert_string_equal(a, b);
	/* A new key revokes. */
	in_tx(f, url_key_new(f->a, own, inbox));
	ok(token(f, own, inbox, b));
	assert_string_not_equal(a, b);
	in_tx(f, url_keys_drop(f->a));
	assert_int_equal(token(f, own, inbox, b), ERR_NOTFOUND);
	assert_int_equal(token(f, own + 7, inbox, b), ERR_NOTFOUND);
	fixture_free(f);
}

static void test_dropped(void **state)
{
	struct fixture *f = fixture_new("dropped");
	char a[URL_TOKEN + 1];
	uint64_t id;

	in_tx(f, mailbox_create(f->a, S("Work"), SPECIAL_NONE, &id));
	in_tx(f, url_key_new(f->a, f->number, id));
	in_tx(f, url_key_new(f->a, f->number + 1, id));
	in_tx(f, mailbox_delete(f->a, id));
	assert_int_equal(token(f, f->number, id, a), ERR_NOTFOUND);
	ok(token(f, f->number + 1, id, a));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
