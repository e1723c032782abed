/* SPDX-License-Identifier: EUPL-1.2 */
/* A signed-in client's bytes, on a real sealed store. */
#include "tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tenant_serve(imap_session_new, PROTOCOL_IMAP, slice_of(data, size));
	return 0;
}
