/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The search for a domain's servers, in relayd.
 *
 *	start --local, literal, numeric smarthost--> done
 *	start --smarthost by name--> ADDRESSES of that name
 *	start --else--> MX --sorted, ours cut off--> ADDRESSES of each host,
 *	    AAAA then A, until LIMIT_TARGETS --> done
 *
 * What the DNS does not answer is temporary; what it denies is final.
 */
#include <stdio.h>
#include <stdlib.h>

#include <bastide/crypt.h>
#include <bastide/mem.h>

#include "route.h"

struct mx {
	char name[LIMIT_DOMAIN + 1];
	uint16_t preference;
	uint16_t dice; /* equals in random order (RFC 5321 5.1) */
};

struct route_find {
	struct loop *loop;
	struct dns *dns;
	const struct config *config;
	char domain[LIMIT_DOMAIN + 1];
	void (*done)(
		void *arg, const struct targets *t, const struct verdict *why);
	void *arg;
	struct later tell;
	struct dns_query *query;
	struct mx mx[LIMIT_MX];
	size_t n_mx, at;
	enum dns_type asking;
	uint16_t port;
	enum tls_policy policy;
	bool private_ok;
	bool implicit; /* the domain itself, without an MX record */
	bool unsure;   /* a question was not answered */
	bool refused;  /* an address was private */
	struct targets targets;
	struct verdict why;
};

static void ask_address(struct route_find *f);

static void on_tell(void *arg)
{
	struct route_find *f = arg;

	f->done(f->arg, &f->targets, &f->why);
}

static void finish(struct route_find *f, const char *enhanced, const char *text)
{
	/* 5.x.x of our own making counts as said: code 550 or 0. */
	if (!f->targets.n)
		verdict_set(&f->why, enhanced[0] == '5' ? 550 : 0, enhanced,
			slice_str(text), "");
	loop_later(f->loop, &f->tell);
}

static void add_target(struct route_find *f, const struct target *t)
{
	struct target *to = &f->targets.list[f->targets.n];

	if (f->targets.n == LIMIT_TARGETS)
		return;
	if (!f->private_ok && is_private(&t->address)) {
		f->refused = true;
		return;
	}
	*to = *t;
	to->policy = f->policy;
	to->tls_at_once = f->port == 465 && f->private_ok;
	f->targets.n++;
}

/* --- addresses of the hosts --------------------------------------------------------- */

static void add_address(
	struct route_find *f, const char *name, struct slice address)
{
	struct target t = { .length = sizeof(struct sockaddr_in) };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&t.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&t.address;

	snprintf(t.name, sizeof(t.name), "%s", name);
	if (f->asking == DNS_A) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(f->port);
		memcpy(&v4->sin_addr, address.p, address.n);
	} else {
		t.length = sizeof(*v6);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(f->port);
		memcpy(&v6->sin6_addr, address.p, address.n);
	}
	add_target(f, &t);
}

static void all_asked(struct route_find *f)
{
	if (f->unsure)
		finish(f, "4.4.3", "The DNS does not answer");
	else if (f->refused)
		finish(f, "5.4.4", "Its servers have private addresses only");
	else if (f->implicit)
		finish(f, "5.1.2", "The domain takes no mail");
	else
		finish(f, "4.4.4", "Its servers have no address");
}

static void on_address(void *arg, enum err e, const struct dns_answer *a)
{
	struct route_find *f = arg;
	const struct mx *mx = &f->mx[f->at];

	f->query = NULL;
	f->unsure |= e == ERR_UNAVAILABLE;
	for (size_t i = 0; e == ERR_OK && i < a->n; i++)
		add_address(f, mx->name, a->list[i].data);
	if (f->asking == DNS_AAAA) {
		f->asking = DNS_A;
	} else {
		f->asking = DNS_AAAA;
		f->at++;
	}
	ask_address(f);
}

static void ask_address(struct route_find *f)
{
	if (f->at == f->n_mx || f->targets.n == LIMIT_TARGETS) {
		all_asked(f);
		return;
	}
	if (dns_ask(f->dns, f->mx[f->at].name, f->asking, on_address, f,
		    &f->query) != ERR_OK)
		finish(f, "4.3.0", "The DNS cannot be asked");
}

static void ask_host(struct route_find *f, const char *name)
{
	f->mx[0] = (struct mx){ 0 };
	snprintf(f->mx[0].name, sizeof(f->mx[0].name), "%s", name);
	f->n_mx = 1;
	f->asking = DNS_AAAA;
	ask_address(f);
}

/* --- MX ---------------------------------------------------------------------------------- */

static int by_preference(const void *a, const void *b)
{
	const struct mx *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return x->dice < y->dice ? -1 : x->dice > y->dice;
}

/* RFC 5321 5.1: behind ourselves in the list there is nobody for us. */
static void cut_at_ourselves(struct route_find *f)
{
	struct slice us = slice_str(config_str(f->config, "hostname"));

	for (size_t i = 0; i < f->n_mx; i++)
		if (slice_ieq(us, slice_str(f->mx[i].name))) {
			size_t first = i;
			while (first && f->mx[first - 1].preference ==
						f->mx[i].preference)
				first--;
			f->n_mx = first;
		}
}

/* Of more than there is room for, those of the lowest preference stay. */
static void add_mx(struct route_find *f, const struct dns_record *r)
{
	struct mx one = { .preference = r->preference }, *to = NULL;

	snprintf(one.name, sizeof(one.name), "%.*s", SLICE_ARG(r->data));
	if (random_bytes(&one.dice, sizeof(one.dice)) != ERR_OK)
		one.dice = 0;
	if (f->n_mx < LIMIT_MX) {
		f->mx[f->n_mx++] = one;
		return;
	}
	for (size_t i = 0; i < f->n_mx; i++)
		if (!to || by_preference(&f->mx[i], to) > 0)
			to = &f->mx[i];
	if (by_preference(&one, to) < 0)
		*to = one;
}

static void on_mx(void *arg, enum err e, const struct dns_answer *a)
{
	struct route_find *f = arg;

	f->query = NULL;
	if (e == ERR_NOTFOUND) {
		finish(f, "5.1.2", "The domain does not exist");
		return;
	}
	if (e != ERR_OK) {
		finish(f, "4.4.3", "The DNS does not answer");
		return;
	}
	if (a->n == 1 && a->list[0].data.n == 0) { /* RFC 7505 3 */
		finish(f, "5.1.10", "The domain says that it takes no mail");
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].data.n)
			add_mx(f, &a->list[i]);
	f->implicit = a->n == 0;
	if (f->implicit) {
		ask_host(f, f->domain);
		return;
	}
	qsort(f->mx, f->n_mx, sizeof(f->mx[0]), by_preference);
	cut_at_ourselves(f);
	if (!f->n_mx) {
		finish(f, "5.4.6", "Its mail would come back to this server");
		return;
	}
	f->asking = DNS_AAAA;
	ask_address(f);
}

/* --- where to begin ----------------------------------------------------------------------- */

static enum err to_host(struct route_find *f, struct slice text)
{
	char host[LIMIT_DOMAIN + 1];
	struct target t = { 0 };

	TRY(host_port(text, host, &f->port));
	f->private_ok = true;
	if (numeric_address(host, f->port, &t)) {
		add_target(f, &t);
		finish(f, "", "");
	} else {
		ask_host(f, host);
	}
	return ERR_OK;
}

/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
static void to_literal(struct route_find *f)
{
	struct slice s = slice_str(f->domain + 1);
	struct target t = { 0 };
	char host[64];

	s.n -= s.n && s.p[s.n - 1] == ']';
	if (slice_iprefix(s, "IPv6:"))
		s = slice_from(s, 5);
	snprintf(host, sizeof(host), "%.*s", SLICE_ARG(slice_head(s, 63)));
	if (!numeric_address(host, f->port, &t)) {
		finish(f, "5.1.2", "The address is not understood");
		return;
	}
	add_target(f, &t);
	finish(f, "5.4.4", "The address is private");
}

static enum err start(struct route_find *f, struct slice local)
{
	struct slice smarthost = slice_str(config_str(f->config, "smarthost"));

	if (local.n)
		return to_host(f, local);
	if (smarthost.n) {
		if (config_bool(f->config, "smarthost_tls"))
			f->policy = TLS_VERIFIED;
		return to_host(f, smarthost);
	}
	f->port = (uint16_t)config_num(f->config, "relay_port");
	f->private_ok = config_bool(f->config, "relay_private");
	if (f->domain[0] == '[') {
		to_literal(f);
		return ERR_OK;
	}
	return dns_ask(f->dns, f->domain, DNS_MX, on_mx, f, &f->query);
}

enum err route_find_new(struct loop *l, struct dns *dns,
	const struct config *config, struct slice domain, struct slice local,
	void (*done)(
		void *arg, const struct targets *t, const struct verdict *why),
	void *arg, struct route_find **out)
{
	struct route_find *f = mem_new(struct route_find);

	if (!f)
		return ERR_NOMEM;
	*f = (struct route_find){ .loop = l,
		.dns = dns,
		.config = config,
		.done = done,
		.arg = arg,
		.policy = TLS_OPPORTUNISTIC };
	f->tell = (struct later){ .run = on_tell, .arg = f };
	enum err e = domain.n && domain.n <= LIMIT_DOMAIN ? ERR_OK : ERR_SYNTAX;
	if (e == ERR_OK) {
		memcpy(f->domain, domain.p, domain.n);
		e = start(f, local);
	}
	if (e != ERR_OK) {
		route_find_free(f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

void route_find_free(struct route_find *f)
{
	if (!f)
		return;
	loop_later_cancel(&f->tell);
	dns_cancel(f->query);
	mem_free(f);
}
