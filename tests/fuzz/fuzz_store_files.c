/* SPDX-License-Identifier: EUPL-1.2 */
/* What the store reads from its files. The first byte chooses the reader: raw
 * bytes as somebody with the disk could put them there, and what the seal let
 * through as a bug of ours could have written it. */
#include <assert.h>

#include "../../store/record_frame.h"
#include "../../store/map.h"
#include "../../store/record.h"
#include "../../store/segref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct oid tenant = { .b = { 7 } };

static struct secret *key_of_all(void)
{
	static struct secret *key;

	if (!key)
		key = secret_copy("0123456789abcdef0123456789abcdef", 32);
	return key;
}

static void journal_file(struct slice in)
{
	struct journal_head h;
	struct record_prefix p;
	uint8_t chain[RECORD_TAG];
	struct secret *key;

	/* Nobody seals what we did not. */
	assert(journal_head_open(in, &tenant, key_of_all(), &h, chain, &key) !=
		ERR_OK);
	if (record_prefix_parse(in, &p) == ERR_OK)
		assert(p.size >= RECORD_PREFIX + p.head + RECORD_TAG &&
			p.size <= LIMIT_RECORD);
}

static void record_clear(struct slice in)
{
	struct record r = { .size = 1 << 20 };

	if (record_parse(in, &r) == ERR_OK)
		for (uint32_t i = 0; i < r.sections; i++)
			assert(record_frames_at(&r, i) + r.section[i].size <=
				r.size);
	record_free(&r);
}

static void frames(struct slice in)
{
	static uint8_t page[PAGE_PLAIN];
	struct record_frame f;

	if (in.n == 0)
		return;
	enum record_kind kind = in.p[0] & 1 ? RECORD_IMAGES : RECORD_COMMIT;
	in = slice_from(in, 1);
	while (record_frame_next(&in, kind, &f) == ERR_OK)
		record_frame_apply(&f, page);
}

static void map_file(struct slice in)
{
	struct map_file f = { 0 };

	assert(map_open(in, &tenant, 1, 1, key_of_all(), &f) != ERR_OK);
}

static void map_clear(struct slice in)
{
	struct map_file f = { 0 };

	if (map_parse(in, &f) == ERR_OK)
		map_free(&f.map);
}

static void reference(struct slice in)
{
	struct segref ref;
	uint64_t segment, offset;

	if (segref_parse(in, &ref) != ERR_OK)
		return;
	assert(ref.n <= SEGREF_EXTENTS);
	assert(ref.chunks == segref_chunks(ref.total));
	for (uint32_t i = 0; i < ref.chunks && i < 1000; i++)
		segref_place(&ref, i, &segment, &offset);
	if (ref.chunks)
		segref_place(&ref, ref.chunks - 1, &segment, &offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct slice in) = { journal_file,
		record_clear, map_file, map_clear, reference, frames };

	if (size)
		readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](
			slice_of(data + 1, size - 1));
	return 0;
}
