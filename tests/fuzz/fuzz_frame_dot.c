/* SPDX-License-Identifier: EUPL-1.2 */
/* SMTP DATA against a second, naive reading of the same bytes: the end is at
 * the first CRLF "." CRLF, whatever stands before it. */
#include <stdlib.h>

#include <bastide/frame.h>

static size_t naive_end(struct slice in)
{
	static const struct slice end = SLICE("\r\n.\r\n");

	if (in.n >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		return 3;
	size_t at = slice_find_slice(in, end);
	return at > in.n ? 0 : at + end.n;
}

static size_t outcome(struct slice in, size_t step_size, struct buf *log)
{
	struct dot_framer f;
	size_t total = 0;

	dot_framer_init(&f);
	while (in.n) {
		struct slice piece = slice_head(in, step_size);
		in = slice_from(in, piece.n);
		while (piece.n) {
			size_t taken;
			enum frame_step step =
				dot_framer_step(&f, piece, &taken);
			piece = slice_from(piece, taken);
			total += taken;
			if (step == FRAME_DATA)
				buf_add_slice(log, f.data);
			if (step == FRAME_DONE) {
				buf_addf(log, "<%d>", f.err);
				return total;
			}
		}
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf logs[2];

	if (!n)
		return 0;
	struct slice in = slice_of(data + 1, n - 1);
	for (int i = 0; i < 2; i++) {
		buf_init(&logs[i], MIB(64));
		if (outcome(in, i ? 1u + data[0] : SIZE_MAX, &logs[i]) !=
			naive_end(in))
			abort();
	}
	if (!slice_eq(buf_slice(&logs[0]), buf_slice(&logs[1])))
		abort();
	buf_free(&logs[0]);
	buf_free(&logs[1]);
	return 0;
}
