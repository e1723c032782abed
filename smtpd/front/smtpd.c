/* SPDX-License-Identifier: EUPL-1.2 */
/* The SMTP front's program: no store, no tenant's key (doc/ARCHITECTURE.md). */
#include "smtp.h"

int main(int argc, char **argv)
{
	static struct front front = {
		.name = "smtpd",
		.accepted = smtp_accepted,
	};

	return front_main(&front, argc, argv);
}
