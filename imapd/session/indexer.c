/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Feeds the index of words (fulltext.h), for the whole tenant, when nobody is
 * waiting for it: accounts one after the other, 2 ms of work and then a pause.
 *
 *   IDLE --an account is due--> FEED --few are left--> TIDY --all is tidy--> IDLE
 *
 * Few bodies are not worth a segment: so many are scanned.
 */
#include <bastide/log.h>
#include <bastide/session.h>

#include "text_walk.h"

#define LOOK_MS 1000   /* between two looks for an account that is due */
#define PAUSE_MS 4     /* after each slice: a third of a core at most */
#define AGAIN_MS 60000 /* the disk was full */
#define SCRATCH MIB(64)

enum step { IDLE, FEED, TIDY };

static struct {
	struct tenant *tenant;
	struct timer *timer;
	enum step step;
	struct account *account;
	struct arena *scratch;
	struct fulltext_batch *batch;
	struct text_walk *walk;
	uint64_t from, upto; /* of the batch: indexed before, its last body */
	struct fulltext_tidy *tidy;
} ix;

static void let_go(void)
{
	text_walk_free(ix.walk);
	fulltext_batch_free(ix.batch);
	fulltext_tidy_free(ix.tidy);
	arena_free(ix.scratch);
	ix.walk = NULL;
	ix.batch = NULL;
	ix.tidy = NULL;
	ix.scratch = NULL;
	if (ix.account) {
		fulltext_settled(ix.account);
		account_close(ix.account);
		ix.account = NULL;
		tenant_working(ix.tenant, -1);
	}
	ix.step = IDLE;
}

/* --- feeding ------------------------------------------------------------------------- */

static enum err on_text(void *arg, unsigned zone, struct slice folded)
{
	return fulltext_text(ix.batch, zone, folded);
}

static enum err on_end(void *arg)
{
	return fulltext_break(ix.batch);
}

static enum err begin_body(uint64_t body)
{
	static const struct text_sink sink = { on_text, on_end, NULL };
	struct body_meta meta;

	arena_reset(ix.scratch);
	TRY(fulltext_body(ix.batch, body));
	ix.upto = body;
	TRY(body_get_meta(ix.account, body, ix.scratch, &meta));
	return text_walk_new(ix.account, body, meta.size, meta.structure,
		FULLTEXT_HEADER | FULLTEXT_BODY, COLLATE_UNICODE_CASEMAP,
		ix.scratch, &sink, &ix.walk);
}

static enum err keep(void)
{
	struct store *s = ix.tenant->store;

	TRY(store_begin(s));
	enum err e = fulltext_keep(ix.account, ix.batch, ix.from, ix.upto);
	if (e == ERR_OK)
		e = store_commit(s, NULL);
	else
		store_rollback(s);
	fulltext_batch_free(ix.batch);
	ix.batch = NULL;
	/* Begun anew meanwhile: from the start, then. */
	return e == ERR_CONFLICT ? ERR_OK : e;
}

static enum err begin_batch(void)
{
	uint64_t body, left;

	TRY(fulltext_upto(ix.account, &ix.from));
	ix.upto = ix.from;
	enum err e = fulltext_next(ix.account, ix.upto, &body, &left);
	if (e == ERR_NOTFOUND || (e == ERR_OK && left < FULLTEXT_WORTH)) {
		ix.step = TIDY;
		return fulltext_tidy_new(ix.account, &ix.tidy);
	}
	TRY(e);
	return fulltext_batch_new(&ix.batch);
}

static enum err next_body(void)
{
	uint64_t body, left;
	enum err e = ERR_NOTFOUND;

	if (!fulltext_full(ix.batch))
		e = fulltext_next(ix.account, ix.upto, &body, &left);
	if (e == ERR_NOTFOUND)
		return keep();
	TRY(e);
	e = begin_body(body);
	return e == ERR_NOTFOUND ? ERR_OK : e; /* dropped since */
}

/* What cannot be read here cannot be found in the index: a scan says so. */
static enum err walk(void)
{
	enum err e = text_walk_more(ix.walk);

	if (e == ERR_AGAIN)
		return ERR_OK;
	text_walk_free(ix.walk);
	ix.walk = NULL;
	if (e == ERR_CORRUPT || e == ERR_LIMIT)
		e = fulltext_unknown(ix.batch);
	return e;
}

static enum err feed(void)
{
	if (!ix.batch)
		return begin_batch();
	return ix.walk ? walk() : next_body();
}

/* --- steps --------------------------------------------------------------------------- */

static enum err tidy(void)
{
	enum err e = fulltext_tidy_more(ix.tidy);

	if (e == ERR_OK)
		let_go();
	return e == ERR_AGAIN ? ERR_OK : e;
}

/* ERR_NOTFOUND: nobody is due. */
static enum err begin(void)
{
	uint32_t number;

	TRY(fulltext_due(ix.tenant->store, &number));
	TRY(account_open(ix.tenant->store, number, &ix.account));
	tenant_working(ix.tenant, 1);
	ix.step = FEED;
	ix.scratch = arena_new(SCRATCH);
	return ix.scratch ? ERR_OK : ERR_NOMEM;
}

static enum err one_step(void)
{
	return ix.step == IDLE ? begin() : ix.step == FEED ? feed() : tidy();
}

static void on_timer(void *arg)
{
	uint64_t started = loop_now_us();
	enum err e;

	do
		e = one_step();
	while (e == ERR_OK && loop_now_us() - started < SLICE_US);
	if (e == ERR_OK) {
		timer_set(ix.timer, PAUSE_MS);
		return;
	}
	if (ix.step != IDLE)
		log_event(LOG_WARN_, "index-put-off", "err=%s",
			err_info(e)->name);
	let_go();
	timer_set(ix.timer, e == ERR_NOTFOUND ? LOOK_MS : AGAIN_MS);
}

enum err indexer_begin(struct tenant *t)
{
	ix.tenant = t;
	TRY(timer_new(t->loop, on_timer, NULL, &ix.timer));
	timer_set(ix.timer, LOOK_MS);
	return ERR_OK;
}

void indexer_end(struct tenant *t)
{
	if (!ix.timer)
		return;
	let_go();
	timer_free(ix.timer);
	ix.timer = NULL;
}
