/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Landlock by raw system calls: Debian 12's headers know ABI 2, its C library
 * none. Every right that the kernel's ABI knows is taken away, then a profile
 * gets its few back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"

/* From the kernel's include/uapi/linux/landlock.h. */
#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_MAKE_SOCK (UINT64_C(1) << 9)
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_ALL_ABI1 ((UINT64_C(1) << 13) - 1)

#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)

#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define CREATE_VERSION 1
#define RULE_PATH_BENEATH 1

struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_attr {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static const struct {
	int abi;
	uint64_t fs, net, scoped;
	size_t size; /* of ruleset_attr that this ABI takes */
} steps[] = {
	{ 1, FS_ALL_ABI1, 0, 0, 8 },
	{ 2, FS_REFER, 0, 0, 8 },
	{ 3, FS_TRUNCATE, 0, 0, 8 },
	{ 4, 0, NET_BIND_TCP | NET_CONNECT_TCP, 0, 16 },
	{ 5, FS_IOCTL_DEV, 0, 0, 16 },
	{ 6, 0, 0, SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL, 24 },
};

#define FS_USE_TREE                                                            \
	(FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_DIR |          \
		FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER |        \
		FS_TRUNCATE)
#define FS_LOOK (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)

struct rights {
	uint64_t in_dir;    /* beneath sandbox.dir */
	uint64_t elsewhere; /* beneath "/" */
	uint64_t net;       /* kept: not handled */
};

static const struct rights rights[] = {
	/* Its listening sockets are bound before. What connects is a child,
	 * which inherits these rules. */
	[PROFILE_BASTIDED] = { FS_USE_TREE | FS_MAKE_SOCK, FS_LOOK,
		NET_CONNECT_TCP },
	[PROFILE_KEYD] = { FS_USE_TREE, 0, 0 },
	[PROFILE_TENANTD] = { FS_USE_TREE, 0, 0 },
	[PROFILE_WORKER] = { 0, 0, 0 },
	[PROFILE_FRONT] = { 0, 0, 0 },
	[PROFILE_RELAYD] = { 0, 0, NET_CONNECT_TCP },
};

static int kernel_abi(int max)
{
	long abi =
		syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	if (abi < 1 || max < 0)
		return 0;
	return max && abi > max ? max : (int)abi;
}

static enum err allow(int ruleset, const char *path, uint64_t allowed)
{
	if (!path || !allowed)
		return ERR_OK;
	struct path_attr a = { .allowed = allowed,
		.parent = open(path, O_PATH | O_CLOEXEC) };
	if (a.parent < 0)
		return err_from_errno(errno);
	long r = syscall(
		SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &a, 0);
	enum err e = r == 0 ? ERR_OK : err_from_errno(errno);
	close(a.parent);
	return e;
}

enum err landlock_apply(const struct sandbox *s, int *abi)
{
	const struct rights *r = &rights[s->profile];
	struct ruleset_attr attr = { 0 };
	size_t size = 0;

	*abi = kernel_abi(s->max_abi);
	if (!*abi)
		return ERR_OK;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].abi > *abi)
			break;
		attr.fs |= steps[i].fs;
		attr.net |= steps[i].net;
		attr.scoped |= steps[i].scoped;
		size = steps[i].size;
	}
	attr.net &= ~r->net;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return err_from_errno(errno);
	enum err e = allow(ruleset, s->dir, r->in_dir & attr.fs);
	if (e == ERR_OK)
		e = allow(ruleset, "/", r->elsewhere & attr.fs);
	if (e == ERR_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		e = err_from_errno(errno);
	close(ruleset);
	return e;
}
