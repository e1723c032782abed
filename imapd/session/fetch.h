/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside FETCH: what is asked (fetch_parse.c), and one section's bytes
 * (fetch_section.c). */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "imap.h"

enum fetch_kind {
	FETCH_FLAGS,
	FETCH_UID,
	FETCH_MODSEQ,
	FETCH_INTERNALDATE,
	FETCH_SIZE,
	FETCH_ENVELOPE,
	FETCH_BODY, /* structure without extension data */
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION, /* BODY[...], RFC822 and kin */
};

enum section_kind {
	SECTION_ALL,
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

struct section {
	enum section_kind kind;
	uint32_t part[LIMIT_MIME_DEPTH + 1];
	size_t n_part;
	struct slice *fields; /* names, for the two kinds with fields */
	size_t n_fields;
	bool partial;
	uint32_t offset, length;
	struct slice label; /* as the response names it: "BODY[1.MIME]" */
};

struct fetch_item {
	enum fetch_kind kind;
	struct section *section;
};

#define FETCH_ITEMS_MAX 100

struct fetch_request {
	struct fetch_item items[FETCH_ITEMS_MAX];
	size_t n;
	bool meta;      /* needs envelope or structure */
	bool sets_seen; /* some BODY[...] without PEEK */
	bool has_flags;
	bool has_modseq;
	uint64_t changed_since; /* UINT64_MAX: not asked */
	bool vanished;          /* VANISHED (EARLIER) first */
};

/* "FLAGS", "(UID BODY.PEEK[])", "ALL", and RFC 7162's modifiers. */
bool fetch_parse(struct cursor *c, struct arena *a, struct fetch_request *out);
/* Adds an item once. */
void fetch_add(struct fetch_request *r, enum fetch_kind kind);

/* Where a section's bytes lie: in the body from `start`, or made in `made`. */
struct region {
	bool exists; /* false: NIL */
	uint64_t start, size;
	bool is_made;
	struct slice made;
};
MUST_CHECK enum err section_find(struct imap *i, struct arena *a,
	const struct message_row *row, const struct section *s,
	struct region *out);

#endif
