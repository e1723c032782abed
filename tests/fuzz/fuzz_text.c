/* SPDX-License-Identifier: EUPL-1.2 */
/* The small readers that everybody uses: what they take can be written again
 * and is then read as the same. */
#include <stdlib.h>

#include <bastide/domain.h>
#include <bastide/store.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void normal(
	struct slice in, enum err (*make)(struct slice in, struct buf *out))
{
	struct buf one, two;

	buf_init(&one, KIB(4));
	buf_init(&two, KIB(4));
	if (make(in, &one) == ERR_OK) {
		must(utf8_valid(buf_slice(&one)));
		must(make(buf_slice(&one), &two) == ERR_OK);
		must(slice_eq(buf_slice(&one), buf_slice(&two)));
	}
	buf_free(&one);
	buf_free(&two);
}

static void base64(struct slice in)
{
	struct buf plain, text, again;

	buf_init(&plain, MIB(4));
	buf_init(&text, MIB(8));
	buf_init(&again, MIB(4));
	if (base64_decode(&plain, in) == ERR_OK) {
		must(base64_encode(&text, buf_slice(&plain)) == ERR_OK);
		must(base64_decode(&again, buf_slice(&text)) == ERR_OK);
		must(slice_eq(buf_slice(&plain), buf_slice(&again)));
	}
	buf_free(&plain);
	buf_free(&text);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	uint8_t bytes[16];
	struct oid id, same;
	char text[OID_TEXT + 1];
	uint32_t small = 0;
	uint64_t big = 0;

	normal(in, domain_normal);
	normal(in, address_normal);
	base64(in);
	(void)!hex_decode(in, bytes, sizeof(bytes));
	if (oid_parse(in, &id) == ERR_OK) {
		oid_text(&id, text);
		must(oid_parse(slice_str(text), &same) == ERR_OK);
		must(memcmp(&id, &same, sizeof(id)) == 0);
	}
	if (num_u32(in, &small) == ERR_OK)
		must(num_u64(in, &big) == ERR_OK && big == small);
	return 0;
}
