/* SPDX-License-Identifier: EUPL-1.2 */
/* XML of requests: what was read can be written, and read again. */
#include <assert.h>

#include <bastide/limits.h>

#include "../../caldav/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(XML_ARENA);
	struct xml_node *root, *again;
	struct buf b;

	if (xml_parse(a, slice_of(data, size), &root) == ERR_OK) {
		(void)xml_text(root, a);
		buf_init(&b, MIB(16));
		buf_adds(&b, "<x>");
		xml_write_inner(&b, root);
		buf_adds(&b, "</x>");
		if (buf_err(&b) == ERR_OK && b.n < LIMIT_XML_TAG)
			assert(xml_parse(a, buf_slice(&b), &again) !=
				ERR_SYNTAX);
		buf_free(&b);
	}
	arena_free(a);
	return 0;
}
