/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A front's inside for fuzz targets, without TLS. Its router knows nobody and
 * says so: what a front does before a login or a first recipient.
 */
#ifndef TESTS_FRONT_H
#define TESTS_FRONT_H

#include <bastide/session.h>

typedef void accepted_fn(
	struct front *f, int fd, const char *service, bool implicit_tls);
/* One connection from its begin to its end, with these bytes from a client. */
void front_serve(accepted_fn *accepted, const char *service, struct slice in);

#endif
