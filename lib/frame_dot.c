/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The end of SMTP DATA and its stuffed dots (RFC 5321 4.5.2), strict against
 * smuggling: only CRLF ends a line, so only CRLF "." CRLF ends a message.
 *
 *	LINE --"."--> DOT --CR--> DOT_CR --LF--> FRAME_DONE
 *	LINE --else-> TEXT        TEXT --CR--> CR --LF--> LINE
 *	DOT --else--> TEXT (the dot is dropped)
 *
 * CR followed by anything but LF, and LF without CR, mark the message as bad;
 * the framer goes on, so that command and data are never mixed up.
 */
#include <bastide/frame.h>

enum state { LINE, TEXT, CR, DOT, DOT_CR };

void dot_framer_init(struct dot_framer *f)
{
	*f = (struct dot_framer){ .state = LINE };
}

/* Where a byte leads; notes what breaks the rules. */
static int next_state(struct dot_framer *f, char c)
{
	switch (f->state) {
	case CR:
	case DOT_CR:
		if (c == '\n')
			return LINE;
		f->err = ERR_SYNTAX;
		break;
	case LINE:
		if (c == '.')
			return DOT;
		break;
	default:
		break;
	}
	if (c == '\r')
		return f->state == DOT ? DOT_CR : CR;
	if (c == '\n')
		f->err = ERR_SYNTAX;
	return TEXT;
}

/* Bytes that need no look: everything but CR and LF inside a line. */
static size_t plain_run(struct slice in)
{
	size_t n = 0;

	while (n < in.n && in.p[n] != '\r' && in.p[n] != '\n')
		n++;
	return n;
}

enum frame_step dot_framer_step(
	struct dot_framer *f, struct slice in, size_t *taken)
{
	size_t at = 0, start = 0;

	while (at < in.n) {
		if (f->state == TEXT) {
			at += plain_run(slice_from(in, at));
			if (at == in.n)
				break;
		}
		if (f->state == DOT_CR && in.p[at] == '\n') {
			f->state = LINE;
			*taken = at + 1;
			return FRAME_DONE;
		}
		f->state = next_state(f, in.p[at]);
		/* The dot, and the CR that may belong to the end, are held
		 * back: what was gathered before them goes out first. */
		bool held = f->state == DOT || f->state == DOT_CR;
		if (held && at > start)
			goto give;
		at++;
		if (held)
			start = at;
	}
	if (at == start) {
		*taken = at;
		return FRAME_MORE;
	}
give:
	f->data = slice_of(in.p + start, at - start);
	f->size += f->data.n;
	/* A held byte is looked at already; its state stands. */
	*taken = at < in.n ? at + 1 : at;
	return FRAME_DATA;
}
