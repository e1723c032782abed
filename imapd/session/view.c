/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The session's view of the selected mailbox: which UID has which sequence
 * number, as the client knows it, and how it learns what changed.
 *
 * The store knows UIDs only. The UIDs that the client knows are: those there
 * now, below st.uidnext, and those that went after st.expunge_modseq. So the
 * view can be made at any time, and SELECT need not. It is loaded in slices;
 * what is expunged meanwhile is among the vanished that are joined at the end.
 * For this to hold, nothing new is announced while expunges are held back
 * unless the view is loaded (see tell_expunged).
 */
#include <stdlib.h>

#include "arrivals.h"
#include "context.h"
#include "notify.h"

#define LOAD_BATCH 5000
#define VANISHED_BATCH 500
#define CHANGED_BATCH 100

void view_clear(struct view *v)
{
	mem_free(v->uids);
	mem_free(v->saved);
	*v = (struct view){ 0 };
}

enum err view_room(struct view *v, size_t more)
{
	if (v->n + more <= v->cap)
		return ERR_OK;
	size_t cap = v->cap ? v->cap : 64;
	while (cap < v->n + more)
		cap *= 2;
	uint32_t *p = mem_resize(v->uids, cap, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	v->uids = p;
	v->cap = cap;
	return ERR_OK;
}

static size_t lower_bound(const struct view *v, uint32_t uid)
{
	return uids_below(v->uids, v->n, uid);
}

/* First index behind `uid`. */
static size_t view_end(const struct view *v, uint32_t uid)
{
	return uid == UINT32_MAX ? v->n : lower_bound(v, uid + 1);
}

uint32_t view_seq(const struct imap *i, uint32_t uid)
{
	size_t at = lower_bound(&i->view, uid);

	return at < i->view.n && i->view.uids[at] == uid ? (uint32_t)at + 1 : 0;
}

uint32_t view_max_uid(const struct imap *i)
{
	return i->view.n ? i->view.uids[i->view.n - 1] : 0;
}

uint32_t view_count(const struct imap *i, const struct set *s)
{
	const struct view *v = &i->view;
	size_t n = 0;

	for (size_t k = 0; k < s->n; k++) {
		uint32_t to = s->list[k].to;
		size_t end = to == UINT32_MAX ? v->n : lower_bound(v, to + 1);
		n += end - lower_bound(v, s->list[k].from);
	}
	return (uint32_t)n;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Joins what was expunged but not yet told; then order, once each. */
static enum err join_vanished(struct imap *i)
{
	struct view *v = &i->view;
	struct vanished_row rows[VANISHED_BATCH];
	uint64_t after = i->st.expunge_modseq;
	uint32_t after_uid = i->st.expunge_uid;
	size_t n, live = v->n;

	do {
		TRY(message_vanished(i->box, i->st.mailbox, after, after_uid,
			rows, VANISHED_BATCH, &n));
		TRY(view_room(v, n));
		for (size_t k = 0; k < n; k++)
			if (rows[k].uid < i->st.uidnext)
				v->uids[v->n++] = rows[k].uid;
		if (n) {
			after = rows[n - 1].modseq;
			after_uid = rows[n - 1].uid;
		}
	} while (n == VANISHED_BATCH);
	if (v->n == live)
		return ERR_OK;
	qsort(v->uids, v->n, sizeof(v->uids[0]), by_number);
	size_t kept = 0;
	for (size_t k = 0; k < v->n; k++)
		if (kept == 0 || v->uids[kept - 1] != v->uids[k])
			v->uids[kept++] = v->uids[k];
	v->n = kept;
	return ERR_OK;
}

enum err view_load(struct imap *i)
{
	struct view *v = &i->view;
	size_t n;

	if (v->loaded)
		return ERR_OK;
	if (v->next == 0)
		TRY(view_cache_take(i));
	TRY(view_room(v, LOAD_BATCH));
	TRY(message_uids(i->box, i->st.mailbox, v->next, v->uids + v->n,
		LOAD_BATCH, &n));
	while (n && v->uids[v->n + n - 1] >= i->st.uidnext)
		n--;
	v->n += n;
	if (n == LOAD_BATCH) {
		v->next = v->uids[v->n - 1] + 1;
		return ERR_AGAIN;
	}
	TRY(join_vanished(i));
	v->loaded = true;
	i->st.exists = (uint32_t)v->n;
	view_cache_put(i);
	return ERR_OK;
}

/* The number in a FETCH response; UIDFETCH needs no view. */
static enum err view_number(struct imap *i, uint32_t uid, uint32_t *out)
{
	if (imap_enabled(i, ENABLED_UIDONLY)) {
		*out = uid;
		return ERR_OK;
	}
	TRY(view_load(i));
	*out = view_seq(i, uid);
	return ERR_OK;
}

/* --- news: expunges ------------------------------------------------------------- */

/* `uids` ascending, all known to the client. Each EXPUNGE counts from what the
 * ones before it have left. */
static void remove_from_view(
	struct imap *i, const uint32_t *uids, size_t n, bool tell)
{
	struct view *v = &i->view;
	size_t to = n ? lower_bound(v, uids[0]) : v->n, gone = 0;

	for (size_t at = to; at < v->n; at++) {
		if (gone < n && v->uids[at] == uids[gone]) {
			if (tell)
				conn_writef(i->conn, "* %zu EXPUNGE\r\n",
					at + 1 - gone);
			gone++;
			continue;
		}
		v->uids[to++] = v->uids[at];
	}
	v->n -= gone;
}

void view_forget(struct imap *i, uint32_t *uids, size_t n)
{
	size_t known = 0;

	qsort(uids, n, sizeof(uids[0]), by_number);
	for (size_t k = 0; k < n; k++)
		if (view_seq(i, uids[k]))
			uids[known++] = uids[k];
	remove_from_view(i, uids, known, false);
}

/* RFC 7162 3.2.10.2: needs no view. */
static void put_vanished(struct imap *i, const uint32_t *uids, size_t n)
{
	if (n == 0)
		return;
	buf_adds(&i->out, "* VANISHED ");
	put_uid_set(&i->out, uids, n);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
}

static bool tells_vanished(const struct imap *i)
{
	return imap_enabled(i, ENABLED_QRESYNC | ENABLED_UIDONLY);
}

static void tell_gone_batch(
	struct imap *i, const struct vanished_row *rows, size_t n)
{
	uint32_t uids[VANISHED_BATCH];
	size_t known = 0;

	for (size_t k = 0; k < n; k++)
		if (i->view.loaded ? view_seq(i, rows[k].uid) != 0
				   : rows[k].uid < i->st.uidnext)
			uids[known++] = rows[k].uid;
	qsort(uids, known, sizeof(uids[0]), by_number);
	for (size_t k = 0; k < known; k++)
		i->st.n_recent -= uids[k] >= i->st.recent && i->st.n_recent;
	if (tells_vanished(i))
		put_vanished(i, uids, known);
	if (i->view.loaded)
		remove_from_view(i, uids, known, !tells_vanished(i));
	else
		view_clear(&i->view); /* what was loaded in part */
	i->st.exists -= (uint32_t)known;
}

static enum err tell_expunged(struct imap *i, bool expunge, uint64_t upto)
{
	struct vanished_row rows[VANISHED_BATCH];
	size_t n;

	for (;;) {
		TRY(message_vanished(i->box, i->st.mailbox,
			i->st.expunge_modseq, i->st.expunge_uid, rows,
			VANISHED_BATCH, &n));
		if (n == 0)
			break;
		if (!expunge || !tells_vanished(i))
			TRY(view_load(i));
		if (!expunge)
			return ERR_OK;
		if (conn_full(i->conn))
			return ERR_AGAIN;
		tell_gone_batch(i, rows, n);
		i->st.expunge_modseq = rows[n - 1].modseq;
		i->st.expunge_uid = rows[n - 1].uid;
	}
	i->st.expunge_modseq = upto;
	i->st.expunge_uid = UINT32_MAX;
	return ERR_OK;
}

/* --- news: flags ---------------------------------------------------------------- */

enum err view_keywords(
	struct imap *i, struct arena *a, struct slice names[LIMIT_KEYWORDS])
{
	size_t n;
	struct flags all = { .system = FLAG_SEEN | FLAG_ANSWERED |
				       FLAG_FLAGGED | FLAG_DELETED |
				       FLAG_DRAFT };

	TRY(keyword_list(i->box, i->st.mailbox, a, names, &n));
	if (n == i->st.n_keywords)
		return ERR_OK;
	i->st.n_keywords = (uint32_t)n;
	memset(all.keyword, 0xff, sizeof(all.keyword));
	buf_adds(&i->out, "* FLAGS ");
	put_flags(&i->out, &all, false, names);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

static enum err tell_flags(struct imap *i, uint64_t upto)
{
	struct slice names[LIMIT_KEYWORDS] = { { 0 } };
	struct message_row rows[CHANGED_BATCH];
	size_t n;

	for (bool first = true;; first = false) {
		TRY(message_changed(i->box, i->st.mailbox, i->st.modseq,
			i->st.modseq_uid, rows, CHANGED_BATCH, &n));
		if (n == 0)
			break;
		if (first)
			TRY(view_keywords(i, i->arena, names));
		/* Those not announced yet come with EXISTS, without FETCH. */
		for (size_t k = 0; k < n; k++)
			if (rows[k].uid < i->st.uidnext) {
				uint32_t seq;
				TRY(view_number(i, rows[k].uid, &seq));
				put_fetch_flags(i, seq, &rows[k], true, names);
			}
		i->st.modseq = rows[n - 1].modseq;
		i->st.modseq_uid = rows[n - 1].uid;
		imap_flush(i);
		if (conn_full(i->conn))
			return ERR_AGAIN;
	}
	i->st.modseq = upto;
	i->st.modseq_uid = UINT32_MAX;
	return ERR_OK;
}

/* --- news: arrivals --------------------------------------------------------------- */

static enum err tell_new(struct imap *i, uint32_t uidnext)
{
	uint32_t uids[VANISHED_BATCH], from = i->st.uidnext;
	size_t n, total = 0;

	do {
		TRY(message_uids(
			i->box, i->st.mailbox, from, uids, VANISHED_BATCH, &n));
		if (i->view.loaded) {
			TRY(view_room(&i->view, n));
			memcpy(i->view.uids + i->view.n, uids,
				n * sizeof(uids[0]));
			i->view.n += n;
		}
		total += n;
		if (n)
			from = uids[n - 1] + 1;
	} while (n == VANISHED_BATCH);
	i->st.uidnext = uidnext;
	i->st.exists += (uint32_t)total;
	i->st.n_recent += (uint32_t)total;
	if (total)
		imap_untagged(i, "%u EXISTS", i->st.exists);
	if (total && !imap_enabled(i, ENABLED_REV2))
		imap_untagged(i, "%u RECENT", i->st.n_recent);
	return ERR_OK;
}

/* What joins a context that wants no FETCH, then FETCH of what is new, then what
 * joins the others (RFC 5465 5.2, 7). */
static enum err tell_joined(struct imap *i, uint64_t upto)
{
	TRY(contexts_changed(i, upto));
	if (i->st.fetched == i->st.uidnext)
		return ERR_OK;
	TRY(arrivals_fetch(i));
	return contexts_fetch(i) ? contexts_changed(i, upto) : ERR_OK;
}

enum err view_sync(struct imap *i, bool expunge)
{
	struct mailbox_row row;

	if (i->arrivals)
		TRY(arrivals_fetch(i));
	if (!i->changed)
		return ERR_OK;
	if (notify_mutes(i, EVENTS_MESSAGE))
		return ERR_OK;
	if (i->key_reset)
		imap_untagged(i, "OK [URLMECH INTERNAL] The key was reset");
	i->key_reset = false;
	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &row));
	TRY(contexts_gone(i, row.modseq));
	TRY(tell_expunged(i, expunge, row.modseq));
	bool later = i->cmd.row && (i->cmd.row->flags & FINDS);
	if (!later && !notify_mutes(i, EVENT_FLAGS))
		TRY(tell_flags(i, row.modseq));
	if (quirk_tells_arrivals(i) && row.uidnext != i->st.uidnext)
		TRY(tell_new(i, row.uidnext));
	TRY(tell_joined(i, row.modseq));
	i->changed = i->st.expunge_modseq < row.modseq ||
		     i->st.uidnext != row.uidnext ||
		     i->st.fetched != i->st.uidnext ||
		     (later && i->st.modseq < row.modseq);
	return ERR_OK;
}

/* --- sets ------------------------------------------------------------------ */

void view_save(struct imap *i, struct range *list, size_t n)
{
	mem_free(i->view.saved);
	i->view.saved = list;
	i->view.n_saved = n;
}

/* "$": what was saved and is still in the view (RFC 5182 2.1). */
static enum err saved_to_uids(struct imap *i, struct set *s)
{
	const struct view *v = &i->view;

	s->n = 0;
	if (v->n_saved == 0)
		return ERR_OK;
	s->list = arena_array(i->arena, struct range, v->n_saved);
	if (!s->list)
		return ERR_NOMEM;
	for (size_t k = 0; k < v->n_saved; k++) {
		size_t from = lower_bound(v, v->saved[k].from);
		size_t end = view_end(v, v->saved[k].to);
		if (from < end)
			s->list[s->n++] = (struct range){ v->uids[from],
				v->uids[end - 1] };
	}
	return ERR_OK;
}

void view_narrow(const struct imap *i, struct set *s, const struct partial *p)
{
	const struct view *v = &i->view;
	size_t total = 0, first, end, at = 0, kept = 0;

	for (size_t k = 0; k < s->n; k++)
		total += view_end(v, s->list[k].to) -
			 lower_bound(v, s->list[k].from);
	partial_bounds(p, total, &first, &end);
	for (size_t k = 0; k < s->n; k++) {
		size_t from = lower_bound(v, s->list[k].from);
		size_t n = view_end(v, s->list[k].to) - from;
		size_t low = first > at ? first - at : 0;
		size_t high = end > at ? end - at : 0;
		if (high > n)
			high = n;
		if (low < high)
			s->list[kept++] = (struct range){ v->uids[from + low],
				v->uids[from + high - 1] };
		at += n;
	}
	s->n = kept;
}

enum err set_to_uids(struct imap *i, struct set *s, bool uid)
{
	if (s->saved)
		return saved_to_uids(i, s);
	if (uid) {
		uint32_t max = view_max_uid(i);
		if (max == 0)
			s->n = 0; /* an empty mailbox: matches nothing */
		set_resolve(s, max);
		return ERR_OK;
	}
	/* RFC 9051 9, seq-number: BAD above the last message, and for "*" in
	 * an empty mailbox. */
	if (i->view.n == 0)
		return ERR_SYNTAX;
	set_resolve(s, (uint32_t)i->view.n);
	for (size_t k = 0; k < s->n; k++) {
		struct range *r = &s->list[k];
		if (r->to > i->view.n)
			return ERR_SYNTAX;
		r->from = i->view.uids[r->from - 1];
		r->to = i->view.uids[r->to - 1];
	}
	return ERR_OK;
}

/* --- walking -------------------------------------------------------------------- */

enum err search_rows(const struct search_target *t, const struct set *set,
	uint32_t *next, unsigned what, struct arena *arena,
	struct message_row *rows, size_t max, size_t *n_out)
{
	size_t at = set_from(set, *next), n = 0;

	while (n < max && at < set->n) {
		const struct range *r = &set->list[at];
		uint32_t from = r->from > *next ? r->from : *next;
		uint32_t to = r->to < t->uidnext ? r->to : t->uidnext - 1;
		size_t got = 0;
		if (from <= to)
			TRY(message_list(t->account, t->mailbox, from, to, what,
				arena, rows + n, max - n, &got));
		n += got;
		if (n == max) {
			*next = rows[n - 1].uid + 1;
			break;
		}
		*next = r->to + 1;
		at++;
	}
	if (at == set->n || *next == 0)
		*next = 0;
	*n_out = n;
	return ERR_OK;
}

enum err view_rows(struct imap *i, const struct set *set, uint32_t *next,
	unsigned what, struct arena *arena, struct message_row *rows,
	size_t max, size_t *n_out)
{
	const struct search_target t = search_selected(i);

	return search_rows(&t, set, next, what, arena, rows, max, n_out);
}
