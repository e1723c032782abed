/* SPDX-License-Identifier: EUPL-1.2 */
/* What a server says, whole and byte by byte: both are read the same. */
#include <assert.h>

#include "smtpd/relay/reply.h"

static enum frame_step whole(struct slice in, struct reply *r)
{
	size_t taken;

	return reply_step(r, in, &taken);
}

static enum frame_step in_bytes(struct slice in, struct reply *r)
{
	enum frame_step got = FRAME_MORE;
	size_t from = 0;

	for (size_t to = 1; to <= in.n && got == FRAME_MORE; to++) {
		size_t taken;
		got = reply_step(r, slice_of(in.p + from, to - from), &taken);
		from += taken;
	}
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct extensions e;
	struct reply a, b;
	char line[200];

	reply_init(&a);
	reply_init(&b);
	enum frame_step x = whole(in, &a), y = in_bytes(in, &b);
	assert(x == y);
	if (x == FRAME_DONE) {
		assert(a.code == b.code && a.code >= 200 && a.code < 600);
		assert(slice_eq(buf_slice(&a.text), buf_slice(&b.text)));
		assert(strcmp(a.enhanced, b.enhanced) == 0);
		extensions_parse(buf_slice(&a.text), &e);
		reply_one_line(buf_slice(&a.text), line, sizeof(line));
		assert(!strchr(line, '\n') && utf8_valid(slice_str(line)));
	}
	reply_free(&a);
	reply_free(&b);
	return 0;
}
