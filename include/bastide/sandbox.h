/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The walls of a process: what it can no longer do once it serves. One table
 * of profiles (lib/sandbox.c): seccomp by list of allowed calls, Landlock for
 * paths, TCP and signals as far as the kernel has it, no new privileges, not
 * dumpable, no core files.
 *
 * A call that is not on the list fails with EPERM; it does not kill. A library
 * that tries something new after an update gets an error that it handles, an
 * attacker gains nothing by it, and the tests see what is delivered.
 *
 * Both walls hold for the calling thread and what comes after: apply before a
 * thread is started. They do not touch descriptors that are open already.
 */
#ifndef BASTIDE_SANDBOX_H
#define BASTIDE_SANDBOX_H

#include <bastide/buf.h>

enum profile {
	PROFILE_BASTIDED, /* starts programs; its children inherit its walls */
	PROFILE_KEYD,     /* its directory; no network */
	PROFILE_TENANTD,  /* its directory, threads; no network */
	PROFILE_WORKER,   /* read, write, memory, exit */
	PROFILE_FRONT,    /* accepts on sockets that it was given */
	PROFILE_RELAYD    /* connects; no file */
};

struct sandbox {
	enum profile profile;
	/* The directory tree that may be used (KEYD, TENANTD; BASTIDED may
	 * write there only). NULL: no path at all. */
	const char *dir;
	int max_abi; /* newest Landlock ABI to use; 0: the kernel's; -1: none */
	bool weak;   /* go on where seccomp or Landlock is missing */
	bool debug;  /* neither seccomp nor Landlock, and dumpable */
};

struct walls {
	bool seccomp;
	int landlock; /* the ABI in force, 0: none */
	bool no_new_privs;
	bool no_dump;
	uint32_t uid; /* who we are; asked before asking is forbidden */
};

/* ERR_UNSUPPORTED: a wall is missing and not `weak`; the process must not
 * serve. `out` says in any case what stands. */
MUST_CHECK enum err sandbox_apply(const struct sandbox *s, struct walls *out);
/* "seccomp=yes landlock=7 ..." for the one line in the log. */
void walls_text(const struct walls *w, struct buf *out);

#endif
