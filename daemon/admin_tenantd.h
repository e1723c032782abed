/* SPDX-License-Identifier: EUPL-1.2 */
/* Administrators' operations in a tenantd. */
#ifndef DAEMON_ADMIN_TENANTD_H
#define DAEMON_ADMIN_TENANTD_H

#include <bastide/ipc.h>

/* A TENANT_ADMIN; it is answered sooner or later. */
MUST_CHECK enum err admin_ask(struct msg_in *m);
/* Answers that waited for this commit go out. */
void admin_durable(uint64_t commit);

struct call;
/* An operation ended; its answer goes out when its commit is durable. */
void admin_ran(struct call *c, enum err e);

#endif
