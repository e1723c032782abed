/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The kinds of work: computed by the worker process, which has no key, no file
 * and no network. Bytes in, structs out.
 */
#ifndef DAEMON_WORK_H
#define DAEMON_WORK_H

#include <bastide/session.h>

struct work_kind {
	enum work kind;
	/* Reads the request's fields, adds the reply's. */
	enum err (*run)(struct msg_in *request, struct msg *reply);
	/* Loads what needs files, before the walls go up. May be NULL. */
	enum err (*warm_up)(void);
};

/* The only list; ends with a row without `run`. */
extern const struct work_kind work_kinds[];

/* WORK_PBKDF2: slice password, slice salt, u32 iterations; slice key.
 * WORK_EXPAND: slice iCalendar (ical_reduce); u64 horizon, u32 count, then
 * u64 start and u64 end of each span (two's complement).
 * WORK_INSTANCES: slice iCalendar (ical_reduce), u64 from, u64 to; u32 count,
 * then u32 component, u32 flags, u64 start, end and recurrence of each.
 * WORK_TOKEN: slice token, slice keys (JWK Set), slice issuer, audience, scope,
 * name of the claim, user in normal form, u64 now; slice why it is refused (a
 * word), empty for a good one. */

#endif
