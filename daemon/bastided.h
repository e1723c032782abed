/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts of bastided; see bastided.c for the whole. */
#ifndef DAEMON_BASTIDED_H
#define DAEMON_BASTIDED_H

#include <bastide/control.h>
#include <bastide/process.h>
#include <bastide/session.h>

#include "attempts.h"
#include "child.h"

struct bastided {
	struct process process; /* loop, config, max_abi, debug */
	int dir;                /* the data directory */
	int tenants_dir;
	int lock;
	bool root; /* started as root: a user of its own for each */
	bool stopping;
	uint8_t router_key[32];
	uint8_t fake_key[32];
	uint64_t started_ms;
};

extern struct bastided bastided;

/* User ids: fixed ones, then the tenants'. */
enum uid_slot { UID_KEYD, UID_FRONT, UID_RELAYD, UID_WORKER, UID_TENANTS = 8 };
uid_t uid_of(unsigned slot);
/* The first message of every child. */
enum err send_config(struct ipc *i);
/* Something ended: the stop may go on. */
void stop_step(void);
void fatal(const char *what, enum err e) __attribute__((noreturn));

/* --- named_file.c ----------------------------------------------------------------- */
/* The file that the configuration names under `key`, nothing for an empty
 * value. ERR_NOTFOUND, ERR_LIMIT: what is wrong was logged. */
MUST_CHECK enum err named_file_read(
	const char *key, size_t max, struct buf *out);

/* --- token_keys.c ----------------------------------------------------------------- */
/* Keys of tokens, anew from their file; on error the old ones stay. */
MUST_CHECK enum err token_keys_read(void);
MUST_CHECK enum err token_keys_send(struct ipc *i);

/* --- programs.c ------------------------------------------------------------------ */
enum program_id { PROGRAM_KEYD, PROGRAM_TENANTD, PROGRAM_WORKER, PROGRAMS };
extern struct program programs[PROGRAMS];
MUST_CHECK enum err programs_open(void);
/* Directory of our other programs. */
const char *programs_dir(void);

/* --- keyd_link.c ------------------------------------------------------------------ */
MUST_CHECK enum err keyd_open(int passphrase_fd);
/* `ready` is called once, when the router's key is there. */
void keyd_on_ready(void (*ready)(void));
typedef void keyd_done(void *arg, enum err e, struct slice list);
MUST_CHECK enum err keyd_ask(
	uint16_t type, const struct oid *tenant, keyd_done *done, void *arg);
/* A channel to keyd for this tenant's process. */
MUST_CHECK enum err keyd_lease(const struct oid *tenant, int *fd_out);
void keyd_stop(void);
bool keyd_alive(void);
pid_t keyd_pid(void);

/* --- router.c: which domains and addresses there are ---------------------------- */
enum life { CREATING = 1, LIVE, DELETING };

struct tenant_entry {
	struct oid oid;
	uint32_t number; /* > 0; also the user id's */
	enum life life;
	bool synced; /* we know all its addresses */
	uint32_t n_addresses;
	int64_t wake; /* mail waits: wake it then (since 1970); 0: none */
	struct tenant_run *run; /* tenants.c's */
	struct tenant_entry *next;
};

MUST_CHECK enum err router_load(void);
/* On the disk when it returns. `clean`: nothing is awake any more. */
MUST_CHECK enum err router_save(bool clean);
/* Soon on the disk. */
void router_changed(void);
bool router_dirty(void);
struct tenant_entry *router_tenants(void);
MUST_CHECK enum err router_tenant_new(struct tenant_entry **out);
void router_tenant_remove(struct tenant_entry *t);
struct tenant_entry *tenant_by_oid(const struct oid *id);
struct tenant_entry *tenant_by_domain(struct slice domain);
/* By id or domain, as an administrator names it. */
struct tenant_entry *tenant_by_name(struct slice name);
MUST_CHECK enum err router_domain_add(
	struct tenant_entry *t, struct slice domain);
void router_domain_remove(struct slice domain);
/* Calls for each domain of the tenant. */
void router_domains(const struct tenant_entry *t,
	void (*each)(void *arg, struct slice domain), void *arg);
MUST_CHECK enum err router_addresses(struct tenant_entry *t, struct msg_in *m);
bool router_knows(const struct tenant_entry *t, struct slice address,
	enum protocol protocol);

/* --- door.c: logins wait for others from the same address ------------------------- */
struct front_process;
struct pending;
MUST_CHECK enum err door_open(void);
/* Takes `p`; replies to its front, or passes it to its tenant. */
void door_enter(struct pending *p);
/* An attempt that was passed on has ended. */
void door_end(struct attempt *t, enum attempt_end end);
/* A front died: its logins are forgotten. */
void door_forget_front(struct front_process *f);

/* --- tenants.c: their processes ---------------------------------------------------- */
/* A question of a front that waits for its tenant. */
struct pending {
	struct front_process *front; /* NULL: it died */
	uint32_t id;
	enum protocol protocol;
	char address[2 * LIMIT_ADDRESS];
	char peer[64];
	struct attempt attempt;
	uint64_t until_ms; /* at the door */
	struct pending *next;
};
MUST_CHECK enum err tenants_init(void);
/* Takes `p`; replies when no tenant has the address. */
void tenant_route(struct pending *p);
/* A front died: its questions are forgotten. */
void tenants_forget_front(struct front_process *f);
/* An administrator's request; `done` gets the tenantd's reply. */
typedef void tenant_admin_done(void *arg, enum err e, struct slice reply);
void tenant_admin(struct tenant_entry *t, struct slice request,
	tenant_admin_done *done, void *arg);
/* Makes a new store in its directory, which exists. */
typedef void tenant_done(void *arg, enum err e);
void tenant_create(struct tenant_entry *t, tenant_done *done, void *arg);
/* Ends the process; `done` when it is gone. */
void tenant_stop(struct tenant_entry *t, tenant_done *done, void *arg);
/* It is asleep and will not be woken again: what is kept of it goes. */
void tenant_forget(struct tenant_entry *t);
/* Working directory of one; -1. */
int tenant_dir_open(const struct tenant_entry *t);
void tenants_new_keyd(void);
/* Those that are awake get the keys of tokens. */
void tenants_token_keys(void);
void tenants_stop(void);
void tenants_kill(void);
bool tenants_running(void);
struct tenant_status {
	const char *state;
	pid_t pid;
	unsigned sessions;
};
void tenant_status(const struct tenant_entry *t, struct tenant_status *out);

/* --- services.c: the fronts that there are, and their ports ------------------------ */
struct service {
	const char *program; /* services of one program stand together */
	const char *name;    /* what the front is told */
	const char *port;    /* configuration key */
	bool implicit_tls;
};
/* The only list; ends with a row without `program`. */
extern const struct service services[];

/* --- fronts.c ------------------------------------------------------------------------ */
MUST_CHECK enum err fronts_listen(void);
/* Whether the configuration wants this program of the "services". */
bool service_is_wanted(const char *program);
void fronts_start(void);
void fronts_stop(void);
void fronts_kill(void);
bool fronts_running(void);
/* Certificates anew, from their files. */
MUST_CHECK enum err fronts_certificates(void);
void front_reply(struct front_process *f, uint32_t id, enum err e, int fd);
void fronts_each(
	void (*each)(void *arg, const char *name, pid_t pid), void *arg);

/* "address:port" of our own port 25; false: there is none. */
bool fronts_smtp_address(struct buf *out);

/* --- relay.c: relayd, which sends mail --------------------------------------------- */
MUST_CHECK enum err relay_open(void);
void relay_start(void);
/* A stream to relayd for mail to `domain`; the caller owns the descriptor.
 * ERR_UNAVAILABLE, ERR_SYNTAX. */
MUST_CHECK enum err relay_stream(struct slice domain, int *fd_out);
/* Told to end; relay_running says when it is gone. */
void relay_stop(void);
void relay_kill(void);
bool relay_running(void);
void relay_each(
	void (*each)(void *arg, const char *name, pid_t pid), void *arg);

/* --- admin_server.c ------------------------------------------------------------------ */
MUST_CHECK enum err admin_listen(void);
void admin_stop(void);

#endif
