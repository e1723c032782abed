/* SPDX-License-Identifier: EUPL-1.2 */
/* Paths and names of SMTP commands. */
#include "../../smtpd/front/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	char out[LIMIT_ADDRESS + 1];
	struct cursor c = cursor_of(in);

	if (smtp_path(&c, true, true, out, sizeof(out)) &&
		(strlen(out) > LIMIT_ADDRESS || !utf8_valid(slice_str(out))))
		__builtin_trap();
	(void)smtp_is_helo_name(in);
	return 0;
}
