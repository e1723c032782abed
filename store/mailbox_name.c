/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Names of mailboxes: UTF-8, levels divided by '/', none of them empty, no
 * control characters. "INBOX" means the same in any case (RFC 3501 5.1); it is
 * stored in upper case, as a first level with children too, so that INBOX/a
 * and inbox/a are one mailbox. Names are compared byte by byte.
 */
#include "schema.h"

static enum err check_levels(struct slice name)
{
	size_t levels = 1;

	if (name.p[0] == '/' || name.p[name.n - 1] == '/')
		return ERR_SYNTAX;
	for (size_t i = 1; i < name.n; i++) {
		if (name.p[i] != '/')
			continue;
		if (name.p[i - 1] == '/')
			return ERR_SYNTAX;
		levels++;
	}
	return levels > LIMIT_MAILBOX_LEVELS ? ERR_LIMIT : ERR_OK;
}

/* RFC 9755 3: no C1 control characters (U+0080 to U+009F), no line or paragraph
 * separator. The name is UTF-8. */
static bool has_breaks(struct slice name)
{
	const unsigned char *p = (const unsigned char *)name.p;

	for (size_t i = 0; i + 1 < name.n; i++) {
		if (p[i] == 0xc2 && p[i + 1] < 0xa0)
			return true;
		if (i + 2 < name.n && p[i] == 0xe2 && p[i + 1] == 0x80 &&
			(p[i + 2] == 0xa8 || p[i + 2] == 0xa9))
			return true;
	}
	return false;
}

enum err mailbox_name(
	struct slice name, char out[LIMIT_MAILBOX_NAME], struct slice *name_out)
{
	struct slice rest, first;

	TRY(schema_name(name, LIMIT_MAILBOX_NAME));
	if (has_breaks(name))
		return ERR_SYNTAX;
	TRY(check_levels(name));
	memcpy(out, name.p, name.n);
	first = slice_cut(name, '/', &rest);
	if (slice_ieqs(first, "INBOX"))
		memcpy(out, "INBOX", 5);
	*name_out = slice_of(out, name.n);
	return ERR_OK;
}

struct slice mailbox_parent(struct slice name)
{
	size_t n = name.n;

	while (n > 0 && name.p[n - 1] != '/')
		n--;
	return slice_head(name, n > 0 ? n - 1 : 0);
}

void mailbox_below(struct slice name, struct name_range *out)
{
	memcpy(out->low, name.p, name.n);
	memcpy(out->high, name.p, name.n);
	out->low[name.n] = '/';
	out->high[name.n] = '/' + 1;
	out->n = name.n + 1;
}
