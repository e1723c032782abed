/* SPDX-License-Identifier: EUPL-1.2 */
/* What this server can, once signed in; the same list in the reply to the
 * login, and to CAPABILITY. */
#include "imap.h"

static const char *const capabilities[] = {
	"IMAP4rev1",   /* RFC 3501 */
	"LITERAL+",    /* RFC 7888 */
	"SASL-IR",     /* RFC 4959 */
	"ID",          /* RFC 2971 */
	"IDLE",        /* RFC 2177 */
	"NAMESPACE",   /* RFC 2342 */
	"UIDPLUS",     /* RFC 4315 */
	"CHILDREN",    /* RFC 3348 */
	"UNSELECT",    /* RFC 3691 */
	"ENABLE",      /* RFC 5161 */
	"CONDSTORE",   /* RFC 7162 */
	"SPECIAL-USE", /* RFC 6154 */
	"MOVE",        /* RFC 6851 */
	"XLIST",       /* old Outlooks and phones */
};

void put_capabilities(struct buf *b)
{
	for (size_t k = 0; k < sizeof(capabilities) / sizeof(capabilities[0]);
		k++)
		buf_addf(b, "%s%s", k ? " " : "", capabilities[k]);
}

enum err cmd_capability(struct imap *i)
{
	if (!p_end(&i->cmd.args))
		return ERR_SYNTAX;
	buf_adds(&i->out, "* CAPABILITY ");
	put_capabilities(&i->out);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* RFC 5161: always answered, also with nothing. */
enum err cmd_enable(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name;
	bool condstore = false;

	do {
		if (!p_sp(c) || !imap_atom(c, &name))
			return ERR_SYNTAX;
		condstore |= slice_ieqs(name, "CONDSTORE");
	} while (!p_end(c));
	imap_untagged(i, "ENABLED%s", condstore ? " CONDSTORE" : "");
	if (condstore)
		imap_enable_condstore(i);
	return ERR_OK;
}
