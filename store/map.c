/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Maps of page tags and their files. A file is bound to tenant, account and
 * serial number; that it is the newest one is said by its hash, which lies in
 * the tenant's database (for the tenant's own map: in the head).
 */
#include <stdio.h>

#include <bastide/limits.h>

#include "aad.h"
#include "map.h"

#define MAGIC "bst.map\n"
#define VERSION 1
#define HEAD 44 /* magic, version, account, tenant, serial, length */
#define FIXED (16 + SEAL_WRAPPED + 4 + 8 + 8 + 4)

void map_free(struct map *m)
{
	mem_free(m->tag);
	*m = (struct map){ 0 };
}

static enum err grow(struct map *m, uint32_t pages)
{
	if (pages > LIMIT_DATABASE_PAGES)
		return ERR_LIMIT;
	if (pages > m->cap) {
		uint32_t cap = pages + pages / 2 + 16;
		uint64_t *tag = mem_resize(m->tag, cap, sizeof(*tag));
		if (!tag)
			return ERR_NOMEM;
		m->tag = tag;
		m->cap = cap;
	}
	while (m->n < pages)
		m->tag[m->n++] = 0;
	return ERR_OK;
}

enum err map_set(struct map *m, uint32_t page, const uint8_t tag[SEAL_TAG])
{
	if (page == 0)
		return ERR_LIMIT;
	if (page > m->n)
		TRY(grow(m, page));
	m->tag[page - 1] = get_be64(tag);
	return ERR_OK;
}

void map_cut(struct map *m, uint32_t pages)
{
	if (pages < m->n)
		m->n = pages;
}

bool map_knows(const struct map *m, uint32_t page)
{
	return page > 0 && page <= m->n && m->tag[page - 1] != 0;
}

bool map_matches(
	const struct map *m, uint32_t page, const uint8_t tag[SEAL_TAG])
{
#ifdef MAP_CHECK_OFF /* the tamper test's control run: it must find holes */
	return true;
#else
	return map_knows(m, page) && m->tag[page - 1] == get_be64(tag);
#endif
}

bool map_taboo(const uint8_t tag[SEAL_TAG])
{
	return get_be64(tag) == 0;
}

void map_name(char out[MAP_NAME], uint32_t account, uint64_t serial)
{
	snprintf(out, MAP_NAME, "map-%08x-%016llx", account,
		(unsigned long long)serial);
}

static enum err map_key(const struct secret *account_key, struct seal **out)
{
	static const struct slice info = SLICE("bst map");
	struct secret *key;

	TRY(seal_derive(account_key, slice_of("", 0), info, &key));
	enum err e = seal_new(secret_peek(key), out);
	secret_free(key);
	return e;
}

static enum err add_payload(const struct map_file *f, struct buf *out)
{
	TRY(buf_reserve(out, FIXED + 8 * (size_t)f->map.n));
	buf_add(out, f->id, 16);
	buf_add(out, f->wrapped, SEAL_WRAPPED);
	buf_add_be32(out, f->pages);
	buf_add_be64(out, f->writes);
	buf_add_be64(out, f->journal_from);
	buf_add_be32(out, f->map.n);
	for (uint32_t i = 0; i < f->map.n; i++)
		buf_add_be64(out, f->map.tag[i]);
	return buf_err(out);
}

enum err map_seal(const struct map_file *f, const struct secret *account_key,
	struct buf *out)
{
	size_t start = out->n, size = FIXED + 8 * (size_t)f->map.n;
	uint8_t nonce[SEAL_NONCE], tag[SEAL_TAG];
	struct seal *key;
	struct aad aad;

	buf_add(out, MAGIC, 8);
	buf_add_be32(out, VERSION);
	buf_add_be32(out, f->account);
	buf_add(out, f->tenant.b, 16);
	buf_add_be64(out, f->serial);
	buf_add_be32(out, (uint32_t)size);
	TRY(seal_random(nonce, sizeof(nonce)));
	buf_add(out, nonce, sizeof(nonce));
	TRY(add_payload(f, out));
	TRY(map_key(account_key, &key));
	aad_map(&aad, slice_of(out->p + start, HEAD));
	char *body = out->p + start + HEAD + SEAL_NONCE;
	enum err e =
		seal_close(key, nonce, aad_slice(&aad), body, size, body, tag);
	seal_free(key);
	TRY(e);
	return buf_add(out, tag, sizeof(tag));
}

enum err map_parse(struct slice payload, struct map_file *out)
{
	const char *p = payload.p;
	struct map_file f = { 0 };

	if (payload.n < FIXED)
		return ERR_CORRUPT;
	memcpy(f.id, p, 16);
	memcpy(f.wrapped, p + 16, SEAL_WRAPPED);
	p += 16 + SEAL_WRAPPED;
	f.pages = get_be32(p);
	f.writes = get_be64(p + 4);
	f.journal_from = get_be64(p + 12);
	uint32_t n = get_be32(p + 20);
	if (n > LIMIT_DATABASE_PAGES || f.pages > LIMIT_DATABASE_PAGES ||
		payload.n != FIXED + 8 * (size_t)n)
		return ERR_CORRUPT;
	TRY(grow(&f.map, n));
	for (uint32_t i = 0; i < n; i++)
		f.map.tag[i] = get_be64(p + 24 + 8 * (size_t)i);
	f.tenant = out->tenant;
	f.account = out->account;
	f.serial = out->serial;
	*out = f;
	return ERR_OK;
}

/* The plain part must name what was asked for; it is authenticated later. */
static enum err check_head(struct slice file, const struct oid *tenant,
	uint32_t account, uint64_t serial)
{
	const char *p = file.p;

	if (file.n < HEAD + SEAL_NONCE + FIXED + SEAL_TAG ||
		memcmp(p, MAGIC, 8) != 0)
		return ERR_CORRUPT;
	if (get_be32(p + 8) > VERSION)
		return ERR_VERSION;
	if (get_be32(p + 8) != VERSION || get_be32(p + 12) != account ||
		memcmp(p + 16, tenant->b, 16) != 0 ||
		get_be64(p + 32) != serial ||
		get_be32(p + 40) != file.n - HEAD - SEAL_NONCE - SEAL_TAG)
		return ERR_CORRUPT;
	return ERR_OK;
}

enum err map_open(struct slice file, const struct oid *tenant, uint32_t account,
	uint64_t serial, const struct secret *account_key, struct map_file *out)
{
	struct map_file f = {
		.tenant = *tenant, .account = account, .serial = serial
	};
	struct seal *key;
	struct aad aad;

	TRY(check_head(file, tenant, account, serial));
	const uint8_t *nonce = (const uint8_t *)file.p + HEAD;
	size_t size = file.n - HEAD - SEAL_NONCE - SEAL_TAG;
	char *plain = mem_alloc(size);
	if (!plain)
		return ERR_NOMEM;
	enum err e = map_key(account_key, &key);
	if (e == ERR_OK) {
		aad_map(&aad, slice_of(file.p, HEAD));
		e = seal_open(key, nonce, aad_slice(&aad), nonce + SEAL_NONCE,
			size, plain, nonce + SEAL_NONCE + size);
		seal_free(key);
	}
	if (e == ERR_OK)
		e = map_parse(slice_of(plain, size), &f);
	mem_free(plain);
	if (e == ERR_OK)
		*out = f;
	return e;
}
