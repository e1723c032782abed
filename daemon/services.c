/* SPDX-License-Identifier: EUPL-1.2 */
/* What is offered to the Internet, and which program answers. */
#include "bastided.h"

const struct service services[] = {
	{ "imapd", "imap", "imap_port", false },  /* RFC 9051, STARTTLS */
	{ "imapd", "imaps", "imaps_port", true }, /* RFC 8314 3.2 */
	{ "smtpd", "smtp", "smtp_port", false },  /* RFC 5321 */
	{ "smtpd", "submission", "submission_port", false },  /* RFC 6409 */
	{ "smtpd", "submissions", "submissions_port", true }, /* RFC 8314 3.3 */
	{ "caldavd", "https", "https_port", true },
	{ "caldavd", "http", "http_port", false }, /* set-up pages only */
	{ NULL, NULL, NULL, false },
};
