/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first message without \Seen and how many lie before it: what SELECT
 * answers as UNSEEN (RFC 3501 7.3.1). Both stand in the mailbox row. All
 * messages before the first unseen one are seen, so a change moves the pair
 * over a run of seen messages only, which is counted in the tree of UIDs. So
 * is what others want counted.
 */
#include "schema.h"

/* Rows counted by one statement: stays far below SQL_LIMIT_MS. */
#define COUNT_STEP 50000

/* Messages with from <= uid < to. */
static enum err count_range(struct db *d, uint64_t mailbox, uint32_t from,
	uint64_t to, uint32_t *n_out)
{
	uint32_t n = 0;

	for (;;) {
		sqlite3_stmt *st = db_stmt(d,
			"SELECT count(*), max(uid) FROM (SELECT uid"
			" FROM message WHERE mailbox = ? AND uid >= ?"
			" AND uid < ? ORDER BY uid LIMIT ?)");
		uint32_t got = 0, last = 0;
		enum err e;
		db_bind(st, "uiui", mailbox, (int64_t)from, to,
			(int64_t)COUNT_STEP);
		e = db_step(st);
		if (e == ERR_OK) {
			got = column_u32(st, 0);
			last = column_u32(st, 1);
		}
		db_done(st);
		TRY(e);
		n += got;
		if (got < COUNT_STEP)
			break;
		from = last + 1;
	}
	*n_out = n;
	return ERR_OK;
}

enum err message_count(struct account *a, uint64_t mailbox, uint32_t from,
	uint32_t to, uint32_t *n_out)
{
	return count_range(
		account_db(a), mailbox, from, (uint64_t)to + 1, n_out);
}

void unseen_add(struct counters *c, uint32_t uid)
{
	if (c->unseen == 0) {
		c->first_unseen = uid;
		c->seen_before = c->exists;
	}
}

/* The message is no longer unseen: it was seen or expunged. */
enum err unseen_clear(struct db *d, struct counters *c, uint32_t uid)
{
	int64_t next = 0;
	uint32_t n;

	if (uid != c->first_unseen)
		return ERR_OK;
	if (c->unseen == 1) {
		c->first_unseen = c->seen_before = 0;
		return ERR_OK;
	}
	TRY(db_int(d, &next,
		"SELECT uid FROM message WHERE mailbox = ? AND uid > ?"
		" AND (flags & 1) = 0 ORDER BY uid LIMIT 1",
		"ui", c->mailbox, (int64_t)uid));
	TRY(count_range(d, c->mailbox, uid, (uint64_t)next, &n));
	c->first_unseen = (uint32_t)next;
	c->seen_before += n;
	return ERR_OK;
}

/* All were seen; count on the shorter side, going by the UID. */
static enum err first_of_all(struct db *d, struct counters *c, uint32_t uid)
{
	uint32_t n;

	if (uid < c->uidnext / 2) {
		TRY(count_range(d, c->mailbox, 1, uid, &n));
	} else {
		TRY(count_range(d, c->mailbox, uid, c->uidnext, &n));
		n = c->exists - n;
	}
	c->first_unseen = uid;
	c->seen_before = n;
	return ERR_OK;
}

/* The message lost \Seen. */
enum err unseen_set(struct db *d, struct counters *c, uint32_t uid)
{
	uint32_t n;

	if (c->unseen == 0)
		return first_of_all(d, c, uid);
	if (uid > c->first_unseen)
		return ERR_OK;
	TRY(count_range(d, c->mailbox, uid, c->first_unseen, &n));
	c->first_unseen = uid;
	c->seen_before -= n;
	return ERR_OK;
}
