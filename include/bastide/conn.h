/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A connection: a stream socket with or without TLS, a bounded input buffer
 * and an output queue with the gate. Callbacks come from the loop, never from
 * inside a conn_ call; after `closed` none comes and the owner frees it.
 *
 * The gate: conn_gate(c, n) says that what is written from now on depends on
 * commit n. It leaves when the gate has reached n. Numbers only grow.
 */
#ifndef BASTIDE_CONN_H
#define BASTIDE_CONN_H

#include <bastide/buf.h>
#include <bastide/limits.h>
#include <bastide/loop.h>

/* What is durable; one per tenantd. */
struct gate;
MUST_CHECK enum err gate_new(struct gate **out);
void gate_free(struct gate *g);
/* Lets go what waited for `commit` or less. */
void gate_advance(struct gate *g, uint64_t commit);

struct conn;
struct tls_context; /* tls.h */

struct conn_events {
	/* There are new bytes in conn_input(). */
	void (*input)(void *arg);
	/* The output fell below OUTPUT_LOW after conn_full() was true. */
	void (*low)(void *arg);
	/* TLS is up (after conn_start_tls or conn_new with tls). May be NULL. */
	void (*secured)(void *arg);
	/* The peer closed (ERR_EOF), failed, or was idle too long
	 * (ERR_TIMEOUT); all that was let through was sent if possible. */
	void (*closed)(void *arg, enum err why);
};

/* Takes the descriptor (closes it, also on error). `tls` NULL: plain; else the
 * server side of a handshake begins. `gate` NULL: no gate. */
MUST_CHECK enum err conn_new(struct loop *l, int fd, struct tls_context *tls,
	struct gate *gate, const struct conn_events *events, void *arg,
	struct conn **out);
void conn_free(struct conn *c);
void conn_set_events(
	struct conn *c, const struct conn_events *events, void *arg);

/* Bytes that came and were not consumed. Borrowed until the next conn_ call. */
struct slice conn_input(const struct conn *c);
void conn_consume(struct conn *c, size_t n);
/* Read no further while `n` bytes wait unconsumed (default 64 KiB). */
void conn_set_input_max(struct conn *c, size_t n);
/* Stop and go on reading from the peer (flow control). Going on calls `input`
 * again when bytes are waiting already. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* Errors are kept; `closed` reports them. */
void conn_write(struct conn *c, struct slice s);
void conn_writes(struct conn *c, const char *cstr);
void conn_writef(struct conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void conn_gate(struct conn *c, uint64_t commit);
/* Waiting output is at OUTPUT_HIGH: long work returns MORE until `low`. */
bool conn_full(const struct conn *c);
size_t conn_pending(const struct conn *c);
/* Send what waits (gate included), then close; `closed` comes with ERR_OK. */
void conn_finish(struct conn *c);
/* As if the peer had closed now: `closed` comes with ERR_EOF. For one who
 * knows the connection but does not own it. */
void conn_hang_up(struct conn *c);
/* Idle limit in seconds, 0: none. Any byte either way counts. */
void conn_set_timeout(struct conn *c, unsigned seconds);

/* What is written from now on is compressed, and what comes is decompressed
 * (RFC 4978). Input that waits is thrown away: the peer waits for an answer. */
MUST_CHECK enum err conn_compress(struct conn *c);
/* The end of that (RFC 8437 4.1): output is plain from now on, input from
 * behind the flush of what was consumed. ERR_SYNTAX: there is more of it. */
MUST_CHECK enum err conn_uncompress(struct conn *c);

/* Server handshake after STARTTLS. Input not yet consumed is thrown away: it
 * came before TLS (RFC 3207 4.2, command injection). */
MUST_CHECK enum err conn_start_tls(struct conn *c, struct tls_context *tls);
/* The client's side of it, or of TLS at once. `name` (host name or numeric
 * address) is what the certificate must be valid for when `verify` (RFC 6125),
 * and is told to the server (SNI). `closed` gets ERR_SYNTAX when the handshake
 * fails, before `secured` came. */
MUST_CHECK enum err conn_start_tls_client(
	struct conn *c, struct tls_context *tls, const char *name, bool verify);
bool conn_is_tls(const struct conn *c);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or "". */
const char *conn_tls_text(const struct conn *c);
/* Before the handshake: the client is asked for a certificate, when its context
 * has authorities for that. It may have none. */
void conn_ask_certificate(struct conn *c);
/* It gave one that is valid now and is by one of these authorities. */
bool conn_is_certified(const struct conn *c);
/* The address that this certificate has: `wanted`, or with nothing wanted its
 * only one. ERR_AUTH: it has not, or there is none. */
MUST_CHECK enum err conn_certified_user(
	const struct conn *c, struct slice wanted, struct buf *out);
/* What a login can be bound to; nothing without TLS. */
struct sasl_binding;
void conn_binding(const struct conn *c, struct sasl_binding *out);
/* Numeric address of the peer, without port; "local" for a socketpair. */
const char *conn_peer(const struct conn *c);

/* How one looks on while two connections are joined. All but `done` may be
 * NULL. */
struct splice_rules {
	/* How many bytes of `in` go over now; the others wait for the end of
	 * conn_hold. */
	size_t (*pass)(void *arg, struct conn *from, struct slice in);
	/* They were written to the other side. */
	void (*passed)(void *arg, struct conn *from);
	/* The input of this side has ended, and all of it went over. True: the
	 * owner has called conn_unsplice; false: the end is passed on. */
	bool (*ended)(void *arg, struct conn *side);
	void (*done)(void *arg);
};
/* From now on every byte of one goes to the other, with flow control, until
 * either ends; then both are finished, `done` is called once, and the owner
 * frees both. Input that waits goes over first; a pause ends. */
void conn_splice(struct conn *a, struct conn *b,
	const struct splice_rules *rules, void *arg);
/* Nothing more is read of this side; or it goes on. */
void conn_hold(struct conn *c, bool hold);
/* Both are as before it; the owner gives them events. */
void conn_unsplice(struct conn *c);

#endif
