/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one list of what can go wrong. A function that can fail returns
 * `enum err`; 0 is fine; results are out-parameters, last, untouched on
 * failure. `lib/err.c` holds the one table that turns a value into an IMAP
 * response code, an SMTP reply, an HTTP status and an exit status: sessions
 * never invent them. `assert` is for our own bugs, `enum err` is for the world.
 */
#ifndef BASTIDE_ERR_H
#define BASTIDE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
	ERR_OK = 0,
	ERR_NOMEM,       /* no memory, or an arena or buffer is at its max */
	ERR_IO,          /* the medium failed; what is on it is unknown */
	ERR_NOSPACE,     /* disk full: nothing was changed */
	ERR_CORRUPT,     /* does not verify: altered, replayed or damaged */
	ERR_VERSION,     /* written by a newer Bastide */
	ERR_NOKEY,       /* the key is not there: locked or destroyed */
	ERR_NOTFOUND,    /* no such mailbox, message, address, resource */
	ERR_EXISTS,      /* the name is taken */
	ERR_NOPERM,      /* not allowed to this user */
	ERR_AUTH,        /* wrong name, password or proof */
	ERR_OVERQUOTA,   /* the account's quota is used up */
	ERR_LIMIT,       /* over a limit of bastide/limits.h */
	ERR_SYNTAX,      /* does not follow the grammar */
	ERR_UNSUPPORTED, /* understood, but not provided */
	ERR_WRONGSTATE,  /* not possible now (wrong state, bad sequence) */
	ERR_CONFLICT,    /* a condition failed: If-Match, UNCHANGEDSINCE */
	ERR_AGAIN,       /* more input, or a later turn, is needed */
	ERR_EOF,         /* the other side closed */
	ERR_UNAVAILABLE, /* a process or peer does not answer */
	ERR_TIMEOUT,     /* deadline passed */
	ERR_BUSY,        /* too many at once; come back */
	ERR_NOTEMPTY,    /* it has children */
	ERR_EXPIRED,     /* token or password no longer valid */
	ERR_RELAY,       /* would relay for a stranger */
	ERR_LOOP,        /* mail that goes round */
	ERR_ENCODING,    /* not UTF-8, not decodable */
	ERR_TYPE,        /* right syntax, wrong kind of object */
	ERR_BUG,         /* an invariant of ours is broken */
	ERR_COUNT
};

/* One row of the table. `text` says what happened and what to do; it is safe
 * to show to a client. `imap` is a response code without brackets, "" when
 * RFC 3501/5530 has none that fits. `smtp` is the basic reply (RFC 5321 4.2),
 * `enhanced` the RFC 3463 code. */
struct err_info {
	const char *name;
	const char *text;
	const char *imap;
	int smtp;
	const char *enhanced;
	int http;
	int exit;
};

/* Never NULL; an unknown value gives the row of ERR_BUG. */
const struct err_info *err_info(enum err e);

/* The err for an errno value (ENOSPC and EDQUOT: ERR_NOSPACE, ...). */
enum err err_from_errno(int errnum);

/* `TRY(call)` returns the error of `call` from the function it stands in. */
#define TRY(call)                                                              \
	do {                                                                   \
		enum err try_e_ = (call);                                      \
		if (try_e_ != ERR_OK)                                          \
			return try_e_;                                         \
	} while (0)

#endif
