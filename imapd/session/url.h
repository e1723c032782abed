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
/* Who may fetch it (RFC 4467 3). */
enum url_access { URL_SUBMIT, URL_USER, URL_AUTHUSER, URL_ANONYMOUS };
/* "imap://user@host/mailbox;UIDVALIDITY=n/;UID=n...;EXPIRE=t;URLAUTH=..." */
struct url_auth {
	struct imap_url url;
	struct slice rump; /* without ":mechanism:token" */
	struct slice user; /* whose key; an address */
	enum url_access access;
	struct slice access_user;
	int64_t expires;        /* INT64_MAX: never */
	struct slice mechanism; /* and the token; empty in a rump */
	struct slice token;
};
/* ERR_SYNTAX. */
MUST_CHECK enum err url_auth_parse(
	struct arena *a, struct slice url, struct url_auth *out);
/* "BADURL url", as long as the command lives. */
const char *url_bad_code(struct imap *i, struct slice url);

/* "/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=a.b", or from ";UID" on:
 * relative to the session. ERR_SYNTAX. */
MUST_CHECK enum err url_parse(
	struct arena *a, struct slice url, struct imap_url *out);

#endif
