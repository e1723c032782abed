/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside FETCH: what is asked (fetch_parse.c), one section's bytes
 * (fetch_section.c), and those without their encoding (fetch_binary.c). */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "imap.h"

enum fetch_kind {
	FETCH_FLAGS,
	FETCH_UID,
	FETCH_MODSEQ,
	FETCH_INTERNALDATE,
	FETCH_SAVEDATE, /* RFC 8514 4.2 */
	FETCH_EMAILID,  /* RFC 8474 5.3 */
	FETCH_THREADID,
	FETCH_SIZE,
	FETCH_PREVIEW, /* RFC 8970 */
	FETCH_ENVELOPE,
	FETCH_BODY, /* structure without extension data */
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION, /* BODY[...], RFC822 and kin */
	FETCH_BINARY,  /* RFC 3516 4.2: with a section, too */
	FETCH_BINARY_SIZE,
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
	bool binary; /* BINARY: `partial` counts decoded bytes */
	bool partial;
	uint32_t offset, length;
	struct slice label; /* as the response names it: "BODY[1.MIME]" */
};

struct fetch_item {
	enum fetch_kind kind;
	struct section *section;
};

struct fetch_request {
	struct fetch_item *items; /* in the arena */
	size_t n, max;
	bool meta;      /* needs envelope or structure */
	bool sets_seen; /* some BODY[...] without PEEK */
	bool has_flags;
	bool has_modseq;
	uint64_t changed_since; /* UINT64_MAX: not asked */
	struct partial partial; /* RFC 9394 */
	bool vanished;          /* VANISHED (EARLIER) first */
};

/* section-spec of RFC 9051 9, without the brackets. */
bool section_parse(struct cursor *c, struct arena *a, struct section *s);
/* "FLAGS", "(UID BODY.PEEK[])", "ALL", and RFC 7162's modifiers. */
bool fetch_parse(struct cursor *c, struct arena *a, struct fetch_request *out);
/* "(UID FLAGS)" alone. */
bool fetch_items(struct cursor *c, struct arena *a, struct fetch_request *out);
/* Adds an item once. */
void fetch_add(struct fetch_request *r, enum fetch_kind kind);
/* An empty request for so many items. */
MUST_CHECK enum err fetch_request_new(
	struct arena *a, size_t max, struct fetch_request *out);
/* Adds the items of another one that are not there yet; there is room. */
void fetch_join(struct fetch_request *to, const struct fetch_request *from);

/* FETCH of messages that no command asks for (arrivals.c): UIDs of the loaded
 * view. It marks none as \Seen, since nobody has read them. The arena and
 * `want` live as long. */
struct fetch;
MUST_CHECK enum err fetch_new(struct imap *i, struct arena *a,
	const struct fetch_request *want, struct range uids,
	struct fetch **out);
/* ERR_AGAIN: again. An item that cannot be had is left out; i->cmd.cut: a
 * literal broke off. */
MUST_CHECK enum err fetch_new_more(struct imap *i, struct fetch *f);
void fetch_free(struct fetch *f);

/* fetch_partial.c: leaves of the set what PARTIAL asks for. ERR_AGAIN: again. */
struct fetch_narrow {
	uint32_t next;
	struct buf matches; /* struct range: what CHANGEDSINCE leaves */
	uint32_t last;      /* sequence number of the last match */
};
MUST_CHECK enum err fetch_narrow_more(struct imap *i, struct fetch_request *r,
	struct fetch_narrow *n, struct set *set);

/* Where a section's bytes lie: in the body from `start`, or made in `made`. */
struct region {
	bool exists; /* false: NIL */
	uint64_t start, size;
	bool is_made;
	struct slice made;
	struct slice encoding; /* of a leaf's whole body; empty: none */
};
MUST_CHECK enum err section_find(struct account *from, struct arena *a,
	const struct message_row *row, const struct section *s,
	struct region *out);

/* A section that is decoded on its way out. Zeroed at first; `piece` is the
 * owner's to free. */
struct binary {
	enum mail_encoding encoding;
	struct mail_decoder decoder;
	uint64_t start, encoded; /* where it lies in the body */
	uint64_t at;             /* bytes of it decoded, */
	uint64_t decoded;        /* and what they gave */
	uint64_t from, to;       /* of the decoded bytes: asked for */
	uint64_t size, left;     /* how many these are, and yet to send */
	bool has_nul;
	struct buf piece;
};
/* ERR_ENCODING: nobody knows how to decode it. */
MUST_CHECK enum err binary_begin(
	struct binary *b, const struct region *r, const struct section *s);
/* Both in slices, ERR_AGAIN: finds `size` and `has_nul`; sends. */
MUST_CHECK enum err binary_measure(
	struct imap *i, uint64_t body, struct binary *b, uint64_t started_us);
MUST_CHECK enum err binary_send(
	struct imap *i, uint64_t body, struct binary *b, uint64_t started_us);

/* fetch_preview.c. `row`, with its metadata, is borrowed until the end. */
struct preview;
MUST_CHECK enum err preview_begin(struct account *a,
	const struct message_row *row, struct arena *arena,
	struct preview **out);
/* In slices, ERR_AGAIN. The text lives as long as the preview; it may be
 * empty. */
MUST_CHECK enum err preview_more(struct imap *i, struct preview *p,
	uint64_t started_us, struct slice *out);
void preview_free(struct preview *p);

#endif
