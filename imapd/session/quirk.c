/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Clients that take the news of arrivals in another way than RFC 3501 7 wants,
 * known by the name that they give in ID (RFC 2971). A row says what was seen.
 */
#include "imap.h"

/* Longer than a client needs that asks by itself right after a delivery;
 * shorter than a person sees. */
#define ARRIVAL_PAUSE_MS 250

static const char *const late_arrivals[] = {
	/* 153: forgets an EXISTS that comes in the answer to its FETCH or
	 * STORE, and idles on until the next one. Each EXISTS in IDLE starts
	 * an update of the folder; one that the user asks for meanwhile is
	 * dropped without a word. */
	"Thunderbird",
};

#define N_LATE_ARRIVALS (sizeof(late_arrivals) / sizeof(late_arrivals[0]))

static void on_pause(void *arg)
{
	struct imap *i = arg;

	i->pausing = false;
	if (i->idling)
		loop_later(i->tenant->loop, &i->later);
}

enum err quirk_learn(struct imap *i, struct slice client)
{
	for (size_t k = 0; k < N_LATE_ARRIVALS; k++)
		if (!i->pause && slice_ieqs(client, late_arrivals[k]))
			return timer_new(
				i->tenant->loop, on_pause, i, &i->pause);
	return ERR_OK;
}

bool quirk_tells_arrivals(const struct imap *i)
{
	return !i->pause || (i->cmd.row && (i->cmd.row->flags & ASKS_ARRIVALS));
}

void quirk_idle_news(struct imap *i)
{
	if (!i->pause) {
		loop_later(i->tenant->loop, &i->later);
	} else if (!i->pausing) {
		i->pausing = true;
		timer_set(i->pause, ARRIVAL_PAUSE_MS);
	}
}

void quirk_free(struct imap *i)
{
	timer_free(i->pause);
}
