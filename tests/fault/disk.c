/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The disk of the fault tests. Each file has its bytes as the machine sees
 * them (`now`), as the disk has them (`disk`), and a mark for each sector in
 * which they may differ. Each name has a file as the machine sees it, and one
 * as the disk has it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/mem.h>

#include "disk.h"

#define SECTOR 512
#define NAMES 4096

struct inode {
	uint8_t *now, *disk;
	uint8_t *dirty; /* one byte a sector */
	size_t now_n, disk_n, cap;
	uint64_t reserved;
	int links; /* names and handles */
	bool lent; /* the bytes are another disk's until something is written */
};

struct name {
	char text[64];
	struct inode *now, *disk;
};

struct medium_file {
	struct disk *d;
	struct inode *i;
};

struct disk {
	struct medium methods; /* first */
	pthread_mutex_t lock;
	struct name name[NAMES];
	size_t n_names;
	uint64_t random;
	uint64_t stop_at, fail_at, space;
	uint64_t changes, fallible, written, syncs;
	bool stopped, lie, failed, failed_sync;
	unsigned slow;
};

static uint64_t draw(struct disk *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

static struct disk *disk_of(struct medium *m)
{
	return (struct disk *)m;
}

static void lock(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
}

static void unlock(struct disk *d)
{
	pthread_mutex_unlock(&d->lock);
}

/* --- files ------------------------------------------------------------------- */

static void unlink_inode(struct inode *i)
{
	if (!i || --i->links > 0)
		return;
	if (!i->lent) {
		free(i->now);
		free(i->disk);
		free(i->dirty);
	}
	free(i);
}

/* Before anything is written. */
static void own(struct inode *i)
{
	uint8_t *lent = i->now;

	if (!i->lent)
		return;
	i->lent = false;
	i->now = malloc(i->cap + 1);
	i->disk = malloc(i->cap + 1);
	i->dirty = calloc(i->cap / SECTOR + 1, 1);
	if (i->cap) {
		memcpy(i->now, lent, i->cap);
		memcpy(i->disk, lent, i->cap);
	}
}

static void grow(struct inode *i, size_t n)
{
	own(i);
	if (n <= i->cap)
		return;
	size_t cap = i->cap ? i->cap : 16 * SECTOR;
	while (cap < n)
		cap *= 2;
	i->now = realloc(i->now, cap);
	i->disk = realloc(i->disk, cap);
	i->dirty = realloc(i->dirty, cap / SECTOR);
	memset(i->now + i->cap, 0, cap - i->cap);
	memset(i->disk + i->cap, 0, cap - i->cap);
	memset(i->dirty + i->cap / SECTOR, 0, (cap - i->cap) / SECTOR);
	i->cap = cap;
}

static struct name *find(struct disk *d, const char *text)
{
	for (size_t i = 0; i < d->n_names; i++)
		if (strcmp(d->name[i].text, text) == 0)
			return &d->name[i];
	return NULL;
}

static struct name *make_name(struct disk *d, const char *text)
{
	struct name *n = find(d, text);

	/* A name that neither the machine nor the disk knows is free. */
	for (size_t i = 0; i < d->n_names && !n; i++)
		if (!d->name[i].now && !d->name[i].disk)
			n = &d->name[i];
	if (!n || strcmp(n->text, text) != 0) {
		if (!n && d->n_names == NAMES)
			abort();
		if (!n)
			n = &d->name[d->n_names++];
		memset(n, 0, sizeof(*n));
		memcpy(n->text, text, strlen(text) + 1);
	}
	return n;
}

static void set_link(struct inode **at, struct inode *i)
{
	if (i)
		i->links++;
	unlink_inode(*at);
	*at = i;
}

/* --- bad luck ------------------------------------------------------------------ */

/* One change begins. True: it is the last one, and only part of it is done. */
static bool last_change(struct disk *d)
{
	if (d->stop_at && ++d->changes >= d->stop_at)
		d->stopped = true;
	else if (!d->stop_at)
		d->changes++;
	return d->stopped;
}

static bool fails(struct disk *d, bool sync)
{
	if (!d->fail_at || ++d->fallible != d->fail_at)
		return false;
	d->failed = true;
	d->failed_sync = sync;
	return true;
}

/* --- methods --------------------------------------------------------------------- */

static enum err disk_open(struct medium *m, const char *text, bool create,
	struct medium_file **out)
{
	struct disk *d = disk_of(m);
	enum err e = ERR_OK;

	lock(d);
	struct name *n = find(d, text);
	bool there = n && n->now;
	if (d->stopped)
		e = ERR_IO;
	else if (create && there)
		e = ERR_EXISTS;
	else if (!create && !there)
		e = ERR_NOTFOUND;
	else if (create && last_change(d))
		e = ERR_IO;
	if (e == ERR_OK) {
		if (create) {
			n = make_name(d, text);
			set_link(&n->now, calloc(1, sizeof(struct inode)));
		}
		struct medium_file *f = malloc(sizeof(*f));
		f->d = d;
		f->i = n->now;
		f->i->links++;
		*out = f;
	}
	unlock(d);
	return e;
}

static void disk_close(struct medium_file *f)
{
	struct disk *d = f->d;

	lock(d);
	unlink_inode(f->i);
	unlock(d);
	free(f);
}

static enum err disk_read(
	struct medium_file *f, uint64_t at, void *p, size_t n, size_t *got_out)
{
	struct inode *i = f->i;

	lock(f->d);
	if (f->d->stopped) {
		unlock(f->d);
		return ERR_IO;
	}
	size_t have = at < i->now_n ? i->now_n - (size_t)at : 0;
	if (have > n)
		have = n;
	if (have)
		memcpy(p, i->now + at, have);
	*got_out = have;
	unlock(f->d);
	return ERR_OK;
}

static uint64_t used(struct disk *d)
{
	uint64_t n = 0;

	for (size_t k = 0; k < d->n_names; k++) {
		struct inode *i = d->name[k].now;
		if (i)
			n += i->reserved > i->now_n ? i->reserved : i->now_n;
	}
	return n;
}

static bool fits(struct disk *d, const struct inode *i, uint64_t end)
{
	uint64_t has = i->reserved > i->now_n ? i->reserved : i->now_n;

	return !d->space || end <= has || used(d) + end - has <= d->space;
}

static void put(struct inode *i, uint64_t at, const void *p, size_t n)
{
	grow(i, (size_t)at + n);
	if (n)
		memcpy(i->now + at, p, n);
	if (at + n > i->now_n)
		i->now_n = (size_t)at + n;
	for (size_t s = (size_t)at / SECTOR; s * SECTOR < at + n; s++)
		i->dirty[s] = 1;
}

/* A write that the machine does not survive: any of its sectors. */
static void put_torn(struct disk *d, struct inode *i, uint64_t at,
	const uint8_t *p, size_t n)
{
	for (size_t done = 0, part; done < n; done += part) {
		part = SECTOR - (size_t)((at + done) % SECTOR);
		if (part > n - done)
			part = n - done;
		if (draw(d) & 1)
			put(i, at + done, p + done, part);
	}
}

static enum err disk_write(
	struct medium_file *f, uint64_t at, const void *p, size_t n)
{
	struct disk *d = f->d;
	enum err e = ERR_OK;

	lock(d);
	if (d->stopped) {
		e = ERR_IO;
	} else if (!fits(d, f->i, at + n)) {
		e = ERR_NOSPACE;
	} else if (last_change(d)) {
		put_torn(d, f->i, at, p, n);
		e = ERR_IO;
	} else if (fails(d, false)) {
		put_torn(d, f->i, at, p, n);
		e = ERR_IO;
	} else {
		put(f->i, at, p, n);
		d->written += n;
	}
	unlock(d);
	return e;
}

static enum err disk_truncate(struct medium_file *f, uint64_t size)
{
	struct inode *i = f->i;
	enum err e = ERR_OK;

	lock(f->d);
	if (f->d->stopped || last_change(f->d)) {
		e = ERR_IO;
	} else {
		grow(i, (size_t)size);
		if (size < i->now_n) {
			size_t s = (size_t)size / SECTOR;
			memset(i->now + size, 0, i->now_n - (size_t)size);
			for (; s * SECTOR < i->now_n; s++)
				i->dirty[s] = 1;
		}
		i->now_n = (size_t)size;
		i->reserved = 0;
	}
	unlock(f->d);
	return e;
}

static enum err disk_size(struct medium_file *f, uint64_t *out)
{
	lock(f->d);
	bool stopped = f->d->stopped;
	if (!stopped)
		*out = f->i->now_n;
	unlock(f->d);
	return stopped ? ERR_IO : ERR_OK;
}

/* Takes what is there when the sync begins; the machine may stop before it
 * ends, and then any part of it may be on the disk or not. */
static enum err disk_sync(struct medium_file *f)
{
	struct disk *d = f->d;
	struct inode *i = f->i;

	lock(d);
	if (d->stopped || last_change(d) || fails(d, true)) {
		unlock(d);
		return ERR_IO;
	}
	d->syncs++;
	if (d->lie || i->lent) {
		unlock(d);
		return ERR_OK;
	}
	size_t n = i->now_n, sectors = i->cap / SECTOR, k = 0;
	for (size_t at = 0; at < sectors; at++)
		k += i->dirty[at];
	uint8_t *copy = malloc(k * SECTOR + 1);
	size_t *place = malloc(k * sizeof(*place) + 1);
	k = 0;
	for (size_t at = 0; at < sectors; at++)
		if (i->dirty[at]) {
			memcpy(copy + k * SECTOR, i->now + at * SECTOR, SECTOR);
			place[k++] = at;
		}
	unsigned nap = d->slow ? (unsigned)(draw(d) % d->slow) : 0;
	unlock(d);
	if (nap)
		usleep(nap);
	lock(d);
	bool stopped = d->stopped;
	for (size_t at = 0; at < k && !stopped; at++) {
		uint8_t *to = i->disk + place[at] * SECTOR;
		memcpy(to, copy + at * SECTOR, SECTOR);
		if (memcmp(i->now + place[at] * SECTOR, to, SECTOR) == 0)
			i->dirty[place[at]] = 0;
	}
	if (!stopped)
		i->disk_n = n;
	unlock(d);
	free(copy);
	free(place);
	return stopped ? ERR_IO : ERR_OK;
}

static enum err disk_reserve(struct medium_file *f, uint64_t end)
{
	enum err e = ERR_OK;

	lock(f->d);
	if (f->d->stopped)
		e = ERR_IO;
	else if (!fits(f->d, f->i, end))
		e = ERR_NOSPACE;
	else if (end > f->i->reserved)
		f->i->reserved = end;
	unlock(f->d);
	return e;
}

static enum err disk_unlink(struct medium *m, const char *text)
{
	struct disk *d = disk_of(m);
	enum err e = ERR_OK;

	lock(d);
	struct name *n = find(d, text);
	if (d->stopped)
		e = ERR_IO;
	else if (!n || !n->now)
		e = ERR_NOTFOUND;
	else if (last_change(d))
		e = ERR_IO;
	else
		set_link(&n->now, NULL);
	unlock(d);
	return e;
}

static enum err disk_rename(struct medium *m, const char *from, const char *to)
{
	struct disk *d = disk_of(m);
	enum err e = ERR_OK;

	lock(d);
	struct name *n = find(d, from);
	if (d->stopped)
		e = ERR_IO;
	else if (!n || !n->now)
		e = ERR_NOTFOUND;
	else if (last_change(d))
		e = ERR_IO;
	if (e == ERR_OK) {
		struct name *t = make_name(d, to);
		n = find(d, from);
		set_link(&t->now, n->now);
		set_link(&n->now, NULL);
	}
	unlock(d);
	return e;
}

static enum err disk_sync_names(struct medium *m)
{
	struct disk *d = disk_of(m);
	enum err e = ERR_OK;

	lock(d);
	if (d->stopped || last_change(d) || fails(d, true))
		e = ERR_IO;
	for (size_t k = 0; k < d->n_names && e == ERR_OK && !d->lie; k++)
		set_link(&d->name[k].disk, d->name[k].now);
	unlock(d);
	return e;
}

static enum err disk_list(
	struct medium *m, void (*each)(void *arg, const char *name), void *arg)
{
	struct disk *d = disk_of(m);
	char text[64];

	for (size_t k = 0;; k++) {
		lock(d);
		bool more = k < d->n_names && !d->stopped;
		bool there = more && d->name[k].now;
		if (there)
			memcpy(text, d->name[k].text, sizeof(text));
		unlock(d);
		if (!more)
			return d->stopped ? ERR_IO : ERR_OK;
		if (there)
			each(arg, text);
	}
}

static const struct medium methods = {
	.open = disk_open,
	.read = disk_read,
	.write = disk_write,
	.truncate = disk_truncate,
	.size = disk_size,
	.sync = disk_sync,
	.reserve = disk_reserve,
	.close = disk_close,
	.remove = disk_unlink,
	.rename = disk_rename,
	.sync_names = disk_sync_names,
	.list = disk_list,
};

/* --- the test's side ---------------------------------------------------------------- */

struct disk *disk_new(uint64_t seed)
{
	struct disk *d = calloc(1, sizeof(*d));

	d->methods = methods;
	pthread_mutex_init(&d->lock, NULL);
	d->random = seed * 0x9e3779b97f4a7c15ull + 1;
	return d;
}

void disk_free(struct disk *d)
{
	for (size_t k = 0; k < d->n_names; k++) {
		set_link(&d->name[k].now, NULL);
		set_link(&d->name[k].disk, NULL);
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct medium *disk_medium(struct disk *d)
{
	return &d->methods;
}

void disk_stop_after(struct disk *d, uint64_t n)
{
	lock(d);
	d->stop_at = n ? d->changes + n : 0;
	unlock(d);
}

void disk_fail_after(struct disk *d, uint64_t n)
{
	lock(d);
	d->fallible = 0;
	d->fail_at = n;
	d->failed = false;
	unlock(d);
}

bool disk_failed(struct disk *d, bool *sync_out)
{
	lock(d);
	bool failed = d->failed;
	*sync_out = d->failed_sync;
	unlock(d);
	return failed;
}

void disk_space(struct disk *d, uint64_t bytes)
{
	lock(d);
	d->space = bytes;
	unlock(d);
}

uint64_t disk_used(struct disk *d)
{
	lock(d);
	uint64_t n = used(d);
	unlock(d);
	return n;
}

uint64_t disk_idle(struct disk *d, const char *prefix)
{
	uint64_t n = 0;

	lock(d);
	for (size_t k = 0; k < d->n_names; k++) {
		const struct inode *i = d->name[k].now;
		if (i && i->reserved > i->now_n &&
			strncmp(d->name[k].text, prefix, strlen(prefix)) == 0)
			n += i->reserved - i->now_n;
	}
	unlock(d);
	return n;
}

void disk_lie(struct disk *d, bool lie)
{
	lock(d);
	d->lie = lie;
	unlock(d);
}

void disk_slow(struct disk *d, unsigned us)
{
	lock(d);
	d->slow = us;
	unlock(d);
}

bool disk_stopped(struct disk *d)
{
	lock(d);
	bool stopped = d->stopped;
	unlock(d);
	return stopped;
}

uint64_t disk_changes(struct disk *d)
{
	lock(d);
	uint64_t n = d->changes;
	unlock(d);
	return n;
}

uint64_t disk_written(struct disk *d)
{
	return d->written;
}

uint64_t disk_syncs(struct disk *d)
{
	return d->syncs;
}

/* Of each unsynced sector the old or the new content; the size follows. */
static void crash_inode(struct disk *d, struct inode *i)
{
	own(i);
	size_t n = draw(d) & 1 ? i->now_n : i->disk_n;

	for (size_t s = 0; s < i->cap / SECTOR; s++) {
		if (!i->dirty[s] || !(draw(d) & 1))
			continue;
		memcpy(i->disk + s * SECTOR, i->now + s * SECTOR, SECTOR);
		size_t end = (s + 1) * SECTOR;
		if (end > i->now_n)
			end = i->now_n;
		if (end > n)
			n = end;
	}
	i->disk_n = n;
	if (i->cap > n)
		memset(i->disk + n, 0, i->cap - n);
	if (i->cap) {
		memcpy(i->now, i->disk, i->cap);
		memset(i->dirty, 0, i->cap / SECTOR);
	}
	i->now_n = n;
	i->reserved = 0;
}

void disk_crash(struct disk *d)
{
	for (size_t k = 0; k < d->n_names; k++) {
		struct name *n = &d->name[k];
		set_link(&n->now, draw(d) & 1 ? n->disk : n->now);
		set_link(&n->disk, n->now);
	}
	for (size_t k = 0; k < d->n_names; k++)
		if (d->name[k].now)
			crash_inode(d, d->name[k].now);
	disk_kill(d);
}

void disk_kill(struct disk *d)
{
	d->stopped = false;
	d->stop_at = d->fail_at = 0;
}

size_t disk_count(struct disk *d)
{
	return d->n_names;
}

const char *disk_name(struct disk *d, size_t i)
{
	return d->name[i].now ? d->name[i].text : NULL;
}

uint8_t *disk_bytes(struct disk *d, const char *text, size_t *n_out)
{
	struct name *n = find(d, text);

	*n_out = n && n->now ? n->now->now_n : 0;
	if (!n || !n->now)
		return NULL;
	own(n->now);
	return n->now->now;
}

void disk_set(struct disk *d, const char *text, const void *p, size_t n)
{
	struct name *at = make_name(d, text);
	struct inode *i = calloc(1, sizeof(*i));

	put(i, 0, p, n); /* may be the bytes of the file that it replaces */
	grow(i, n);
	if (n)
		memcpy(i->disk, i->now, n);
	i->disk_n = n;
	if (i->cap)
		memset(i->dirty, 0, i->cap / SECTOR);
	set_link(&at->now, i);
	set_link(&at->disk, i);
}

void disk_remove(struct disk *d, const char *text)
{
	struct name *n = find(d, text);

	if (n) {
		set_link(&n->now, NULL);
		set_link(&n->disk, NULL);
	}
}

struct disk *disk_copy(struct disk *d)
{
	struct disk *c = disk_new(draw(d));

	for (size_t k = 0; k < d->n_names; k++) {
		size_t n;
		uint8_t *p = disk_bytes(d, d->name[k].text, &n);
		if (p || d->name[k].now)
			disk_set(c, d->name[k].text, p ? p : (uint8_t *)"", n);
	}
	return c;
}

struct disk *disk_lend(struct disk *d)
{
	struct disk *c = disk_new(draw(d));

	for (size_t k = 0; k < d->n_names; k++) {
		struct inode *from = d->name[k].now;
		if (!from)
			continue;
		struct inode *i = malloc(sizeof(*i));
		*i = *from;
		i->links = 0;
		i->lent = true;
		i->reserved = 0;
		struct name *n = make_name(c, d->name[k].text);
		set_link(&n->now, i);
		set_link(&n->disk, i);
	}
	return c;
}
