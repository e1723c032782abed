/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What this server can, as CAPABILITY says it: one table for the greeting, the
 * front's CAPABILITY, the reply to the login, the session's CAPABILITY, ENABLE
 * (RFC 5161) and doc/PROTOCOLS.md. Shared by front/ and session/.
 */
#ifndef IMAPD_CAPABILITY_H
#define IMAPD_CAPABILITY_H

#include <bastide/buf.h>

/* States in which it is listed. */
enum {
	CAP_NONE = 0,
	CAP_CLEAR = 1, /* before TLS, where nothing but STARTTLS leads on */
	CAP_TLS = 2,   /* before the login */
	CAP_USER = 4,  /* signed in */
	CAP_LOGIN = CAP_CLEAR | CAP_TLS,
	CAP_ALL = CAP_CLEAR | CAP_TLS | CAP_USER,
};

/* What a session has switched on, by ENABLE or by a command that implies it. */
enum {
	ENABLED_CONDSTORE = 1, /* RFC 7162 3.1 */
	ENABLED_QRESYNC = 2,   /* RFC 7162 3.2; implies CONDSTORE */
	ENABLED_REV2 = 4,      /* RFC 9051 6.3.1 */
	ENABLED_UTF8 = 8,      /* RFC 9755; REV2 has it too */
	ENABLED_UIDONLY = 16,  /* RFC 9586 */
};

struct capability {
	const char *name;
	const char *source; /* RFC, and section where it is one of many */
	const char *file;   /* where to begin reading */
	unsigned states;    /* CAP_* */
	unsigned enable;    /* ENABLE takes it, and switches these on; 0: no */
	const char *argument; /* behind "=", NULL: none */
};
extern const struct capability capabilities[];
extern const size_t n_capabilities;

/* One bit for each row of the table. */
struct capability_set {
	uint64_t bits[2];
};
/* NULL: no such capability. */
const struct capability *capability_find(struct slice name);
bool capability_in(
	const struct capability_set *set, const struct capability *c);
void capability_add(struct capability_set *set, const struct capability *c);
/* "UIDONLY,IDLE". ERR_UNSUPPORTED: one is unknown, the others are in `out`. */
enum err capability_set_of(struct slice names, struct capability_set *out);

/* Those of `state` that are not in `hidden` (may be NULL), with a space before
 * each but the first. The mechanisms of SASL are the front's to add. */
void capability_put(
	struct buf *b, unsigned state, const struct capability_set *hidden);

#endif
