/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SQLite's file methods. SQLite keeps its WAL mode, exclusive and without
 * shared memory (interface version 1 has none), but its log is memory (wal.c):
 * after a COMMIT the store takes the new frames from there into the journal
 * (commit.c). The database itself is written by a checkpoint only, and then
 * into the pending pages of its dbfile. Errors stay in dbfile.err, since
 * SQLite's codes cannot say them.
 */
#include <time.h>

#include "vfs.h"

struct main_file {
	sqlite3_file base;
	struct dbfile *f;
};

union any_file {
	struct main_file main;
	struct wal wal;
};

/* The file that vfs_connect is opening: one thread, no nesting. */
static struct dbfile *opening;

static int fail(struct dbfile *f, enum err e, int code)
{
	if (f->err == ERR_OK)
		f->err = e;
	return e == ERR_NOMEM ? SQLITE_IOERR_NOMEM : code;
}

/* --- the database ------------------------------------------------------------ */

static struct dbfile *file_of(sqlite3_file *file)
{
	return ((struct main_file *)file)->f;
}

static int main_close(sqlite3_file *file)
{
	return SQLITE_OK;
}

/* SQLite reads whole pages, and parts of the first one's head. */
static int main_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	struct dbfile *f = file_of(file);
	uint8_t whole[PAGE_SIZE];
	uint32_t page = (uint32_t)(at / PAGE_SIZE) + 1;
	size_t skip = (size_t)(at % PAGE_SIZE);
	uint32_t pages = f->pages ? f->pages : 1;
	bool direct = n == PAGE_SIZE && skip == 0;

	if (page > pages || skip + (size_t)n > PAGE_SIZE) {
		memset(out, 0, (size_t)n);
		return SQLITE_IOERR_SHORT_READ;
	}
	enum err e = dbfile_read(f, page, direct ? out : whole);
	if (e != ERR_OK) {
		memset(out, 0, (size_t)n);
		return fail(f, e, SQLITE_IOERR_READ);
	}
	if (!direct)
		memcpy(out, whole + skip, (size_t)n);
	return SQLITE_OK;
}

static int main_write(
	sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct dbfile *f = file_of(file);

	/* A write of anything else would pass the journal by. */
	if (!f->checkpointing || n != PAGE_SIZE || at % PAGE_SIZE != 0)
		return fail(f, ERR_BUG, SQLITE_IOERR_WRITE);
	enum err e = dbfile_put(f, (uint32_t)(at / PAGE_SIZE) + 1, p);
	return e == ERR_OK ? SQLITE_OK : fail(f, e, SQLITE_IOERR_WRITE);
}

static int main_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct dbfile *f = file_of(file);

	if (!f->checkpointing)
		return fail(f, ERR_BUG, SQLITE_IOERR_TRUNCATE);
	dbfile_resize(f, (uint32_t)(size / PAGE_SIZE));
	return SQLITE_OK;
}

static int main_size(sqlite3_file *file, sqlite3_int64 *out)
{
	uint32_t pages = file_of(file)->pages;

	*out = (sqlite3_int64)(pages ? pages : 1) * PAGE_SIZE;
	return SQLITE_OK;
}

/* --- the log ------------------------------------------------------------------ */

static struct wal *wal_of(sqlite3_file *file)
{
	return (struct wal *)file;
}

static int wal_close(sqlite3_file *file)
{
	wal_cut(&wal_of(file)->memory, 0);
	return SQLITE_OK;
}

static int wal_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
	size_t got = wal_get(&wal_of(file)->memory, (size_t)at, out, (size_t)n);

	if (got == (size_t)n)
		return SQLITE_OK;
	memset((uint8_t *)out + got, 0, (size_t)n - got);
	return SQLITE_IOERR_SHORT_READ;
}

static int wal_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	struct wal *w = wal_of(file);

	if (!wal_put(&w->memory, (size_t)at, p, (size_t)n))
		return SQLITE_IOERR_NOMEM;
	if (at == 0)
		w->restarts++;
	return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	wal_cut(&wal_of(file)->memory, (size_t)size);
	return SQLITE_OK;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)wal_of(file)->memory.n;
	return SQLITE_OK;
}

uint32_t vfs_frame(const struct wal *w, uint32_t i, const uint8_t **page_out)
{
	const uint8_t *p = wal_frame(&w->memory, i);

	*page_out = p + WAL_FRAME_HEAD;
	return get_be32(p);
}

uint32_t vfs_frame_pages(const struct wal *w, uint32_t i)
{
	return get_be32(wal_frame(&w->memory, i) + 4);
}

/* --- both ---------------------------------------------------------------------- */

/* The syncer syncs, at moments that the store chooses. */
static int no_sync(sqlite3_file *file, int flags)
{
	return SQLITE_OK;
}

/* One connection in one process: there is nobody to lock out. */
static int no_lock(sqlite3_file *file, int level)
{
	return SQLITE_OK;
}

static int not_locked(sqlite3_file *file, int *out)
{
	*out = 0;
	return SQLITE_OK;
}

static int no_control(sqlite3_file *file, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int sector(sqlite3_file *file)
{
	return PAGE_SIZE;
}

static int character(sqlite3_file *file)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_SEQUENTIAL;
}

static const sqlite3_io_methods main_methods = {
	.iVersion = 1,
	.xClose = main_close,
	.xRead = main_read,
	.xWrite = main_write,
	.xTruncate = main_truncate,
	.xSync = no_sync,
	.xFileSize = main_size,
	.xLock = no_lock,
	.xUnlock = no_lock,
	.xCheckReservedLock = not_locked,
	.xFileControl = no_control,
	.xSectorSize = sector,
	.xDeviceCharacteristics = character,
};

static const sqlite3_io_methods wal_methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = no_sync,
	.xFileSize = wal_size,
	.xLock = no_lock,
	.xUnlock = no_lock,
	.xCheckReservedLock = not_locked,
	.xFileControl = no_control,
	.xSectorSize = sector,
	.xDeviceCharacteristics = character,
};

/* --- the file system ------------------------------------------------------------ */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
	int flags, int *flags_out)
{
	union any_file *any = (union any_file *)file;

	memset(any, 0, sizeof(*any));
	if (flags_out)
		*flags_out = flags;
	if ((flags & SQLITE_OPEN_MAIN_DB) && opening) {
		any->main.f = opening;
		any->main.base.pMethods = &main_methods;
		return SQLITE_OK;
	}
	if (flags & SQLITE_OPEN_WAL) {
		any->wal.base.pMethods = &wal_methods;
		return SQLITE_OK;
	}
	return SQLITE_CANTOPEN; /* no journals, no temporary files */
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	*out = 0;
	return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *out)
{
	return seal_random(out, (size_t)n) == ERR_OK ? n : 0;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	return 0; /* the loop does not sleep */
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	*out = 2440587.5 + (double)time(NULL) / 86400.0; /* Julian day */
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
	return 0;
}

static sqlite3_vfs seal_vfs = {
	.iVersion = 1,
	.szOsFile = sizeof(union any_file),
	.mxPathname = 64,
	.zName = VFS_NAME,
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_path,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
	.xGetLastError = vfs_last_error,
};

enum err vfs_init(void)
{
	return sqlite3_vfs_register(&seal_vfs, 0) == SQLITE_OK ? ERR_OK
							       : ERR_NOMEM;
}

enum err vfs_connect(struct dbfile *f, sqlite3 **out)
{
	char name[STORE_NAME];
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	sqlite3 *c = NULL;

	dbfile_name(name, f->account);
	opening = f;
	f->err = ERR_OK;
	int rc = sqlite3_open_v2(name, &c, flags, VFS_NAME);
	opening = NULL;
	if (rc != SQLITE_OK) {
		/* It reads the first page's head already. */
		enum err below = f->err;
		f->err = ERR_OK;
		sqlite3_close(c);
		return rc == SQLITE_NOMEM ? ERR_NOMEM
		       : below != ERR_OK  ? below
					  : ERR_IO;
	}
	*out = c;
	return ERR_OK;
}

struct wal *vfs_wal(sqlite3 *c)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(c, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	return file && file->pMethods == &wal_methods ? wal_of(file) : NULL;
}
