/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small files outside the store (keys, heads, the router's table): read whole,
 * replaced whole. These calls block until the disk has answered.
 */
#ifndef BASTIDE_FILE_H
#define BASTIDE_FILE_H

#include <bastide/buf.h>

/* The whole file in `out`; ERR_LIMIT above its max, ERR_NOTFOUND. `dir` is a
 * descriptor or AT_FDCWD. */
MUST_CHECK enum err file_read(int dir, const char *name, struct buf *out);
MUST_CHECK enum err file_read_fd(int fd, struct buf *out);
/* New content or the old, never a part, also after a power cut: written beside
 * it (name + ".new"), synced, renamed, folder synced. Mode 0600. */
MUST_CHECK enum err file_replace(int dir, const char *name, struct slice text);
/* Overwritten once, then removed, folder synced: as far as the medium obeys,
 * no copy is left. A missing file is fine. */
MUST_CHECK enum err file_destroy(int dir, const char *name);

#endif
