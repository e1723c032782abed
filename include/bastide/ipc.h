/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Typed messages between our processes. A message is a type and a sequence of
 * fields; each getter checks that the field is there, whole and of that type,
 * and fails for good otherwise (one check at the end is enough: msg_end).
 * Two carriers: `ipc` over SOCK_SEQPACKET (control channels; may pass
 * descriptors) and `records` inside a stream connection (sessions).
 */
#ifndef BASTIDE_IPC_H
#define BASTIDE_IPC_H

#include <bastide/conn.h>

#define MSG_FDS 4

/* --- a message being written ------------------------------------------------ */
struct msg {
	struct buf b;
	int fds[MSG_FDS]; /* the sender keeps its own and closes them itself */
	size_t n_fds;
};
void msg_begin(struct msg *m, uint16_t type);
/* Room for `n` bytes at once: what grows leaves copies of a secret behind. An
 * error is kept for ipc_send. */
void msg_reserve(struct msg *m, size_t n);
void msg_add_u32(struct msg *m, uint32_t v);
void msg_add_u64(struct msg *m, uint64_t v);
void msg_add_slice(struct msg *m, struct slice s);
void msg_add_err(struct msg *m, enum err e);
void msg_add_fd(struct msg *m, int fd);
/* Overwrites before it frees: a message may hold a secret. */
void msg_free(struct msg *m);

/* --- a message being read --------------------------------------------------- */
struct msg_in {
	uint16_t type;
	struct slice rest;
	int fds[MSG_FDS]; /* those not taken are closed after the handler */
	size_t n_fds, next_fd;
	bool bad;
};
uint32_t msg_u32(struct msg_in *m);
uint64_t msg_u64(struct msg_in *m);
struct slice msg_slice(struct msg_in *m); /* borrowed */
enum err msg_err(struct msg_in *m);
int msg_fd(struct msg_in *m); /* the caller owns it; -1 when missing */
/* ERR_SYNTAX: a getter failed or bytes or descriptors are left. */
MUST_CHECK enum err msg_end(struct msg_in *m);
MUST_CHECK enum err msg_parse(struct slice raw, struct msg_in *out);

/* --- control channels ---------------------------------------------------------- */
struct ipc;
struct ipc_events {
	void (*message)(void *arg, struct msg_in *m);
	void (*closed)(void *arg); /* the owner frees it */
};
/* Takes the descriptor. */
MUST_CHECK enum err ipc_new(struct loop *l, int fd,
	const struct ipc_events *events, void *arg, struct ipc **out);
void ipc_free(struct ipc *i);
/* Queued when the peer is slow; ERR_BUSY above 1,000 messages. Frees `m`. */
enum err ipc_send(struct ipc *i, struct msg *m);
/* Both ends of a new control channel, close-on-exec. */
MUST_CHECK enum err ipc_pair(int fds[2]);
/* Both ends of a new session stream, close-on-exec, non-blocking. */
MUST_CHECK enum err stream_pair(int fds[2]);

/* --- records inside a stream --------------------------------------------------- */
/* Writes and frees `m` (no descriptors). */
void record_send(struct conn *c, struct msg *m);
/* Next whole record of the input; `out` borrows from it: call record_done
 * after use. ERR_AGAIN: not there yet. ERR_SYNTAX: close the connection. */
MUST_CHECK enum err record_next(struct conn *c, struct msg_in *out);
void record_done(struct conn *c);

#endif
