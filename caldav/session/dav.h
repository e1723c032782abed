/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside caldav/session/: the requests of one HTTP connection whose user is
 * signed in, in the tenantd.
 *
 *	IDLE --REQUEST--> BODY --END--> method's function
 *	  says DAV_OVER (answered) ---------------------> IDLE
 *	  says DAV_MORE --job, slices of SLICE_US-------> IDLE
 *	  says DAV_WAIT --the worker's answer, a job----> IDLE
 *
 * Paths: / -> /dav/ -> /dav/principals/LOGIN/ and /dav/LOGIN/ (the home)
 *	-> /dav/LOGIN/COLLECTION/ -> /dav/LOGIN/COLLECTION/RESOURCE
 * Calendars and address books lie in one home, their names are unique over
 * both kinds. Only the own home is there; others are ERR_NOPERM, whether they
 * exist or not (RFC 3744 tells nobody more than he may know).
 */
#ifndef CALDAV_SESSION_DAV_H
#define CALDAV_SESSION_DAV_H

#include <bastide/collection.h>
#include <bastide/conn.h>
#include <bastide/content.h>
#include <bastide/directory.h>
#include <bastide/session.h>

#include "../method.h"
#include "../proto.h"
#include "../target.h"
#include "../xml.h"

/* --- where a path leads (path.c) ------------------------------------------------- */
enum place {
	AT_ROOT = 1, /* "/", "/dav/" */
	AT_PRINCIPALS = 2,
	AT_PRINCIPAL = 4,
	AT_HOME = 8,
	AT_CALENDAR = 16,
	AT_CONTACTS = 32,
	AT_RESOURCE = 64,
	AT_NOTHING = 128, /* below the home, does not exist */
};
#define AT_COLLECTION (AT_CALENDAR | AT_CONTACTS)
#define AT_ANY (AT_NOTHING - 1)

struct place_at {
	enum place place;
	struct slice collection_name, resource_name; /* of the path */
	bool has_collection;                         /* `collection` is valid */
	struct collection_row collection;
	struct resource_row resource; /* AT_RESOURCE */
	bool deep; /* the path goes on below a resource's name */
	/* Properties kept of the collection, asked for when needed. */
	struct property *kept;
	size_t n_kept;
	bool kept_loaded;
	struct slice data; /* of the resource, p NULL: not loaded */
};

enum dav_step { DAV_OVER, DAV_MORE, DAV_WAIT };

struct dav {
	struct tenant *tenant;
	struct conn *conn;
	struct account *account;
	uint64_t id;
	char login[LIMIT_ADDRESS + 1];
	enum dav_state { DAV_IDLE, DAV_BODYING, DAV_WORKING } state;
	struct arena *arena; /* one request */
	struct arena *batch; /* one slice, or one row of an answer */
	struct arena *row;   /* data of the row that is under way; or NULL */

	/* the request */
	enum dav_method method;
	struct slice path;
	struct slice fields[DAV_N_FIELDS];
	struct buf body;
	enum err body_err;
	const struct xml_node *xml; /* root of the body; NULL: none */
	struct place_at at;

	/* the answer */
	struct buf out;       /* waits to become a DATA record */
	bool head_sent, over; /* over: nothing but `out` is left to send */
	enum dav_step (*more)(struct dav *d); /* the job */
	void *job;                            /* its own, in `arena` */
	struct later later;
	struct job *work; /* the worker has something of ours */
};

/* --- path.c ------------------------------------------------------------------------ */
/* ERR_NOPERM, ERR_NOTFOUND (outside /dav/), or the store's. What does not
 * exist below the home is AT_NOTHING. */
MUST_CHECK enum err path_find(struct dav *d, struct slice path,
	struct arena *arena, struct place_at *out);
MUST_CHECK enum err path_find_collection(struct dav *d, struct slice name,
	struct arena *arena, struct collection_row *out);
/* Hrefs, escaped for XML as they are. */
void href_home(struct dav *d, struct buf *b);
void href_principal(struct dav *d, struct buf *b);
void href_collection(struct dav *d, struct buf *b, struct slice name);
void href_resource(struct dav *d, struct buf *b, struct slice collection,
	struct slice name);
void href_of(struct dav *d, struct buf *b, const struct place_at *at);

/* --- respond.c ---------------------------------------------------------------------- */
struct header {
	const char *name;
	struct slice value;
};
/* The head of an answer; `length` DAV_NO_LENGTH: not known. */
void respond_head(struct dav *d, unsigned status, uint64_t length,
	const struct header *headers, size_t n);
/* A whole answer without body. */
void respond_status(struct dav *d, unsigned status);
/* By the table of errors. */
void respond_err(struct dav *d, enum err e);
/* The same for a job, which may be in the middle of its answer: then the
 * connection ends, since half an answer must not look whole. */
enum dav_step dav_fail(struct dav *d, enum err e);
/* A failed precondition (RFC 4918 16): `inside` is XML, or NULL. */
void respond_precondition(struct dav *d, unsigned status, const char *ns,
	const char *name, const char *inside);
/* Another element of DAV: as the whole answer. */
void respond_element(
	struct dav *d, unsigned status, const char *name, struct slice inside);
/* 207 and the beginning of a multistatus. What is shown is what was committed
 * until now; say it again after each slice. */
void multistatus_begin(struct dav *d);
void multistatus_end(struct dav *d);
void respond_gate(struct dav *d);
/* Sends what waits in `out` once it is worth a record; `all`: whatever. */
void respond_flush(struct dav *d, bool all);
/* <response> with only a status. */
void response_status(struct dav *d, unsigned status);
const char *status_text(unsigned status);
/* A name as an XML element: "<C:x" with its prefix, or with its namespace. */
void open_tag(struct buf *b, struct slice ns, struct slice name, bool empty);
void close_tag(struct buf *b, struct slice ns, struct slice name);
void put_etag(struct buf *b, uint64_t etag);
void put_sync_token(struct buf *b, uint64_t sync);
/* Slices end here: time, or a full output. */
bool slice_over(struct dav *d, uint64_t since);

/* --- property.c ----------------------------------------------------------------------- */
/* What a PROPFIND or REPORT wants of each resource. */
enum want_kind { WANT_PROP, WANT_ALLPROP, WANT_PROPNAME };
struct want {
	enum want_kind kind;
	const struct xml_node *props; /* its children are the names */
	bool minimal;                 /* RFC 8144 2.1: no 404s */
};
/* From the element that has <prop>, <allprop> or <propname>; none: allprop. */
struct want want_of(struct dav *d, const struct xml_node *n);
/* <response> with the properties; ERR_NOTFOUND: the data went away. */
MUST_CHECK enum err response_props(
	struct dav *d, const struct want *w, struct place_at *at);
/* Whether PROPPATCH, MKCOL may set it at `place`; else *precondition may say
 * why. Checks the value. */
bool property_settable(struct dav *d, const struct xml_node *prop,
	enum place place, const char **precondition);
/* In a transaction. `set` false: removes it. */
MUST_CHECK enum err property_store(struct dav *d, uint64_t collection,
	const struct xml_node *prop, bool set);
MUST_CHECK enum err kept_load(struct dav *d, struct place_at *at);
/* NULL: not kept. */
const struct property *kept_find(
	const struct place_at *at, const char *ns, const char *name);
/* Whether the calendar takes that kind (supported-calendar-component-set). */
bool calendar_takes(struct dav *d, struct place_at *at, struct slice component);

/* --- expander.c: a calendar object for the worker ---------------------------------------- */
/* Sends what recurrence needs of it, then from and to of `range` (NULL: none);
 * d->work is the question until `done`. ERR_LIMIT: too long for a message. */
MUST_CHECK enum err expander_ask(struct dav *d, enum work kind,
	const struct content_comp *root, const int64_t range[2],
	void (*done)(void *arg, enum err e, struct msg_in *reply), void *arg);

/* --- instances.c: recurrences, by the worker ------------------------------------------ */
struct instances {
	struct dav *d;
	enum err err;
	struct instance *list; /* in d->row */
	size_t n;
};
/* Then the job waits (DAV_WAIT) and goes on with `x` filled. */
MUST_CHECK enum err instances_ask(struct dav *d,
	const struct content_comp *root, int64_t from, int64_t to,
	struct instances *x);
/* Makes d->row. */
MUST_CHECK enum err row_arena(struct dav *d);

/* --- shape.c: calendar-data and address-data in part ------------------------------------ */
struct shape;
/* NULL: the data is wanted as it is. */
MUST_CHECK enum err shape_new(
	struct dav *d, const struct want *w, struct shape **out);
/* <response> with the data in that shape. ERR_AGAIN: the job waits, and goes
 * on with shape_finish first. */
MUST_CHECK enum err shape_row(struct dav *d, struct shape *s,
	const struct want *w, struct place_at *at);
MUST_CHECK enum err shape_finish(
	struct dav *d, struct shape *s, const struct want *w);

/* --- filter.c: calendar-query, addressbook-query ------------------------------------- */
struct filter;
/* The <filter> element. On ERR_UNSUPPORTED or ERR_SYNTAX, *precondition. */
MUST_CHECK enum err filter_new(struct dav *d, const struct xml_node *filter,
	bool cards, struct filter **out, const char **precondition);
/* The range that rows must lie in, and their component ("": any). */
bool filter_range(const struct filter *f, int64_t *start, int64_t *end);
struct slice filter_component(const struct filter *f);
/* Nothing but range and component is asked for. */
bool filter_needs_data(const struct filter *f);
MUST_CHECK enum err filter_match(const struct filter *f, struct slice data,
	struct arena *arena, bool *out);

/* --- the methods: method_name.c ----------------------------------------------------- */
typedef enum dav_step method_fn(struct dav *d);
method_fn method_options, method_get, method_put, method_delete,
	method_propfind, method_proppatch, method_mkcol, method_report,
	method_copy;
/* Whether If-Match and If-None-Match hold; `etag` 0: nothing is there. */
bool conditions_hold(struct dav *d, uint64_t etag);

/* --- the reports: report_name.c ------------------------------------------------------ */
method_fn report_freebusy, report_multiget, report_query, report_sync;

/* --- store_object.c: PUT, COPY and MOVE ----------------------------------------------- */
/* Checks `data`, has it expanded, stores it and answers; `d->at` says where.
 * `source`: deleted in the same transaction (MOVE); may be NULL. */
enum dav_step object_store(struct dav *d, const struct place_at *where,
	struct slice data, const struct place_at *source);

/* Commits, or rolls back on `e`. */
MUST_CHECK enum err dav_commit(struct dav *d, enum err e);
/* The job goes on, after a wait. */
void dav_go_on(struct dav *d);
/* Free bytes in a request's arena: bodies and trees of the largest size. */
#define DAV_ARENA MIB(96)
/* A resource of the largest size, each byte escaped. */
#define DAV_OUT_MAX (6 * LIMIT_RESOURCE + MIB(1))

#endif
