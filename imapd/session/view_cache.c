/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The views of mailboxes that were loaded last, for the sessions of this
 * process. A view is true at a position: the UIDs below `uidnext`, less what
 * went up to `expunge_modseq`. Another session takes a copy, cuts off what it
 * was not told of yet and removes what went since; view.c loads what has come
 * and joins what is gone but not told. So nothing here needs to hear of changes.
 *
 * A mailbox is known by its id (RFC 8474), which no other one ever gets.
 */
#include "context.h"

/* Smaller ones are as fast without. */
#define WORTH_IT 50
#define BATCH 500

static struct held {
	struct oid mailbox;
	uint32_t *uids; /* NULL: free */
	size_t n;
	uint32_t uidnext, expunge_uid;
	uint64_t expunge_modseq;
	uint64_t used;
} held[LIMIT_HELD_VIEWS];
static uint64_t uses;

static void drop(struct held *h)
{
	mem_free(h->uids);
	*h = (struct held){ 0 };
}

static enum err oid_of(struct imap *i, struct oid *out)
{
	struct mailbox_row row;

	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &row));
	*out = row.oid;
	return ERR_OK;
}

static struct held *find(const struct oid *mailbox)
{
	for (size_t k = 0; k < LIMIT_HELD_VIEWS; k++)
		if (held[k].uids && memcmp(&held[k].mailbox, mailbox,
					    sizeof(*mailbox)) == 0)
			return &held[k];
	return NULL;
}

/* --- taking ------------------------------------------------------------------ */

bool view_cache_has(struct imap *i)
{
	struct oid mailbox;

	return oid_of(i, &mailbox) == ERR_OK && find(&mailbox);
}

static enum err copy(struct imap *i, const struct held *h)
{
	struct view *v = &i->view;

	TRY(view_room(v, h->n));
	memcpy(v->uids, h->uids, h->n * sizeof(*v->uids));
	v->n = h->n;
	v->next = h->uidnext;
	if (v->next > i->st.uidnext) {
		v->next = i->st.uidnext;
		v->n = uids_below(v->uids, v->n, v->next);
	}
	return ERR_OK;
}

/* What went since; view.c joins again what the session was not told of. */
static enum err catch_up(struct imap *i, const struct held *h)
{
	struct vanished_row rows[BATCH];
	uint32_t gone[BATCH], uid = h->expunge_uid;
	uint64_t modseq = h->expunge_modseq;
	size_t n;

	do {
		TRY(message_vanished(
			i->box, i->st.mailbox, modseq, uid, rows, BATCH, &n));
		for (size_t k = 0; k < n; k++) {
			modseq = rows[k].modseq;
			gone[k] = uid = rows[k].uid;
		}
		view_forget(i, gone, n);
	} while (n == BATCH);
	return ERR_OK;
}

enum err view_cache_take(struct imap *i)
{
	struct oid mailbox;

	TRY(oid_of(i, &mailbox));
	struct held *h = find(&mailbox);
	if (!h)
		return ERR_OK;
	h->used = ++uses;
	TRY(copy(i, h));
	enum err e = catch_up(i, h);
	if (e != ERR_OK)
		i->view.n = i->view.next = 0; /* not half of it */
	if (e == ERR_EXPIRED) { /* too far back: the store has forgotten */
		drop(h);
		return ERR_OK;
	}
	return e;
}

/* --- keeping ----------------------------------------------------------------- */

static struct held *oldest(void)
{
	struct held *best = NULL;

	for (size_t k = 0; k < LIMIT_HELD_VIEWS; k++)
		if (held[k].uids && (!best || held[k].used < best->used))
			best = &held[k];
	return best;
}

static void make_room(size_t n)
{
	size_t total = n, count = 0;

	for (size_t k = 0; k < LIMIT_HELD_VIEWS; k++) {
		total += held[k].n;
		count += held[k].uids != NULL;
	}
	while (count == LIMIT_HELD_VIEWS || total > LIMIT_HELD_UIDS) {
		struct held *h = oldest();
		total -= h->n;
		count--;
		drop(h);
	}
}

void view_cache_put(struct imap *i)
{
	const struct view *v = &i->view;
	struct held *h;
	struct oid mailbox;

	if (v->n < WORTH_IT || v->n > LIMIT_HELD_UIDS ||
		oid_of(i, &mailbox) != ERR_OK)
		return;
	h = find(&mailbox);
	if (h)
		drop(h);
	make_room(v->n);
	h = held;
	while (h->uids)
		h++;
	uint32_t *uids = mem_resize(NULL, v->n, sizeof(*uids));
	if (!uids)
		return; /* the next one loads it from the store */
	memcpy(uids, v->uids, v->n * sizeof(*uids));
	*h = (struct held){ .mailbox = mailbox,
		.uids = uids,
		.n = v->n,
		.uidnext = i->st.uidnext,
		.expunge_modseq = i->st.expunge_modseq,
		.expunge_uid = i->st.expunge_uid,
		.used = ++uses };
}
