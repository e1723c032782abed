/* SPDX-License-Identifier: EUPL-1.2 */
/* NOTIFY SET and NOTIFY NONE (RFC 5465 3.1): what is asked for; notify.c does
 * it. */
#include "notify.h"

#define GROUPS_ARENA MIB(1)

static const struct {
	const char *name;
	unsigned event; /* 0: it is not provided */
} events[] = {
	{ "MessageNew", EVENT_NEW },
	{ "MessageExpunge", EVENT_EXPUNGE },
	{ "FlagChange", EVENT_FLAGS },
	{ "MailboxName", EVENT_NAME },
	{ "SubscriptionChange", EVENT_SUBSCRIPTION },
	{ "MailboxMetadataChange", EVENT_METADATA },
	{ "ServerMetadataChange", EVENT_SERVER_METADATA },
};
#define N_EVENTS (sizeof(events) / sizeof(events[0]))

struct reading {
	struct imap *i;
	struct cursor *c;
	struct notify *n;
	size_t n_names;
	bool selected;    /* some group is of the selected mailbox */
	bool unsupported; /* some event is not known */
};

/* RFC 5465 3.1: it names those that are. */
static enum err bad_event(struct imap *i)
{
	struct buf b;

	buf_init(&b, 500);
	buf_adds(&b, "BADEVENT (");
	for (size_t k = 0; k < N_EVENTS; k++)
		buf_addf(&b, "%s%s", k ? " " : "", events[k].name);
	buf_addc(&b, ')');
	i->cmd.error_code = arena_copy(i->arena, buf_slice(&b)).p;
	i->cmd.text = "Some of these events are not provided";
	buf_free(&b);
	return ERR_UNSUPPORTED;
}

/* "MessageNew (UID FLAGS)": of the selected mailbox only. */
static bool fetch_atts(struct reading *r)
{
	struct cursor look = *r->c;

	if (!p_word(&look, " ("))
		return true;
	(void)p_sp(r->c);
	if (!r->selected || r->n->fetches)
		return false;
	r->n->fetches = true;
	return fetch_items(r->c, r->n->arena, &r->n->fetch);
}

static bool one_event(struct reading *r, bool selected, unsigned *out)
{
	struct slice name;
	size_t k = 0;

	if (!imap_atom(r->c, &name))
		return false;
	while (k < N_EVENTS && !slice_ieqs(name, events[k].name))
		k++;
	if (k == N_EVENTS) {
		r->unsupported = true;
		return true;
	}
	*out |= events[k].event;
	if (events[k].event != EVENT_NEW)
		return !selected || (events[k].event & EVENTS_MESSAGE);
	return selected ? fetch_atts(r) : p_peek(r->c) != '(';
}

/* RFC 5465 5: arrivals and expunges come together, flags with both. */
static bool together(unsigned e)
{
	unsigned both = EVENT_NEW | EVENT_EXPUNGE;

	return (e & both) == both || !(e & EVENTS_MESSAGE);
}

static bool event_list(struct reading *r, bool selected, unsigned *out)
{
	*out = 0;
	if (p_word(r->c, "NONE"))
		return true;
	if (!p_char(r->c, '('))
		return false;
	do
		if (!one_event(r, selected, out))
			return false;
	while (p_sp(r->c));
	return p_char(r->c, ')') && (r->unsupported || together(*out));
}

static bool one_group(struct reading *r)
{
	struct notify *n = r->n;
	struct filter f;
	unsigned e;

	if (!p_char(r->c, '(') ||
		!filter_parse(r->i, r->c, n->arena, &r->n_names, &f) ||
		f.kind == FILTER_SUBTREE_ONE || !p_sp(r->c))
		return false;
	bool selected = f.kind == FILTER_SELECTED || f.kind == FILTER_DELAYED;
	if (selected && r->selected)
		return false; /* RFC 5465 6.1: one of them */
	r->selected |= selected;
	if (!event_list(r, selected, &e) || !p_char(r->c, ')'))
		return false;
	if (selected) {
		n->selected = e;
		n->delayed = f.kind == FILTER_DELAYED;
	} else if (n->n_groups == NOTIFY_GROUPS_MAX) {
		return false;
	} else if (e) {
		n->groups[n->n_groups++] = (struct notify_group){ f, e };
	}
	return true;
}

static bool parse(struct reading *r)
{
	if (p_word(r->c, " NONE"))
		return p_end(r->c);
	if (!p_word(r->c, " SET"))
		return false;
	r->n->status = p_word(r->c, " STATUS");
	if (!p_sp(r->c))
		return false;
	do
		if (!one_group(r))
			return false;
	while (p_sp(r->c));
	return p_end(r->c);
}

static enum err more(struct imap *i)
{
	enum err e = notify_begin(i);

	if (e == ERR_LIMIT) {
		notify_stop(i);
		i->cmd.error_code = "NOTIFICATIONOVERFLOW";
		i->cmd.text = "Too many mailboxes to watch";
	}
	return e;
}

enum err cmd_notify(struct imap *i)
{
	struct notify *n = mem_new(struct notify), *before = i->notify;

	if (!n)
		return ERR_NOMEM;
	buf_init(&n->metadata, LIMIT_NOTIFY_METADATA);
	struct reading r = { .i = i, .c = &i->cmd.args, .n = n };
	n->arena = arena_new(GROUPS_ARENA);
	enum err e = !n->arena ? ERR_NOMEM : parse(&r) ? ERR_OK : ERR_SYNTAX;
	if (e == ERR_OK && r.unsupported)
		e = bad_event(i);
	if (e != ERR_OK) {
		i->notify = n;
		notify_free(i);
		i->notify = before;
		return e;
	}
	notify_free(i);
	i->notify = n;
	/* RFC 5465 3.1: an implicit NOOP. */
	i->changed |= i->st.selected;
	i->delayed_only = false;
	i->st.fetched = i->st.uidnext;
	i->cmd.more = more;
	return more(i);
}
