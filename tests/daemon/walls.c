/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Puts up the walls of one profile, or none, and then tries what it is told:
 *
 *	walls PROFILE|none MAX_ABI DIR < attempts > results
 *
 * The first line says which walls stand. Attempts are read before the walls,
 * results are written with write(): no profile forbids that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/sandbox.h>

#include "probe.h"

static const struct {
	const char *name;
	enum profile profile;
} profiles[] = {
	{ "bastided", PROFILE_BASTIDED },
	{ "keyd", PROFILE_KEYD },
	{ "tenantd", PROFILE_TENANTD },
	{ "worker", PROFILE_WORKER },
	{ "front", PROFILE_FRONT },
	{ "relayd", PROFILE_RELAYD },
};

static void put_up(const char *name, const char *abi, const char *dir)
{
	uint32_t max = 0;
	struct walls w = { 0 };
	struct buf b;

	if (num_u32(slice_str(abi), &max) != ERR_OK)
		exit(64);
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct sandbox s = { .profile = profiles[i].profile,
			.dir = *dir ? dir : NULL,
			.max_abi = (int)max };
		if (strcmp(name, profiles[i].name) == 0 &&
			sandbox_apply(&s, &w) != ERR_OK)
			exit(1);
	}
	buf_init(&b, 1000);
	walls_text(&w, &b);
	buf_addc(&b, '\n');
	if (write(STDOUT_FILENO, b.p, b.n) < 0)
		exit(1);
	buf_free(&b);
}

int main(int argc, char **argv)
{
	static char in[100000];
	size_t n = fread(in, 1, sizeof(in), stdin);

	if (argc != 4)
		return 64;
	put_up(argv[1], argv[2], argv[3]);
	for (struct slice rest = slice_of(in, n); rest.n;) {
		char text[2000], line[4200];
		struct slice what = slice_cut(rest, '\n', &rest);
		int len = snprintf(line, sizeof(line), "%.*s: %s\n",
			SLICE_ARG(what), probe(what, text, sizeof(text)));
		if (write(STDOUT_FILENO, line, (size_t)len) < 0)
			return 1;
	}
	_exit(0);
}
