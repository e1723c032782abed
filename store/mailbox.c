/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mailbox rows: reading, making, and the numbers that messages move. All that
 * SELECT and STATUS answer stands in the one row of the mailbox, kept exact by
 * the calls that change messages: no count is ever taken of 100,000 rows.
 *
 * The tree of names is explicit: each parent has a row. One that nobody made
 * is a parent only (selectable false, \Noselect) and goes with its last child.
 * UIDVALIDITY grows over the whole account and is never below the clock, so
 * that a name deleted and made again, or a whole account made again, gives a
 * new value (RFC 3501 2.3.1.1).
 */
#include "schema.h"

#define MAILBOX_SELECT                                                         \
	"SELECT id, oid, name, special, selectable, EXISTS("                   \
	" SELECT 1 FROM mailbox AS c"                                          \
	" WHERE c.name > m.name || '/' AND c.name < m.name || '0'),"           \
	" uidvalidity, uidnext, modseq, total, unseen, deleted, size, recent"  \
	" FROM mailbox AS m "

static enum err fill_mailbox(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct mailbox_row *m = row;

	m->id = column_u64(st, 0);
	db_column_oid(st, 1, &m->oid);
	TRY(schema_copy(arena, st, 2, &m->name));
	m->special = (enum special_use)sqlite3_column_int(st, 3);
	m->selectable = sqlite3_column_int(st, 4) != 0;
	m->has_children = sqlite3_column_int(st, 5) != 0;
	m->uidvalidity = column_u32(st, 6);
	m->uidnext = column_u32(st, 7);
	m->modseq = column_u64(st, 8);
	m->exists = column_u32(st, 9);
	m->unseen = column_u32(st, 10);
	m->deleted = column_u32(st, 11);
	m->size = column_u64(st, 12);
	m->recent = column_u32(st, 13);
	return ERR_OK;
}

enum err mailbox_list(struct account *a, struct slice after,
	struct arena *arena, struct mailbox_row *rows, size_t max,
	size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(account_db(a),
		MAILBOX_SELECT "WHERE name > ? ORDER BY name LIMIT ?");

	db_bind(st, "si", after, (int64_t)max);
	return schema_rows(
		st, fill_mailbox, arena, rows, sizeof(*rows), max, n_out);
}

enum err mailbox_find(struct account *a, struct slice name, struct arena *arena,
	struct mailbox_row *out)
{
	char stored[LIMIT_MAILBOX_NAME];
	sqlite3_stmt *st;

	/* What cannot be a name does not exist. */
	if (mailbox_name(name, stored, &name) != ERR_OK)
		return ERR_NOTFOUND;
	st = db_stmt(account_db(a), MAILBOX_SELECT "WHERE name = ?");
	db_bind(st, "s", name);
	return schema_row(st, fill_mailbox, arena, out);
}

enum err mailbox_get(struct account *a, uint64_t id, struct arena *arena,
	struct mailbox_row *out)
{
	sqlite3_stmt *st =
		db_stmt(account_db(a), MAILBOX_SELECT "WHERE id = ?");

	db_bind(st, "u", id);
	return schema_row(st, fill_mailbox, arena, out);
}

enum err mailbox_find_special(struct account *a, enum special_use use,
	struct arena *arena, struct mailbox_row *out)
{
	sqlite3_stmt *st;

	if (use <= SPECIAL_NONE || use >= SPECIAL_COUNT)
		return ERR_NOTFOUND;
	st = db_stmt(account_db(a),
		MAILBOX_SELECT "WHERE special = ? AND special <> 0");
	db_bind(st, "i", (int64_t)use);
	return schema_row(st, fill_mailbox, arena, out);
}

/* --- making ------------------------------------------------------------------- */

enum err mailbox_room(struct db *d, size_t more)
{
	int64_t n;

	TRY(db_int(d, &n, "SELECT mailboxes FROM state", ""));
	return (uint64_t)n + more > LIMIT_MAILBOXES ? ERR_LIMIT : ERR_OK;
}

static enum err next_uidvalidity(struct db *d, int64_t *out)
{
	sqlite3_stmt *st = db_stmt(d,
		"UPDATE state SET uidvalidity = max(uidvalidity + 1, ?)"
		" RETURNING uidvalidity");

	db_bind(st, "i", schema_now());
	return schema_int(st, out);
}

enum err mailbox_insert(struct account *a, struct slice name,
	enum special_use use, bool selectable, uint64_t *id_out)
{
	struct db *d = account_db(a);
	int64_t uidvalidity;
	struct oid oid;
	uint64_t id;

	TRY(schema_next(d, &id));
	TRY(next_uidvalidity(d, &uidvalidity));
	oid_new(&oid);
	TRY(db_run(d,
		"INSERT INTO mailbox VALUES(?1, ?2, ?3, ?4, ?5, 1, ?1,"
		" 0, 0, 0, 0, 1, 0, 0, 0, 0, ?6)",
		"uoiiis", id, &oid, (int64_t)use, (int64_t)selectable,
		uidvalidity, name));
	TRY(db_run(d, "UPDATE state SET mailboxes = mailboxes + 1", ""));
	TRY(acl_inherit(a, id, name));
	db_note_change(a, WATCH_MAILBOX_LIST, id);
	*id_out = id;
	return ERR_OK;
}

static enum err exists(struct db *d, struct slice name, bool *out)
{
	int64_t id;
	enum err e = db_int(
		d, &id, "SELECT id FROM mailbox WHERE name = ?", "s", name);

	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*out = e == ERR_OK;
	return ERR_OK;
}

/* Parents that `name` lacks. */
static enum err missing_parents(struct db *d, struct slice name, size_t *n_out)
{
	size_t n = 0;
	bool there = false;

	for (name = mailbox_parent(name); name.n > 0 && !there;
		name = mailbox_parent(name)) {
		TRY(exists(d, name, &there));
		n += !there;
	}
	*n_out = n;
	return ERR_OK;
}

enum err mailbox_make_parents(struct account *a, struct slice name)
{
	struct db *d = account_db(a);
	bool there = false;
	uint64_t id;

	for (name = mailbox_parent(name); name.n > 0 && !there;
		name = mailbox_parent(name)) {
		TRY(exists(d, name, &there));
		if (!there)
			TRY(mailbox_insert(a, name, SPECIAL_NONE, false, &id));
	}
	return ERR_OK;
}

static enum err fill_found(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct mailbox_row *m = row;

	m->id = column_u64(st, 0);
	m->selectable = sqlite3_column_int(st, 1) != 0;
	return ERR_OK;
}

/* May a mailbox with this name and use be made? `there->id` is the parent
 * that already has the name, or 0. */
static enum err check_new(struct db *d, struct slice name, enum special_use use,
	struct mailbox_row *there)
{
	sqlite3_stmt *st =
		db_stmt(d, "SELECT id, selectable FROM mailbox WHERE name = ?");
	size_t missing;
	int64_t id;
	enum err e;

	there->id = 0;
	db_bind(st, "s", name);
	e = schema_row(st, fill_found, NULL, there);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	if (e == ERR_OK && there->selectable)
		return ERR_EXISTS;
	e = use == SPECIAL_NONE ? ERR_NOTFOUND
				: db_int(d, &id,
					  "SELECT id FROM mailbox"
					  " WHERE special = ? AND special <> 0",
					  "i", (int64_t)use);
	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_CONFLICT : e;
	TRY(missing_parents(d, name, &missing));
	return mailbox_room(d, missing + (there->id == 0));
}

/* A parent only becomes a mailbox: new to its clients in every respect. */
static enum err make_selectable(
	struct account *a, uint64_t id, enum special_use use)
{
	struct db *d = account_db(a);
	int64_t uidvalidity;
	uint64_t change;

	TRY(schema_next(d, &change));
	TRY(next_uidvalidity(d, &uidvalidity));
	TRY(db_run(d,
		"UPDATE mailbox SET selectable = 1, special = ?,"
		" uidvalidity = ?, modseq = ? WHERE id = ?",
		"iiuu", (int64_t)use, uidvalidity, change, id));
	db_note_change(a, WATCH_MAILBOX_LIST, id);
	return ERR_OK;
}

enum err mailbox_create(struct account *a, struct slice name,
	enum special_use use, uint64_t *id_out)
{
	struct db *d = account_db(a);
	char stored[LIMIT_MAILBOX_NAME];
	struct mailbox_row there;

	if (use < SPECIAL_NONE || use >= SPECIAL_COUNT)
		return ERR_UNSUPPORTED;
	TRY(db_write(d));
	TRY(mailbox_name(name, stored, &name));
	TRY(check_new(d, name, use, &there));
	if (there.id) {
		TRY(make_selectable(a, there.id, use));
		*id_out = there.id;
		return ERR_OK;
	}
	TRY(mailbox_make_parents(a, name));
	return mailbox_insert(a, name, use, true, id_out);
}

enum err mailbox_set_special(
	struct account *a, uint64_t id, enum special_use use)
{
	struct db *d = account_db(a);
	int64_t selectable;

	TRY(db_write(d));
	TRY(db_int(d, &selectable,
		"SELECT selectable FROM mailbox WHERE id = ?", "u", id));
	if (!selectable)
		return ERR_UNSUPPORTED;
	TRY(db_run(d,
		"UPDATE mailbox SET special = 0 WHERE special = ?"
		" AND special <> 0",
		"i", (int64_t)use));
	TRY(db_run(d, "UPDATE mailbox SET special = ? WHERE id = ?", "iu",
		(int64_t)use, id));
	db_note_change(a, WATCH_MAILBOX_LIST, id);
	return ERR_OK;
}

/* --- the numbers that messages move -------------------------------------------- */

static enum err fill_counters(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct counters *c = row;

	c->mailbox = column_u64(st, 0);
	c->uidnext = column_u32(st, 1);
	c->exists = column_u32(st, 2);
	c->unseen = column_u32(st, 3);
	c->deleted = column_u32(st, 4);
	c->size = column_u64(st, 5);
	c->modseq = column_u64(st, 6);
	c->first_unseen = column_u32(st, 7);
	c->seen_before = column_u32(st, 8);
	c->gone = column_u32(st, 9);
	c->gone_floor = column_u64(st, 10);
	return ERR_OK;
}

enum err counters_get(struct db *d, uint64_t mailbox, struct counters *out)
{
	sqlite3_stmt *st = db_stmt(d,
		"SELECT id, uidnext, total, unseen, deleted, size, modseq,"
		" first_unseen, seen_before, gone, gone_floor FROM mailbox"
		" WHERE id = ? AND selectable = 1");

	db_bind(st, "u", mailbox);
	return schema_row(st, fill_counters, NULL, out);
}

enum err counters_put(struct account *a, const struct counters *c)
{
	TRY(db_run(account_db(a),
		"UPDATE mailbox SET uidnext = ?, total = ?, unseen = ?,"
		" deleted = ?, size = ?, modseq = ?, first_unseen = ?,"
		" seen_before = ?, gone = ?, gone_floor = ? WHERE id = ?",
		"iiiiuuiiiuu", (int64_t)c->uidnext, (int64_t)c->exists,
		(int64_t)c->unseen, (int64_t)c->deleted, c->size, c->modseq,
		(int64_t)c->first_unseen, (int64_t)c->seen_before,
		(int64_t)c->gone, c->gone_floor, c->mailbox));
	db_note_change(a, WATCH_MAILBOX, c->mailbox);
	return ERR_OK;
}

enum err mailbox_set_recent(struct account *a, uint64_t mailbox, uint32_t uid)
{
	struct db *d = account_db(a);
	int64_t recent;

	TRY(db_write(d));
	TRY(db_int(d, &recent, "SELECT recent FROM mailbox WHERE id = ?", "u",
		mailbox));
	if (uid <= (uint64_t)recent)
		return ERR_OK;
	return db_run(d,
		"UPDATE mailbox SET recent = min(?, uidnext) WHERE id = ?",
		"iu", (int64_t)uid, mailbox);
}
