/* SPDX-License-Identifier: EUPL-1.2 */
/* IMAP URLs of messages and their parts (RFC 5092). */
#ifndef IMAPD_URL_H
#define IMAPD_URL_H

#include "fetch.h"

struct imap_url {
	struct slice mailbox; /* UTF-8; empty: the selected one */
	uint32_t uidvalidity; /* 0: not given */
	uint32_t uid;
	struct section section; /* and PARTIAL */
};
/* "/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=a.b", or from ";UID" on:
 * relative to the session. ERR_SYNTAX. */
MUST_CHECK enum err url_parse(
	struct arena *a, struct slice url, struct imap_url *out);

#endif
