/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Journal heads and records: building, sealing, opening, parsing. Nonces are
 * the record's number, under keys that belong to one journal file alone.
 */
#include <assert.h>
#include <stdio.h>

#include "aad.h"
#include "record.h"

#define MAGIC "bst.jrnl"
#define VERSION 2
/* Its records have images only; a process of that version may have ended without
 * warning. */
#define VERSION_IMAGES 1
/* Of these: page number and image. */
#define IMAGE (4 + PAGE_PLAIN)
#define HEAD_PLAIN 92 /* magic, version, tenant, number, before, commit, salt */
#define RECORD_MAGIC 0x4253524au /* BSRJ */
#define FIXED 44                 /* kind, commit, durable, before, counts */
#define SECTION 28
#define EXTENT 41

void journal_name(char out[STORE_NAME], uint64_t number)
{
	snprintf(
		out, STORE_NAME, "journal-%016llx", (unsigned long long)number);
}

/* --- the head of a file ------------------------------------------------------ */

enum err journal_head_make(const struct journal_head *h,
	const struct oid *tenant, const struct secret *tenant_key,
	uint8_t out[JOURNAL_HEAD], uint8_t chain_out[RECORD_TAG],
	struct secret **key_out)
{
	struct secret *key = secret_new(SEAL_KEY);
	struct aad aad;

	if (!key)
		return ERR_NOMEM;
	memset(out, 0, JOURNAL_HEAD);
	memcpy(out, MAGIC, 8);
	put_be32(out + 8, VERSION);
	memcpy(out + 12, tenant->b, 16);
	put_be64(out + 28, h->number);
	memcpy(out + 36, h->before, 16);
	put_be64(out + 52, h->commit);
	memcpy(out + 60, h->salt, 32);
	aad_journal(&aad, slice_of(out, HEAD_PLAIN));
	enum err e = seal_random(secret_bytes(key), SEAL_KEY);
	if (e == ERR_OK)
		e = seal_wrap(
			tenant_key, aad_slice(&aad), key, out + HEAD_PLAIN);
	if (e != ERR_OK) {
		secret_free(key);
		return e;
	}
	memcpy(chain_out, out + HEAD_PLAIN + SEAL_WRAPPED - SEAL_TAG, 16);
	*key_out = key;
	return ERR_OK;
}

enum err journal_head_open(struct slice raw, const struct oid *tenant,
	const struct secret *tenant_key, struct journal_head *out,
	uint8_t chain_out[RECORD_TAG], struct secret **key_out)
{
	const uint8_t *p = (const uint8_t *)raw.p;
	struct aad aad;

	if (raw.n < JOURNAL_HEAD || memcmp(p, MAGIC, 8) != 0)
		return ERR_CORRUPT;
	if (get_be32(p + 8) > VERSION)
		return ERR_VERSION;
	if (get_be32(p + 8) < VERSION_IMAGES ||
		memcmp(p + 12, tenant->b, 16) != 0)
		return ERR_CORRUPT;
	aad_journal(&aad, slice_of(p, HEAD_PLAIN));
	TRY(seal_unwrap(tenant_key, aad_slice(&aad), p + HEAD_PLAIN, key_out));
	out->number = get_be64(p + 28);
	memcpy(out->before, p + 36, 16);
	out->commit = get_be64(p + 52);
	memcpy(out->salt, p + 60, 32);
	memcpy(chain_out, p + HEAD_PLAIN + SEAL_WRAPPED - SEAL_TAG, 16);
	return ERR_OK;
}

enum err journal_section_key(const struct secret *account_key,
	const struct journal_head *h, struct seal **out)
{
	uint8_t info[19] = "bst journal";
	struct secret *key;

	put_be64(info + 11, h->number);
	TRY(seal_derive(account_key, slice_of(h->salt, 32),
		slice_of(info, sizeof(info)), &key));
	enum err e = seal_new(secret_peek(key), out);
	secret_free(key);
	return e;
}

/* --- reading a record -------------------------------------------------------- */

enum err record_prefix_parse(struct slice raw, struct record_prefix *out)
{
	if (raw.n < RECORD_PREFIX || get_be32(raw.p) != RECORD_MAGIC)
		return ERR_CORRUPT;
	struct record_prefix p = { .head = get_be32(raw.p + 4),
		.size = get_be32(raw.p + 8),
		.number = get_be64(raw.p + 16) };
	if (p.size > LIMIT_RECORD || p.size % RECORD_ALIGN != 0 ||
		p.head < FIXED ||
		p.size < (uint64_t)RECORD_PREFIX + p.head + RECORD_TAG)
		return ERR_CORRUPT;
	*out = p;
	return ERR_OK;
}

void record_free(struct record *r)
{
	mem_free(r->section);
	mem_free(r->extent);
	r->section = NULL;
	r->extent = NULL;
}

/* What a head says of a section: bytes, or how many images. */
static uint32_t stated(enum record_kind kind, const struct record_section *s)
{
	return kind == RECORD_IMAGES ? s->size / IMAGE : s->size;
}

static void parse_sections(const char *p, struct record *r)
{
	for (uint32_t i = 0; i < r->sections; i++, p += SECTION) {
		struct record_section *s = &r->section[i];
		s->account = get_be32(p);
		s->pages = get_be32(p + 4);
		s->size = get_be32(p + 8);
		if (r->kind == RECORD_IMAGES)
			s->size = s->size > LIMIT_RECORD / IMAGE
					  ? UINT32_MAX /* it will not fit */
					  : s->size * IMAGE;
		memcpy(s->tag, p + 12, SEAL_TAG);
	}
}

static void parse_extents(const char *p, struct record *r)
{
	for (uint32_t i = 0; i < r->extents; i++, p += EXTENT) {
		struct record_extent *x = &r->extent[i];
		x->account = get_be32(p);
		x->segment = get_be64(p + 4);
		x->offset = get_be64(p + 12);
		x->chunks = get_be32(p + 20);
		x->last = get_be32(p + 24);
		x->index = get_be32(p + 28);
		x->total = get_be64(p + 32);
		x->codec = (uint8_t)p[40];
	}
}

/* Every section's frames lie within the record. */
static bool sections_fit(const struct record *r)
{
	uint64_t at = r->frames_at;

	for (uint32_t i = 0; i < r->sections; i++) {
		at += r->section[i].size;
		if (at > r->size || r->section[i].pages > LIMIT_DATABASE_PAGES)
			return false;
	}
	return at <= r->size;
}

enum err record_parse(struct slice plain, struct record *r)
{
	const char *p = plain.p;

	if (plain.n < FIXED)
		return ERR_CORRUPT;
	r->kind = get_be32(p);
	r->commit = get_be64(p + 4);
	r->durable = get_be64(p + 12);
	memcpy(r->before, p + 20, RECORD_TAG);
	r->sections = get_be32(p + 36);
	r->extents = get_be32(p + 40);
	if (r->kind < RECORD_IMAGES || r->kind > RECORD_COMMIT ||
		r->sections > LIMIT_RECORD_SECTIONS ||
		r->extents > LIMIT_RECORD_EXTENTS ||
		plain.n != FIXED + (size_t)r->sections * SECTION +
				   (size_t)r->extents * EXTENT)
		return ERR_CORRUPT;
	r->section = mem_alloc(r->sections * sizeof(*r->section));
	r->extent = mem_alloc(r->extents * sizeof(*r->extent));
	if (!r->section || !r->extent) {
		record_free(r);
		return ERR_NOMEM;
	}
	parse_sections(p + FIXED, r);
	parse_extents(p + FIXED + (size_t)r->sections * SECTION, r);
	if (!sections_fit(r)) {
		record_free(r);
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

enum err record_open(struct slice raw, const struct oid *tenant,
	uint64_t journal, struct seal *key, struct record *out)
{
	struct record_prefix p;
	struct record r = { 0 };
	uint8_t nonce[SEAL_NONCE];
	struct aad aad;

	TRY(record_prefix_parse(raw, &p));
	size_t whole = (size_t)RECORD_PREFIX + p.head + RECORD_TAG;
	if (raw.n < whole)
		return ERR_CORRUPT;
	uint8_t *plain = mem_alloc(p.head);
	if (!plain)
		return ERR_NOMEM;
	aad_record(&aad, tenant, journal, slice_of(raw.p, RECORD_PREFIX));
	seal_counter(nonce, p.number);
	memcpy(r.tag, raw.p + RECORD_PREFIX + p.head, RECORD_TAG);
	enum err e = seal_open(key, nonce, aad_slice(&aad),
		raw.p + RECORD_PREFIX, p.head, plain, r.tag);
	r.number = p.number;
	r.size = p.size;
	r.frames_at = whole;
	if (e == ERR_OK)
		e = record_parse(slice_of(plain, p.head), &r);
	mem_free(plain);
	if (e == ERR_OK)
		*out = r;
	return e;
}

size_t record_frames_at(const struct record *r, uint32_t i)
{
	size_t at = r->frames_at;

	for (uint32_t k = 0; k < i; k++)
		at += r->section[k].size;
	return at;
}

enum err record_section_open(const struct record *r, uint32_t i,
	const struct oid *tenant, uint64_t journal, struct seal *key,
	const void *sealed, void *out)
{
	const struct record_section *s = &r->section[i];
	uint8_t nonce[SEAL_NONCE];
	struct aad aad;

	seal_counter(nonce, r->number);
	aad_section(&aad, tenant, journal, r->number, s->account, s->pages,
		stated(r->kind, s));
	return seal_open(
		key, nonce, aad_slice(&aad), sealed, s->size, out, s->tag);
}

/* --- writing a record -------------------------------------------------------- */

size_t record_bound(uint32_t sections, uint32_t extents)
{
	return RECORD_PREFIX + FIXED + (size_t)sections * SECTION +
	       (size_t)extents * EXTENT + RECORD_TAG + RECORD_ALIGN;
}

enum err record_begin(struct record_writer *w, struct buf *out,
	uint64_t journal, const struct record *r)
{
	w->out = out;
	w->start = out->n;
	w->journal = journal;
	w->r = *r;
	w->head = FIXED + (size_t)r->sections * SECTION +
		  (size_t)r->extents * EXTENT;
	size_t n = RECORD_PREFIX + w->head + RECORD_TAG;
	TRY(buf_reserve(out, n));
	memset(out->p + out->n, 0, n);
	out->n += n;
	w->section = out->n;
	return ERR_OK;
}

enum err record_seal_section(struct record_writer *w, uint32_t i,
	const struct oid *tenant, struct seal *key)
{
	struct record_section *s = &w->r.section[i];
	char *at = w->out->p + w->section;
	uint8_t nonce[SEAL_NONCE];
	struct aad aad;

	s->size = (uint32_t)(w->out->n - w->section);
	w->section = w->out->n;
	seal_counter(nonce, w->r.number);
	aad_section(&aad, tenant, w->journal, w->r.number, s->account, s->pages,
		stated(w->r.kind, s));
	return seal_close(key, nonce, aad_slice(&aad), at, s->size, at, s->tag);
}

static void put_head(const struct record *r, char *p)
{
	put_be32(p, r->kind);
	put_be64(p + 4, r->commit);
	put_be64(p + 12, r->durable);
	memcpy(p + 20, r->before, RECORD_TAG);
	put_be32(p + 36, r->sections);
	put_be32(p + 40, r->extents);
	p += FIXED;
	for (uint32_t i = 0; i < r->sections; i++, p += SECTION) {
		const struct record_section *s = &r->section[i];
		put_be32(p, s->account);
		put_be32(p + 4, s->pages);
		put_be32(p + 8, stated(r->kind, s));
		memcpy(p + 12, s->tag, SEAL_TAG);
	}
	for (uint32_t i = 0; i < r->extents; i++, p += EXTENT) {
		const struct record_extent *x = &r->extent[i];
		put_be32(p, x->account);
		put_be64(p + 4, x->segment);
		put_be64(p + 12, x->offset);
		put_be32(p + 20, x->chunks);
		put_be32(p + 24, x->last);
		put_be32(p + 28, x->index);
		put_be64(p + 32, x->total);
		p[40] = (char)x->codec;
	}
}

/* Zeros up to the next sector. */
static enum err pad(struct buf *out, size_t start)
{
	size_t over = (out->n - start) % RECORD_ALIGN;
	size_t n = over ? RECORD_ALIGN - over : 0;

	TRY(buf_reserve(out, n));
	memset(out->p + out->n, 0, n);
	out->n += n;
	return ERR_OK;
}

enum err record_end(struct record_writer *w, const struct oid *tenant,
	struct seal *key, uint8_t tag_out[RECORD_TAG])
{
	uint8_t nonce[SEAL_NONCE];
	struct aad aad;

	TRY(pad(w->out, w->start));
	char *p = w->out->p + w->start, *head = p + RECORD_PREFIX;
	put_be32(p, RECORD_MAGIC);
	put_be32(p + 4, (uint32_t)w->head);
	put_be32(p + 8, (uint32_t)(w->out->n - w->start));
	put_be64(p + 16, w->r.number);
	put_head(&w->r, head);
	aad_record(&aad, tenant, w->journal, slice_of(p, RECORD_PREFIX));
	seal_counter(nonce, w->r.number);
	TRY(seal_close(key, nonce, aad_slice(&aad), head, w->head, head,
		(uint8_t *)head + w->head));
	memcpy(tag_out, head + w->head, RECORD_TAG);
	return ERR_OK;
}
