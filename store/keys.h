/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the wrapped keys of the tenant's accounts, in one small file
 * apart from the data. tenant key -> random account keys -> file keys.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include <bastide/store.h>

#include "medium.h"
#include "seal.h"

/* --- for the schema: user_create() and user_delete() ----------------------- */
/* Inside a transaction: the account `number` comes into being, with a random
 * key and an empty database with all its tables. The number must never have
 * been used. ERR_EXISTS. */
MUST_CHECK enum err account_key_create(struct store *s, uint32_t number);
/* Inside a transaction: the account is gone. Once the commit is safe, its key
 * is overwritten and its files are removed. ERR_NOTFOUND; ERR_BUSY while
 * handles are open. */
MUST_CHECK enum err account_key_destroy(struct store *s, uint32_t number);

/* --- the file ---------------------------------------------------------------- */
#define KEYS_NAME "keys"
#define KEYS_HEAD 512
/* A slot never lies across two disk sectors, so it is written or it is not;
 * and a key that is destroyed is overwritten where it lies. */
#define KEYS_SLOT 128

struct keys {
	struct medium *m;
	struct medium_file *file;
	struct oid tenant;
	const struct secret *tenant_key;
	bool dirty; /* written since the last sync */
};

/* ERR_NOTFOUND, ERR_CORRUPT, ERR_VERSION. `create`: makes it. */
MUST_CHECK enum err keys_open(struct keys *k, struct medium *m, bool create);
void keys_close(struct keys *k);
/* A new random key in the account's slot, with a random name `id_out`. */
MUST_CHECK enum err keys_create(struct keys *k, uint32_t account,
	uint8_t id_out[16], struct secret **key_out);
/* ERR_NOKEY when the slot is empty or holds a key of another name (`id` NULL:
 * of any name); ERR_CORRUPT when it does not open. */
MUST_CHECK enum err keys_get(struct keys *k, uint32_t account,
	const uint8_t id[16], struct secret **key_out);
/* Overwrites the slot. */
MUST_CHECK enum err keys_wipe(struct keys *k, uint32_t account);
/* Accounts that may have a slot are below this number. */
MUST_CHECK enum err keys_limit(struct keys *k, uint32_t *out);
/* Is there a key in the slot? */
MUST_CHECK enum err keys_used(struct keys *k, uint32_t account, bool *out);

struct keys_slot {
	uint8_t id[16];
	uint8_t wrapped[SEAL_WRAPPED];
};
/* Parsers without I/O. ERR_NOTFOUND: an empty slot. */
MUST_CHECK enum err keys_parse_head(
	struct slice head, const struct oid *tenant);
MUST_CHECK enum err keys_parse_slot(struct slice slot, struct keys_slot *out);

#endif
