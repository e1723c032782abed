/* SPDX-License-Identifier: EUPL-1.2 */
/* CRLF lines, stateless: an unfinished line stays in the caller's buffer. */
#include <bastide/frame.h>

enum frame_step line_step(struct slice in, size_t max, struct slice *line,
	size_t *taken, enum err *err)
{
	size_t at = slice_find(in, '\n');

	*taken = 0;
	if (at == in.n) {
		/* Of a line too long for good keep just enough to know that
		 * when its end comes. */
		if (in.n > max + 2)
			*taken = in.n - (max + 2);
		return FRAME_MORE;
	}
	*taken = at + 1;
	size_t n = at && in.p[at - 1] == '\r' ? at - 1 : at;
	if (n > max) {
		*err = ERR_LIMIT;
		return FRAME_BAD;
	}
	if (n == at || slice_find(slice_head(in, n), '\r') < n) {
		*err = ERR_SYNTAX;
		return FRAME_BAD;
	}
	*line = slice_head(in, n);
	return FRAME_DONE;
}
