/* SPDX-License-Identifier: EUPL-1.2 */
/* A request: head, then body whole and in pieces with the same outcome. */
#include <stdlib.h>

#include <bastide/frame.h>

static void outcome(const struct http_head *h, struct slice in,
	size_t step_size, struct buf *log)
{
	struct http_body b;
	enum frame_step step = FRAME_MORE;

	http_body_init(&b, h);
	while (in.n && step == FRAME_MORE) {
		struct slice piece = slice_head(in, step_size);
		in = slice_from(in, piece.n);
		do {
			size_t taken;
			step = http_body_step(&b, piece, &taken);
			piece = slice_from(piece, taken);
			if (step == FRAME_DATA)
				buf_add_slice(log, b.data);
		} while (step == FRAME_DATA || (step == FRAME_MORE && piece.n));
	}
	buf_addf(log, "<%d %d>", step, b.err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_head h;
	struct buf logs[2];

	if (!n)
		return 0;
	struct slice in = slice_of(data + 1, n - 1);
	size_t head = http_head_end(in);
	if (!head || http_head_parse(slice_head(in, head), &h) != ERR_OK)
		return 0;
	for (int i = 0; i < 2; i++) {
		buf_init(&logs[i], MIB(64));
		outcome(&h, slice_from(in, head), i ? 1u + data[0] : SIZE_MAX,
			&logs[i]);
	}
	if (!slice_eq(buf_slice(&logs[0]), buf_slice(&logs[1])))
		abort();
	buf_free(&logs[0]);
	buf_free(&logs[1]);
	return 0;
}
