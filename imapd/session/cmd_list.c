/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * LIST, LSUB and XLIST (RFC 3501 6.3.8, 6.3.9; RFC 5258; RFC 3348; RFC 6154).
 * Mailboxes are asked from the store in batches, in the order of their names;
 * when subscribed names are listed, those that are no mailbox's come behind.
 */
#include "list.h"

#define BATCH 100
/* A batch of METADATA, or of names below. */
#define VALUES MIB(1)

static void remember(char *text, struct slice *slot, struct slice name)
{
	size_t n = name.n < LIMIT_MAILBOX_NAME ? name.n : LIMIT_MAILBOX_NAME;

	memcpy(text, name.p, n);
	*slot = slice_of(text, n);
}

/* --- mailboxes ------------------------------------------------------------------- */

/* One row, or the next batch. */
static enum err one_mailbox(struct imap *i, struct list *l, uint64_t started_us)
{
	if (l->at < l->n) {
		TRY(list_row(i, l, started_us));
		l->at++;
		return ERR_OK;
	}
	arena_reset(l->arena);
	l->at = 0;
	TRY(walk_next(i, &l->walk, l->arena, l->rows, WALK_ROWS, &l->n));
	l->mailboxes_seen = l->n == 0;
	return ERR_OK;
}

/* --- names ----------------------------------------------------------------------- */

/* RFC 3501 6.3.9: with "%", a name below that is subscribed shows its parent,
 * with \Noselect. */
static void lsub_parent(struct imap *i, struct list *l, struct slice name)
{
	for (size_t n = 1; n < name.n; n++) {
		struct slice up = slice_head(name, n);
		if (name.p[n] != '/' || !list_matches(l, up) ||
			slice_eq(up, l->parent))
			continue;
		remember(l->parent_text, &l->parent, up);
		list_put_subscribed(i, l, "\\Noselect", up);
		return;
	}
}

/* With its use: there are clients that ask LSUB for nothing else. */
static enum err lsub_name(struct imap *i, struct list *l, struct slice name)
{
	struct mailbox_row row;

	if (!list_matches(l, name)) {
		lsub_parent(i, l, name);
		return ERR_OK;
	}
	remember(l->parent_text, &l->parent, name);
	enum err e = mailbox_find(i->account, name, l->arena, &row);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	const char *use = e == ERR_OK ? imap_use_name(row.special) : NULL;
	list_put_subscribed(i, l, use ? use : "", name);
	return ERR_OK;
}

static enum err names_batch(struct imap *i, struct list *l)
{
	bool lsub = l->reply[1] == 'S';
	struct slice names[BATCH];
	size_t n;

	arena_reset(l->arena);
	TRY(subscription_list(
		i->account, l->after, l->arena, names, BATCH, &n));
	for (size_t k = 0; k < n; k++) {
		if (lsub)
			TRY(lsub_name(i, l, names[k]));
		else
			TRY(list_name(i, l, names[k]));
	}
	if (n)
		remember(l->after_text, &l->after, names[n - 1]);
	l->names_seen = n < BATCH;
	return ERR_OK;
}

/* --- the commands ----------------------------------------------------------------- */

static void abandon(struct imap *i)
{
	struct list *l = i->cmd.work;

	walk_end(i, &l->walk);
	arena_free(l->arena);
	arena_free(l->values);
}

static enum err more(struct imap *i)
{
	struct list *l = i->cmd.work;
	uint64_t started = loop_now_us();

	while (!l->mailboxes_seen || !l->names_seen) {
		TRY(l->mailboxes_seen ? names_batch(i, l)
				      : one_mailbox(i, l, started));
		imap_flush(i);
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	return ERR_OK;
}

static enum err list(struct imap *i, const char *reply)
{
	struct list *l = arena_alloc(i->arena, sizeof(*l));
	bool separator = false;

	if (!l)
		return ERR_NOMEM;
	l->reply = reply;
	TRY(list_parse(i, l, &separator));
	if (separator) {
		imap_untagged(i, "%s (\\Noselect) \"/\" \"\"", reply);
		return ERR_OK;
	}
	status_enables(i, l->status);
	l->mailboxes_seen = reply[1] == 'S';
	l->names_seen = reply[1] != 'S' && !(l->select & SELECT_SUBSCRIBED);
	l->arena = arena_new(MIB(1));
	l->values = arena_new(VALUES);
	i->cmd.work = l;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return l->arena && l->values ? more(i) : ERR_NOMEM;
}

enum err cmd_list(struct imap *i)
{
	return list(i, "LIST");
}

enum err cmd_xlist(struct imap *i)
{
	return list(i, "XLIST");
}

enum err cmd_lsub(struct imap *i)
{
	return list(i, "LSUB");
}
