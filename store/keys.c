/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The file `keys`: one slot of 128 bytes per account number. A slot is written
 * in place: it lies within one sector, so a crash leaves the old or the new
 * one, and a destroyed key is overwritten instead of being left behind in a
 * replaced file. Which key an account must have is said by its row in the
 * tenant's database (the key's random name); an old set is therefore either
 * the right key, or refused.
 */
#include "aad.h"
#include "keys.h"

#define MAGIC "bst.keys"
#define VERSION 1
#define USED 1

static uint64_t slot_offset(uint32_t account)
{
	return KEYS_HEAD + (uint64_t)account * KEYS_SLOT;
}

enum err keys_parse_head(struct slice head, const struct oid *tenant)
{
	if (head.n < KEYS_HEAD || memcmp(head.p, MAGIC, 8) != 0)
		return ERR_CORRUPT;
	if (get_be32(head.p + 8) > VERSION)
		return ERR_VERSION;
	if (get_be32(head.p + 8) != VERSION ||
		memcmp(head.p + 12, tenant->b, 16) != 0)
		return ERR_CORRUPT;
	return ERR_OK;
}

enum err keys_parse_slot(struct slice slot, struct keys_slot *out)
{
	static const uint8_t empty[KEYS_SLOT];

	if (slot.n < KEYS_SLOT || memcmp(slot.p, empty, KEYS_SLOT) == 0)
		return ERR_NOTFOUND;
	if (slot.p[0] != USED)
		return ERR_CORRUPT;
	memcpy(out->id, slot.p + 1, 16);
	memcpy(out->wrapped, slot.p + 17, SEAL_WRAPPED);
	return ERR_OK;
}

static enum err write_head(struct keys *k)
{
	uint8_t head[KEYS_HEAD] = MAGIC;

	put_be32(head + 8, VERSION);
	memcpy(head + 12, k->tenant.b, 16);
	TRY(k->m->write(k->file, 0, head, sizeof(head)));
	k->dirty = true;
	return ERR_OK;
}

static enum err read_head(struct keys *k)
{
	uint8_t head[KEYS_HEAD];
	size_t got;

	TRY(k->m->read(k->file, 0, head, sizeof(head), &got));
	return keys_parse_head(slice_of(head, got), &k->tenant);
}

enum err keys_open(struct keys *k, struct medium *m, bool create)
{
	TRY(m->open(m, KEYS_NAME, create, &k->file));
	k->m = m;
	enum err e = create ? write_head(k) : read_head(k);
	if (e != ERR_OK)
		keys_close(k);
	return e;
}

void keys_close(struct keys *k)
{
	if (k->file)
		k->m->close(k->file);
	k->file = NULL;
}

static enum err read_slot(
	struct keys *k, uint32_t account, struct keys_slot *out)
{
	uint8_t raw[KEYS_SLOT];
	size_t got;

	TRY(k->m->read(k->file, slot_offset(account), raw, sizeof(raw), &got));
	return keys_parse_slot(slice_of(raw, got), out);
}

static enum err write_slot(
	struct keys *k, uint32_t account, const uint8_t raw[KEYS_SLOT])
{
	k->dirty = true;
	return k->m->write(k->file, slot_offset(account), raw, KEYS_SLOT);
}

enum err keys_create(struct keys *k, uint32_t account, uint8_t id_out[16],
	struct secret **key_out)
{
	uint8_t raw[KEYS_SLOT] = { USED };
	struct aad aad;
	struct secret *key = secret_new(SEAL_KEY);

	if (!key)
		return ERR_NOMEM;
	enum err e = seal_random(secret_bytes(key), SEAL_KEY);
	if (e == ERR_OK)
		e = seal_random(raw + 1, 16);
	if (e == ERR_OK) {
		aad_account_key(&aad, &k->tenant, account, raw + 1);
		e = seal_wrap(k->tenant_key, aad_slice(&aad), key, raw + 17);
	}
	if (e == ERR_OK)
		e = write_slot(k, account, raw);
	if (e != ERR_OK) {
		secret_free(key);
		return e;
	}
	memcpy(id_out, raw + 1, 16);
	*key_out = key;
	return ERR_OK;
}

enum err keys_get(struct keys *k, uint32_t account, const uint8_t id[16],
	struct secret **key_out)
{
	struct keys_slot slot;
	struct aad aad;
	enum err e = read_slot(k, account, &slot);

	if (e == ERR_NOTFOUND)
		return ERR_NOKEY;
	TRY(e);
	if (id && memcmp(id, slot.id, 16) != 0)
		return ERR_NOKEY;
	aad_account_key(&aad, &k->tenant, account, slot.id);
	return seal_unwrap(
		k->tenant_key, aad_slice(&aad), slot.wrapped, key_out);
}

enum err keys_wipe(struct keys *k, uint32_t account)
{
	static const uint8_t empty[KEYS_SLOT];

	return write_slot(k, account, empty);
}

enum err keys_limit(struct keys *k, uint32_t *out)
{
	uint64_t size;

	TRY(k->m->size(k->file, &size));
	size = size > KEYS_HEAD ? (size - KEYS_HEAD) / KEYS_SLOT : 0;
	*out = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	return ERR_OK;
}

enum err keys_used(struct keys *k, uint32_t account, bool *out)
{
	struct keys_slot slot;
	enum err e = read_slot(k, account, &slot);

	if (e != ERR_OK && e != ERR_NOTFOUND && e != ERR_CORRUPT)
		return e;
	*out = e != ERR_NOTFOUND;
	return ERR_OK;
}
