/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading the journal. The rule of the tail: recovery may cut off records at
 * the end that neither the head nor any later record calls durable, when they
 * are torn, or when a body they name is not there: nobody was told of them.
 * Whatever else does not verify stops the open.
 *
 * A first pass over heads alone finds where the chain ends and what is called
 * durable, also by records behind a hole. A second pass verifies frames: of
 * durable commits they must verify, of the others they decide where to cut.
 */
#include "recover.h"

void scan_close(struct scan *sc, struct medium *m)
{
	seal_free(sc->key);
	if (sc->file)
		m->close(sc->file);
	*sc = (struct scan){ 0 };
}

/* --- files ----------------------------------------------------------------------------- */

/* Is there anything but zeros from `at` on? */
static enum err anything(
	struct recovery *r, const struct scan *sc, uint64_t at, bool *out)
{
	static const uint8_t zeros[4096];
	uint8_t raw[4096];
	size_t got;

	for (*out = false; at < sc->size && !*out; at += got) {
		TRY(r->s->m->read(sc->file, at, raw, sizeof(raw), &got));
		if (got == 0)
			break;
		*out = memcmp(raw, zeros, got) != 0;
	}
	return ERR_OK;
}

enum err scan_open_head(struct store *s, struct scan *sc)
{
	uint8_t raw[JOURNAL_HEAD];
	struct secret *key;
	size_t got;

	TRY(s->m->size(sc->file, &sc->size));
	TRY(s->m->read(sc->file, 0, raw, sizeof(raw), &got));
	TRY(journal_head_open(slice_of(raw, got), &s->o.tenant, s->key,
		&sc->head, sc->chain, &key));
	enum err e = seal_new(secret_peek(key), &sc->key);
	secret_free(key);
	return e;
}

static enum err open_file(struct recovery *r, uint64_t number, bool last)
{
	struct store *s = r->s;
	char name[STORE_NAME];
	bool more;
	struct scan *sc = PUSH(r->scan, r->n_scans, r->cap_scans);

	if (!sc)
		return ERR_NOMEM;
	journal_name(name, number);
	enum err e = s->m->open(s->m, name, false, &sc->file);
	if (e == ERR_OK)
		e = scan_open_head(r->s, sc);
	if (e == ERR_NOTFOUND)
		e = ERR_CORRUPT;
	if (e == ERR_CORRUPT && last && sc->file &&
		number > s->o.head.journal) {
		/* Records follow a head only when it is durable: without any,
		 * this file was being made when the process ended. */
		TRY(anything(r, sc, JOURNAL_HEAD, &more));
		sc->broken = !more;
		if (sc->broken)
			return ERR_OK;
	}
	if (e == ERR_OK && sc->head.number != number)
		e = ERR_CORRUPT;
	if (e != ERR_OK)
		store_error("%s: head: %s", name, err_info(e)->text);
	return e;
}

static enum err open_files(struct recovery *r)
{
	const struct head *h = &r->s->o.head;
	uint64_t first = r->from;

	if (h->commit && h->journal < first)
		first = h->journal;
	r->last = r->n_files ? r->file[r->n_files - 1] : 0;
	if (r->last < first) {
		store_error("journal file %llu is missing",
			(unsigned long long)first);
		return ERR_CORRUPT;
	}
	for (uint64_t n = first; n <= r->last; n++)
		TRY(open_file(r, n, n == r->last));
	if (r->scan[r->n_scans - 1].broken) {
		scan_close(&r->scan[--r->n_scans], r->s->m);
		r->last--;
		r->begun = true;
	}
	/* The next file is last + 1, and must be one that is replayed. */
	if ((r->n_scans == 0 && first > 1) || r->last + 1 < r->from) {
		store_error("journal file %llu is missing",
			(unsigned long long)r->last + 1);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

/* --- records --------------------------------------------------------------------------- */

enum err scan_record(
	struct store *s, const struct scan *sc, uint64_t at, struct record *out)
{
	struct medium *m = s->m;
	uint8_t raw[RECORD_PREFIX];
	struct record_prefix p;
	size_t got;

	TRY(m->read(sc->file, at, raw, sizeof(raw), &got));
	TRY(record_prefix_parse(slice_of(raw, got), &p));
	if (p.size > sc->size || at > sc->size - p.size)
		return ERR_CORRUPT;
	size_t n = (size_t)RECORD_PREFIX + p.head + RECORD_TAG;
	uint8_t *head = mem_alloc(n);
	if (!head)
		return ERR_NOMEM;
	enum err e = m->read(sc->file, at, head, n, &got);
	if (e == ERR_OK)
		e = record_open(slice_of(head, got), &s->o.tenant,
			sc->head.number, sc->key, out);
	mem_free(head);
	return e;
}

static bool follows(const struct record *rec, const struct scan_next *n)
{
	uint64_t commit = n->commit + record_commits(rec);

	return rec->number == n->number && rec->commit == commit &&
	       memcmp(rec->before, n->chain, RECORD_TAG) == 0;
}

enum err scan_next_record(struct store *s, const struct scan *sc,
	const struct scan_next *n, struct record *out)
{
	TRY(scan_record(s, sc, n->at, out));
	if (follows(out, n))
		return ERR_OK;
	record_free(out);
	return ERR_CORRUPT;
}

void scan_step(const struct record *rec, struct scan_next *n)
{
	n->number++;
	n->commit = rec->commit;
	memcpy(n->chain, rec->tag, RECORD_TAG);
	n->at += rec->size;
}

struct scan_next scan_first(const struct scan *sc)
{
	struct scan_next n = { .commit = sc->head.commit, .at = JOURNAL_HEAD };

	memcpy(n.chain, sc->chain, RECORD_TAG);
	return n;
}

/* Does the file end here, as the next file's head says? */
static bool ends_here(
	const struct recovery *r, size_t i, const struct scan_next *n)
{
	return i + 1 < r->n_scans &&
	       memcmp(r->scan[i + 1].head.before, n->chain, RECORD_TAG) == 0;
}

/* --- first pass: what is called durable -------------------------------------------------- */

static void claim(struct recovery *r, uint64_t durable)
{
	if (durable > r->durable)
		r->durable = durable;
}

/* Records behind the place where the chain breaks. */
static enum err claims_behind(
	struct recovery *r, const struct scan *sc, uint64_t at)
{
	struct record rec;

	for (; at < sc->size; at += RECORD_ALIGN) {
		enum err e = scan_record(r->s, sc, at, &rec);
		if (e == ERR_CORRUPT)
			continue;
		TRY(e);
		claim(r, rec.durable);
		record_free(&rec);
	}
	return ERR_OK;
}

static enum err first_pass(struct recovery *r, size_t i)
{
	const struct scan *sc = &r->scan[i];
	struct scan_next n = scan_first(sc);
	struct record rec;

	while (!ends_here(r, i, &n)) {
		enum err e = scan_next_record(r->s, sc, &n, &rec);
		if (e == ERR_CORRUPT)
			return i + 1 == r->n_scans
				       ? claims_behind(r, sc, n.at)
				       : ERR_OK; /* the second pass says where */
		TRY(e);
		claim(r, rec.durable);
		scan_step(&rec, &n);
		record_free(&rec);
	}
	return ERR_OK;
}

/* --- second pass: frames and bodies -------------------------------------------------------- */

enum err scan_frames(struct recovery *r, const struct found *at, uint8_t **out)
{
	const struct scan *sc = &r->scan[at->scan];
	size_t n = at->size, got;
	struct record_section section = {
		.account = at->account, .pages = at->pages, .size = at->size
	};
	struct record rec = { .number = at->record,
		.kind = at->kind,
		.section = &section,
		.sections = 1 };
	struct account *a;
	struct seal *key;

	memcpy(section.tag, at->tag, SEAL_TAG);
	TRY(recover_account(r, at->account, &a));
	TRY(account_section_key(a, &sc->head, &key));
	uint8_t *p = mem_alloc(n);
	if (!p)
		return ERR_NOMEM;
	enum err e = r->s->m->read(sc->file, at->at, p, n, &got);
	if (e == ERR_OK && got != n)
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = record_section_open(
			&rec, 0, &r->s->o.tenant, sc->head.number, key, p, p);
	if (e != ERR_OK) {
		mem_free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

static enum err add_section(struct recovery *r, size_t i,
	const struct scan_next *n, const struct record *rec, uint32_t k)
{
	const struct record_section *sec = &rec->section[k];
	struct found *f = PUSH(r->found, r->n_found, r->cap_found);

	if (!f)
		return ERR_NOMEM;
	*f = (struct found){ .account = sec->account,
		.pages = sec->pages,
		.size = sec->size,
		.kind = rec->kind,
		.order = r->n_found,
		.scan = i,
		.at = n->at + record_frames_at(rec, k),
		.record = rec->number };
	memcpy(f->tag, sec->tag, SEAL_TAG);
	return ERR_OK;
}

/* Frames of a durable commit may be of an account whose key was destroyed
 * since; its row would say otherwise (check_account). */
static enum err verify_section(
	struct recovery *r, const struct found *f, bool durable)
{
	struct account *a;
	uint8_t *frames;
	enum err e = recover_account(r, f->account, &a);

	if ((e == ERR_NOKEY || e == ERR_CORRUPT) && durable)
		return ERR_OK;
	if (e == ERR_NOKEY)
		return ERR_CORRUPT;
	TRY(e);
	TRY(scan_frames(r, f, &frames));
	mem_wipe(frames, f->size);
	mem_free(frames);
	return ERR_OK;
}

static enum err verify_bodies(struct recovery *r, const struct record *rec)
{
	struct account *a;

	for (uint32_t i = 0; i < rec->extents; i++) {
		TRY(recover_account(r, rec->extent[i].account, &a));
		TRY(segment_verify_extent(r->s, a, &rec->extent[i]));
		struct record_extent *x =
			PUSH(r->extent, r->n_extents, r->cap_extents);
		if (!x)
			return ERR_NOMEM;
		*x = rec->extent[i];
	}
	return ERR_OK;
}

static enum err verify_record(struct recovery *r, size_t i,
	const struct scan_next *n, const struct record *rec)
{
	bool durable = rec->commit <= r->durable;

	for (uint32_t k = 0; k < rec->sections; k++) {
		TRY(add_section(r, i, n, rec, k));
		TRY(verify_section(r, &r->found[r->n_found - 1], durable));
	}
	return durable ? ERR_OK : verify_bodies(r, rec);
}

/* The head names a commit and the tag of its record. */
static enum err meet_head(
	struct recovery *r, const struct scan *sc, const struct record *rec)
{
	const struct head *h = &r->s->o.head;

	if (!record_commits(rec) || rec->commit != h->commit)
		return ERR_OK;
	if (sc->head.number != h->journal ||
		memcmp(rec->tag, h->chain, RECORD_TAG) != 0) {
		store_error("commit %llu is not the one that the head names",
			(unsigned long long)h->commit);
		return ERR_CORRUPT;
	}
	r->head_met = true;
	return ERR_OK;
}

/* The record at `n` does not verify: the tail begins, or something is wrong. */
static enum err cut_or_stop(
	struct recovery *r, size_t i, const struct scan_next *n)
{
	char name[STORE_NAME];

	if (i + 1 == r->n_scans && n->commit >= r->durable)
		return ERR_OK;
	journal_name(name, r->scan[i].head.number);
	store_error("%s: record %llu at %llu does not verify", name,
		(unsigned long long)n->number, (unsigned long long)n->at);
	return ERR_CORRUPT;
}

static void keep(
	struct recovery *r, const struct scan *sc, const struct record *rec)
{
	memcpy(r->chain, rec->tag, RECORD_TAG);
	if (!record_commits(rec))
		return;
	r->end.commit = rec->commit;
	r->end.journal = sc->head.number;
	memcpy(r->end.chain, rec->tag, RECORD_TAG);
}

static enum err second_pass(struct recovery *r, size_t i)
{
	const struct scan *sc = &r->scan[i];
	struct scan_next n = scan_first(sc);
	struct record rec;

	memcpy(r->chain, sc->chain, RECORD_TAG);
	while (!ends_here(r, i, &n)) {
		size_t kept = r->n_found;
		enum err e = scan_next_record(r->s, sc, &n, &rec);
		if (e == ERR_OK) {
			e = verify_record(r, i, &n, &rec);
			if (e != ERR_OK)
				record_free(&rec);
		}
		if (e == ERR_CORRUPT) {
			r->n_found = kept;
			return cut_or_stop(r, i, &n);
		}
		TRY(e);
		if (sc->head.number < r->from)
			r->n_found = kept; /* is in the databases */
		e = meet_head(r, sc, &rec);
		keep(r, sc, &rec);
		scan_step(&rec, &n);
		record_free(&rec);
		TRY(e);
	}
	return ERR_OK;
}

enum err scan_journal(struct recovery *r)
{
	const struct head *h = &r->s->o.head;

	TRY(open_files(r));
	claim(r, h->commit);
	if (r->n_scans)
		r->end.commit = r->scan[0].head.commit;
	for (size_t i = 0; i < r->n_scans; i++)
		TRY(first_pass(r, i));
	for (size_t i = 0; i < r->n_scans; i++)
		TRY(second_pass(r, i));
	if (h->commit && !r->head_met) {
		store_error("the journal does not reach commit %llu",
			(unsigned long long)h->commit);
		return ERR_CORRUPT;
	}
	r->end.claim = r->durable;
	return ERR_OK;
}
