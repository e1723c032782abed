/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: what each sealed thing is bound to. One function per record
 * kind builds its associated data; doc/FORMAT.md lists them. Each begins with
 * a word of its own, so that nothing sealed as one kind opens as another.
 */
#ifndef STORE_AAD_H
#define STORE_AAD_H

#include <bastide/store.h>

#define AAD_MAX 160

struct aad {
	uint8_t b[AAD_MAX];
	size_t n;
};

static inline struct slice aad_slice(const struct aad *a)
{
	return slice_of(a->b, a->n);
}

/* One page of a database file. */
void aad_page(struct aad *out, const struct oid *tenant, const uint8_t id[16],
	uint32_t page, uint32_t format);
/* A file key under the account's key. */
void aad_file_key(struct aad *out, const struct oid *tenant, uint32_t account,
	const uint8_t id[16]);
/* An account's key under the tenant's key. */
void aad_account_key(struct aad *out, const struct oid *tenant,
	uint32_t account, const uint8_t id[16]);
/* A map file; `head` is what stands in front of the sealed part. */
void aad_map(struct aad *out, struct slice head);
/* A journal file's key under the tenant's key; `head` is its plain part. */
void aad_journal(struct aad *out, struct slice head);
/* The head of a journal record; `plain` is its prefix in clear. */
void aad_record(struct aad *out, const struct oid *tenant, uint64_t journal,
	struct slice plain);
/* The frames of one account in a journal record. */
void aad_section(struct aad *out, const struct oid *tenant, uint64_t journal,
	uint64_t record, uint32_t account, uint32_t pages, uint32_t frames);
/* One chunk of a body. `total` is the body's length in the last chunk, 0 in
 * the others. */
void aad_chunk(struct aad *out, const struct oid *tenant, uint32_t account,
	uint64_t segment, uint64_t offset, uint32_t index, bool last,
	uint64_t total, uint8_t codec);

#endif
