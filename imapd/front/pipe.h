/* SPDX-License-Identifier: EUPL-1.2 */
/* A signed-in dialogue, carried between client and tenantd; see pipe.c. */
#ifndef IMAPD_PIPE_H
#define IMAPD_PIPE_H

#include <bastide/conn.h>

#include "follow.h"

struct pipe {
	struct conn *client, *stream;
	struct follow follow;
	bool event; /* to be done when what was read has gone over */
	enum followed what;
	/* The user signed out: the stream is gone, the client's connection is
	 * the owner's again, without events and paused (conn_resume). */
	void (*signed_out)(void *arg);
	void (*done)(void *arg); /* the owner frees all */
	void *arg;
};

/* `signed_out`, `done` and `arg` are set; takes the stream. */
void pipe_open(struct pipe *p, struct conn *client, struct conn *stream);
void pipe_free(struct pipe *p);

#endif
