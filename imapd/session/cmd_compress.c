/* SPDX-License-Identifier: EUPL-1.2 */
/* COMPRESS DEFLATE (RFC 4978 3), from behind the tagged OK on: the front waits
 * for that and does it (imapd/front/pipe.c). */
#include "imap.h"

enum err cmd_compress(struct imap *i)
{
	struct cursor *c = &i->cmd.args;

	if (!p_sp(c) || !p_word(c, "DEFLATE") || !p_end(c))
		return ERR_SYNTAX;
	if (i->st.compressed) {
		i->cmd.error_code = "COMPRESSIONACTIVE";
		i->cmd.text = "It is compressed already";
		return ERR_WRONGSTATE;
	}
	i->st.compressed = true;
	return ERR_OK;
}
