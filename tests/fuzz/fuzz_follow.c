/* SPDX-License-Identifier: EUPL-1.2 */
/* The front follows a dialogue: each byte 0 or 1 changes who speaks. In pieces
 * or whole, the same goes on. */
#include <stdlib.h>

#include "../../imapd/front/follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What the client has sent and was held; more than that, a client would wait. */
static struct buf held;

static void client(struct follow *f, struct slice s, size_t piece)
{
	size_t at = 0;

	buf_add_slice(&held, s);
	for (size_t n = 1; n && at < held.n; at += n) {
		struct slice rest = slice_from(buf_slice(&held), at);
		n = follow_client(f, slice_head(rest, piece));
		if (n > rest.n)
			abort();
	}
	buf_consume(&held, at);
}

static void tenant(struct follow *f, struct slice s, size_t piece)
{
	bool event;
	enum followed what = FOLLOW_OTHER;

	while (s.n) {
		struct slice now = slice_head(s, piece);
		size_t n = follow_tenant(f, now, &event, &what);
		if (n > now.n || (n < now.n && !event) ||
			(event && f->waits && what != FOLLOW_LOST))
			abort();
		s = slice_from(s, n);
		if (event)
			client(f, slice_of("", 0), piece);
	}
}

static size_t play(struct slice in, size_t piece)
{
	struct follow f;
	bool server = false;

	follow_init(&f);
	buf_init(&held, MIB(8));
	while (in.n) {
		size_t n = 0;
		while (n < in.n && (unsigned char)in.p[n] > 1)
			n++;
		if (server)
			tenant(&f, slice_head(in, n), piece);
		else
			client(&f, slice_head(in, n), piece);
		if (n < in.n)
			server = in.p[n] == 1;
		in = slice_from(in, n + 1);
	}
	size_t left = held.n;
	follow_free(&f);
	buf_free(&held);
	return left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_of(data, n);

	if (play(in, n + 1) != play(in, 3))
		abort();
	return 0;
}
