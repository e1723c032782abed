/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of capabilities: what is said to exist is what stands here. */
#include <bastide/limits.h>

#include "capability.h"

/* The argument of APPENDLIMIT. */
_Static_assert(LIMIT_MESSAGE == 104857600, "as the table says");

const struct capability capabilities[] = {
	{ "IMAP4rev1", "RFC 3501", CAP_ALL, 0, NULL },
	{ "IMAP4rev2", "RFC 9051", CAP_ALL, ENABLED_REV2, NULL },
	{ "LITERAL+", "RFC 7888", CAP_ALL, 0, NULL },
	{ "SASL-IR", "RFC 4959", CAP_ALL, 0, NULL },
	{ "ID", "RFC 2971", CAP_ALL, 0, NULL },
	{ "ENABLE", "RFC 5161", CAP_ALL, 0, NULL },
	{ "IDLE", "RFC 2177", CAP_ALL, 0, NULL },
	{ "LANGUAGE", "RFC 5255 3", CAP_ALL, 0, NULL },
	{ "INPROGRESS", "RFC 9585", CAP_USER, 0, NULL },
	{ "NAMESPACE", "RFC 2342", CAP_USER, 0, NULL },
	{ "UIDPLUS", "RFC 4315", CAP_USER, 0, NULL },
	{ "BINARY", "RFC 3516", CAP_USER, 0, NULL },
	{ "CHILDREN", "RFC 3348", CAP_USER, 0, NULL },
	{ "UNSELECT", "RFC 3691", CAP_USER, 0, NULL },
	{ "CONDSTORE", "RFC 7162 3.1", CAP_USER, ENABLED_CONDSTORE, NULL },
	{ "ESEARCH", "RFC 4731", CAP_USER, 0, NULL },
	{ "SEARCHRES", "RFC 5182", CAP_USER, 0, NULL },
	{ "PARTIAL", "RFC 9394", CAP_USER, 0, NULL },
	{ "WITHIN", "RFC 5032", CAP_USER, 0, NULL },
	{ "QRESYNC", "RFC 7162 3.2", CAP_USER,
		ENABLED_QRESYNC | ENABLED_CONDSTORE, NULL },
	{ "COMPRESS=DEFLATE", "RFC 4978", CAP_USER, 0, NULL },
	{ "UIDBATCHES", "RFC 10022", CAP_USER, 0, NULL },
	{ "UIDONLY", "RFC 9586", CAP_USER, ENABLED_UIDONLY, NULL },
	{ "UTF8=ACCEPT", "RFC 9755", CAP_USER, ENABLED_UTF8, NULL },
	{ "SPECIAL-USE", "RFC 6154", CAP_USER, 0, NULL },
	{ "MOVE", "RFC 6851", CAP_USER, 0, NULL },
	{ "APPENDLIMIT", "RFC 7889", CAP_USER, 0, "104857600" },
	{ "STATUS=SIZE", "RFC 8438", CAP_USER, 0, NULL },
	{ "OBJECTID", "RFC 8474", CAP_USER, 0, NULL },
	{ "SAVEDATE", "RFC 8514", CAP_USER, 0, NULL },
	/* Old Outlooks and phones: no RFC. */
	{ "XLIST", "Gmail IMAP extensions", CAP_USER, 0, NULL },
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
