/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Both directions of a signed-in dialogue, by the rules that client and tenantd
 * follow. The client's bytes are framed by the tenantd's own framer; where only
 * the answer tells what comes next, what comes waits for it:
 *
 *	"{n}"            "+": n bytes of literal    tagged: the command is over
 *	IDLE             "+" or tagged: a line follows (its "+" is no literal's)
 *	COMPRESS DEFLATE tagged OK: compressed      tagged: as before
 *	UNAUTHENTICATE   nothing goes on any more, whatever the answer
 *
 * Such a command in the place of DONE only ends IDLE, and is never answered.
 * A client that keeps to RFC 9051 waits there anyway. So a tenantd can keep the
 * next user's login waiting, but cannot have it.
 */
#include <bastide/cursor.h>

#include "../grammar.h"
#include "follow.h"

/* A line of usual length stays allocated. */
#define KEPT_LINE 1000

void follow_init(struct follow *f)
{
	*f = (struct follow){ .command = FOLLOW_OTHER };
	/* The tenantd's limit: what it frames as one line, is one here. */
	imap_framer_init(&f->up, LIMIT_IMAP_COMMAND);
}

void follow_free(struct follow *f)
{
	imap_framer_free(&f->up);
}

/* --- from the client -------------------------------------------------------------- */

static void next_command(struct follow *f)
{
	imap_framer_reset(&f->up);
	if (f->up.line.cap > KEPT_LINE)
		buf_wipe(&f->up.line);
	f->command = FOLLOW_OTHER;
	f->waits = f->literal = false;
}

static enum followed command_of(struct slice line)
{
	struct cursor c = cursor_of(line);
	struct slice tag, name;

	if (!p_run(&c, is_tag_char, &tag) || !p_sp(&c) || !imap_atom(&c, &name))
		return FOLLOW_OTHER;
	if (slice_ieqs(name, "COMPRESS"))
		return FOLLOW_COMPRESS;
	if (!p_end(&c))
		return FOLLOW_OTHER;
	return slice_ieqs(name, "IDLE")             ? FOLLOW_IDLE
	       : slice_ieqs(name, "UNAUTHENTICATE") ? FOLLOW_SIGN_OUT
						    : FOLLOW_OTHER;
}

static void on_frame(struct follow *f, enum frame_step got)
{
	switch (got) {
	case FRAME_LITERAL:
		if (f->up.literal_sync)
			f->waits = f->literal = true;
		else
			imap_framer_stream(&f->up);
		break;
	case FRAME_DONE:
		f->command = command_of(buf_slice(&f->up.line));
		f->waits = f->command != FOLLOW_OTHER;
		if (!f->waits)
			next_command(f);
		break;
	case FRAME_BAD:
		next_command(f);
		break;
	default:
		break;
	}
	if (got != FRAME_MORE) {
		f->astray = f->idles && f->waits;
		f->idles = false;
	}
}

size_t follow_client(struct follow *f, struct slice in)
{
	size_t at = 0;

	while (at < in.n && !f->waits) {
		size_t taken;
		enum frame_step got =
			imap_framer_step(&f->up, slice_from(in, at), &taken);
		at += taken;
		on_frame(f, got);
	}
	return at;
}

/* --- from the tenantd --------------------------------------------------------------- */

static void keep(struct follow *f, struct slice piece)
{
	size_t room = sizeof(f->head) - f->n_head;
	size_t n = piece.n < room ? piece.n : room;

	memcpy(f->head + f->n_head, piece.p, n);
	f->n_head += n;
	n = sizeof(f->tail);
	if (piece.n >= n) {
		memcpy(f->tail, piece.p + piece.n - n, n);
		f->n_tail = n;
		return;
	}
	size_t old = n - piece.n < f->n_tail ? n - piece.n : f->n_tail;
	memmove(f->tail, f->tail + f->n_tail - old, old);
	memcpy(f->tail + old, piece.p, piece.n);
	f->n_tail = old + piece.n;
}

/* Is this the tagged reply to the command that waits? A tag too long to be kept
 * is known by its beginning: no other line has such a one. */
static bool is_tagged(const struct follow *f, struct slice *rest)
{
	struct cursor c = cursor_of(buf_slice(&f->up.line));
	struct slice tag = slice_of("", 0);
	struct slice line = slice_of(f->head, f->n_head);

	if (!p_run(&c, is_tag_char, &tag))
		tag = slice_str("*");
	struct slice want = slice_head(tag, line.n);
	*rest = slice_from(line, want.n);
	return want.n && slice_eq(slice_head(line, want.n), want) &&
	       (!rest->n || rest->p[0] == ' ');
}

/* The line in `head` while somebody waits: true when it ends that. */
static bool answers(struct follow *f, enum followed *what)
{
	bool plus = f->head[0] == '+' && f->command != FOLLOW_SIGN_OUT &&
		    f->command != FOLLOW_COMPRESS;
	struct slice rest = slice_of("", 0);

	if (!plus && !is_tagged(f, &rest)) {
		if (!f->astray || f->head[0] == '*' || f->head[0] == '+')
			return false;
		f->astray = false;
		*what = FOLLOW_LOST;
		return true;
	}
	bool ok = slice_iprefix(rest, " OK ");
	if (f->command == FOLLOW_SIGN_OUT) {
		f->answered = ok;
		return false;
	}
	*what = ok ? f->command : FOLLOW_OTHER;
	if (plus && f->literal) {
		imap_framer_stream(&f->up);
		f->waits = f->literal = false;
	} else {
		f->idles = plus;
		next_command(f);
	}
	return true;
}

/* A line of the tenantd's is whole, or a literal follows it. */
static bool end_of_line(struct follow *f, enum followed *what)
{
	if (imap_announces(slice_of(f->tail, f->n_tail), &f->skip)) {
		f->n_tail = 0;
		return false;
	}
	bool event = f->waits && answers(f, what);
	f->n_head = f->n_tail = 0;
	return event;
}

size_t follow_tenant(
	struct follow *f, struct slice in, bool *event, enum followed *what)
{
	size_t at = 0;

	*event = false;
	while (at < in.n && !*event) {
		struct slice rest = slice_from(in, at);
		if (f->skip) {
			size_t n = f->skip < rest.n ? (size_t)f->skip : rest.n;
			f->skip -= n;
			at += n;
			continue;
		}
		size_t line = slice_find(rest, '\n');
		bool whole = line < rest.n;
		struct slice piece = slice_head(rest, line + whole);
		keep(f, piece);
		at += piece.n;
		if (whole)
			*event = end_of_line(f, what);
	}
	return at;
}
