/* SPDX-License-Identifier: EUPL-1.2 */
/* Expansion of what the check let through: spans in order, none ends before
 * it starts. Rules on which libical runs on are the worker's deadline's
 * business, not this target's: it leaves out RRULE's BY parts. */
#include <assert.h>
#include <string.h>

#include <bastide/content.h>
#include <bastide/limits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool may_run_on(struct slice s)
{
	struct slice by = slice_str("BY");

	for (size_t i = 0; i + 2 <= s.n; i++)
		if (slice_ieq(slice_of(s.p + i, 2), by))
			return true;
	return false;
}

static void expand(struct slice ics)
{
	static struct span spans[LIMIT_SPANS];
	int64_t horizon;
	size_t n;

	if (ical_expand(ics, spans, &n, &horizon) != ERR_OK)
		return;
	assert(n <= LIMIT_SPANS);
	for (size_t i = 0; i < n; i++) {
		assert(spans[i].end >= spans[i].start);
		assert(!i || spans[i].start >= spans[i - 1].start);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_CONTENT_ARENA);
	struct content_comp *root;
	struct content_info info;
	struct buf b;

	ical_warm_up();
	buf_init(&b, LIMIT_IPC_MESSAGE);
	if (content_parse(a, slice_of(data, size), &root) == ERR_OK &&
		ical_check(root, &info) == ERR_OK &&
		ical_reduce(root, &b) == ERR_OK && !may_run_on(buf_slice(&b)))
		expand(buf_slice(&b));
	buf_free(&b);
	arena_free(a);
	return 0;
}
