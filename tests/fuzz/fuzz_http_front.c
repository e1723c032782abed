/* SPDX-License-Identifier: EUPL-1.2 */
/* A stranger's bytes, to the http front. */
#include "../../caldav/front/http.h"
#include "front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	front_serve(http_accepted, "https", slice_of(data, size));
	return 0;
}
