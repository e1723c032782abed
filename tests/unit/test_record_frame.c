/* SPDX-License-Identifier: EUPL-1.2 */
/* Pages in records: what differs, and back; what does not fit; images of the
 * version before. */
#include "unit.h"

#include <stdlib.h>

#include "../../store/aad.h"
#include "../../store/page_index.h"
#include "../../store/record_frame.h"

#define PAGES 40

static uint8_t page[PAGES + 1][PAGE_PLAIN], copy[PAGES + 1][PAGE_PLAIN];

static void fill(uint8_t *p, size_t n)
{
	for (size_t k = 0; k < n; k++)
		p[k] = (uint8_t)random();
}

/* A few bytes, a stretch, or nearly all of it. */
static void change(uint8_t p[PAGE_PLAIN])
{
	size_t at = (size_t)random() % PAGE_PLAIN;
	size_t room = PAGE_PLAIN - at;

	switch (random() % 4) {
	case 0:
		break;
	case 1:
		for (int k = 0; k < 5; k++)
			p[(size_t)random() % PAGE_PLAIN] ^= 1;
		break;
	case 2:
		fill(p + at, 1 + (size_t)random() % room);
		break;
	default:
		for (size_t k = (size_t)random() % 40; k < PAGE_PLAIN; k += 17)
			p[k] ^= 0x80;
	}
}

static void test_changes_and_back(void **state)
{
	struct page_index known = { 0 };
	static uint8_t before[PAGE_PLAIN];
	struct buf b;
	struct record_frame f;
	size_t changed = 0;

	srandom(11);
	buf_init(&b, MIB(1));
	for (int round = 0; round < 4000; round++) {
		uint32_t n = 1 + (uint32_t)random() % PAGES;
		bool was = page_index_get(&known, n) != 0;
		memcpy(before, page[n], PAGE_PLAIN);
		change(page[n]);
		size_t start = b.n;
		assert_int_equal(
			record_frame_put(&b, n, page[n], was ? before : NULL),
			ERR_OK);
		assert_true(b.n - start <= RECORD_FRAME_MAX);
		assert_true(page_index_put(&known, n, (uint32_t)round + 1));
		struct slice rest = slice_from(buf_slice(&b), start);
		assert_int_equal(
			record_frame_next(&rest, RECORD_COMMIT, &f), ERR_OK);
		assert_int_equal(f.page, n);
		assert_true(was || f.whole);
		changed += !f.whole;
		record_frame_apply(&f, copy[n]);
		assert_memory_equal(copy[n], page[n], PAGE_PLAIN);
		assert_int_equal(record_frame_next(&rest, RECORD_COMMIT, &f),
			ERR_NOTFOUND);
		if (b.n > KIB(512))
			buf_reset(&b);
	}
	assert_true(changed > 2000);
	buf_free(&b);
	page_index_clear(&known);
}

/* What does not change takes no more than its number. */
static void test_sizes(void **state)
{
	struct buf b;

	buf_init(&b, KIB(64));
	assert_int_equal(record_frame_put(&b, 1, page[1], page[1]), ERR_OK);
	assert_int_equal(b.n, 6);
	memcpy(copy[1], page[1], PAGE_PLAIN);
	copy[1][PAGE_PLAIN - 1] ^= 1;
	buf_reset(&b);
	assert_int_equal(record_frame_put(&b, 1, copy[1], page[1]), ERR_OK);
	assert_int_equal(b.n, 6 + 4 + 8);
	buf_reset(&b);
	for (size_t k = 0; k < PAGE_PLAIN; k++)
		copy[1][k] ^= 1;
	assert_int_equal(record_frame_put(&b, 1, copy[1], page[1]), ERR_OK);
	assert_int_equal(b.n, RECORD_FRAME_MAX);
	buf_free(&b);
}

static enum err read_one(const char *raw, size_t n)
{
	struct slice rest = slice_of(raw, n);
	struct record_frame f;

	return record_frame_next(&rest, RECORD_COMMIT, &f);
}

static void test_what_does_not_fit(void **state)
{
	char raw[30] = { 0, 0, 0, 9, 0, 12 };

	put_be16(raw + 6, PAGE_PLAIN - 8);
	put_be16(raw + 8, 8);
	assert_int_equal(read_one(raw, 18), ERR_OK);
	assert_int_equal(read_one(raw, 17), ERR_CORRUPT);
	assert_int_equal(read_one(raw, 5), ERR_CORRUPT);
	put_be16(raw + 6, PAGE_PLAIN - 7); /* beyond the page */
	assert_int_equal(read_one(raw, 18), ERR_CORRUPT);
	put_be16(raw + 6, 0);
	put_be16(raw + 8, 9); /* beyond the frame */
	assert_int_equal(read_one(raw, 30), ERR_CORRUPT);
	put_be16(raw + 8, 0);
	assert_int_equal(read_one(raw, 18), ERR_CORRUPT);
	put_be16(raw + 8, 6); /* two bytes are no change */
	assert_int_equal(read_one(raw, 18), ERR_CORRUPT);
	put_be16(raw + 4, 0xffff); /* less than a page */
	assert_int_equal(read_one(raw, 18), ERR_CORRUPT);
}

static void test_index(void **state)
{
	struct page_index x = { 0 };

	assert_int_equal(page_index_get(&x, 1), 0);
	for (uint32_t n = 1; n <= 5000; n++)
		assert_true(page_index_put(&x, n * 64, n));
	for (uint32_t n = 1; n <= 5000; n += 2)
		assert_true(page_index_put(&x, n * 64, n + 7));
	for (uint32_t n = 1; n <= 5000; n++)
		assert_int_equal(page_index_get(&x, n * 64), n % 2 ? n + 7 : n);
	assert_int_equal(page_index_get(&x, 63), 0);
	page_index_clear(&x);
	assert_int_equal(page_index_get(&x, 64), 0);
}

/* --- version 1 --------------------------------------------------------------------- */

static const struct oid tenant = { .b = { 7 } };

static void head_of_version(
	uint32_t version, const struct secret *key, uint8_t raw[JOURNAL_HEAD])
{
	struct secret *file_key = secret_new(SEAL_KEY);
	struct aad aad;

	memset(raw, 0, JOURNAL_HEAD);
	memcpy(raw, "bst.jrnl", 8);
	put_be32(raw + 8, version);
	memcpy(raw + 12, tenant.b, 16);
	put_be64(raw + 28, 5);
	aad_journal(&aad, slice_of(raw, 92));
	assert_int_equal(
		seal_wrap(key, aad_slice(&aad), file_key, raw + 92), ERR_OK);
	secret_free(file_key);
}

static void test_versions_of_files(void **state)
{
	static const enum err expected[] = { ERR_CORRUPT, ERR_OK, ERR_OK,
		ERR_VERSION };
	struct secret *key =
		secret_copy("0123456789abcdef0123456789abcdef", 32);
	uint8_t raw[JOURNAL_HEAD], chain[RECORD_TAG];

	for (uint32_t version = 0; version < 4; version++) {
		struct journal_head h;
		struct secret *file_key = NULL;
		head_of_version(version, key, raw);
		assert_int_equal(journal_head_open(slice_of(raw, sizeof(raw)),
					 &tenant, key, &h, chain, &file_key),
			expected[version]);
		secret_free(file_key);
	}
	secret_free(key);
}

/* A commit of images, as version 1 has written it. */
static void test_images(void **state)
{
	struct record_section section = { .account = 3, .pages = 9 };
	struct record r = { .number = 4,
		.kind = RECORD_IMAGES,
		.commit = 8,
		.section = &section,
		.sections = 1 };
	struct record_writer w;
	struct record_prefix prefix;
	struct record got;
	struct seal *key;
	uint8_t tag[RECORD_TAG];
	struct record_frame f;
	struct buf b;

	assert_int_equal(seal_new((const uint8_t *)"0123456789abcdef"
						   "0123456789abcdef",
				 &key),
		ERR_OK);
	buf_init(&b, KIB(64));
	assert_int_equal(record_begin(&w, &b, 5, &r), ERR_OK);
	for (uint32_t n = 2; n <= 3; n++) {
		buf_add_be32(&b, n);
		buf_add(&b, page[n], PAGE_PLAIN);
	}
	assert_int_equal(record_seal_section(&w, 0, &tenant, key), ERR_OK);
	assert_int_equal(record_end(&w, &tenant, key, tag), ERR_OK);
	assert_int_equal(record_prefix_parse(buf_slice(&b), &prefix), ERR_OK);
	assert_int_equal(
		record_open(slice_head(buf_slice(&b),
				    RECORD_PREFIX + prefix.head + RECORD_TAG),
			&tenant, 5, key, &got),
		ERR_OK);
	assert_int_equal(got.section[0].size, 2 * (4 + PAGE_PLAIN));
	char *out = malloc(got.section[0].size);
	assert_int_equal(record_section_open(&got, 0, &tenant, 5, key,
				 b.p + record_frames_at(&got, 0), out),
		ERR_OK);
	struct slice rest = slice_of(out, got.section[0].size);
	for (uint32_t n = 2; n <= 3; n++) {
		assert_int_equal(
			record_frame_next(&rest, got.kind, &f), ERR_OK);
		assert_true(f.whole && f.page == n);
		assert_memory_equal(f.bytes.p, page[n], PAGE_PLAIN);
	}
	assert_int_equal(record_frame_next(&rest, got.kind, &f), ERR_NOTFOUND);
	free(out);
	record_free(&got);
	seal_free(key);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_and_back),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_versions_of_files),
		cmocka_unit_test(test_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
