/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Calendars and address books of one account: collections of resources. The
 * store knows no iCalendar: whoever puts a resource says its UID, component
 * and cached time spans (from the worker's expansion).
 */
#ifndef BASTIDE_COLLECTION_H
#define BASTIDE_COLLECTION_H

#include <bastide/store.h>

enum collection_kind { COLLECTION_CALENDAR = 1, COLLECTION_CONTACTS = 2 };

struct collection_row {
	uint64_t id;
	struct oid oid;
	enum collection_kind kind;
	struct slice name;    /* path segment, decoded; fixed at its creation */
	uint64_t sync;        /* number of its last change: ctag, sync-token */
	uint64_t sync_oldest; /* tokens below are no longer valid */
	uint64_t resources;   /* how many it holds */
};

MUST_CHECK enum err collection_list(struct account *a,
	enum collection_kind kind, struct arena *arena,
	struct collection_row *rows, size_t max, size_t *n_out);
MUST_CHECK enum err collection_find(struct account *a,
	enum collection_kind kind, struct slice name, struct arena *arena,
	struct collection_row *out);
MUST_CHECK enum err collection_create(struct account *a,
	enum collection_kind kind, struct slice name, uint64_t *id_out);
MUST_CHECK enum err collection_delete(struct account *a, uint64_t id);

/* Properties, live and dead, of a collection: the name is "namespace name"
 * with one blank between; the value is XML or text as its owner decides. An
 * empty value removes it. Values count for the quota. ERR_LIMIT. */
struct property {
	struct slice name, value;
};
MUST_CHECK enum err collection_set_property(
	struct account *a, uint64_t id, struct slice name, struct slice value);
MUST_CHECK enum err collection_properties(struct account *a, uint64_t id,
	struct arena *arena, struct property *rows, size_t max, size_t *n_out);

/* Seconds since 1970; floating times are given as if UTC. */
struct span {
	int64_t start, end;
};

struct resource_row {
	uint64_t id;
	struct oid oid;
	struct slice name;      /* path segment, decoded */
	struct slice uid;       /* iCalendar or vCard UID */
	struct slice component; /* "VEVENT", "VTODO", "VJOURNAL", "VCARD" */
	uint64_t etag;          /* unique in the account: its last change */
	uint64_t size;
	int64_t created, modified; /* seconds since 1970 */
	bool deleted;              /* in resource_changes only */
};

struct resource_new {
	struct slice name, uid, component, data;
	const struct span *spans; /* sorted; NULL: none */
	size_t n_spans;
	/* Spans are complete before this time; later ranges match always and
	 * the reader decides. INT64_MAX: complete. */
	int64_t horizon;
};

/* Creates or replaces. ERR_CONFLICT: another resource of the collection has
 * that UID, or the one replaced has another (RFC 4791 5.3.2.1
 * no-uid-conflict). ERR_LIMIT, ERR_SYNTAX, ERR_OVERQUOTA. */
MUST_CHECK enum err resource_put(struct account *a, uint64_t collection,
	const struct resource_new *r, uint64_t *etag_out);
MUST_CHECK enum err resource_delete(
	struct account *a, uint64_t collection, struct slice name);
MUST_CHECK enum err resource_find(struct account *a, uint64_t collection,
	struct slice name, struct arena *arena, struct resource_row *out);
MUST_CHECK enum err resource_find_uid(struct account *a, uint64_t collection,
	struct slice uid, struct arena *arena, struct resource_row *out);
/* The whole data in `arena`. */
MUST_CHECK enum err resource_data(
	struct account *a, uint64_t id, struct arena *arena, struct slice *out);
/* In order of name, after `after`. */
MUST_CHECK enum err resource_list(struct account *a, uint64_t collection,
	struct slice after, struct arena *arena, struct resource_row *rows,
	size_t max, size_t *n_out);
/* Candidates for [start, end): some span overlaps (one without length when it
 * begins in the range, RFC 4791 9.9), or the horizon is before `end`. `component` empty: all. In order of id, after `after_id`. */
MUST_CHECK enum err resource_in_range(struct account *a, uint64_t collection,
	struct slice component, int64_t start, int64_t end, uint64_t after_id,
	struct arena *arena, struct resource_row *rows, size_t max,
	size_t *n_out);
/* What changed after `sync`, in order of change; deleted ones marked.
 * ERR_EXPIRED: `sync` is below sync_oldest or above the last. */
MUST_CHECK enum err resource_changes(struct account *a, uint64_t collection,
	uint64_t sync, struct arena *arena, struct resource_row *rows,
	size_t max, size_t *n_out);

#endif
