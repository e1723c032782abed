/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The pipe between a client and its tenantd: every byte goes over, but
 *
 *	COMPRESS DEFLATE  is answered by the tenantd and done here, so that the
 *			  process with the key runs no decompressor (RFC 4978);
 *	UNAUTHENTICATE    ends the session in the tenantd, which answers it and
 *			  closes; the client's connection stays (RFC 8437).
 */
#include "pipe.h"

static size_t on_pass(void *arg, struct conn *from, struct slice in)
{
	struct pipe *p = arg;

	return from == p->client
		       ? follow_client(&p->follow, in)
		       : follow_tenant(&p->follow, in, &p->event, &p->what);
}

/* Nobody will answer what the client waits for, or sent behind UNAUTHENTICATE:
 * it has to begin anew. */
static void give_up(struct pipe *p)
{
	if (!p->follow.skip && !p->follow.n_head)
		conn_writes(p->client, "* BYE The session ended\r\n");
	conn_finish(p->client);
}

static void on_passed(void *arg, struct conn *from)
{
	struct pipe *p = arg;

	/* At once: what comes next may be of another layer. */
	if (from == p->client && p->follow.waits)
		conn_hold(p->client, true);
	if (!p->event)
		return;
	p->event = false;
	if (p->what == FOLLOW_LOST) {
		give_up(p);
		return;
	}
	if (p->what == FOLLOW_COMPRESS && conn_compress(p->client) != ERR_OK)
		conn_hang_up(p->client);
	conn_hold(p->client, false);
}

/* The tenantd has said all. */
static bool on_ended(void *arg, struct conn *side)
{
	struct pipe *p = arg;

	if (side != p->stream)
		return false;
	if (!p->follow.answered || conn_uncompress(p->client) != ERR_OK) {
		if (p->follow.waits)
			give_up(p);
		return false;
	}
	conn_unsplice(p->client);
	pipe_free(p);
	p->signed_out(p->arg);
	return true;
}

static void on_done(void *arg)
{
	struct pipe *p = arg;

	p->done(p->arg);
}

void pipe_open(struct pipe *p, struct conn *client, struct conn *stream)
{
	static const struct splice_rules rules = {
		.pass = on_pass,
		.passed = on_passed,
		.ended = on_ended,
		.done = on_done,
	};

	p->client = client;
	p->stream = stream;
	p->event = false;
	follow_init(&p->follow);
	conn_splice(client, stream, &rules, p);
}

void pipe_free(struct pipe *p)
{
	conn_free(p->stream);
	p->stream = NULL;
	follow_free(&p->follow);
}
