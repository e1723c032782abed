/* SPDX-License-Identifier: EUPL-1.2 */
/* CAPABILITY (RFC 3501 6.1.1) and ENABLE (RFC 5161): the table is
 * imapd/capability.c. */
#include <bastide/directory.h>

#include "imap.h"

void put_capabilities(struct imap *i)
{
	capability_put(&i->out, CAP_USER, &i->st.hidden);
}

enum err imap_without_check(struct slice names)
{
	struct capability_set set;

	return capability_set_of(names, &set);
}

enum err capabilities_hide(struct imap *i)
{
	struct user_row row;

	TRY(user_get(i->tenant->store, i->st.account, i->arena, &row));
	/* One that an older version knew hides nothing. */
	(void)capability_set_of(row.imap_without, &i->st.hidden);
	return ERR_OK;
}

enum err cmd_capability(struct imap *i)
{
	if (!p_end(&i->cmd.args))
		return ERR_SYNTAX;
	buf_adds(&i->out, "* CAPABILITY ");
	put_capabilities(i);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* RFC 5161 3.1: what is not known, or not for ENABLE, is passed over. */
static const struct capability *enables(struct imap *i, struct slice name)
{
	const struct capability *c = capability_find(name);

	return c && c->enable && !capability_in(&i->st.hidden, c) ? c : NULL;
}

/* Always answered, also with nothing. */
enum err cmd_enable(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct capability_set told = { { 0 } };
	struct slice name;
	unsigned bits = 0;

	buf_adds(&i->out, "* ENABLED");
	do {
		if (!p_sp(c) || !imap_atom(c, &name)) {
			buf_reset(&i->out);
			return ERR_SYNTAX;
		}
		const struct capability *cap = enables(i, name);
		if (!cap || capability_in(&told, cap))
			continue;
		capability_add(&told, cap);
		bits |= cap->enable;
		buf_addf(&i->out, " %s", cap->name);
	} while (!p_end(c));
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	imap_enable(i, bits);
	return ERR_OK;
}
