/* SPDX-License-Identifier: EUPL-1.2 */
/* One request of an administrator in a tenantd, and what its operations share
 * (admin_tenantd.c). */
#ifndef DAEMON_ADMIN_CALL_H
#define DAEMON_ADMIN_CALL_H

#include <bastide/sasl.h>

#include "admin_json.h"
#include "tenantd.h"

/* Rows of one answer. */
#define PAGE 40

struct call {
	uint32_t id;
	struct admin_request request;
	struct arena *arena;
	struct slice address; /* normal form of "address" */
	uint32_t account;     /* who it is, when there is such a user */
	json_t *result;
	/* Told to the router when durable. */
	struct slice appeared, vanished;
	uint64_t commit;
	struct scram_verifier verifier;
	struct job *job;
	struct timer *again;
	unsigned tries;
	struct call *next;
};

/* `what`, its audit row and the commit, in one transaction. */
MUST_CHECK enum err admin_change(
	struct call *c, enum err (*what)(struct call *c));
/* {"rows":[...]}, and where the next page goes on when this one is full: the
 * last row's `key`. Takes `rows`. */
MUST_CHECK enum err admin_rows_result(
	struct call *c, json_t *rows, const char *key);
/* "after" as a number, 0 without. */
MUST_CHECK enum err admin_after(struct call *c, uint64_t *out);
/* Inside a transaction: the user that the request describes. */
MUST_CHECK enum err admin_add_user(struct call *c);

/* admin_share.c, admin_group.c */
enum err share_create(struct call *c);
enum err share_grant(struct call *c);
enum err share_revoke(struct call *c);
enum err share_show(struct call *c);
enum err group_create_op(struct call *c);
enum err group_list_op(struct call *c);
enum err group_delete_op(struct call *c);
enum err member_create(struct call *c);
enum err member_list(struct call *c);
enum err member_delete(struct call *c);

#endif
