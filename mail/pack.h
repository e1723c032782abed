/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside mail/: how envelopes and structures are packed. Numbers are LEB128
 * (7 bits a byte, low first); a string is its length + 1, then its bytes; 0
 * stands for NIL. The first byte of a pack is its version.
 */
#ifndef MAIL_PACK_H
#define MAIL_PACK_H

#include <bastide/cursor.h>
#include <bastide/mail.h>

#define PACK_VERSION 1

void pack_number(struct buf *b, uint64_t v);
void pack_string(struct buf *b, struct slice s);
bool unpack_number(struct cursor *c, uint64_t max, uint64_t *out);
bool unpack_string(struct cursor *c, struct slice *out);
/* ERR_CORRUPT when empty, ERR_VERSION when newer. */
MUST_CHECK enum err unpack_version(struct cursor *c);

#endif
