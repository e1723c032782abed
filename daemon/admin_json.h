/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests and replies of administrators as JSON; in bastided and tenantd. */
#ifndef DAEMON_ADMIN_JSON_H
#define DAEMON_ADMIN_JSON_H

#include <jansson.h>

#include <bastide/admin.h>
#include <bastide/buf.h>

/* Checks a request against the table: known, every required argument there,
 * of its type, none besides. `args` is borrowed from `root`. */
struct admin_request {
	json_t *root, *args;
	enum admin_op op;
};
MUST_CHECK enum err admin_parse(struct slice line, struct admin_request *out);
void admin_request_free(struct admin_request *r);
/* An argument's text; {NULL, 0} when it was not given. */
struct slice admin_text(const struct admin_request *r, const char *name);
/* `preset` when it was not given. */
int64_t admin_number(
	const struct admin_request *r, const char *name, int64_t preset);
bool admin_given(const struct admin_request *r, const char *name);
/* The argument of the given type, normalised where it is a name. */
MUST_CHECK enum err admin_domain(
	const struct admin_request *r, const char *name, struct buf *out);
MUST_CHECK enum err admin_address(
	const struct admin_request *r, const char *name, struct buf *out);

json_t *json_slice(struct slice s);
/* One line in `out`. Takes `result` (NULL: none). */
MUST_CHECK enum err admin_reply(enum err e, json_t *result, struct buf *out);

#endif
