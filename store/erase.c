/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Accounts that come and go, and everything that cannot be taken back: a
 * segment removed, a key overwritten, a file removed. Recovery decides by what
 * it finds, so such a thing happens only when a record on the disk says that
 * the commit behind it is durable: from then on no recovery can cut that
 * commit off and look for what was removed.
 */
#include <stdio.h>

#include "internal.h"

enum err later_add(struct store *s, enum later_kind kind, uint64_t id)
{
	struct tx *t = &s->tx;
	struct later *l = PUSH(t->later, t->n_later, t->cap_later);

	if (!l)
		return ERR_NOMEM;
	*l = (struct later){ .kind = kind, .id = id };
	return ERR_OK;
}

/* --- accounts ---------------------------------------------------------------------------- */

static enum err make_account(struct account *a)
{
	struct store *s = a->s;
	struct account_row row = { .map_serial = 0 };

	oid_new(&row.oid);
	enum err e = keys_create(&s->keys, a->number, row.key_id, &a->key);
	if (e == ERR_IO)
		store_fail(s, e); /* what is in the slot now is unknown */
	TRY(e);
	TRY(account_load(a, &row));
	TRY(db_open(&a->db, a));
	TRY(db_write(tenant_db(s)));
	TRY(core_account_add(s, a->number, &row));
	TRY(db_write(&a->db));
	return core_make_tables(&a->db, false);
}

enum err account_key_create(struct store *s, uint32_t number)
{
	struct account_row row;
	struct account *a;

	if (!s->tx.active)
		return ERR_BUG;
	enum err e = core_account_get(s, number, &row);
	if (e == ERR_OK || account_find(s, number))
		return ERR_EXISTS;
	if (e != ERR_NOTFOUND)
		return e;
	account_evict(s, LIMIT_OPEN_DATABASES - 1);
	TRY(account_new(s, number, &a));
	a->fresh = true;
	s->tx.accounts = true;
	e = make_account(a);
	if (e != ERR_OK && s->tx.err == ERR_OK)
		s->tx.err = e; /* half an account: roll back */
	return e;
}

/* Segments that nobody else names go as well. */
static enum err drop_segments(struct store *s, uint32_t number)
{
	struct db *d = tenant_db(s);
	enum err e;
	sqlite3_stmt *st = db_stmt(d,
		"SELECT segment FROM core_segment AS mine WHERE account = ?1"
		" AND NOT EXISTS (SELECT 1 FROM core_segment AS other"
		" WHERE other.segment = mine.segment AND other.account <> ?1)");

	if (!st)
		return ERR_NOMEM;
	db_bind(st, "i", (int64_t)number);
	while ((e = db_step(st)) == ERR_OK) {
		e = later_add(s, LATER_SEGMENT,
			(uint64_t)sqlite3_column_int64(st, 0));
		if (e != ERR_OK)
			break;
	}
	db_done(st);
	if (e != ERR_NOTFOUND)
		return e;
	return db_run(d, "DELETE FROM core_segment WHERE account = ?", "i",
		(int64_t)number);
}

enum err account_key_destroy(struct store *s, uint32_t number)
{
	struct account *a = account_find(s, number);

	if (!s->tx.active)
		return ERR_BUG;
	if (number == TENANT_ACCOUNT || (a && (a->gone || a->dying)))
		return ERR_NOTFOUND;
	if (a && a->refs)
		return ERR_BUSY;
	TRY(db_write(tenant_db(s)));
	TRY(core_account_remove(s, number));
	TRY(drop_segments(s, number));
	if (a) {
		a->dying = true;
		s->tx.accounts = true;
	}
	return later_add(s, LATER_ACCOUNT, number);
}

/* --- files of accounts --------------------------------------------------------------------- */

struct names {
	struct store *s;
	const char *prefix;
	enum err err;
};

static void remove_matching(void *arg, const char *name)
{
	struct names *n = arg;

	if (n->err == ERR_OK &&
		strncmp(name, n->prefix, strlen(n->prefix)) == 0)
		n->err = store_remove(n->s, name);
}

static enum err erase_account(struct store *s, uint32_t number)
{
	char prefix[STORE_NAME];
	struct names n = { .s = s, .prefix = prefix };

	TRY(keys_wipe(&s->keys, number));
	dbfile_name(prefix, number);
	TRY(store_remove(s, prefix));
	snprintf(prefix, sizeof(prefix), "map-%08x-", number);
	TRY(s->m->list(s->m, remove_matching, &n));
	return n.err;
}

/* --- when it is safe --------------------------------------------------------------------------- */

static enum err do_later(struct store *s, const struct later *l)
{
	int64_t names = 0;

	if (l->kind == LATER_ACCOUNT)
		return erase_account(s, (uint32_t)l->id);
	TRY(db_int(tenant_db(s), &names,
		"SELECT count(*) FROM core_segment WHERE segment = ?", "u",
		l->id));
	return names ? ERR_OK : segment_remove(s, l->id);
}

/* --- what a process left behind -------------------------------------------------------------- */

enum err sweep_add(struct store *s, const char *name)
{
	struct sweep *w = &s->sweep;

	if (strlen(name) >= STORE_NAME)
		return ERR_OK; /* not a name of ours */
	void *at = PUSH(w->name, w->n_names, w->cap_names);
	if (!at)
		return ERR_NOMEM;
	memcpy(at, name, strlen(name) + 1);
	return ERR_OK;
}

/* What recovery ended with, and everything since, is in force: the newest head
 * is kept, no maps are on their way, and the journal says that it is durable.
 * What this life removes from rows waits in `later` until then. */
static bool sweep_ready(const struct store *s)
{
	const struct sweep *w = &s->sweep;

	return (w->n_names > 0 || w->key < w->keys) && s->head.serial > 0 &&
	       s->head.serial == s->kept.serial && !s->want_head &&
	       s->retire.step == RETIRE_IDLE && s->j.durable.claim >= s->opened;
}

bool name_number(const char *text, size_t at, size_t digits, uint64_t *out)
{
	uint8_t raw[8] = { 0 };

	if (strlen(text) < at + digits ||
		hex_decode(slice_of(text + at, digits), raw + 8 - digits / 2,
			digits / 2) != ERR_OK)
		return false;
	*out = get_be64(raw);
	return true;
}

static enum err sweep_segment(struct store *s, uint64_t number)
{
	int64_t names;

	if (number >= s->seg.begun)
		return ERR_OK;
	TRY(db_int(tenant_db(s), &names,
		"SELECT count(*) FROM core_segment WHERE segment = ?", "u",
		number));
	if (names)
		return ERR_OK;
	enum err e = segment_remove(s, number);
	return e == ERR_BUSY ? ERR_OK : e;
}

/* A database or a map: of an account that does not exist, or not its newest
 * map. What this life wrote is newer than what was listed at its start. */
static enum err sweep_account(struct store *s, uint64_t number, bool map,
	uint64_t serial, const char *name)
{
	struct account_row row = { .map_serial = s->map_serial };
	enum err e = number == TENANT_ACCOUNT
			     ? ERR_OK
			     : core_account_get(s, (uint32_t)number, &row);

	if (e == ERR_NOTFOUND)
		return store_remove(s, name);
	TRY(e);
	return map && serial < row.map_serial ? store_remove(s, name) : ERR_OK;
}

static enum err sweep_name(struct store *s, const char *name)
{
	uint64_t number, serial = 0;

	if (strncmp(name, "seg-", 4) == 0)
		return name_number(name, 4, 16, &number)
			       ? sweep_segment(s, number)
			       : ERR_OK;
	if (strncmp(name, "db-", 3) == 0 && name_number(name, 3, 8, &number))
		return sweep_account(s, number, false, 0, name);
	if (strncmp(name, "map-", 4) == 0 && name_number(name, 4, 8, &number) &&
		name_number(name, 13, 16, &serial))
		return sweep_account(s, number, true, serial, name);
	return ERR_OK;
}

/* Keys of accounts whose making was cut off. */
static enum err sweep_key(struct store *s, uint32_t number)
{
	struct account_row row;
	bool used;

	TRY(keys_used(&s->keys, number, &used));
	if (!used || number == TENANT_ACCOUNT)
		return ERR_OK;
	enum err e = core_account_get(s, number, &row);
	return e == ERR_NOTFOUND ? keys_wipe(&s->keys, number) : e;
}

static bool sweep_step(struct store *s)
{
	struct sweep *w = &s->sweep;
	enum err e;

	if (!sweep_ready(s))
		return false;
	if (w->n_names > 0)
		e = sweep_name(s, w->name[--w->n_names].text);
	else
		e = sweep_key(s, w->key++);
	if (e != ERR_OK)
		store_fail(s, e);
	return e == ERR_OK;
}

/* Does what the journal calls safe; asks for a mark when it could say more. */
bool later_step(struct store *s)
{
	uint64_t safe = s->j.durable.claim, asked = s->j.sealed.claim;
	bool mark = false, waiting = false;

	for (size_t i = 0; i < s->n_later; i++) {
		struct later l = s->later[i];
		if (l.commit > safe) {
			waiting = true;
			mark |= l.commit <= s->j.durable.commit &&
				l.commit > asked;
			continue;
		}
		enum err e = do_later(s, &l);
		if (e == ERR_BUSY)
			continue; /* still written to */
		if (e != ERR_OK) {
			store_fail(s, e);
			return false;
		}
		s->later[i] = s->later[--s->n_later];
		return true;
	}
	if (!mark)
		return !waiting && sweep_step(s);
	enum err e = journal_mark(s);
	if (e != ERR_OK && e != ERR_NOSPACE)
		store_fail(s, e);
	return e == ERR_OK;
}
