/* SPDX-License-Identifier: EUPL-1.2 */
/* Mailboxes by name, and the accounts of others that a session has open. */
#include <stdio.h>
#include <time.h>

#include <bastide/directory.h>
#include <bastide/queue.h>

#include "place.h"

/* --- guests ---------------------------------------------------------------------- */

static struct guest *guest_find(const struct imap *i, const struct account *a)
{
	struct guest *g = i->guests;

	while (g && g->account != a)
		g = g->next;
	return g;
}

static enum err guest_open(struct imap *i, uint32_t number, struct guest **out)
{
	struct guest *g = i->guests;

	while (g && account_number(g->account) != number)
		g = g->next;
	if (!g) {
		g = mem_new(struct guest);
		if (!g)
			return ERR_NOMEM;
		enum err e =
			account_open(i->tenant->store, number, &g->account);
		if (e != ERR_OK) {
			mem_free(g);
			return e;
		}
		g->next = i->guests;
		i->guests = g;
	}
	*out = g;
	return ERR_OK;
}

static void close_unused(struct imap *i)
{
	for (struct guest **at = &i->guests; *at;) {
		struct guest *g = *at;
		if (g->kept || g->placed) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		account_close(g->account);
		mem_free(g);
	}
}

void place_keep(struct imap *i, struct account *a)
{
	struct guest *g = guest_find(i, a);

	if (g)
		g->kept++;
}

void place_release(struct imap *i, struct account *a)
{
	struct guest *g = guest_find(i, a);

	if (g)
		g->kept--;
	close_unused(i);
}

void places_forget(struct imap *i)
{
	for (struct guest *g = i->guests; g; g = g->next)
		g->placed = false;
	close_unused(i);
}

uint64_t places_last_commit(const struct imap *i)
{
	uint64_t last = account_last_commit(i->account);

	for (const struct guest *g = i->guests; g; g = g->next)
		if (account_last_commit(g->account) > last)
			last = account_last_commit(g->account);
	return last > i->audit_commit ? last : i->audit_commit;
}

enum err place_open(struct imap *i, uint32_t number, struct account **out)
{
	struct guest *g;

	TRY(guest_open(i, number, &g));
	g->kept++;
	*out = g->account;
	return ERR_OK;
}

/* --- audit ------------------------------------------------------------------------ */

enum err place_audit_as(struct imap *i, const char *what,
	const struct account *a, struct slice inner, struct slice detail)
{
	struct store *s = i->tenant->store;
	struct user_row owner;
	char action[40];

	TRY(user_get(s, account_number(a), i->arena, &owner));
	snprintf(action, sizeof(action), "imap.%s", what);
	const char *target = imap_text(
		i, "%.*s %.*s", SLICE_ARG(owner.address), SLICE_ARG(inner));
	struct audit_row row = { .time = time(NULL),
		.account = i->st.account,
		.action = slice_str(action),
		.target = slice_str(target),
		.detail = detail };
	TRY(store_begin(s));
	enum err e = audit_add(s, &row);
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	return store_commit(s, &i->audit_commit);
}

enum err place_audit(struct imap *i, const struct account *a,
	struct slice inner, struct slice detail)
{
	const struct command_row *row = i->cmd.row;
	bool uid = i->cmd.uid && row && (row->flags & UID_TOO);
	char what[32];

	snprintf(what, sizeof(what), "%s%s", uid ? "uid-" : "",
		row ? row->name : "APPEND");
	return place_audit_as(i, what, a, inner, detail);
}

/* --- names ------------------------------------------------------------------------- */

const struct place_root place_roots[PLACE_ROOTS] = {
	{ SHARE_ROOT_USERS, false },
	{ SHARE_ROOT_SHARED, true },
};

/* The root that the name lies below, or is; NULL: it is the user's own. */
static const struct place_root *root_of(struct slice name, struct slice *rest)
{
	for (size_t k = 0; k < PLACE_ROOTS; k++) {
		const char *prefix = place_roots[k].prefix;
		size_t n = strlen(prefix);
		*rest = slice_of("", 0);
		if (slice_eq(name, slice_of(prefix, n - 1)))
			return &place_roots[k];
		*rest = slice_from(name, n < name.n ? n : name.n);
		if (name.n >= n &&
			slice_eq(slice_head(name, n), slice_of(prefix, n)))
			return &place_roots[k];
	}
	return NULL;
}

bool place_name_is_own(struct slice name)
{
	struct slice rest;

	return !root_of(name, &rest);
}

/* Opens the account that a name below a root names. */
static enum err find_owner(struct imap *i, const struct place_root *root,
	struct slice rest, struct place *out)
{
	struct store *s = i->tenant->store;
	struct slice address = slice_cut(rest, '/', &out->inner);
	struct user_row row;
	struct guest *g;
	uint32_t number;
	enum err e = address_resolve(s, address, &number);

	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		e = ERR_NOTFOUND;
	TRY(e);
	TRY(user_get(s, number, i->arena, &row));
	/* One name for each mailbox: no alias, no other root. */
	if (number == i->st.account || row.shared != root->shared ||
		!slice_ieq(row.address, address))
		return ERR_NOTFOUND;
	TRY(guest_open(i, number, &g));
	g->placed = true;
	out->account = g->account;
	return ERR_OK;
}

static enum err find_account(
	struct imap *i, struct slice name, struct place *out)
{
	struct slice rest;
	const struct place_root *root = root_of(name, &rest);

	*out = (struct place){
		.account = i->account, .inner = name, .rights = RIGHTS_ALL
	};
	return root ? find_owner(i, root, rest, out) : ERR_OK;
}

enum err place_rights(struct imap *i, const struct account *account,
	uint64_t mailbox, unsigned *out)
{
	struct acl_identity who;

	TRY(acl_identity(i->tenant->store, i->st.account, &who));
	return acl_rights(
		(struct account *)(uintptr_t)account, mailbox, &who, out);
}

/* Has it been looked at already? Clients ask for STATUS every few minutes. */
static bool glanced_before(struct imap *i, const struct place *p)
{
	const size_t slots = sizeof(i->glanced) / sizeof(i->glanced[0]);
	uint32_t account = account_number(p->account);

	for (size_t k = 0; k < slots; k++)
		if (i->glanced[k].account == account &&
			i->glanced[k].mailbox == p->row.id)
			return true;
	i->glanced[i->n_glanced % slots].account = account;
	i->glanced[i->n_glanced++ % slots].mailbox = p->row.id;
	return false;
}

static enum err permit(struct imap *i, struct place *p, unsigned needed)
{
	bool allowed = (p->rights & needed) == needed;
	bool glances = i->cmd.row && (i->cmd.row->flags & GLANCES);

	if (!(allowed && glances && glanced_before(i, p)))
		TRY(place_audit(i, p->account, p->inner,
			slice_str(allowed ? "" : "denied")));
	if (allowed)
		return ERR_OK;
	return p->rights & RIGHTS_TO_KNOW ? ERR_NOPERM : ERR_NOTFOUND;
}

enum err imap_place(
	struct imap *i, struct slice name, unsigned needed, struct place *out)
{
	TRY(find_account(i, name, out));
	TRY(mailbox_find(out->account, out->inner, i->arena, &out->row));
	if (place_is_own(i, out->account))
		return ERR_OK;
	TRY(place_rights(i, out->account, out->row.id, &out->rights));
	out->row.name = name;
	return permit(i, out, needed);
}

enum err imap_place_mailbox(
	struct imap *i, struct slice name, unsigned needed, struct place *out)
{
	TRY(imap_place(i, name, needed, out));
	return out->row.selectable ? ERR_OK : ERR_NOTFOUND;
}

enum err place_exists(
	struct imap *i, struct slice name, struct arena *arena, bool *out)
{
	struct slice rest;
	struct place p;

	*out = root_of(name, &rest) && slice_find(rest, '/') == rest.n;
	if (*out)
		return ERR_OK;
	enum err e = find_account(i, name, &p);
	if (e == ERR_OK)
		e = mailbox_find(p.account, p.inner, arena, &p.row);
	if (e == ERR_OK && !place_is_own(i, p.account))
		e = place_rights(i, p.account, p.row.id, &p.rights);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*out = e == ERR_OK && (p.rights & RIGHT_LOOKUP);
	return ERR_OK;
}

static struct slice parent_of(struct slice name)
{
	while (name.n && name.p[--name.n] != '/')
		;
	return name;
}

enum err imap_place_new(struct imap *i, struct slice name, struct place *out)
{
	enum err e = ERR_NOTFOUND;

	TRY(find_account(i, name, out));
	if (place_is_own(i, out->account))
		return ERR_OK;
	out->row.id = ACL_ROOT;
	for (struct slice above = parent_of(out->inner);
		above.n && e == ERR_NOTFOUND; above = parent_of(above))
		e = mailbox_find(out->account, above, i->arena, &out->row);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	TRY(place_rights(i, out->account, out->row.id, &out->rights));
	return permit(i, out, RIGHT_CREATE);
}

enum err imap_place_selected(struct imap *i, struct place *out)
{
	*out = (struct place){ .account = i->box, .rights = i->st.rights };
	if (!i->st.selected)
		return ERR_NOTFOUND;
	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &out->row));
	out->inner = out->row.name;
	return ERR_OK;
}

/* --- rights on the selected mailbox -------------------------------------------------- */

static void on_box_changed(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct imap *i = arg;

	if (kind == WATCH_MAILBOX && id == i->st.mailbox)
		imap_news(i);
}

static void on_rights_changed(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct imap *i = arg;

	if (kind != WATCH_RIGHTS)
		return;
	i->rights_stale = true;
	imap_look(i);
}

enum err place_select(struct imap *i, const struct place *p)
{
	if (!place_is_own(i, p->account)) {
		TRY(account_open(
			i->tenant->store, TENANT_ACCOUNT, &i->rights_account));
		place_keep(i, p->account);
		i->box_watcher =
			(struct watcher){ .changed = on_box_changed, .arg = i };
		account_watch(p->account, &i->box_watcher);
		i->rights_watcher =
			(struct watcher){ .changed = on_rights_changed,
				.arg = i };
		account_watch(i->rights_account, &i->rights_watcher);
	}
	i->box = p->account;
	i->st.rights = p->rights;
	return ERR_OK;
}

void place_deselect(struct imap *i)
{
	struct account *box = i->box;

	i->box = i->account;
	if (place_is_own(i, box))
		return;
	account_unwatch(&i->box_watcher);
	account_unwatch(&i->rights_watcher);
	account_close(i->rights_account);
	i->rights_account = NULL;
	place_release(i, box);
}

enum err place_recheck(struct imap *i)
{
	unsigned before = i->st.rights;

	i->rights_stale = false;
	if (!i->st.selected || place_is_own(i, i->box))
		return ERR_OK;
	TRY(place_rights(i, i->box, i->st.mailbox, &i->st.rights));
	if (!(i->st.rights & RIGHT_READ))
		return ERR_NOPERM;
	/* RFC 4314 5.1.1: "it SHOULD send FLAGS and PERMANENTFLAGS". */
	return before != i->st.rights ? select_tell_rights(i) : ERR_OK;
}
