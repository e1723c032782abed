/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside COPY and MOVE: the command (cmd_copy.c), and the way of a message into
 * another account, whose key seals its body again (copy_across.c). */
#ifndef IMAPD_COPY_H
#define IMAPD_COPY_H

#include "place.h"

struct copy {
	struct set set;
	uint32_t next; /* UID; 0: through */
	struct place to;
	bool move;
	uint32_t *from_uids, *to_uids;
	size_t n, max;
	/* The message on its way into another account. */
	struct message_row row;
	struct body_writer *body; /* NULL: none is */
	uint64_t offset;
	struct arena *arena; /* its envelope and structure, names of keywords */
};

/* Room in the lists of UIDs. */
MUST_CHECK enum err copy_room(struct copy *w, size_t more);
/* The next message, or a piece of it. ERR_AGAIN: it goes on. */
MUST_CHECK enum err copy_across(struct imap *i, struct copy *w);
void copy_across_end(struct copy *w);

#endif
