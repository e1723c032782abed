/* SPDX-License-Identifier: EUPL-1.2 */
/* A head as keyd keeps it: 8-byte numbers in big-endian order, then the two
 * digests. The first 8 bytes are the serial, which is all that keyd reads. */
#ifndef DAEMON_HEAD_H
#define DAEMON_HEAD_H

#include <bastide/store.h>

#define HEAD_PACKED (4 * 8 + 16 + 32)

void head_pack(const struct head *h, uint8_t out[HEAD_PACKED]);
/* ERR_CORRUPT. */
MUST_CHECK enum err head_unpack(struct slice raw, struct head *out);

#endif
