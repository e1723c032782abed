/* SPDX-License-Identifier: EUPL-1.2 */
/* Attempts at what walls forbid; a table of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* Each gives 0 or an errno. */

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_read(const char *path)
{
	return open_and_close(path, O_RDONLY);
}

static int try_create(const char *path)
{
	return open_and_close(path, O_WRONLY | O_CREAT);
}

static int try_remove(const char *path)
{
	return result(unlink(path));
}

static int try_stat(const char *path)
{
	struct stat st;

	return result(stat(path, &st));
}

static int try_truncate(const char *path)
{
	return result(truncate(path, 0));
}

static int try_list(const char *path)
{
	return open_and_close(path, O_RDONLY | O_DIRECTORY);
}

static int try_socket(const char *kind)
{
	int family = strcmp(kind, "inet") == 0    ? AF_INET
		     : strcmp(kind, "inet6") == 0 ? AF_INET6
		     : strcmp(kind, "unix") == 0  ? AF_UNIX
						  : AF_NETLINK;
	int fd = socket(
		family, family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_connect(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	int r = result(connect(fd, (struct sockaddr *)&in, sizeof(in)));
	close(fd);
	return r;
}

static int try_listen(const char *unused)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	int r = result(bind(fd, (struct sockaddr *)&in, sizeof(in)));
	if (!r)
		r = result(listen(fd, 1));
	close(fd);
	return r;
}

static int try_abstract(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	memcpy(un.sun_path + 1, name, strlen(name));
	int r = result(connect(fd, (struct sockaddr *)&un,
		(socklen_t)(sizeof(sa_family_t) + 1 + strlen(name))));
	close(fd);
	return r;
}

static int try_kill(const char *pid)
{
	return result(kill(atoi(pid), SIGCONT));
}

static int try_ptrace(const char *pid)
{
	int r = result(ptrace(PTRACE_SEIZE, atoi(pid), 0, 0));

	if (!r)
		ptrace(PTRACE_DETACH, atoi(pid), 0, 0);
	return r;
}

static int try_memory(const char *pid)
{
	char byte;
	struct iovec to = { &byte, 1 };
	/* Any address: EFAULT says that looking was allowed. */
	struct iovec from = { (void *)4096, 1 };
	int r = result(process_vm_readv(atoi(pid), &to, 1, &from, 1, 0));

	return r == EFAULT ? 0 : r;
}

static int try_fork(const char *unused)
{
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return 0;
}

/* In a child where that is allowed, since it would replace us. */
static int try_exec(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };
	int pipes[2] = { -1, -1 }, r = 0;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return errno;
	pid_t pid = fork();
	if (pid <= 0) {
		execve(path, argv, argv + 1);
		r = errno;
		if (pid == 0) {
			if (write(pipes[1], &r, sizeof(r)) < 0)
				_exit(1);
			_exit(0);
		}
	} else {
		close(pipes[1]);
		if (read(pipes[0], &r, sizeof(r)) != sizeof(r))
			r = 0;
		waitpid(pid, NULL, 0);
		pipes[1] = -1;
	}
	close(pipes[0]);
	if (pipes[1] >= 0)
		close(pipes[1]);
	return r;
}

static void *nothing(void *arg)
{
	return NULL;
}

static int try_thread(const char *unused)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	if (!r)
		pthread_join(thread, NULL);
	return r;
}

static int try_mmapx(const char *unused)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, 4096);
	return 0;
}

static int try_mprotectx(const char *unused)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	int r = result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	munmap(p, 4096);
	return r;
}

static int try_dump(const char *unused)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int try_core(const char *unused)
{
	struct rlimit r = { 1 << 20, 1 << 20 };

	return result(setrlimit(RLIMIT_CORE, &r));
}

static int try_setuid(const char *unused)
{
	return result(setresuid(0, 0, 0));
}

static int try_bpf(const char *unused)
{
	return result(syscall(SYS_bpf, 0, NULL, 0)) == EPERM ? EPERM : 0;
}

static int try_keyctl(const char *unused)
{
	return result(syscall(SYS_keyctl, 0, -3, 0));
}

static int try_userns(const char *unused)
{
	return result(unshare(CLONE_NEWUSER));
}

static int try_chroot(const char *unused)
{
	return result(chroot("."));
}

static int try_iouring(const char *unused)
{
	int r = result(syscall(SYS_io_uring_setup, 0, NULL));

	return r == EPERM || r == ENOSYS ? r : 0;
}

static int try_rename(const char *names)
{
	char from[1000];
	const char *to = strchr(names, ' ');

	if (!to)
		return EINVAL;
	snprintf(from, sizeof(from), "%.*s", (int)(to - names), names);
	return result(rename(from, to + 1));
}

static const struct {
	const char *name;
	int (*attempt)(const char *arg);
} attempts[] = {
	{ "read", try_read },
	{ "create", try_create },
	{ "remove", try_remove },
	{ "stat", try_stat },
	{ "truncate", try_truncate },
	{ "list", try_list },
	{ "rename", try_rename },
	{ "socket", try_socket },
	{ "connect", try_connect },
	{ "listen", try_listen },
	{ "abstract", try_abstract },
	{ "kill", try_kill },
	{ "ptrace", try_ptrace },
	{ "memory", try_memory },
	{ "fork", try_fork },
	{ "exec", try_exec },
	{ "thread", try_thread },
	{ "mmapx", try_mmapx },
	{ "mprotectx", try_mprotectx },
	{ "dump", try_dump },
	{ "core", try_core },
	{ "setuid", try_setuid },
	{ "bpf", try_bpf },
	{ "keyctl", try_keyctl },
	{ "userns", try_userns },
	{ "chroot", try_chroot },
	{ "iouring", try_iouring },
};

const char *probe(struct slice what, char *out, size_t n)
{
	struct slice rest, word = slice_cut(what, ' ', &rest);
	char arg[2000];

	snprintf(arg, sizeof(arg), "%.*s", SLICE_ARG(rest));
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (!slice_eqs(word, attempts[i].name))
			continue;
		int r = attempts[i].attempt(arg);
		if (r)
			snprintf(out, n, "errno %s", strerrorname_np(r));
		else
			snprintf(out, n, "done");
		return out;
	}
	return "no such attempt";
}
