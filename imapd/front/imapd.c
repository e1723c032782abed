/* SPDX-License-Identifier: EUPL-1.2 */
/* The IMAP front's program: no store, no tenant's key (doc/ARCHITECTURE.md). */
#include "preauth.h"

int main(int argc, char **argv)
{
	static struct front front = {
		.name = "imapd",
		.accepted = preauth_accepted,
	};

	return front_main(&front, argc, argv);
}
