/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Structured log on standard error, one line an event:
 *     2026-01-31T12:00:00.123Z imapd[42] info login session=17 tenant=ab12 err=auth
 * Never content, third parties' addresses, passwords or tokens. Values are
 * printed with control characters and quotes escaped.
 */
#ifndef BASTIDE_LOG_H
#define BASTIDE_LOG_H

#include <bastide/slice.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };
/* LOG_INFO_ for a name that is none. */
enum log_level log_level_of(const char *name);
void log_init(const char *process, enum log_level least);
/* log_event(LOG_INFO_, "login", "session=%u err=%s", id, name) */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
