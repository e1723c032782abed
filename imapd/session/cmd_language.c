/* SPDX-License-Identifier: EUPL-1.2 */
/* LANGUAGE (RFC 5255 3.2); the front knows it too, before the login. */
#include "imap.h"

enum err cmd_language(struct imap *i)
{
	enum language l;
	enum err e = language_parse(&i->cmd.args, i->arena, &l);

	if (e == ERR_UNSUPPORTED)
		i->cmd.text = "No such language here";
	TRY(e);
	if (l < LANGUAGE_COUNT)
		i->st.language = l;
	language_put(&i->out, l);
	imap_flush(i);
	return ERR_OK;
}
