/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files that nobody names: segments without rows, files of accounts that do
 * not exist, old maps, journal files that no head needs, and what is not ours.
 * They take space and say that something went wrong. Looked at only while
 * nothing waits to be removed: then each file has somebody who names it.
 */
#include <inttypes.h>

#include "verify.h"

static bool settled(const struct store *s)
{
	return s->sweep.n_names == 0 && s->sweep.key >= s->sweep.keys &&
	       s->n_later == 0 && s->n_garbage == 0 && !s->want_head &&
	       s->retire.step == RETIRE_IDLE && s->head.serial > 0 &&
	       s->head.serial == s->kept.serial;
}

static void see_name(void *arg, const char *name)
{
	struct store_verify *v = arg;

	if (strlen(name) >= STORE_NAME) {
		verify_report(v, "a file that is not the store's");
		return;
	}
	void *at = PUSH(v->name, v->n_names, v->cap_names);
	if (at)
		memcpy(at, name, strlen(name) + 1);
}

/* ERR_NOTFOUND: nobody names it. */
static enum err segment_named(struct store *s, uint64_t number)
{
	int64_t names;

	if (number >= s->seg.begun)
		return ERR_OK; /* this life may be writing to it */
	TRY(db_int(tenant_db(s), &names,
		"SELECT count(*) FROM core_segment WHERE segment = ?", "u",
		number));
	return names ? ERR_OK : ERR_NOTFOUND;
}

static enum err account_named(
	struct store *s, uint64_t number, bool map, uint64_t serial)
{
	struct account_row row = { .map_serial = s->map_serial };

	if (number != TENANT_ACCOUNT)
		TRY(core_account_get(s, (uint32_t)number, &row));
	/* A newer one was being made, and the next one takes its place. */
	return !map || serial >= row.map_serial ? ERR_OK : ERR_NOTFOUND;
}

static enum err journal_named(struct store *s, uint64_t number)
{
	uint64_t first =
		s->kept.journal < s->kept_from ? s->kept.journal : s->kept_from;

	return number >= first && number <= s->j.head.number ? ERR_OK
							     : ERR_NOTFOUND;
}

static enum err name_of(struct store *s, const char *name)
{
	uint64_t number, serial = 0;

	if (strcmp(name, KEYS_NAME) == 0 || spare_is(name))
		return ERR_OK;
	if (strncmp(name, "journal-", 8) == 0 &&
		name_number(name, 8, 16, &number))
		return journal_named(s, number);
	if (strncmp(name, "seg-", 4) == 0 && name_number(name, 4, 16, &number))
		return segment_named(s, number);
	if (strncmp(name, "db-", 3) == 0 && name_number(name, 3, 8, &number))
		return account_named(s, number, false, 0);
	if (strncmp(name, "map-", 4) == 0 && name_number(name, 4, 8, &number) &&
		name_number(name, 13, 16, &serial))
		return account_named(s, number, true, serial);
	return ERR_NOTFOUND;
}

/* It may have gone since the names were listed. */
static enum err still_there(struct store *s, const char *name, bool *out)
{
	struct medium_file *f;
	enum err e = s->m->open(s->m, name, false, &f);

	*out = e == ERR_OK;
	if (e == ERR_OK)
		s->m->close(f);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err verify_files(struct store_verify *v)
{
	struct store *s = v->s;
	bool there;

	if (!settled(s))
		return ERR_OK;
	if (!v->listed) {
		v->listed = true;
		TRY(s->m->list(s->m, see_name, v));
		return ERR_AGAIN;
	}
	if (v->n_names == 0)
		return ERR_OK;
	const char *name = v->name[--v->n_names].text;
	enum err e = name_of(s, name);
	if (e == ERR_NOTFOUND) {
		TRY(still_there(s, name, &there));
		if (there)
			verify_report(v, "%s: nobody names it", name);
		return ERR_AGAIN;
	}
	return e == ERR_OK ? ERR_AGAIN : e;
}
