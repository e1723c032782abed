/* SPDX-License-Identifier: EUPL-1.2 */
/* A stranger's bytes, to the imap front. */
#include "../../imapd/front/preauth.h"
#include "front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	front_serve(preauth_accepted, "imap", slice_of(data, size));
	return 0;
}
