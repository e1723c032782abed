/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How one of our processes begins: it is exec'd by bastided with its control
 * channel as descriptor 3 and an empty environment, gets its configuration as
 * the first message, warms its libraries up, puts its walls up, says READY.
 */
#ifndef BASTIDE_PROCESS_H
#define BASTIDE_PROCESS_H

#include <bastide/config.h>
#include <bastide/ipc.h>
#include <bastide/sandbox.h>

struct process {
	const char *name;
	struct loop *loop;
	struct config *config;
	int max_abi;
	bool debug;
};

/* Log, loop, masks; refuses (exit 64) when descriptor 3 is no channel, since
 * then somebody started it by hand. `p->name` is set by the caller. */
void process_begin(struct process *p);
/* Takes a CONTROL_CONFIG. */
MUST_CHECK enum err process_config(struct process *p, struct msg_in *m);
/* Walls up, one line in the log. ERR_UNSUPPORTED: must not serve. */
MUST_CHECK enum err process_walls(
	struct process *p, enum profile profile, const char *dir);
/* One message without fields. */
enum err send_plain(struct ipc *i, uint16_t type);

#endif
