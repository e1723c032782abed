/* SPDX-License-Identifier: EUPL-1.2 */
/* The protocols whose sessions live in a tenantd. */
#include "tenantd.h"

const struct house houses[] = {
	{ 0, NULL, NULL, NULL },
};
