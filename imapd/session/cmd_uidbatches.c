/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * UIDBATCHES (RFC 10022): the UIDs of the mailbox in ranges of so many messages,
 * the newest first. Ranges adjoin: each begins below the end of the one before
 * it, and ends at its last message.
 */
#include "imap.h"

/* "500 1:20": the size of a batch, and which batches. */
static bool parse(
	struct cursor *c, uint32_t *size, uint32_t *first, uint32_t *last)
{
	*first = 1;
	*last = UINT32_MAX;
	if (!p_sp(c) || !p_u32(c, size) || *size == 0)
		return false;
	if (p_sp(c) && (!p_u32(c, first) || !p_char(c, ':') ||
			       !p_u32(c, last) || *first == 0 || *last == 0))
		return false;
	if (*first > *last) {
		uint32_t swap = *first;
		*first = *last;
		*last = swap;
	}
	return p_end(c);
}

static void put_batches(
	struct imap *i, uint32_t size, uint32_t first, uint32_t last)
{
	const struct view *v = &i->view;
	size_t batches = (v->n + size - 1) / size;
	const char *gap = " ";

	for (size_t k = first; k <= last && k <= batches; k++) {
		/* Indices of the batch: [low, high). */
		size_t high = v->n - (k - 1) * size;
		size_t low = high > size ? high - size : 0;
		uint32_t from = k == 1 ? v->uids[high - 1] : v->uids[high] - 1;
		buf_addf(&i->out, "%s%u", gap, from);
		if (from > v->uids[low])
			buf_addf(&i->out, ":%u", v->uids[low]);
		gap = ",";
	}
}

enum err cmd_uidbatches(struct imap *i)
{
	uint32_t size, first, last;

	if (!parse(&i->cmd.args, &size, &first, &last))
		return ERR_SYNTAX;
	if (size < LIMIT_UID_BATCH_MIN) {
		i->cmd.error_code = "TOOSMALL";
		i->cmd.text = "The batches are too small";
		return ERR_LIMIT;
	}
	buf_addf(&i->out, "* UIDBATCHES (TAG \"%.*s\")", (int)i->cmd.tag.n,
		i->cmd.tag.p);
	put_batches(i, size, first, last);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}
