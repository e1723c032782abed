/* SPDX-License-Identifier: EUPL-1.2 */
/* Addresses, dates and parameters of header fields. */
#include <assert.h>

#include <bastide/mail.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(MIB(16));
	struct slice in = slice_of(data, size), head;
	struct mail_addresses l;
	struct mail_params p;
	struct mail_date d;

	assert(mail_addresses_parse(a, in, &l) == ERR_OK);
	assert(l.n <= LIMIT_ADDRESSES + 1);
	assert(mail_params_parse(a, in, &head, &p) == ERR_OK);
	(void)!mail_date_parse(in, &d);
	arena_free(a);
	return 0;
}
