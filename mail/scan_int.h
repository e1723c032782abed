/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside mail/: what the scanner shares with structure.c. */
#ifndef MAIL_SCAN_INT_H
#define MAIL_SCAN_INT_H

#include <bastide/mail.h>

/* Type, parameters and the other Content- fields of a part's header; `digest`
 * changes the default type. Values that find no room are left out. */
void part_take_header(struct arena *a, struct slice header, bool digest,
	struct mail_part *out);
enum err structure_pack(struct buf *b, const struct mail_part *parts, size_t n);

#endif
