/* SPDX-License-Identifier: EUPL-1.2 */
/* Numbers and strings of packs; every read checks. */
#include "pack.h"

void pack_number(struct buf *b, uint64_t v)
{
	while (v >= 0x80) {
		buf_addc(b, (char)(v | 0x80));
		v >>= 7;
	}
	buf_addc(b, (char)v);
}

void pack_string(struct buf *b, struct slice s)
{
	if (!s.p) {
		pack_number(b, 0);
		return;
	}
	pack_number(b, s.n + 1);
	buf_add_slice(b, s);
}

bool unpack_number(struct cursor *c, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63 && c->p < c->end; shift += 7) {
		uint8_t byte = (uint8_t)*c->p++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*out = v;
			return v <= max;
		}
	}
	return false;
}

bool unpack_string(struct cursor *c, struct slice *out)
{
	uint64_t n;

	if (!unpack_number(c, UINT32_MAX, &n))
		return false;
	if (n == 0) {
		*out = slice_of(NULL, 0);
		return true;
	}
	return p_take(c, n - 1, out);
}

enum err unpack_version(struct cursor *c)
{
	if (p_end(c))
		return ERR_CORRUPT;
	unsigned version = (uint8_t)*c->p++;
	if (version > PACK_VERSION)
		return ERR_VERSION;
	return version == PACK_VERSION ? ERR_OK : ERR_CORRUPT;
}
