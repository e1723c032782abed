/* SPDX-License-Identifier: EUPL-1.2 */
/* The flags that rights let set (RFC 4314 4). */
#include "place.h"

static uint32_t system_flags(unsigned rights)
{
	uint32_t flags = FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT;

	if (!(rights & RIGHT_WRITE))
		flags = 0;
	if (rights & RIGHT_SEEN)
		flags |= FLAG_SEEN;
	if (rights & RIGHT_DELETE_MESSAGES)
		flags |= FLAG_DELETED;
	return flags;
}

void rights_limit_flags(unsigned rights, struct flags *f)
{
	f->system &= system_flags(rights);
	if (!(rights & RIGHT_WRITE))
		memset(f->keyword, 0, sizeof(f->keyword));
}

void rights_keep_flags(
	unsigned rights, const struct flags *before, struct flags *now)
{
	uint32_t may = system_flags(rights);

	now->system = (now->system & may) | (before->system & ~may);
	if (!(rights & RIGHT_WRITE))
		memcpy(now->keyword, before->keyword, sizeof(now->keyword));
}

unsigned rights_for(const struct flag_list *f)
{
	unsigned rights = f->n_keywords ? RIGHT_WRITE : 0;

	if (f->system & (FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT))
		rights |= RIGHT_WRITE;
	if (f->system & FLAG_SEEN)
		rights |= RIGHT_SEEN;
	if (f->system & FLAG_DELETED)
		rights |= RIGHT_DELETE_MESSAGES;
	return rights;
}

void rights_limit_list(unsigned rights, struct flag_list *f)
{
	f->system &= system_flags(rights);
	if (!(rights & RIGHT_WRITE))
		f->n_keywords = 0;
}
