/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a client's connection reaches its tenant.
 *
 *   front --ROUTE--> bastided --SESSION(fd)--> tenantd     (control channels)
 *   front <======== session stream ========> tenantd       (records, then raw)
 *
 * The front frames the dialogue before login, takes the user's name out of the
 * SASL message, and asks the router (struct route). The router refuses unknown
 * addresses and too many tries without waking a tenant, else wakes it and gives
 * both sides one end of a new stream. On that stream the front sends the SASL
 * messages; the tenantd verifies. After AUTH_OK an IMAP stream carries raw
 * bytes; SMTP and DAV go on with records of their house (smtpd/proto.h,
 * caldav/proto.h).
 */
#ifndef BASTIDE_SESSION_H
#define BASTIDE_SESSION_H

#include <bastide/ipc.h>
#include <bastide/store.h>

enum protocol {
	PROTOCOL_IMAP = 1,
	PROTOCOL_SUBMIT,  /* SMTP of a signed-in user */
	PROTOCOL_DELIVER, /* SMTP from outside: no login */
	PROTOCOL_DAV,
	PROTOCOL_ADMIN
};

/* --- in a front (lib/front.c) ------------------------------------------------ */
/* What every front's main gives; it never returns. Reads its configuration and
 * listening sockets from the control channel (descriptor 3), applies the
 * sandbox, accepts. */
struct front {
	const char *name; /* "imapd" */
	/* A client came: on port `service` ("imap", "imaps", ...). `tls` is
	 * the context for STARTTLS, or for TLS at once when implicit_tls. The
	 * callee owns `fd`. */
	void (*accepted)(struct front *f, int fd, const char *service,
		bool implicit_tls);
	/* The walls go up after this: load what needs files. May be NULL. */
	void (*warm_up)(struct front *f);
	struct loop *loop;
	struct tls_context *tls; /* NULL: no certificate is configured */
	struct ipc *control;
	struct config *config;
	struct front_parts *parts; /* lib/front.c's */
};
int front_main(struct front *f, int argc, char **argv);
/* One less connection (each `accepted` must be paired with it). */
void front_released(struct front *f);

/* One question to the router. `done` gets ERR_OK and the stream's descriptor
 * (it owns it), or: ERR_NOTFOUND (no such domain or address: for PROTOCOL_
 * DELIVER only; a login gets ERR_AUTH, after the same delay as a wrong
 * password), ERR_BUSY (too many tries), ERR_UNAVAILABLE. Never called from
 * inside route_ask, which gives ERR_NOTFOUND or ERR_AUTH itself for what is no
 * address. */
struct route;
MUST_CHECK enum err route_ask(struct front *f, enum protocol protocol,
	struct slice address, const char *peer,
	void (*done)(void *arg, enum err e, int fd), void *arg,
	struct route **out);
void route_cancel(struct route *r); /* the client went away */

/* One SASL exchange of a front, for all protocols. Feed it decoded SASL
 * messages; it asks the router, opens the stream and talks to the tenantd. */
struct login;
struct login_events {
	/* Send this (raw, not base64) as a challenge to the client. */
	void (*challenge)(void *arg, struct slice message);
	/* Signed in: the caller owns `stream`, whose next bytes belong to the
	 * protocol, and gives it its own events at once (or splices it). `server_final` is SCRAM's last message, for protocols that
	 * send it with success; empty otherwise. */
	void (*success)(
		void *arg, struct conn *stream, struct slice server_final);
	void (*failure)(void *arg, enum err e); /* ERR_AUTH, ERR_BUSY, ... */
};
/* `mechanism` is one of login_mechanisms, else ERR_UNSUPPORTED. `client` says
 * whose address it is and whether TLS protects it. `extra` is given to the
 * session of the house as it is (IMAP: the command's tag). No event comes from
 * inside a call. */
MUST_CHECK enum err login_new(struct front *f, enum protocol protocol,
	struct slice mechanism, const struct conn *client, struct slice extra,
	const struct login_events *events, void *arg, struct login **out);
/* The client's next message; `initial` missing is a call with {NULL,0} first,
 * which makes the empty (or LOGIN's "Username:") challenge. */
void login_input(struct login *l, struct slice message);
void login_free(struct login *l); /* cancels; call it after the end too */
/* Names of the mechanisms that this client can use, each with `prefix`, with
 * spaces between. */
void login_mechanisms(struct buf *b, const struct front *f,
	enum protocol protocol, const struct conn *client, const char *prefix);

/* --- in the tenantd ------------------------------------------------------------- */
struct worker;
/* Who sends the tenant's queue (smtpd/session/outbound.c). */
struct queue_runner {
	/* The queue changed: look at it, in a later turn. */
	void (*look)(void *arg);
	/* A stream to relayd, or why there is none. */
	void (*stream)(void *arg, uint32_t id, enum err e, int fd);
	/* Time (since 1970) at which there is something to do, 0: never. */
	int64_t (*next)(void *arg);
	/* Begin nothing new; what runs goes on and says tenant_working. */
	void (*drain)(void *arg);
	/* Now: every account handle is closed when it returns. */
	void (*stop)(void *arg);
	void *arg;
};
/* What the process has, for its sessions. */
struct tenant {
	struct loop *loop;
	struct gate *gate;
	struct store *store;
	struct worker *worker;
	struct ipc *control;
	struct config *config;
	struct oid id;
	const char *hostname;        /* as the server calls itself */
	struct queue_runner *runner; /* NULL: mail only waits */
};
/* To be called after a commit that added to the queue, or changed it. */
static inline void queue_changed(struct tenant *t)
{
	if (t->runner)
		t->runner->look(t->runner->arg);
}
/* Work without a session began (+1) or ended (-1): the process does not end
 * for being idle meanwhile. */
void tenant_working(struct tenant *t, int change);

struct session_start {
	struct tenant *tenant;
	struct conn *conn; /* gated; the session owns it from now on */
	enum protocol protocol;
	uint32_t account;   /* 0 with PROTOCOL_DELIVER and _ADMIN */
	struct slice login; /* address signed in with */
	struct slice peer;  /* client's address */
	struct slice extra; /* IMAP: the tag, and the language behind " " */
	bool tls;
	uint64_t id; /* session id for logs */
};
/* A house's constructor; on error the caller frees the connection. The slices
 * are borrowed. */
typedef enum err session_new_fn(const struct session_start *s);
enum err imap_session_new(const struct session_start *s);
/* Are these capabilities of IMAP ("UIDONLY,IDLE")? ERR_UNSUPPORTED: not all. */
MUST_CHECK enum err imap_without_check(struct slice names);
enum err smtp_session_new(const struct session_start *s); /* both SMTP kinds */
/* Feeds the index of words; its end closes every account handle it has. */
MUST_CHECK enum err indexer_begin(struct tenant *t);
void indexer_end(struct tenant *t);
/* The runner of the queue; `t` lives as long as the process. */
MUST_CHECK enum err outbound_begin(struct tenant *t);
enum err dav_session_new(const struct session_start *s);
enum err dav_warm_up(void); /* for the house's row */
/* A session ended (each constructor that succeeded pairs with one). */
void session_ended(struct tenant *t, uint64_t id);

/* --- the worker: bytes in, structs out, killed at its deadline ------------- */
enum work { WORK_PBKDF2 = 1, WORK_EXPAND, WORK_INSTANCES, WORK_TOKEN };
/* `done` gets ERR_OK and the reply, ERR_TIMEOUT (killed), ERR_LIMIT,
 * ERR_SYNTAX. Never called from inside. */
struct job;
MUST_CHECK enum err worker_ask(struct worker *w, enum work kind,
	struct msg *request, unsigned deadline_ms,
	void (*done)(void *arg, enum err e, struct msg_in *reply), void *arg,
	struct job **out);
void worker_cancel(struct job *j);

#endif
