/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed pages. A page is 4064 bytes of ciphertext, then nonce 12, tag 16,
 * format 4: SQLite leaves the last 32 bytes of each page to us. The key is the
 * file's own; the nonce is random, since a counter would come again after a
 * restore. The map says which tag is the newest at each place.
 */
#include <stdio.h>

#include "aad.h"
#include "db.h"
#include "dbfile.h"

#define FORMAT 1
#define NONCE_AT PAGE_PLAIN
#define TAG_AT (NONCE_AT + SEAL_NONCE)
#define FORMAT_AT (TAG_AT + SEAL_TAG)
/* Random nonces of 96 bits: at most 2^32 under one key (NIST SP 800-38D 8.3).
 * Half of it, since a crash may lose the count of one journal's writes. */
#define WRITES_MAX (1ull << 31)

void dbfile_name(char out[STORE_NAME], uint32_t account)
{
	snprintf(out, STORE_NAME, "db-%08x", account);
}

/* --- the first page of an empty database ------------------------------------- */

/* SQLite must find a database in WAL mode that reserves 32 bytes a page, and
 * would write such a first page past its own log: so an empty file reads as
 * this page. Layout: https://sqlite.org/fileformat2.html 1.3 and 1.6. */
static void first_page(uint8_t *p)
{
	memset(p, 0, PAGE_SIZE);
	memcpy(p, "SQLite format 3", 16);
	put_be16(p + 16, PAGE_SIZE);
	p[18] = p[19] = 2;              /* written and read by WAL */
	p[20] = PAGE_SIZE - PAGE_PLAIN; /* reserved */
	p[21] = 64, p[22] = p[23] = 32; /* fractions, fixed */
	put_be32(p + 24, 1);            /* change counter */
	put_be32(p + 28, 1);            /* pages */
	put_be32(p + 44, 4);            /* schema format */
	put_be32(p + 56, 1);            /* UTF-8 */
	put_be32(p + 92, 1);            /* pages are valid for this counter */
	put_be32(p + 96, 3040001);      /* written as by this version */
	p[100] = 13;                    /* a leaf table, empty */
	put_be16(p + 105, PAGE_PLAIN);  /* cells grow down from here */
}

/* --- pending pages ----------------------------------------------------------- */

static struct pending_page *pending_find(const struct pending *p, uint32_t page)
{
	uint32_t i = page_index_get(&p->index, page);

	return i ? &p->item[i - 1] : NULL;
}

static enum err pending_add(
	struct pending *p, uint32_t page, struct pending_page **out)
{
	uint8_t *plain = mem_alloc(PAGE_PLAIN);
	struct pending_page *at = plain ? PUSH(p->item, p->n, p->cap) : NULL;

	if (at && !page_index_put(&p->index, page, (uint32_t)p->n)) {
		p->n--;
		at = NULL;
	}
	if (!at) {
		mem_free(plain);
		return ERR_NOMEM;
	}
	*at = (struct pending_page){ page, plain };
	*out = at;
	return ERR_OK;
}

static void pending_clear(struct pending *p)
{
	for (size_t i = 0; i < p->n; i++)
		mem_free(p->item[i].plain);
	mem_free(p->item);
	page_index_clear(&p->index);
	*p = (struct pending){ 0 };
}

enum err dbfile_put(struct dbfile *f, uint32_t page, const uint8_t *plain)
{
	struct pending *p = &f->pending;
	struct pending_page *at = pending_find(p, page);

	if (page == 0 || page > LIMIT_DATABASE_PAGES)
		return ERR_LIMIT;
	if (!at)
		TRY(pending_add(p, page, &at));
	memcpy(at->plain, plain, PAGE_PLAIN);
	p->flushed = 0;
	if (page > f->pages)
		f->pages = page;
	return ERR_OK;
}

uint8_t *dbfile_put_again(struct dbfile *f, uint32_t page)
{
	struct pending_page *at = pending_find(&f->pending, page);

	f->pending.flushed = 0;
	if (at && page > f->pages)
		f->pages = page;
	return at ? at->plain : NULL;
}

void dbfile_resize(struct dbfile *f, uint32_t pages)
{
	f->pages = pages;
}

size_t dbfile_memory(const struct dbfile *f)
{
	return f->pending.n * PAGE_SIZE;
}

/* --- pages in the file ------------------------------------------------------- */

static enum err open_file(struct dbfile *f)
{
	char name[STORE_NAME];
	enum err e;

	if (f->file)
		return ERR_OK;
	dbfile_name(name, f->account);
	e = f->m->open(f->m, name, false, &f->file);
	if (e == ERR_NOTFOUND && f->known)
		return ERR_CORRUPT; /* the map says that it exists */
	if (e == ERR_NOTFOUND)
		return f->m->open(f->m, name, true, &f->file);
	/* What a process left that ended before the first map: nobody has
	 * its key any more. */
	if (e == ERR_OK && !f->known)
		e = f->m->truncate(f->file, 0);
	return e;
}

static enum err open_page(
	struct dbfile *f, uint32_t page, const uint8_t *raw, uint8_t *out)
{
	uint32_t format = get_be32(raw + FORMAT_AT);
	struct aad aad;

	if (!map_matches(&f->map, page, raw + TAG_AT))
		return ERR_CORRUPT;
	if (format != FORMAT)
		return ERR_CORRUPT;
	aad_page(&aad, &f->tenant, f->id, page, format);
	return seal_open(f->key, raw + NONCE_AT, aad_slice(&aad), raw,
		PAGE_PLAIN, out, raw + TAG_AT);
}

static enum err read_page(struct dbfile *f, uint32_t page, uint8_t *out)
{
	uint8_t raw[PAGE_SIZE];
	size_t got;

	TRY(open_file(f));
	TRY(f->m->read(f->file, (uint64_t)(page - 1) * PAGE_SIZE, raw,
		PAGE_SIZE, &got));
	return got == PAGE_SIZE ? open_page(f, page, raw, out) : ERR_CORRUPT;
}

enum err dbfile_read(struct dbfile *f, uint32_t page, uint8_t *out)
{
	struct pending_page *p = pending_find(&f->pending, page);

	memset(out, 0, PAGE_SIZE);
	if (p) {
		memcpy(out, p->plain, PAGE_PLAIN);
		return ERR_OK;
	}
	if (!map_knows(&f->map, page)) {
		if (page == 1)
			first_page(out);
		return ERR_OK;
	}
	return read_page(f, page, out);
}

enum err dbfile_verify(struct dbfile *f, uint32_t page)
{
	uint8_t plain[PAGE_SIZE];

	if (!map_knows(&f->map, page))
		return ERR_OK;
	enum err e = read_page(f, page, plain);
	mem_wipe(plain, sizeof(plain));
	return e;
}

static enum err write_page(
	struct dbfile *f, uint32_t page, const uint8_t *plain)
{
	uint8_t raw[PAGE_SIZE];
	struct aad aad;

	if (f->writes >= WRITES_MAX)
		return ERR_LIMIT;
	aad_page(&aad, &f->tenant, f->id, page, FORMAT);
	do {
		TRY(seal_random(raw + NONCE_AT, SEAL_NONCE));
		TRY(seal_close(f->key, raw + NONCE_AT, aad_slice(&aad), plain,
			PAGE_PLAIN, raw, raw + TAG_AT));
		f->writes++;
	} while (map_taboo(raw + TAG_AT));
	put_be32(raw + FORMAT_AT, FORMAT);
	/* Room in the map first: after the write it must not fail. */
	if (!map_knows(&f->map, page)) {
		static const uint8_t none[SEAL_TAG];
		TRY(map_set(&f->map, page, none));
	}
	TRY(f->m->write(
		f->file, (uint64_t)(page - 1) * PAGE_SIZE, raw, PAGE_SIZE));
	return map_set(&f->map, page, raw + TAG_AT);
}

/* All pending pages are in the file: cut what lies behind them. */
static enum err finish(struct dbfile *f)
{
	if (f->map.n > f->pages) {
		TRY(f->m->truncate(f->file, (uint64_t)f->pages * PAGE_SIZE));
		map_cut(&f->map, f->pages);
	}
	f->file_pages = f->pages;
	pending_clear(&f->pending);
	return ERR_OK;
}

enum err dbfile_flush(struct dbfile *f, size_t max)
{
	struct pending *p = &f->pending;

	if (p->n == 0)
		return ERR_OK;
	TRY(open_file(f));
	for (; p->flushed < p->n; p->flushed++) {
		struct pending_page *at = &p->item[p->flushed];
		if (max-- == 0)
			return ERR_AGAIN;
		if (at->page <= f->pages)
			TRY(write_page(f, at->page, at->plain));
	}
	return finish(f);
}

/* --- life -------------------------------------------------------------------- */

static enum err use_key(struct dbfile *f, const struct secret *key)
{
	return seal_new(secret_peek(key), &f->key);
}

enum err dbfile_new(struct dbfile *f, struct medium *m,
	const struct oid *tenant, uint32_t account,
	const struct secret *account_key)
{
	struct secret *key = secret_new(SEAL_KEY);
	struct aad aad;

	*f = (struct dbfile){ .m = m, .tenant = *tenant, .account = account };
	if (!key)
		return ERR_NOMEM;
	enum err e = seal_random(secret_bytes(key), SEAL_KEY);
	if (e == ERR_OK)
		e = seal_random(f->id, sizeof(f->id));
	if (e == ERR_OK) {
		aad_file_key(&aad, tenant, account, f->id);
		e = seal_wrap(account_key, aad_slice(&aad), key, f->wrapped);
	}
	if (e == ERR_OK)
		e = use_key(f, key);
	secret_free(key);
	return e;
}

enum err dbfile_load(struct dbfile *f, struct medium *m, struct map_file *mf,
	const struct secret *account_key)
{
	struct secret *key;
	struct aad aad;

	*f = (struct dbfile){ .m = m,
		.tenant = mf->tenant,
		.account = mf->account,
		.known = true,
		.writes = mf->writes,
		.pages = mf->pages,
		.file_pages = mf->pages };
	memcpy(f->id, mf->id, sizeof(f->id));
	memcpy(f->wrapped, mf->wrapped, sizeof(f->wrapped));
	aad_file_key(&aad, &f->tenant, f->account, f->id);
	TRY(seal_unwrap(account_key, aad_slice(&aad), f->wrapped, &key));
	enum err e = use_key(f, key);
	secret_free(key);
	if (e == ERR_OK) {
		f->map = mf->map;
		mf->map = (struct map){ 0 };
	}
	return e;
}

void dbfile_done(struct dbfile *f)
{
	pending_clear(&f->pending);
	map_free(&f->map);
	seal_free(f->key);
	if (f->file)
		f->m->close(f->file);
	*f = (struct dbfile){ 0 };
}

void dbfile_describe(const struct dbfile *f, struct map_file *out)
{
	*out = (struct map_file){ .tenant = f->tenant,
		.account = f->account,
		.pages = f->file_pages,
		.writes = f->writes,
		.map = f->map };
	memcpy(out->id, f->id, sizeof(out->id));
	memcpy(out->wrapped, f->wrapped, sizeof(out->wrapped));
}
