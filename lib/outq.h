/* SPDX-License-Identifier: EUPL-1.2 */
/* The output queue of a connection: bytes, and marks where the gate stands. */
#ifndef LIB_OUTQ_H
#define LIB_OUTQ_H

#include <sys/uio.h>

#include <bastide/slice.h>

struct chunk;
struct mark;
struct outq {
	struct chunk *first, *last;
	uint64_t written, sent; /* bytes ever */
	struct mark *marks;     /* open ones: from `mark` to n_marks */
	size_t mark, n_marks, cap_marks;
};

void outq_free(struct outq *q);
MUST_CHECK enum err outq_add(struct outq *q, struct slice s);
/* Bytes added from now on wait for `commit`. */
MUST_CHECK enum err outq_gate(struct outq *q, uint64_t commit);
static inline uint64_t outq_pending(const struct outq *q)
{
	return q->written - q->sent;
}
/* Bytes at the front that may leave when `durable` is durable. */
uint64_t outq_sendable(struct outq *q, uint64_t durable);
/* The first `most` bytes as at most `max` pieces; gives their number. */
size_t outq_pieces(
	const struct outq *q, uint64_t most, struct iovec *iov, size_t max);
void outq_drop(struct outq *q, size_t n);

#endif
