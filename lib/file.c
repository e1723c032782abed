/* SPDX-License-Identifier: EUPL-1.2 */
/* Whole small files: read, replace atomically, destroy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bastide/crypt.h>
#include <bastide/file.h>

#define PIECE 65536
#define NAME_MAX_ 256

enum err file_read_fd(int fd, struct buf *out)
{
	for (;;) {
		size_t room = out->max - out->n;
		char probe;
		if (!room) {
			ssize_t more = read(fd, &probe, 1);
			return more == 0 ? ERR_OK : ERR_LIMIT;
		}
		TRY(buf_reserve(out, room < PIECE ? room : PIECE));
		ssize_t n = read(fd, out->p + out->n, out->cap - out->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		if (n == 0)
			return ERR_OK;
		out->n += (size_t)n;
	}
}

enum err file_read(int dir, const char *name, struct buf *out)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_from_errno(errno);
	enum err e = file_read_fd(fd, out);
	close(fd);
	return e;
}

static enum err write_all(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno(errno);
		s = slice_from(s, (size_t)n);
	}
	return ERR_OK;
}

static enum err sync_folder(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	enum err e = fsync(fd) == 0 ? ERR_OK : ERR_IO;
	close(fd);
	return e;
}

enum err file_replace(int dir, const char *name, struct slice text)
{
	char fresh[NAME_MAX_];

	if (snprintf(fresh, sizeof(fresh), "%s.new", name) >=
		(int)sizeof(fresh))
		return ERR_LIMIT;
	int fd = openat(dir, fresh,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_from_errno(errno);
	enum err e = write_all(fd, text);
	if (e == ERR_OK && fsync(fd) != 0)
		e = ERR_IO;
	close(fd);
	if (e == ERR_OK && renameat(dir, fresh, dir, name) != 0)
		e = err_from_errno(errno);
	if (e != ERR_OK) {
		(void)unlinkat(dir, fresh, 0);
		return e;
	}
	return sync_folder(dir);
}

/* Random, so that a medium that compresses cannot leave it out. */
static enum err overwrite(int fd)
{
	uint8_t noise[4096];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	for (off_t left = st.st_size; left > 0;) {
		size_t n = left < (off_t)sizeof(noise) ? (size_t)left
						       : sizeof(noise);
		TRY(random_bytes(noise, n));
		TRY(write_all(fd, slice_of(noise, n)));
		left -= (off_t)n;
	}
	return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

enum err file_destroy(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? ERR_OK : err_from_errno(errno);
	enum err e = overwrite(fd);
	close(fd);
	/* Without its name it is gone in any case. */
	if (unlinkat(dir, name, 0) != 0 && e == ERR_OK)
		e = err_from_errno(errno);
	return e == ERR_OK ? sync_folder(dir) : e;
}
