/* SPDX-License-Identifier: EUPL-1.2 */
/* The inside of a front: its questions to the router. */
#ifndef LIB_FRONT_PARTS_H
#define LIB_FRONT_PARTS_H

#include <bastide/process.h>
#include <bastide/session.h>
#include <bastide/tls.h>

#define LISTENERS 64
#define CERTS 64

struct listener {
	struct front *front;
	char service[16];
	bool implicit_tls;
	int fd;
	struct watch *watch;
};

struct front_parts {
	struct process process;
	struct listener listeners[LISTENERS];
	size_t n_listeners;
	struct buf pems[CERTS][2]; /* gathered until FRONT_CERTS_END */
	size_t n_pems;
	struct buf client_ca, client_crl; /* the same */
	uint32_t open, most;              /* connections */
	bool serving, resting;
	struct route *routes;
	uint32_t last_route;
	uint8_t fake_key[32]; /* for SCRAM with names that do not exist */
};

/* route.c: takes a ROUTE_REPLY. */
MUST_CHECK enum err route_replied(struct front *f, struct msg_in *m);

#endif
