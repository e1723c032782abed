/* SPDX-License-Identifier: EUPL-1.2 */
/* The programs that bastided itself needs; fronts are in services.c. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bastided.h"

struct program programs[PROGRAMS] = {
	[PROGRAM_KEYD] = { "keyd", -1 },
	[PROGRAM_TENANTD] = { "tenantd", -1 },
	[PROGRAM_WORKER] = { "worker", -1 },
};

/* Installed, bastided is in sbin and the others in libexec; in a build tree
 * all are in one folder. */
const char *programs_dir(void)
{
	static char dir[4096];
	const char *given = config_str(bastided.process.config, "program_dir");

	if (*given)
		return given;
	if (dir[0])
		return dir;
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	char beside[4200];
	snprintf(beside, sizeof(beside), "%s/keyd", dir);
	if (access(beside, X_OK) != 0)
		snprintf(dir, sizeof(dir), "%s", PKGLIBEXECDIR);
	return dir;
}

enum err programs_open(void)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		TRY(program_open(programs_dir(), &programs[i]));
	return ERR_OK;
}
