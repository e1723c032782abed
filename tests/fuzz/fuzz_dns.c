/* SPDX-License-Identifier: EUPL-1.2 */
/* Answer packets of the DNS; what comes out is within its bounds. */
#include <assert.h>

#include <bastide/dns.h>
#include <bastide/limits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_MX, DNS_AAAA };

	for (size_t i = 0; i < 3; i++) {
		struct arena *a = arena_new(MIB(1));
		struct dns_answer out;
		if (dns_packet_parse(slice_of(data, size), types[i], a, &out) ==
			ERR_OK)
			for (size_t k = 0; k < out.n; k++)
				assert(out.list[k].data.p &&
					out.list[k].data.n <= LIMIT_DOMAIN);
		arena_free(a);
	}
	return 0;
}
