/* SPDX-License-Identifier: EUPL-1.2 */
/* Names that clients choose: of mailboxes, and addresses of the directory.
 * What is taken is within the limits and stays what it is when given again. */
#include <stdlib.h>

#include <store/schema.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void try_mailbox(struct slice in)
{
	char one[LIMIT_MAILBOX_NAME], two[LIMIT_MAILBOX_NAME];
	struct slice name, again, parent;
	struct name_range r;

	if (mailbox_name(in, one, &name) != ERR_OK)
		return;
	must(name.n == in.n && slice_ieq(name, in) && utf8_valid(name));
	must(mailbox_name(name, two, &again) == ERR_OK);
	must(slice_eq(name, again));
	parent = mailbox_parent(name);
	if (parent.n == 0)
		return;
	must(mailbox_name(parent, two, &again) == ERR_OK);
	must(slice_eq(parent, again));
	mailbox_below(parent, &r);
	must(slice_cmp(name, slice_of(r.low, r.n)) > 0);
	must(slice_cmp(name, slice_of(r.high, r.n)) < 0);
	must(slice_cmp(parent, slice_of(r.low, r.n)) < 0);
}

static void try_address(struct slice in)
{
	char one[LIMIT_ADDRESS], two[LIMIT_ADDRESS];
	struct slice folded, again;

	if (address_fold(in, one, &folded) != ERR_OK)
		return;
	must(slice_ieq(folded, in));
	must(address_fold(folded, two, &again) == ERR_OK);
	must(slice_eq(folded, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_mailbox(slice_of(data, size));
	try_address(slice_of(data, size));
	return 0;
}
