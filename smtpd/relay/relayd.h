/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts of relayd; see relayd.c. */
#ifndef SMTPD_RELAYD_H
#define SMTPD_RELAYD_H

#include <bastide/process.h>
#include <bastide/tls.h>

#include "route.h"

struct relayd {
	struct process process;
	struct ipc *control;
	struct dns *dns;
	struct tls_context *tls;
	size_t jobs;
};
extern struct relayd relayd;

/* One delivery over the stream `fd`, which it takes. Ends by itself. */
MUST_CHECK enum err job_new(int fd, struct slice domain, struct slice local);

#endif
