/* SPDX-License-Identifier: EUPL-1.2 */
/* `bastide check` in a tenantd: store_verify, between the turns of its loop. */
#ifndef DAEMON_ADMIN_CHECK_H
#define DAEMON_ADMIN_CHECK_H

#include <jansson.h>

#include <bastide/slice.h>

/* Begins a check (`after` empty), or goes on with the one whose number that
 * is. For a quarter of a second; then `done`, with a result that the callee owns:
 * rows of findings, and "next" while there is more. ERR_BUSY: one runs;
 * ERR_EXPIRED: no such check. */
MUST_CHECK enum err admin_check(struct slice after,
	void (*done)(void *arg, enum err e, json_t *result), void *arg);
/* The store is closed next. */
void admin_check_stop(void);

#endif
