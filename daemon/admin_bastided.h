/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DAEMON_ADMIN_BASTIDED_H
#define DAEMON_ADMIN_BASTIDED_H

#include <bastide/slice.h>

struct admin_client;
/* Runs one request; admin_answer comes once, perhaps from inside. */
void admin_run(struct admin_client *c, struct slice line);
/* admin_server.c: one line. */
void admin_answer(struct admin_client *c, struct slice line);

#endif
