/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The medium of local files: one directory, files 0600. Nothing is cached and
 * nothing retried here but interrupted and partial calls; sync and sync_names
 * may run in another thread while the owner reads and writes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bastide/mem.h>

#include "medium.h"

struct local {
	struct medium methods; /* first */
	int dir;
};

struct medium_file {
	int fd;
};

static struct local *local_of(struct medium *m)
{
	return (struct local *)m;
}

/* What the store can do about an errno: the rest is "the medium failed". */
static enum err failure(void)
{
	enum err e = err_from_errno(errno);

	switch (e) {
	case ERR_NOMEM:
	case ERR_NOSPACE:
	case ERR_NOTFOUND:
	case ERR_EXISTS:
	case ERR_NOPERM:
		return e;
	default:
		return ERR_IO;
	}
}

static enum err file_open(struct medium *m, const char *name, bool create,
	struct medium_file **out)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	struct medium_file *f = mem_new(struct medium_file);

	if (!f)
		return ERR_NOMEM;
	if (create)
		flags |= O_CREAT | O_EXCL;
	f->fd = openat(local_of(m)->dir, name, flags, 0600);
	if (f->fd < 0) {
		enum err e = failure();
		mem_free(f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

static void file_close(struct medium_file *f)
{
	close(f->fd);
	mem_free(f);
}

static enum err file_read(struct medium_file *f, uint64_t offset, void *p,
	size_t n, size_t *got_out)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(f->fd, (char *)p + done, n - done,
			(off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*got_out = done;
	return ERR_OK;
}

static enum err file_write(
	struct medium_file *f, uint64_t offset, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = pwrite(f->fd, (const char *)p + done, n - done,
			(off_t)(offset + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return failure();
		done += (size_t)put;
	}
	return ERR_OK;
}

/* ftruncate and not truncate: the walls allow no paths after start. */
static enum err file_truncate(struct medium_file *f, uint64_t size)
{
	return ftruncate(f->fd, (off_t)size) == 0 ? ERR_OK : failure();
}

static enum err file_size(struct medium_file *f, uint64_t *out)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return ERR_IO;
	*out = (uint64_t)st.st_size;
	return ERR_OK;
}

static enum err file_sync(struct medium_file *f)
{
	return fdatasync(f->fd) == 0 ? ERR_OK : ERR_IO;
}

static enum err file_reserve(struct medium_file *f, uint64_t end)
{
	if (end == 0 ||
		fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)end) == 0)
		return ERR_OK;
	/* A file system that cannot reserve says "full" when it is. */
	return errno == EOPNOTSUPP ? ERR_OK : failure();
}

static enum err name_remove(struct medium *m, const char *name)
{
	return unlinkat(local_of(m)->dir, name, 0) == 0 ? ERR_OK : failure();
}

static enum err name_rename(struct medium *m, const char *from, const char *to)
{
	int dir = local_of(m)->dir;

	return renameat(dir, from, dir, to) == 0 ? ERR_OK : failure();
}

static enum err names_sync(struct medium *m)
{
	return fsync(local_of(m)->dir) == 0 ? ERR_OK : ERR_IO;
}

static enum err names_list(
	struct medium *m, void (*each)(void *arg, const char *name), void *arg)
{
	int fd = openat(
		local_of(m)->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		if (d->d_name[0] != '.')
			each(arg, d->d_name);
	closedir(dir);
	return ERR_OK;
}

static const struct medium methods = {
	.open = file_open,
	.read = file_read,
	.write = file_write,
	.truncate = file_truncate,
	.size = file_size,
	.sync = file_sync,
	.reserve = file_reserve,
	.close = file_close,
	.remove = name_remove,
	.rename = name_rename,
	.sync_names = names_sync,
	.list = names_list,
};

enum err medium_file_new(const char *dir, struct medium **out)
{
	struct local *l = mem_new(struct local);

	if (!l)
		return ERR_NOMEM;
	l->methods = methods;
	l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0) {
		enum err e = failure();
		mem_free(l);
		return e;
	}
	*out = &l->methods;
	return ERR_OK;
}

void medium_file_free(struct medium *m)
{
	if (!m)
		return;
	close(local_of(m)->dir);
	mem_free(local_of(m));
}
