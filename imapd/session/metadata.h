/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside GETMETADATA, SETMETADATA and LIST RETURN (METADATA ...). */
#ifndef IMAPD_METADATA_H
#define IMAPD_METADATA_H

#include <bastide/metadata.h>

#include "place.h"

/* "/private/comment": whose it is, and "/comment". */
struct entry {
	bool shared;
	struct slice path;
	struct slice value; /* SETMETADATA; {NULL, 0}: NIL */
};

/* --- metadata_parse.c ---------------------------------------------------------- */
enum metadata_depth { DEPTH_0, DEPTH_1, DEPTH_INFINITY };
struct metadata_options {
	enum metadata_depth depth;
	uint32_t max_size; /* UINT32_MAX: not asked */
};
/* "(DEPTH 1 MAXSIZE 1024)" */
bool metadata_options(struct cursor *c, struct metadata_options *o);
bool metadata_entry(struct cursor *c, struct arena *a, struct entry *out);
/* Up to LIMIT_METADATA_ENTRIES into `list`, else ERR_LIMIT. */
MUST_CHECK enum err metadata_entries(
	struct cursor *c, struct arena *a, struct entry *list, size_t *n);
MUST_CHECK enum err metadata_values(
	struct cursor *c, struct arena *a, struct entry *list, size_t *n);

/* --- metadata_put.c ------------------------------------------------------------ */
/* One answer: what it is about, and how far it is. */
struct metadata_walk {
	struct account *account;
	uint64_t box;      /* METADATA_ACCOUNT: the server */
	struct slice name; /* of the mailbox, as the client knows it */
	enum special_use use;
	const struct entry *entries;
	size_t n;
	struct metadata_options options;
	uint32_t longest; /* value longer than MAXSIZE, 0: none */
	struct arena *arena;
	/* Where it goes on. */
	size_t at;
	bool begun;         /* of the current entry: its own value is told */
	struct slice after; /* and those below up to here; in `after_text` */
	bool open;          /* "* METADATA name (" was written */
	char after_text[LIMIT_METADATA_NAME];
};
/* METADATA responses, in slices: ERR_AGAIN. */
MUST_CHECK enum err metadata_put(
	struct imap *i, struct metadata_walk *w, uint64_t started_us);

#endif
