/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The queue of outgoing mail. A message has one row with what all recipients
 * share and names the body once; each recipient has an entry with its state:
 *
 *   WAITING --next_try reached: queue_update--> SENDING
 *   SENDING --sent or bounced: queue_remove--> gone
 *   SENDING --deferred: queue_update--> WAITING (later next_try)
 *   SENDING --the process died: schema_open--> WAITING
 *   any     --administrator: queue_update--> HELD, and back
 *
 * The last entry takes message and body along.
 *
 * Also the digests of what was delivered lately (RFC 5321 4.1.1.4 and
 * 4.5.3.2.6: a sender that did not get its 250 sends again).
 */
#include "schema.h"
#include "seal.h"

#define DELIVERY_KEEP_S (5 * 24 * 3600)
/* Old digests removed by each new one: the table cannot outgrow its days. */
#define DELIVERY_STEP 16

struct slice status_cut(struct slice text)
{
	return slice_head(text, LIMIT_STATUS);
}

/* --- the tenant's bodies ------------------------------------------------------------ */

typedef enum err (*body_fn)(struct account *a, uint64_t body);

static enum err with_tenant(struct store *s, body_fn call, uint64_t body)
{
	struct account *a;
	enum err e;

	TRY(account_open(s, TENANT_ACCOUNT, &a));
	e = call(a, body);
	account_close(a);
	return e;
}

/* --- adding ------------------------------------------------------------------------- */

static enum err check_add(
	const struct queue_row *row, const struct slice *recipients, size_t n)
{
	if (n == 0)
		return ERR_SYNTAX;
	if (n > LIMIT_RECIPIENTS || row->mail_from.n > LIMIT_ADDRESS)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		if (recipients[i].n == 0)
			return ERR_SYNTAX;
		if (recipients[i].n > LIMIT_ADDRESS)
			return ERR_LIMIT;
	}
	return ERR_OK;
}

static enum err add_entry(struct db *d, uint64_t message,
	struct slice recipient, int64_t next_try)
{
	uint64_t id;

	TRY(schema_next(d, &id));
	return db_run(d,
		"INSERT INTO queue_entry(id, message, state, tries, next_try,"
		" recipient, last_status) VALUES(?, ?, 0, 0, ?, ?, '')",
		"uuis", id, message, next_try, recipient);
}

enum err queue_add(struct store *s, const struct queue_row *row,
	const struct slice *recipients, size_t n, uint64_t *message_out)
{
	struct db *d = tenant_db(s);
	uint64_t message;

	TRY(db_write(d));
	TRY(check_add(row, recipients, n));
	TRY(with_tenant(s, body_ref, row->body));
	TRY(schema_next(d, &message));
	TRY(db_run(d,
		"INSERT INTO queue_message(id, entries, body, size, account,"
		" utf8, eightbit, created, expires, mail_from)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"uuuuiiiiis", message, (uint64_t)n, row->body, row->size,
		(int64_t)row->account, (int64_t)row->utf8,
		(int64_t)row->eightbit, row->created, row->expires,
		row->mail_from));
	for (size_t i = 0; i < n; i++)
		TRY(add_entry(d, message, recipients[i], row->next_try));
	*message_out = message;
	return ERR_OK;
}

/* --- reading -------------------------------------------------------------------------- */

static enum err fill_queue(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct queue_row *q = row;

	q->id = column_u64(st, 0);
	q->message = column_u64(st, 1);
	q->body = column_u64(st, 2);
	q->size = column_u64(st, 3);
	q->account = column_u32(st, 4);
	TRY(schema_copy(arena, st, 5, &q->mail_from));
	TRY(schema_copy(arena, st, 6, &q->recipient));
	q->utf8 = sqlite3_column_int(st, 7) != 0;
	q->eightbit = sqlite3_column_int(st, 8) != 0;
	q->state = (enum queue_state)sqlite3_column_int(st, 9);
	q->tries = column_u32(st, 10);
	q->created = sqlite3_column_int64(st, 11);
	q->next_try = sqlite3_column_int64(st, 12);
	q->expires = sqlite3_column_int64(st, 13);
	return schema_copy(arena, st, 14, &q->last_status);
}

#define QUEUE_SELECT                                                           \
	"SELECT e.id, m.id, m.body, m.size, m.account, m.mail_from,"           \
	" e.recipient, m.utf8, m.eightbit, e.state, e.tries, m.created,"       \
	" e.next_try, m.expires, e.last_status"                                \
	" FROM queue_entry AS e CROSS JOIN queue_message AS m"                 \
	" ON m.id = e.message "

enum err queue_get(struct store *s, uint64_t id, struct arena *arena,
	struct queue_row *out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s), QUEUE_SELECT "WHERE e.id = ?");

	db_bind(st, "u", id);
	return schema_row(st, fill_queue, arena, out);
}

enum err queue_list(struct store *s, uint64_t after, struct arena *arena,
	struct queue_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		QUEUE_SELECT "WHERE e.id > ? ORDER BY e.id LIMIT ?");

	db_bind(st, "ui", after, (int64_t)max);
	return schema_rows(
		st, fill_queue, arena, rows, sizeof(*rows), max, n_out);
}

enum err queue_due(struct store *s, int64_t now, struct arena *arena,
	struct queue_row *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		QUEUE_SELECT "WHERE e.state = 0 AND e.next_try <= ?"
			     " ORDER BY e.next_try, e.id LIMIT ?");

	db_bind(st, "ii", now, (int64_t)max);
	return schema_rows(
		st, fill_queue, arena, rows, sizeof(*rows), max, n_out);
}

enum err queue_next(struct store *s, int64_t *when_out)
{
	enum err e = db_int(tenant_db(s), when_out,
		"SELECT next_try FROM queue_entry WHERE state = 0"
		" ORDER BY next_try LIMIT 1",
		"");

	if (e != ERR_NOTFOUND)
		return e;
	*when_out = INT64_MAX;
	return ERR_OK;
}

/* --- changing -------------------------------------------------------------------------- */

enum err queue_update(struct store *s, const struct queue_row *row)
{
	struct db *d = tenant_db(s);

	TRY(db_write(d));
	TRY(db_run(d,
		"UPDATE queue_entry SET state = ?, tries = ?, next_try = ?,"
		" last_status = ? WHERE id = ?",
		"iiisu", (int64_t)row->state, (int64_t)row->tries,
		row->next_try, status_cut(row->last_status), row->id));
	return db_changes(d) > 0 ? ERR_OK : ERR_NOTFOUND;
}

static enum err remove_message(struct store *s, uint64_t message)
{
	struct db *d = tenant_db(s);
	int64_t body;

	TRY(db_int(d, &body, "SELECT body FROM queue_message WHERE id = ?", "u",
		message));
	TRY(db_run(d, "DELETE FROM queue_message WHERE id = ?", "u", message));
	return with_tenant(s, body_unref, (uint64_t)body);
}

enum err queue_remove(struct store *s, uint64_t id)
{
	struct db *d = tenant_db(s);
	int64_t message, left;
	sqlite3_stmt *st;

	TRY(db_write(d));
	TRY(db_int(d, &message, "SELECT message FROM queue_entry WHERE id = ?",
		"u", id));
	TRY(db_run(d, "DELETE FROM queue_entry WHERE id = ?", "u", id));
	st = db_stmt(d,
		"UPDATE queue_message SET entries = entries - 1 WHERE id = ?"
		" RETURNING entries");
	db_bind(st, "i", message);
	TRY(schema_int(st, &left));
	return left > 0 ? ERR_OK : remove_message(s, (uint64_t)message);
}

enum err queue_remove_account(struct store *s, uint32_t account)
{
	struct db *d = tenant_db(s);
	int64_t message;
	enum err e;

	while ((e = db_int(d, &message,
			"SELECT id FROM queue_message WHERE account = ?"
			" LIMIT 1",
			"i", (int64_t)account)) == ERR_OK) {
		TRY(db_run(d, "DELETE FROM queue_entry WHERE message = ?", "i",
			message));
		TRY(remove_message(s, (uint64_t)message));
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err wake_sending(struct store *s)
{
	struct db *d = tenant_db(s);

	TRY(db_write(d));
	return db_run(
		d, "UPDATE queue_entry SET state = 0 WHERE state = 1", "");
}

enum err schema_open(struct store *s)
{
	int64_t id;
	enum err e = db_int(tenant_db(s), &id,
		"SELECT id FROM queue_entry WHERE state = 1 LIMIT 1", "");

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	TRY(store_begin(s));
	e = wake_sending(s);
	if (e == ERR_OK)
		return store_commit(s, NULL);
	store_rollback(s);
	return e;
}

/* --- delivered lately -------------------------------------------------------------------- */

static enum err load_key(struct db *d, uint8_t key[32], bool *found)
{
	sqlite3_stmt *st = db_stmt(d, "SELECT delivery_key FROM tenant_state");
	enum err e = db_step(st);

	*found = false;
	if (e == ERR_OK) {
		struct slice s = db_column(st, 0);
		if (s.n == 32) {
			memcpy(key, s.p, 32);
			*found = true;
		}
	}
	db_done(st);
	return e;
}

static enum err delivery_key(struct db *d, uint8_t key[32])
{
	bool found;

	TRY(load_key(d, key, &found));
	if (found)
		return ERR_OK;
	TRY(seal_random(key, 32));
	return db_run(d, "UPDATE tenant_state SET delivery_key = ?", "b",
		slice_of(key, 32));
}

/* HMAC-SHA256 (RFC 2104) of the hash of `what`, so that a fixed size does. */
static enum err digest(
	const uint8_t key[32], struct slice what, uint8_t out[32])
{
	uint8_t inner[64 + 32], outer[64 + 32];
	enum err e;

	for (size_t i = 0; i < 64; i++) {
		uint8_t k = i < 32 ? key[i] : 0;
		inner[i] = k ^ 0x36;
		outer[i] = k ^ 0x5c;
	}
	e = seal_hash(what, inner + 64);
	if (e == ERR_OK)
		e = seal_hash(slice_of(inner, sizeof(inner)), outer + 64);
	if (e == ERR_OK)
		e = seal_hash(slice_of(outer, sizeof(outer)), out);
	mem_wipe(inner, sizeof(inner));
	mem_wipe(outer, sizeof(outer));
	return e;
}

static enum err forget_old(struct db *d, int64_t now)
{
	return db_run(d,
		"DELETE FROM delivery WHERE (account, digest) IN (SELECT"
		" account, digest FROM delivery WHERE time < ?"
		" ORDER BY time LIMIT ?)",
		"ii", now - DELIVERY_KEEP_S, (int64_t)DELIVERY_STEP);
}

enum err delivery_once(struct store *s, uint32_t account, struct slice what,
	bool *repeated_out)
{
	struct db *d = tenant_db(s);
	uint8_t key[32], sum[32];
	int64_t now = schema_now(), one;
	enum err e;

	TRY(db_write(d));
	e = delivery_key(d, key);
	if (e == ERR_OK)
		e = digest(key, what, sum);
	mem_wipe(key, sizeof(key));
	TRY(e);
	e = db_int(d, &one,
		"SELECT 1 FROM delivery WHERE account = ? AND digest = ?"
		" AND time >= ?",
		"ibi", (int64_t)account, slice_of(sum, 32),
		now - DELIVERY_KEEP_S);
	if (e == ERR_OK) {
		*repeated_out = true;
		return ERR_OK;
	}
	if (e != ERR_NOTFOUND)
		return e;
	TRY(forget_old(d, now));
	TRY(db_run(d,
		"INSERT OR REPLACE INTO delivery(account, digest, time)"
		" VALUES(?, ?, ?)",
		"ibi", (int64_t)account, slice_of(sum, 32), now));
	*repeated_out = false;
	return ERR_OK;
}
