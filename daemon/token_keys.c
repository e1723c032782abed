/* SPDX-License-Identifier: EUPL-1.2 */
/* The keys by which tenants verify tokens: read here, parsed in the workers. */
#include <bastide/log.h>

#include "bastided.h"

static struct buf keys; /* empty: there are no tokens */

/* A token that names neither us nor its maker is anybody's. */
static bool is_complete(void)
{
	const struct config *c = bastided.process.config;

	return config_str(c, "oauth_issuer")[0] &&
	       config_str(c, "oauth_audience")[0];
}

enum err token_keys_read(void)
{
	struct buf fresh;

	TRY(named_file_read("oauth_keys", LIMIT_TOKEN_KEY_SET, &fresh));
	if (fresh.n && !is_complete()) {
		log_event(LOG_ERROR_, "oauth-incomplete",
			"missing=\"oauth_issuer or oauth_audience\"");
		buf_free(&fresh);
		return ERR_SYNTAX;
	}
	buf_free(&keys);
	keys = fresh;
	return ERR_OK;
}

enum err token_keys_send(struct ipc *i)
{
	struct msg m;

	msg_begin(&m, TENANT_TOKEN_KEYS);
	msg_reserve(&m, keys.n + 64);
	msg_add_slice(&m, buf_slice(&keys));
	return ipc_send(i, &m);
}
