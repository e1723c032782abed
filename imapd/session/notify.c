/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * News of mailboxes (RFC 5465 5). The store says which mailbox has changed, and
 * that the list of them has (notify_watch.c); how they were before is in a table
 * of the session (notify_table.c). A changed mailbox is compared with its row
 * there; what a changed list means is told by notify_names.c.
 *
 * Mailboxes of others are told like the user's own, with his rights as they are
 * just then; of each the first news are audited.
 */
#include "notify.h"

void notify_stop(struct imap *i)
{
	struct notify *n = i->notify;

	n->selected = 0;
	n->n_groups = 0;
	walk_end(i, &n->walk);
	n->walking = false;
	notify_watch_end(i);
	known_free(&n->now);
	known_free(&n->next);
	buf_free(&n->metadata);
}

void notify_free(struct imap *i)
{
	if (!i->notify)
		return;
	notify_stop(i);
	arena_free(i->notify->arena);
	mem_free(i->notify);
	i->notify = NULL;
}

bool notify_due(const struct imap *i)
{
	const struct notify *n = i->notify;

	if (!n)
		return false;
	bool selected = i->st.selected && n->selected;
	return (selected && i->changed && !i->delayed_only) ||
	       (n->n_groups &&
		       (n->list_changed || n->n_dirty || n->metadata.n));
}

const struct fetch_request *notify_fetch(const struct imap *i)
{
	const struct notify *n = i->notify;

	return n && n->selected && n->fetches ? &n->fetch : NULL;
}

bool notify_mutes(const struct imap *i, unsigned event)
{
	/* What a command itself does is its answer. */
	if (!i->notify || (i->cmd.row && (i->cmd.row->flags & WRITES)))
		return false;
	return !(i->notify->selected & event);
}

/* --- other mailboxes ------------------------------------------------------------------ */

void notify_send(struct imap *i)
{
	imap_gate(i);
	imap_flush(i);
}

enum err notify_events(struct imap *i, const struct place *p, unsigned *out)
{
	const struct notify *n = i->notify;
	bool has;

	*out = 0;
	for (size_t k = 0; k < n->n_groups; k++) {
		TRY(filter_has(i, &n->groups[k].filter, p, &has));
		if (has)
			*out |= n->groups[k].events & EVENTS_MAILBOX;
	}
	/* RFC 5465 3.1: SELECTED alone says what is told of that one. */
	if (place_is_selected(i, p))
		*out &= ~(unsigned)EVENTS_MESSAGE;
	return ERR_OK;
}

/* May news of it be told? `k` is NULL when the walk has not found it yet. */
static bool may_tell(
	const struct imap *i, const struct place *p, const struct known *k)
{
	return place_is_own(i, p->account) ||
	       (k && k->as == KNOWN_READ && notify_access(p) == KNOWN_READ);
}

/* Of somebody else's, before the first that is told of it. */
static enum err audit_once(
	struct imap *i, const struct place *p, struct known *k)
{
	if (place_is_own(i, p->account) || k->audited)
		return ERR_OK;
	TRY(place_audit(i, p->account, p->inner, slice_of("", 0)));
	k->audited = true;
	return ERR_OK;
}

enum err notify_put_status(struct imap *i, const struct place *p,
	struct known *k, unsigned events, bool modseq)
{
	const char *items = !(events & EVENT_FLAGS)
				    ? modseq ? "(MESSAGES UIDNEXT UIDVALIDITY "
					       "HIGHESTMODSEQ)"
					     : "(MESSAGES UIDNEXT UIDVALIDITY)"
			    : modseq ? "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN "
				       "HIGHESTMODSEQ)"
				     : "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)";
	struct cursor c = cursor_of(slice_str(items));
	unsigned wanted;

	if (!status_items(&c, &wanted))
		return ERR_BUG;
	TRY(audit_once(i, p, k));
	/* None of them is counted by walking. */
	static const struct status_count none;
	TRY(status_put(i, p, wanted, &none));
	notify_send(i);
	return ERR_OK;
}

static unsigned changes_of(const struct known *k, const struct mailbox_row *row)
{
	unsigned events = 0;

	if (k->uidnext != row->uidnext || k->uidvalidity != row->uidvalidity)
		events |= EVENT_NEW;
	if (k->exists != row->exists)
		events |= EVENT_NEW | EVENT_EXPUNGE;
	if (k->modseq != row->modseq)
		events |= EVENT_FLAGS;
	return events;
}

static enum err tell_one(struct imap *i, struct known *k)
{
	struct place p;
	unsigned wanted;
	bool foreign = k->foreign;

	i->notify->n_dirty -= k->dirty;
	k->dirty = k->foreign = false;
	arena_reset(i->arena);
	enum err e = notify_place(i, k->owner, k->id, &p);
	if (e == ERR_NOTFOUND) /* the list has changed, too */
		return ERR_OK;
	TRY(e);
	if (!may_tell(i, &p, k)) /* or the rights have */
		return ERR_OK;
	unsigned changed = changes_of(k, &p.row);
	known_take_numbers(k, &p.row);
	if (!foreign || !p.row.selectable)
		return ERR_OK;
	TRY(notify_events(i, &p, &wanted));
	if (!(wanted & changed))
		return ERR_OK;
	return notify_put_status(
		i, &p, k, wanted, imap_enabled(i, ENABLED_CONDSTORE));
}

static enum err tell_status(struct imap *i, uint64_t started)
{
	struct notify *n = i->notify;

	for (; n->n_dirty && n->at < n->now.n; n->at++) {
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		if (n->now.list[n->at].dirty)
			TRY(tell_one(i, &n->now.list[n->at]));
	}
	n->at = 0;
	return ERR_OK;
}

/* --- metadata (RFC 5465 5.6, 5.7; RFC 5464 4.4.2) -------------------------------------------- */

/* An entry in the list of those that others have set. */
struct change {
	uint32_t owner;
	uint64_t mailbox;
	struct slice entry;
};
#define CHANGE_HEAD 14

static struct change first_change(const struct buf *b)
{
	return (struct change){ .owner = get_be32(b->p),
		.mailbox = get_be64(b->p + 4),
		.entry = slice_of(b->p + CHANGE_HEAD, get_be16(b->p + 12)) };
}

static bool server_wanted(const struct notify *n)
{
	unsigned found = 0;

	for (size_t k = 0; k < n->n_groups; k++)
		found |= n->groups[k].events;
	return found & EVENT_SERVER_METADATA;
}

static enum err metadata_of(struct imap *i, const struct change *c,
	struct slice *name, bool *wanted)
{
	struct known *k = known_find(&i->notify->now, c->owner, c->mailbox);
	struct place p;
	unsigned found;

	*name = slice_of("", 0);
	*wanted = c->mailbox == 0 && server_wanted(i->notify);
	if (c->mailbox == 0)
		return ERR_OK;
	enum err e = notify_place(i, c->owner, c->mailbox, &p);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	TRY(notify_events(i, &p, &found));
	*name = p.row.name;
	*wanted = (found & EVENT_METADATA) && may_tell(i, &p, k);
	return *wanted ? audit_once(i, &p, k) : ERR_OK;
}

static enum err tell_metadata(struct imap *i, uint64_t started)
{
	struct buf *b = &i->notify->metadata;
	struct slice name;
	bool wanted;

	/* RFC 5465 5.8 */
	if (buf_err(b) != ERR_OK)
		return ERR_LIMIT;
	while (b->n) {
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		struct change c = first_change(b);
		arena_reset(i->arena);
		TRY(metadata_of(i, &c, &name, &wanted));
		if (wanted) {
			buf_adds(&i->out, "* METADATA ");
			put_mailbox(i, name);
			buf_addc(&i->out, ' ');
			put_astring(&i->out, c.entry);
			buf_adds(&i->out, "\r\n");
			notify_send(i);
		}
		buf_consume(b, CHANGE_HEAD + c.entry.n);
	}
	return ERR_OK;
}

/* --- all of it ------------------------------------------------------------------------------ */

static enum err selected_news(struct imap *i)
{
	const struct notify *n = i->notify;

	if (!i->st.selected || !n->selected)
		return ERR_OK;
	TRY(view_load(i));
	TRY(view_sync(i, !n->delayed || i->held_idle));
	/* Only expunges are left, which wait for a command. */
	i->delayed_only = i->changed;
	return ERR_OK;
}

static enum err one_stage(struct imap *i, uint64_t started)
{
	struct notify *n = i->notify;

	switch (n->stage) {
	case NOTIFY_SELECTED:
		return selected_news(i);
	case NOTIFY_LIST:
		return notify_walk(i, started);
	case NOTIFY_GONE:
		return notify_walk_gone(i, started);
	case NOTIFY_STATUS:
		return tell_status(i, started);
	case NOTIFY_METADATA:
		break;
	}
	return tell_metadata(i, started);
}

/* RFC 5465 5.8 */
static void overflow(struct imap *i)
{
	imap_untagged(i, "OK [NOTIFICATIONOVERFLOW] Too much to watch: "
			 "no more notifications");
	notify_stop(i);
}

enum err notify_more(struct imap *i)
{
	struct notify *n = i->notify;
	uint64_t started = loop_now_us();

	imap_gate(i);
	for (;;) {
		enum err e = n->n_groups || n->stage == NOTIFY_SELECTED
				     ? one_stage(i, started)
				     : ERR_OK;
		if (e == ERR_LIMIT) {
			overflow(i);
			e = ERR_OK;
		}
		TRY(e);
		if (n->stage == NOTIFY_METADATA)
			break;
		n->stage++;
	}
	n->stage = NOTIFY_SELECTED;
	return ERR_OK;
}
