/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Token buckets in set-associative tables: a key hashes to one set; when all
 * its ways are taken, the one nearest to being full again, which is the one
 * that matters least, makes room.
 */
#include <arpa/inet.h>

#include <bastide/crypt.h>
#include <bastide/mem.h>

#include "attempts.h"

#define SETS 4096
#define WAYS 8
#define KNOWN_MS ((uint64_t)24 * 3600 * 1000)

struct bucket {
	uint64_t key; /* 0: free */
	uint64_t ms;  /* when `left` was true */
	double left;
	uint32_t under_way; /* tries that hold a token */
};

struct table {
	double burst, per_ms;
	bool off;
	struct bucket sets[SETS][WAYS];
};

/* Pairs of source and account that signed in. */
struct known {
	uint64_t key, ms;
};

struct attempts {
	struct table sources, accounts;
	struct known known[SETS][WAYS];
};

static void table_init(struct table *t, int64_t burst, int64_t per_min)
{
	t->off = burst == 0;
	t->burst = (double)burst;
	t->per_ms = (double)per_min / 60000;
}

enum err attempts_new(const struct config *c, struct attempts **out)
{
	struct attempts *a = mem_new(struct attempts);

	if (!a)
		return ERR_NOMEM;
	table_init(&a->sources, config_num(c, "login_source_burst"),
		config_num(c, "login_source_per_min"));
	table_init(&a->accounts, config_num(c, "login_account_burst"),
		config_num(c, "login_account_per_min"));
	*out = a;
	return ERR_OK;
}

void attempts_free(struct attempts *a)
{
	mem_free(a);
}

/* --- keys ------------------------------------------------------------------------ */

static size_t source_bytes(struct slice peer, uint8_t out[16])
{
	char text[64] = { 0 };

	if (peer.n >= sizeof(text))
		return 0;
	memcpy(text, peer.p, peer.n);
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 8 : 0;
}

static enum err keyed(const uint8_t key[32], struct slice what, uint64_t *out)
{
	uint8_t digest[32];

	TRY(hmac_sha256(slice_of(key, 32), what, digest));
	*out = get_be64(digest) | 1; /* 0 is "free" */
	return ERR_OK;
}

enum err attempt_of(const uint8_t key[32], struct slice peer,
	struct slice address, struct attempt *out)
{
	uint8_t raw[16];
	size_t n = source_bytes(peer, raw);

	TRY(keyed(key, n ? slice_of(raw, n) : peer, &out->source));
	return keyed(key, address, &out->account);
}

/* --- buckets --------------------------------------------------------------------- */

static double level(const struct table *t, const struct bucket *b, uint64_t now)
{
	double left = b->left + (double)(now - b->ms) * t->per_ms;

	return left > t->burst ? t->burst : left;
}

static struct bucket *bucket_of(struct table *t, uint64_t key, uint64_t now)
{
	struct bucket *set = t->sets[key / 2 % SETS], *best = &set[0];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i].key) {
			best = &set[i];
			break;
		}
		if (level(t, &set[i], now) > level(t, best, now))
			best = &set[i];
	}
	*best = (struct bucket){ .key = key, .ms = now, .left = t->burst };
	return best;
}

static enum attempt_room room(struct table *t, uint64_t key, uint64_t now)
{
	const struct bucket *b = bucket_of(t, key, now);

	if (t->off || level(t, b, now) >= 1)
		return ATTEMPT_TAKEN;
	return b->under_way ? ATTEMPT_WAIT : ATTEMPT_REFUSED;
}

static void take(struct table *t, uint64_t key, uint64_t now)
{
	struct bucket *b = bucket_of(t, key, now);

	b->left = level(t, b, now) - 1;
	b->ms = now;
	b->under_way++;
}

static void give(struct table *t, uint64_t key, uint64_t now, bool back)
{
	struct bucket *b = bucket_of(t, key, now);

	b->left = level(t, b, now) + back;
	if (b->left > t->burst)
		b->left = t->burst;
	b->ms = now;
	if (b->under_way) /* 0: it made room for another, and came back */
		b->under_way--;
}

static uint64_t pair_key(const struct attempt *t)
{
	return (t->source ^ (t->account << 7 | t->account >> 57)) | 1;
}

static bool is_known(struct attempts *a, const struct attempt *t, uint64_t now)
{
	uint64_t key = pair_key(t);
	struct known *set = a->known[key / 2 % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return now - set[i].ms < KNOWN_MS;
	return false;
}

static void make_known(
	struct attempts *a, const struct attempt *t, uint64_t now)
{
	uint64_t key = pair_key(t);
	struct known *set = a->known[key / 2 % SETS], *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == key) {
			set[i].ms = now;
			return;
		}
		if (!set[i].key || set[i].ms < oldest->ms)
			oldest = &set[i];
		if (!set[i].key)
			break;
	}
	*oldest = (struct known){ key, now };
}

enum attempt_room attempts_take(
	struct attempts *a, struct attempt *t, uint64_t now)
{
	bool known = is_known(a, t, now);
	enum attempt_room source = room(&a->sources, t->source, now);
	enum attempt_room account =
		known ? ATTEMPT_TAKEN : room(&a->accounts, t->account, now);

	if (source != ATTEMPT_TAKEN || account != ATTEMPT_TAKEN)
		return source > account ? source : account;
	take(&a->sources, t->source, now);
	t->source_taken = true;
	if (!known)
		take(&a->accounts, t->account, now);
	t->account_taken = !known;
	return ATTEMPT_TAKEN;
}

void attempts_end(struct attempts *a, struct attempt *t, enum attempt_end end,
	uint64_t now)
{
	bool back = end != ATTEMPT_BAD;

	if (t->source_taken)
		give(&a->sources, t->source, now, back);
	if (t->account_taken)
		give(&a->accounts, t->account, now, back);
	if (t->source_taken && end == ATTEMPT_GOOD)
		make_known(a, t, now);
	t->source_taken = t->account_taken = false;
}
