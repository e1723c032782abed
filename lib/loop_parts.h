/* SPDX-License-Identifier: EUPL-1.2 */
/* Seams of the loop for the rest of lib/. */
#ifndef LIB_LOOP_PARTS_H
#define LIB_LOOP_PARTS_H

#include <bastide/loop.h>

/* Run once at the end of this very turn, after its hooks: how connections
 * gather what a turn wrote and send it with one call. A runner must not call
 * its owner back. */
void loop_at_end(struct loop *l, struct later *w);

/* For libraries that live on our event base. */
struct event_base;
struct event_base *loop_base(struct loop *l);

#endif
