/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside THREAD: messages into threads (RFC 5256 3). Nodes know their parent;
 * lists of children are made once, at the end, by a walk in the order of sent
 * dates, which sorts all siblings at the same time.
 */
#ifndef IMAPD_THREAD_H
#define IMAPD_THREAD_H

#include "search.h"

#define NO_NODE UINT32_MAX
/* So many bytes of a subject count, as in SORT. */
#define THREAD_SUBJECT_MAX 512

struct thread_text {
	uint32_t at, n; /* in threads.texts */
};
struct thread_node {
	uint32_t parent, child, last, next;
	uint32_t n_children;
	uint32_t number; /* what the answer shows; 0: a dummy */
	int64_t sent;
	struct thread_text subject; /* base subject, collated */
	bool reply;
	bool placed; /* a dummy that has its place under the root */
	bool merged; /* a dummy whose children went to `parent` */
};

/* From text to node: open addressing; a slot is a node + 1. */
struct thread_table {
	struct {
		struct thread_text text;
		uint32_t node;
	} * slots;
	size_t n, size;
};

struct threads {
	struct buf nodes; /* struct thread_node; the messages and dummies */
	struct buf texts;
	struct buf messages; /* uint32_t: nodes of messages in mailbox order */
	struct thread_table ids, subjects;
	struct order order; /* of `messages`, by sent date */
	uint32_t top, last_top;
	uint64_t seed;
};

void threads_init(struct threads *t);
void threads_free(struct threads *t);
/* In mailbox order. Its parents are looked for when `references`. */
struct thread_message {
	const struct mail_envelope *envelope;
	int64_t sent;
	struct slice subject;
	bool reply;
	uint32_t number;
};
MUST_CHECK enum err threads_add(
	struct threads *t, const struct thread_message *m, bool references);
/* After the last one: ORDEREDSUBJECT or REFERENCES, from t->order on, which
 * is sorted. */
MUST_CHECK enum err threads_by_subject(struct threads *t);
MUST_CHECK enum err threads_by_references(struct threads *t);
MUST_CHECK enum err threads_order_begin(struct threads *t);

static inline struct thread_node *thread_node(
	const struct threads *t, uint32_t node)
{
	return (struct thread_node *)(void *)t->nodes.p + node;
}

#endif
