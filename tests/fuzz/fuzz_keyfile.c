/* SPDX-License-Identifier: EUPL-1.2 */
/* keyd's files as somebody with the disk could change them: nothing opens but
 * what was sealed. The first byte says which file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bastide/file.h>
#include <bastide/limits.h>

#include "../../daemon/head.h"
#include "../../daemon/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir_name[] = "/tmp/fuzz-keyfile-XXXXXX";
static const struct oid tenant = { .b = { 7 } };
static int dir;
static struct keyring *ring;

static void clean(void)
{
	static const char *const kinds[] = { "key", "head" };
	char text[OID_TEXT + 1], name[OID_TEXT + 8];

	oid_text(&tenant, text);
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s.%s", text, kinds[i]);
		(void)unlinkat(dir, name, 0);
	}
	(void)unlinkat(dir, "root.key", 0);
	(void)rmdir(dir_name);
}

static void begin(void)
{
	if (ring)
		return;
	if (!mkdtemp(dir_name) ||
		(dir = open(dir_name, O_RDONLY | O_DIRECTORY)) < 0 ||
		keyring_open(dir, slice_str("word"), &ring) != ERR_OK)
		abort();
	(void)atexit(clean);
}

static void put(const char *kind, struct slice content)
{
	char text[OID_TEXT + 1], name[OID_TEXT + 8];

	oid_text(&tenant, text);
	snprintf(name, sizeof(name), "%s.%s", text, kind);
	if (file_replace(dir, name, content) != ERR_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secret *key;
	struct head h;
	struct buf head;

	if (!size)
		return 0;
	struct slice in = slice_of(data + 1, size - 1);
	begin();
	buf_init(&head, KIB(4));
	switch (data[0] % 3) {
	case 0:
		put("key", in);
		if (tenant_key_read(ring, &tenant, &key) == ERR_OK)
			abort();
		break;
	case 1:
		put("head", in);
		if (head_read(ring, &tenant, &head) == ERR_OK && head.n)
			abort();
		break;
	default:
		if (head_unpack(in, &h) == ERR_OK && in.n != HEAD_PACKED)
			abort();
	}
	buf_free(&head);
	return 0;
}
