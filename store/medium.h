/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where sealed bytes go: the one seam under `seal`, the journal and the
 * segments. Local files (medium_file.c) and, in tests, the fault injector.
 * Names are relative to the tenant's directory and have no '/'. A short read
 * is the end of the file. Errors are ERR_IO or ERR_NOSPACE, open also
 * ERR_NOTFOUND, create ERR_EXISTS.
 */
#ifndef STORE_MEDIUM_H
#define STORE_MEDIUM_H

#include <bastide/slice.h>

struct medium_file;

struct medium {
	enum err (*open)(struct medium *m, const char *name, bool create,
		struct medium_file **out);
	enum err (*read)(struct medium_file *f, uint64_t offset, void *p,
		size_t n, size_t *got_out);
	enum err (*write)(struct medium_file *f, uint64_t offset, const void *p,
		size_t n);
	enum err (*truncate)(struct medium_file *f, uint64_t size);
	enum err (*size)(struct medium_file *f, uint64_t *out);
	/* Makes what was written to the file durable. This and sync_names are
	 * the only calls that the syncer's threads make. */
	enum err (*sync)(struct medium_file *f);
	/* Space for the bytes up to `end`, so that writing them cannot fail
	 * for want of it; the size stays. ERR_NOSPACE: nothing was taken. */
	enum err (*reserve)(struct medium_file *f, uint64_t end);
	void (*close)(struct medium_file *f);
	enum err (*remove)(struct medium *m, const char *name);
	enum err (*rename)(struct medium *m, const char *from, const char *to);
	/* Makes creations, removals and renames durable. */
	enum err (*sync_names)(struct medium *m);
	enum err (*list)(struct medium *m,
		void (*each)(void *arg, const char *name), void *arg);
};

/* Local files under `dir`, mode 0600; ERR_NOTFOUND, ERR_NOPERM. */
MUST_CHECK enum err medium_file_new(const char *dir, struct medium **out);
void medium_file_free(struct medium *m);

#endif
