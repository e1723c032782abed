/* SPDX-License-Identifier: EUPL-1.2 */
/* A message read with getters in an order that the input chooses. */
#include <stdlib.h>

#include <bastide/ipc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct msg_in m;
	uint64_t sum = 0;

	if (n < 2)
		return 0;
	size_t plan = data[0] % 16;
	if (n < 1 + plan || msg_parse(slice_of(data + 1 + plan, n - 1 - plan),
				    &m) != ERR_OK)
		return 0;
	for (size_t i = 0; i < plan; i++) {
		struct slice s;
		switch (data[1 + i] % 5) {
		case 0:
			sum += msg_u32(&m);
			break;
		case 1:
			sum += msg_u64(&m);
			break;
		case 2:
			s = msg_slice(&m);
			for (size_t k = 0; k < s.n; k++)
				sum += (unsigned char)s.p[k];
			break;
		case 3:
			sum += msg_err(&m);
			break;
		default:
			sum += (uint64_t)msg_fd(&m);
		}
	}
	/* A message that broke off stays broken. */
	if (m.bad && (msg_u32(&m) || msg_end(&m) == ERR_OK))
		abort();
	__asm__ volatile("" : : "r"(sum)); /* the reads count */
	return 0;
}
