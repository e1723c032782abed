/* SPDX-License-Identifier: EUPL-1.2 */
/* The first byte chooses how literals are answered and how the rest is cut;
 * cut or not, the outcome must be the same. */
#include <stdlib.h>

#include <bastide/frame.h>

#define MAX KIB(64)

static void outcome(struct imap_framer *f, struct slice in, size_t step_size,
	int answer, struct buf *log)
{
	while (in.n) {
		struct slice piece = slice_head(in, step_size);
		in = slice_from(in, piece.n);
		enum frame_step step = FRAME_DONE;
		while (step != FRAME_MORE || piece.n) {
			size_t taken;
			step = imap_framer_step(f, piece, &taken);
			piece = slice_from(piece, taken);
			if (step == FRAME_LITERAL && answer == 0)
				imap_framer_collect(f);
			else if (step == FRAME_LITERAL && answer == 1)
				imap_framer_stream(f);
			else if (step == FRAME_LITERAL)
				imap_framer_discard(f);
			else if (step == FRAME_DATA)
				buf_add_slice(log, f->data);
			else if (step != FRAME_MORE)
				buf_addf(log, "<%d %d %.*s>", step, f->err,
					SLICE_ARG(buf_slice(&f->line)));
			if (step == FRAME_DONE)
				imap_framer_reset(f);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct imap_framer f;
	struct buf logs[2];

	if (!n)
		return 0;
	struct slice in = slice_of(data + 1, n - 1);
	for (int i = 0; i < 2; i++) {
		imap_framer_init(&f, MAX);
		buf_init(&logs[i], MIB(64));
		outcome(&f, in, i ? 1u + data[0] / 3 : SIZE_MAX, data[0] % 3,
			&logs[i]);
		imap_framer_free(&f);
	}
	if (!slice_eq(buf_slice(&logs[0]), buf_slice(&logs[1])))
		abort();
	buf_free(&logs[0]);
	buf_free(&logs[1]);
	return 0;
}
