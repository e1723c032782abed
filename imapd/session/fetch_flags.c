/* SPDX-License-Identifier: EUPL-1.2 */
/* The short FETCH response: flags of one message, for news and STORE. */
#include "imap.h"

void put_fetch(struct imap *i, uint32_t seq, uint32_t uid)
{
	bool uidonly = imap_enabled(i, ENABLED_UIDONLY);

	buf_addf(&i->out, "* %u %s (", uidonly ? uid : seq,
		uidonly ? "UIDFETCH" : "FETCH");
}

/* RFC 7162 3.2.4, RFC 9051 7.5.2, RFC 5465 5.1. UIDFETCH begins with it (RFC 9586 3.3). */
static bool has_uid(const struct imap *i)
{
	return (i->cmd.uid || i->notify ||
		       imap_enabled(i, ENABLED_CONDSTORE | ENABLED_REV2)) &&
	       !imap_enabled(i, ENABLED_UIDONLY);
}

void put_fetch_flags(struct imap *i, uint32_t seq,
	const struct message_row *row, bool flags,
	const struct slice keywords[LIMIT_KEYWORDS])
{
	struct buf *b = &i->out;
	const char *gap = "";

	if (seq == 0)
		return;
	put_fetch(i, seq, row->uid);
	if (has_uid(i)) {
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
