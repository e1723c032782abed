/* SPDX-License-Identifier: EUPL-1.2 */
/* `bastide share`: what others need of it. Inside a transaction. */
#ifndef DAEMON_ADMIN_SHARE_H
#define DAEMON_ADMIN_SHARE_H

#include <bastide/acl.h>
#include <bastide/directory.h>
#include <bastide/mailbox.h>

#include "admin_json.h"

/* Nobody but its own user has rights in the account any more. */
MUST_CHECK enum err admin_share_end(struct store *s, uint32_t owner);
/* What is shared with the groups of the user appears in his clients. */
MUST_CHECK enum err admin_subscribe_member(
	struct store *s, uint32_t user, struct arena *arena);

#endif
