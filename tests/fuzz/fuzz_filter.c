/* SPDX-License-Identifier: EUPL-1.2 */
/* Filters of both kinds: the XML up to a NUL, then the resource. */
#include <bastide/limits.h>

#include "../../caldav/session/dav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct dav *d, bool cards, struct slice xml,
	struct slice resource, struct arena *scratch)
{
	struct xml_node *root;
	struct filter *f;
	const char *why;
	bool match;

	if (xml_parse(d->arena, xml, &root) == ERR_OK &&
		filter_new(d, root, cards, &f, &why) == ERR_OK)
		(void)!filter_match(f, resource, scratch, &match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), resource;
	struct slice xml = slice_cut(in, 0, &resource);
	struct dav d = { .arena = arena_new(DAV_ARENA) };
	struct arena *scratch = arena_new(DAV_ARENA);

	run(&d, false, xml, resource, scratch);
	run(&d, true, xml, resource, scratch);
	arena_free(d.arena);
	arena_free(scratch);
	return 0;
}
