/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checks of mailboxes: the tree of names, and each row's numbers against its
 * messages, keywords and vanished UIDs, counted one by one.
 */
#include <inttypes.h>

#include "check.h"

/* --- messages --------------------------------------------------------------------- */

struct message_check {
	uint32_t uid;
	uint64_t modseq, flags, keywords[KEYWORD_WORDS], body, size, body_size;
};

static enum err fill_message(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct message_check *m = row;

	m->uid = column_u32(st, 0);
	m->modseq = column_u64(st, 1);
	m->flags = column_u64(st, 2);
	m->keywords[0] = column_u64(st, 3);
	m->keywords[1] = column_u64(st, 4);
	m->body = column_u64(st, 5);
	m->size = column_u64(st, 6);
	m->body_size = column_u64(st, 7);
	return ERR_OK;
}

static enum err count_message(
	struct check *k, struct mailbox_check *b, const struct message_check *m)
{
	struct counters *c = &b->found;
	uint64_t id = c->mailbox;

	k->seen.messages++;
	if (!(m->flags & FLAG_SEEN) && c->unseen++ == 0) {
		c->first_unseen = m->uid;
		c->seen_before = c->exists;
	}
	c->exists++;
	c->deleted += (m->flags & FLAG_DELETED) != 0;
	c->size += m->size;
	if (m->modseq > b->said.modseq)
		check_report(k,
			"mailbox %" PRIu64 ": UID %" PRIu32
			" changed after the mailbox",
			id, m->uid);
	if (m->uid >= b->said.uidnext)
		check_report(k,
			"mailbox %" PRIu64 ": UID %" PRIu32
			" not below UIDNEXT",
			id, m->uid);
	for (int i = 0; i < KEYWORD_WORDS; i++)
		if (m->keywords[i] & ~b->keywords[i])
			check_report(k,
				"mailbox %" PRIu64 ": UID %" PRIu32
				" has a keyword without name",
				id, m->uid);
	check_equal(
		k, "message of body", m->body, "size", m->size, m->body_size);
	return check_body_named(k, m->body);
}

static enum err page_messages(struct check *k, uint64_t mailbox, uint32_t after,
	struct message_check *rows, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT m.uid, m.modseq, m.flags, m.keyword0, m.keyword1,"
		" m.body, m.size, (SELECT b.size FROM body AS b"
		" WHERE b.id = m.body) FROM message AS m"
		" WHERE m.mailbox = ? AND m.uid > ? ORDER BY m.uid LIMIT ?");

	db_bind(st, "uii", mailbox, (int64_t)after, (int64_t)CHECK_PAGE);
	return schema_rows(
		st, fill_message, NULL, rows, sizeof(*rows), CHECK_PAGE, n_out);
}

/* A page; ERR_AGAIN: there are more. */
static enum err count_messages(struct check *k, struct mailbox_check *b)
{
	struct message_check rows[CHECK_PAGE];
	size_t n;

	TRY(page_messages(k, b->said.mailbox, (uint32_t)k->at.after, rows, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(count_message(k, b, &rows[i]));
		k->at.after = rows[i].uid;
	}
	return n == CHECK_PAGE ? ERR_AGAIN : ERR_OK;
}

/* --- what else belongs to a mailbox ------------------------------------------------- */

static enum err fill_number(sqlite3_stmt *st, struct arena *arena, void *row)
{
	*(uint64_t *)row = column_u64(st, 0);
	return ERR_OK;
}

static enum err load_keywords(struct check *k, struct mailbox_check *b)
{
	uint64_t bits[LIMIT_KEYWORDS];
	sqlite3_stmt *st =
		db_stmt(k->db, "SELECT bit FROM keyword WHERE mailbox = ?");
	size_t n;

	db_bind(st, "u", b->said.mailbox);
	TRY(schema_rows(st, fill_number, NULL, bits, sizeof(bits[0]),
		LIMIT_KEYWORDS, &n));
	for (size_t i = 0; i < n; i++)
		b->keywords[bits[i] / 64 % KEYWORD_WORDS] |= UINT64_C(1)
							     << bits[i] % 64;
	return ERR_OK;
}

struct gone_check {
	uint32_t uid;
	uint64_t modseq;
	bool alive;
};

static enum err fill_gone(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct gone_check *g = row;

	g->uid = column_u32(st, 0);
	g->modseq = column_u64(st, 1);
	g->alive = sqlite3_column_int(st, 2) != 0;
	return ERR_OK;
}

/* A page, in order of (modseq, uid). */
static enum err count_vanished(struct check *k, struct mailbox_check *b)
{
	uint64_t id = b->said.mailbox;
	struct gone_check rows[CHECK_PAGE];
	size_t n;
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT v.uid, v.modseq, EXISTS (SELECT 1 FROM message"
		" AS m WHERE m.mailbox = v.mailbox AND m.uid = v.uid)"
		" FROM vanished AS v WHERE v.mailbox = ?"
		" AND (v.modseq, v.uid) > (?, ?)"
		" ORDER BY v.modseq, v.uid LIMIT ?");

	db_bind(st, "uuui", id, k->at.after, k->at.second, (int64_t)CHECK_PAGE);
	TRY(schema_rows(
		st, fill_gone, NULL, rows, sizeof(rows[0]), CHECK_PAGE, &n));
	for (size_t i = 0; i < n; i++) {
		const struct gone_check *g = &rows[i];
		k->at.after = g->modseq;
		k->at.second = g->uid;
		if (g->alive || g->uid >= b->said.uidnext ||
			g->modseq > b->said.modseq)
			check_report(k,
				"mailbox %" PRIu64 ": UID %" PRIu32
				" did not vanish",
				id, g->uid);
	}
	b->found.gone += (uint32_t)n;
	return n == CHECK_PAGE ? ERR_AGAIN : ERR_OK;
}

/* --- rows ---------------------------------------------------------------------------- */

static void compare(struct check *k, const struct mailbox_check *b)
{
	const struct counters *s = &b->said, *f = &b->found;
	uint64_t id = s->mailbox;

	check_equal(k, "mailbox", id, "total", s->exists, f->exists);
	check_equal(k, "mailbox", id, "unseen", s->unseen, f->unseen);
	check_equal(k, "mailbox", id, "deleted", s->deleted, f->deleted);
	check_equal(k, "mailbox", id, "size", s->size, f->size);
	check_equal(k, "mailbox", id, "first_unseen", s->first_unseen,
		f->first_unseen);
	check_equal(k, "mailbox", id, "seen_before", s->seen_before,
		f->seen_before);
	check_equal(k, "mailbox", id, "gone", s->gone, f->gone);
	if (s->modseq > k->said.change ||
		b->uidvalidity > k->said.uidvalidity || b->recent > s->uidnext)
		check_report(k, "mailbox %" PRIu64 ": above the counters", id);
	if (!b->parent)
		check_report(k, "mailbox %" PRIu64 " has no parent", id);
	if (!b->selectable && (!b->children || f->exists))
		check_report(k, "mailbox %" PRIu64 " is nobody's parent", id);
}

static enum err fill_mailbox(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct mailbox_check *b = row;
	struct counters *c = &b->said;

	*b = (struct mailbox_check){ 0 };
	c->mailbox = b->found.mailbox = column_u64(st, 0);
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
	b->recent = column_u64(st, 11);
	b->uidvalidity = column_u64(st, 12);
	b->selectable = column_u64(st, 13);
	b->children = column_u64(st, 14);
	b->parent = column_u64(st, 15);
	return ERR_OK;
}

/* The parent's name is what stands before the last '/': rtrim() of all bytes
 * that are no '/', then that '/' itself. */
static enum err next_mailbox(
	struct check *k, uint64_t after, struct mailbox_check *b)
{
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT id, uidnext, total, unseen, deleted, size, modseq,"
		" first_unseen, seen_before, gone, gone_floor, recent,"
		" uidvalidity, selectable, EXISTS (SELECT 1 FROM mailbox AS c"
		" WHERE c.name > m.name || '/' AND c.name < m.name || '0'),"
		" instr(name, '/') = 0 OR EXISTS (SELECT 1 FROM mailbox AS p"
		" WHERE p.name = rtrim(rtrim(m.name,"
		" replace(m.name, '/', '')), '/'))"
		" FROM mailbox AS m WHERE id > ? ORDER BY id LIMIT 1");

	db_bind(st, "u", after);
	return schema_row(st, fill_mailbox, NULL, b);
}

enum { NEXT, MESSAGES, VANISHED };

static enum err begin_mailbox(struct check *k, struct mailbox_check *b)
{
	TRY(next_mailbox(k, k->at.id, b));
	k->at.id = b->said.mailbox;
	k->at.after = 0;
	k->at.stage = MESSAGES;
	return load_keywords(k, b);
}

static enum err end_mailbox(struct check *k, const struct mailbox_check *b)
{
	int64_t metadata;

	TRY(metadata_size(k->db, b->said.mailbox, &metadata));
	compare(k, b);
	k->mailboxes++;
	k->messages += b->found.exists;
	k->bytes += b->found.size + (uint64_t)metadata;
	k->at.stage = NEXT;
	return ERR_OK;
}

enum err check_mailboxes(struct check *k, const struct check_part *part)
{
	struct mailbox_check *b = &k->at.mailbox;
	enum err e;

	(void)part;
	if (k->at.stage == NEXT) {
		e = begin_mailbox(k, b);
		return e == ERR_OK ? ERR_AGAIN : e == ERR_NOTFOUND ? ERR_OK : e;
	}
	if (k->at.stage == MESSAGES) {
		TRY(count_messages(k, b));
		k->at.after = b->said.gone_floor;
		k->at.second = UINT32_MAX;
		k->at.stage = VANISHED;
		return ERR_AGAIN;
	}
	TRY(count_vanished(k, b));
	TRY(end_mailbox(k, b));
	return ERR_AGAIN;
}

/* Messages of deleted mailboxes keep their bodies until they are reaped. */
enum err check_dead_mailboxes(struct check *k, const struct check_part *part)
{
	struct message_check rows[CHECK_PAGE];
	size_t n;

	(void)part;
	if (k->at.stage == NEXT) {
		enum err e = check_next_dead(k, DEAD_MAILBOX);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		k->at.stage = MESSAGES;
	}
	TRY(page_messages(k, k->at.id, (uint32_t)k->at.after, rows, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(check_body_named(k, rows[i].body));
		k->at.after = rows[i].uid;
	}
	if (n < CHECK_PAGE)
		k->at.stage = NEXT;
	return ERR_AGAIN;
}

/* The mailboxes that have rows in a table, found by skipping from one to the
 * next; each must be there or dead. */
enum err check_strays(struct check *k, const struct check_part *part)
{
	int64_t id = (int64_t)k->at.id, n;
	enum err e = db_int(k->db, &id, part->sql, "i", id);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	TRY(db_int(k->db, &n,
		"SELECT (SELECT count(*) FROM mailbox WHERE id = ?1)"
		" + (SELECT count(*) FROM dead WHERE kind = 1 AND id = ?1)",
		"i", id));
	if (n != 1)
		check_report(
			k, "%s of missing mailbox %" PRId64, part->what, id);
	k->at.id = (uint64_t)id;
	return ERR_AGAIN;
}
