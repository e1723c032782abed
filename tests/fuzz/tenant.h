/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A tenantd's inside for fuzz targets: a real sealed store on a disk in
 * memory, with one domain and two users; made anew now and then, so that it
 * does not grow. It has no worker: work ends as if it had been killed.
 */
#ifndef TESTS_TENANT_H
#define TESTS_TENANT_H

#include <bastide/session.h>

/* One session from its begin to its end, with these bytes from the front. */
void tenant_serve(
	session_new_fn *begin, enum protocol protocol, struct slice in);

/* Records from a script: pieces that end in RS (0x1e). `put` makes a message
 * of a piece, false: the piece is a message as it is. */
void tenant_records(struct slice script,
	bool (*put)(struct msg *m, struct slice piece), struct buf *out);

#endif
