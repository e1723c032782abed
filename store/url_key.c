/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys of URLs (RFC 4467 2.2): one for each mailbox for which the user has
 * asked for a URL, in the user's account whoever has the mailbox. They never
 * leave this file.
 */
#include "schema.h"

#include <bastide/crypt.h>

#define KEY_SIZE 32
/* RFC 4467 2.4.1: which algorithm made it. */
#define HMAC_SHA256 "01"

/* As the table has it: 0 is the account's own. */
static uint64_t owner_of(struct account *a, uint32_t owner)
{
	return owner == account_number(a) ? 0 : owner;
}

enum err url_key_new(struct account *a, uint32_t owner, uint64_t mailbox)
{
	struct db *d = account_db(a);
	uint8_t key[KEY_SIZE];

	TRY(db_write(d));
	TRY(random_bytes(key, sizeof(key)));
	enum err e = db_run(d,
		"INSERT OR REPLACE INTO url_key(owner, mailbox, key)"
		" VALUES(?, ?, ?)",
		"uub", owner_of(a, owner), mailbox, slice_of(key, sizeof(key)));
	mem_wipe(key, sizeof(key));
	return e;
}

enum err url_key_drop(struct account *a, uint64_t mailbox)
{
	return db_run(account_db(a),
		"DELETE FROM url_key WHERE owner = 0 AND mailbox = ?", "u",
		mailbox);
}

enum err url_keys_drop(struct account *a)
{
	struct db *d = account_db(a);

	TRY(db_write(d));
	return db_run(d, "DELETE FROM url_key", "");
}

static enum err read_key(struct account *a, uint32_t owner, uint64_t mailbox,
	uint8_t key[KEY_SIZE])
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		"SELECT key FROM url_key WHERE owner = ? AND mailbox = ?");

	db_bind(st, "uu", owner_of(a, owner), mailbox);
	enum err e = db_step(st);
	if (e == ERR_OK) {
		struct slice found = db_column(st, 0);
		if (found.n == KEY_SIZE)
			memcpy(key, found.p, KEY_SIZE);
		else
			e = ERR_CORRUPT;
	}
	db_done(st);
	return e;
}

static void put_token(const uint8_t hash[32], char out[URL_TOKEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	memcpy(p, HMAC_SHA256, strlen(HMAC_SHA256));
	p += strlen(HMAC_SHA256);
	for (size_t k = 0; k < 32; k++) {
		*p++ = digits[hash[k] >> 4];
		*p++ = digits[hash[k] & 15];
	}
	*p = '\0';
}

enum err url_token(struct account *a, uint32_t owner, uint64_t mailbox,
	struct slice rump, char out[URL_TOKEN + 1])
{
	uint8_t key[KEY_SIZE], hash[32];

	/* RFC 4467 6: it takes as long when there is none. */
	TRY(random_bytes(key, sizeof(key)));
	enum err found = read_key(a, owner, mailbox, key);
	enum err e = hmac_sha256(slice_of(key, sizeof(key)), rump, hash);
	if (e == ERR_OK)
		put_token(hash, out);
	mem_wipe(key, sizeof(key));
	return found != ERR_OK ? found : e;
}
