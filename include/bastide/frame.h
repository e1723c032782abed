/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The resumable framers: the only code that sees half a message. Each is fed
 * what has come and says what it took; grammar parsers see whole frames.
 */
#ifndef BASTIDE_FRAME_H
#define BASTIDE_FRAME_H

#include <bastide/buf.h>
#include <bastide/limits.h>

enum frame_step {
	FRAME_MORE,    /* needs more bytes */
	FRAME_DONE,    /* a whole frame */
	FRAME_LITERAL, /* IMAP: a literal is announced; the caller decides */
	FRAME_DATA,    /* a piece of streamed data in `data` */
	FRAME_BAD,     /* breaks the framing rules; see `err` */
};

/* --- IMAP: line with literals (RFC 9051 4.3, 9; RFC 7888) ----------------- */
struct imap_framer {
	/* The command so far, without the last CRLF; a literal stands in it
	 * as it came: "{3}\r\nabc" or "{3+}\r\nabc". */
	struct buf line;
	struct slice data;     /* FRAME_DATA: piece of a streamed literal */
	uint64_t literal_size; /* of the literal announced or running */
	uint64_t literal_left; /* bytes of it still to come */
	bool literal_sync;     /* the client waits for "+ ..." */
	bool literal_binary;   /* "~{n}" (RFC 3516) */
	bool discarded;        /* FRAME_DONE: a literal was thrown away */
	enum err err;          /* FRAME_BAD: ERR_LIMIT, ERR_SYNTAX */
	int state;             /* the framer's own, like what follows */
	size_t text;           /* where the running line begins in `line` */
	char tail[32];         /* end of a line too long to keep */
	size_t n_tail;
};
/* A line ends in CRLF; bare CR or LF and NUL are ERR_SYNTAX. `max`: bytes a command may have, collected literals included. */
void imap_framer_init(struct imap_framer *f, size_t max);
void imap_framer_free(struct imap_framer *f);
/* Ready for the next command; keeps the memory. */
void imap_framer_reset(struct imap_framer *f);
/* FRAME_BAD comes after the bad line was swallowed to its end: the next step
 * begins a new command (the tag, if any, is at the start of `line`). */
enum frame_step imap_framer_step(
	struct imap_framer *f, struct slice in, size_t *taken);
/* Does the line, or its end (CRLF too), announce a literal? */
bool imap_announces(struct slice line, uint64_t *size);
/* The answers to FRAME_LITERAL. collect: into `line`. stream: as FRAME_DATA;
 * only the announcement stands in `line`. discard: a synchronising literal
 * will not come (the command ends here: FRAME_DONE); a non-synchronising one
 * is swallowed, then the rest of the line. */
void imap_framer_collect(struct imap_framer *f);
void imap_framer_stream(struct imap_framer *f);
void imap_framer_discard(struct imap_framer *f);

/* --- CRLF lines (SMTP commands) ------------------------------------------- */
/* FRAME_DONE: *line without CRLF, borrowed from `in`. FRAME_BAD: longer than
 * `max` (ERR_LIMIT) or bare CR or LF (ERR_SYNTAX); *taken is past it. `in` must
 * be able to hold more than `max` + 2 bytes: what is too long is taken piece
 * by piece until its end comes. */
enum frame_step line_step(struct slice in, size_t max, struct slice *line,
	size_t *taken, enum err *err);

/* --- SMTP DATA (RFC 5321 4.5.2), strict ------------------------------------ */
/* A line ends in CRLF only; bare CR or LF anywhere is FRAME_BAD for the whole
 * message, but the framer goes on to the true end and says FRAME_DONE there
 * with err set, so that the dialogue stays in step. */
struct dot_framer {
	struct slice data; /* FRAME_DATA: unstuffed bytes, borrowed from `in` */
	uint64_t size;     /* bytes given out */
	enum err err;      /* ERR_SYNTAX once a bare CR or LF was seen */
	int state;
};
void dot_framer_init(struct dot_framer *f);
enum frame_step dot_framer_step(
	struct dot_framer *f, struct slice in, size_t *taken);

/* --- HTTP/1.1 (RFC 9112), strict --------------------------------------------- */
struct http_field {
	struct slice name, value;
};
struct http_head {
	struct slice method, target;
	unsigned minor; /* HTTP/1.x */
	struct http_field fields[LIMIT_HTTP_FIELDS];
	size_t n_fields;
	bool chunked;    /* the body comes in chunks */
	bool has_length; /* Content-Length was given */
	uint64_t length;
	bool keep_alive; /* by version and Connection */
	bool expect;     /* Expect: 100-continue */
};
/* Length of the head with its empty line, 0 when it is not complete. One empty
 * line in front of it is taken with it (RFC 9112 2.2). */
size_t http_head_end(struct slice in);
/* Whole head. ERR_SYNTAX (400), ERR_LIMIT (431), ERR_UNSUPPORTED (505, or an
 * unknown transfer coding). Refuses everything ambiguous: both lengths,
 * repeated differing length, blanks before the colon, obs-fold, bare CR. */
MUST_CHECK enum err http_head_parse(struct slice head, struct http_head *out);
/* Value of the first field of that name (any case), {NULL,0} when none. */
struct slice http_field(const struct http_head *h, const char *name);

struct http_body {
	struct slice data; /* FRAME_DATA, borrowed from `in` */
	uint64_t left;
	bool chunked;
	int state;
	size_t extra; /* bytes of chunk extensions and trailers so far */
	enum err err; /* FRAME_BAD: the connection is of no use any more */
};
void http_body_init(struct http_body *b, const struct http_head *h);
enum frame_step http_body_step(
	struct http_body *b, struct slice in, size_t *taken);

#endif
