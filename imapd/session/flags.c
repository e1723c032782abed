/* SPDX-License-Identifier: EUPL-1.2 */
/* Flag names of a command to the bits of a mailbox. */
#include "imap.h"

enum err flags_resolve(struct account *a, uint64_t mailbox,
	const struct flag_list *list, bool create, struct flags *out)
{
	struct flags f = { .system = list->system };

	for (size_t k = 0; k < list->n_keywords; k++) {
		unsigned bit;
		enum err e = keyword_bit(
			a, mailbox, list->keywords[k], create, &bit);
		if (e == ERR_NOTFOUND && !create)
			continue;
		TRY(e);
		f.keyword[bit / 64] |= (uint64_t)1 << (bit % 64);
	}
	*out = f;
	return ERR_OK;
}
