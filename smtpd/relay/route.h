/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where a domain's mail goes: to our own port 25, to the smarthost, to a
 * literal address, or by MX (RFC 5321 5.1, RFC 7505). Private and loopback
 * addresses that the DNS names are refused: a stranger's zone must not make
 * this server talk to its own network.
 */
#ifndef SMTPD_RELAY_ROUTE_H
#define SMTPD_RELAY_ROUTE_H

#include <netinet/in.h>

#include <bastide/config.h>
#include <bastide/dns.h>

#include "client.h"

struct target {
	char name[LIMIT_DOMAIN + 1]; /* said in TLS, verdicts and logs */
	struct sockaddr_storage address;
	socklen_t length;
	enum tls_policy policy;
	bool tls_at_once;
};

struct targets {
	struct target list[LIMIT_TARGETS]; /* in the order to be tried */
	size_t n;
};

struct route_find;
/* `local`: "address:port" of our own listener when the domain is hosted here,
 * else empty. `done` gets targets, or none and `why`; never from inside. It
 * may free the search. */
MUST_CHECK enum err route_find_new(struct loop *l, struct dns *dns,
	const struct config *config, struct slice domain, struct slice local,
	void (*done)(
		void *arg, const struct targets *t, const struct verdict *why),
	void *arg, struct route_find **out);
void route_find_free(struct route_find *f);

/* "host:port", "1.2.3.4:25", "[::1]:25". ERR_SYNTAX. */
MUST_CHECK enum err host_port(
	struct slice text, char host[LIMIT_DOMAIN + 1], uint16_t *port);
/* A numeric address. */
bool numeric_address(const char *host, uint16_t port, struct target *out);
/* Not to be reached from the Internet (RFC 6890 and its registries). */
bool is_private(const struct sockaddr_storage *ss);

#endif
