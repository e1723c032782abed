/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records between the HTTP front and its session in the tenantd. The front
 * frames HTTP and checks sizes; the session decides, stores and answers. One
 * request at a time: REQUEST, BODY..., END; then HEAD, DATA..., DONE.
 */
#ifndef CALDAV_PROTO_H
#define CALDAV_PROTO_H

enum dav_record {
	DAV_REQUEST = 400, /* u32 enum dav_method, slice path (target.h), then
			    * one slice per enum dav_field ("": not there) */
	DAV_BODY,          /* slice: bytes of the body */
	DAV_END,           /* the request is whole */
	DAV_HEAD,          /* u32 status, u64 length (DAV_NO_LENGTH: unknown),
			    * u32 n, n times: slice name, slice value */
	DAV_DATA,          /* slice: bytes of the answer */
	DAV_DONE,          /* the answer is whole */
};

#define DAV_NO_LENGTH UINT64_MAX
/* Bytes of one BODY or DATA: fits an IPC message. */
#define DAV_PIECE KIB(32)
#define DAV_RESPONSE_FIELDS 8

/* The request's fields that a session may see. */
#define DAV_FIELDS(X)                                                          \
	X(DEPTH, "Depth")                                                      \
	X(IF_MATCH, "If-Match")                                                \
	X(IF_NONE_MATCH, "If-None-Match")                                      \
	X(CONTENT_TYPE, "Content-Type")                                        \
	X(DESTINATION, "Destination")                                          \
	X(OVERWRITE, "Overwrite")                                              \
	X(PREFER, "Prefer")

#define DAV_FIELD_ENUM(id, name) DAV_##id,
enum dav_field { DAV_FIELDS(DAV_FIELD_ENUM) DAV_N_FIELDS };

#endif
