/* SPDX-License-Identifier: EUPL-1.2 */
/* iCalendar and vCard: what passes the check has its UID and component, and
 * its reduced copy is a calendar again. */
#include <assert.h>

#include <bastide/content.h>
#include <bastide/limits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_CONTENT_ARENA);
	struct content_comp *root, *again;
	struct content_info info;
	struct buf b;

	if (content_parse(a, slice_of(data, size), &root) == ERR_OK) {
		if (vcard_check(root, &info) == ERR_OK)
			assert(info.uid.n && info.component.n);
		if (ical_check(root, &info) == ERR_OK) {
			assert(info.uid.n && info.component.n);
			buf_init(&b, MIB(16));
			assert(ical_reduce(root, &b) == ERR_OK);
			assert(content_parse(a, buf_slice(&b), &again) ==
				ERR_OK);
			buf_free(&b);
		}
	}
	arena_free(a);
	return 0;
}
