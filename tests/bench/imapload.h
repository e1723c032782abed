/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts of the load generator: options, one connection, messages. */
#ifndef BENCH_IMAPLOAD_H
#define BENCH_IMAPLOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account {
	char login[128], password[128];
};

/* What the command line says; every key has a preset. */
struct options {
	unsigned port, delivery, clients, n, size, first;
	double seconds;
	const char *mailbox, *set, *items, *command, *accounts;
	struct account *account;
	size_t n_accounts;
};

extern struct options options;

/* Ends the program: a figure from a run with an error is none. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
double now(void);

/* --- one connection, blocking; with TLS when `ssl` ----------------------- */

struct client {
	int fd;
	SSL *ssl;
	unsigned tag;
	bool multi; /* MULTIAPPEND is offered */
	char *in;   /* what came and was not used: in[at..end] */
	size_t at, end, room;
};

/* What a command's answer had. */
struct answer {
	unsigned responses; /* untagged ones */
	uint64_t bytes;
	unsigned exists; /* of the last EXISTS, 0: none came */
	unsigned hits;   /* numbers in SEARCH responses */
};

void client_open(struct client *c, unsigned port, bool tls);
void client_close(struct client *c);
void client_send(struct client *c, const void *p, size_t n);
void client_sendf(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The next line without CRLF, valid until the next call. */
const char *client_line(struct client *c, size_t *n_out);

/* Sends "tag command"; imap_wait() reads to the tagged OK (or dies). */
void imap_send(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void imap_wait(struct client *c, unsigned tag, struct answer *a);
void imap_login(struct client *c, const struct account *a);
/* Connect, greeting, login. */
void imap_open(struct client *c, const struct account *a);
/* Reads until "* n EXISTS". */
void imap_wait_exists(struct client *c);

/* --- messages ------------------------------------------------------------ */

/* Message number `i`, of exactly `size` bytes (1000 at least); has the word
 * "uniqueNNNNNNNN" with its number, which no other has. */
void message_make(char *p, size_t size, unsigned i);
/* Makes another of one that was made, in no time: numbers below 10^8. */
void message_renumber(char *p, size_t size, unsigned i);

#endif
