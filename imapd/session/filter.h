/* SPDX-License-Identifier: EUPL-1.2 */
/* Which mailboxes: the filters of NOTIFY (RFC 5465 6) and ESEARCH (RFC 7377
 * 2.2), held against each mailbox of a walk (walk.c). */
#ifndef IMAPD_FILTER_H
#define IMAPD_FILTER_H

#include "place.h"

enum filter_kind {
	FILTER_SELECTED,
	FILTER_DELAYED, /* NOTIFY's selected-delayed */
	FILTER_INBOXES,
	FILTER_PERSONAL,
	FILTER_SUBSCRIBED,
	FILTER_SUBTREE,
	FILTER_SUBTREE_ONE, /* ESEARCH's: one level down */
	FILTER_MAILBOXES,
};
struct filter {
	enum filter_kind kind;
	struct slice *names; /* in the arena, UTF-8 */
	size_t n;
};
/* "subtree (Work Lists)"; `n_names` counts those of all filters of a command,
 * up to LIMIT_FILTER_NAMES. */
bool filter_parse(struct imap *i, struct cursor *c, struct arena *a,
	size_t *n_names, struct filter *out);
MUST_CHECK enum err filter_has(struct imap *i, const struct filter *f,
	const struct place *p, bool *out);
/* May it have a mailbox of somebody else? */
bool filter_leaves(const struct filter *f);
/* May it have this name ("Shared/info@example.org"), one above or one below? */
MUST_CHECK enum err filter_reaches(
	struct imap *i, const struct filter *f, struct slice name, bool *out);
bool place_is_selected(const struct imap *i, const struct place *p);

#endif
