/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines from a buffer that is filled as a connection's is, or in small
 * pieces: same lines. */
#include <stdlib.h>

#include <bastide/frame.h>

#define MAX 100

static void outcome(struct slice in, size_t step_size, struct buf *log)
{
	struct buf have;

	buf_init(&have, SIZE_MAX / 2);
	while (in.n) {
		struct slice piece = slice_head(in, step_size);
		in = slice_from(in, piece.n);
		buf_add_slice(&have, piece);
		enum frame_step step = FRAME_DONE;
		while (step != FRAME_MORE) {
			struct slice line = { NULL, 0 };
			enum err e = ERR_OK;
			size_t taken;
			step = line_step(
				buf_slice(&have), MAX, &line, &taken, &e);
			if (step != FRAME_MORE)
				buf_addf(log, "<%d %.*s>", e, SLICE_ARG(line));
			buf_consume(&have, taken);
		}
		if (have.n > MAX + 2)
			abort();
	}
	buf_free(&have);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf logs[2];

	if (!n)
		return 0;
	for (int i = 0; i < 2; i++) {
		buf_init(&logs[i], MIB(64));
		outcome(slice_of(data + 1, n - 1), i ? 1u + data[0] : KIB(64),
			&logs[i]);
	}
	if (!slice_eq(buf_slice(&logs[0]), buf_slice(&logs[1])))
		abort();
	buf_free(&logs[0]);
	buf_free(&logs[1]);
	return 0;
}
