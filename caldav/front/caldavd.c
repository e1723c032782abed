/* SPDX-License-Identifier: EUPL-1.2 */
/* The HTTP front's program: no store, no tenant's key (doc/ARCHITECTURE.md). */
#include "../xml.h"
#include "http.h"

static void warm_up(struct front *f)
{
	xml_warm_up();
}

int main(int argc, char **argv)
{
	static struct front front = {
		.name = "caldavd",
		.accepted = http_accepted,
		.warm_up = warm_up,
	};

	return front_main(&front, argc, argv);
}
