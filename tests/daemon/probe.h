/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tries one thing that walls should forbid, and says what came of it: "done",
 * or "errno NAME". `what`: a word and its argument:
 *
 *	read PATH, create PATH, remove PATH, stat PATH, truncate PATH, list PATH
 *	socket inet|inet6|unix|netlink, connect PORT, listen
 *	kill PID, ptrace PID, memory PID, fork, exec PATH, thread
 *	mmapx (memory that is executable), dump (set dumpable), core (limit),
 *	abstract NAME (connect to an abstract socket), rename FROM TO,
 *	setuid, bpf, keyctl, userns, iouring, chroot
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include <bastide/slice.h>

const char *probe(struct slice what, char *out, size_t n);

#endif
