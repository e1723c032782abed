/* SPDX-License-Identifier: EUPL-1.2 */
/* Filters of mailboxes (RFC 5465 6, RFC 7377 2.2). */
#include "filter.h"

static const struct {
	const char *name;
	bool names; /* one or more follow */
} kinds[] = {
	[FILTER_SELECTED] = { "SELECTED", false },
	[FILTER_DELAYED] = { "SELECTED-DELAYED", false },
	[FILTER_INBOXES] = { "INBOXES", false },
	[FILTER_PERSONAL] = { "PERSONAL", false },
	[FILTER_SUBSCRIBED] = { "SUBSCRIBED", false },
	[FILTER_SUBTREE] = { "SUBTREE", true },
	[FILTER_SUBTREE_ONE] = { "SUBTREE-ONE", true },
	[FILTER_MAILBOXES] = { "MAILBOXES", true },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool one_name(
	struct imap *i, struct cursor *c, struct arena *a, struct filter *f)
{
	struct slice name;

	if (!imap_mailbox(i, c, &name))
		return false;
	f->names[f->n] = arena_copy(a, name);
	return f->names[f->n++].p != NULL;
}

/* one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static bool parse_names(struct imap *i, struct cursor *c, struct arena *a,
	size_t *n_names, struct filter *f)
{
	size_t room = LIMIT_FILTER_NAMES - *n_names;
	bool many = p_char(c, '('), ok = true;

	f->names = arena_array(a, struct slice, room + 1);
	if (!f->names)
		return false;
	do
		ok = f->n < room && one_name(i, c, a, f);
	while (ok && many && p_sp(c));
	*n_names += f->n;
	return ok && (!many || p_char(c, ')'));
}

bool filter_parse(struct imap *i, struct cursor *c, struct arena *a,
	size_t *n_names, struct filter *out)
{
	struct slice word;
	size_t k = 0;

	*out = (struct filter){ 0 };
	if (!imap_atom(c, &word))
		return false;
	while (k < N_KINDS && !slice_ieqs(word, kinds[k].name))
		k++;
	if (k == N_KINDS)
		return false;
	out->kind = (enum filter_kind)k;
	return !kinds[k].names ||
	       (p_sp(c) && parse_names(i, c, a, n_names, out));
}

bool place_is_selected(const struct imap *i, const struct place *p)
{
	return i->st.selected && p->account == i->box &&
	       p->row.id == i->st.mailbox;
}

static bool is_below(struct slice name, struct slice above, bool one_level)
{
	if (name.n <= above.n + 1 ||
		!slice_eq(slice_head(name, above.n), above) ||
		name.p[above.n] != '/')
		return false;
	struct slice rest = slice_from(name, above.n + 1);
	return !one_level || slice_find(rest, '/') == rest.n;
}

static bool is_named(const struct filter *f, struct slice name)
{
	for (size_t k = 0; k < f->n; k++) {
		if (slice_eq(name, f->names[k]))
			return true;
		if (f->kind != FILTER_MAILBOXES &&
			is_below(name, f->names[k],
				f->kind == FILTER_SUBTREE_ONE))
			return true;
	}
	return false;
}

enum err filter_has(struct imap *i, const struct filter *f,
	const struct place *p, bool *out)
{
	switch (f->kind) {
	case FILTER_SELECTED:
	case FILTER_DELAYED:
		*out = place_is_selected(i, p);
		break;
	case FILTER_INBOXES: /* mail is delivered there only */
		*out = place_is_own(i, p->account) &&
		       slice_eqs(p->row.name, "INBOX");
		break;
	case FILTER_PERSONAL:
		*out = place_is_own(i, p->account);
		break;
	case FILTER_SUBSCRIBED:
		return subscription_has(i->account, p->row.name, out);
	default:
		*out = is_named(f, p->row.name);
	}
	return ERR_OK;
}

/* --- mailboxes of others -------------------------------------------------------------- */

bool filter_leaves(const struct filter *f)
{
	for (size_t k = 0; k < f->n; k++)
		if (!place_name_is_own(f->names[k]))
			return true;
	return f->kind == FILTER_SUBSCRIBED;
}

static bool names_reach(const struct filter *f, struct slice name)
{
	for (size_t k = 0; k < f->n; k++)
		if (slice_eq(name, f->names[k]) ||
			is_below(name, f->names[k], false) ||
			is_below(f->names[k], name, false))
			return true;
	return false;
}

static enum err subscribed_reaches(struct imap *i, struct slice name, bool *out)
{
	char after[LIMIT_ADDRESS + 32];
	struct slice first, root = slice_head(name, slice_find(name, '/'));
	size_t n;

	TRY(subscription_has(i->account, name, out));
	if (!*out)
		TRY(subscription_has(i->account, root, out));
	if (*out || name.n >= sizeof(after))
		return ERR_OK;
	memcpy(after, name.p, name.n);
	after[name.n] = '/';
	TRY(subscription_list(i->account, slice_of(after, name.n + 1), i->arena,
		&first, 1, &n));
	*out = n && is_below(first, name, false);
	return ERR_OK;
}

enum err filter_reaches(
	struct imap *i, const struct filter *f, struct slice name, bool *out)
{
	if (f->kind == FILTER_SUBSCRIBED)
		return subscribed_reaches(i, name, out);
	*out = names_reach(f, name);
	return ERR_OK;
}
