/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of capabilities: what is said to exist is what stands here. */
#include <bastide/limits.h>

#include "capability.h"

/* The argument of APPENDLIMIT. */
_Static_assert(LIMIT_MESSAGE == 104857600, "as the table says");

const struct capability capabilities[] = {
	{ "IMAP4rev1", "RFC 3501", "imapd/session/command.c", CAP_ALL, 0,
		NULL },
	{ "IMAP4rev2", "RFC 9051", "imapd/session/respond.c", CAP_ALL,
		ENABLED_REV2, NULL },
	{ "LITERAL+", "RFC 7888", "lib/frame_imap.c", CAP_ALL, 0, NULL },
	{ "SASL-IR", "RFC 4959", "imapd/front/preauth.c", CAP_ALL, 0, NULL },
	{ "ID", "RFC 2971", "imapd/session/cmd_simple.c", CAP_ALL, 0, NULL },
	{ "ENABLE", "RFC 5161", "imapd/session/cmd_enable.c", CAP_ALL, 0,
		NULL },
	{ "IDLE", "RFC 2177", "imapd/session/cmd_simple.c", CAP_ALL, 0, NULL },
	{ "LANGUAGE", "RFC 5255 3", "imapd/language.c", CAP_ALL, 0, NULL },
	{ "INPROGRESS", "RFC 9585", "imapd/session/session.c", CAP_USER, 0,
		NULL },
	{ "NAMESPACE", "RFC 2342", "imapd/session/cmd_simple.c", CAP_USER, 0,
		NULL },
	{ "ACL", "RFC 4314", "imapd/session/cmd_acl.c", CAP_USER, 0, NULL },
	{ "RIGHTS", "RFC 4314 2.2", "imapd/session/rights.c", CAP_USER, 0,
		"kxte" },
	{ "UIDPLUS", "RFC 4315", "imapd/session/cmd_expunge.c", CAP_USER, 0,
		NULL },
	{ "BINARY", "RFC 3516", "imapd/session/fetch_binary.c", CAP_USER, 0,
		NULL },
	{ "CATENATE", "RFC 4469", "imapd/session/append_message.c", CAP_USER, 0,
		NULL },
	{ "URL-PARTIAL", "RFC 5550 5.7.1", "imapd/session/url.c", CAP_USER, 0,
		NULL },
	{ "URLAUTH", "RFC 4467", "imapd/session/cmd_urlauth.c", CAP_USER, 0,
		NULL },
	{ "CHILDREN", "RFC 3348", "imapd/session/cmd_list.c", CAP_USER, 0,
		NULL },
	{ "UNSELECT", "RFC 3691", "imapd/session/cmd_select.c", CAP_USER, 0,
		NULL },
	{ "CONDSTORE", "RFC 7162 3.1", "imapd/session/cmd_store.c", CAP_USER,
		ENABLED_CONDSTORE, NULL },
	{ "ESEARCH", "RFC 4731", "imapd/session/search_return.c", CAP_USER, 0,
		NULL },
	{ "MULTISEARCH", "RFC 7377", "imapd/session/cmd_esearch.c", CAP_USER, 0,
		NULL },
	{ "SEARCHRES", "RFC 5182", "imapd/session/view.c", CAP_USER, 0, NULL },
	{ "SEARCH=FUZZY", "RFC 6203", "store/fulltext_fuzzy.c", CAP_USER, 0,
		NULL },
	{ "SORT", "RFC 5256", "imapd/session/cmd_sort.c", CAP_USER, 0, NULL },
	{ "SORT=DISPLAY", "RFC 5957", "imapd/session/cmd_sort.c", CAP_USER, 0,
		NULL },
	{ "ESORT", "RFC 5267 3.1", "imapd/session/cmd_sort.c", CAP_USER, 0,
		NULL },
	{ "CONTEXT=SEARCH", "RFC 5267 4", "imapd/session/context.c", CAP_USER,
		0, NULL },
	{ "CONTEXT=SORT", "RFC 5267 4", "imapd/session/context.c", CAP_USER, 0,
		NULL },
	{ "NOTIFY", "RFC 5465", "imapd/session/notify.c", CAP_USER, 0, NULL },
	{ "THREAD=ORDEREDSUBJECT", "RFC 5256", "imapd/session/thread.c",
		CAP_USER, 0, NULL },
	{ "THREAD=REFERENCES", "RFC 5256", "imapd/session/thread.c", CAP_USER,
		0, NULL },
	/* The second has all of the first, which older clients look for. */
	{ "I18NLEVEL=1", "RFC 5255 4.3", "mail/fold.c", CAP_USER, 0, NULL },
	{ "I18NLEVEL=2", "RFC 5255 4.4", "imapd/session/cmd_comparator.c",
		CAP_USER, 0, NULL },
	{ "PARTIAL", "RFC 9394", "imapd/session/fetch_partial.c", CAP_USER, 0,
		NULL },
	{ "WITHIN", "RFC 5032", "imapd/session/search_match.c", CAP_USER, 0,
		NULL },
	{ "QRESYNC", "RFC 7162 3.2", "imapd/session/resync.c", CAP_USER,
		ENABLED_QRESYNC | ENABLED_CONDSTORE, NULL },
	{ "COMPRESS=DEFLATE", "RFC 4978", "lib/conn_deflate.c", CAP_USER, 0,
		NULL },
	{ "UIDBATCHES", "RFC 10022", "imapd/session/cmd_uidbatches.c", CAP_USER,
		0, NULL },
	{ "UIDONLY", "RFC 9586", "imapd/session/fetch_flags.c", CAP_USER,
		ENABLED_UIDONLY, NULL },
	{ "UTF8=ACCEPT", "RFC 9755", "imapd/session/parse.c", CAP_USER,
		ENABLED_UTF8, NULL },
	{ "PREVIEW", "RFC 8970", "imapd/session/fetch_preview.c", CAP_USER, 0,
		NULL },
	{ "SPECIAL-USE", "RFC 6154", "imapd/session/cmd_list.c", CAP_USER, 0,
		NULL },
	{ "CREATE-SPECIAL-USE", "RFC 6154 3", "imapd/session/cmd_mailbox.c",
		CAP_USER, 0, NULL },
	{ "MOVE", "RFC 6851", "imapd/session/cmd_copy.c", CAP_USER, 0, NULL },
	{ "MULTIAPPEND", "RFC 3502", "imapd/session/cmd_append.c", CAP_USER, 0,
		NULL },
	{ "REPLACE", "RFC 8508", "imapd/session/cmd_replace.c", CAP_USER, 0,
		NULL },
	{ "QUOTA", "RFC 9208", "imapd/session/cmd_quota.c", CAP_USER, 0, NULL },
	{ "QUOTA=RES-STORAGE", "RFC 9208 5.1", "imapd/session/cmd_quota.c",
		CAP_USER, 0, NULL },
	{ "QUOTA=RES-MESSAGE", "RFC 9208 5.2", "imapd/session/cmd_quota.c",
		CAP_USER, 0, NULL },
	{ "QUOTASET", "RFC 9208 4.1.3 (users get NOPERM)",
		"imapd/session/cmd_quota.c", CAP_USER, 0, NULL },
	{ "METADATA", "RFC 5464", "imapd/session/cmd_metadata.c", CAP_USER, 0,
		NULL },
	{ "APPENDLIMIT", "RFC 7889", "imapd/session/cmd_status.c", CAP_USER, 0,
		"104857600" },
	{ "STATUS=SIZE", "RFC 8438", "imapd/session/cmd_status.c", CAP_USER, 0,
		NULL },
	{ "OBJECTID", "RFC 8474", "imapd/session/cmd_fetch.c", CAP_USER, 0,
		NULL },
	{ "SAVEDATE", "RFC 8514", "imapd/session/cmd_fetch.c", CAP_USER, 0,
		NULL },
	/* Old Outlooks and phones: no RFC. */
	{ "XLIST", "Gmail IMAP extensions", "imapd/session/cmd_list.c",
		CAP_USER, 0, NULL },
};
const size_t n_capabilities = sizeof(capabilities) / sizeof(capabilities[0]);
_Static_assert(sizeof(capabilities) / sizeof(capabilities[0]) <=
		       8 * sizeof(struct capability_set),
	"a bit for each");

const struct capability *capability_find(struct slice name)
{
	for (size_t k = 0; k < n_capabilities; k++)
		if (slice_ieqs(name, capabilities[k].name))
			return &capabilities[k];
	return NULL;
}

bool capability_in(const struct capability_set *set, const struct capability *c)
{
	size_t k = (size_t)(c - capabilities);

	return set && (set->bits[k / 64] >> (k % 64) & 1);
}

void capability_add(struct capability_set *set, const struct capability *c)
{
	size_t k = (size_t)(c - capabilities);

	set->bits[k / 64] |= (uint64_t)1 << (k % 64);
}

enum err capability_set_of(struct slice names, struct capability_set *out)
{
	enum err e = ERR_OK;

	*out = (struct capability_set){ { 0 } };
	while (names.n) {
		struct slice name = slice_cut(names, ',', &names);
		const struct capability *c = capability_find(name);
		if (c)
			capability_add(out, c);
		else
			e = ERR_UNSUPPORTED;
	}
	return e;
}

void capability_put(
	struct buf *b, unsigned state, const struct capability_set *hidden)
{
	const char *gap = "";

	for (size_t k = 0; k < n_capabilities; k++) {
		const struct capability *c = &capabilities[k];
		if (!(c->states & state) || capability_in(hidden, c))
			continue;
		buf_addf(b, "%s%s", gap, c->name);
		if (c->argument)
			buf_addf(b, "=%s", c->argument);
		gap = " ";
	}
}
