/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside store/: what recover.c and journal_scan.c share. */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "internal.h"

/* One journal file that is read. */
struct scan {
	struct medium_file *file;
	uint64_t size;
	struct journal_head head;
	uint8_t chain[RECORD_TAG]; /* before its first record */
	struct seal *key;
	bool broken; /* its head does not open */
};

/* Frames of one account in one record that is kept. */
struct found {
	uint32_t account, pages, size;
	enum record_kind kind;
	size_t order; /* in the journal */
	size_t scan;  /* file */
	uint64_t at;  /* of the sealed frames */
	uint64_t record;
	uint8_t tag[SEAL_TAG];
};

struct recovery {
	struct store *s;
	enum err err;
	uint64_t *file; /* numbers of the journal files there are */
	size_t n_files, cap_files;
	uint64_t segment, map; /* highest numbers seen in names */
	uint64_t from;         /* first journal file to replay */
	struct scan *scan;
	size_t n_scans, cap_scans;
	struct found *found;
	size_t n_found, cap_found;
	struct record_extent *extent; /* that the undecided tail named */
	size_t n_extents, cap_extents;
	uint64_t durable;    /* head and records call this durable */
	struct position end; /* where the kept journal ends */
	uint64_t last;       /* number of its last file */
	bool begun;          /* file last + 1 is there, without a head */
	uint8_t chain[RECORD_TAG];
	bool head_met;
};

/* Reading one file, also while the store serves (verify_journal.c). */
/* Size, head, key and first link of the chain. ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK enum err scan_open_head(struct store *s, struct scan *sc);
/* The record that must come next. */
struct scan_next {
	uint64_t number, commit;
	uint8_t chain[RECORD_TAG];
	uint64_t at;
};
struct scan_next scan_first(const struct scan *sc);
void scan_step(const struct record *rec, struct scan_next *n);
/* ERR_CORRUPT: does not verify, or does not follow the one before. */
MUST_CHECK enum err scan_next_record(struct store *s, const struct scan *sc,
	const struct scan_next *n, struct record *out);
/* Any record, at this place. */
MUST_CHECK enum err scan_record(struct store *s, const struct scan *sc,
	uint64_t at, struct record *out);

/* Follows the chain through all files; fills found, extent, end. */
MUST_CHECK enum err scan_journal(struct recovery *r);
/* The frames of one section, in clear; the caller wipes and frees. */
MUST_CHECK enum err scan_frames(
	struct recovery *r, const struct found *at, uint8_t **out);
void scan_close(struct scan *sc, struct medium *m);
/* The account's object, with whatever key lies in its slot. */
MUST_CHECK enum err recover_account(
	struct recovery *r, uint32_t number, struct account **out);

#endif
