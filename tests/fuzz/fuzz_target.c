/* SPDX-License-Identifier: EUPL-1.2 */
/* Request targets: a decoded path has no dot segments, no controls, and comes
 * out of its own encoding unchanged. */
#include <assert.h>

#include <bastide/limits.h>

#include "../../caldav/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(struct slice path)
{
	struct slice query, rest = path;
	struct buf encoded, decoded;

	buf_init(&encoded, MIB(8));
	buf_init(&decoded, MIB(8));
	for (bool more = true; more;) {
		size_t n = slice_find(rest, '/');
		target_encode(&encoded, slice_head(rest, n));
		more = n < rest.n;
		if (more)
			buf_addc(&encoded, '/');
		rest = slice_from(rest, n + 1);
	}
	assert(target_decode(buf_slice(&encoded), &decoded, &query) == ERR_OK);
	assert(slice_eq(buf_slice(&decoded), path));
	buf_free(&encoded);
	buf_free(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice query;
	struct buf path, value;

	buf_init(&path, MIB(2));
	buf_init(&value, MIB(2));
	if (target_decode(slice_of(data, size), &path, &query) == ERR_OK) {
		struct slice p = buf_slice(&path);
		assert(p.n && p.p[0] == '/' && utf8_valid(p));
		for (size_t i = 0; i < p.n; i++)
			assert((unsigned char)p.p[i] >= 0x20);
		struct slice dots = slice_str("/../");
		assert(slice_find_slice(p, dots) > p.n);
		(void)target_query(query, "a", &value);
		encode_again(p);
	}
	buf_free(&path);
	buf_free(&value);
	return 0;
}
