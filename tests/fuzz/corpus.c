/* SPDX-License-Identifier: EUPL-1.2 */
/* A fuzz target without libFuzzer: each file of the command line once. */
#include <fcntl.h>
#include <stdio.h>

#include <bastide/file.h>
#include <bastide/limits.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf b;
		buf_init(&b, MIB(16));
		if (file_read(AT_FDCWD, argv[i], &b) != ERR_OK) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)b.p, b.n);
		buf_free(&b);
	}
	return 0;
}
