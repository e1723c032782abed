/* SPDX-License-Identifier: EUPL-1.2 */
/* A stranger's bytes, to the smtp front. */
#include "../../smtpd/front/smtp.h"
#include "front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	front_serve(smtp_accepted, "smtp", slice_of(data, size));
	return 0;
}
