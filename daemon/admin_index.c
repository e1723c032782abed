/* SPDX-License-Identifier: EUPL-1.2 */
/* `bastide index`: the figures, and waiting for the feeder
 * (imapd/session/indexer.c) while it makes the index again. */
#include <stdio.h>

#include <bastide/fulltext.h>

#include "admin_index.h"
#include "tenantd.h"

#define ANSWER_MS 250

struct wait {
	uint32_t account;
	struct timer *timer;
	void (*done)(void *arg, enum err e, json_t *result);
	void *arg;
};

static enum err figures(uint32_t account, struct fulltext_figures *out)
{
	struct account *a;

	TRY(account_open(tenantd.tenant.store, account, &a));
	enum err e = fulltext_figures(a, out);
	account_close(a);
	return e;
}

static json_t *describe(const struct fulltext_figures *f)
{
	return json_pack("{sIsIsIsb}", "messages", (json_int_t)f->bodies,
		"segments", (json_int_t)f->segments, "bytes",
		(json_int_t)f->bytes, "complete", f->complete);
}

enum err admin_index_show(uint32_t account, json_t **out)
{
	struct fulltext_figures f;

	TRY(figures(account, &f));
	*out = describe(&f);
	return *out ? ERR_OK : ERR_NOMEM;
}

static void on_timer(void *arg)
{
	struct wait *w = arg;
	struct fulltext_figures f;
	json_t *result = NULL;
	char text[80];
	enum err e = tenantd.tenant.store ? figures(w->account, &f)
					  : ERR_UNAVAILABLE;

	if (e == ERR_OK)
		result = describe(&f);
	if (e == ERR_OK && !f.complete) {
		snprintf(text, sizeof(text), "%llu messages, %llu %%",
			(unsigned long long)f.bodies,
			(unsigned long long)(f.upto * 100 / f.last));
		json_object_set_new(result, "progress", json_string(text));
		json_object_set_new(result, "next", json_string("wait"));
	}
	w->done(w->arg, e, result);
	timer_free(w->timer);
	mem_free(w);
}

enum err admin_index_wait(uint32_t account,
	void (*done)(void *arg, enum err e, json_t *result), void *arg)
{
	struct wait *w = mem_new(struct wait);

	if (!w)
		return ERR_NOMEM;
	*w = (struct wait){ .account = account, .done = done, .arg = arg };
	enum err e = timer_new(tenantd.tenant.loop, on_timer, w, &w->timer);
	if (e != ERR_OK) {
		mem_free(w);
		return e;
	}
	timer_set(w->timer, ANSWER_MS);
	return ERR_AGAIN;
}
