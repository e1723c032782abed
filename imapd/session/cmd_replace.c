/* SPDX-License-Identifier: EUPL-1.2 */
/* REPLACE (RFC 8508): a message comes and another goes, in one transaction.
 * Its arguments are read by cmd_append.c. */
#include "append.h"

/* RFC 8508 6: those of STORE and EXPUNGE for the message to go. */
#define RIGHTS_TO_REPLACE (RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE)

static enum err more(struct imap *i)
{
	uint32_t uids[LIMIT_APPEND_MESSAGES];

	TRY(append_finish(i, uids));
	/* RFC 8508 4.3: untagged, before the EXPUNGE. */
	imap_gate(i);
	imap_untagged(i, "OK [APPENDUID %u %u] The new one is there",
		i->append->uidvalidity, uids[0]);
	return ERR_OK;
}

/* The message to go is looked up when the view is loaded: now. */
enum err cmd_replace(struct imap *i)
{
	struct append *a = i->append;
	struct set set = { .n = 1 };

	if (!a)
		a = append_start(i);
	if (!a)
		return ERR_SYNTAX;
	set.list = &a->victim;
	if (a->err == ERR_OK)
		TRY(set_to_uids(i, &set, i->cmd.uid));
	if (a->err == ERR_OK &&
		(i->st.rights & RIGHTS_TO_REPLACE) != RIGHTS_TO_REPLACE)
		a->err = ERR_NOPERM;
	if (a->err == ERR_OK && (set.n == 0 || !view_seq(i, set.list[0].from)))
		a->err = ERR_NOTFOUND;
	a->victim_uid = a->err == ERR_OK ? set.list[0].from : 0;
	i->cmd.more = more;
	return more(i);
}
