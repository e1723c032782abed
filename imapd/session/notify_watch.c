/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a session with NOTIFY hears from the store: of the user's own account
 * always; of those of others that its filters reach, which are open as long as
 * they share something; and, when there can be such, of rights. A watcher only
 * notes what to look at.
 */
#include "notify.h"

/* --- what is noted ------------------------------------------------------------------ */

static void look(struct imap *i)
{
	if (notify_due(i))
		imap_look(i);
}

void notify_note(
	struct imap *i, uint32_t account, enum watch_kind kind, uint64_t id)
{
	struct notify *n = i->notify;

	if (kind == WATCH_MAILBOX_LIST) {
		n->list_changed = true;
		n->list_foreign |= !i->acting;
	} else if (kind == WATCH_MAILBOX) {
		known_mark(i, account, id);
	}
	look(i);
}

static void on_owner_changed(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct notify_owner *o = arg;

	notify_note(o->i, account_number(o->account), kind, id);
}

static void on_rights_changed(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct imap *i = arg;
	struct notify *n = i->notify;

	if (kind != WATCH_RIGHTS)
		return;
	n->rights_stale = n->list_changed = n->list_rights = true;
	n->list_foreign |= !i->acting;
	imap_look(i);
}

bool notify_watches(const struct imap *i, uint32_t account)
{
	return i->notify &&
	       (account == i->st.account || notify_owner(i, account));
}

void notify_metadata(
	struct imap *i, uint32_t account, uint64_t mailbox, struct slice entry)
{
	struct buf *b = &i->notify->metadata;

	buf_add_be32(b, account);
	buf_add_be64(b, mailbox);
	buf_add_be16(b, (uint16_t)entry.n);
	buf_add_slice(b, entry);
	imap_look(i);
}

/* --- accounts of others ------------------------------------------------------------- */

struct notify_owner *notify_owner(const struct imap *i, uint32_t account)
{
	struct notify_owner *o = i->notify->owners;

	while (o && account_number(o->account) != account)
		o = o->next;
	return o;
}

static void let_go(struct imap *i, struct notify_owner **at)
{
	struct notify_owner *o = *at;

	*at = o->next;
	i->notify->n_owners--;
	account_unwatch(&o->watcher);
	place_release(i, o->account);
	mem_free(o);
}

static enum err add_owner(
	struct imap *i, uint32_t account, struct notify_owner **out)
{
	struct notify *n = i->notify;

	if (n->n_owners == LIMIT_NOTIFY_ACCOUNTS)
		return ERR_LIMIT;
	struct notify_owner *o = mem_new(struct notify_owner);
	if (!o)
		return ERR_NOMEM;
	enum err e = place_open(i, account, &o->account);
	if (e != ERR_OK) {
		mem_free(o);
		return e;
	}
	o->i = i;
	o->fresh = true;
	o->watcher = (struct watcher){ .changed = on_owner_changed, .arg = o };
	account_watch(o->account, &o->watcher);
	o->next = n->owners;
	n->owners = o;
	n->n_owners++;
	*out = o;
	return ERR_OK;
}

enum err notify_watch_owner(struct imap *i)
{
	const struct walk *w = &i->notify->walk;
	struct notify_owner *o = notify_owner(i, w->owner);

	if (!o)
		TRY(add_owner(i, w->owner, &o));
	o->found = true;
	memcpy(o->prefix_text, w->prefix.p, w->prefix.n);
	o->prefix = slice_of(o->prefix_text, w->prefix.n);
	return ERR_OK;
}

void notify_watch_forget(struct imap *i)
{
	for (struct notify_owner **at = &i->notify->owners; *at;) {
		struct notify_owner *o = *at;
		if (o->found) {
			o->found = o->fresh = false;
			at = &o->next;
		} else {
			let_go(i, at);
		}
	}
}

static bool shares(const struct imap *i, const struct notify_owner *o)
{
	uint32_t number = account_number(o->account), next;
	size_t n;
	enum err e = share_list(
		i->tenant->store, i->st.account, number - 1, &next, 1, &n);

	return e != ERR_OK || (n && next == number);
}

void notify_let_go(struct imap *i)
{
	struct notify *n = i->notify;

	if (!n || !n->rights_stale)
		return;
	n->rights_stale = false;
	for (struct notify_owner **at = &n->owners; *at;) {
		struct notify_owner *o = *at;
		if (shares(i, o)) {
			at = &o->next;
			continue;
		}
		if (n->walk.account == o->account)
			notify_walk_again(i);
		let_go(i, at);
	}
}

/* --- begin and end ------------------------------------------------------------------ */

enum err notify_watch_begin(struct imap *i)
{
	struct notify *n = i->notify;

	for (size_t k = 0; k < n->n_groups; k++)
		n->leaves |= filter_leaves(&n->groups[k].filter);
	if (!n->leaves || n->rights_account)
		return ERR_OK;
	TRY(account_open(i->tenant->store, TENANT_ACCOUNT, &n->rights_account));
	n->rights_watcher =
		(struct watcher){ .changed = on_rights_changed, .arg = i };
	account_watch(n->rights_account, &n->rights_watcher);
	return ERR_OK;
}

void notify_watch_end(struct imap *i)
{
	struct notify *n = i->notify;

	while (n->owners)
		let_go(i, &n->owners);
	if (n->rights_account) {
		account_unwatch(&n->rights_watcher);
		account_close(n->rights_account);
		n->rights_account = NULL;
	}
}

/* --- what may be seen --------------------------------------------------------------- */

enum err notify_wants(struct imap *i, struct slice above, bool *out)
{
	const struct notify *n = i->notify;

	*out = false;
	for (size_t k = 0; k < n->n_groups && !*out; k++)
		TRY(filter_reaches(i, &n->groups[k].filter, above, out));
	return ERR_OK;
}

enum err notify_place(
	struct imap *i, uint32_t owner, uint64_t id, struct place *out)
{
	const struct notify_owner *o = notify_owner(i, owner);
	bool own = owner == i->st.account;
	struct buf name;

	if (!own && !o)
		return ERR_NOTFOUND;
	*out = (struct place){ .account = own ? i->account : o->account,
		.rights = RIGHTS_ALL };
	TRY(mailbox_get(out->account, id, i->arena, &out->row));
	out->inner = out->row.name;
	if (own)
		return ERR_OK;
	TRY(place_rights(i, out->account, id, &out->rights));
	out->row.special = SPECIAL_NONE;
	buf_init(&name, sizeof(o->prefix_text) + LIMIT_MAILBOX_NAME);
	buf_add_slice(&name, o->prefix);
	buf_add_slice(&name, out->inner);
	out->row.name = arena_copy(i->arena, buf_slice(&name));
	buf_free(&name);
	return out->row.name.p ? ERR_OK : ERR_NOMEM;
}

enum known_as notify_access(const struct place *p)
{
	/* Of what is only a name there is nothing to read. */
	unsigned needed = RIGHT_LOOKUP | (p->row.selectable ? RIGHT_READ : 0u);

	if (!(p->rights & RIGHT_LOOKUP))
		return KNOWN_LOST;
	return (p->rights & needed) == needed ? KNOWN_READ : KNOWN_LISTED;
}
