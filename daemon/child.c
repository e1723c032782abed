/* SPDX-License-Identifier: EUPL-1.2 */
/* Children of bastided: fork, arrange descriptors, drop the user, exec. */
#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bastide/log.h>
#include <bastide/mem.h>

#include "child.h"

/* Above every descriptor number that a program expects. */
#define HIGH_FD 32

struct child {
	pid_t pid;
	struct program *program;
	void (*ended)(void *arg, int status);
	void *arg;
	struct child *next, **prev;
};

static struct child *children;

/* In a build tree a front lies in its own folder beside ours. */
enum err program_open(const char *dir, struct program *p)
{
	char path[4096];

	for (int i = 0; i < 2; i++) {
		int n = i == 0 ? snprintf(path, sizeof(path), "%s/%s", dir,
					 p->name)
			       : snprintf(path, sizeof(path), "%s/../%s/%s",
					 dir, p->name, p->name);
		if (n < 0 || (size_t)n >= sizeof(path))
			return ERR_LIMIT;
		if (faccessat(AT_FDCWD, path, X_OK, 0) != 0)
			continue;
		p->fd = open(path, O_PATH | O_CLOEXEC);
		return p->fd < 0 ? err_from_errno(errno) : ERR_OK;
	}
	log_event(LOG_ERROR_, "no-program", "name=%s dir=\"%s\"", p->name, dir);
	return ERR_NOTFOUND;
}

/* --- in the child: only what is allowed between fork and exec --------------- */

static void become(uid_t uid)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
		setresuid(uid, uid, uid) != 0)
		_exit(126);
}

static void arrange(const struct child_start *s)
{
	int high[CHILD_FDS], last = 2;

	for (size_t i = 0; i < s->n_fds; i++) {
		high[i] = fcntl(s->fds[i].from, F_DUPFD, HIGH_FD);
		if (high[i] < 0)
			_exit(126);
	}
	for (size_t i = 0; i < s->n_fds; i++) {
		if (dup2(high[i], s->fds[i].to) < 0)
			_exit(126);
		if (s->fds[i].to > last)
			last = s->fds[i].to;
	}
	/* The program's own descriptor is close-on-exec and still needed. */
	syscall(SYS_close_range, (unsigned)last + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	for (int fd = 3; fd <= last; fd++) {
		bool wanted = false;
		for (size_t i = 0; i < s->n_fds; i++)
			wanted |= s->fds[i].to == fd;
		if (!wanted && fd != s->program->fd)
			close(fd);
	}
}

static void run(const struct child_start *s)
{
	char *argv[] = { (char *)(uintptr_t)s->program->name, NULL };
	char *envp[] = { NULL };
	sigset_t none;

	/* A terminal's ^C is bastided's: it stops us in order. */
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signo = 1; signo < 32; signo++)
		signal(signo, SIG_DFL);
	if ((s->dir >= 0 ? fchdir(s->dir) : chdir("/")) != 0)
		_exit(126);
	int program = fcntl(s->program->fd, F_DUPFD_CLOEXEC, HIGH_FD);
	arrange(s);
	become(s->uid);
	syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

/* --- in bastided ------------------------------------------------------------------ */

enum err child_run(const struct child_start *s, struct child **out)
{
	struct child *c = mem_new(struct child);

	if (!c)
		return ERR_NOMEM;
	pid_t pid = fork();
	if (pid == 0)
		run(s);
	if (pid < 0) {
		mem_free(c);
		return ERR_BUSY;
	}
	*c = (struct child){ .pid = pid,
		.program = s->program,
		.ended = s->ended,
		.arg = s->arg,
		.next = children,
		.prev = &children };
	if (c->next)
		c->next->prev = &c->next;
	children = c;
	log_event(LOG_INFO_, "started", "program=%s pid=%d", s->program->name,
		(int)pid);
	*out = c;
	return ERR_OK;
}

static void say_end(const struct child *c, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	log_event(clean ? LOG_INFO_ : LOG_WARN_, "child-ended",
		"program=%s pid=%d %s=%d", c->program->name, (int)c->pid,
		WIFSIGNALED(status) ? "signal" : "exit",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void reap(pid_t pid, int status)
{
	for (struct child *c = children; c; c = c->next) {
		if (c->pid != pid)
			continue;
		void (*ended)(void *, int) = c->ended;
		void *arg = c->arg;
		say_end(c, status);
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
		mem_free(c);
		if (ended)
			ended(arg, status);
		return;
	}
}

static void on_sigchld(void *arg)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		reap(pid, status);
}

enum err children_init(struct loop *l)
{
	return loop_on_signal(l, SIGCHLD, on_sigchld, NULL);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

void child_kill(struct child *c, int signo)
{
	if (c)
		(void)kill(c->pid, signo);
}

void child_forget(struct child *c)
{
	if (c)
		c->ended = NULL;
}
