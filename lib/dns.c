/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The DNS by libunbound, which lives on our event base: no thread, no pipe.
 * An answer is parsed where libunbound shows it and told in the next turn. A
 * question that its asker gave up is only forgotten when libunbound answers.
 */
#include <stdio.h>
#include <unbound.h>

#include <bastide/buf.h>
#include <bastide/dns.h>
#include <bastide/limits.h>

#include <unbound-event.h>

#include "loop_parts.h"

#define CLASS_IN 1
#define NXDOMAIN 3
#define BOGUS 1
#define SECURE 2

struct dns {
	struct loop *loop;
	struct ub_ctx *ctx;
};

struct dns_query {
	void (*done)(void *arg, enum err e, const struct dns_answer *a);
	void *arg;
	struct loop *loop;
	enum dns_type type;
	struct arena *arena;
	struct dns_answer answer;
	enum err err;
	bool answered, cancelled;
	struct later tell;
};

static void query_free(struct dns_query *q)
{
	arena_free(q->arena);
	mem_free(q);
}

static void on_tell(void *arg)
{
	struct dns_query *q = arg;

	q->done(q->arg, q->err, &q->answer);
	query_free(q);
}

static void on_answer(void *arg, int rcode, void *packet, int n, int security,
	char *why_bogus, int was_ratelimited)
{
	struct dns_query *q = arg;

	if (q->cancelled) {
		query_free(q);
		return;
	}
	q->answered = true;
	q->answer.secure = security == SECURE;
	if (rcode == NXDOMAIN && security != BOGUS)
		q->err = ERR_NOTFOUND;
	else if (rcode != 0 || security == BOGUS || n <= 0 ||
		 dns_packet_parse(slice_of(packet, (size_t)n), q->type,
			 q->arena, &q->answer) != ERR_OK)
		q->err = ERR_UNAVAILABLE;
	loop_later(q->loop, &q->tell);
}

enum err dns_ask(struct dns *d, const char *name, enum dns_type type,
	void (*done)(void *arg, enum err e, const struct dns_answer *a),
	void *arg, struct dns_query **out)
{
	struct dns_query *q = mem_new(struct dns_query);

	if (!q)
		return ERR_NOMEM;
	*q = (struct dns_query){ .done = done,
		.arg = arg,
		.loop = d->loop,
		.type = type,
		.arena = arena_new(MIB(1)),
		.tell = { .run = on_tell, .arg = q } };
	if (!q->arena || ub_resolve_event(d->ctx, name, type, CLASS_IN, q,
				 on_answer, NULL) != 0) {
		query_free(q);
		return ERR_UNAVAILABLE;
	}
	*out = q;
	return ERR_OK;
}

void dns_cancel(struct dns_query *q)
{
	if (!q)
		return;
	q->cancelled = true;
	if (!q->answered)
		return;
	loop_later_cancel(&q->tell);
	query_free(q);
}

/* --- the resolver ------------------------------------------------------------- */

static enum err add_servers(struct dns *d, struct slice servers)
{
	if (!servers.n)
		/* Without that file the root servers are asked. */
		return ub_ctx_resolvconf(d->ctx, NULL) == UB_NOMEM ? ERR_NOMEM
								   : ERR_OK;
	/* Else what is asked of a server on this host is refused. */
	(void)ub_ctx_set_option(d->ctx, "do-not-query-localhost:", "no");
	while (servers.n) {
		struct slice one = slice_cut(servers, ' ', &servers);
		char text[64];
		if (!one.n)
			continue;
		if (snprintf(text, sizeof(text), "%.*s", SLICE_ARG(one)) >=
				(int)sizeof(text) ||
			ub_ctx_set_fwd(d->ctx, text) != 0)
			return ERR_SYNTAX;
	}
	return ERR_OK;
}

static void on_warm(void *arg, int rcode, void *packet, int n, int security,
	char *why_bogus, int was_ratelimited)
{
}

enum err dns_new(struct loop *l, struct slice servers, struct dns **out)
{
	struct dns *d = mem_new(struct dns);

	if (!d)
		return ERR_NOMEM;
	d->loop = l;
	d->ctx = ub_ctx_create_event(loop_base(l));
	enum err e = d->ctx ? add_servers(d, servers) : ERR_NOMEM;
	/* libunbound answers this one itself, and is set up by it. */
	if (e == ERR_OK && ub_resolve_event(d->ctx, "localhost", DNS_A,
				   CLASS_IN, NULL, on_warm, NULL) != 0)
		e = ERR_UNAVAILABLE;
	if (e != ERR_OK) {
		dns_free(d);
		return e;
	}
	*out = d;
	return ERR_OK;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	if (d->ctx)
		ub_ctx_delete(d->ctx);
	mem_free(d);
}
