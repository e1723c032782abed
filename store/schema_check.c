/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The invariants of the rows, part of store_verify: what a mailbox,
 * collection, body or `state` row says of others is counted again. Findings
 * name numbers only, never content. Read-only; nothing is repaired.
 *
 * The parts of each run are tables below; a part does about a page of rows at
 * a time (check.h).
 */
#include <inttypes.h>
#include <stdio.h>

#include <bastide/metadata.h>

#include "check.h"

/* Lines that wait for the end of a run; what is more is only counted. */
#define LINES KIB(64)
/* After so many runs that a commit broke off, one goes through. */
#define RESTARTS 3

void check_report(struct check *k, const char *fmt, ...)
{
	char line[300], text[250];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	int n = snprintf(line, sizeof(line), "account %" PRIu32 ": %s\n",
		account_number(k->account), text);
	k->seen.findings++;
	if (k->lines.n + (size_t)n <= LINES)
		buf_add(&k->lines, line, (size_t)n);
}

void check_equal(struct check *k, const char *what, uint64_t id,
	const char *column, uint64_t said, uint64_t found)
{
	if (said != found)
		check_report(k,
			"%s %" PRIu64 ": %s is %" PRIu64 ", counted %" PRIu64,
			what, id, column, said, found);
}

/* --- parts that several share ------------------------------------------------------- */

struct owned {
	uint64_t key;
	bool there;
};

static enum err fill_owned(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct owned *o = row;

	o->key = column_u64(st, 0);
	o->there = sqlite3_column_int(st, 1) != 0;
	return ERR_OK;
}

/* Rows whose owner is missing. `sql` has one parameter, the value after which
 * to go on, and gives the value and whether the owner is there, in order, for
 * at most CHECK_PAGE rows. */
static enum err check_owners(struct check *k, const struct check_part *part)
{
	struct owned rows[CHECK_PAGE];
	sqlite3_stmt *st = db_stmt(k->db, part->sql);
	size_t n;

	db_bind(st, "u", k->at.after);
	TRY(schema_rows(
		st, fill_owned, NULL, rows, sizeof(rows[0]), CHECK_PAGE, &n));
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].there)
			check_report(k, "%s of missing %" PRIu64, part->what,
				rows[i].key);
		k->at.after = rows[i].key;
	}
	return n == CHECK_PAGE ? ERR_AGAIN : ERR_OK;
}

/* --- the tables themselves ------------------------------------------------------------ */

/* Is the table there, as the registry declares it? SQLite keeps its text. */
static enum err check_table(struct check *k, const struct table_decl *decl)
{
	sqlite3_stmt *st = db_stmt(k->db,
		"SELECT sql FROM sqlite_schema WHERE type = 'table'"
		" AND name = ?");

	db_bind(st, "s", slice_str(decl->name));
	enum err e = db_step(st);
	struct slice have = e == ERR_OK ? db_column(st, 0) : slice_of("", 0);
	bool same = have.n && strncmp(decl->sql, have.p, have.n) == 0 &&
		    (decl->sql[have.n] == '\0' || decl->sql[have.n] == ';');
	db_done(st);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	if (!same)
		check_report(k, "table %s is not as declared", decl->name);
	return ERR_OK;
}

static enum err check_tables(struct check *k, const struct check_part *part)
{
	bool tenant = account_number(k->account) == TENANT_ACCOUNT;
	int64_t have;

	(void)part;
	for (size_t i = 0; i < n_table_decls; i++)
		if (table_decls[i].tenant == tenant) {
			TRY(check_table(k, &table_decls[i]));
			k->at.id++;
		}
	TRY(db_int(k->db, &have,
		"SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
		" AND name NOT LIKE 'core\\_%' ESCAPE '\\'"
		" AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
		""));
	check_equal(k, "database", account_number(k->account), "tables",
		k->at.id, (uint64_t)have);
	return ERR_OK;
}

/* --- the state row ---------------------------------------------------------------------- */

static enum err fill_state(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct state_check *s = row;

	s->change = column_u64(st, 0);
	s->bytes = column_u64(st, 1);
	s->messages = column_u64(st, 2);
	s->uidvalidity = column_u64(st, 3);
	s->mailboxes = column_u64(st, 4);
	s->subscriptions = column_u64(st, 5);
	return ERR_OK;
}

static enum err read_state(struct check *k, const struct check_part *part)
{
	(void)part;
	return schema_row(
		db_stmt(k->db, "SELECT change, bytes, messages, uidvalidity,"
			       " mailboxes, subscriptions FROM state"),
		fill_state, NULL, &k->said);
}

static enum err check_state(struct check *k, const struct check_part *part)
{
	const struct state_check *s = &k->said;
	int64_t subscriptions;

	(void)part;
	TRY(db_int(k->db, &subscriptions, "SELECT count(*) FROM subscription",
		""));
	check_equal(k, "state", 1, "bytes", s->bytes, k->bytes);
	check_equal(k, "state", 1, "messages", s->messages, k->messages);
	check_equal(k, "state", 1, "mailboxes", s->mailboxes, k->mailboxes);
	check_equal(k, "state", 1, "subscriptions", s->subscriptions,
		(uint64_t)subscriptions);
	return ERR_OK;
}

/* Those of mailboxes: check_mailboxes(). */
static enum err count_account_metadata(
	struct check *k, const struct check_part *part)
{
	int64_t bytes;

	(void)part;
	TRY(metadata_size(k->db, METADATA_ACCOUNT, &bytes));
	k->bytes += (uint64_t)bytes;
	return ERR_OK;
}

/* --- the tenant's database ---------------------------------------------------------------- */

static enum err fill_queued(sqlite3_stmt *st, struct arena *arena, void *row)
{
	uint64_t *q = row;

	(void)arena;
	q[0] = column_u64(st, 0);
	q[1] = column_u64(st, 1);
	return ERR_OK;
}

static enum err name_queue_bodies(
	struct check *k, const struct check_part *part)
{
	uint64_t rows[CHECK_PAGE][2];
	sqlite3_stmt *st =
		db_stmt(k->db, "SELECT id, body FROM queue_message WHERE id > ?"
			       " ORDER BY id LIMIT 500");
	size_t n;

	(void)part;
	db_bind(st, "u", k->at.after);
	TRY(schema_rows(
		st, fill_queued, NULL, rows, sizeof(rows[0]), CHECK_PAGE, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(check_body_named(k, rows[i][1]));
		k->at.after = rows[i][0];
	}
	return n == CHECK_PAGE ? ERR_AGAIN : ERR_OK;
}

#define AUDIT_ROWS 100

static void follow_audit(
	struct check *k, const struct audit_row *row, const uint8_t want[32])
{
	if (row->id != k->at.id + 1 || memcmp(want, row->hash, 32) != 0)
		check_report(k,
			"audit %" PRIu64 " does not follow the one before",
			row->id);
	memcpy(k->at.hash, row->hash, 32);
	k->at.id = row->id;
}

static enum err check_audit(struct check *k, const struct check_part *part)
{
	struct audit_row rows[AUDIT_ROWS];
	struct arena *arena = arena_new(MIB(1));
	uint8_t want[32];
	size_t n = 0;

	(void)part;
	if (!arena)
		return ERR_NOMEM;
	enum err e = audit_list(account_store(k->account), k->at.id, arena,
		rows, AUDIT_ROWS, &n);
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		e = audit_hash(k->at.hash, &rows[i], want);
		if (e == ERR_OK)
			follow_audit(k, &rows[i], want);
	}
	arena_free(arena);
	TRY(e);
	return n == AUDIT_ROWS ? ERR_AGAIN : ERR_OK;
}

/* --- what is looked at, in this order --------------------------------------------------------- */

#define SMALL_BODIES                                                           \
	{                                                                      \
		check_owners, "small body",                                    \
			"SELECT s.id, b.id IS NOT NULL FROM body_small AS s"   \
			" LEFT JOIN body AS b ON b.id = s.id WHERE s.id > ?"   \
			" ORDER BY s.id LIMIT 500"                             \
	}

static const struct check_part account_parts[] = {
	{ check_tables, NULL, NULL },
	{ read_state, NULL, NULL },
	{ check_mailboxes, NULL, NULL },
	{ check_dead_mailboxes, NULL, NULL },
	{ check_strays, "messages",
		"SELECT mailbox FROM message WHERE mailbox > ?"
		" ORDER BY mailbox LIMIT 1" },
	{ check_strays, "vanished",
		"SELECT mailbox FROM vanished WHERE mailbox > ?"
		" ORDER BY mailbox LIMIT 1" },
	{ check_strays, "keywords",
		"SELECT mailbox FROM keyword WHERE mailbox > ?"
		" ORDER BY mailbox LIMIT 1" },
	{ check_strays, "metadata",
		"SELECT mailbox FROM metadata WHERE mailbox > ?"
		" ORDER BY mailbox LIMIT 1" },
	{ count_account_metadata, NULL, NULL },
	{ check_owners, "list of rights",
		"SELECT DISTINCT l.mailbox, m.id IS NOT NULL FROM acl AS l"
		" LEFT JOIN mailbox AS m ON m.id = l.mailbox"
		" WHERE l.mailbox > ? ORDER BY l.mailbox LIMIT 500" },
	{ check_owners, "key of URLs",
		"SELECT u.mailbox, m.id IS NOT NULL AND length(u.key) = 32"
		" FROM url_key AS u LEFT JOIN mailbox AS m ON m.id = u.mailbox"
		" WHERE u.owner = 0 AND u.mailbox > ?"
		" ORDER BY u.mailbox LIMIT 500" },
	{ check_collections, NULL, NULL },
	{ check_dead_collections, NULL, NULL },
	{ check_owners, "resource",
		"SELECT r.id, EXISTS (SELECT 1 FROM collection AS c"
		" WHERE c.id = r.collection) OR EXISTS (SELECT 1 FROM dead"
		" WHERE kind = 2 AND dead.id = r.collection)"
		" FROM resource AS r WHERE r.id > ? ORDER BY r.id LIMIT 500" },
	{ check_owners, "spans",
		"SELECT s.resource, max(r.id) IS NOT NULL FROM resource_span"
		" AS s LEFT JOIN resource AS r ON r.id = s.resource"
		" WHERE s.resource > ? GROUP BY s.resource"
		" ORDER BY s.resource LIMIT 500" },
	{ check_fulltext, NULL, NULL },
	{ check_owners, "block of words",
		"SELECT b.id, EXISTS (SELECT 1 FROM fulltext_segment AS s"
		" WHERE s.id = b.id >> 20) FROM fulltext_block AS b"
		" WHERE b.id > ? ORDER BY b.id LIMIT 500" },
	{ check_bodies, NULL, NULL },
	SMALL_BODIES,
	{ check_live, NULL, NULL },
	{ check_state, NULL, NULL },
	{ NULL, NULL, NULL },
};

/* Rows of the directory whose owner is missing; by rowid or account. */
static const struct check_part tenant_parts[] = {
	{ check_tables, NULL, NULL },
	{ read_state, NULL, NULL },
	{ check_owners, "queue entry",
		"SELECT e.id, m.id IS NOT NULL FROM queue_entry AS e"
		" LEFT JOIN queue_message AS m ON m.id = e.message"
		" WHERE e.id > ? ORDER BY e.id LIMIT 500" },
	{ check_owners, "queue message without its entries",
		"SELECT m.id, m.entries = (SELECT count(*) FROM queue_entry"
		" AS e WHERE e.message = m.id) AND m.entries > 0"
		" FROM queue_message AS m WHERE m.id > ?"
		" ORDER BY m.id LIMIT 500" },
	{ check_owners, "credential",
		"SELECT c.id, u.account IS NOT NULL FROM credential AS c"
		" LEFT JOIN user AS u ON u.account = c.account"
		" WHERE c.id > ? ORDER BY c.id LIMIT 500" },
	{ check_owners, "user without address",
		"SELECT u.account, EXISTS (SELECT 1 FROM address AS a"
		" WHERE a.account = u.account AND a.given = u.address)"
		" FROM user AS u WHERE u.account > ?"
		" ORDER BY u.account LIMIT 500" },
	{ check_owners, "user above the counter",
		"SELECT account, account < (SELECT account_next"
		" FROM tenant_state) FROM user WHERE account > ?"
		" ORDER BY account LIMIT 500" },
	{ check_owners, "address",
		"SELECT DISTINCT a.account, u.account IS NOT NULL"
		" FROM address AS a LEFT JOIN user AS u"
		" ON u.account = a.account WHERE a.account > ?"
		" ORDER BY a.account LIMIT 500" },
	{ check_owners, "address outside the domains",
		"SELECT a.account, count(d.name) = count(*) FROM address AS a"
		" LEFT JOIN domain AS d ON d.name = a.domain"
		" WHERE a.account > ? GROUP BY a.account"
		" ORDER BY a.account LIMIT 500" },
	{ check_owners, "member of groups",
		"SELECT DISTINCT g.account, u.account IS NOT NULL AND NOT "
		"EXISTS"
		" (SELECT 1 FROM group_member AS o WHERE o.account = g.account"
		" AND o.team NOT IN (SELECT id FROM team))"
		" FROM group_member AS g"
		" LEFT JOIN user AS u ON u.account = g.account"
		" WHERE g.account > ? ORDER BY g.account LIMIT 500" },
	{ check_owners, "share",
		"SELECT DISTINCT s.owner, u.account IS NOT NULL"
		" FROM share AS s LEFT JOIN user AS u ON u.account = s.owner"
		" WHERE s.owner > ? ORDER BY s.owner LIMIT 500" },
	{ name_queue_bodies, NULL, NULL },
	{ check_bodies, NULL, NULL },
	SMALL_BODIES,
	{ check_live, NULL, NULL },
	{ NULL, NULL, NULL },
};

static const struct check_part bytes_parts[] = {
	{ check_bytes, NULL, NULL },
	{ NULL, NULL, NULL },
};

static const struct check_part audit_parts[] = {
	{ check_audit, NULL, NULL },
	{ NULL, NULL, NULL },
};

/* --- a run ---------------------------------------------------------------------------------------- */

enum err schema_check_new(struct store_check *c, bool tenant,
	enum check_what what, struct check **out)
{
	struct check *k = mem_new(struct check);

	if (!k)
		return ERR_NOMEM;
	k->c = c;
	k->appended = what != CHECK_ROWS;
	k->parts = what == CHECK_BYTES   ? bytes_parts
		   : what == CHECK_AUDIT ? audit_parts
		   : tenant              ? tenant_parts
					 : account_parts;
	buf_init(&k->lines, LINES);
	*out = k;
	return ERR_OK;
}

void schema_check_free(struct check *k)
{
	if (!k)
		return;
	buf_free(&k->lines);
	mem_free(k->bodies);
	mem_free(k->live);
	mem_free(k);
}

/* From the first part on, with nothing found yet. */
static void begin_run(struct check *k, const struct check_part *first)
{
	k->begun = true;
	k->commit = account_last_commit(k->account);
	k->parts = first;
	k->seen = (struct store_check){ 0 };
	buf_reset(&k->lines);
	k->n = k->n_live = 0;
	k->bytes = k->messages = k->mailboxes = 0;
	memset(&k->at, 0, sizeof(k->at));
}

static void end_run(struct check *k)
{
	struct slice lines = buf_slice(&k->lines);
	struct store_check *c = k->c;

	c->bodies += k->seen.bodies;
	c->bytes += k->seen.bytes;
	c->messages += k->seen.messages;
	c->resources += k->seen.resources;
	c->findings += k->seen.findings;
	while (c->report && lines.n) {
		char text[300];
		struct slice line = slice_cut(lines, '\n', &lines);
		snprintf(text, sizeof(text), "%.*s", (int)line.n, line.p);
		c->report(c->arg, text);
	}
}

static enum err step(struct check *k)
{
	enum err e = k->parts->run(k, k->parts);

	if (e == ERR_OK) {
		k->parts++;
		memset(&k->at, 0, sizeof(k->at));
		e = k->parts->run ? ERR_AGAIN : ERR_OK;
	}
	return e;
}

enum err schema_check_more(struct check *k, struct account *a)
{
	bool through = k->restarts >= RESTARTS;
	enum err e;

	k->account = a;
	k->db = account_db(a);
	if (!k->begun) {
		k->first = k->parts;
		begin_run(k, k->first);
	} else if (!k->appended && account_last_commit(a) != k->commit) {
		k->restarts++;
		begin_run(k, k->first);
	}
	do
		e = step(k);
	while (e == ERR_AGAIN && through);
	if (e == ERR_OK)
		end_run(k);
	return e;
}
