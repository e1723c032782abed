/* SPDX-License-Identifier: EUPL-1.2 */
/* SASL PLAIN (RFC 4616), and what names and passwords may look like. */
#include <bastide/limits.h>
#include <bastide/sasl.h>

#include "scram.h"

enum err password_prepare(struct slice password)
{
	if (!password.n || password.n > LIMIT_PASSWORD)
		return ERR_LIMIT;
	for (size_t i = 0; i < password.n; i++) {
		unsigned char c = (unsigned char)password.p[i];
		if (c < 0x20 || c == 0x7f)
			return ERR_ENCODING;
	}
	return utf8_valid(password) ? ERR_OK : ERR_ENCODING;
}

enum err sasl_plain_parse(struct slice message, struct sasl_plain *out)
{
	/* [authzid] NUL authcid NUL passwd (RFC 4616 2) */
	struct slice rest, password;
	size_t first = slice_find(message, '\0');

	if (message.n > LIMIT_SASL_MESSAGE)
		return ERR_LIMIT;
	if (first == message.n)
		return ERR_SYNTAX;
	rest = slice_from(message, first + 1);
	size_t second = slice_find(rest, '\0');
	if (second == 0 || second == rest.n || second > LIMIT_ADDRESS)
		return ERR_SYNTAX;
	password = slice_from(rest, second + 1);
	if (!password.n || slice_find(password, '\0') < password.n)
		return ERR_SYNTAX;
	struct slice authzid = slice_head(message, first);
	struct slice authcid = slice_head(rest, second);
	if (!utf8_valid(authzid) || !utf8_valid(authcid) ||
		password_prepare(password) != ERR_OK)
		return ERR_SYNTAX;
	*out = (struct sasl_plain){ authzid, authcid, password };
	return ERR_OK;
}

enum err sasl_user(
	struct slice mechanism, struct slice message, struct buf *out)
{
	if (slice_ieqs(mechanism, "PLAIN")) {
		struct sasl_plain plain;
		TRY(sasl_plain_parse(message, &plain));
		return buf_add_slice(out, plain.authcid);
	}
	/* The front has put there whom the certificate stands for. */
	if (slice_ieqs(mechanism, "EXTERNAL"))
		return message.n <= LIMIT_ADDRESS * 3 && utf8_valid(message)
			       ? buf_add_slice(out, message)
			       : ERR_SYNTAX;
	if (slice_ieqs(mechanism, "SCRAM-SHA-256") ||
		slice_ieqs(mechanism, SCRAM_PLUS))
		return scram_user(message, out);
	if (slice_ieqs(mechanism, "OAUTHBEARER") ||
		slice_ieqs(mechanism, "XOAUTH2")) {
		struct slice token;
		return sasl_bearer_parse(mechanism, message, out, &token);
	}
	return ERR_UNSUPPORTED;
}
