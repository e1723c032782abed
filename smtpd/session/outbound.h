/* SPDX-License-Identifier: EUPL-1.2 */
/* The queue's runner, inside: outbound.c streams, settle.c keeps the books. */
#ifndef SMTPD_OUTBOUND_H
#define SMTPD_OUTBOUND_H

#include <bastide/conn.h>
#include <bastide/limits.h>
#include <bastide/queue.h>
#include <bastide/session.h>

/* What relayd says of one recipient. It talks to strangers: every text was
 * cut and cleaned when it came in. */
struct fate {
	bool known;
	int code; /* 0: no server answered */
	char status[16];
	char text[LIMIT_STATUS / 2];
	char host[LIMIT_DOMAIN + 1];
};

/* One message to the recipients of one domain. */
struct delivery {
	struct outbound *out;
	uint32_t id;
	struct arena *arena; /* all that hangs here */
	struct queue_row *rows;
	struct fate *fates;
	size_t n;
	char *domain;
	struct conn *conn;      /* NULL: not joined to relayd */
	struct account *bodies; /* TENANT_ACCOUNT */
	uint64_t offset;
	bool going, sent;
	bool over; /* what is known is known: to be settled */
	struct delivery *next, **prev;
};

struct outbound {
	struct tenant *tenant;
	struct queue_runner runner;
	struct delivery *list;
	unsigned n;
	uint32_t last_id;
	struct timer *timer;
	struct later later;
	struct arena *arena; /* one look at the queue */
	int64_t not_before;  /* relayd or the store was in trouble */
	bool draining, told;
};

/* --- settle.c ---------------------------------------------------------------- */
/* One transaction: sent ones leave the queue, deferred ones wait, the sender
 * of failed ones gets a bounce. On error nothing was changed: again later. */
MUST_CHECK enum err settle(struct delivery *d);
/* Back as they were: nothing was tried. */
MUST_CHECK enum err give_back(struct delivery *d);
/* Seconds from try number `tries` (1 is the first) to the next one. */
int64_t retry_after(unsigned tries, int64_t first);

#endif
