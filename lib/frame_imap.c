/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * IMAP commands out of a byte stream (RFC 9051 4.3 and 9, RFC 7888, RFC 3516).
 *
 *	TEXT --line without literal------------------> END (FRAME_DONE)
 *	TEXT --line that announces one---------------> ANNOUNCED (FRAME_LITERAL)
 *	ANNOUNCED --collect--> COLLECT --all there---> TEXT
 *	ANNOUNCED --stream---> STREAM  --all given---> TEXT
 *	ANNOUNCED --discard, "{n+}"--> SWALLOW ------> TEXT (discarded)
 *	ANNOUNCED --discard, "{n}"--> REFUSED -------> END (FRAME_DONE)
 *	TEXT --line with a fault or over max --------> SKIP
 *	SKIP --"{n+}"--> SWALLOW --------------------> SKIP
 *	SKIP --end of line---------------------------> END (FRAME_BAD)
 *
 * SKIP follows announcements too: else the literal's bytes would be taken for
 * commands. A "{n}" ends it, since the client waits for a "+" that never comes.
 */
#include <bastide/frame.h>

enum state { TEXT, ANNOUNCED, COLLECT, STREAM, SWALLOW, REFUSED, END };

void imap_framer_init(struct imap_framer *f, size_t max)
{
	*f = (struct imap_framer){ .state = TEXT };
	buf_init(&f->line, max);
}

void imap_framer_free(struct imap_framer *f)
{
	buf_wipe(&f->line);
}

void imap_framer_reset(struct imap_framer *f)
{
	struct buf line = f->line;

	buf_reset(&line);
	*f = (struct imap_framer){ .state = TEXT, .line = line };
}

/* The fault that FRAME_BAD will report; the first one counts. */
static void fault(struct imap_framer *f, enum err e)
{
	if (f->err == ERR_OK)
		f->err = e;
}

static bool skipping(const struct imap_framer *f)
{
	return f->err != ERR_OK;
}

/* While skipping only the end of the line is kept: an announcement is at most
 * "~{18446744073709551615+}\r\n". */
static void keep_tail(struct imap_framer *f, struct slice s)
{
	size_t max = sizeof(f->tail);

	if (!s.n)
		return;
	if (s.n >= max) {
		memcpy(f->tail, s.p + s.n - max, max);
		f->n_tail = max;
		return;
	}
	size_t keep = f->n_tail + s.n > max ? max - s.n : f->n_tail;
	memmove(f->tail, f->tail + f->n_tail - keep, keep);
	memcpy(f->tail + keep, s.p, s.n);
	f->n_tail = keep + s.n;
}

static void add_text(struct imap_framer *f, struct slice s)
{
	if (!skipping(f)) {
		if (buf_add_slice(&f->line, s) == ERR_OK)
			return;
		/* Keep what fits: the tag stands at the start. */
		enum err e = buf_err(&f->line);
		f->line.err = ERR_OK;
		keep_tail(f, slice_from(buf_slice(&f->line), f->text));
		buf_add_slice(&f->line, slice_head(s, f->line.max - f->line.n));
		f->line.err = ERR_OK;
		fault(f, e);
	}
	keep_tail(f, s);
}

static struct slice text_line(const struct imap_framer *f)
{
	if (f->n_tail)
		return slice_of(f->tail, f->n_tail);
	return slice_from(buf_slice(&f->line), f->text);
}

/* CRLF at the end and nowhere else, no NUL (RFC 9051 9: CHAR, CRLF). */
static bool line_is_clean(struct slice line)
{
	return line.n >= 2 && line.p[line.n - 2] == '\r' &&
	       slice_find(line, '\r') == line.n - 2 &&
	       slice_find(line, '\0') == line.n;
}

/* Does the line end in "{n}" or "{n+}", perhaps with "~" in front? A number
 * that does not fit is a fault, not an announcement. */
static bool announcement(struct imap_framer *f, struct slice s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	if (!s.n || s.p[s.n - 1] != '}')
		return false;
	size_t at = s.n - 1;
	bool sync = true;
	if (at && s.p[at - 1] == '+') {
		sync = false;
		at--;
	}
	size_t end = at;
	while (at && s.p[at - 1] >= '0' && s.p[at - 1] <= '9')
		at--;
	if (at == end || !at || s.p[at - 1] != '{')
		return false;
	uint64_t size;
	if (num_u64(slice_of(s.p + at, end - at), &size) != ERR_OK) {
		fault(f, ERR_LIMIT);
		return false;
	}
	f->literal_size = f->literal_left = size;
	f->literal_sync = sync;
	f->literal_binary = at >= 2 && s.p[at - 2] == '~';
	return true;
}

bool imap_announces(struct slice line, uint64_t *size)
{
	struct imap_framer f = { .state = TEXT };

	if (!announcement(&f, line))
		return false;
	*size = f.literal_size;
	return true;
}

static enum frame_step end_of_line(struct imap_framer *f)
{
	struct slice line = text_line(f);

	if (!skipping(f) && !line_is_clean(line))
		fault(f, ERR_SYNTAX);
	bool announced = announcement(f, line);
	f->n_tail = 0;
	if (announced && !skipping(f) && !f->discarded) {
		f->state = ANNOUNCED;
		return FRAME_LITERAL;
	}
	if (announced && !f->literal_sync) {
		f->state = SWALLOW;
		return FRAME_MORE;
	}
	f->state = END;
	if (skipping(f))
		return FRAME_BAD;
	/* The last CRLF is no part of the command; a refused announcement
	 * stays as it came. */
	if (!announced)
		f->line.n -= 2;
	return FRAME_DONE;
}

static enum frame_step step_text(
	struct imap_framer *f, struct slice in, size_t *used)
{
	size_t at = slice_find(in, '\n');
	bool whole = at < in.n;

	*used = whole ? at + 1 : in.n;
	add_text(f, slice_head(in, *used));
	return whole ? end_of_line(f) : FRAME_MORE;
}

static enum frame_step step_literal(
	struct imap_framer *f, struct slice in, size_t *used)
{
	struct slice piece = slice_head(
		in, f->literal_left < in.n ? (size_t)f->literal_left : in.n);
	int state = f->state;

	if (state == COLLECT)
		buf_add_slice(&f->line, piece);
	f->literal_left -= piece.n;
	*used = piece.n;
	if (!f->literal_left) {
		f->state = TEXT;
		f->text = f->line.n;
	}
	if (state != STREAM)
		return FRAME_MORE;
	f->data = piece;
	return FRAME_DATA;
}

enum frame_step imap_framer_step(
	struct imap_framer *f, struct slice in, size_t *taken)
{
	enum frame_step step = FRAME_MORE;

	*taken = 0;
	if (f->state == REFUSED) {
		f->state = END;
		return FRAME_DONE;
	}
	if (f->state == END)
		imap_framer_reset(f);
	if (f->state == ANNOUNCED)
		return FRAME_LITERAL;
	while (step == FRAME_MORE && *taken < in.n) {
		size_t used;
		struct slice rest = slice_from(in, *taken);
		step = f->state == TEXT ? step_text(f, rest, &used)
					: step_literal(f, rest, &used);
		*taken += used;
	}
	return step;
}

/* --- the caller's answers --------------------------------------------------- */

static void take_literal(struct imap_framer *f, enum state state)
{
	f->state = f->literal_left ? state : TEXT;
	f->text = f->line.n;
}

void imap_framer_collect(struct imap_framer *f)
{
	if (f->literal_size > f->line.max - f->line.n) {
		fault(f, ERR_LIMIT);
		take_literal(f, SWALLOW);
		return;
	}
	take_literal(f, COLLECT);
}

void imap_framer_stream(struct imap_framer *f)
{
	take_literal(f, STREAM);
}

void imap_framer_discard(struct imap_framer *f)
{
	f->discarded = true;
	if (f->literal_sync)
		f->state = REFUSED;
	else
		take_literal(f, SWALLOW);
}
