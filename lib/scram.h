/* SPDX-License-Identifier: EUPL-1.2 */
/* Seams of scram.c for sasl_plain.c, sasl_bearer.c and for test vectors. */
#ifndef LIB_SCRAM_H
#define LIB_SCRAM_H

#include <bastide/sasl.h>

/* A saslname (RFC 5801 4), "=2C" and "=3D" decoded. */
MUST_CHECK enum err sasl_name(struct slice name, struct buf *out);
/* The name in a client-first-message, decoded. */
MUST_CHECK enum err scram_user(struct slice client_first, struct buf *out);
/* scram_first with a given server nonce, and client nonce as it came. */
MUST_CHECK enum err scram_first_nonce(struct slice client_first, bool plus,
	const struct sasl_binding *binding, const struct scram_verifier *v,
	const uint8_t fake_key[32], struct slice nonce,
	struct buf *server_first, struct scram **out);

#endif
