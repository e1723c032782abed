/* SPDX-License-Identifier: EUPL-1.2 */
/* The MIME scanner: offsets stay inside the message, packs unpack. */
#include <assert.h>

#include <bastide/mail.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_scan *scan;
	struct mail_structure s;
	struct mail_envelope e;
	struct buf envelope, structure;
	struct arena *a = arena_new(MIB(64));
	size_t cut = size ? data[0] % size : 0;

	buf_init(&envelope, MIB(1));
	buf_init(&structure, MIB(16));
	if (mail_scan_new(&scan) != ERR_OK)
		return 0;
	assert(mail_scan_feed(scan, slice_of(data, cut)) == ERR_OK);
	assert(mail_scan_feed(scan, slice_of(data + cut, size - cut)) ==
		ERR_OK);
	assert(mail_scan_end(scan, &envelope, &structure) == ERR_OK);
	mail_scan_free(scan);
	assert(mail_envelope_unpack(a, buf_slice(&envelope), &e) == ERR_OK);
	assert(mail_structure_unpack(a, buf_slice(&structure), &s) == ERR_OK);
	for (size_t i = 0; i < s.n; i++) {
		const struct mail_part *p = &s.parts[i];
		assert((uint64_t)p->header_start + p->header_size <= size);
		assert((uint64_t)p->body_start + p->body_size <= size);
		assert(p->kind == MAIL_LEAF || p->first_child != MAIL_NO_PART ||
			p->kind == MAIL_MULTIPART);
	}
	buf_free(&envelope);
	buf_free(&structure);
	arena_free(a);
	return 0;
}
