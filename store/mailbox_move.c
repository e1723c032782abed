/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Deleting and renaming mailboxes (RFC 3501 6.3.4, 6.3.5). A renamed mailbox
 * stays what it is: id, object id, UIDVALIDITY and messages; only names move,
 * its own and those below it. INBOX is the exception: its messages move to a
 * new mailbox and it stays, with its children where they were.
 *
 * A deleted mailbox is gone at once, with its share of the quota. Its message
 * rows and bodies are taken away in slices afterwards (reap.c), so that the
 * loop does not stand still for a mailbox of 100,000.
 */
#include "schema.h"

/* Rows renamed by one statement: stays far below SQL_LIMIT_MS. */
#define RENAME_STEP 500

struct found {
	uint64_t id;
	bool selectable;
	int64_t messages, size;
	char bytes[LIMIT_MAILBOX_NAME];
	struct slice name; /* in `bytes` */
};

static enum err fill_found(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct found *f = row;
	struct slice name = db_column(st, 4);

	if (name.n > sizeof(f->bytes))
		return ERR_CORRUPT;
	f->id = column_u64(st, 0);
	f->selectable = sqlite3_column_int(st, 1) != 0;
	f->messages = sqlite3_column_int64(st, 2);
	f->size = sqlite3_column_int64(st, 3);
	memcpy(f->bytes, name.p, name.n);
	f->name = slice_of(f->bytes, name.n);
	return ERR_OK;
}

static enum err find_id(struct db *d, uint64_t id, struct found *out)
{
	sqlite3_stmt *st = db_stmt(d,
		"SELECT id, selectable, total, size, name FROM mailbox"
		" WHERE id = ?");

	db_bind(st, "u", id);
	return schema_row(st, fill_found, NULL, out);
}

static enum err find_name(struct db *d, struct slice name, struct found *out)
{
	sqlite3_stmt *st = db_stmt(d,
		"SELECT id, selectable, total, size, name FROM mailbox"
		" WHERE name = ?");

	db_bind(st, "s", name);
	return schema_row(st, fill_found, NULL, out);
}

static enum err has_children(struct db *d, struct slice name, bool *out)
{
	struct name_range r;
	int64_t id;
	enum err e;

	mailbox_below(name, &r);
	e = db_int(d, &id,
		"SELECT id FROM mailbox WHERE name > ? AND name < ? LIMIT 1",
		"ss", slice_of(r.low, r.n), slice_of(r.high, r.n));
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	*out = e == ERR_OK;
	return ERR_OK;
}

static enum err remove_row(struct account *a, uint64_t id)
{
	struct db *d = account_db(a);

	TRY(metadata_drop(a, id));
	TRY(acl_drop(a, id));
	TRY(url_key_drop(a, id));
	TRY(db_run(d, "DELETE FROM mailbox WHERE id = ?", "u", id));
	TRY(db_run(d, "UPDATE state SET mailboxes = mailboxes - 1", ""));
	db_note_change(a, WATCH_MAILBOX_LIST, id);
	return ERR_OK;
}

enum err mailbox_drop_parents(struct account *a, struct slice name)
{
	struct db *d = account_db(a);
	struct found f;

	for (name = mailbox_parent(name); name.n > 0;
		name = mailbox_parent(name)) {
		bool children;
		enum err e = find_name(d, name, &f);
		if (e == ERR_NOTFOUND)
			continue;
		TRY(e);
		TRY(has_children(d, name, &children));
		if (f.selectable || children)
			break;
		TRY(remove_row(a, f.id));
	}
	return ERR_OK;
}

enum err mailbox_delete(struct account *a, uint64_t id)
{
	struct db *d = account_db(a);
	uint64_t change, parent;
	struct found f;
	bool children;

	TRY(db_write(d));
	TRY(find_id(d, id, &f));
	if (slice_eqs(f.name, "INBOX"))
		return ERR_NOPERM;
	if (!f.selectable)
		return ERR_NOTEMPTY;
	TRY(has_children(d, f.name, &children));
	TRY(quota_charge(d, -f.size, -f.messages, &change));
	TRY(remove_row(a, id));
	TRY(dead_add(a, DEAD_MAILBOX, id));
	db_note_change(a, WATCH_MAILBOX, id);
	if (children)
		return mailbox_insert(a, f.name, SPECIAL_NONE, false, &parent);
	return mailbox_drop_parents(a, f.name);
}

/* --- rename --------------------------------------------------------------------- */

static bool is_below(struct slice name, struct slice parent)
{
	return name.n > parent.n && name.p[parent.n] == '/' &&
	       slice_eq(slice_head(name, parent.n), parent);
}

static size_t slashes(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '/';
	return n;
}

/* Are all names below `from` within the limits once they are below `to`? */
static enum err check_below(struct db *d, struct slice from, struct slice to)
{
	struct name_range r;
	int64_t longest, deepest;

	mailbox_below(from, &r);
	TRY(db_int(d, &longest,
		"SELECT ifnull(max(length(CAST(name AS BLOB))), 0)"
		" FROM mailbox WHERE name > ? AND name < ?",
		"ss", slice_of(r.low, r.n), slice_of(r.high, r.n)));
	TRY(db_int(d, &deepest,
		"SELECT ifnull(max(length(name)"
		" - length(replace(name, '/', ''))), 0)"
		" FROM mailbox WHERE name > ? AND name < ?",
		"ss", slice_of(r.low, r.n), slice_of(r.high, r.n)));
	if (longest == 0)
		return ERR_OK;
	if ((size_t)longest - from.n + to.n > LIMIT_MAILBOX_NAME)
		return ERR_LIMIT;
	if ((size_t)deepest - slashes(from) + slashes(to) + 1 >
		LIMIT_MAILBOX_LEVELS)
		return ERR_LIMIT;
	return ERR_OK;
}

static enum err move_below(struct db *d, struct slice from, struct slice to)
{
	struct name_range r;
	int changed;

	mailbox_below(from, &r);
	do {
		TRY(db_run(d,
			"UPDATE mailbox SET name = ?1"
			" || CAST(substr(CAST(name AS BLOB), ?2) AS TEXT)"
			" WHERE id IN (SELECT id FROM mailbox"
			" WHERE name > ?3 AND name < ?4 LIMIT ?5)",
			"sissi", to, (int64_t)from.n + 1, slice_of(r.low, r.n),
			slice_of(r.high, r.n), (int64_t)RENAME_STEP));
		changed = db_changes(d);
	} while (changed == RENAME_STEP);
	return ERR_OK;
}

/* RFC 3501 6.3.5: "It moves all messages in INBOX to a new mailbox with the
 * given name, leaving INBOX empty." RFC 5464 4.1: what it is annotated with is
 * copied. */
static enum err rename_inbox(
	struct account *a, uint64_t inbox, struct slice name)
{
	uint64_t id;

	TRY(mailbox_create(a, name, SPECIAL_NONE, &id));
	TRY(db_run(account_db(a),
		"INSERT INTO keyword(mailbox, bit, name)"
		" SELECT ?, bit, name FROM keyword WHERE mailbox = ?",
		"uu", id, inbox));
	TRY(metadata_copy(a, inbox, id));
	return message_move_all(a, inbox, id);
}

static enum err check_rename(
	struct db *d, const struct found *f, struct slice name)
{
	struct found there;
	enum err e = find_name(d, name, &there);

	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_EXISTS : e;
	if (is_below(name, f->name))
		return ERR_CONFLICT;
	TRY(mailbox_room(d, slashes(name)));
	return check_below(d, f->name, name);
}

enum err mailbox_rename(struct account *a, uint64_t id, struct slice new_name)
{
	struct db *d = account_db(a);
	char stored[LIMIT_MAILBOX_NAME];
	struct found f, there;
	struct slice name;

	TRY(db_write(d));
	TRY(mailbox_name(new_name, stored, &name));
	TRY(find_id(d, id, &f));
	if (slice_eqs(f.name, "INBOX")) {
		enum err e = find_name(d, name, &there);
		if (e != ERR_NOTFOUND)
			return e == ERR_OK ? ERR_EXISTS : e;
		return rename_inbox(a, id, name);
	}
	TRY(check_rename(d, &f, name));
	TRY(mailbox_make_parents(a, name));
	TRY(db_run(
		d, "UPDATE mailbox SET name = ? WHERE id = ?", "su", name, id));
	TRY(move_below(d, f.name, name));
	db_note_change(a, WATCH_MAILBOX_LIST, id);
	return mailbox_drop_parents(a, f.name);
}
