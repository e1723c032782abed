/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What our processes say to one another: the types of all messages and their
 * fields. Descriptor 3 of each is its control channel to bastided; a tenantd's
 * descriptor 4 leads to keyd. Whoever loses its control channel ends.
 */
#ifndef BASTIDE_CONTROL_H
#define BASTIDE_CONTROL_H

#include <bastide/ipc.h>

#define CONTROL_FD 3
#define KEYD_FD 4
/* Holds the lock of the data directory: its last holder gives it free. */
#define LOCK_FD 5

enum control {
	/* --- bastided to all ------------------------------------------- */
	CONTROL_CONFIG = 1, /* slice config, u32 max_abi, u32 debug */
	CONTROL_STOP,       /* end cleanly */
	/* --- all to bastided ------------------------------------------- */
	CONTROL_READY, /* serving */

	/* --- bastided to a front --------------------------------------- */
	FRONT_CERT = 20, /* slice chain, slice key: one more */
	FRONT_CLIENT_CA, /* slice authorities, slice revoked (PEM): of the set
			  * too; without it no client is asked */
	FRONT_CERTS_END, /* those sent since the last END are the set */
	FRONT_LISTEN,    /* slice service, u32 implicit TLS, fd */
	FRONT_START,     /* slice fake_key: all is told, serve */
	ROUTE_REPLY,     /* u32 id, err, fd when ERR_OK */
	/* --- a front to bastided --------------------------------------- */
	ROUTE_ASK, /* u32 id, u32 protocol, slice address, slice peer */

	/* --- bastided to a tenantd ------------------------------------- */
	TENANT_START = 40, /* slice oid, u32 create, slice fake_key,
			     * u32 want_addresses */
	TENANT_SESSION,    /* u64 id, u32 protocol, slice peer, fd */
	TENANT_WORKER,     /* err, fd when ERR_OK: the worker's channel */
	TENANT_ADMIN,      /* u32 id, slice request (JSON) */
	TENANT_KEYD,       /* fd: a new channel to a new keyd */
	TENANT_RELAY,      /* u32 id, err, fd when ERR_OK: a stream to relayd */
	TENANT_END,        /* nobody needs you: end cleanly (after IDLE) */
	TENANT_TOKEN_KEYS, /* slice keys (a JWK Set): tokens are verified by
			    * these from now on */
	/* --- a tenantd to bastided ------------------------------------- */
	TENANT_SESSION_ENDED, /* u64 id */
	TENANT_LOGIN,         /* u64 session id, err */
	TENANT_IDLE,          /* u64 last session id seen, u64 wake: may I end?
			       * And wake me at this time (seconds since 1970;
			       * 0: not for mail) */
	TENANT_QUEUED,        /* mail waits: wake me after whatever happens */
	TENANT_RELAY_START,   /* u32 id, slice domain: I have mail for it */
	TENANT_WORKER_START,  /* I need a worker */
	TENANT_WORKER_KILL,   /* it is over its deadline */
	TENANT_ADMIN_REPLY, /* u32 id, err, slice reply (JSON); what it changed
			       * in the addresses was told before it */
	TENANT_FAILED,      /* err, slice place that a store was refused for,
			       * or empty: cannot serve; ends */
	TENANT_ADDRESSES,   /* u32 op, u32 n, n times slice address */

	/* --- bastided to relayd ------------------------------------------ */
	RELAY_STREAM = 55, /* slice domain, slice local ("address:port" of our
			    * own listener when it is hosted here), fd */
	RELAY_START, /* fd of ca_file, none when it cannot be opened: serve */

	/* --- bastided to keyd, and back with the same type -------------- */
	KEYD_TENANT = 60, /* slice oid, fd: serve this tenantd; no reply */
	KEYD_CREATE,      /* u32 id, slice oid; reply u32 id, err */
	KEYD_DESTROY,     /* u32 id, slice oid; reply u32 id, err */
	KEYD_ROUTER,      /* none; reply err, slice key (32 bytes) */
	KEYD_LIST,        /* u32 id; reply u32 id, err, slice oids */

	/* --- a tenantd to keyd, on its own channel ----------------------- */
	KEY_GET = 80, /* none */
	HEAD_PUT,     /* u64 serial, slice head */
	/* --- and back ------------------------------------------------------ */
	KEY_GIVEN, /* err, slice key, slice head (empty: none yet) */
	HEAD_KEPT, /* err, u64 serial */

	/* --- records in a session stream before the session begins --------- */
	STREAM_LOGIN = 100, /* slice mechanism, slice extra, u32 tls,
			     * slice exporter, slice endpoint (what it can be
			     * bound to), slice message */
	STREAM_INPUT,       /* slice message: the client's next */
	STREAM_CHALLENGE,   /* slice message: the server's next */
	STREAM_OK,          /* slice server_final: signed in; raw from here */
	STREAM_FAIL,        /* err */

	/* --- a tenantd to its worker, and back ------------------------------ */
	WORK_ASK = 120, /* u32 job, u32 kind, the request's fields */
	WORK_REPLY      /* u32 job, err, the reply's fields */
};

/* TENANT_ADDRESSES: ADD and REMOVE name what changed; ALL begins the complete
 * list, MORE goes on, END closes it (they carry addresses too). */
enum addresses_op {
	ADDRESSES_ADD,
	ADDRESSES_REMOVE,
	ADDRESSES_ALL,
	ADDRESSES_MORE,
	ADDRESSES_END
};

#endif
