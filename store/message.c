/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Messages: adding, copying, moving, flags and expunging. Each call takes one
 * change number as its modification sequence (RFC 7162 3.1.1), writes the row
 * and the mailbox's counters in the same transaction, and leaves a row in
 * `vanished` for what it expunged. Of those the newest LIMIT_VANISHED of a
 * mailbox are kept; the mailbox row remembers up to where they were forgotten.
 */
#include "schema.h"

/* Forgotten together when there are more than LIMIT_VANISHED. */
#define VANISHED_STEP 100
#define MOVE_STEP 500

struct stored {
	uint32_t uid;
	struct flags flags;
	int64_t date;
	int64_t zone;
	uint64_t body, size, modseq;
};

static enum err fill_stored(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct stored *m = row;

	m->uid = column_u32(st, 0);
	m->flags.system = column_u32(st, 1);
	m->flags.keyword[0] = column_u64(st, 2);
	m->flags.keyword[1] = column_u64(st, 3);
	m->date = sqlite3_column_int64(st, 4);
	m->zone = sqlite3_column_int64(st, 5);
	m->body = column_u64(st, 6);
	m->size = column_u64(st, 7);
	m->modseq = column_u64(st, 8);
	return ERR_OK;
}

_Static_assert(KEYWORD_WORDS == 2, "the columns keyword0 and keyword1");

static enum err load(
	struct db *d, uint64_t mailbox, uint32_t uid, struct stored *out)
{
	sqlite3_stmt *st = db_stmt(d,
		"SELECT uid, flags, keyword0, keyword1, date, zone, body,"
		" size, modseq FROM message WHERE mailbox = ? AND uid = ?");

	db_bind(st, "ui", mailbox, (int64_t)uid);
	return schema_row(st, fill_stored, NULL, out);
}

/* --- rows and counters, together -------------------------------------------------- */

/* Gives the message the next UID of `c` and writes it. */
static enum err put_row(
	struct db *d, struct counters *c, struct stored *m, uint64_t change)
{
	if (c->uidnext == UINT32_MAX)
		return ERR_LIMIT;
	m->uid = c->uidnext++;
	TRY(db_run(d,
		"INSERT INTO message(mailbox, uid, modseq, flags, keyword0,"
		" keyword1, date, zone, saved, body, size)"
		" VALUES(?, ?, ?, ?, nullif(?, 0), nullif(?, 0), ?, ?, ?, ?,"
		" ?)",
		"uiuiuuiiiuu", c->mailbox, (int64_t)m->uid, change,
		(int64_t)m->flags.system, m->flags.keyword[0],
		m->flags.keyword[1], m->date, m->zone, schema_now(), m->body,
		m->size));
	if (!(m->flags.system & FLAG_SEEN)) {
		unseen_add(c, m->uid);
		c->unseen++;
	}
	c->exists++;
	c->deleted += (m->flags.system & FLAG_DELETED) != 0;
	c->size += m->size;
	c->modseq = change;
	return ERR_OK;
}

static enum err forget_vanished(struct db *d, struct counters *c)
{
	int64_t floor;

	if (c->gone <= LIMIT_VANISHED)
		return ERR_OK;
	TRY(db_int(d, &floor,
		"SELECT modseq FROM vanished WHERE mailbox = ?"
		" ORDER BY modseq, uid LIMIT 1 OFFSET ?",
		"ui", c->mailbox, (int64_t)VANISHED_STEP - 1));
	TRY(db_run(d, "DELETE FROM vanished WHERE mailbox = ? AND modseq <= ?",
		"ui", c->mailbox, floor));
	c->gone -= (uint32_t)db_changes(d);
	c->gone_floor = (uint64_t)floor;
	return ERR_OK;
}

/* Takes the row away; body and quota are the caller's. */
static enum err take_row(struct db *d, struct counters *c,
	const struct stored *m, uint64_t change)
{
	TRY(db_run(d, "DELETE FROM message WHERE mailbox = ? AND uid = ?", "ui",
		c->mailbox, (int64_t)m->uid));
	TRY(db_run(d,
		"INSERT INTO vanished(mailbox, modseq, uid) VALUES(?, ?, ?)",
		"uui", c->mailbox, change, (int64_t)m->uid));
	c->gone++;
	if (!(m->flags.system & FLAG_SEEN)) {
		TRY(unseen_clear(d, c, m->uid));
		c->unseen--;
	} else if (m->uid < c->first_unseen) {
		c->seen_before--;
	}
	c->exists--;
	c->deleted -= (m->flags.system & FLAG_DELETED) != 0;
	c->size -= m->size;
	c->modseq = change;
	return forget_vanished(d, c);
}

/* --- the calls ---------------------------------------------------------------------- */

#define FLAGS_ALL                                                              \
	(FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT)

enum err message_add(struct account *a, uint64_t mailbox,
	const struct message_new *new, uint32_t *uid_out, uint64_t *modseq_out)
{
	struct db *d = account_db(a);
	struct stored m = { .flags = new->flags,
		.date = new->internal_date,
		.zone = new->internal_zone,
		.body = new->body };
	struct counters c;
	uint64_t change;

	m.flags.system &= FLAGS_ALL;
	TRY(db_write(d));
	TRY(counters_get(d, mailbox, &c));
	TRY(body_size(a, m.body, &m.size));
	TRY(quota_check(a, m.size, 1));
	TRY(body_ref(a, m.body));
	TRY(quota_charge(d, (int64_t)m.size, 1, &change));
	TRY(put_row(d, &c, &m, change));
	TRY(counters_put(a, &c));
	*uid_out = m.uid;
	*modseq_out = change;
	return ERR_OK;
}

enum err message_copy(struct account *a, uint64_t from, uint32_t uid,
	uint64_t to, uint32_t *uid_out)
{
	struct db *d = account_db(a);
	struct counters c;
	struct stored m;
	uint64_t change;

	TRY(db_write(d));
	TRY(counters_get(d, from, &c));
	TRY(counters_get(d, to, &c));
	TRY(load(d, from, uid, &m));
	TRY(quota_check(a, m.size, 1));
	TRY(keyword_translate(a, from, to, &m.flags));
	TRY(body_ref(a, m.body));
	TRY(quota_charge(d, (int64_t)m.size, 1, &change));
	TRY(put_row(d, &c, &m, change));
	TRY(counters_put(a, &c));
	*uid_out = m.uid;
	return ERR_OK;
}

enum err message_move(struct account *a, uint64_t from, uint32_t uid,
	uint64_t to, uint32_t *uid_out, uint64_t *modseq_out)
{
	struct db *d = account_db(a);
	struct counters c;
	struct stored m, put;
	uint64_t change;

	TRY(db_write(d));
	TRY(counters_get(d, from, &c));
	TRY(counters_get(d, to, &c));
	TRY(load(d, from, uid, &m));
	put = m;
	TRY(keyword_translate(a, from, to, &put.flags));
	TRY(schema_next(d, &change));
	TRY(put_row(d, &c, &put, change));
	TRY(counters_put(a, &c));
	/* Loaded again: `from` may be `to`. */
	TRY(counters_get(d, from, &c));
	TRY(take_row(d, &c, &m, change));
	TRY(counters_put(a, &c));
	*uid_out = put.uid;
	*modseq_out = change;
	return ERR_OK;
}

static bool same_flags(const struct flags *x, const struct flags *y)
{
	return x->system == y->system && x->keyword[0] == y->keyword[0] &&
	       x->keyword[1] == y->keyword[1];
}

static enum err count_flags(struct db *d, struct counters *c,
	const struct stored *old, uint32_t system)
{
	uint32_t changed = old->flags.system ^ system;

	if (changed & FLAG_DELETED)
		c->deleted += system & FLAG_DELETED ? 1 : -1;
	if (!(changed & FLAG_SEEN))
		return ERR_OK;
	if (system & FLAG_SEEN) {
		TRY(unseen_clear(d, c, old->uid));
		c->unseen--;
	} else {
		TRY(unseen_set(d, c, old->uid));
		c->unseen++;
	}
	return ERR_OK;
}

enum err message_set_flags(struct account *a, uint64_t mailbox, uint32_t uid,
	const struct flags *flags, uint64_t *modseq_out)
{
	struct db *d = account_db(a);
	struct flags to = *flags;
	struct counters c;
	struct stored m;
	uint64_t change;

	to.system &= FLAGS_ALL;
	TRY(db_write(d));
	TRY(counters_get(d, mailbox, &c));
	TRY(load(d, mailbox, uid, &m));
	if (same_flags(&m.flags, &to)) {
		*modseq_out = m.modseq;
		return ERR_OK;
	}
	TRY(schema_next(d, &change));
	TRY(db_run(d,
		"UPDATE message SET modseq = ?, flags = ?,"
		" keyword0 = nullif(?, 0), keyword1 = nullif(?, 0)"
		" WHERE mailbox = ? AND uid = ?",
		"uiuuui", change, (int64_t)to.system, to.keyword[0],
		to.keyword[1], mailbox, (int64_t)uid));
	TRY(count_flags(d, &c, &m, to.system));
	c.modseq = change;
	TRY(counters_put(a, &c));
	*modseq_out = change;
	return ERR_OK;
}

enum err message_expunge(
	struct account *a, uint64_t mailbox, uint32_t uid, uint64_t *modseq_out)
{
	struct db *d = account_db(a);
	struct counters c;
	struct stored m;
	uint64_t change;

	TRY(db_write(d));
	TRY(counters_get(d, mailbox, &c));
	TRY(load(d, mailbox, uid, &m));
	TRY(quota_charge(d, -(int64_t)m.size, -1, &change));
	TRY(take_row(d, &c, &m, change));
	TRY(body_unref(a, m.body));
	TRY(counters_put(a, &c));
	*modseq_out = change;
	return ERR_OK;
}

/* --- a whole mailbox ----------------------------------------------------------------- */

static enum err move_some(struct account *a, struct counters *from,
	struct counters *to, struct stored *rows, size_t *n_out)
{
	struct db *d = account_db(a);
	sqlite3_stmt *st = db_stmt(d,
		"SELECT uid, flags, keyword0, keyword1, date, zone, body,"
		" size, modseq FROM message WHERE mailbox = ?"
		" ORDER BY uid LIMIT ?");
	uint64_t change;

	db_bind(st, "ui", from->mailbox, (int64_t)MOVE_STEP);
	TRY(schema_rows(
		st, fill_stored, NULL, rows, sizeof(*rows), MOVE_STEP, n_out));
	TRY(schema_next(d, &change));
	for (size_t i = 0; i < *n_out; i++) {
		struct stored put = rows[i];
		TRY(put_row(d, to, &put, change));
		TRY(take_row(d, from, &rows[i], change));
	}
	return ERR_OK;
}

enum err message_move_all(struct account *a, uint64_t from, uint64_t to)
{
	struct db *d = account_db(a);
	struct counters source, target;
	struct stored *rows = NULL;
	size_t n = MOVE_STEP;
	enum err e = ERR_OK;

	TRY(counters_get(d, from, &source));
	TRY(counters_get(d, to, &target));
	rows = mem_resize(NULL, MOVE_STEP, sizeof(*rows));
	if (!rows)
		return ERR_NOMEM;
	while (e == ERR_OK && n == MOVE_STEP)
		e = move_some(a, &source, &target, rows, &n);
	mem_free(rows);
	TRY(e);
	TRY(counters_put(a, &target));
	return counters_put(a, &source);
}
