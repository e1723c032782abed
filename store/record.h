/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: what the journal is made of. A file is a head and records;
 * a record is one commit: all accounts of a transaction, so that they are kept
 * or cut together. Pure functions: bytes and keys in, structs out.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <bastide/limits.h>
#include <bastide/store.h>

#include "seal.h"

/* Records begin at multiples of this: a sector that is durable is never
 * written again. */
#define RECORD_ALIGN 512
#define JOURNAL_HEAD 512
#define RECORD_PREFIX 32
#define RECORD_TAG 16

/* A page, and what of it is in records and in memory: SQLite's page without the
 * 32 bytes that are reserved for the seal. */
#define PAGE_SIZE 4096
#define PAGE_PLAIN 4064

/* "journal-<number>", "seg-<number>", "db-<account>". */
#define STORE_NAME 40
void journal_name(char out[STORE_NAME], uint64_t number);

/* --- the head of a file ------------------------------------------------------ */
struct journal_head {
	uint64_t number;
	uint8_t before[RECORD_TAG]; /* tag where the file before it ends */
	uint64_t commit;            /* last commit of the file before it */
	uint8_t salt[32];           /* for the accounts' keys */
};
/* Makes head and key; `chain_out` is what the first record names as the one
 * before it. */
MUST_CHECK enum err journal_head_make(const struct journal_head *h,
	const struct oid *tenant, const struct secret *tenant_key,
	uint8_t out[JOURNAL_HEAD], uint8_t chain_out[RECORD_TAG],
	struct secret **key_out);
/* ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK enum err journal_head_open(struct slice raw,
	const struct oid *tenant, const struct secret *tenant_key,
	struct journal_head *out, uint8_t chain_out[RECORD_TAG],
	struct secret **key_out);
/* The key of one account's frames in one journal file. */
MUST_CHECK enum err journal_section_key(const struct secret *account_key,
	const struct journal_head *h, struct seal **out);

/* --- a record ---------------------------------------------------------------- */
enum record_kind {
	RECORD_IMAGES = 1, /* a commit of files of version 1: all pages whole */
	RECORD_MARK = 2,   /* no frames: only says what is durable */
	RECORD_COMMIT = 3, /* whole pages and changes (record_frame.h) */
};

struct record_section {
	uint32_t account;
	uint32_t pages; /* the database's size after the commit */
	uint32_t size;  /* of its frames, in bytes */
	uint8_t tag[SEAL_TAG];
};

/* Bytes of a segment that the commit names and that were not durable yet. */
struct record_extent {
	uint32_t account;
	uint64_t segment;
	uint64_t offset;
	uint32_t chunks; /* full ones, or the last one alone: */
	uint32_t last;   /* 0, or sealed bytes of a last chunk */
	uint32_t index;  /* of the first chunk in its body */
	uint64_t total;  /* with `last`: the body's length */
	uint8_t codec;
};

struct record {
	uint64_t number; /* in the file: 0, 1, ... */
	enum record_kind kind;
	uint64_t commit;
	uint64_t durable; /* commits up to here were durable when written */
	uint8_t before[RECORD_TAG];
	uint8_t tag[RECORD_TAG];
	size_t size; /* whole, with padding */
	struct record_section *section;
	uint32_t sections;
	struct record_extent *extent;
	uint32_t extents;
	size_t frames_at; /* of the first section's frames, in the record */
};

/* The plain prefix alone: sizes to read the rest with. ERR_CORRUPT. */
struct record_prefix {
	uint32_t head; /* sealed head without its tag */
	uint32_t size; /* whole record */
	uint64_t number;
};
MUST_CHECK enum err record_prefix_parse(
	struct slice raw, struct record_prefix *out);
/* Opens the head that stands at the start of `raw` (prefix, sealed head, tag).
 * Arrays are the caller's to free with record_free. */
MUST_CHECK enum err record_open(struct slice raw, const struct oid *tenant,
	uint64_t journal, struct seal *key, struct record *out);
/* The sealed head in clear; sizes of sections must fit `size`. */
MUST_CHECK enum err record_parse(struct slice plain, struct record *r);
void record_free(struct record *r);
static inline bool record_commits(const struct record *r)
{
	return r->kind != RECORD_MARK;
}
/* Where the frames of section `i` lie in the record. */
size_t record_frames_at(const struct record *r, uint32_t i);
/* Opens one section's frames into `out`, section[i].size bytes. */
MUST_CHECK enum err record_section_open(const struct record *r, uint32_t i,
	const struct oid *tenant, uint64_t journal, struct seal *key,
	const void *sealed, void *out);

/* Writing: record_begin, for each section its frames into the buffer
 * (record_frame.h) and record_seal_section, record_end. */
struct record_writer {
	struct buf *out;
	size_t start;
	size_t section; /* where the next one begins */
	uint64_t journal;
	struct record r; /* arrays are the caller's */
	size_t head;
};
/* `r` gives everything but tag, size and the sections' tags and sizes; the arrays
 * must have their final length. */
MUST_CHECK enum err record_begin(struct record_writer *w, struct buf *out,
	uint64_t journal, const struct record *r);
/* The next section, whose frames are the end of the buffer. */
MUST_CHECK enum err record_seal_section(struct record_writer *w, uint32_t i,
	const struct oid *tenant, struct seal *key);
MUST_CHECK enum err record_end(struct record_writer *w,
	const struct oid *tenant, struct seal *key,
	uint8_t tag_out[RECORD_TAG]);
/* An upper bound of the bytes that a record takes, beside its frames. */
size_t record_bound(uint32_t sections, uint32_t extents);

#endif
