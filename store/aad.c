/* SPDX-License-Identifier: EUPL-1.2 */
/* Associated data of every sealed record kind. See doc/FORMAT.md. */
#include <assert.h>

#include "aad.h"

static void add(struct aad *a, const void *p, size_t n)
{
	assert(a->n + n <= AAD_MAX);
	memcpy(a->b + a->n, p, n);
	a->n += n;
}

static void add_be32(struct aad *a, uint32_t v)
{
	uint8_t raw[4];

	put_be32(raw, v);
	add(a, raw, sizeof(raw));
}

static void add_be64(struct aad *a, uint64_t v)
{
	uint8_t raw[8];

	put_be64(raw, v);
	add(a, raw, sizeof(raw));
}

/* Eight letters that no other kind begins with. */
static void begin(struct aad *a, const char word[9])
{
	a->n = 0;
	add(a, word, 8);
}

void aad_page(struct aad *out, const struct oid *tenant, const uint8_t id[16],
	uint32_t page, uint32_t format)
{
	begin(out, "bst.page");
	add(out, tenant->b, 16);
	add(out, id, 16);
	add_be32(out, page);
	add_be32(out, format);
}

void aad_file_key(struct aad *out, const struct oid *tenant, uint32_t account,
	const uint8_t id[16])
{
	begin(out, "bst.fkey");
	add(out, tenant->b, 16);
	add_be32(out, account);
	add(out, id, 16);
}

void aad_account_key(struct aad *out, const struct oid *tenant,
	uint32_t account, const uint8_t id[16])
{
	begin(out, "bst.akey");
	add(out, tenant->b, 16);
	add_be32(out, account);
	add(out, id, 16);
}

void aad_map(struct aad *out, struct slice head)
{
	begin(out, "bst.map.");
	add(out, head.p, head.n);
}

void aad_journal(struct aad *out, struct slice head)
{
	begin(out, "bst.jrnl");
	add(out, head.p, head.n);
}

void aad_record(struct aad *out, const struct oid *tenant, uint64_t journal,
	struct slice plain)
{
	begin(out, "bst.jrec");
	add(out, tenant->b, 16);
	add_be64(out, journal);
	add(out, plain.p, plain.n);
}

void aad_section(struct aad *out, const struct oid *tenant, uint64_t journal,
	uint64_t record, uint32_t account, uint32_t pages, uint32_t frames)
{
	begin(out, "bst.jsec");
	add(out, tenant->b, 16);
	add_be64(out, journal);
	add_be64(out, record);
	add_be32(out, account);
	add_be32(out, pages);
	add_be32(out, frames);
}

void aad_chunk(struct aad *out, const struct oid *tenant, uint32_t account,
	uint64_t segment, uint64_t offset, uint32_t index, bool last,
	uint64_t total, uint8_t codec)
{
	uint8_t flags[2] = { last, codec };

	begin(out, "bst.body");
	add(out, tenant->b, 16);
	add_be32(out, account);
	add_be64(out, segment);
	add_be64(out, offset);
	add_be32(out, index);
	add(out, flags, sizeof(flags));
	add_be64(out, total);
}
