/* SPDX-License-Identifier: EUPL-1.2 */
/* The inside of a connection, shared by conn.c, conn_io.c, conn_tls.c and
 * splice.c. */
#ifndef LIB_CONN_PARTS_H
#define LIB_CONN_PARTS_H

#include <bastide/conn.h>

#include "gate.h"
#include "loop_parts.h"
#include "outq.h"
#include "tls_parts.h"

enum tls_state {
	TLS_NONE,
	TLS_WAIT,  /* plain output must leave before the handshake */
	TLS_SHAKE, /* handshake runs */
	TLS_UP
};

struct splice;
struct deflate;

struct conn {
	struct loop *loop;
	int fd;
	bool tcp;
	struct watch *watch;
	struct timer *timer;
	const struct conn_events *events;
	void *arg;
	struct later poke;  /* tell the owner what is to be told */
	struct later flush; /* at the end of this turn */
	struct gate *gate;
	struct gate_waiter waiter;
	struct splice *splice;
	struct deflate *deflate; /* NULL: not compressed */

	/* Input: `view` is what the owner sees. It lies in the process's
	 * scratch buffer while the callback runs that follows the read, else
	 * in `in`, which exists only while something waits. */
	struct slice view;
	struct buf in;
	size_t in_max;
	bool in_scratch;
	bool paused;
	bool eof;

	struct outq out;
	bool was_full;
	bool finishing; /* input is thrown away, then closed */
	bool fin_wanted, fin_sent;

	SSL *ssl;
	enum tls_state tls;
	bool ask_certificate;
	bool read_wants_write, write_wants_read;

	/* What the owner has not been told yet. */
	bool tell_input, tell_low, tell_secured;
	bool told_closed;
	enum err failed;
	int depth; /* of our callbacks; freed at 0 when dead */
	bool dead;

	uint64_t active_ms; /* last byte either way */
	uint64_t fin_ms;    /* when the last byte was sent */
	uint64_t armed_ms;  /* the timer's time, 0: none */
	unsigned idle_s;
	bool linger_over;
	char peer[46];
	char tls_text[80];
};

/* conn.c */
void conn_poke(struct conn *c);
void conn_fail(struct conn *c, enum err e);

/* conn_io.c: what moves bytes. They call no owner. */
void conn_read_more(struct conn *c);
void conn_flush(struct conn *c);
/* Bytes that could be read without waiting for the socket. */
bool conn_has_more(const struct conn *c);
/* Copies what is left in the scratch buffer; frees an empty one. */
void conn_keep_input(struct conn *c);

/* Like read(): bytes, or -1 and *e (ERR_AGAIN, ERR_EOF, ...). */
ssize_t conn_read_raw(struct conn *c, void *p, size_t n, enum err *e);

/* conn_deflate.c: read like conn_read_raw, decompressed; write and flush into
 * the output queue; gate before outq_gate. */
void deflate_free(struct deflate *d);
ssize_t deflate_read(struct conn *c, void *p, size_t n, enum err *e);
/* There is input that needs no reading. */
bool deflate_has_more(const struct deflate *d);
/* What was read ends where a flush of the client's does: another layer may
 * begin there. */
bool deflate_at_flush(const struct deflate *d);
MUST_CHECK enum err deflate_write(struct conn *c, struct slice s);
MUST_CHECK enum err deflate_flush(struct conn *c);
MUST_CHECK enum err deflate_gate(struct conn *c, uint64_t commit);

/* conn_tls.c: like read() and write(): bytes, or -1 and *e (ERR_AGAIN,
 * ERR_EOF, ...). */
ssize_t tls_read(struct conn *c, void *p, size_t n, enum err *e);
ssize_t tls_write(struct conn *c, const void *p, size_t n, enum err *e);
void tls_shake(struct conn *c);
void tls_bye(struct conn *c);

/* splice.c */
void splice_changed(struct splice *s);
void splice_forget(struct conn *c);

#endif
