/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One SMTP client connection: greeting to QUIT, one message (RFC 5321). Told
 * by its owner what to send and where; knows nothing of queues and routes.
 */
#ifndef SMTPD_RELAY_CLIENT_H
#define SMTPD_RELAY_CLIENT_H

#include <bastide/conn.h>
#include <bastide/tls.h>

#include "reply.h"

/* What became of one recipient. */
struct verdict {
	bool decided;
	int code; /* 0: no server said this */
	char enhanced[ENHANCED_MAX];
	char text[LIMIT_STATUS / 2];
	char host[LIMIT_DOMAIN + 1]; /* who said it; "" nobody */
};
void verdict_set(struct verdict *v, int code, const char *enhanced,
	struct slice text, const char *host);

struct letter {
	const char *helo; /* our name */
	struct slice from;
	uint32_t flags; /* enum smtp_flag */
	uint64_t size;
	size_t n; /* recipients, and verdicts */
	struct slice *recipients;
	struct verdict *verdicts;
};

enum tls_policy {
	TLS_OPPORTUNISTIC, /* RFC 7435: whoever it is, better than clear */
	TLS_CLEAR,         /* after a handshake that failed */
	TLS_VERIFIED       /* the server proves its name, or gets nothing */
};

enum outcome {
	OUTCOME_DECIDED,   /* every recipient has its verdict */
	OUTCOME_NEXT_HOST, /* this host is of no use; `why` says so */
	OUTCOME_NO_TLS     /* a handshake failed: the same host in clear */
};

struct client_events {
	/* A server takes it: client_data, then client_end. */
	void (*go)(void *arg);
	/* More of the message, after client_full was true. */
	void (*low)(void *arg);
	/* The owner frees the client. */
	void (*over)(void *arg, enum outcome how, const struct verdict *why);
};

struct client;
/* Takes the connected `fd`. `letter` is borrowed. No event comes from inside a
 * call. */
MUST_CHECK enum err client_new(struct loop *l, int fd, const char *host,
	enum tls_policy policy, bool tls_at_once, struct tls_context *tls,
	struct letter *letter, const struct client_events *events, void *arg,
	struct client **out);
void client_data(struct client *c, struct slice data);
bool client_full(const struct client *c);
void client_end(struct client *c);
void client_free(struct client *c);

#endif
