/* SPDX-License-Identifier: EUPL-1.2 */
#include "alter.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t draw(struct victim *v, uint64_t below)
{
	return world_draw(v->dice, below);
}

/* --- files --------------------------------------------------------------------------- */

struct file {
	const char *name;
	uint8_t *p;
	size_t n;
};

static bool named(struct disk *d, const char *name, struct file *out)
{
	out->name = name;
	out->p = disk_bytes(d, name, &out->n);
	return out->p && out->n;
}

/* Any file whose name begins so. */
static bool pick(
	struct victim *v, struct disk *d, const char *prefix, struct file *out)
{
	const char *found = NULL;
	uint64_t n = 0;

	for (size_t i = 0; i < disk_count(d); i++) {
		const char *name = disk_name(d, i);
		if (name && strncmp(name, prefix, strlen(prefix)) == 0 &&
			draw(v, ++n) == 0)
			found = name;
	}
	return found && named(d, found, out);
}

static const char *any_kind(struct victim *v)
{
	static const char *const kinds[] = { "keys", "journal-", "db-", "map-",
		"seg-" };

	return kinds[draw(v, 5)];
}

static const struct image *any_old(struct victim *v)
{
	return v->old[draw(v, OLD)];
}

static bool overwrite(struct file *f, size_t at, const void *p, size_t n)
{
	if (at + n > f->n || memcmp(f->p + at, p, n) == 0)
		return false;
	memcpy(f->p + at, p, n);
	return true;
}

static bool swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t *keep = malloc(n);
	bool differ = memcmp(a, b, n) != 0;

	memcpy(keep, a, n);
	memcpy(a, b, n);
	memcpy(b, keep, n);
	free(keep);
	return differ;
}

/* Puts a file's content in the place of another one, whole. */
static bool replace(struct victim *v, const char *name, const struct file *by)
{
	struct file f;

	if (named(v->disk, name, &f) && f.n == by->n &&
		memcmp(f.p, by->p, f.n) == 0)
		return false;
	disk_set(v->disk, name, by->p, by->n);
	return true;
}

/* --- damage ---------------------------------------------------------------------------- */

static bool flip_bit(struct victim *v)
{
	struct file f;

	if (!pick(v, v->disk, any_kind(v), &f))
		return false;
	f.p[draw(v, f.n)] ^= (uint8_t)(1u << draw(v, 8));
	return true;
}

static bool scribble(struct victim *v)
{
	uint8_t bytes[64];
	struct file f;
	size_t n = draw(v, sizeof(bytes)) + 1;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)draw(v, 256);
	return pick(v, v->disk, any_kind(v), &f) && f.n > n &&
	       overwrite(&f, draw(v, f.n - n), bytes, n);
}

static bool zero_sector(struct victim *v)
{
	static const uint8_t zeros[512];
	struct file f;

	return pick(v, v->disk, any_kind(v), &f) && f.n >= 512 &&
	       overwrite(&f, draw(v, f.n / 512) * 512, zeros, 512);
}

static bool truncate_file(struct victim *v)
{
	struct file f;

	if (!pick(v, v->disk, any_kind(v), &f))
		return false;
	size_t n = draw(v, f.n);
	disk_set(v->disk, f.name, f.p, draw(v, 2) ? n : n / 512 * 512);
	return true;
}

static bool extend(struct victim *v)
{
	uint8_t more[2000];
	struct file f;

	if (!pick(v, v->disk, any_kind(v), &f))
		return false;
	size_t n = draw(v, sizeof(more)) + 1;
	for (size_t i = 0; i < n; i++)
		more[i] = f.p[draw(v, f.n)];
	uint8_t *p = malloc(f.n + n);
	memcpy(p, f.p, f.n);
	memcpy(p + f.n, more, n);
	disk_set(v->disk, f.name, p, f.n + n);
	free(p);
	return true;
}

static bool remove_file(struct victim *v)
{
	struct file f;

	if (!pick(v, v->disk, any_kind(v), &f))
		return false;
	disk_remove(v->disk, f.name);
	return true;
}

/* --- swaps ----------------------------------------------------------------------------- */

static bool swap_pages(struct victim *v)
{
	struct file f;

	if (!pick(v, v->disk, "db-", &f) || f.n < 2 * PAGE_SIZE)
		return false;
	size_t n = f.n / PAGE_SIZE, a = draw(v, n), b = draw(v, n);
	return a != b &&
	       swap(f.p + a * PAGE_SIZE, f.p + b * PAGE_SIZE, PAGE_SIZE);
}

/* At the same place, so that only the file tells them apart. */
static bool swap_accounts_pages(struct victim *v)
{
	struct file f, g;

	if (!pick(v, v->disk, "db-", &f) || !pick(v, v->disk, "db-", &g) ||
		f.p == g.p)
		return false;
	size_t n = (f.n < g.n ? f.n : g.n) / PAGE_SIZE;
	size_t at = n ? draw(v, n) * PAGE_SIZE : 0;
	return n && swap(f.p + at, g.p + at, PAGE_SIZE);
}

static bool swap_files(struct victim *v)
{
	const char *kind = any_kind(v);
	struct file f, g;
	bool good = pick(v, v->disk, kind, &f) && pick(v, v->disk, kind, &g) &&
		    f.p != g.p;

	if (!good)
		return false;
	uint8_t *keep = malloc(f.n);
	memcpy(keep, f.p, f.n);
	struct file first = { f.name, keep, f.n };
	good = replace(v, f.name, &g);
	good = replace(v, g.name, &first) || good;
	free(keep);
	return good;
}

/* Any record of a journal file: where it begins and its length. */
static bool pick_record(
	struct victim *v, const struct file *f, size_t *at_out, size_t *n_out)
{
	uint64_t seen = 0;

	for (size_t at = JOURNAL_HEAD; at + RECORD_PREFIX <= f->n;) {
		struct record_prefix p;
		if (record_prefix_parse(
			    slice_of(f->p + at, RECORD_PREFIX), &p) != ERR_OK ||
			p.size > f->n - at)
			break;
		if (draw(v, ++seen) == 0) {
			*at_out = at;
			*n_out = p.size;
		}
		at += p.size;
	}
	return seen > 0;
}

/* One record over another: of the same file or not. */
static bool swap_records(struct victim *v)
{
	struct file f, g;
	size_t a, b, n, m;

	if (!pick(v, v->disk, "journal-", &f) ||
		!pick(v, v->disk, "journal-", &g) ||
		!pick_record(v, &f, &a, &n) || !pick_record(v, &g, &b, &m))
		return false;
	n = n < m ? n : m;
	if (f.p == g.p && a < b + n && b < a + n)
		return false;
	return swap(f.p + a, g.p + b, n);
}

static bool swap_chunks(struct victim *v)
{
	struct place a = v->place[draw(v, v->n_places)];
	struct place b = v->place[draw(v, v->n_places)];
	char name[2][STORE_NAME];
	struct file f, g;
	size_t n = a.n < b.n ? a.n : b.n;

	segment_name(name[0], a.segment);
	segment_name(name[1], b.segment);
	if (!named(v->disk, name[0], &f) || !named(v->disk, name[1], &g) ||
		a.offset + n > f.n || b.offset + n > g.n)
		return false;
	if (a.segment == b.segment && a.offset < b.offset + n &&
		b.offset < a.offset + n)
		return false;
	return swap(f.p + a.offset, g.p + b.offset, n);
}

/* Of another account: its key and its number are not the same. */
static bool swap_accounts_chunks(struct victim *v)
{
	struct place a = v->place[draw(v, v->n_places)];

	for (int i = 0; i < 50; i++) {
		struct place b = v->place[draw(v, v->n_places)];
		char name[2][STORE_NAME];
		struct file f, g;
		segment_name(name[0], a.segment);
		segment_name(name[1], b.segment);
		if (a.account != b.account && a.n <= b.n &&
			named(v->disk, name[0], &f) &&
			named(v->disk, name[1], &g))
			return overwrite(&f, a.offset, g.p + b.offset, a.n);
	}
	return false;
}

/* --- replays ------------------------------------------------------------------------------ */

static bool replay_page(struct victim *v)
{
	struct file now, old;

	if (!pick(v, any_old(v)->disk, "db-", &old) ||
		!named(v->disk, old.name, &now))
		return false;
	size_t n = (now.n < old.n ? now.n : old.n) / PAGE_SIZE;
	for (size_t i = 0, at = n ? draw(v, n) : 0; i < n; i++, at++)
		if (overwrite(&now, at % n * PAGE_SIZE,
			    old.p + at % n * PAGE_SIZE, PAGE_SIZE))
			return true;
	return false;
}

static bool replay_database(struct victim *v)
{
	struct file old, now;

	return pick(v, any_old(v)->disk, "db-", &old) &&
	       named(v->disk, old.name, &now) && replace(v, old.name, &old);
}

/* The newest map of an account, by its name. */
static bool newest_map(struct disk *d, uint32_t account, struct file *out)
{
	const char *best = NULL;
	char prefix[STORE_NAME];

	snprintf(prefix, sizeof(prefix), "map-%08x-", account);
	for (size_t i = 0; i < disk_count(d); i++) {
		const char *name = disk_name(d, i);
		if (name && strncmp(name, prefix, strlen(prefix)) == 0 &&
			(!best || strcmp(name, best) > 0))
			best = name;
	}
	return best && named(d, best, out);
}

/* An old map, under its own name and under that of the newest one. */
static bool replay_map(struct victim *v)
{
	uint32_t account = (uint32_t)draw(v, 6);
	struct file old, now;

	return newest_map(any_old(v)->disk, account, &old) &&
	       newest_map(v->disk, account, &now) && replace(v, now.name, &old);
}

/* Everything that an account had: database, map, and its key's slot. */
static bool replay_account(struct victim *v)
{
	uint32_t account = (uint32_t)draw(v, 6);
	const struct image *from = any_old(v);
	struct file old, now, keys, old_keys;
	char name[STORE_NAME];
	bool changed;

	dbfile_name(name, account);
	if (!named(from->disk, name, &old) || !named(v->disk, name, &now))
		return false;
	changed = replace(v, name, &old);
	if (newest_map(from->disk, account, &old) &&
		newest_map(v->disk, account, &now))
		changed = replace(v, now.name, &old) || changed;
	size_t at = KEYS_HEAD + (size_t)account * KEYS_SLOT;
	if (named(v->disk, KEYS_NAME, &keys) &&
		named(from->disk, KEYS_NAME, &old_keys) &&
		at + KEYS_SLOT <= old_keys.n)
		(void)overwrite(&keys, at, old_keys.p + at, KEYS_SLOT);
	return changed;
}

static bool replay_segment(struct victim *v)
{
	struct file old, now;

	return pick(v, any_old(v)->disk, "seg-", &old) &&
	       named(v->disk, old.name, &now) && replace(v, old.name, &old);
}

static bool replay_journal(struct victim *v)
{
	struct file old, now;

	return pick(v, any_old(v)->disk, "journal-", &old) &&
	       pick(v, v->disk, "journal-", &now) &&
	       replace(v, draw(v, 2) ? now.name : old.name, &old);
}

static bool replay_keys(struct victim *v)
{
	struct file old;

	return named(any_old(v)->disk, KEYS_NAME, &old) &&
	       replace(v, KEYS_NAME, &old);
}

static bool replay_any(struct victim *v)
{
	struct file old;

	return pick(v, any_old(v)->disk, any_kind(v), &old) &&
	       replace(v, old.name, &old);
}

/* The whole store as it was; the head is kept elsewhere and is not old. */
static bool replay_store(struct victim *v)
{
	struct disk *old = any_old(v)->disk;

	for (size_t i = 0; i < disk_count(v->disk); i++)
		if (disk_name(v->disk, i))
			disk_remove(v->disk, disk_name(v->disk, i));
	for (size_t i = 0; i < disk_count(old); i++) {
		struct file f;
		if (disk_name(old, i) && named(old, disk_name(old, i), &f))
			disk_set(v->disk, f.name, f.p, f.n);
	}
	return true;
}

/* An old head may open the newest store, or nothing. */
static bool old_head(struct victim *v)
{
	v->head = any_old(v)->head;
	return v->head.serial != v->image->head.serial;
}

/* --- the journal's end ------------------------------------------------------------------------ */

/* Where the record of the head's commit begins and ends. */
static bool head_record(
	struct victim *v, struct file *f, size_t *at_out, size_t *end_out)
{
	char name[STORE_NAME];
	size_t at = JOURNAL_HEAD;

	journal_name(name, v->head.journal);
	if (!named(v->disk, name, f))
		return false;
	for (; at + RECORD_PREFIX <= f->n;) {
		struct record_prefix p;
		if (record_prefix_parse(
			    slice_of(f->p + at, RECORD_PREFIX), &p) != ERR_OK ||
			p.size > f->n - at)
			return false;
		size_t tag = at + RECORD_PREFIX + p.head;
		if (memcmp(f->p + tag, v->head.chain, RECORD_TAG) == 0) {
			*at_out = at;
			*end_out = tag + RECORD_TAG;
			return true;
		}
		at += p.size;
	}
	return false;
}

static void remove_journals_after(struct victim *v, uint64_t number)
{
	struct disk *d = v->disk;
	char last[STORE_NAME];

	journal_name(last, number);
	for (size_t i = 0; i < disk_count(d); i++) {
		const char *name = disk_name(d, i);
		if (name && strncmp(name, "journal-", 8) == 0 &&
			strcmp(name, last) > 0)
			disk_remove(d, name);
	}
}

static bool cut_below_head(struct victim *v)
{
	char name[STORE_NAME];
	struct file f;
	size_t at, end;

	if (!head_record(v, &f, &at, &end))
		return false;
	size_t n = draw(v, 4) ? JOURNAL_HEAD + draw(v, end - JOURNAL_HEAD)
			      : draw(v, JOURNAL_HEAD);
	journal_name(name, v->head.journal);
	if (draw(v, 2))
		remove_journals_after(v, v->head.journal);
	if (draw(v, 8))
		disk_set(v->disk, name, f.p, n);
	else
		disk_remove(v->disk, name);
	return true;
}

/* --- versions, keys, strangers ------------------------------------------------------------------- */

static bool change_version(struct victim *v)
{
	const char *kind = any_kind(v);
	uint8_t raw[4];
	struct file f;

	if (!pick(v, v->disk, kind, &f))
		return false;
	bool page = strcmp(kind, "db-") == 0;
	size_t at =
		page ? draw(v, f.n / PAGE_SIZE) * PAGE_SIZE + PAGE_SIZE - 4 : 8;
	put_be32(raw, (uint32_t)(draw(v, 2) ? 0 : 2 + draw(v, 3)));
	return overwrite(&f, at, raw, 4);
}

static bool swap_keys(struct victim *v)
{
	struct file f;

	if (!named(v->disk, KEYS_NAME, &f) || f.n < KEYS_HEAD + 2 * KEYS_SLOT)
		return false;
	size_t n = (f.n - KEYS_HEAD) / KEYS_SLOT;
	size_t a = draw(v, n), b = draw(v, n);
	uint8_t *slots = f.p + KEYS_HEAD;
	return a != b &&
	       swap(slots + a * KEYS_SLOT, slots + b * KEYS_SLOT, KEYS_SLOT);
}

/* A slot, or all of them behind our own head, of another tenant. */
static bool strange_keys(struct victim *v)
{
	struct file ours, theirs;

	if (!named(v->disk, KEYS_NAME, &ours) ||
		!named(v->other->disk, KEYS_NAME, &theirs))
		return false;
	size_t n = (theirs.n < ours.n ? theirs.n : ours.n) - KEYS_HEAD;
	if (draw(v, 2))
		return overwrite(&ours, KEYS_HEAD, theirs.p + KEYS_HEAD, n);
	size_t at = KEYS_HEAD + draw(v, n / KEYS_SLOT) * KEYS_SLOT;
	return overwrite(&ours, at, theirs.p + at, KEYS_SLOT);
}

static bool strange_file(struct victim *v)
{
	const char *kind = any_kind(v);
	struct file ours, theirs;

	return pick(v, v->other->disk, kind, &theirs) &&
	       pick(v, v->disk, kind, &ours) && replace(v, ours.name, &theirs);
}

static bool strange_page(struct victim *v)
{
	struct file ours, theirs;

	if (!pick(v, v->disk, "db-", &ours) ||
		!named(v->other->disk, ours.name, &theirs))
		return false;
	size_t n = (ours.n < theirs.n ? ours.n : theirs.n) / PAGE_SIZE;
	size_t at = n ? draw(v, n) * PAGE_SIZE : 0;
	return n && overwrite(&ours, at, theirs.p + at, PAGE_SIZE);
}

const struct alteration alterations[] = {
	{ "bit flipped", flip_bit, EITHER, false },
	{ "bytes overwritten", scribble, EITHER, false },
	{ "sector zeroed", zero_sector, EITHER, false },
	{ "file truncated", truncate_file, EITHER, false },
	{ "file extended", extend, ANYTHING, false },
	{ "file removed", remove_file, EITHER, false },
	{ "pages swapped", swap_pages, EITHER, false },
	{ "pages swapped between accounts", swap_accounts_pages, EITHER,
		false },
	{ "files swapped", swap_files, EITHER, false },
	{ "journal records swapped", swap_records, EITHER, false },
	{ "chunks of bodies swapped", swap_chunks, EITHER, false },
	{ "chunks swapped between accounts", swap_accounts_chunks, EITHER,
		false },
	{ "old page at its own place", replay_page, EITHER, true },
	{ "old database file", replay_database, EITHER, true },
	{ "old map", replay_map, EITHER, false },
	{ "whole old account", replay_account, EITHER, false },
	{ "old segment", replay_segment, ANYTHING, false },
	{ "old journal file", replay_journal, EITHER, false },
	{ "old keys", replay_keys, ANYTHING, false },
	{ "any old file", replay_any, EITHER, false },
	{ "whole old store", replay_store, ALL_REFUSED, false },
	{ "old head", old_head, ANYTHING, false },
	{ "journal cut below the head", cut_below_head, ALL_REFUSED, false },
	{ "version raised or lowered", change_version, EITHER, false },
	{ "keys of accounts swapped", swap_keys, EITHER, false },
	{ "keys of another tenant", strange_keys, EITHER, false },
	{ "file of another tenant", strange_file, EITHER, false },
	{ "page of another tenant", strange_page, EITHER, false },
};
const size_t n_alterations = sizeof(alterations) / sizeof(alterations[0]);
