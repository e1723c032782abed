/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts of a tenantd; see tenantd.c. */
#ifndef DAEMON_TENANTD_H
#define DAEMON_TENANTD_H

#include <bastide/process.h>
#include <bastide/session.h>

/* --- tenantd.c --------------------------------------------------------------- */
/* A connection that bastided sent, from its first byte to session_ended. */
struct visit {
	uint64_t id;
	enum protocol protocol;
	struct conn *conn; /* not ours to free once a session has it */
	char peer[64];
	struct auth *auth; /* NULL: none, or over */
	uint32_t account;  /* once signed in */
	struct visit *next, **prev;
};

struct tenantd {
	struct process process;
	struct tenant tenant; /* what sessions see */
	struct ipc *keyd;
	struct visit *visits;
	uint64_t last_visit;
	unsigned working; /* admin operations and deliveries that run */
	uint8_t fake_key[32];
	struct buf token_keys; /* a JWK Set; empty: no tokens */
	bool create, want_addresses, ending;
	struct timer *idle, *housekeeping;
	struct later tidy;
	struct turn_hook turn;
	struct watch *store_watch;
	uint64_t head_unkept; /* serial given to keyd, not kept yet */
	uint8_t head[80];
};

extern struct tenantd tenantd;

/* The visit becomes a session of its protocol's house; on error it is over. */
void visit_begin_session(struct visit *v, uint32_t account, struct slice login,
	struct slice extra, bool tls);
void visit_end(struct visit *v);
/* The account's sessions see the end of their streams. */
void visits_hang_up(uint32_t account);
/* Something began or ended: arms or stops the idle timer. */
void idle_changed(void);
/* Tells bastided why, and ends the process: a new one recovers. */
void give_up(const char *what, enum err e) __attribute__((noreturn));

/* --- sessions.c: the protocols that are served ----------------------------------- */
struct house {
	enum protocol protocol;
	session_new_fn *session;
	/* Loads what needs files, before the walls go up. May be NULL. */
	enum err (*warm_up)(void);
	const char *name;
	/* The store is open: what works without sessions. May be NULL. */
	enum err (*begin)(struct tenant *t);
	/* The process ends: what begin() began stops at once. May be NULL. */
	void (*end)(struct tenant *t);
};
/* The only list; ends with a row without `session`. */
extern const struct house houses[];

/* --- auth.c ----------------------------------------------------------------------- */
/* Verifies who visits; ends with visit_begin_session or visit_end. */
MUST_CHECK enum err auth_new(struct visit *v, struct auth **out);
void auth_free(struct auth *a);
MUST_CHECK enum err auth_init(void);
/* Writes the audit rows that wait. */
void auth_flush(void);

/* --- keeper.c: the store's needs ---------------------------------------------------- */
/* Asks keyd, opens the store, says READY. */
MUST_CHECK enum err keeper_start(void);
MUST_CHECK enum err keeper_keyd(int fd);
/* Clean stop: the last head is with keyd when it returns. */
void keeper_stop(void);

/* --- worker_client.c ---------------------------------------------------------------- */
MUST_CHECK enum err worker_init(void);
MUST_CHECK enum err worker_came(struct msg_in *m);

/* --- addresses.c -------------------------------------------------------------------- */
/* All of them, for a router that does not know. */
MUST_CHECK enum err addresses_tell_all(void);
/* One that came or went. */
void addresses_changed(struct slice address, bool added);

#endif
