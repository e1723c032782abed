/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: one run of store_verify. Its parts (verify.c) look at a
 * little at a time, at what is in force then: between two steps the store may
 * have done anything.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "recover.h"

struct store_verify {
	struct store *s;
	struct store_check *c;
	unsigned part;
	/* The account that is looked at. */
	bool begun; /* it is 0, the tenant, from the first on */
	uint32_t account;
	unsigned stage;
	uint32_t page;
	struct dbfile file;  /* when nobody has it open */
	uint64_t map_serial; /* that `file` comes from; 0: not loaded */
	struct check *rows;
	/* The journal file that is looked at. */
	uint64_t journal; /* 0: none yet */
	struct scan scan;
	struct scan_next next;
	bool ends; /* `end` is the tag of its last record */
	uint8_t end[RECORD_TAG];
	uint64_t kept; /* the head that was kept when the journal's turn came */
	bool met;      /* its record */
	/* Names, the last one comes next. */
	struct {
		char text[STORE_NAME];
	} * name;
	size_t n_names, cap_names;
	bool listed;
};

void verify_report(struct store_verify *v, const char *fmt, ...)
	PRINTF_LIKE(2, 3);
/* Damage, which is reported, or an error that ends the run? */
static inline bool verify_damage(enum err e)
{
	return e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_NOKEY;
}

/* Parts: ERR_AGAIN until there is no more. */
MUST_CHECK enum err verify_journal(struct store_verify *v);
MUST_CHECK enum err verify_files(struct store_verify *v);

#endif
