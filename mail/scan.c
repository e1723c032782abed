/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one-pass scanner: finds the tree of MIME parts while the message comes
 * in. No recursion: the open multiparts and encapsulated messages lie on an
 * explicit stack of LIMIT_MIME_DEPTH levels; time is linear in the bytes, and
 * memory is bounded by LIMIT_MIME_PARTS parts, LIMIT_HEADER bytes of header
 * and SCAN_ARENA bytes of field values.
 *
 * One line at a time:
 *
 *   HEADER --empty line--> BODY          end_header()
 *   HEADER --boundary----> HEADER        end_header(), then next_part()
 *   BODY ----boundary----> HEADER        close parts, next_part()
 *   BODY ----close delimiter--> BODY     close parts; what follows is epilogue
 *
 * A body ends before the line end that precedes the boundary (RFC 2046 5.1.1):
 * so two positions are kept, before and after the last line end.
 */
#include "pack.h"
#include "scan_int.h"

/* Field values kept while scanning. */
#define SCAN_ARENA MIB(4)
/* Boundaries are 70 characters at most (RFC 2046 5.1.1); some are longer. */
#define BOUNDARY_MAX 256
/* A longer line is no boundary; only so much of a line is kept. */
#define LINE_KEPT (BOUNDARY_MAX + 16)

enum { IN_HEADER, IN_BODY };

struct level {
	uint16_t part;
	uint16_t last_child;   /* MAIL_NO_PART: none yet */
	struct slice boundary; /* empty: an encapsulated message */
	bool digest;           /* multipart/digest: RFC 2046 5.1.5 */
	bool closed;           /* the close delimiter came */
};

struct mail_scan {
	struct arena *arena;
	struct mail_part *parts;
	size_t n_parts, max_parts;
	struct level stack[LIMIT_MIME_DEPTH];
	size_t depth;
	int state;
	uint16_t part;         /* whose header or body is being read */
	uint64_t offset;       /* start of the current line */
	uint64_t before_end;   /* offset before the last line end */
	uint32_t lines;        /* line ends of the message so far */
	uint32_t lines_before; /* the same before the last line end */
	uint32_t body_first_line;
	struct buf header;     /* of the current part */
	struct buf root;       /* header of the message */
	struct slice envelope; /* pack, of the message */
	char line[LINE_KEPT];  /* start of the current line */
	size_t line_n;         /* kept in `line` */
	uint64_t line_size;    /* of the line so far */
	char last;             /* last byte of the line so far */
	enum err err;
};

enum err mail_scan_new(struct mail_scan **out)
{
	struct mail_scan *s = mem_new(struct mail_scan);

	if (!s)
		return ERR_NOMEM;
	s->arena = arena_new(SCAN_ARENA);
	buf_init(&s->header, LIMIT_HEADER);
	buf_init(&s->root, LIMIT_HEADER);
	s->max_parts = 8;
	s->parts = mem_resize(NULL, s->max_parts, sizeof(*s->parts));
	if (!s->arena || !s->parts) {
		mail_scan_free(s);
		return ERR_NOMEM;
	}
	s->parts[0] = (struct mail_part){ .parent = MAIL_NO_PART,
		.first_child = MAIL_NO_PART,
		.next = MAIL_NO_PART };
	s->n_parts = 1;
	*out = s;
	return ERR_OK;
}

void mail_scan_free(struct mail_scan *s)
{
	if (!s)
		return;
	arena_free(s->arena);
	buf_free(&s->header);
	buf_free(&s->root);
	mem_free(s->parts);
	mem_free(s);
}

struct slice mail_scan_header(const struct mail_scan *s)
{
	return buf_slice(s->root.n ? &s->root : &s->header);
}

/* --- the tree ---------------------------------------------------------------- */

static bool add_part(struct mail_scan *s, uint16_t parent, uint16_t *out)
{
	if (s->n_parts == LIMIT_MIME_PARTS)
		return false;
	if (s->n_parts == s->max_parts) {
		size_t max = s->max_parts * 2;
		struct mail_part *p =
			mem_resize(s->parts, max, sizeof(*s->parts));
		if (!p) {
			s->err = ERR_NOMEM;
			return false;
		}
		s->parts = p;
		s->max_parts = max;
	}
	*out = (uint16_t)s->n_parts++;
	s->parts[*out] = (struct mail_part){ .parent = parent,
		.first_child = MAIL_NO_PART,
		.next = MAIL_NO_PART,
		.header_start = (uint32_t)s->offset };
	return true;
}

/* A child of the innermost level begins at the current line's start. */
static bool begin_child(struct mail_scan *s)
{
	struct level *l = &s->stack[s->depth - 1];
	uint16_t child;

	if (!add_part(s, l->part, &child))
		return false;
	if (l->last_child == MAIL_NO_PART)
		s->parts[l->part].first_child = child;
	else
		s->parts[l->last_child].next = child;
	s->parts[l->part].n_children++;
	l->last_child = child;
	s->part = child;
	s->state = IN_HEADER;
	buf_reset(&s->header);
	return true;
}

static void end_body(
	struct mail_scan *s, uint16_t part, uint64_t end, uint32_t lines)
{
	struct mail_part *p = &s->parts[part];

	if (end < p->body_start)
		end = p->body_start;
	p->body_size = (uint32_t)(end - p->body_start);
	p->body_lines = p->body_size ? lines - p->body_lines : 0;
}

/* Everything from the current leaf up to (not including) level `to` ends. */
static void close_down_to(
	struct mail_scan *s, size_t to, uint64_t end, uint32_t lines)
{
	bool leaf_open =
		s->depth == 0 || s->stack[s->depth - 1].part != s->part;

	if (leaf_open)
		end_body(s, s->part, end, lines);
	while (s->depth > to)
		end_body(s, s->stack[--s->depth].part, end, lines);
}

/* --- header ends --------------------------------------------------------------- */

static bool in_digest(const struct mail_scan *s)
{
	return s->depth && s->stack[s->depth - 1].digest;
}

static bool is_message(const struct mail_part *p)
{
	enum mail_encoding e = mail_encoding_of(p->encoding);

	return slice_ieqs(p->type, "message") && e == MAIL_7BIT &&
	       (slice_ieqs(p->subtype, "rfc822") ||
		       slice_ieqs(p->subtype, "global"));
}

static void push_level(struct mail_scan *s, struct slice boundary)
{
	struct mail_part *p = &s->parts[s->part];

	s->stack[s->depth++] = (struct level){
		.part = s->part,
		.last_child = MAIL_NO_PART,
		.boundary = boundary,
		.digest = slice_ieqs(p->subtype, "digest"),
	};
}

/* What the part is: opens a level for its children where it has some. Deeper
 * than the limit, it is what its bytes are: text. */
static void classify(struct mail_scan *s)
{
	struct mail_part *p = &s->parts[s->part];
	struct slice boundary = mail_param(&p->params, "boundary");
	bool multipart = slice_ieqs(p->type, "multipart");
	bool room =
		s->depth < LIMIT_MIME_DEPTH && s->n_parts < LIMIT_MIME_PARTS;

	if (multipart && room && boundary.n && boundary.n <= BOUNDARY_MAX) {
		p->kind = MAIL_MULTIPART;
		push_level(s, boundary);
	} else if (is_message(p) && room) {
		p->kind = MAIL_MESSAGE;
		push_level(s, slice_of("", 0));
		if (!begin_child(s)) {
			s->depth--;
			p->kind = MAIL_LEAF;
		}
	} else if (multipart || slice_ieqs(p->type, "message")) {
		/* Without children it may not be called multipart
		 * (RFC 9051 body-type-mpart needs one); a message/rfc822
		 * without its parts neither. */
		if (multipart || is_message(p)) {
			p->type = slice_str("text");
			p->subtype = slice_str("plain");
		}
	}
}

/* The message's envelope, and that of an encapsulated message's root, which is
 * kept at the message part (RFC 9051 body-type-msg). One that finds no room is
 * left out, but not the message's own. */
static void take_envelope(struct mail_scan *s)
{
	struct mail_part *p = &s->parts[s->part];
	bool root = p->parent == MAIL_NO_PART;
	struct mail_envelope e;
	struct buf pack;

	if (!root && s->parts[p->parent].kind != MAIL_MESSAGE)
		return;
	if (root) {
		buf_add_slice(&s->root, buf_slice(&s->header));
		if (s->root.err)
			s->err = s->root.err;
	}
	struct arena *scratch = arena_new(SCAN_ARENA);
	if (!scratch) {
		s->err = ERR_NOMEM;
		return;
	}
	buf_init(&pack, MIB(1));
	enum err err = mail_envelope_parse(scratch, buf_slice(&s->header), &e);
	if (err == ERR_OK)
		err = mail_envelope_pack(&pack, &e);
	struct slice kept = arena_copy(s->arena, buf_slice(&pack));
	if (root)
		s->envelope = kept;
	else if (err == ERR_OK)
		s->parts[p->parent].envelope = kept;
	if (root && (err != ERR_OK || !kept.p))
		s->err = err != ERR_OK ? err : ERR_NOMEM;
	buf_free(&pack);
	arena_free(scratch);
}

/* Content starts with the next byte. */
static void end_header(struct mail_scan *s, uint64_t body_start, uint32_t lines)
{
	struct mail_part *p = &s->parts[s->part];
	uint16_t part = s->part;

	p->header_size = (uint32_t)(body_start - p->header_start);
	p->body_start = (uint32_t)body_start;
	p->body_lines = lines; /* the count so far; end_body subtracts it */
	part_take_header(s->arena, buf_slice(&s->header), in_digest(s), p);
	take_envelope(s);
	s->state = IN_BODY;
	buf_reset(&s->header);
	s->offset = body_start;
	s->part = part;
	classify(s);
}

/* --- lines ------------------------------------------------------------------- */

/* The innermost level whose boundary the line is; SIZE_MAX: none. */
static size_t match_boundary(
	const struct mail_scan *s, struct slice line, bool *close)
{
	for (size_t i = s->depth; i-- > 0;) {
		struct slice b = s->stack[i].boundary;
		if (b.n == 0 || s->stack[i].closed || line.n < b.n + 2 ||
			memcmp(line.p + 2, b.p, b.n) != 0)
			continue;
		struct slice rest = slice_from(line, b.n + 2);
		*close = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
		if (slice_trim(slice_from(rest, *close ? 2 : 0)).n == 0)
			return i;
	}
	return SIZE_MAX;
}

/* The line in s->line, which began at s->offset, is a boundary of `level`. */
static void at_boundary(
	struct mail_scan *s, size_t level, bool close, uint64_t next)
{
	uint64_t end = s->before_end;
	uint32_t lines = s->lines_before;

	/* Twice at most: an empty message/rfc822 has an empty root inside. */
	while (s->state == IN_HEADER)
		end_header(s, s->offset, s->lines);
	close_down_to(s, level + 1, end, lines);
	s->part = s->stack[level].part;
	s->state = IN_BODY;
	s->stack[level].closed = close;
	s->offset = next;
	/* At the limit of parts the rest belongs to the last one. */
	if (!close)
		(void)begin_child(s);
}

static void header_line(struct mail_scan *s, uint64_t next, bool ended)
{
	bool empty =
		ended && (s->line_size == 1 ||
				 (s->line_size == 2 && s->line[0] == '\r'));

	/* The bytes were added to s->header by keep(). */
	if (empty)
		end_header(s, next, s->lines + 1);
}

static void end_line(struct mail_scan *s, bool ended)
{
	uint64_t next = s->offset + s->line_size;
	struct slice line = slice_of(s->line, s->line_n);
	bool whole = s->line_size == s->line_n;
	bool close = false;
	size_t level = SIZE_MAX;

	if (whole && s->depth && line.n > 2 && line.p[0] == '-' &&
		line.p[1] == '-')
		level = match_boundary(s, line, &close);
	if (level != SIZE_MAX) {
		if (s->state == IN_HEADER) /* it is not part of the header */
			s->header.n -= s->line_n < s->header.n ? s->line_n
							       : s->header.n;
		at_boundary(s, level, close, next);
	} else if (s->state == IN_HEADER) {
		header_line(s, next, ended);
	}
	if (ended) {
		s->lines_before = s->lines++;
		bool crlf = s->line_size >= 2 && s->last == '\r';
		s->before_end = next - (crlf ? 2 : 1);
	} else {
		s->lines_before = s->lines;
		s->before_end = next;
	}
	s->offset = next;
	s->line_n = 0;
	s->line_size = 0;
}

/* Bytes of the current line, its LF perhaps last. */
static void keep(struct mail_scan *s, struct slice piece)
{
	size_t n = piece.n;

	if (n > LINE_KEPT - s->line_n)
		n = LINE_KEPT - s->line_n;
	memcpy(s->line + s->line_n, piece.p, n);
	s->line_n += n;
	if (s->state == IN_HEADER && s->header.err == ERR_OK &&
		s->header.n + piece.n <= s->header.max)
		buf_add_slice(&s->header, piece);
	/* `last` is the byte before the LF. */
	if (piece.n >= 2)
		s->last = piece.p[piece.n - 2];
	if (piece.n && piece.p[piece.n - 1] != '\n')
		s->last = piece.p[piece.n - 1];
	s->line_size += piece.n;
}

enum err mail_scan_feed(struct mail_scan *s, struct slice data)
{
	while (data.n && s->err == ERR_OK) {
		size_t at = slice_find(data, '\n');
		bool ended = at < data.n;
		size_t n = ended ? at + 1 : data.n;
		keep(s, slice_head(data, n));
		if (s->header.err == ERR_NOMEM)
			s->err = ERR_NOMEM;
		if (ended)
			end_line(s, true);
		data = slice_from(data, n);
	}
	return s->err;
}

enum err mail_scan_end(
	struct mail_scan *s, struct buf *envelope, struct buf *structure)
{
	if (s->line_size)
		end_line(s, false);
	while (s->state == IN_HEADER)
		end_header(s, s->offset, s->lines);
	close_down_to(s, 0, s->offset, s->lines);
	TRY(s->err);
	TRY(buf_add_slice(envelope, s->envelope));
	return structure_pack(structure, s->parts, s->n_parts);
}
