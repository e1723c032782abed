/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Names of domains and addresses in the one form in which they are compared:
 * the domain as A-labels in lower case (IDNA 2008, RFC 5891), ASCII letters of
 * the local part in lower case.
 */
#ifndef BASTIDE_DOMAIN_H
#define BASTIDE_DOMAIN_H

#include <bastide/buf.h>
#include <bastide/limits.h>

/* ERR_SYNTAX: no domain name. Adds to `out`. */
MUST_CHECK enum err domain_normal(struct slice domain, struct buf *out);
/* "Local@Domain"; the last "@" parts. ERR_SYNTAX, ERR_LIMIT. */
MUST_CHECK enum err address_normal(struct slice address, struct buf *out);
/* What follows the last "@", empty when there is none. */
struct slice address_domain(struct slice address);

#endif
