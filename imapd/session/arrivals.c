/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * FETCH of new messages that the client has asked for beforehand: of all with
 * NOTIFY (RFC 5465 5.2), of those that join a result with UPDATE (7). Each
 * message has one FETCH, of what all of them want. It comes between EXISTS and
 * the ADDTO of the contexts that want it.
 */
#include "arrivals.h"
#include "context.h"
#include "notify.h"
#include "place.h"

#define BATCH 100
/* The text and structure of one message. */
#define ROW_ARENA MIB(256)
#define FETCH_ARENA MIB(1)

/* A FETCH under way. */
struct arrivals {
	struct arena *arena; /* of all below */
	struct fetch_request want;
	struct fetch *fetch;
	uint32_t end; /* when it is done, UIDs below were told */
};

/* Whom a message concerns: a bit for each context, and this one. */
#define BY_NOTIFY (1u << LIMIT_CONTEXTS)

static bool wanted(const struct imap *i)
{
	return notify_fetch(i) || contexts_fetch(i);
}

static void arrivals_free(struct imap *i)
{
	struct arrivals *v = i->arrivals;

	if (!v)
		return;
	if (v->fetch)
		fetch_free(v->fetch);
	arena_free(v->arena);
	mem_free(v);
	i->arrivals = NULL;
}

void arrivals_end(struct imap *i)
{
	arrivals_free(i);
	i->own = (struct range){ 0, 0 };
}

/* The last ones without a gap are kept: all, unless others deliver in between. */
void arrivals_own(struct imap *i, const struct account *a, uint64_t mailbox,
	const uint32_t *uids, size_t n)
{
	if (a != i->box || !i->st.selected || mailbox != i->st.mailbox)
		return;
	for (size_t k = 0; k < n; k++) {
		if (uids[k] != i->own.to + 1)
			i->own.from = uids[k];
		i->own.to = uids[k];
	}
}

static enum err wanted_by(
	struct imap *i, uint32_t uid, struct arena *scratch, unsigned *out)
{
	TRY(contexts_joined(i, uid, scratch, out));
	if (notify_fetch(i) && !(uid >= i->own.from && uid <= i->own.to))
		*out |= BY_NOTIFY;
	return ERR_OK;
}

/* The next messages that concern the same ones; without any, all are told. */
static enum err find_run(struct imap *i, struct arena *scratch,
	uint64_t started, struct range *run, unsigned *by_out)
{
	uint32_t uids[BATCH];
	unsigned by;
	size_t n;

	*run = (struct range){ 0, i->st.uidnext - 1 };
	*by_out = 0;
	TRY(message_uids(
		i->box, i->st.mailbox, i->st.fetched, uids, BATCH, &n));
	for (size_t k = 0; k < n && uids[k] < i->st.uidnext; k++) {
		TRY(wanted_by(i, uids[k], scratch, &by));
		if (run->from == 0)
			*by_out = by;
		else if (by != *by_out)
			break;
		*run = (struct range){ run->from ? run->from : uids[k],
			uids[k] };
		if (imap_slice_over(i, started))
			break;
	}
	return ERR_OK;
}

static enum err prepare(struct imap *i, struct arrivals *v,
	const struct range *run, unsigned by)
{
	const struct fetch_request *all = notify_fetch(i);
	size_t max = contexts_items(i) + (all ? all->n : 0);

	v->arena = arena_new(FETCH_ARENA);
	if (!v->arena)
		return ERR_NOMEM;
	TRY(fetch_request_new(v->arena, max, &v->want));
	if (by & BY_NOTIFY)
		fetch_join(&v->want, all);
	contexts_join(i, by, &v->want);
	v->end = run->to + 1;
	return fetch_new(i, v->arena, &v->want, *run, &v->fetch);
}

/* It reads somebody else's messages. */
static enum err audit(struct imap *i, const struct range *run)
{
	struct place p;

	if (place_is_own(i, i->box))
		return ERR_OK;
	TRY(imap_place_selected(i, &p));
	TRY(place_audit_as(i, "uid-FETCH", p.account, p.inner,
		slice_str(imap_text(i, "%u:%u", run->from, run->to))));
	imap_gate(i);
	return ERR_OK;
}

static enum err begin(struct imap *i, const struct range *run, unsigned by)
{
	i->arrivals = mem_new(struct arrivals);
	enum err e = i->arrivals ? prepare(i, i->arrivals, run, by) : ERR_NOMEM;

	if (e != ERR_OK)
		arrivals_free(i);
	return e;
}

static enum err find_and_begin(struct imap *i, uint64_t started)
{
	struct arena *scratch = arena_new(ROW_ARENA);
	struct range run;
	unsigned by;

	if (!scratch)
		return ERR_NOMEM;
	enum err e = find_run(i, scratch, started, &run, &by);
	arena_free(scratch);
	TRY(e);
	if (by) {
		TRY(audit(i, &run));
		return begin(i, &run, by);
	}
	i->st.fetched = run.to + 1;
	return ERR_OK;
}

static enum err fetch_more(struct imap *i)
{
	enum err e = fetch_new_more(i, i->arrivals->fetch);

	/* Some went meanwhile, or do not verify: nobody has asked for these. */
	if (e == ERR_AGAIN || i->cmd.cut)
		return e;
	i->st.fetched = i->arrivals->end;
	arrivals_free(i);
	return ERR_OK;
}

enum err arrivals_fetch(struct imap *i)
{
	uint64_t started = loop_now_us();

	if (!wanted(i))
		i->st.fetched = i->st.uidnext;
	/* In the midst of a command its own answers go on. */
	if (i->st.fetched == i->st.uidnext || i->acting)
		return ERR_OK;
	TRY(view_load(i));
	do {
		TRY(i->arrivals ? fetch_more(i) : find_and_begin(i, started));
		if (i->st.fetched == i->st.uidnext)
			return ERR_OK;
	} while (!imap_slice_over(i, started));
	return ERR_AGAIN;
}
