/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Questions to the DNS on our loop, by libunbound (linked only by who uses
 * this). relayd asks for routes; nobody else has a network.
 */
#ifndef BASTIDE_DNS_H
#define BASTIDE_DNS_H

#include <bastide/loop.h>
#include <bastide/mem.h>

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28 };

struct dns_record {
	struct slice data;   /* A, AAAA: 4 or 16 bytes; MX: a name, "" root */
	uint16_t preference; /* MX */
};
struct dns_answer {
	struct dns_record *list;
	size_t n;
	bool secure; /* DNSSEC says so */
};

struct dns;
/* `servers`: numeric addresses ("192.0.2.1" or "192.0.2.1@5353") separated by
 * blanks; empty: those of /etc/resolv.conf. Reads files and asks itself a
 * question of no consequence, so call it before the walls go up. */
MUST_CHECK enum err dns_new(
	struct loop *l, struct slice servers, struct dns **out);
void dns_free(struct dns *d);

/* `done` gets ERR_OK (perhaps no record), ERR_NOTFOUND (there is no such
 * name), or ERR_UNAVAILABLE (no answer, or one that does not verify: later it
 * may be another). Never called from inside; the answer is borrowed. */
struct dns_query;
MUST_CHECK enum err dns_ask(struct dns *d, const char *name, enum dns_type type,
	void (*done)(void *arg, enum err e, const struct dns_answer *a),
	void *arg, struct dns_query **out);
void dns_cancel(struct dns_query *q);

/* Records of `type` in the answer section of a packet. ERR_SYNTAX. */
MUST_CHECK enum err dns_packet_parse(struct slice packet, enum dns_type type,
	struct arena *arena, struct dns_answer *out);

#endif
