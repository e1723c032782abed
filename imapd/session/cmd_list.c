/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * LIST, LSUB and XLIST (RFC 3501 6.3.8, 6.3.9; RFC 3348; RFC 6154). Mailboxes
 * are asked from the store in batches, in the order of their names.
 */
#include "place.h"

#define BATCH 100

struct list {
	const char *reply;    /* "LIST", "XLIST", "LSUB" */
	struct slice pattern; /* reference and pattern, wildcards collapsed */
	struct walk walk;
	struct slice after; /* LSUB: last name seen; in `after_text` */
	char after_text[LIMIT_MAILBOX_NAME];
	struct slice parent; /* LSUB: the last parent told of */
	char parent_text[LIMIT_MAILBOX_NAME];
	bool special_only;
	bool everything_seen;
	struct arena *arena; /* of one batch */
};

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

/* --- patterns ------------------------------------------------------------------ */

/* A wildcard that can still take one more character, and where. */
struct retry {
	size_t pattern, name;
	bool open;
};

static bool step_back(struct retry *percent, struct retry *star,
	struct slice name, size_t *p, size_t *n)
{
	if (percent->open && percent->name < name.n &&
		name.p[percent->name] != '/') {
		*p = percent->pattern;
		*n = ++percent->name;
		return true;
	}
	percent->open = false;
	if (!star->open || star->name >= name.n)
		return false;
	*p = star->pattern;
	*n = ++star->name;
	return true;
}

/* '*' takes everything, '%' everything but '/'. */
static bool matches(struct slice pattern, struct slice name)
{
	struct retry star = { 0 }, percent = { 0 };
	size_t p = 0, n = 0;

	while (p < pattern.n || n < name.n) {
		char c = p < pattern.n ? pattern.p[p] : 0;
		if (c == '*') {
			star = (struct retry){ ++p, n, true };
			percent.open = false;
		} else if (c == '%') {
			percent = (struct retry){ ++p, n, true };
		} else if (p < pattern.n && n < name.n && c == name.p[n]) {
			p++;
			n++;
		} else if (!step_back(&percent, &star, name, &p, &n)) {
			return false;
		}
	}
	return true;
}

/* Runs of wildcards are one: "*" when one is in them. Bounds the matching. */
static struct slice collapse(
	struct arena *a, struct slice reference, struct slice pattern)
{
	char *p = arena_alloc(a, reference.n + pattern.n + 1);
	size_t n = 0;

	for (size_t k = 0; p && k < reference.n + pattern.n; k++) {
		char c = k < reference.n ? reference.p[k]
					 : pattern.p[k - reference.n];
		bool wild = c == '*' || c == '%';
		bool before = n && (p[n - 1] == '*' || p[n - 1] == '%');
		if (wild && before)
			p[n - 1] = c == '*' ? c : p[n - 1];
		else
			p[n++] = c;
	}
	/* INBOX is the same in any case, also as the start of a pattern. */
	if (p && n >= 5 && slice_iprefix(slice_of(p, n), "INBOX") &&
		(n == 5 || p[5] == '/' || p[5] == '*' || p[5] == '%'))
		memcpy(p, "INBOX", 5);
	return slice_of(p, n);
}

/* --- lines --------------------------------------------------------------------- */

static void put_line(struct imap *i, const struct list *l, const char *flags,
	const char *use, struct slice name)
{
	buf_addf(&i->out, "* %s (%s%s%s) \"/\" ", l->reply, flags,
		use && flags[0] ? " " : "", use ? use : "");
	put_mailbox(i, name);
	buf_adds(&i->out, "\r\n");
}

static void put_row(
	struct imap *i, const struct list *l, const struct mailbox_row *row)
{
	const char *flags = row->selectable     ? row->has_children
							  ? "\\HasChildren"
							  : "\\HasNoChildren"
			    : row->has_children ? "\\Noselect \\HasChildren"
						: "\\Noselect \\HasNoChildren";
	const char *use = uses[row->special];

	if (l->reply[0] == 'X' && slice_eqs(row->name, "INBOX"))
		use = "\\Inbox";
	if (!l->special_only || use)
		put_line(i, l, flags, use, row->name);
}

void put_list(struct imap *i, const struct mailbox_row *row, struct slice old)
{
	static const struct list l = { .reply = "LIST" };

	put_row(i, &l, row);
	if (!old.p)
		return;
	i->out.n -= 2; /* behind the name: RFC 9051 6.3.9.7 */
	buf_adds(&i->out, " (\"OLDNAME\" (");
	put_mailbox(i, old);
	buf_adds(&i->out, "))\r\n");
}

static void remember(char *text, struct slice *slot, struct slice name)
{
	size_t n = name.n < LIMIT_MAILBOX_NAME ? name.n : LIMIT_MAILBOX_NAME;

	memcpy(text, name.p, n);
	*slot = slice_of(text, n);
}

/* --- LIST ---------------------------------------------------------------------- */

static enum err list_batch(struct imap *i, struct list *l)
{
	struct place rows[BATCH];
	size_t n;

	arena_reset(l->arena);
	TRY(walk_next(i, &l->walk, l->arena, rows, BATCH, &n));
	for (size_t k = 0; k < n; k++)
		if (matches(l->pattern, rows[k].row.name))
			put_row(i, l, &rows[k].row);
	l->everything_seen = n == 0;
	return ERR_OK;
}

/* --- LSUB ---------------------------------------------------------------------- */

/* RFC 3501 6.3.9: with "%", a name below that is subscribed shows its parent,
 * with \Noselect. */
static void lsub_parent(struct imap *i, struct list *l, struct slice name)
{
	for (size_t n = 1; n < name.n; n++) {
		struct slice up = slice_head(name, n);
		if (name.p[n] != '/' || !matches(l->pattern, up) ||
			slice_eq(up, l->parent))
			continue;
		remember(l->parent_text, &l->parent, up);
		put_line(i, l, "\\Noselect", NULL, up);
		return;
	}
}

static enum err lsub_batch(struct imap *i, struct list *l)
{
	struct slice names[BATCH];
	size_t n;

	arena_reset(l->arena);
	TRY(subscription_list(
		i->account, l->after, l->arena, names, BATCH, &n));
	for (size_t k = 0; k < n; k++) {
		if (matches(l->pattern, names[k])) {
			remember(l->parent_text, &l->parent, names[k]);
			put_line(i, l, "", NULL, names[k]);
		} else {
			lsub_parent(i, l, names[k]);
		}
	}
	if (n)
		remember(l->after_text, &l->after, names[n - 1]);
	l->everything_seen = n < BATCH;
	return ERR_OK;
}

/* --- the commands ----------------------------------------------------------------- */

static void abandon(struct imap *i)
{
	struct list *l = i->cmd.work;

	walk_end(i, &l->walk);
	arena_free(l->arena);
}

static enum err more(struct imap *i)
{
	struct list *l = i->cmd.work;
	uint64_t started = loop_now_us();

	while (!l->everything_seen) {
		TRY(l->reply[1] == 'S' ? lsub_batch(i, l) : list_batch(i, l));
		imap_flush(i);
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	return ERR_OK;
}

/* RFC 6154 6: "LIST (SPECIAL-USE) ..." asks for those with a use only. */
static bool selection(struct cursor *c, struct list *l)
{
	if (!p_char(c, '('))
		return true;
	l->special_only = p_word(c, "SPECIAL-USE");
	return p_char(c, ')') && p_sp(c);
}

/* "RETURN (SPECIAL-USE CHILDREN)": both always come. */
static bool returns(struct cursor *c)
{
	if (p_end(c))
		return true;
	if (!p_sp(c) || !p_word(c, "RETURN") || !p_sp(c) || !p_char(c, '('))
		return false;
	while (p_word(c, "SPECIAL-USE") || p_word(c, "CHILDREN"))
		(void)p_sp(c);
	return p_char(c, ')') && p_end(c);
}

static enum err list(struct imap *i, const char *reply)
{
	struct list *l = arena_alloc(i->arena, sizeof(*l));
	struct cursor *c = &i->cmd.args;
	struct slice reference, pattern;

	if (!l)
		return ERR_NOMEM;
	l->reply = reply;
	bool extended = reply[0] == 'L' && reply[1] == 'I';
	if (!p_sp(c) || (extended && !selection(c, l)) ||
		!imap_pattern(i, c, &reference) || !p_sp(c) ||
		!imap_pattern(i, c, &pattern) ||
		!(extended ? returns(c) : p_end(c)))
		return ERR_SYNTAX;
	if (pattern.n == 0) { /* asks for the separator */
		imap_untagged(i, "%s (\\Noselect) \"/\" \"\"", reply);
		return ERR_OK;
	}
	l->pattern = collapse(i->arena, reference, pattern);
	l->arena = arena_new(MIB(1));
	if (!l->pattern.p || !l->arena) {
		arena_free(l->arena);
		return ERR_NOMEM;
	}
	i->cmd.work = l;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return more(i);
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
