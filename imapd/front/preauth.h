/* SPDX-License-Identifier: EUPL-1.2 */
/* The dialogue before the login; see preauth.c. */
#ifndef IMAPD_PREAUTH_H
#define IMAPD_PREAUTH_H

#include <bastide/session.h>

void preauth_accepted(
	struct front *f, int fd, const char *service, bool implicit_tls);

#endif
