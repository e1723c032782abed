/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * News of mailboxes (RFC 5465 5). The store says which mailbox has changed, and
 * that the list of them has; how they were before is in a table of the
 * session. A changed mailbox is compared with its row there. When the list has
 * changed all mailboxes are walked over, and the table made anew: what was not
 * there, is gone, or has another name or subscription is told.
 */
#include <stdlib.h>

#include "notify.h"

#define BATCH 50
#define TABLE_ARENA MIB(8)

/* --- the table -------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct known *find_known(struct known_table *t, uint64_t id)
{
	struct known key = { .id = id };

	return t->n ? bsearch(&key, t->list, t->n, sizeof(key), by_id) : NULL;
}

static void table_free(struct known_table *t)
{
	arena_free(t->arena);
	mem_free(t->list);
	*t = (struct known_table){ 0 };
}

static enum err table_add(struct known_table *t, const struct known *row)
{
	if (t->n == LIMIT_NOTIFY_MAILBOXES)
		return ERR_LIMIT;
	if (!t->arena)
		t->arena = arena_new(TABLE_ARENA);
	if (!t->arena)
		return ERR_NOMEM;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct known *p = mem_resize(t->list, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		t->list = p;
		t->cap = cap;
	}
	t->list[t->n] = *row;
	t->list[t->n].name = arena_copy(t->arena, row->name);
	return t->list[t->n++].name.p ? ERR_OK : ERR_NOMEM;
}

void notify_free(struct imap *i)
{
	struct notify *n = i->notify;

	if (!n)
		return;
	table_free(&n->now);
	table_free(&n->next);
	arena_free(n->arena);
	buf_free(&n->metadata);
	mem_free(n);
	i->notify = NULL;
}

/* --- what is noted ------------------------------------------------------------------ */

static void mark(struct imap *i, struct known *k)
{
	struct notify *n = i->notify;

	if (!k)
		return;
	n->n_dirty += !k->dirty;
	k->dirty = true;
	k->foreign |= !i->acting;
}

void notify_note(struct imap *i, enum watch_kind kind, uint64_t id)
{
	struct notify *n = i->notify;

	if (kind == WATCH_MAILBOX_LIST) {
		n->list_changed = true;
		n->list_foreign |= !i->acting;
	} else if (kind == WATCH_MAILBOX) {
		mark(i, find_known(&n->now, id));
		for (size_t k = 0; n->walking && k < n->next.n; k++)
			if (n->next.list[k].id == id)
				mark(i, &n->next.list[k]);
	}
	if (notify_due(i))
		imap_look(i);
}

void notify_metadata(struct imap *i, uint64_t mailbox, struct slice entry)
{
	struct buf *b = &i->notify->metadata;

	buf_add_be64(b, mailbox);
	buf_add_be16(b, (uint16_t)entry.n);
	buf_add_slice(b, entry);
	imap_look(i);
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

static enum err events_of(
	struct imap *i, const struct mailbox_row *row, unsigned *out)
{
	const struct notify *n = i->notify;
	struct place p = { .account = i->account, .row = *row };
	bool has;

	*out = 0;
	for (size_t k = 0; k < n->n_groups; k++) {
		TRY(filter_has(i, &n->groups[k].filter, &p, &has));
		if (has)
			*out |= n->groups[k].events;
	}
	/* RFC 5465 3.1: SELECTED alone says what is told of that one. */
	if (place_is_selected(i, &p))
		*out &= ~(unsigned)EVENTS_MESSAGE;
	return ERR_OK;
}

static enum err put_status(struct imap *i, const struct mailbox_row *row,
	unsigned events, bool modseq)
{
	const char *items = !(events & EVENT_FLAGS)
				    ? modseq ? "(MESSAGES UIDNEXT UIDVALIDITY "
					       "HIGHESTMODSEQ)"
					     : "(MESSAGES UIDNEXT UIDVALIDITY)"
			    : modseq ? "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN "
				       "HIGHESTMODSEQ)"
				     : "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)";
	struct cursor c = cursor_of(slice_str(items));
	struct place p = { .account = i->account, .row = *row };
	unsigned wanted;

	if (!status_items(&c, &wanted))
		return ERR_BUG;
	/* None of them is counted by walking. */
	static const struct status_count none;
	TRY(status_put(i, &p, wanted, &none));
	imap_flush(i);
	return ERR_OK;
}

static void take_numbers(struct known *k, const struct mailbox_row *row)
{
	k->modseq = row->modseq;
	k->uidvalidity = row->uidvalidity;
	k->uidnext = row->uidnext;
	k->exists = row->exists;
	k->unseen = row->unseen;
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
	struct mailbox_row row;
	unsigned wanted;
	bool foreign = k->foreign;

	i->notify->n_dirty -= k->dirty;
	k->dirty = k->foreign = false;
	arena_reset(i->arena);
	enum err e = mailbox_get(i->account, k->id, i->arena, &row);
	if (e == ERR_NOTFOUND) /* the list has changed, too */
		return ERR_OK;
	TRY(e);
	unsigned changed = changes_of(k, &row);
	take_numbers(k, &row);
	if (!foreign || !row.selectable)
		return ERR_OK;
	TRY(events_of(i, &row, &wanted));
	if (!(wanted & changed))
		return ERR_OK;
	return put_status(i, &row, wanted, imap_enabled(i, ENABLED_CONDSTORE));
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

/* --- names ------------------------------------------------------------------------------ */

/* LIST of a mailbox, with \Subscribed in front of the others. */
static enum err put_name(struct imap *i, const struct mailbox_row *row,
	bool subscribed, struct slice old)
{
	static const char head[] = "* LIST (";
	size_t start = i->out.n + strlen(head);

	put_list(i, row, old);
	if (subscribed) {
		struct slice rest = arena_copy(
			i->arena, slice_from(buf_slice(&i->out), start));
		if (!rest.p)
			return ERR_NOMEM;
		i->out.n = start;
		buf_adds(&i->out, "\\Subscribed ");
		buf_add_slice(&i->out, rest);
	}
	imap_flush(i);
	return ERR_OK;
}

static struct slice last_level(struct slice name)
{
	size_t n = name.n;

	while (n && name.p[n - 1] != '/')
		n--;
	return slice_from(name, n);
}

/* RFC 5465 5.4: no event of what lies below a renamed mailbox. */
static enum err moved_along(
	struct imap *i, const struct known *old, struct slice name, bool *out)
{
	struct slice last = last_level(name);
	struct mailbox_row above;

	*out = false;
	if (last.n == name.n || !slice_eq(last, last_level(old->name)) ||
		last.n == old->name.n)
		return ERR_OK;
	enum err e = mailbox_find(i->account,
		slice_head(name, name.n - last.n - 1), i->arena, &above);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	const struct known *k = find_known(&i->notify->now, above.id);
	*out = k && slice_eq(k->name,
			    slice_head(old->name, old->name.n - last.n - 1));
	return ERR_OK;
}

static enum err tell_name(struct imap *i, const struct mailbox_row *row,
	const struct known *k, const struct known *old)
{
	struct slice renamed = { 0 };
	unsigned wanted, changed = 0;
	bool along = false;

	if (old && !slice_eq(old->name, row->name)) {
		TRY(moved_along(i, old, row->name, &along));
		renamed = along ? renamed : old->name;
	}
	if (!old || renamed.p || old->selectable != row->selectable ||
		old->has_children != row->has_children)
		changed |= EVENT_NAME;
	if (old && !along && old->subscribed != k->subscribed)
		changed |= EVENT_SUBSCRIPTION;
	TRY(events_of(i, row, &wanted));
	return changed & wanted ? put_name(i, row, k->subscribed, renamed)
				: ERR_OK;
}

static enum err tell_first(struct imap *i, const struct mailbox_row *row)
{
	unsigned wanted;

	TRY(events_of(i, row, &wanted));
	if (!i->notify->status || !row->selectable ||
		!(wanted & EVENTS_MESSAGE))
		return ERR_OK;
	return put_status(i, row, wanted, wanted & EVENT_FLAGS);
}

static enum err walk_one(struct imap *i, const struct mailbox_row *row)
{
	struct notify *n = i->notify;
	struct known *old = find_known(&n->now, row->id);
	struct known k = { .id = row->id,
		.name = row->name,
		.selectable = row->selectable,
		.has_children = row->has_children };

	TRY(subscription_has(i->account, row->name, &k.subscribed));
	take_numbers(&k, row);
	if (old) {
		old->found = true;
		k.modseq = old->modseq;
		k.uidvalidity = old->uidvalidity;
		k.uidnext = old->uidnext;
		k.exists = old->exists;
		k.unseen = old->unseen;
	}
	if (n->first)
		TRY(tell_first(i, row));
	else if (n->tells_list)
		TRY(tell_name(i, row, &k, old));
	return table_add(&n->next, &k);
}

static void begin_walk(struct notify *n)
{
	n->walking = true;
	n->tells_list = n->list_foreign;
	n->list_changed = n->list_foreign = false;
	n->after = slice_of(n->after_text, 0);
	table_free(&n->next);
	for (size_t k = 0; k < n->now.n; k++)
		n->now.list[k].found = false;
}

static enum err walk_list(struct imap *i, uint64_t started)
{
	struct notify *n = i->notify;
	struct mailbox_row rows[BATCH];
	size_t got;

	do {
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		arena_reset(i->arena);
		TRY(mailbox_list(
			i->account, n->after, i->arena, rows, BATCH, &got));
		for (size_t k = 0; k < got; k++)
			TRY(walk_one(i, &rows[k]));
		if (got) {
			struct slice last = rows[got - 1].name;
			memcpy(n->after_text, last.p, last.n);
			n->after = slice_of(n->after_text, last.n);
		}
	} while (got == BATCH);
	return ERR_OK;
}

static enum err tell_gone(struct imap *i, const struct known *k)
{
	struct mailbox_row row = { .id = k->id, .name = k->name }, other;
	unsigned wanted;

	/* Another one has its name: that was told. */
	enum err e = mailbox_find(i->account, k->name, i->arena, &other);
	if (e != ERR_NOTFOUND)
		return e;
	TRY(events_of(i, &row, &wanted));
	if (!(wanted & EVENT_NAME))
		return ERR_OK;
	buf_adds(&i->out, "* LIST (\\NonExistent) \"/\" ");
	put_mailbox(i, k->name);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* The next table takes the place of this one. */
static void end_walk(struct notify *n)
{
	if (n->next.n)
		qsort(n->next.list, n->next.n, sizeof(*n->next.list), by_id);
	n->n_dirty = 0;
	for (size_t k = 0; k < n->next.n; k++) {
		struct known *new = &n->next.list[k];
		const struct known *old = find_known(&n->now, new->id);
		new->dirty |= old && old->dirty;
		new->foreign |= old && old->foreign;
		n->n_dirty += new->dirty;
	}
	table_free(&n->now);
	n->now = n->next;
	n->next = (struct known_table){ 0 };
	n->walking = n->first = false;
	n->at = 0;
}

static enum err tell_gone_ones(struct imap *i, uint64_t started)
{
	struct notify *n = i->notify;

	for (; n->tells_list && n->at < n->now.n; n->at++) {
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		if (!n->now.list[n->at].found)
			TRY(tell_gone(i, &n->now.list[n->at]));
	}
	end_walk(n);
	return ERR_OK;
}

enum err notify_begin(struct imap *i)
{
	struct notify *n = i->notify;
	uint64_t started = loop_now_us();

	if (n->n_groups == 0)
		return ERR_OK;
	if (!n->walking) {
		n->first = true;
		begin_walk(n);
		n->tells_list = false;
	}
	TRY(walk_list(i, started));
	end_walk(n);
	return ERR_OK;
}

/* --- metadata (RFC 5465 5.6, 5.7; RFC 5464 4.4.2) -------------------------------------------- */

static enum err metadata_of(
	struct imap *i, uint64_t mailbox, struct slice *name, bool *wanted)
{
	const struct notify *n = i->notify;
	struct mailbox_row row;
	unsigned found = 0;

	*wanted = false;
	*name = slice_of("", 0);
	if (mailbox == 0) {
		for (size_t k = 0; k < n->n_groups; k++)
			found |= n->groups[k].events;
		*wanted = found & EVENT_SERVER_METADATA;
		return ERR_OK;
	}
	enum err e = mailbox_get(i->account, mailbox, i->arena, &row);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	TRY(events_of(i, &row, &found));
	*name = row.name;
	*wanted = found & EVENT_METADATA;
	return ERR_OK;
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
		size_t n = get_be16(b->p + 8);
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		arena_reset(i->arena);
		TRY(metadata_of(i, get_be64(b->p), &name, &wanted));
		if (wanted) {
			buf_adds(&i->out, "* METADATA ");
			put_mailbox(i, name);
			buf_addc(&i->out, ' ');
			put_astring(&i->out, slice_of(b->p + 10, n));
			buf_adds(&i->out, "\r\n");
			imap_flush(i);
		}
		buf_consume(b, 10 + n);
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
		if (!n->walking && !n->list_changed)
			return ERR_OK;
		if (!n->walking)
			begin_walk(n);
		return walk_list(i, started);
	case NOTIFY_GONE:
		return n->walking ? tell_gone_ones(i, started) : ERR_OK;
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
	struct notify *n = i->notify;

	imap_untagged(i, "OK [NOTIFICATIONOVERFLOW] Too much to watch: "
			 "no more notifications");
	n->selected = 0;
	n->n_groups = 0;
	n->walking = false;
	buf_free(&n->metadata);
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
