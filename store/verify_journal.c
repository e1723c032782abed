/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The journal, as far as a recovery would read it: the chain of records of
 * each file, all frames of accounts that exist, and that the kept head is met.
 * One record a step; the end of the file that is written to is where the last
 * write ended.
 */
#include <inttypes.h>

#include "verify.h"

/* The first file that the kept head needs. */
static uint64_t first_needed(const struct store *s)
{
	uint64_t n = s->kept_from;

	if (s->kept.commit && s->kept.journal < n)
		n = s->kept.journal;
	return n < s->oldest_journal ? s->oldest_journal : n;
}

/* The last file that has a head on the medium. */
static uint64_t last_written(const struct store *s)
{
	const struct journal *j = &s->j;

	return j->head.number -
	       (j->state == JOURNAL_NEW || j->state == JOURNAL_HEADING);
}

static void report(struct store_verify *v, const char *what, uint64_t at)
{
	char name[STORE_NAME];

	journal_name(name, v->journal);
	verify_report(
		v, "%s: %s at %" PRIu64 " does not verify", name, what, at);
}

/* --- one record ------------------------------------------------------------------ */

static enum err section_key(
	struct store_verify *v, uint32_t number, struct seal **out)
{
	struct account_row row = { .map_serial = 0 };
	struct secret *key;

	if (number != TENANT_ACCOUNT)
		TRY(core_account_get(v->s, number, &row));
	TRY(keys_get(&v->s->keys, number, number ? row.key_id : NULL, &key));
	enum err e = journal_section_key(key, &v->scan.head, out);
	secret_free(key);
	return e;
}

/* Frames of an account that was destroyed are nobody's; that a key does not
 * open was said already. */
static enum err look_at_section(
	struct store_verify *v, const struct record *rec, uint32_t i)
{
	size_t n = rec->section[i].size, got = 0;
	struct seal *key;
	enum err e = section_key(v, rec->section[i].account, &key);

	if (e == ERR_NOTFOUND || verify_damage(e))
		return ERR_OK;
	TRY(e);
	uint8_t *p = mem_alloc(n);
	if (p)
		e = v->s->m->read(v->scan.file,
			v->next.at + record_frames_at(rec, i), p, n, &got);
	else
		e = ERR_NOMEM;
	if (e == ERR_OK && got != n)
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = record_section_open(rec, i, &v->s->o.tenant,
			v->scan.head.number, key, p, p);
	if (p)
		mem_wipe(p, n);
	mem_free(p);
	seal_free(key);
	return e;
}

static enum err look_at_record(struct store_verify *v, const struct record *rec)
{
	const struct head *h = &v->s->kept;

	for (uint32_t i = 0; i < rec->sections; i++)
		TRY(look_at_section(v, rec, i));
	if (record_commits(rec) && rec->commit == h->commit &&
		memcmp(rec->tag, h->chain, RECORD_TAG) == 0)
		v->met = true;
	v->c->records++;
	return ERR_OK;
}

/* --- files ------------------------------------------------------------------------- */

static enum err open_file(struct store_verify *v)
{
	struct store *s = v->s;
	char name[STORE_NAME];

	if (v->journal < first_needed(s))
		v->journal = first_needed(s);
	journal_name(name, v->journal);
	enum err e = s->m->open(s->m, name, false, &v->scan.file);
	if (e == ERR_OK)
		e = scan_open_head(s, &v->scan);
	if (e == ERR_OK && v->scan.head.number != v->journal)
		e = ERR_CORRUPT;
	if (e == ERR_NOTFOUND || verify_damage(e)) {
		report(v, "head", 0);
		scan_close(&v->scan, s->m);
		return ERR_AGAIN; /* the next one, if there is one */
	}
	TRY(e);
	v->next = scan_first(&v->scan);
	return ERR_AGAIN;
}

/* Is this where the last file ends? The store knows. */
static bool at_last_end(const struct store_verify *v)
{
	const struct journal *j = &v->s->j;

	if (j->state == JOURNAL_READY)
		return v->next.at >= j->size;
	/* Of another life, or the next one is being made. */
	return memcmp(v->next.chain,
		       j->state == JOURNAL_NONE ? j->chain : j->head.before,
		       RECORD_TAG) == 0;
}

/* Of the others the next one's head says where they end: what lies behind was
 * cut off by a recovery. */
static enum err find_end(struct store_verify *v)
{
	struct store *s = v->s;
	struct scan next = { .file = NULL };
	char name[STORE_NAME];

	journal_name(name, v->journal + 1);
	enum err e = s->m->open(s->m, name, false, &next.file);
	if (e == ERR_OK)
		e = scan_open_head(s, &next);
	memcpy(v->end, next.head.before, RECORD_TAG);
	scan_close(&next, s->m);
	v->ends = true;
	/* Damage is reported when it is that file's turn. */
	return e == ERR_NOTFOUND || verify_damage(e) ? ERR_OK : e;
}

static enum err at_end(struct store_verify *v, bool *out)
{
	if (v->journal >= last_written(v->s)) {
		*out = at_last_end(v);
		return ERR_OK;
	}
	if (!v->ends)
		TRY(find_end(v));
	*out = memcmp(v->next.chain, v->end, RECORD_TAG) == 0;
	return ERR_OK;
}

static enum err next_file(struct store_verify *v)
{
	scan_close(&v->scan, v->s->m);
	v->ends = false;
	v->journal++;
	return open_file(v);
}

static enum err end_journal(struct store_verify *v)
{
	const struct head *h = &v->s->kept;

	/* Another head may be kept since the record went by. */
	if (h->commit && !v->met && h->serial == v->kept)
		verify_report(v,
			"the journal does not have commit %" PRIu64
			" of the head",
			h->commit);
	return ERR_OK;
}

static enum err look_at_next(struct store_verify *v)
{
	struct record rec;
	enum err e = scan_next_record(v->s, &v->scan, &v->next, &rec);

	TRY(e);
	e = look_at_record(v, &rec);
	if (e == ERR_OK)
		scan_step(&rec, &v->next);
	record_free(&rec);
	return e;
}

enum err verify_journal(struct store_verify *v)
{
	bool end = true;
	enum err e;

	if (last_written(v->s) == 0)
		return ERR_OK;
	if (v->scan.file) {
		TRY(v->s->m->size(v->scan.file, &v->scan.size)); /* it grows */
		TRY(at_end(v, &end));
	} else if (v->journal == 0) {
		v->kept = v->s->kept.serial;
		return next_file(v);
	}
	if (end && v->journal >= last_written(v->s))
		return end_journal(v);
	e = end ? next_file(v) : look_at_next(v);
	if (!end && verify_damage(e)) {
		report(v, "record", v->next.at);
		return v->journal < last_written(v->s) ? next_file(v) : ERR_OK;
	}
	return e == ERR_OK ? ERR_AGAIN : e;
}
