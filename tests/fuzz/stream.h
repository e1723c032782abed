/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A client for fuzz targets that serve a connection: it sends what it is
 * given, reads and forgets what comes back, and says when the server closed.
 */
#ifndef TESTS_STREAM_H
#define TESTS_STREAM_H

#include <bastide/loop.h>
#include <bastide/slice.h>

struct stream {
	int fd;
	struct slice rest;
	struct watch *watch;
	void (*closed)(void *arg);
	void *arg;
};

/* Takes `fd`, which does not block. `in` is borrowed until `closed`. */
void stream_begin(struct stream *s, struct loop *l, int fd, struct slice in);
/* Not an error of the world, but of the target. */
void must(enum err e);

#endif
