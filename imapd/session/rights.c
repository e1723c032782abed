/* SPDX-License-Identifier: EUPL-1.2 */
/* Rights as letters (RFC 4314 2.1, 2.1.1), and the flags that they let set. */
#include "place.h"

/* In the order of the bits RIGHT_*. */
static const char letters[] = "lrswipkxtea";

/* RFC 2086's rights, as what they are now. */
static const struct {
	char letter;
	unsigned rights;
} virtual_rights[] = {
	{ 'c', RIGHT_CREATE | RIGHT_DELETE_MAILBOX },
	{ 'd', RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE },
};
#define N_VIRTUAL (sizeof(virtual_rights) / sizeof(virtual_rights[0]))

bool rights_parse(struct slice text, unsigned *out)
{
	*out = 0;
	for (size_t k = 0; k < text.n; k++) {
		const char *at = text.p[k] ? strchr(letters, text.p[k]) : NULL;
		unsigned bits = at ? 1u << (at - letters) : 0;
		for (size_t v = 0; v < N_VIRTUAL; v++)
			if (text.p[k] == virtual_rights[v].letter)
				bits = virtual_rights[v].rights;
		if (!bits)
			return false;
		*out |= bits;
	}
	return true;
}

void rights_text(unsigned rights, char out[RIGHTS_TEXT])
{
	for (size_t k = 0; letters[k]; k++)
		if (rights >> k & 1)
			*out++ = letters[k];
	for (size_t v = 0; v < N_VIRTUAL; v++)
		if (rights & virtual_rights[v].rights)
			*out++ = virtual_rights[v].letter;
	*out = '\0';
}

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
