/* SPDX-License-Identifier: EUPL-1.2 */
/* Packs as they could come from a damaged store. */
#include <bastide/mail.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(MIB(16));
	struct mail_structure s;
	struct mail_envelope e;
	static const uint32_t path[] = { 1, 2, 1 };

	(void)!mail_envelope_unpack(a, slice_of(data, size), &e);
	if (mail_structure_unpack(a, slice_of(data, size), &s) == ERR_OK) {
		const struct mail_part *p = mail_part_find(&s, path, 3);
		if (p)
			(void)mail_message_of(&s, p);
	}
	arena_free(a);
	return 0;
}
