/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of commands: what exists is what stands here. */
#include "imap.h"

const struct command_row command_rows[] = {
	{ "APPEND", cmd_append, IN_ANY, 0 }, /* RFC 3501 6.3.11 */
	{ "CANCELUPDATE", cmd_cancelupdate, IN_SELECTED, 0 }, /* RFC 5267 */
	{ "CAPABILITY", cmd_capability, IN_ANY, 0 },          /* 6.1.1 */
	{ "CHECK", cmd_check, IN_SELECTED, ASKS_ARRIVALS },   /* 6.4.1 */
	{ "CLOSE", cmd_close, IN_SELECTED, 0 },               /* 6.4.2 */
	{ "COMPARATOR", cmd_comparator, IN_ANY, 0 },          /* RFC 5255 4.7 */
	{ "COMPRESS", cmd_compress, IN_ANY, 0 },              /* RFC 4978 3 */
	{ "COPY", cmd_copy, IN_SELECTED, UID_TOO | WANTS_VIEW }, /* 6.4.7 */
	{ "CREATE", cmd_create, IN_ANY, 0 },                     /* 6.3.3 */
	{ "DELETE", cmd_delete, IN_ANY, 0 },                     /* 6.3.4 */
	{ "DELETEACL", cmd_deleteacl, IN_ANY, 0 }, /* RFC 4314 3.2 */
	{ "ENABLE", cmd_enable, IN_ANY, 0 },       /* RFC 5161 */
	{ "ESEARCH", cmd_esearch, IN_ANY,
		UID_TOO | NO_NUMBERS | NO_EXPUNGE }, /* RFC 7377 2 */
	{ "EXAMINE", cmd_examine, IN_ANY, 0 },       /* RFC 3501 6.3.2 */
	{ "EXPUNGE", cmd_expunge, IN_SELECTED,
		UID_TOO | WANTS_VIEW | WRITES |
			NO_NUMBERS }, /* 6.4.3, RFC 4315 2.1 */
	{ "FETCH", cmd_fetch, IN_SELECTED,
		UID_TOO | WANTS_VIEW | NO_EXPUNGE },     /* 6.4.5 */
	{ "GENURLAUTH", cmd_genurlauth, IN_ANY, 0 },     /* RFC 4467 7 */
	{ "GETACL", cmd_getacl, IN_ANY, 0 },             /* RFC 4314 3.3 */
	{ "GETMETADATA", cmd_getmetadata, IN_ANY, 0 },   /* RFC 5464 4.2 */
	{ "GETQUOTA", cmd_getquota, IN_ANY, 0 },         /* RFC 9208 4.1.1 */
	{ "GETQUOTAROOT", cmd_getquotaroot, IN_ANY, 0 }, /* 4.1.2 */
	{ "ID", cmd_id, IN_ANY, 0 },                     /* RFC 2971 */
	{ "IDLE", cmd_idle, IN_ANY, ASKS_ARRIVALS },     /* RFC 2177 */
	{ "LANGUAGE", cmd_language, IN_ANY, 0 },         /* RFC 5255 3.2 */
	{ "LIST", cmd_list, IN_ANY, GLANCES },           /* RFC 3501 6.3.8 */
	{ "LISTRIGHTS", cmd_listrights, IN_ANY, 0 },     /* RFC 4314 3.4 */
	{ "LOGOUT", cmd_logout, IN_ANY, 0 },             /* 6.1.3 */
	{ "LSUB", cmd_lsub, IN_ANY, 0 },                 /* 6.3.9 */
	{ "MOVE", cmd_move, IN_SELECTED,
		UID_TOO | WANTS_VIEW | WRITES },         /* RFC 6851 */
	{ "MYRIGHTS", cmd_myrights, IN_ANY, 0 },         /* RFC 4314 3.5 */
	{ "NAMESPACE", cmd_namespace, IN_ANY, 0 },       /* RFC 2342 */
	{ "NOOP", cmd_noop, IN_ANY, ASKS_ARRIVALS },     /* RFC 3501 6.1.2 */
	{ "NOTIFY", cmd_notify, IN_ANY, ASKS_ARRIVALS }, /* RFC 5465 3.1 */
	{ "RENAME", cmd_rename, IN_ANY, 0 },             /* 6.3.5 */
	{ "REPLACE", cmd_replace, IN_SELECTED,
		UID_TOO | WANTS_VIEW | WRITES }, /* RFC 8508 */
	{ "RESETKEY", cmd_resetkey, IN_ANY, 0 }, /* RFC 4467 7 */
	{ "SEARCH", cmd_search, IN_SELECTED,
		UID_TOO | WANTS_VIEW | NO_EXPUNGE | FINDS }, /* 6.4.4 */
	{ "SELECT", cmd_select, IN_ANY, 0 },                 /* 6.3.1 */
	{ "SETACL", cmd_setacl, IN_ANY, 0 },                 /* RFC 4314 3.1 */
	{ "SETMETADATA", cmd_setmetadata, IN_ANY, 0 },       /* RFC 5464 4.3 */
	{ "SETQUOTA", cmd_setquota, IN_ANY, 0 }, /* RFC 9208 4.1.3 */
	{ "SORT", cmd_sort, IN_SELECTED,
		UID_TOO | WANTS_VIEW | NO_EXPUNGE | FINDS }, /* RFC 5256 3 */
	{ "STATUS", cmd_status, IN_ANY, GLANCES },           /* 6.3.10 */
	{ "STORE", cmd_store, IN_SELECTED,
		UID_TOO | WANTS_VIEW | NO_EXPUNGE | WRITES }, /* 6.4.6 */
	{ "SUBSCRIBE", cmd_subscribe, IN_ANY, 0 },            /* 6.3.6 */
	{ "THREAD", cmd_thread, IN_SELECTED,
		UID_TOO | WANTS_VIEW | NO_EXPUNGE | FINDS }, /* RFC 5256 3 */
	{ "UIDBATCHES", cmd_uidbatches, IN_SELECTED,
		WANTS_VIEW },                                /* RFC 10022 */
	{ "UNAUTHENTICATE", cmd_unauthenticate, IN_ANY, 0 }, /* RFC 8437 3 */
	{ "UNSELECT", cmd_unselect, IN_SELECTED, 0 },        /* RFC 3691 */
	{ "UNSUBSCRIBE", cmd_unsubscribe, IN_ANY, 0 }, /* RFC 3501 6.3.7 */
	{ "URLFETCH", cmd_urlfetch, IN_ANY, 0 },       /* RFC 4467 7 */
	{ "XLIST", cmd_xlist, IN_ANY, 0 }, /* old Outlooks: LIST with uses */
};
const size_t n_command_rows = sizeof(command_rows) / sizeof(command_rows[0]);

const struct command_row *command_find(struct slice name)
{
	for (size_t i = 0; i < n_command_rows; i++)
		if (slice_ieqs(name, command_rows[i].name))
			return &command_rows[i];
	return NULL;
}
