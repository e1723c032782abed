/* SPDX-License-Identifier: EUPL-1.2 */
/* `bastide index` in a tenantd: how far the index of words is. */
#ifndef DAEMON_ADMIN_INDEX_H
#define DAEMON_ADMIN_INDEX_H

#include <jansson.h>

#include <bastide/err.h>

/* The caller owns *out. */
MUST_CHECK enum err admin_index_show(uint32_t account, json_t **out);
/* After a quarter of a second `done`, with a result that the callee owns:
 * the same, with "next" and "progress" while it is not complete. */
MUST_CHECK enum err admin_index_wait(uint32_t account,
	void (*done)(void *arg, enum err e, json_t *result), void *arg);

#endif
