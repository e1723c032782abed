/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Starting our programs and hearing of their end. A program is opened once, at
 * start: a restart runs the same version even while a new one is installed.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <sys/types.h>

#include <bastide/loop.h>

struct child;
struct program {
	const char *name;
	int fd;
};

/* Where the program's descriptors come from; each is duplicated. */
struct child_fd {
	int from, to;
};
#define CHILD_FDS 5

struct child_start {
	struct program *program;
	int dir;   /* its working directory, -1: "/" */
	uid_t uid; /* user and group when we are root, else ignored */
	struct child_fd fds[CHILD_FDS];
	size_t n_fds;
	/* Called from the loop when it ended; the child is gone then. */
	void (*ended)(void *arg, int status);
	void *arg;
};

MUST_CHECK enum err children_init(struct loop *l);
/* `dir` is where our programs lie. */
MUST_CHECK enum err program_open(const char *dir, struct program *p);
MUST_CHECK enum err child_run(const struct child_start *s, struct child **out);
pid_t child_pid(const struct child *c);
void child_kill(struct child *c, int signo);
/* Its end is not told any more. */
void child_forget(struct child *c);

#endif
