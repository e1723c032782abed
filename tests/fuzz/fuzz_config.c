/* SPDX-License-Identifier: EUPL-1.2 */
/* What is accepted survives being packed and unpacked. */
#include <stdlib.h>

#include <bastide/config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config *a, *b;
	struct buf error, packed, again;

	buf_init(&error, 1000);
	buf_init(&packed, 1 << 20);
	buf_init(&again, 1 << 20);
	if (config_new(&a) != ERR_OK || config_new(&b) != ERR_OK)
		abort();
	if (config_parse(a, slice_of(data, n), &error) == ERR_OK) {
		config_pack(a, &packed);
		if (config_unpack(b, buf_slice(&packed)) == ERR_OK) {
			config_pack(b, &again);
			if (!slice_eq(buf_slice(&packed), buf_slice(&again)))
				abort();
		} else if (packed.n < 65536) {
			abort();
		}
	}
	config_free(a);
	config_free(b);
	buf_free(&error);
	buf_free(&packed);
	buf_free(&again);
	return 0;
}
