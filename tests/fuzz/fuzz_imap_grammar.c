/* SPDX-License-Identifier: EUPL-1.2 */
/* Everything that reads a piece of an IMAP command. */
#include "../../imapd/session/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(MIB(4));
	struct slice in = slice_of(data, size), s;
	struct fetch_request r;
	struct flag_list flags;
	struct mail_date d;
	struct imap_url url;
	struct url_auth auth;
	struct set set;
	struct imap i = { .arena = a };
	struct cursor c;
	struct buf b, back;
	int64_t day;

	buf_init(&b, MIB(1));
	buf_init(&back, MIB(2));
	c = cursor_of(in);
	(void)fetch_parse(&c, a, &r);
	c = cursor_of(in);
	if (imap_set(&c, a, &set))
		set_resolve(&set, 10);
	c = cursor_of(in);
	(void)imap_flag_list(&c, true, &flags);
	c = cursor_of(in);
	(void)imap_mailbox(&i, &c, &s);
	c = cursor_of(in);
	i.st.enabled = ENABLED_UTF8;
	(void)imap_mailbox(&i, &c, &s);
	(void)!url_parse(a, in, &url);
	(void)!url_auth_parse(a, in, &auth);
	c = cursor_of(in);
	(void)imap_date_time(&c, &d);
	(void)imap_date(&c, &day);
	/* One mailbox has one name. */
	if (utf7_decode(in, &b) == ERR_OK && b.n) {
		utf7_encode(buf_slice(&b), &back);
		if (!slice_eq(buf_slice(&back), in))
			__builtin_trap();
	}
	buf_free(&b);
	buf_free(&back);
	arena_free(a);
	return 0;
}
