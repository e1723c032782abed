/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * References to bodies: version, codec, length, and the runs of chunks, as
 * numbers of 7 bits a byte. All chunks but the last hold 64 KiB.
 */
#include "segref.h"

#define VERSION 1

uint32_t segref_chunks(uint64_t total)
{
	return total ? (uint32_t)((total + CHUNK_PLAIN - 1) / CHUNK_PLAIN) : 1;
}

size_t segref_size(const struct segref *ref, uint32_t index)
{
	return index + 1 < ref->chunks
		       ? CHUNK_PLAIN
		       : (size_t)(ref->total - (uint64_t)index * CHUNK_PLAIN);
}

void segref_place(const struct segref *ref, uint32_t index,
	uint64_t *segment_out, uint64_t *offset_out)
{
	const struct segref_extent *x = ref->extent;

	while (index >= x->chunks) {
		index -= x->chunks;
		x++;
	}
	*segment_out = x->segment;
	*offset_out = x->offset + (uint64_t)index * CHUNK_SEALED;
}

uint64_t segref_bytes_in(const struct segref *ref, uint64_t segment)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ref->n; i++)
		if (ref->extent[i].segment == segment)
			n += (uint64_t)ref->extent[i].chunks * CHUNK_SEALED;
	if (ref->extent[ref->n - 1].segment == segment)
		n -= CHUNK_PLAIN - segref_size(ref, ref->chunks - 1);
	return n;
}

bool segref_first_in(const struct segref *ref, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (ref->extent[k].segment == ref->extent[i].segment)
			return false;
	return true;
}

enum err segref_add(struct segref *ref, uint64_t segment, uint64_t offset)
{
	struct segref_extent *last = ref->n ? &ref->extent[ref->n - 1] : NULL;

	ref->chunks++;
	if (last && last->segment == segment &&
		last->offset + (uint64_t)last->chunks * CHUNK_SEALED ==
			offset) {
		last->chunks++;
		return ERR_OK;
	}
	if (ref->n == SEGREF_EXTENTS)
		return ERR_LIMIT;
	ref->extent[ref->n++] = (struct segref_extent){ segment, offset, 1 };
	return ERR_OK;
}

static void put_number(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_addc(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_addc(out, (char)v);
}

enum err segref_build(const struct segref *ref, struct buf *out)
{
	size_t start = out->n;

	buf_addc(out, VERSION);
	buf_addc(out, (char)ref->codec);
	put_number(out, ref->total);
	put_number(out, ref->n);
	for (uint32_t i = 0; i < ref->n; i++) {
		put_number(out, ref->extent[i].segment);
		put_number(out, ref->extent[i].offset);
		put_number(out, ref->extent[i].chunks);
	}
	TRY(buf_err(out));
	return out->n - start <= SEGMENT_REF_MAX ? ERR_OK : ERR_LIMIT;
}

static bool get_number(struct slice *s, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63 && s->n > 0; shift += 7) {
		uint8_t c = (uint8_t)s->p[0];
		*s = slice_from(*s, 1);
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool get_extent(struct slice *s, struct segref_extent *out)
{
	uint64_t chunks;

	if (!get_number(s, &out->segment) || !get_number(s, &out->offset) ||
		!get_number(s, &chunks))
		return false;
	if (chunks == 0 || chunks > SEGREF_BODY_MAX / CHUNK_PLAIN ||
		out->offset > (1ull << 48))
		return false;
	out->chunks = (uint32_t)chunks;
	return true;
}

enum err segref_parse(struct slice raw, struct segref *out)
{
	uint64_t n, chunks = 0;

	if (raw.n < 4 || raw.n > SEGMENT_REF_MAX)
		return ERR_CORRUPT;
	if (raw.p[0] != VERSION)
		return (uint8_t)raw.p[0] > VERSION ? ERR_VERSION : ERR_CORRUPT;
	out->codec = (uint8_t)raw.p[1];
	if (out->codec != 0)
		return ERR_VERSION;
	raw = slice_from(raw, 2);
	if (!get_number(&raw, &out->total) || !get_number(&raw, &n) ||
		out->total > SEGREF_BODY_MAX || n == 0 || n > SEGREF_EXTENTS)
		return ERR_CORRUPT;
	out->n = (uint32_t)n;
	out->chunks = segref_chunks(out->total);
	for (uint32_t i = 0; i < out->n; i++) {
		if (!get_extent(&raw, &out->extent[i]))
			return ERR_CORRUPT;
		chunks += out->extent[i].chunks;
	}
	return chunks == out->chunks && raw.n == 0 ? ERR_OK : ERR_CORRUPT;
}
