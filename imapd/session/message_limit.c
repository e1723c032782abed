/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many messages one command may take (RFC 9738): of more the last ones, by
 * their UIDs, and the reply says down to which.
 */
#include "imap.h"

uint32_t imap_message_limit = LIMIT_COMMAND_MESSAGES;

void message_limit(struct imap *i, struct set *set)
{
	const struct partial last = { .asked = true,
		.from_end = true,
		.from = 1,
		.to = imap_message_limit };

	if (view_count(i, set) <= imap_message_limit)
		return;
	view_narrow(i, set, &last);
	i->cmd.limited_to = set->list[0].from;
}

/* COPY is all or nothing. */
enum err message_limit_refuse(struct imap *i, struct set *set)
{
	message_limit(i, set);
	if (!i->cmd.limited_to)
		return ERR_OK;
	i->cmd.error_code = imap_text(
		i, "MESSAGELIMIT %u %u", imap_message_limit, i->cmd.limited_to);
	i->cmd.text = "Too many messages for one command";
	return ERR_LIMIT;
}

void message_limit_tell(struct imap *i)
{
	struct command *c = &i->cmd;

	if (!c->limited_to)
		return;
	const char *code = imap_text(
		i, "MESSAGELIMIT %u %u", imap_message_limit, c->limited_to);
	const char *text = imap_text(
		i, "Only the last %u messages were taken", imap_message_limit);
	if (c->code && c->code[0]) { /* the tagged reply has another one */
		imap_untagged(i, "NO [%s] %s", code, text);
		return;
	}
	c->code = code;
	c->text = text;
}
