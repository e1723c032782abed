/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Names (RFC 5465 5.4, 5.5, 5.9). When the list of mailboxes has changed, or the
 * rights on those of others, all are walked over (walk.c), and the table made
 * anew: what was not there, has another name or subscription, may be read now or
 * no more, or is gone, is told by LIST.
 */
#include "notify.h"

/* Few: each may be told at first, and audited, in one slice. */
#define BATCH 20

/* --- LIST ------------------------------------------------------------------------------- */

/* LIST of a mailbox, with what it has from here in front of the others. */
static enum err put_name(struct imap *i, const struct mailbox_row *row,
	const struct known *k, struct slice old)
{
	static const char head[] = "* LIST (";
	size_t start = i->out.n + strlen(head);

	put_list(i, row, old);
	struct slice rest =
		arena_copy(i->arena, slice_from(buf_slice(&i->out), start));
	if (!rest.p)
		return ERR_NOMEM;
	i->out.n = start;
	if (k->as == KNOWN_LISTED)
		buf_adds(&i->out, "\\NoAccess ");
	if (k->subscribed)
		buf_adds(&i->out, "\\Subscribed ");
	buf_add_slice(&i->out, rest);
	notify_send(i);
	return ERR_OK;
}

/* RFC 5465 5.4 wants \NonExistent when "l" was taken away, 5.9 \NoAccess: both
 * can stand in one LIST (RFC 5258 6: \NonExistent is an mbx-list-sflag, RFC 5465
 * 8: \NoAccess an mbx-list-oflag). */
static void put_gone(struct imap *i, struct slice name, bool taken_away)
{
	buf_addf(&i->out, "* LIST (\\NonExistent%s) \"/\" ",
		taken_away ? " \\NoAccess" : "");
	put_mailbox(i, name);
	buf_adds(&i->out, "\r\n");
	notify_send(i);
}

/* --- what has changed ------------------------------------------------------------------- */

static struct slice last_level(struct slice name)
{
	size_t n = name.n;

	while (n && name.p[n - 1] != '/')
		n--;
	return slice_from(name, n);
}

/* RFC 5465 5.4: no event of what lies below a renamed mailbox. */
static enum err moved_along(struct imap *i, const struct known *old,
	const struct place *p, bool *out)
{
	struct slice last = last_level(p->inner);
	struct mailbox_row above;

	*out = false;
	if (last.n == p->inner.n || !slice_eq(last, last_level(old->name)) ||
		last.n == old->name.n)
		return ERR_OK;
	enum err e = mailbox_find(p->account,
		slice_head(p->inner, p->inner.n - last.n - 1), i->arena,
		&above);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	const struct known *k =
		known_find(&i->notify->now, old->owner, above.id);
	*out = k && k->as == KNOWN_READ &&
	       slice_eq(k->name,
		       slice_head(old->name, old->name.n - last.n - 1));
	return ERR_OK;
}

/* Of an owner who was not watched before: his mailboxes are there since he
 * granted something, else since the user has subscribed to one of them. */
static unsigned appeared(const struct imap *i, const struct known *k)
{
	const struct notify_owner *o = notify_owner(i, k->owner);

	if (k->owner == i->st.account || (o && !o->fresh) ||
		i->notify->rights_first)
		return EVENT_NAME;
	return k->subscribed ? EVENT_SUBSCRIPTION : 0;
}

/* The events, and the old name when it was renamed. */
static enum err changes(struct imap *i, const struct place *p,
	const struct known *k, const struct known *old, struct slice *renamed,
	unsigned *out)
{
	bool along = false;

	*out = 0;
	if (!old) {
		*out = appeared(i, k);
		return ERR_OK;
	}
	/* 5.9: for whoever watches it at all. */
	if (old->as != k->as) {
		*out = EVENTS_MAILBOX;
		return ERR_OK;
	}
	if (k->as != KNOWN_READ)
		return ERR_OK;
	if (!slice_eq(old->name, k->name)) {
		TRY(moved_along(i, old, p, &along));
		*renamed = along ? *renamed : old->name;
	}
	if (renamed->p || old->selectable != k->selectable ||
		old->has_children != k->has_children)
		*out |= EVENT_NAME;
	if (!along && old->subscribed != k->subscribed)
		*out |= EVENT_SUBSCRIPTION;
	return ERR_OK;
}

static enum err tell_name(struct imap *i, const struct place *p,
	const struct known *k, const struct known *old)
{
	struct slice renamed = { 0 };
	unsigned wanted, changed;

	TRY(changes(i, p, k, old, &renamed, &changed));
	TRY(notify_events(i, p, &wanted));
	return changed & wanted ? put_name(i, &p->row, k, renamed) : ERR_OK;
}

/* RFC 5465 3.1: STATUS when it is asked for; and what may be looked up, and not
 * be read, is told as \NoAccess. */
static enum err tell_first(
	struct imap *i, const struct place *p, struct known *k)
{
	const struct slice none = { 0 };
	unsigned wanted;

	TRY(notify_events(i, p, &wanted));
	if (wanted && k->as == KNOWN_LISTED)
		return put_name(i, &p->row, k, none);
	if (!i->notify->status || !p->row.selectable ||
		!(wanted & EVENTS_MESSAGE))
		return ERR_OK;
	return notify_put_status(i, p, k, wanted, wanted & EVENT_FLAGS);
}

/* --- the walk --------------------------------------------------------------------------- */

static void set_key(
	const struct notify *n, const struct place *p, struct known *k)
{
	if (p->account) {
		k->owner = account_number(p->account);
		k->id = p->row.id;
	} else if (slice_find(p->row.name, '/') < p->row.name.n) {
		k->owner = n->walk.owner;
	} else {
		k->id = n->walk.stage; /* a root */
	}
}

static enum err walk_one(struct imap *i, const struct place *p)
{
	struct notify *n = i->notify;
	struct known k = { .name = p->row.name,
		.as = notify_access(p),
		.selectable = p->row.selectable,
		.has_children = p->row.has_children };

	set_key(n, p, &k);
	struct known *old = known_find(&n->now, k.owner, k.id);
	TRY(subscription_has(i->account, k.name, &k.subscribed));
	known_take_numbers(&k, &p->row);
	if (old) {
		old->found = true;
		k.audited = old->audited;
	}
	/* What was changed before it could be read is no news. */
	if (old && old->as == KNOWN_READ) {
		k.modseq = old->modseq;
		k.uidvalidity = old->uidvalidity;
		k.uidnext = old->uidnext;
		k.exists = old->exists;
		k.unseen = old->unseen;
	}
	if (n->first)
		TRY(tell_first(i, p, &k));
	else if (n->tells_list)
		TRY(tell_name(i, p, &k, old));
	return known_add(&n->next, &k);
}

static void begin_walk(struct notify *n)
{
	n->walk =
		(struct walk){ .own_only = !n->leaves, .wants = notify_wants };
	n->walking = true;
	n->tells_list = n->list_foreign;
	n->rights_first = n->list_rights;
	n->list_changed = n->list_foreign = n->list_rights = false;
	known_free(&n->next);
	for (size_t k = 0; k < n->now.n; k++)
		n->now.list[k].found = false;
	for (struct notify_owner *o = n->owners; o; o = o->next)
		o->found = false;
}

static void end_walk(struct imap *i)
{
	struct notify *n = i->notify;

	known_replace(n);
	notify_watch_forget(i);
	n->walking = n->first = false;
	n->at = 0;
}

void notify_walk_again(struct imap *i)
{
	struct notify *n = i->notify;

	walk_end(i, &n->walk);
	n->list_foreign |= n->tells_list;
	n->list_rights |= n->rights_first;
	n->list_changed = true;
	n->walking = false;
}

enum err notify_walk(struct imap *i, uint64_t started_us)
{
	struct notify *n = i->notify;
	struct place rows[BATCH];
	size_t got;

	if (!n->walking && !n->list_changed)
		return ERR_OK;
	if (!n->walking)
		begin_walk(n);
	while (!walk_over(&n->walk)) {
		if (imap_slice_over(i, started_us))
			return ERR_AGAIN;
		arena_reset(i->arena);
		TRY(walk_step(i, &n->walk, i->arena, rows, BATCH, &got));
		if (n->walk.account)
			TRY(notify_watch_owner(i));
		for (size_t k = 0; k < got; k++)
			TRY(walk_one(i, &rows[k]));
	}
	return ERR_OK;
}

/* --- what is gone ----------------------------------------------------------------------- */

/* It is there, for others. */
static enum err taken_away(struct imap *i, const struct known *k, bool *out)
{
	struct place p;

	*out = false;
	if (k->owner == i->st.account || k->owner == TENANT_ACCOUNT ||
		k->id == 0)
		return ERR_OK;
	*out = true;
	if (!notify_owner(i, k->owner))
		return ERR_OK;
	enum err e = notify_place(i, k->owner, k->id, &p);
	*out = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The walk did not find it. One that was taken away stays in the table: when it
 * can be seen again, that is told (5.9). */
static enum err leave(struct imap *i, const struct known *k)
{
	struct notify *n = i->notify;
	struct known lost = *k;
	struct place p = { .row = { .id = k->id, .name = k->name } };
	unsigned wanted;
	bool taken;

	if (k->as == KNOWN_LOST)
		return known_add(&n->next, k);
	/* Another one has its name: that was told. */
	if (!n->tells_list || known_has_name(&n->next, k->name))
		return ERR_OK;
	if (k->owner == i->st.account)
		p.account = i->account;
	TRY(taken_away(i, k, &taken));
	TRY(notify_events(i, &p, &wanted));
	if (!taken)
		wanted &= k->as == KNOWN_READ ? EVENT_NAME : 0;
	if (!wanted)
		return ERR_OK;
	put_gone(i, k->name, taken);
	lost.as = KNOWN_LOST;
	return taken ? known_add(&n->next, &lost) : ERR_OK;
}

enum err notify_walk_gone(struct imap *i, uint64_t started_us)
{
	struct notify *n = i->notify;

	if (!n->walking)
		return ERR_OK;
	for (; n->at < n->now.n; n->at++) {
		if (imap_slice_over(i, started_us))
			return ERR_AGAIN;
		arena_reset(i->arena);
		if (!n->now.list[n->at].found)
			TRY(leave(i, &n->now.list[n->at]));
	}
	end_walk(i);
	return ERR_OK;
}

enum err notify_begin(struct imap *i)
{
	struct notify *n = i->notify;

	if (n->n_groups == 0)
		return ERR_OK;
	if (!n->walking) {
		TRY(notify_watch_begin(i));
		n->first = true;
		begin_walk(n);
		n->tells_list = false;
	}
	TRY(notify_walk(i, loop_now_us()));
	end_walk(i);
	return ERR_OK;
}
