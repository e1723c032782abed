/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * store_verify: looks at everything, changes nothing. Per account: its key,
 * the map in force, every page of its file against the map, its rows, and all
 * bytes of its bodies; then the journal (verify_journal.c) and files that
 * nobody names (verify_files.c). The tenant's own database is account 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "verify.h"

#define PAGES 16 /* a step */

void verify_report(struct store_verify *v, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	v->c->findings++;
	if (v->c->report)
		v->c->report(v->c->arg, line);
}

/* --- an account's key and map ---------------------------------------------------- */

static void forget_file(struct store_verify *v)
{
	dbfile_done(&v->file);
	v->map_serial = 0;
}

/* What is in force; the tenant's own is said by the last head. */
static enum err get_row(struct store_verify *v, struct account_row *out)
{
	struct store *s = v->s;

	if (v->account != TENANT_ACCOUNT)
		return core_account_get(s, v->account, out);
	*out = (struct account_row){ .oid = s->o.tenant,
		.map_serial = s->map_serial };
	memcpy(out->map_hash, s->map_hash, sizeof(out->map_hash));
	return ERR_OK;
}

static enum err load_file(struct store_verify *v, const struct account_row *row,
	struct secret *key)
{
	struct account probe = { .s = v->s, .number = v->account, .key = key };
	struct map_file mf = { 0 };
	char name[MAP_NAME];

	if (row->map_serial == 0)
		return ERR_OK; /* all its pages are in the journal */
	enum err e =
		account_read_map(&probe, row->map_serial, row->map_hash, &mf);
	if (e == ERR_OK)
		e = dbfile_load(&v->file, v->s->m, &mf, key);
	map_free(&mf.map);
	if (verify_damage(e)) {
		map_name(name, v->account, row->map_serial);
		verify_report(v, "account %" PRIu32 ": %s does not verify",
			v->account, name);
	}
	if (e == ERR_OK)
		v->map_serial = row->map_serial;
	return e;
}

static enum err look_at_map(struct store_verify *v)
{
	struct account_row row;
	struct secret *key;

	forget_file(v);
	v->page = 1;
	TRY(get_row(v, &row));
	enum err e = keys_get(
		&v->s->keys, v->account, v->account ? row.key_id : NULL, &key);
	if (verify_damage(e))
		verify_report(v, "account %" PRIu32 ": its key does not open",
			v->account);
	TRY(e);
	e = load_file(v, &row, key);
	secret_free(key);
	return verify_damage(e) ? ERR_OK : e; /* it may be open, and go on */
}

/* --- its pages ---------------------------------------------------------------------- */

/* The file as it is used, or our own look at it while it is not. */
static enum err find_file(struct store_verify *v, struct dbfile **out)
{
	struct account *a = account_find(v->s, v->account);
	struct account_row row;

	*out = NULL;
	if (a && a->gone)
		return ERR_NOTFOUND;
	if (a) {
		*out = &a->file;
		return ERR_OK;
	}
	TRY(get_row(v, &row));
	if (v->map_serial && row.map_serial != v->map_serial)
		TRY(look_at_map(v)); /* was used in the meantime */
	if (v->map_serial)
		*out = &v->file;
	return ERR_OK;
}

static enum err look_at_pages(struct store_verify *v)
{
	struct dbfile *f;

	TRY(find_file(v, &f));
	for (unsigned i = 0; f && i < PAGES; i++, v->page++) {
		if (v->page > f->map.n)
			return ERR_OK;
		enum err e = dbfile_verify(f, v->page);
		v->c->pages += e == ERR_OK;
		if (e == ERR_CORRUPT)
			verify_report(v,
				"account %" PRIu32 ": page %" PRIu32
				" of db-%08" PRIx32 " does not verify",
				v->account, v->page, v->account);
		else
			TRY(e);
	}
	return f ? ERR_AGAIN : ERR_OK;
}

/* --- its rows and bodies ------------------------------------------------------------- */

static void end_rows(struct store_verify *v)
{
	if (v->rows)
		schema_hooks.check_free(v->rows);
	v->rows = NULL;
}

static enum err look_inside(struct store_verify *v, enum check_what what)
{
	bool tenant = v->account == TENANT_ACCOUNT;
	struct account *a;

	if (!schema_hooks.check_new)
		return ERR_OK;
	enum err e = account_open(v->s, v->account, &a);
	if (verify_damage(e)) {
		verify_report(v, "account %" PRIu32 " does not open: %s",
			v->account, err_info(e)->name);
		return ERR_OK;
	}
	TRY(e);
	if (!v->rows)
		e = schema_hooks.check_new(v->c, tenant, what, &v->rows);
	if (e == ERR_OK)
		e = schema_hooks.check_more(v->rows, a);
	account_close(a);
	if (e == ERR_AGAIN)
		return e;
	end_rows(v);
	if (verify_damage(e)) {
		verify_report(v, "account %" PRIu32 ": rows cannot be read: %s",
			v->account, err_info(e)->name);
		return ERR_OK;
	}
	return e;
}

static enum err look_at_rows(struct store_verify *v)
{
	return look_inside(v, CHECK_ROWS);
}

static enum err look_at_bytes(struct store_verify *v)
{
	return look_inside(v, CHECK_BYTES);
}

static enum err look_at_audit(struct store_verify *v)
{
	return v->account == TENANT_ACCOUNT ? look_inside(v, CHECK_AUDIT)
					    : ERR_OK;
}

/* --- accounts -------------------------------------------------------------------------- */

static enum err (*const stages[])(struct store_verify *v) = { look_at_map,
	look_at_pages, look_at_rows, look_at_bytes, look_at_audit };

static enum err next_account(struct store_verify *v)
{
	int64_t number = 0;

	end_rows(v);
	forget_file(v);
	v->stage = 0;
	if (v->begun)
		TRY(db_int(tenant_db(v->s), &number,
			"SELECT number FROM core_account WHERE number > ?"
			" ORDER BY number LIMIT 1",
			"i", (int64_t)v->account));
	v->account = (uint32_t)number;
	v->begun = true;
	return ERR_OK;
}

static enum err verify_accounts(struct store_verify *v)
{
	size_t last = sizeof(stages) / sizeof(stages[0]);
	enum err e;

	if (!v->begun || v->stage == last) {
		e = next_account(v);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
	}
	e = stages[v->stage](v);
	if (e == ERR_NOTFOUND || verify_damage(e))
		v->stage = (unsigned)last; /* deleted, or no use looking */
	else if (e == ERR_OK)
		v->stage++;
	else if (e != ERR_AGAIN)
		return e;
	v->c->accounts += v->stage == last && e == ERR_OK;
	return ERR_AGAIN;
}

/* --- the whole --------------------------------------------------------------------------- */

static enum err (*const parts[])(struct store_verify *v) = { verify_accounts,
	verify_journal, verify_files };

enum err store_verify_new(
	struct store *s, struct store_check *c, struct store_verify **out)
{
	struct store_verify *v = mem_new(struct store_verify);

	if (!v)
		return ERR_NOMEM;
	v->s = s;
	v->c = c;
	*out = v;
	return ERR_OK;
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

enum err store_verify_more(struct store_verify *v, unsigned budget_us)
{
	int64_t end = now_us() + budget_us;

	if (v->s->tx.active)
		return ERR_WRONGSTATE;
	while (v->part < sizeof(parts) / sizeof(parts[0])) {
		TRY(v->s->failed ? ERR_IO : ERR_OK);
		enum err e = parts[v->part](v);
		if (e == ERR_OK)
			v->part++;
		else if (e != ERR_AGAIN)
			return e;
		if (now_us() >= end)
			return ERR_AGAIN;
	}
	return ERR_OK;
}

void store_verify_free(struct store_verify *v)
{
	if (!v)
		return;
	end_rows(v);
	forget_file(v);
	scan_close(&v->scan, v->s->m);
	mem_free(v->name);
	mem_free(v);
}
