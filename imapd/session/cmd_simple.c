/* SPDX-License-Identifier: EUPL-1.2 */
/* Commands of a few lines: NOOP, CHECK, LOGOUT, ID, NAMESPACE, IDLE. */
#include "place.h"

static enum err no_arguments(struct imap *i)
{
	return p_end(&i->cmd.args) ? ERR_OK : ERR_SYNTAX;
}

/* News come with the end of every command. */
enum err cmd_noop(struct imap *i)
{
	return no_arguments(i);
}

enum err cmd_check(struct imap *i)
{
	return no_arguments(i);
}

enum err cmd_logout(struct imap *i)
{
	TRY(no_arguments(i));
	imap_untagged(i, "BYE See you");
	i->cmd.bye = true;
	return ERR_OK;
}

/* RFC 8437: ends the session; the connection is the front's again, which lets
 * nothing come here from behind this command (imapd/front/pipe.c). No news are
 * told, expunges least of all (3). */
enum err cmd_unauthenticate(struct imap *i)
{
	TRY(no_arguments(i));
	i->cmd.text = "Signed out";
	i->cmd.bye = true;
	return ERR_OK;
}

/* RFC 2971: the client's list, or NIL, is checked and not used. */
enum err cmd_id(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice field, value, client = { 0 };

	if (!p_sp(c))
		return ERR_SYNTAX;
	if (!p_word(c, "NIL")) {
		if (!p_char(c, '('))
			return ERR_SYNTAX;
		while (!p_char(c, ')')) {
			value = (struct slice){ 0 };
			if (!imap_string(c, i->arena, &field) || !p_sp(c))
				return ERR_SYNTAX;
			if (!p_word(c, "NIL") &&
				!imap_string(c, i->arena, &value))
				return ERR_SYNTAX;
			if (slice_ieqs(field, "name"))
				client = value;
			(void)p_sp(c);
		}
	}
	TRY(no_arguments(i));
	TRY(quirk_learn(i, client));
	imap_untagged(i, "ID (\"name\" \"Bastide\")");
	return ERR_OK;
}

enum err cmd_namespace(struct imap *i)
{
	TRY(no_arguments(i));
	imap_untagged(i,
		"NAMESPACE ((\"\" \"/\")) ((\"%s\" \"/\"))"
		" ((\"%s\" \"/\"))",
		place_roots[0].prefix, place_roots[1].prefix);
	return ERR_OK;
}

enum err cmd_idle(struct imap *i)
{
	TRY(no_arguments(i));
	conn_writes(i->conn, "+ idling\r\n");
	i->idling = true;
	i->delayed_only = false;
	if (i->changed)
		quirk_idle_news(i);
	conn_resume(i->conn);
	return ERR_OK;
}
