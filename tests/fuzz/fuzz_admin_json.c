/* SPDX-License-Identifier: EUPL-1.2 */
/* A line on the administrator's socket. */
#include <stdlib.h>

#include <bastide/limits.h>

#include "../../daemon/admin_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct admin_request r;

	if (admin_parse(slice_of(data, size), &r) != ERR_OK)
		return 0;
	const struct admin_row *row = &admin_rows[r.op];
	for (size_t i = 0; i < admin_n_args(row); i++) {
		const struct admin_arg *a = &row->args[i];
		if (a->required && !admin_given(&r, a->name))
			abort();
		struct buf b;
		buf_init(&b, 2 * LIMIT_ADDRESS);
		if (a->type == ARG_ADDRESS &&
			admin_address(&r, a->name, &b) == ERR_OK &&
			!utf8_valid(buf_slice(&b)))
			abort();
		if (a->type == ARG_NUMBER && admin_number(&r, a->name, 0) < 0)
			abort();
		buf_free(&b);
	}
	admin_request_free(&r);
	return 0;
}
