/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a front must know of a dialogue that it only carries: where the client's
 * commands begin, so that nothing goes to a tenantd behind UNAUTHENTICATE
 * (RFC 8437), and when COMPRESS (RFC 4978) begins. It looks at bytes and keeps
 * none.
 */
#ifndef IMAPD_FOLLOW_H
#define IMAPD_FOLLOW_H

#include <bastide/frame.h>

#define FOLLOW_HEAD 256 /* of a reply line, kept to know its tag by */

enum followed {
	FOLLOW_OTHER,
	FOLLOW_IDLE,
	FOLLOW_COMPRESS,
	FOLLOW_SIGN_OUT,
	FOLLOW_LOST
};

struct follow {
	/* --- the client's side ------------------------------------------- */
	struct imap_framer up;
	bool waits;            /* nothing more goes on until the answer */
	bool literal;          /* it waits for "+", to send a literal */
	enum followed command; /* that it waits with */
	bool idles;            /* the next line ends IDLE, ... */
	bool astray;           /* ... and was that command instead */
	/* --- the tenantd's side ------------------------------------------ */
	uint64_t skip; /* bytes of a literal still to come */
	char head[FOLLOW_HEAD], tail[32];
	size_t n_head, n_tail;
	bool answered; /* SIGN_OUT: the tagged OK was there */
};

void follow_init(struct follow *f);
void follow_free(struct follow *f);
/* How many bytes of `in`, from the client, may go on; the others wait. */
size_t follow_client(struct follow *f, struct slice in);
/* How many bytes of `in`, from the tenantd, go on before something is to be
 * done; that is *event: nothing, or the client may go on (FOLLOW_OTHER,
 * FOLLOW_IDLE), compressed from here on (FOLLOW_COMPRESS), or what it waits for
 * will not come (FOLLOW_LOST). */
size_t follow_tenant(
	struct follow *f, struct slice in, bool *event, enum followed *what);

#endif
