/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Contexts (RFC 5267 4.3). The result of a SEARCH is kept in the order of UIDs,
 * and told with position 0; that of a SORT in its order, where a new message
 * finds its place by keys that are made anew of the messages it is compared
 * with: 4 bytes are kept for each result, and no keys.
 */
#include <stdlib.h>

#include "context.h"

#define BATCH 100
#define VANISHED_BATCH 500
/* The text and structure of one message. */
#define ROW_ARENA MIB(256)
/* A key of one message: SORT_CRITERIA_MAX texts. */
#define KEY_MAX KIB(16)

struct context {
	struct context *next;
	struct arena *arena; /* of the program and the tag */
	struct slice tag;
	bool uid;
	bool dropped; /* its results are over the limit */
	bool sorted;
	struct search_program program;
	struct sort_keys keys;
	uint32_t *uids;
	size_t n, cap;
	uint64_t modseq; /* changes up to here are in it, */
	uint32_t modseq_uid;
	uint64_t expunge_modseq; /* and what went, */
	uint32_t expunge_uid;
	uint32_t uidnext;           /* and UIDs below */
	struct fetch_request fetch; /* wanted of new messages; n 0: nothing */
};

/* --- results ------------------------------------------------------------------------- */

/* Its index, or c->n. */
static size_t find(const struct context *c, uint32_t uid)
{
	size_t at = 0;

	if (!c->sorted) {
		at = uids_below(c->uids, c->n, uid);
		return at < c->n && c->uids[at] == uid ? at : c->n;
	}
	while (at < c->n && c->uids[at] != uid)
		at++;
	return at;
}

static size_t all_results(const struct imap *i)
{
	size_t n = 0;

	for (const struct context *c = i->contexts; c; c = c->next)
		n += c->n;
	return n;
}

static void remove_at(struct context *c, size_t at)
{
	c->n--;
	memmove(c->uids + at, c->uids + at + 1, (c->n - at) * sizeof(*c->uids));
}

static enum err insert_at(
	struct imap *i, struct context *c, size_t at, uint32_t uid)
{
	if (all_results(i) >= LIMIT_CONTEXT_RESULTS)
		return ERR_LIMIT;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		uint32_t *p = mem_resize(c->uids, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		c->uids = p;
		c->cap = cap;
	}
	memmove(c->uids + at + 1, c->uids + at, (c->n - at) * sizeof(*c->uids));
	c->uids[at] = uid;
	c->n++;
	return ERR_OK;
}

/* --- the place in a sorted result ------------------------------------------------------ */

/* Its key, in the arena. */
static enum err key_of(struct context *c, const struct message_row *row,
	struct arena *a, struct slice *out)
{
	buf_reset(&c->keys.keys);
	TRY(sort_keys_add(&c->keys, row, 0, a));
	*out = arena_copy(a, buf_slice(&c->keys.keys));
	return out->p ? ERR_OK : ERR_NOMEM;
}

/* Messages with equal keys are in the order of the mailbox. */
static enum err compare(struct imap *i, struct context *c, struct slice key,
	uint32_t uid, uint32_t other, struct arena *a, int *out)
{
	struct message_row row;
	struct slice key_other;
	size_t n;

	TRY(message_list(i->box, i->st.mailbox, other, other, MESSAGE_META, a,
		&row, 1, &n));
	if (n == 0) /* contexts_gone() comes first in each turn */
		return ERR_BUG;
	TRY(key_of(c, &row, a, &key_other));
	*out = slice_cmp(key, key_other);
	if (*out == 0)
		*out = uid < other ? -1 : 1;
	return ERR_OK;
}

static enum err find_place(struct imap *i, struct context *c,
	const struct message_row *row, struct arena *a, size_t *out)
{
	struct slice key;
	size_t low = 0, high = c->n;
	int sign;

	if (!c->sorted) {
		*out = uids_below(c->uids, c->n, row->uid);
		return ERR_OK;
	}
	TRY(key_of(c, row, a, &key));
	while (low < high) {
		size_t mid = (low + high) / 2;
		TRY(compare(i, c, key, row->uid, c->uids[mid], a, &sign));
		if (sign > 0)
			low = mid + 1;
		else
			high = mid;
	}
	*out = low;
	return ERR_OK;
}

/* --- what is told ---------------------------------------------------------------------- */

/* A response in the making: the UIDs of a result in mailbox order are gathered,
 * those of a sorted one go out with their places, in the order in which the
 * client takes them. */
struct update {
	struct imap *i;
	struct context *c;
	uint32_t added[VANISHED_BATCH], removed[VANISHED_BATCH];
	size_t n_added, n_removed;
	const char *open; /* "ADDTO": its list is open in the output */
	bool begun;
};

static uint32_t number_of(const struct update *u, uint32_t uid)
{
	return u->c->uid ? uid : view_seq(u->i, uid);
}

static void put_head(struct update *u)
{
	if (u->begun)
		return;
	u->begun = true;
	buf_addf(&u->i->out, "* ESEARCH (TAG \"%.*s\")%s", SLICE_ARG(u->c->tag),
		u->c->uid ? " UID" : "");
}

static void put_list_of(
	struct update *u, const char *name, uint32_t *uids, size_t n)
{
	if (n == 0)
		return;
	put_head(u);
	for (size_t k = 0; k < n; k++)
		uids[k] = number_of(u, uids[k]);
	buf_addf(&u->i->out, " %s (0 ", name);
	put_uid_set(&u->i->out, uids, n);
	buf_addc(&u->i->out, ')');
}

static void put_place(
	struct update *u, const char *name, size_t at, uint32_t uid)
{
	struct buf *b = &u->i->out;

	put_head(u);
	if (u->open == name)
		buf_addc(b, ' ');
	else
		buf_addf(b, "%s %s (", u->open ? ")" : "", name);
	u->open = name;
	buf_addf(b, "%zu %u", at + 1, number_of(u, uid));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void update_flush(struct update *u)
{
	qsort(u->removed, u->n_removed, sizeof(u->removed[0]), by_number);
	qsort(u->added, u->n_added, sizeof(u->added[0]), by_number);
	put_list_of(u, "REMOVEFROM", u->removed, u->n_removed);
	put_list_of(u, "ADDTO", u->added, u->n_added);
	if (u->begun) {
		buf_adds(&u->i->out, u->open ? ")\r\n" : "\r\n");
		imap_flush(u->i);
	}
	u->n_added = u->n_removed = 0;
	u->open = NULL;
	u->begun = false;
}

static const char addto[] = "ADDTO", removefrom[] = "REMOVEFROM";

/* The result at `at` is no longer one; who calls takes it out of the list. */
static void tell_removed(struct update *u, size_t at, uint32_t uid)
{
	if (u->c->sorted)
		put_place(u, removefrom, at, uid);
	else
		u->removed[u->n_removed++] = uid;
	if (u->n_removed == VANISHED_BATCH)
		update_flush(u);
}

static enum err update_add(
	struct update *u, const struct message_row *row, struct arena *a)
{
	struct context *c = u->c;
	size_t at;

	TRY(find_place(u->i, c, row, a, &at));
	TRY(insert_at(u->i, c, at, row->uid));
	if (c->sorted)
		put_place(u, addto, at, row->uid);
	else
		u->added[u->n_added++] = row->uid;
	if (u->n_added == VANISHED_BATCH)
		update_flush(u);
	return ERR_OK;
}

/* --- news ------------------------------------------------------------------------------- */

/* One walk over the results for all of `gone`, which ascend. */
static void remove_all(struct update *u, const uint32_t *gone, size_t n)
{
	struct context *c = u->c;
	size_t kept = 0;

	for (size_t k = 0; k < c->n; k++) {
		uint32_t uid = c->uids[k];
		if (bsearch(&uid, gone, n, sizeof(*gone), by_number))
			tell_removed(u, kept, uid);
		else
			c->uids[kept++] = uid;
	}
	c->n = kept;
}

static enum err gone(
	struct imap *i, struct context *c, uint64_t upto, uint64_t started)
{
	struct vanished_row rows[VANISHED_BATCH];
	uint32_t uids[VANISHED_BATCH];
	struct update u = { .i = i, .c = c };
	size_t n;

	for (;;) {
		TRY(message_vanished(i->box, i->st.mailbox, c->expunge_modseq,
			c->expunge_uid, rows, VANISHED_BATCH, &n));
		if (n == 0)
			break;
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		for (size_t k = 0; k < n; k++)
			uids[k] = rows[k].uid;
		qsort(uids, n, sizeof(uids[0]), by_number);
		remove_all(&u, uids, n);
		update_flush(&u);
		c->expunge_modseq = rows[n - 1].modseq;
		c->expunge_uid = rows[n - 1].uid;
	}
	c->expunge_modseq = upto;
	c->expunge_uid = UINT32_MAX;
	return ERR_OK;
}

enum err contexts_gone(struct imap *i, uint64_t upto)
{
	uint64_t started = loop_now_us();

	for (struct context *c = i->contexts; c; c = c->next)
		TRY(gone(i, c, upto, started));
	return ERR_OK;
}

/* Is it in the result, and was it? `row` has its metadata. */
static enum err weigh(
	struct update *u, const struct message_row *row, struct arena *a)
{
	struct context *c = u->c;
	unsigned score;
	size_t at = find(c, row->uid);

	enum err e = search_match(&c->program, row, a, &score);
	if (e == ERR_NOTFOUND) /* its text went: it is expunged */
		return ERR_OK;
	TRY(e);
	if (score && at == c->n)
		return update_add(u, row, a);
	if (!score && at < c->n) {
		tell_removed(u, at, row->uid);
		remove_at(c, at);
	}
	return ERR_OK;
}

static enum err weigh_one(struct update *u, uint32_t uid, struct arena *a)
{
	struct message_row row;
	size_t n;

	arena_reset(a);
	TRY(message_list(u->i->box, u->i->st.mailbox, uid, uid, MESSAGE_META, a,
		&row, 1, &n));
	return n ? weigh(u, &row, a) : ERR_OK;
}

/* So few are looked at whatever the time: what is told of them is one line. */
#define LEAST 8

/* Those of the client's messages whose flags have changed. */
static enum err changed(struct update *u, struct arena *a, uint64_t started)
{
	struct context *c = u->c;
	struct message_row rows[BATCH];
	size_t n;

	do {
		TRY(message_changed(u->i->box, u->i->st.mailbox, c->modseq,
			c->modseq_uid, rows, BATCH, &n));
		for (size_t k = 0; k < n; k++) {
			if (k >= LEAST && imap_slice_over(u->i, started))
				return ERR_AGAIN;
			if (rows[k].uid < c->uidnext)
				TRY(weigh_one(u, rows[k].uid, a));
			c->modseq = rows[k].modseq;
			c->modseq_uid = rows[k].uid;
		}
	} while (n == BATCH);
	return ERR_OK;
}

static enum err arrived(struct update *u, struct arena *a, uint64_t started)
{
	struct context *c = u->c;
	/* ADDTO comes behind the FETCH that it wants. */
	uint32_t uids[BATCH],
		end = c->fetch.n ? u->i->st.fetched : u->i->st.uidnext;
	size_t n;

	while (c->uidnext < end) {
		TRY(message_uids(u->i->box, u->i->st.mailbox, c->uidnext, uids,
			BATCH, &n));
		for (size_t k = 0; k < n && uids[k] < end; k++) {
			if (k >= LEAST && imap_slice_over(u->i, started))
				return ERR_AGAIN;
			TRY(weigh_one(u, uids[k], a));
			c->uidnext = uids[k] + 1;
		}
		if (n < BATCH || uids[n - 1] >= end)
			c->uidnext = end;
	}
	return ERR_OK;
}

static enum err bring_up(struct imap *i, struct context *c, uint64_t upto,
	struct arena *a, uint64_t started)
{
	struct update u = { .i = i, .c = c };

	TRY(search_keywords(&c->program));
	enum err e = changed(&u, a, started);
	if (e == ERR_OK) {
		c->modseq = upto;
		c->modseq_uid = UINT32_MAX;
		e = arrived(&u, a, started);
	}
	if (e == ERR_OK || e == ERR_AGAIN || e == ERR_LIMIT)
		update_flush(&u);
	if (e != ERR_LIMIT)
		return e;
	imap_untagged(i, "NO [NOUPDATE \"%.*s\"] The result is too large",
		SLICE_ARG(c->tag));
	c->dropped = true;
	return ERR_OK;
}

static void context_free(struct context *c)
{
	mem_free(c->uids);
	sort_keys_free(&c->keys);
	arena_free(c->arena);
	mem_free(c);
}

static void free_dropped(struct imap *i)
{
	for (struct context **p = &i->contexts; *p;) {
		struct context *c = *p;
		if (c->dropped) {
			*p = c->next;
			context_free(c);
		} else {
			p = &c->next;
		}
	}
}

enum err contexts_changed(struct imap *i, uint64_t upto)
{
	uint64_t started = loop_now_us();
	enum err e = ERR_OK;

	if (!i->contexts)
		return ERR_OK;
	struct arena *a = arena_new(ROW_ARENA);
	if (!a)
		return ERR_NOMEM;
	for (struct context *c = i->contexts; c && e == ERR_OK; c = c->next)
		e = bring_up(i, c, upto, a, started);
	arena_free(a);
	free_dropped(i);
	return e;
}

/* --- what they want of new messages (RFC 5465 7) ------------------------------------------- */

bool contexts_fetch(const struct imap *i)
{
	return contexts_items(i) > 0;
}

size_t contexts_items(const struct imap *i)
{
	size_t n = 0;

	for (const struct context *c = i->contexts; c; c = c->next)
		n += c->fetch.n;
	return n;
}

static enum err joins(struct imap *i, struct context *c, uint32_t uid,
	struct arena *scratch, bool *out)
{
	struct message_row row;
	unsigned score = 0;
	size_t n;

	arena_reset(scratch);
	TRY(search_keywords(&c->program));
	TRY(message_list(i->box, i->st.mailbox, uid, uid, MESSAGE_META, scratch,
		&row, 1, &n));
	enum err e =
		n ? search_match(&c->program, &row, scratch, &score) : ERR_OK;
	*out = score > 0;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err contexts_joined(
	struct imap *i, uint32_t uid, struct arena *scratch, unsigned *out)
{
	unsigned bit = 1;
	bool joined;

	*out = 0;
	for (struct context *c = i->contexts; c; c = c->next, bit <<= 1) {
		if (!c->fetch.n)
			continue;
		TRY(joins(i, c, uid, scratch, &joined));
		*out |= joined ? bit : 0;
	}
	return ERR_OK;
}

void contexts_join(
	const struct imap *i, unsigned which, struct fetch_request *out)
{
	unsigned bit = 1;

	for (const struct context *c = i->contexts; c; c = c->next, bit <<= 1)
		if (which & bit)
			fetch_join(out, &c->fetch);
}

void contexts_free(struct imap *i)
{
	for (struct context *c = i->contexts; c; c = c->next)
		c->dropped = true;
	free_dropped(i);
}

/* --- a new one ---------------------------------------------------------------------------- */

static struct context *find_tag(const struct imap *i, struct slice tag)
{
	struct context *c = i->contexts;

	while (c && !slice_eq(c->tag, tag))
		c = c->next;
	return c;
}

enum err context_begin(struct imap *i, const struct search_return *r,
	struct context_start *out)
{
	struct mailbox_row row;

	if (!(r->what & RETURN_UPDATE))
		return ERR_OK;
	if (find_tag(i, i->cmd.tag)) {
		i->cmd.text = "Tag reuse";
		return ERR_SYNTAX;
	}
	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &row));
	out->modseq = row.modseq;
	out->update = r->update;
	return ERR_OK;
}

static enum err take_results(
	struct context *c, const struct search_scan *s, const uint32_t *order)
{
	const struct search_hit *hits =
		(const struct search_hit *)(const void *)s->hits.p;

	c->n = c->cap = search_n_hits(s);
	if (c->n == 0)
		return ERR_OK;
	c->uids = mem_resize(NULL, c->n, sizeof(*c->uids));
	if (!c->uids)
		return ERR_NOMEM;
	for (size_t k = 0; k < c->n; k++)
		c->uids[k] = hits[order ? order[k] : k].uid;
	return ERR_OK;
}

/* Read once more, so that all that it borrows is the context's own. */
static enum err take_items(struct context *c, struct slice text)
{
	if (!text.p)
		return ERR_OK;
	struct slice own = arena_copy(c->arena, text);
	struct cursor at = cursor_of(own);

	return own.p && fetch_items(&at, c->arena, &c->fetch) ? ERR_OK
							      : ERR_NOMEM;
}

static enum err context_new(struct imap *i, const struct context_start *at,
	const struct search_program *p, const struct sort_keys *keys,
	struct context **out)
{
	struct context *c = mem_new(struct context);

	if (!c)
		return ERR_NOMEM;
	*c = (struct context){ .uid = i->cmd.uid,
		.sorted = keys != NULL,
		.modseq = at->modseq,
		.modseq_uid = UINT32_MAX,
		.expunge_modseq = at->modseq,
		.expunge_uid = UINT32_MAX,
		.uidnext = i->st.uidnext,
		.arena = arena_new(LIMIT_CONTEXT_PROGRAM) };
	if (keys) {
		c->keys = *keys;
		sort_keys_init(&c->keys, KEY_MAX);
	}
	*out = c;
	if (!c->arena)
		return ERR_NOMEM;
	c->tag = arena_copy(c->arena, i->cmd.tag);
	TRY(take_items(c, at->update));
	return c->tag.p ? search_program_copy(c->arena, p, &c->program)
			: ERR_NOMEM;
}

/* RFC 5267 4.3.1: why there will be no updates; NULL: there will. */
static const char *refusal(const struct imap *i, const struct search_scan *s)
{
	size_t n = 0;

	for (const struct context *c = i->contexts; c; c = c->next)
		n++;
	if (n >= LIMIT_CONTEXTS)
		return "Too many contexts";
	if (search_n_hits(s) + all_results(i) > LIMIT_CONTEXT_RESULTS)
		return "The result is too large";
	if (!search_program_lasts(&s->program))
		return "The result changes without a change of messages";
	return NULL;
}

enum err context_add(struct imap *i, const struct context_start *at,
	const struct search_scan *s, const struct sort_keys *keys,
	const uint32_t *order)
{
	struct context *c = NULL, **last = &i->contexts;
	const char *why = refusal(i, s);

	if (!why) {
		enum err e = context_new(i, at, &s->program, keys, &c);
		if (e == ERR_OK)
			e = take_results(c, s, order);
		if (e != ERR_OK)
			why = "The search is too large";
	}
	if (why) {
		imap_untagged(i, "NO [NOUPDATE \"%.*s\"] %s",
			SLICE_ARG(i->cmd.tag), why);
		if (c)
			context_free(c);
		return ERR_OK;
	}
	while (*last)
		last = &(*last)->next;
	*last = c;
	i->changed = true; /* what came since it began */
	return ERR_OK;
}

/* --- CANCELUPDATE (RFC 5267 4.3.5) --------------------------------------------------------- */

enum err cmd_cancelupdate(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct cursor look = *c;
	struct slice tag;

	do {
		if (!p_sp(&look) || p_peek(&look) != '"' ||
			!imap_string(&look, i->arena, &tag))
			return ERR_SYNTAX;
		if (!find_tag(i, tag)) {
			i->cmd.text = "No search with this tag is updated";
			return ERR_NOTFOUND;
		}
	} while (!p_end(&look));
	while (p_sp(c) && imap_string(c, i->arena, &tag))
		find_tag(i, tag)->dropped = true;
	free_dropped(i);
	return ERR_OK;
}
