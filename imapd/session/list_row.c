/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The answer of LIST for one name: whether it is selected, its line, and what
 * RETURN wants besides (RFC 5258 3, RFC 5819 2, RFC 8440, RFC 9590 3).
 */
#include "list.h"

static const char *const uses[SPECIAL_COUNT] = {
	[SPECIAL_DRAFTS] = "\\Drafts",
	[SPECIAL_SENT] = "\\Sent",
	[SPECIAL_TRASH] = "\\Trash",
	[SPECIAL_JUNK] = "\\Junk",
	[SPECIAL_ARCHIVE] = "\\Archive",
};

bool imap_special_use(struct slice name, enum special_use *out)
{
	for (unsigned k = 1; k < SPECIAL_COUNT; k++)
		if (slice_ieqs(name, uses[k] + 1)) {
			*out = (enum special_use)k;
			return true;
		}
	return false;
}

const char *imap_use_name(enum special_use use)
{
	return uses[use];
}

/* --- lines --------------------------------------------------------------------- */

/* What a line has besides the name. */
struct line {
	const char *reply;
	bool nonexistent, noselect, has_children, subscribed;
	const char *use;
	unsigned childinfo; /* SELECT_BASE of children that are selected */
};

static void put_flag(struct imap *i, const char **gap, const char *flag)
{
	if (!flag)
		return;
	buf_addf(&i->out, "%s%s", *gap, flag);
	*gap = " ";
}

static void put_line(struct imap *i, const struct line *l, struct slice name)
{
	const char *gap = "";

	buf_addf(&i->out, "* %s (", l->reply);
	put_flag(i, &gap, l->nonexistent ? "\\NonExistent" : NULL);
	put_flag(i, &gap, l->noselect ? "\\Noselect" : NULL);
	put_flag(
		i, &gap, l->has_children ? "\\HasChildren" : "\\HasNoChildren");
	put_flag(i, &gap, l->use);
	put_flag(i, &gap, l->subscribed ? "\\Subscribed" : NULL);
	buf_adds(&i->out, ") \"/\" ");
	put_mailbox(i, name);
	if (l->childinfo)
		buf_addf(&i->out, " (\"CHILDINFO\" (%s%s%s))",
			l->childinfo & SELECT_SUBSCRIBED ? "\"SUBSCRIBED\""
							 : "",
			l->childinfo == SELECT_BASE ? " " : "",
			l->childinfo & SELECT_SPECIAL_USE ? "\"SPECIAL-USE\""
							  : "");
	buf_adds(&i->out, "\r\n");
}

static struct line line_of(const char *reply, const struct mailbox_row *row)
{
	struct line line = { .reply = reply,
		.noselect = !row->selectable,
		.has_children = row->has_children,
		.use = uses[row->special] };

	if (reply[0] == 'X' && slice_eqs(row->name, "INBOX"))
		line.use = "\\Inbox";
	return line;
}

void put_list(struct imap *i, const struct mailbox_row *row, struct slice old)
{
	const struct line line = line_of("LIST", row);

	put_line(i, &line, row->name);
	if (!old.p)
		return;
	i->out.n -= 2; /* behind the name: RFC 9051 6.3.9.7 */
	buf_adds(&i->out, " (\"OLDNAME\" (");
	put_mailbox(i, old);
	buf_adds(&i->out, "))\r\n");
}

void list_put_subscribed(struct imap *i, const struct list *l,
	const char *flags, struct slice name)
{
	buf_addf(&i->out, "* %s (%s) \"/\" ", l->reply, flags);
	put_mailbox(i, name);
	buf_adds(&i->out, "\r\n");
}

/* --- names below ------------------------------------------------------------------- */

/* So many are looked at for one that the patterns do not match; of more, one is
 * assumed: RFC 5258 3.5 only says SHOULD. */
#define BELOW 100

static struct arena *scratch(const struct list *l)
{
	arena_reset(l->values);
	return l->values;
}

static bool is_below(struct slice name, struct slice parent)
{
	return name.n > parent.n && name.p[parent.n] == '/' &&
	       slice_eq(slice_head(name, parent.n), parent);
}

/* Names with a special use, of the user's own: a handful. */
static enum err special_below(struct imap *i, const struct list *l,
	struct slice parent, bool unmatched, bool *out)
{
	for (unsigned k = 1; k < SPECIAL_COUNT && !*out; k++) {
		struct mailbox_row row;
		bool subscribed = true;
		enum err e = mailbox_find_special(
			i->account, (enum special_use)k, scratch(l), &row);
		if (e == ERR_NOTFOUND)
			continue;
		TRY(e);
		if (l->select & SELECT_SUBSCRIBED)
			TRY(subscription_has(
				i->account, row.name, &subscribed));
		*out = subscribed && is_below(row.name, parent) &&
		       !(unmatched && list_matches(l, row.name));
	}
	return ERR_OK;
}

static enum err subscribed_below(struct imap *i, const struct list *l,
	struct slice parent, bool unmatched, bool *out)
{
	char after[LIMIT_MAILBOX_NAME + 1];
	struct slice names[BELOW];
	size_t n, max = unmatched ? BELOW : 1;

	memcpy(after, parent.p, parent.n);
	after[parent.n] = '/';
	TRY(subscription_list(i->account, slice_of(after, parent.n + 1),
		scratch(l), names, max, &n));
	for (size_t k = 0; k < n; k++) {
		if (!is_below(names[k], parent))
			return ERR_OK;
		if (!unmatched || !list_matches(l, names[k])) {
			*out = true;
			return ERR_OK;
		}
	}
	*out = n == BELOW;
	return ERR_OK;
}

/* Is there a name below it that is selected and, when `unmatched`, not listed
 * itself? */
static enum err selected_below(struct imap *i, const struct list *l,
	struct slice parent, bool unmatched, bool *out)
{
	*out = false;
	if (!(l->select & SELECT_RECURSIVEMATCH) ||
		parent.n > LIMIT_MAILBOX_NAME)
		return ERR_OK;
	return l->select & SELECT_SPECIAL_USE
		       ? special_below(i, l, parent, unmatched, out)
		       : subscribed_below(i, l, parent, unmatched, out);
}

/* --- a mailbox ---------------------------------------------------------------------- */

/* RFC 5819 2: what STATUS could not answer is \Noselect. */
static bool has_status(const struct list *l, const struct place *p)
{
	return (l->with & WITH_STATUS) && p->row.selectable &&
	       (p->rights & RIGHT_READ);
}

/* Its line. *selected: it is not just a parent of some that are. */
static enum err put_mailbox_line(struct imap *i, const struct list *l,
	const struct place *p, bool *selected)
{
	struct slice name = p->row.name;
	struct line line = line_of(l->reply, &p->row);
	bool children;

	if (l->with & WITH_SUBSCRIBED)
		TRY(subscription_has(i->account, name, &line.subscribed));
	*selected = (!(l->select & SELECT_SUBSCRIBED) || line.subscribed) &&
		    (!(l->select & SELECT_SPECIAL_USE) || line.use);
	TRY(selected_below(i, l, name, !*selected, &children));
	if (!*selected && !children)
		return ERR_OK;
	line.childinfo = children ? l->select & SELECT_BASE : 0;
	line.noselect |= (l->with & WITH_STATUS) && !has_status(l, p);
	put_line(i, &line, name);
	if (*selected && (l->with & WITH_MYRIGHTS) && p->account)
		put_myrights(i, p);
	imap_flush(i);
	return ERR_OK;
}

/* What is told of somebody else's mailbox is audited (place.h). */
static enum err audited(struct imap *i, const struct place *p, bool *out)
{
	struct place again;
	enum err e = place_is_own(i, p->account)
			     ? ERR_OK
			     : imap_place(i, p->row.name, RIGHT_LOOKUP, &again);

	*out = e == ERR_OK;
	return e == ERR_NOTFOUND || e == ERR_NOPERM ? ERR_OK : e;
}

static enum err put_status(struct imap *i, struct list *l,
	const struct place *p, uint64_t started_us)
{
	enum err e = status_count(i, p, l->status, started_us, &l->count);

	if (e == ERR_OK)
		e = status_put(i, p, l->status, &l->count);
	if (e == ERR_OK)
		imap_flush(i);
	else if (e != ERR_AGAIN)
		buf_reset(&i->out);
	/* It went in the meantime. */
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static void begin_metadata(
	struct imap *i, struct list *l, const struct place *p)
{
	l->metadata = (struct metadata_walk){ .account = p->account,
		.box = p->row.id,
		.name = p->row.name,
		.use = p->row.special,
		.entries = l->entries,
		.n = l->n_entries,
		.options.max_size = UINT32_MAX,
		.arena = l->values };
}

static bool next_stage(struct list *l, const struct place *p)
{
	if (l->stage == ROW_LIST && has_status(l, p)) {
		l->count = (struct status_count){ 0 };
		l->stage = ROW_STATUS;
		return true;
	}
	if (l->stage != ROW_METADATA && (l->with & WITH_METADATA) &&
		metadata_allowed(p->rights)) {
		l->stage = ROW_METADATA;
		return true;
	}
	l->stage = ROW_LIST;
	return false;
}

enum err list_row(struct imap *i, struct list *l, uint64_t started_us)
{
	const struct place *p = &l->rows[l->at];
	bool selected = false, told = false;

	if (l->stage == ROW_LIST) {
		if (!list_matches(l, p->row.name))
			return ERR_OK;
		TRY(put_mailbox_line(i, l, p, &selected));
		if (!selected || !p->account ||
			!(l->with & (WITH_STATUS | WITH_METADATA)))
			return ERR_OK;
		TRY(audited(i, p, &told));
		if (!told || !next_stage(l, p))
			return ERR_OK;
		begin_metadata(i, l, p);
	}
	do {
		TRY(l->stage == ROW_STATUS
				? put_status(i, l, p, started_us)
				: metadata_put(i, &l->metadata, started_us));
	} while (next_stage(l, p));
	return ERR_OK;
}

/* --- a name that is no mailbox's --------------------------------------------------- */

/* RFC 5258 3.5, the table: a name above it that does not exist. Told with the
 * first name below it. */
static enum err put_missing_parent(
	struct imap *i, struct list *l, struct slice parent, struct slice name)
{
	const struct line line = { .reply = l->reply,
		.nonexistent = true,
		.childinfo = l->select & SELECT_BASE };
	char after[LIMIT_MAILBOX_NAME + 1];
	struct slice first;
	bool there, unmatched;
	size_t n;

	memcpy(after, parent.p, parent.n);
	after[parent.n] = '/';
	TRY(subscription_list(i->account, slice_of(after, parent.n + 1),
		scratch(l), &first, 1, &n));
	if (n == 0 || !slice_eq(first, name))
		return ERR_OK;
	TRY(subscription_has(i->account, parent, &there));
	if (!there)
		TRY(place_exists(i, parent, scratch(l), &there));
	if (there)
		return ERR_OK;
	TRY(selected_below(i, l, parent, true, &unmatched));
	if (unmatched)
		put_line(i, &line, parent);
	return ERR_OK;
}

enum err list_name(struct imap *i, struct list *l, struct slice name)
{
	struct line line = {
		.reply = l->reply, .nonexistent = true, .subscribed = true
	};
	bool there, children;

	/* What does not exist has no use. */
	if (l->select & SELECT_SPECIAL_USE)
		return ERR_OK;
	if (list_matches(l, name)) {
		TRY(place_exists(i, name, scratch(l), &there));
		TRY(selected_below(i, l, name, false, &children));
		line.childinfo = children ? l->select & SELECT_BASE : 0;
		if (!there)
			put_line(i, &line, name);
	}
	if (!(l->select & SELECT_RECURSIVEMATCH))
		return ERR_OK;
	for (size_t n = 1; n < name.n; n++) {
		struct slice parent = slice_head(name, n);
		if (name.p[n] == '/' && list_matches(l, parent))
			TRY(put_missing_parent(i, l, parent, name));
	}
	return ERR_OK;
}
