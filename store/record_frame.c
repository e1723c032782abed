/* SPDX-License-Identifier: EUPL-1.2 */
/* Pages of a commit: whole, or what differs (doc/FORMAT.md, Journal). */
#include <bastide/mem.h>

#include "record_frame.h"

#define HEAD 6       /* page, bytes of changes */
#define WHOLE 0xffff /* instead of these */
#define CHANGE 4     /* offset and length of one */
#define WORD 8       /* what is compared at a time */
/* With more changes the image itself is not much larger. */
#define WORTH (PAGE_PLAIN * 3 / 4)

_Static_assert(PAGE_PLAIN % WORD == 0, "words of a page");

/* --- writing ------------------------------------------------------------------- */

static bool same(const uint8_t *a, const uint8_t *b, size_t at)
{
	return memcmp(a + at, b + at, WORD) == 0;
}

static void put_change(
	struct buf *out, const uint8_t *now, size_t from, size_t end)
{
	buf_add_be16(out, (uint16_t)from);
	buf_add_be16(out, (uint16_t)(end - from));
	buf_add(out, now + from, end - from);
}

/* False: there are too many. */
static bool put_changes(
	struct buf *out, const uint8_t *now, const uint8_t *before)
{
	size_t start = out->n, end;

	for (size_t at = 0; at < PAGE_PLAIN; at = end) {
		end = at + WORD;
		if (same(now, before, at))
			continue;
		while (end < PAGE_PLAIN && !same(now, before, end))
			end += WORD;
		if (out->n - start + CHANGE + end - at > WORTH)
			return false;
		put_change(out, now, at, end);
	}
	return true;
}

enum err record_frame_put(struct buf *out, uint32_t page, const uint8_t *plain,
	const uint8_t *before)
{
	size_t start = out->n;

	TRY(buf_reserve(out, RECORD_FRAME_MAX));
	buf_add_be32(out, page);
	buf_add_be16(out, WHOLE);
	if (before && put_changes(out, plain, before)) {
		put_be16(out->p + start + 4, (uint16_t)(out->n - start - HEAD));
		return buf_err(out);
	}
	out->n = start + HEAD;
	return buf_add(out, plain, PAGE_PLAIN);
}

/* --- reading ------------------------------------------------------------------- */

/* Every change lies in the page, and they use up the bytes. */
static bool changes_fit(struct slice s)
{
	while (s.n) {
		if (s.n < CHANGE)
			return false;
		size_t at = get_be16(s.p), n = get_be16(s.p + 2);
		if (n == 0 || at + n > PAGE_PLAIN || s.n - CHANGE < n)
			return false;
		s = slice_from(s, CHANGE + n);
	}
	return true;
}

static enum err take(struct slice *rest, size_t head, size_t n, bool whole,
	struct record_frame *out)
{
	if (rest->n - head < n)
		return ERR_CORRUPT;
	*out = (struct record_frame){ .page = get_be32(rest->p),
		.whole = whole,
		.bytes = slice_of(rest->p + head, n) };
	*rest = slice_from(*rest, head + n);
	return whole || changes_fit(out->bytes) ? ERR_OK : ERR_CORRUPT;
}

enum err record_frame_next(
	struct slice *rest, enum record_kind kind, struct record_frame *out)
{
	size_t head = kind == RECORD_IMAGES ? 4 : HEAD;

	if (rest->n == 0)
		return ERR_NOTFOUND;
	if (rest->n < head)
		return ERR_CORRUPT;
	size_t n = kind == RECORD_IMAGES ? WHOLE : get_be16(rest->p + 4);
	return take(rest, head, n == WHOLE ? PAGE_PLAIN : n, n == WHOLE, out);
}

void record_frame_apply(const struct record_frame *f, uint8_t plain[PAGE_PLAIN])
{
	struct slice s = f->bytes;

	while (!f->whole && s.n) {
		size_t at = get_be16(s.p), n = get_be16(s.p + 2);
		memcpy(plain + at, s.p + CHANGE, n);
		s = slice_from(s, CHANGE + n);
	}
	if (f->whole)
		memcpy(plain, s.p, PAGE_PLAIN);
}
