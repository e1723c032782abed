/* SPDX-License-Identifier: EUPL-1.2 */
/* Object ids: 16 random bytes, shown as 26 letters (RFC 4648 6, lower case,
 * without padding), which RFC 8474 4 allows as they are. */
#include <stdlib.h>

#include <bastide/crypt.h>
#include <bastide/store.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

void oid_new(struct oid *out)
{
	if (random_bytes(out->b, sizeof(out->b)) != ERR_OK)
		abort(); /* without random bytes nothing here is safe */
}

void oid_text(const struct oid *id, char out[OID_TEXT + 1])
{
	unsigned bits = 0, n = 0;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(id->b); i++) {
		bits = bits << 8 | id->b[i];
		for (n += 8; n >= 5; n -= 5)
			out[at++] = letters[bits >> (n - 5) & 31];
		bits &= (1u << n) - 1;
	}
	out[at++] = letters[bits << (5 - n) & 31];
	out[at] = '\0';
}

enum err oid_parse(struct slice text, struct oid *out)
{
	struct oid id;
	unsigned bits = 0, n = 0;
	size_t at = 0;

	if (text.n != OID_TEXT)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);
		const char *digit = c ? strchr(letters, c) : NULL;
		if (!digit)
			return ERR_SYNTAX;
		bits = bits << 5 | (unsigned)(digit - letters);
		n += 5;
		if (n >= 8) {
			n -= 8;
			id.b[at++] = (uint8_t)(bits >> n);
			bits &= (1u << n) - 1;
		}
	}
	if (bits != 0) /* 130 letters' bits for 128: the rest must be zero */
		return ERR_SYNTAX;
	*out = id;
	return ERR_OK;
}
