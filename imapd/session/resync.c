/* SPDX-License-Identifier: EUPL-1.2 */
/* See resync.h. */
#include <stdlib.h>

#include "resync.h"

#define GONE_BATCH 500
#define CHANGED_BATCH 100
/* UIDs, or ranges, of one VANISHED: a line of at most 44 KiB. */
#define LINE_UIDS 2000
/* Changes up to which sequence numbers are counted and sets narrowed: beyond,
 * the walk over the whole mailbox costs less. */
#define FEW_CHANGES 1000
/* Messages up to which counting stays within a few milliseconds. */
#define COUNTED_MAX 200000

static enum err list_add(struct arena *a, struct uid_list *l, uint32_t uid)
{
	if (l->n == l->max) {
		size_t max = l->max ? l->max * 2 : 64;
		uint32_t *p = arena_array(a, uint32_t, max);
		if (!p)
			return ERR_NOMEM;
		if (l->n)
			memcpy(p, l->uids, l->n * sizeof(*p));
		l->uids = p;
		l->max = max;
	}
	l->uids[l->n++] = uid;
	return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void list_sort(struct uid_list *l)
{
	if (l->n)
		qsort(l->uids, l->n, sizeof(l->uids[0]), by_number);
}

/* --- what is gone ----------------------------------------------------------------- */

static enum err collect(struct imap *i, struct resync *r)
{
	struct vanished_row rows[GONE_BATCH];
	size_t n;

	enum err e = message_vanished(i->box, i->st.mailbox, r->after,
		r->after_uid, rows, GONE_BATCH, &n);
	if (e == ERR_EXPIRED) {
		/* RFC 7162 3.2.6, last note: all that is not there. */
		r->stage = RESYNC_GAPS;
		return ERR_OK;
	}
	TRY(e);
	for (size_t k = 0; k < n; k++)
		if (rows[k].uid > r->floor && rows[k].uid < i->st.uidnext &&
			set_has(&r->known, rows[k].uid))
			TRY(list_add(i->arena, &r->gone, rows[k].uid));
	if (n < GONE_BATCH) {
		list_sort(&r->gone);
		r->stage = RESYNC_SEND;
		return ERR_OK;
	}
	r->after = rows[n - 1].modseq;
	r->after_uid = rows[n - 1].uid;
	return ERR_OK;
}

static void send_some(struct imap *i, struct resync *r)
{
	size_t n = r->gone.n - r->sent;

	if (n == 0) {
		r->stage = RESYNC_TOLD;
		return;
	}
	n = n < LINE_UIDS ? n : LINE_UIDS;
	buf_adds(&i->out, "* VANISHED (EARLIER) ");
	put_uid_set(&i->out, r->gone.uids + r->sent, n);
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	r->sent += n;
}

/* The part of [from, to] that the client asks about. */
static void put_gap(
	struct imap *i, struct resync *r, uint32_t from, uint32_t to)
{
	for (size_t k = set_from(&r->known, from);
		k < r->known.n && r->known.list[k].from <= to; k++) {
		const struct range *g = &r->known.list[k];
		uint32_t low = g->from > from ? g->from : from;
		uint32_t high = g->to < to ? g->to : to;
		buf_adds(&i->out, i->out.n ? "," : "* VANISHED (EARLIER) ");
		buf_add_u64(&i->out, low);
		if (high > low)
			buf_addf(&i->out, ":%u", high);
	}
}

/* Between the UIDs that are there: one batch, one line. */
static enum err gaps(struct imap *i, struct resync *r)
{
	uint32_t uids[LINE_UIDS], last = i->st.uidnext - 1;
	size_t n;

	if (r->next <= r->floor)
		r->next = r->floor + 1;
	TRY(message_uids(i->box, i->st.mailbox, r->next, uids, LINE_UIDS, &n));
	for (size_t k = 0; k < n && r->next <= last; k++) {
		if (uids[k] > r->next)
			put_gap(i, r, r->next,
				uids[k] <= last ? uids[k] - 1 : last);
		r->next = uids[k] + 1;
	}
	if (n < LINE_UIDS && r->next <= last)
		put_gap(i, r, r->next, last);
	if (n < LINE_UIDS || r->next > last)
		r->stage = RESYNC_TOLD;
	if (i->out.n) {
		buf_adds(&i->out, "\r\n");
		imap_flush(i);
	}
	return ERR_OK;
}

/* RFC 7162 3.2.5.2: up to the last pair that is true, the client knows what is
 * gone. Both sets ascend, so there are no more pairs than messages. */
static void find_floor(struct imap *i, struct resync *r)
{
	const struct set *s = &r->match_seqs, *u = &r->match_uids;
	size_t a = 0, b = 0;
	uint32_t seq = s->list[0].from, uid = u->list[0].from;

	while (seq <= i->view.n) {
		if (i->view.uids[seq - 1] == uid)
			r->floor = uid;
		if (seq++ == s->list[a].to) {
			if (++a == s->n)
				break;
			seq = s->list[a].from;
		}
		if (uid++ == u->list[b].to) {
			if (++b == u->n)
				break;
			uid = u->list[b].from;
		}
	}
	r->match_seqs.n = 0;
}

enum err resync_vanished(struct imap *i, struct resync *r)
{
	uint64_t started = loop_now_us();

	if (r->match_seqs.n) {
		TRY(view_load(i));
		find_floor(i, r);
	}
	if (r->stage == RESYNC_COLLECT && r->after == 0) {
		r->after = r->since;
		r->after_uid = UINT32_MAX;
	}
	while (r->stage != RESYNC_TOLD) {
		if (r->stage == RESYNC_COLLECT)
			TRY(collect(i, r));
		else if (r->stage == RESYNC_GAPS)
			TRY(gaps(i, r));
		else
			send_some(i, r);
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	r->after = r->since;
	r->after_uid = UINT32_MAX;
	r->sent = 0;
	return ERR_OK;
}

/* --- what changed ------------------------------------------------------------------- */

/* Numbers come from the view when it must be loaded, or costs nothing. */
static bool wants_view(struct imap *i, const struct resync *r)
{
	return r->many || i->changed || i->st.exists > COUNTED_MAX ||
	       i->view.next != 0 || (r->near_seq == 0 && view_cache_has(i));
}

/* The sequence number, else counted in the store from the nearest message whose
 * number is known, as long as the mailbox is what SELECT has told. */
static enum err number_of(
	struct imap *i, struct resync *r, uint32_t uid, uint32_t *out)
{
	uint32_t from_uid = 0, from_seq = 0, n;

	if (imap_enabled(i, ENABLED_UIDONLY)) {
		*out = uid;
		return ERR_OK;
	}
	if (!i->view.loaded && wants_view(i, r))
		TRY(view_load(i));
	if (i->view.loaded) {
		*out = view_seq(i, uid);
		return ERR_OK;
	}
	if (i->st.uidnext - uid < uid) {
		from_uid = i->st.uidnext;
		from_seq = i->st.exists + 1;
	}
	uint32_t end = uid > from_uid ? uid - from_uid : from_uid - uid;
	uint32_t near =
		uid > r->near_uid ? uid - r->near_uid : r->near_uid - uid;
	if (r->near_seq && near < end) {
		from_uid = r->near_uid;
		from_seq = r->near_seq;
	}
	if (from_uid <= uid) {
		TRY(message_count(
			i->box, i->st.mailbox, from_uid + 1, uid, &n));
		*out = from_seq + n;
	} else {
		TRY(message_count(
			i->box, i->st.mailbox, uid, from_uid - 1, &n));
		*out = from_seq - n;
	}
	r->near_uid = uid;
	r->near_seq = *out;
	return ERR_OK;
}

static int by_uid(const void *a, const void *b)
{
	const struct message_row *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

/* `rows` in order of UIDs: each is counted from the one before it. */
static enum err tell_rows(struct imap *i, struct resync *r,
	struct message_row *rows, size_t n, const struct slice *names)
{
	qsort(rows, n, sizeof(rows[0]), by_uid);
	for (size_t k = 0; k < n; k++) {
		uint32_t seq;
		if (rows[k].uid >= i->st.uidnext ||
			rows[k].modseq > i->st.modseq ||
			!set_has(&r->known, rows[k].uid))
			continue;
		enum err e = number_of(i, r, rows[k].uid, &seq);
		if (e != ERR_OK) {
			buf_reset(&i->out); /* the whole batch again */
			return e;
		}
		put_fetch_flags(i, seq, &rows[k], true, names);
	}
	imap_flush(i);
	return ERR_OK;
}

enum err resync_flags(struct imap *i, struct resync *r)
{
	struct message_row rows[CHANGED_BATCH];
	struct slice names[LIMIT_KEYWORDS];
	uint64_t started = loop_now_us();
	size_t n;

	TRY(view_keywords(i, i->arena, names));
	for (;;) {
		TRY(message_changed(i->box, i->st.mailbox, r->after,
			r->after_uid, rows, CHANGED_BATCH, &n));
		if (n == 0)
			return ERR_OK;
		uint64_t after = rows[n - 1].modseq;
		uint32_t after_uid = rows[n - 1].uid;
		TRY(tell_rows(i, r, rows, n, names));
		r->after = after;
		r->after_uid = after_uid;
		r->sent += n;
		r->many = r->sent >= FEW_CHANGES;
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
}

/* --- FETCH with CHANGEDSINCE ----------------------------------------------------------- */

static enum err collect_changed(struct imap *i, struct resync *r)
{
	struct message_row rows[CHANGED_BATCH];
	uint64_t started = loop_now_us();
	size_t n;

	if (r->after == 0) {
		r->after = r->since;
		r->after_uid = UINT32_MAX;
	}
	while (!r->collected) {
		TRY(message_changed(i->box, i->st.mailbox, r->after,
			r->after_uid, rows, CHANGED_BATCH, &n));
		for (size_t k = 0; k < n; k++)
			TRY(list_add(i->arena, &r->changed, rows[k].uid));
		r->many = r->changed.n > FEW_CHANGES;
		r->collected = r->many || n < CHANGED_BATCH;
		if (r->collected)
			break;
		r->after = rows[n - 1].modseq;
		r->after_uid = rows[n - 1].uid;
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	return ERR_OK;
}

enum err resync_narrow(struct imap *i, struct resync *r, struct set *set)
{
	struct set few = { 0 };

	TRY(collect_changed(i, r));
	if (r->many)
		return ERR_OK;
	list_sort(&r->changed);
	few.list = arena_array(i->arena, struct range, r->changed.n + 1);
	if (!few.list)
		return ERR_NOMEM;
	for (size_t k = 0; k < r->changed.n; k++) {
		uint32_t uid = r->changed.uids[k];
		if (set_has(set, uid))
			few.list[few.n++] = (struct range){ uid, uid };
	}
	set_resolve(&few, 0);
	*set = few;
	return ERR_OK;
}
