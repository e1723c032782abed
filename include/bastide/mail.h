/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a message is made of: header fields, addresses, the envelope and the
 * tree of MIME parts. Bytes in, structs out: no store, no I/O, no protocol.
 *
 * A message is scanned once, on arrival, in the pieces in which it comes
 * (mail_scan_*). The result is two packs of bytes that the store keeps with
 * the body; FETCH and SEARCH unpack them and never parse again.
 * Slices of a result live in the arena given, or borrow from the pack.
 * A slice whose `p` is NULL is "not there" (NIL); n 0 with p is empty.
 */
#ifndef BASTIDE_MAIL_H
#define BASTIDE_MAIL_H

#include <bastide/buf.h>
#include <bastide/limits.h>
#include <bastide/mem.h>

/* --- header block: RFC 5322 2.2 ------------------------------------------------ */
struct mail_field {
	struct slice name;  /* without colon and blanks before it */
	struct slice value; /* raw, folded, without the last line end */
	struct slice raw;   /* whole field with its line end */
};
/* Iterates: `rest` begins as the block and shrinks. False at the end (an empty
 * line or the end of the bytes). Lines that are no field come with an empty
 * name. */
bool mail_next_field(struct slice *rest, struct mail_field *out);
/* First field of that name (any case); {NULL,0} when none. Raw value. */
struct slice mail_find_field(struct slice header, const char *name);
/* Line ends taken out of a folded value (RFC 5322 2.2.3), blanks trimmed at
 * both ends; controls that remain become blanks. At most LIMIT_FIELD bytes. */
struct slice mail_unfold(struct arena *a, struct slice value);

/* --- addresses: RFC 5322 3.4, and what real mail has --------------------------- */
/* As RFC 9051 7.5.2 wants them: a group begins with an entry whose host is
 * NULL and whose mailbox is its name, and ends with one where both are NULL.
 * Names are raw (encoded words as they came), unquoted. */
struct mail_address {
	struct slice name, route, mailbox, host;
};
struct mail_addresses {
	struct mail_address *list;
	size_t n;
};
/* Never fails on syntax: salvages what it can. ERR_NOMEM. */
MUST_CHECK enum err mail_addresses_parse(
	struct arena *a, struct slice value, struct mail_addresses *out);

/* --- dates -------------------------------------------------------------------- */
struct mail_date {
	int64_t time; /* seconds since 1970, UTC */
	int16_t zone; /* minutes east */
};
/* RFC 5322 3.3 with obsolete forms, by libetpan. ERR_SYNTAX. */
MUST_CHECK enum err mail_date_parse(struct slice value, struct mail_date *out);
/* "Tue, 01 Jul 2003 10:52:37 +0200" */
enum err mail_date_print(struct buf *b, struct mail_date d);
/* Civil date of a time shifted by its zone: days since 1970. */
int64_t mail_date_day(struct mail_date d);
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(
	int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* --- envelope: RFC 9051 7.5.2 -------------------------------------------------- */
enum mail_role {
	MAIL_FROM,
	MAIL_SENDER,
	MAIL_REPLY_TO,
	MAIL_TO,
	MAIL_CC,
	MAIL_BCC,
	MAIL_ROLES
};
struct mail_envelope {
	struct slice date, subject, in_reply_to, message_id, references;
	struct mail_addresses who[MAIL_ROLES];
	bool has_sent; /* the Date field could be read */
	struct mail_date sent;
};
/* Sender and Reply-To default to From, as the RFC says. */
MUST_CHECK enum err mail_envelope_parse(
	struct arena *a, struct slice header, struct mail_envelope *out);
enum err mail_envelope_pack(struct buf *b, const struct mail_envelope *e);
/* Borrows the strings from `pack`. ERR_CORRUPT, ERR_VERSION. */
MUST_CHECK enum err mail_envelope_unpack(
	struct arena *a, struct slice pack, struct mail_envelope *out);

/* --- structure: RFC 2045, 2046, 2183 ------------------------------------------ */
struct mail_param {
	struct slice name, value;
};
struct mail_params {
	struct mail_param *list;
	size_t n;
};
/* "token; a=b; c="d"" as in Content-Type and Content-Disposition; `head` is
 * what stands before the first ';'. */
MUST_CHECK enum err mail_params_parse(struct arena *a, struct slice value,
	struct slice *head, struct mail_params *out);
/* Value of a parameter (any case), RFC 2231 not joined; NULL when none. */
struct slice mail_param(const struct mail_params *p, const char *name);

enum mail_kind {
	MAIL_LEAF,
	MAIL_MULTIPART, /* children are its parts */
	MAIL_MESSAGE    /* message/rfc822 or /global: one child, its root */
};
#define MAIL_NO_PART UINT16_MAX
struct mail_part {
	enum mail_kind kind;
	uint16_t parent, first_child, next, n_children; /* indexes */
	/* Offsets in the message. The header includes its empty line. */
	uint32_t header_start, header_size, body_start, body_size;
	uint32_t body_lines;
	struct slice type, subtype; /* never NULL; defaults of RFC 2045 5.2 */
	struct mail_params params;
	struct slice id, description, encoding, md5, location;
	struct slice disposition;
	struct mail_params disposition_params;
	struct slice language; /* raw list */
	struct slice envelope; /* pack, of MAIL_MESSAGE only; may be NULL */
};
struct mail_structure {
	struct mail_part *parts; /* [0] is the message itself, in preorder */
	size_t n;
};
MUST_CHECK enum err mail_structure_unpack(
	struct arena *a, struct slice pack, struct mail_structure *out);
/* Part "1.2.3" (`numbers`), RFC 9051 6.4.5.1; n 0 is the root. NULL: none. */
const struct mail_part *mail_part_find(
	const struct mail_structure *s, const uint32_t *numbers, size_t n);
/* The root of the message that `part` is: [0] itself, or a MAIL_MESSAGE's
 * child; NULL when the part is no message. For HEADER, HEADER.FIELDS, TEXT. */
const struct mail_part *mail_message_of(
	const struct mail_structure *s, const struct mail_part *part);

/* --- the scanner: one pass, no recursion, bounded ------------------------------ */
struct mail_scan;
MUST_CHECK enum err mail_scan_new(struct mail_scan **out);
void mail_scan_free(struct mail_scan *s);
/* ERR_NOMEM; never fails on content. */
MUST_CHECK enum err mail_scan_feed(struct mail_scan *s, struct slice data);
/* The packs of the root: envelope and structure. */
MUST_CHECK enum err mail_scan_end(
	struct mail_scan *s, struct buf *envelope, struct buf *structure);
/* Header block of the root so far (at most LIMIT_HEADER), after the header
 * ended or mail_scan_end: for Received counts, Message-ID and the like. */
struct slice mail_scan_header(const struct mail_scan *s);

/* --- text: RFC 2045 6, 2047 ---------------------------------------------------- */
/* Charsets are opened here, before the walls close: glibc reads files. */
void mail_text_warm_up(void);
enum mail_encoding { MAIL_7BIT, MAIL_BASE64, MAIL_QUOTED_PRINTABLE };
/* By name; unknown ones are MAIL_7BIT (identity). */
enum mail_encoding mail_encoding_of(struct slice name);
/* Resumable decoding of a transfer encoding, tolerant as RFC 2045 6.7/6.8 ask:
 * adds to `out`. */
struct mail_decoder {
	enum mail_encoding encoding;
	unsigned n;
	uint32_t bits;
	char held[80]; /* quoted-printable: blanks that may end a line */
};
void mail_decoder_init(struct mail_decoder *d, enum mail_encoding e);
enum err mail_decode(struct mail_decoder *d, struct slice in, struct buf *out);
/* To UTF-8; bytes that do not fit become U+FFFD; an unknown charset is taken
 * as ISO-8859-1. */
enum err mail_to_utf8(struct slice in, struct slice charset, struct buf *out);
bool mail_charset_known(struct slice charset);
/* How texts are compared (RFC 4790): by the bytes that these make of them. */
enum mail_collation {
	COLLATE_UNICODE_CASEMAP, /* RFC 5051 */
	COLLATE_ASCII_CASEMAP,
	COLLATE_OCTET
};
enum err mail_collate(
	enum mail_collation collation, struct slice utf8, struct buf *out);
/* By i;unicode-casemap: at most 11 times as long. */
enum err mail_fold(struct slice utf8, struct buf *out);
/* The base subject of a raw subject (RFC 5256 2.1), UTF-8, into the empty
 * `out`. `reply`: what was cut off made it a reply or forward (3). */
MUST_CHECK enum err mail_base_subject(
	struct slice subject, struct buf *out, bool *reply);
/* A header value with its encoded words decoded to UTF-8 (RFC 2047 6). */
enum err mail_words_decode(struct slice value, struct buf *out);

/* --- text for people: HTML, RFC 8970 ------------------------------------------- */
/* The text of HTML, in pieces: adds to `out` at most 20 bytes more than came.
 * Lines end where blocks do. What is not complete at the end is left out. */
struct mail_html {
	int state;
	char held[16]; /* the name of the tag or character reference */
	size_t n, matched;
	char quote;
	bool closing, equals;
};
void mail_html_init(struct mail_html *h);
enum err mail_html_text(
	struct mail_html *h, struct slice utf8, struct buf *out);
/* The first characters of a text, without quoted lines. */
#define MAIL_PREVIEW_MAX 200
struct mail_preview {
	bool html; /* has no quoted lines */
	bool line_started, quoted, blank;
	size_t n, characters;
	char text[MAIL_PREVIEW_MAX * 4];
};
void mail_preview_init(struct mail_preview *p, bool html);
/* Whole characters of valid UTF-8. True: it has enough. */
bool mail_preview_add(struct mail_preview *p, struct slice utf8);
struct slice mail_preview_text(const struct mail_preview *p);

#endif
