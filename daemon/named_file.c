/* SPDX-License-Identifier: EUPL-1.2 */
/* Files that the configuration names, and bastided alone reads. */
#include <fcntl.h>
#include <unistd.h>

#include <bastide/file.h>
#include <bastide/log.h>

#include "bastided.h"

enum err named_file_read(const char *key, size_t max, struct buf *out)
{
	const char *path = config_str(bastided.process.config, key);

	buf_init(out, max);
	if (!path[0])
		return ERR_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = fd < 0 ? ERR_NOTFOUND : file_read_fd(fd, out);
	if (fd >= 0)
		close(fd);
	if (e == ERR_OK && !out->n)
		e = ERR_SYNTAX;
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "file-unread",
			"key=%s path=\"%s\" err=%s", key, path,
			err_info(e)->name);
		buf_free(out);
	}
	return e;
}
