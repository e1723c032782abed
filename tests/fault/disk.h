/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A disk in memory that behaves as badly as a real one may: what was not
 * synced is lost, kept, or torn at 512 bytes when the machine stops; names
 * that were not synced come and go one by one; any operation can be the last
 * one, or fail; space can run out. The syncer's threads use it at once.
 */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include "../../store/medium.h"

struct disk;

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *d);
struct medium *disk_medium(struct disk *d);

/* The machine stops at the n-th change from now on (0: never). */
void disk_stop_after(struct disk *d, uint64_t n);
/* The n-th write or sync from now on fails (0: none). */
void disk_fail_after(struct disk *d, uint64_t n);
/* Did it? And was it a sync? */
bool disk_failed(struct disk *d, bool *sync_out);
/* Bytes that all files together may take; 0: no limit. */
void disk_space(struct disk *d, uint64_t bytes);
uint64_t disk_used(struct disk *d);
/* Of them, what is reserved behind the ends of files with such names. */
uint64_t disk_idle(struct disk *d, const char *prefix);
/* Control: syncs say "done" and do nothing. */
void disk_lie(struct disk *d, bool lie);
/* Syncs take up to so many microseconds. */
void disk_slow(struct disk *d, unsigned us);
bool disk_stopped(struct disk *d);
uint64_t disk_changes(struct disk *d);
uint64_t disk_written(struct disk *d); /* bytes, ever */
uint64_t disk_syncs(struct disk *d);

/* After the machine stopped: what is on the disk now. All files must have been
 * closed. */
void disk_crash(struct disk *d);
/* After the process alone ended: the machine still has everything. */
void disk_kill(struct disk *d);

/* For tampering: the bytes of a file as they are. */
size_t disk_count(struct disk *d);
const char *disk_name(struct disk *d, size_t i);
uint8_t *disk_bytes(struct disk *d, const char *name, size_t *n_out);
void disk_set(struct disk *d, const char *name, const void *p, size_t n);
void disk_remove(struct disk *d, const char *name);
/* A copy of everything. */
struct disk *disk_copy(struct disk *d);
/* One that takes a copy of a file when it is written to. `d` must stay as it is
 * and outlive it. */
struct disk *disk_lend(struct disk *d);

#endif
