/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The profiles. seccomp: sets of call names, and for each profile which sets;
 * a few calls only with certain arguments:
 *
 *	mmap, mprotect	not executable: no code but what was loaded
 *	tgkill		itself only (abort)
 *	clone		threads only; clone3, whose flags lie in memory, says
 *			ENOSYS, so that the C library falls back to clone
 *	prlimit64	reading its own limits
 *	socket		TCP and UDP over IP only
 */
#include <config.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bastide/sandbox.h>

#include "landlock.h"

#ifdef SANITIZED
/* The leak check at exit wants ptrace, which no profile has. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static const char *const calls_core[] = { "read", "write", "brk", "munmap",
	"mremap", "madvise", "futex", "clock_gettime", "gettimeofday", "getpid",
	"gettid", "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask",
	"sigaltstack", "restart_syscall", NULL };

static const char *const calls_loop[] = { "readv", "writev", "close",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll",
	"ppoll", "eventfd2", "pipe2", "recvmsg", "sendmsg", "recvfrom",
	"sendto", "shutdown", "getsockopt", "setsockopt", "getsockname",
	"getpeername", "fcntl", "dup", "mlock", "munlock", "getrandom",
	"rt_sigaction", "sched_yield", "sched_getaffinity", "nanosleep",
	"clock_nanosleep", "getuid", "geteuid", "getgid", "getegid",
	"getrusage", "sysinfo", "uname", "membarrier", NULL };

static const char *const calls_files[] = { "openat", "open", "pread64",
	"pwrite64", "preadv", "pwritev", "lseek", "fstat", "newfstatat", "stat",
	"lstat", "statx", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink",
	"unlinkat", "rename", "renameat", "renameat2", "ftruncate", "fallocate",
	"fadvise64", "fsync", "fdatasync", "sync_file_range", "fchmod", "flock",
	"getcwd", "chdir", "statfs", "fstatfs", "umask", NULL };

static const char *const calls_threads[] = { "set_robust_list", "rseq",
	"set_tid_address", NULL };

static const char *const calls_accept[] = { "accept4", NULL };

static const char *const calls_connect[] = { "connect", "bind", "sendmmsg",
	"recvmmsg", "ioctl", NULL };

/* For bastided, whose children inherit it: everything but these. */
static const char *const calls_forbidden[] = { "ptrace", "process_vm_readv",
	"process_vm_writev", "pidfd_getfd", "kcmp", "mount", "umount2",
	"move_mount", "fsopen", "fsmount", "open_tree", "pivot_root", "chroot",
	"unshare", "setns", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "bpf", "perf_event_open", "keyctl",
	"add_key", "request_key", "userfaultfd", "open_by_handle_at",
	"name_to_handle_at", "reboot", "swapon", "swapoff", "acct",
	"settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "iopl",
	"ioperm", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"quotactl", "lookup_dcookie", "vhangup", "syslog", "modify_ldt",
	"fanotify_init", "sethostname", "setdomainname", NULL };

enum { THREADS = 1, SOCKETS = 2 };

static const struct {
	const char *const *sets[6];
	int special;
} profiles[] = {
	[PROFILE_KEYD] = { { calls_core, calls_loop, calls_files }, 0 },
	[PROFILE_TENANTD] = { { calls_core, calls_loop, calls_files,
				      calls_threads },
		THREADS },
	[PROFILE_WORKER] = { { calls_core }, 0 },
	[PROFILE_FRONT] = { { calls_core, calls_loop, calls_accept }, 0 },
	[PROFILE_RELAYD] = { { calls_core, calls_loop, calls_connect },
		SOCKETS },
};

static int rule_for_each(
	scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	int r = 0;

	for (; *names && r == 0; names++) {
		int nr = seccomp_syscall_resolve_name(*names);
		/* Newer than this libseccomp, or not on this machine. */
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		r = seccomp_rule_add(ctx, action, nr, 0);
	}
	return r;
}

static int rules_with_arguments(scmp_filter_ctx ctx, int special)
{
	int r = 0;

	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
		SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0));
	if (special & THREADS) {
		r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
				CLONE_THREAD));
		r |= seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	}
	if (special & SOCKETS) {
		r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_INET, 0));
		r |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0));
	}
	return r;
}

static scmp_filter_ctx filter_for(enum profile p)
{
	bool forbids = p == PROFILE_BASTIDED;
	scmp_filter_ctx ctx =
		seccomp_init(forbids ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	int r = 0;

	if (!ctx)
		return NULL;
	if (forbids) {
		r = rule_for_each(ctx, SCMP_ACT_ERRNO(EPERM), calls_forbidden);
	} else {
		for (size_t i = 0; profiles[p].sets[i] && r == 0; i++)
			r = rule_for_each(
				ctx, SCMP_ACT_ALLOW, profiles[p].sets[i]);
		r |= rules_with_arguments(ctx, profiles[p].special);
	}
	if (r == 0)
		return ctx;
	seccomp_release(ctx);
	return NULL;
}

static bool seccomp_apply(enum profile p)
{
	scmp_filter_ctx ctx = filter_for(p);
	bool ok = ctx && seccomp_load(ctx) == 0;

	seccomp_release(ctx);
	return ok;
}

/* After a file's rights are changed the kernel makes a process dumpable by
 * default: so this comes after every exec and change of user. */
static bool forbid_dumps(void)
{
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

enum err sandbox_apply(const struct sandbox *s, struct walls *out)
{
	*out = (struct walls){ .uid = (uint32_t)geteuid() };
	out->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (s->debug)
		return ERR_OK;
	out->no_dump = forbid_dumps();
	int abi;
	if (landlock_apply(s, &abi) == ERR_OK)
		out->landlock = abi;
	out->seccomp = seccomp_apply(s->profile);
	bool all = out->no_new_privs && out->no_dump && out->landlock &&
		   out->seccomp;
	return all || s->weak ? ERR_OK : ERR_UNSUPPORTED;
}

void walls_text(const struct walls *w, struct buf *out)
{
	buf_addf(out,
		"seccomp=%s landlock=%d no_new_privs=%s no_dump=%s uid=%u",
		w->seccomp ? "yes" : "NO", w->landlock,
		w->no_new_privs ? "yes" : "NO", w->no_dump ? "yes" : "NO",
		w->uid);
}
