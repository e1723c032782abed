/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Content lines: what iCalendar (RFC 5545) and vCard (RFC 6350) are written
 * in, as a tree in an arena; the checks of both; and recurrence expansion,
 * which runs in the worker only. mail/ knows no store: bytes in, structs out.
 */
#ifndef BASTIDE_CONTENT_H
#define BASTIDE_CONTENT_H

#include <bastide/collection.h>
#include <bastide/mem.h>

/* One value of a parameter; one that has three values stands here thrice. */
struct content_param {
	struct slice name, value;
	struct content_param *next;
};

struct content_prop {
	struct slice group;       /* vCard only, or empty */
	struct slice name, value; /* unfolded, still escaped */
	struct content_param *params;
	struct content_prop *next;
};

struct content_comp {
	struct slice name;
	struct content_prop *props, *last_prop;
	struct content_comp *parent, *children, *last_child, *next;
};

/* Exactly one component. Lines may end in CRLF or LF. ERR_SYNTAX,
 * ERR_ENCODING (not UTF-8), ERR_LIMIT, ERR_NOMEM. Slices without folds borrow
 * from `data`. */
MUST_CHECK enum err content_parse(
	struct arena *arena, struct slice data, struct content_comp **out);
/* First of that name (any case); NULL: none. */
const struct content_prop *content_prop(
	const struct content_comp *c, const char *name);
const struct content_param *content_param(
	const struct content_prop *p, const char *name);
/* Backslash escapes of text values undone (RFC 5545 3.3.11). */
enum err content_unescape(struct slice value, struct buf *out);

/* What the store wants to know of a resource. */
struct content_info {
	struct slice uid, component;
};

/* RFC 4791 4.1: one UID, one kind of component, no METHOD. ERR_SYNTAX: no
 * iCalendar. ERR_TYPE: iCalendar, but no calendar object resource.
 * ERR_UNSUPPORTED: a component that no calendar takes. */
MUST_CHECK enum err ical_check(
	const struct content_comp *root, struct content_info *out);
/* Only what expansion needs, with text and attendees left out: it is what the
 * worker gets to see. */
enum err ical_reduce(const struct content_comp *root, struct buf *out);
/* Zones and tables of libical, before the walls close. */
void ical_warm_up(void);
/* The times of a reduced iCalendar object (RFC 4791 9.9), sorted and without
 * overlaps dropped; at most LIMIT_SPANS. `horizon`: complete before it.
 * libical inside: call it in the worker, where running on ends at a deadline.
 * ERR_SYNTAX: a date or rule that is none. */
MUST_CHECK enum err ical_expand(
	struct slice ics, struct span *spans, size_t *n_out, int64_t *horizon);
/* "20260102T030405Z" and nothing else. */
MUST_CHECK enum err ical_utc(struct slice text, int64_t *out);

/* One instance of a calendar object; times as in struct span. */
struct instance {
	uint32_t
		component; /* which VEVENT, VTODO, VJOURNAL, in order, from 0 */
	uint32_t flags;
	int64_t start, end;
	int64_t recurrence; /* the time that the rule gave it */
};
enum {
	INSTANCE_DATE = 1,     /* dates without times */
	INSTANCE_FLOATING = 2, /* no zone */
	INSTANCE_MOVED = 4,    /* only its time before it was moved is inside */
	INSTANCE_WHOLE = 8,    /* has no start: stands for itself */
};
/* Those of a reduced object that overlap [from, to). In the worker, as
 * ical_expand. ERR_LIMIT: more than `max`, or too many steps to tell. */
MUST_CHECK enum err ical_instances(struct slice ics, int64_t from, int64_t to,
	struct instance *out, size_t max, size_t *n_out);
/* The next VEVENT, VTODO or VJOURNAL from `c` on; NULL: no more. */
const struct content_comp *ical_object(const struct content_comp *c);

/* Lines as they go out, folded (RFC 5545 3.1, RFC 6350 3.2). `value` false:
 * nothing behind the colon. */
void content_put_prop(struct buf *b, const struct content_prop *p, bool value);
void content_put_line(struct buf *b, const char *name, struct slice value);
/* "20260102T030405Z" or as `flags` say; and "DTSTART;VALUE=DATE:20260102". */
void ical_put_value(struct buf *b, int64_t time, uint32_t flags);
void ical_put_time(
	struct buf *b, struct slice name, int64_t time, uint32_t flags);

/* RFC 6352 5.1: one vCard of version 3.0 or 4.0 with its UID. Errors as
 * above. */
MUST_CHECK enum err vcard_check(
	const struct content_comp *root, struct content_info *out);

#endif
