/* SPDX-License-Identifier: EUPL-1.2 */
/* The short FETCH response: flags of one message, for news and STORE. */
#include "imap.h"

void put_fetch_flags(struct imap *i, uint32_t seq,
	const struct message_row *row, bool flags,
	const struct slice keywords[LIMIT_KEYWORDS])
{
	struct buf *b = &i->out;
	const char *gap = "";

	if (seq == 0)
		return;
	buf_addf(b, "* %u FETCH (", seq);
	/* RFC 7162 3.2.4; RFC 9051 7.5.2. */
	if (i->cmd.uid || imap_enabled(i, ENABLED_CONDSTORE | ENABLED_REV2)) {
		buf_addf(b, "UID %u", row->uid);
		gap = " ";
	}
	if (imap_enabled(i, ENABLED_CONDSTORE)) {
		buf_addf(b, "%sMODSEQ (%llu)", gap,
			(unsigned long long)row->modseq);
		gap = " ";
	}
	if (flags) {
		buf_addf(b, "%sFLAGS ", gap);
		put_flags(b, &row->flags, imap_recent(i, row->uid), keywords);
	}
	buf_adds(b, ")\r\n");
}
