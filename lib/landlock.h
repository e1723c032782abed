/* SPDX-License-Identifier: EUPL-1.2 */
/* Landlock beyond the headers of Debian 12 (ABI 2): the kernel's numbers up to
 * ABI 7, and what each ABI brought. */
#ifndef LIB_LANDLOCK_H
#define LIB_LANDLOCK_H

#include <bastide/sandbox.h>

/* Puts the calling thread under the profile's rules. *abi gets what the kernel
 * (or max_abi) allows, 0 when Landlock is not there. */
MUST_CHECK enum err landlock_apply(const struct sandbox *s, int *abi);

#endif
