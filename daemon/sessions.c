/* SPDX-License-Identifier: EUPL-1.2 */
/* The protocols whose sessions live in a tenantd. */
#include <bastide/mail.h>

#include "tenantd.h"

/* Charsets and the locale of case folding are files. */
static enum err warm_up_text(void)
{
	mail_text_warm_up();
	return ERR_OK;
}

const struct house houses[] = {
	{ PROTOCOL_IMAP, imap_session_new, warm_up_text, "imap", indexer_begin,
		indexer_end },
	{ PROTOCOL_SUBMIT, smtp_session_new, NULL, "submit", outbound_begin,
		NULL },
	{ PROTOCOL_DELIVER, smtp_session_new, NULL, "deliver", NULL, NULL },
	{ PROTOCOL_DAV, dav_session_new, dav_warm_up, "dav", NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, NULL },
};
