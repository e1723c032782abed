/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The router's table: tenants, their domains, and a keyed digest of each
 * address, so that an address that does not exist is refused without waking
 * anybody. It lies on the disk as one sealed file, rewritten whole:
 *
 *	"BRT2", box of: u8 clean, u32 next number, u32 tenants, for each:
 *	    16 id, u32 number, u8 life, u8 synced, u64 wake, u32 domains, for
 *	    each:
 *	        u16 length, name
 *	u32 digests, for each: 16 digest, u32 tenant's number
 *
 * `clean` says that nothing was awake when it was written: else what tenants
 * told last may be missing, and each is asked once for all its addresses.
 */
#include <fcntl.h>

#include <bastide/crypt.h>
#include <bastide/domain.h>
#include <bastide/file.h>
#include <bastide/log.h>

#include "bastided.h"
#include "digests.h"

#define MAGIC "BRT2"
#define FILE_LIMIT MIB(256)
#define SAVE_MS 500
#define DOMAINS_MAX 100000
/* A tenantd that was taken over cannot fill our memory. */
#define TENANT_ADDRESSES_MAX 500000

struct domain {
	char *name;
	struct tenant_entry *tenant;
	struct domain *next;
};

static struct {
	struct tenant_entry *tenants;
	struct tenant_entry **by_number; /* next_number of them at least */
	size_t cap_numbers;
	struct domain *domains;
	struct digests domain_index; /* of the same names, for each RCPT */
	struct digests digests;
	uint32_t next_number, n_domains;
	bool dirty;
	struct timer *save;
} router = { .next_number = 1 };

/* --- addresses --------------------------------------------------------------------- */

static enum err digest_of(struct slice address, uint8_t out[DIGEST])
{
	uint8_t whole[32];

	TRY(hmac_sha256(slice_of(bastided.router_key, 32), address, whole));
	memcpy(out, whole, DIGEST);
	return ERR_OK;
}

static bool is_listed(const struct tenant_entry *t, struct slice address)
{
	uint8_t digest[DIGEST];

	return digest_of(address, digest) == ERR_OK &&
	       digests_find(&router.digests, digest) == t->number;
}

/* "user+detail@domain" is user@domain's (RFC 5233). */
static bool without_detail(struct slice address, struct buf *out)
{
	struct slice domain = address_domain(address);
	struct slice local = slice_head(address, address.n - domain.n - 1);
	size_t plus = slice_find(local, '+');

	if (plus == 0 || plus == local.n)
		return false;
	buf_add_slice(out, slice_head(local, plus));
	buf_addc(out, '@');
	return buf_add_slice(out, domain) == ERR_OK;
}

bool router_knows(const struct tenant_entry *t, struct slice address,
	enum protocol protocol)
{
	struct buf plain;

	if (is_listed(t, address))
		return true;
	if (protocol != PROTOCOL_DELIVER)
		return false;
	/* RFC 5321 4.5.1: every domain has a postmaster. */
	if (slice_iprefix(address, "postmaster@"))
		return true;
	buf_init(&plain, 2 * LIMIT_ADDRESS);
	bool known = without_detail(address, &plain) &&
		     is_listed(t, buf_slice(&plain));
	buf_free(&plain);
	return known;
}

/* Normal form of what a tenantd says: it is trusted with its own names only. */
static enum err address_of(struct tenant_entry *t, struct slice said,
	uint8_t digest[DIGEST], bool *ours)
{
	struct buf b;

	buf_init(&b, 2 * LIMIT_ADDRESS);
	enum err e = address_normal(said, &b);
	if (e == ERR_OK) {
		*ours = tenant_by_domain(address_domain(buf_slice(&b))) == t;
		e = digest_of(buf_slice(&b), digest);
	}
	buf_free(&b);
	return e;
}

static enum err address_add(struct tenant_entry *t, const uint8_t *digest)
{
	if (digests_find(&router.digests, digest) == t->number)
		return ERR_OK;
	if (t->n_addresses == TENANT_ADDRESSES_MAX)
		return ERR_LIMIT;
	TRY(digests_add(&router.digests, digest, t->number));
	t->n_addresses++;
	return ERR_OK;
}

static void address_remove(struct tenant_entry *t, const uint8_t *digest)
{
	if (digests_find(&router.digests, digest) != t->number)
		return;
	digests_remove(&router.digests, digest);
	t->n_addresses--;
}

static void addresses_forget(struct tenant_entry *t)
{
	digests_remove_owner(&router.digests, t->number);
	t->n_addresses = 0;
}

enum err router_addresses(struct tenant_entry *t, struct msg_in *m)
{
	uint32_t op = msg_u32(m), n = msg_u32(m);

	if (op == ADDRESSES_ALL)
		addresses_forget(t);
	for (uint32_t i = 0; i < n && !m->bad; i++) {
		uint8_t digest[DIGEST];
		bool ours = false;
		struct slice said = msg_slice(m);
		if (m->bad || address_of(t, said, digest, &ours) != ERR_OK ||
			!ours)
			continue;
		if (op == ADDRESSES_REMOVE)
			address_remove(t, digest);
		else
			TRY(address_add(t, digest));
	}
	if (op == ADDRESSES_END)
		t->synced = true;
	router_changed();
	return msg_end(m);
}

/* --- tenants and domains ------------------------------------------------------------- */

struct tenant_entry *router_tenants(void)
{
	return router.tenants;
}

static struct tenant_entry *entry_new(void)
{
	struct tenant_entry *t = mem_new(struct tenant_entry),
			    **at = &router.tenants;

	if (!t)
		return NULL;
	while (*at)
		at = &(*at)->next;
	*at = t;
	return t;
}

static enum err set_number(struct tenant_entry *t, uint32_t number)
{
	if (number >= router.cap_numbers) {
		size_t cap = 2 * (size_t)number + 64;
		struct tenant_entry **p = mem_resize(
			router.by_number, cap, sizeof(struct tenant_entry *));
		if (!p)
			return ERR_NOMEM;
		memset(p + router.cap_numbers, 0,
			(cap - router.cap_numbers) * sizeof(*p));
		router.by_number = p;
		router.cap_numbers = cap;
	}
	t->number = number;
	router.by_number[number] = t;
	return ERR_OK;
}

enum err router_tenant_new(struct tenant_entry **out)
{
	struct tenant_entry *t = entry_new();

	if (!t)
		return ERR_NOMEM;
	oid_new(&t->oid);
	/* Never used twice: files of a user id that is gone stay unreadable. */
	enum err e = set_number(t, router.next_number);
	if (e != ERR_OK) {
		router_tenant_remove(t);
		return e;
	}
	router.next_number++;
	t->life = CREATING;
	t->synced = true;
	*out = t;
	return ERR_OK;
}

static void domains_remove(const struct tenant_entry *t, struct slice name)
{
	for (struct domain **at = &router.domains; *at;) {
		struct domain *d = *at;
		if (t ? d->tenant != t : !slice_eqs(name, d->name)) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		router.n_domains--;
		uint8_t digest[DIGEST];
		if (digest_of(slice_str(d->name), digest) == ERR_OK)
			digests_remove(&router.domain_index, digest);
		mem_free(d->name);
		mem_free(d);
	}
}

void router_tenant_remove(struct tenant_entry *t)
{
	struct tenant_entry **at = &router.tenants;

	domains_remove(t, slice_str(""));
	addresses_forget(t);
	if (t->number)
		router.by_number[t->number] = NULL;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	mem_free(t);
	router_changed();
}

struct tenant_entry *tenant_by_oid(const struct oid *id)
{
	struct tenant_entry *t = router.tenants;

	while (t && memcmp(&t->oid, id, sizeof(*id)) != 0)
		t = t->next;
	return t;
}

struct tenant_entry *tenant_by_domain(struct slice name)
{
	uint8_t digest[DIGEST];

	if (digest_of(name, digest) != ERR_OK)
		return NULL;
	uint32_t number = digests_find(&router.domain_index, digest);
	return number ? router.by_number[number] : NULL;
}

struct tenant_entry *tenant_by_name(struct slice name)
{
	struct oid id;
	struct buf normal;
	struct tenant_entry *t = NULL;

	if (oid_parse(name, &id) == ERR_OK)
		t = tenant_by_oid(&id);
	buf_init(&normal, 1024);
	if (!t && domain_normal(name, &normal) == ERR_OK)
		t = tenant_by_domain(buf_slice(&normal));
	buf_free(&normal);
	return t;
}

enum err router_domain_add(struct tenant_entry *t, struct slice name)
{
	if (tenant_by_domain(name))
		return ERR_EXISTS;
	if (router.n_domains == DOMAINS_MAX)
		return ERR_LIMIT;
	uint8_t digest[DIGEST];
	struct domain *d = mem_new(struct domain);
	char *copy = mem_str(name);
	enum err e = d && copy ? digest_of(name, digest) : ERR_NOMEM;
	if (e == ERR_OK)
		e = digests_add(&router.domain_index, digest, t->number);
	if (e != ERR_OK) {
		mem_free(d);
		mem_free(copy);
		return e;
	}
	*d = (struct domain){ copy, t, router.domains };
	router.domains = d;
	router.n_domains++;
	router_changed();
	return ERR_OK;
}

void router_domain_remove(struct slice name)
{
	domains_remove(NULL, name);
	router_changed();
}

void router_domains(const struct tenant_entry *t,
	void (*each)(void *arg, struct slice domain), void *arg)
{
	for (struct domain *d = router.domains; d; d = d->next)
		if (d->tenant == t)
			each(arg, slice_str(d->name));
}

/* --- on the disk ------------------------------------------------------------------- */

static void on_save(void *arg)
{
	if (!router.dirty)
		return;
	enum err e = router_save(false);
	if (e == ERR_OK)
		return;
	log_event(
		LOG_ERROR_, "router-save-failed", "err=%s", err_info(e)->name);
	timer_set(router.save, 10 * SAVE_MS);
}

void router_changed(void)
{
	if (!router.dirty)
		timer_set(router.save, SAVE_MS);
	router.dirty = true;
}

bool router_dirty(void)
{
	return router.dirty;
}

static void pack_domain(void *arg, struct slice name)
{
	struct buf *b = arg;

	buf_add_be16(b, (uint16_t)name.n);
	buf_add_slice(b, name);
}

static void count_domain(void *arg, struct slice name)
{
	++*(uint32_t *)arg;
}

static void pack(struct buf *b, bool clean)
{
	uint32_t n = 0;

	for (struct tenant_entry *t = router.tenants; t; t = t->next)
		n++;
	buf_addc(b, clean);
	buf_add_be32(b, router.next_number);
	buf_add_be32(b, n);
	for (struct tenant_entry *t = router.tenants; t; t = t->next) {
		buf_add(b, t->oid.b, sizeof(t->oid.b));
		buf_add_be32(b, t->number);
		buf_addc(b, (char)t->life);
		buf_addc(b, t->synced);
		buf_add_be64(b, (uint64_t)t->wake);
		n = 0;
		router_domains(t, count_domain, &n);
		buf_add_be32(b, n);
		router_domains(t, pack_domain, b);
	}
	const uint8_t *digest;
	uint32_t owner;
	size_t at = 0;
	buf_add_be32(b, (uint32_t)router.digests.n);
	while (digests_next(&router.digests, &at, &digest, &owner)) {
		buf_add(b, digest, DIGEST);
		buf_add_be32(b, owner);
	}
}

enum err router_save(bool clean)
{
	struct buf plain, file;

	buf_init(&plain, FILE_LIMIT);
	buf_init(&file, FILE_LIMIT + 64);
	pack(&plain, clean);
	buf_adds(&file, MAGIC);
	enum err e = buf_err(&plain);
	if (e == ERR_OK)
		e = box_seal(bastided.router_key, slice_str(MAGIC),
			buf_slice(&plain), &file);
	if (e == ERR_OK)
		e = file_replace(bastided.dir, "router", buf_slice(&file));
	if (e == ERR_OK)
		router.dirty = false;
	buf_free(&plain);
	buf_free(&file);
	return e;
}

/* --- from the disk ------------------------------------------------------------------ */

/* A reader of the box's content; what does not fit makes it bad. */
struct reader {
	struct slice rest;
	bool bad;
};

static const char *take(struct reader *r, size_t n)
{
	static const char zeros[16];

	if (r->bad || r->rest.n < n) {
		r->bad = true;
		return zeros;
	}
	const char *p = r->rest.p;
	r->rest = slice_from(r->rest, n);
	return p;
}

static enum err read_tenant(struct reader *r, bool clean)
{
	struct tenant_entry *t = entry_new();

	if (!t)
		return ERR_NOMEM;
	memcpy(t->oid.b, take(r, 16), 16);
	uint32_t number = get_be32(take(r, 4));
	/* Owner 0 is nobody; the file is sealed, yet not believed blindly. */
	if (!number || number >= router.next_number)
		return ERR_CORRUPT;
	TRY(set_number(t, number));
	t->life = (enum life) * take(r, 1);
	t->synced = *take(r, 1) && clean;
	t->wake = (int64_t)get_be64(take(r, 8));
	uint32_t n = get_be32(take(r, 4));
	while (n-- && !r->bad) {
		size_t len = get_be16(take(r, 2));
		if (len > r->rest.n)
			return ERR_CORRUPT;
		TRY(router_domain_add(t, slice_of(take(r, len), len)));
	}
	return r->bad ? ERR_CORRUPT : ERR_OK;
}

static enum err unpack(struct slice plain)
{
	struct reader r = { .rest = plain };
	bool clean = *take(&r, 1);

	router.next_number = get_be32(take(&r, 4));
	if (r.bad || !router.next_number)
		return ERR_CORRUPT;
	uint32_t n = get_be32(take(&r, 4));
	while (n-- && !r.bad)
		TRY(read_tenant(&r, clean));
	n = get_be32(take(&r, 4));
	while (n-- && !r.bad) {
		const uint8_t *digest = (const uint8_t *)take(&r, DIGEST);
		uint32_t owner = get_be32(take(&r, 4));
		struct tenant_entry *t = owner < router.cap_numbers
						 ? router.by_number[owner]
						 : NULL;
		if (!r.bad && t)
			TRY(address_add(t, digest));
	}
	return r.bad || r.rest.n ? ERR_CORRUPT : ERR_OK;
}

enum err router_load(void)
{
	struct buf file, plain;

	buf_init(&file, FILE_LIMIT + 64);
	buf_init(&plain, FILE_LIMIT);
	enum err e =
		timer_new(bastided.process.loop, on_save, NULL, &router.save);
	if (e == ERR_OK)
		e = file_read(bastided.dir, "router", &file);
	if (e == ERR_OK && !slice_iprefix(buf_slice(&file), MAGIC))
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = box_open(bastided.router_key, slice_str(MAGIC),
			slice_from(buf_slice(&file), strlen(MAGIC)), &plain);
	if (e == ERR_OK)
		e = unpack(buf_slice(&plain));
	buf_free(&file);
	buf_free(&plain);
	if (e == ERR_NOTFOUND)
		e = ERR_OK; /* a fresh data directory */
	/* From now on it is not clean, whatever happens to us. On a full disk
	 * that must wait: who could delete something must be served. */
	if (e == ERR_OK)
		e = router_save(false);
	if (e == ERR_NOSPACE) {
		log_event(LOG_ERROR_, "router-save-failed", "err=%s",
			err_info(e)->name);
		router_changed();
		e = ERR_OK;
	}
	return e;
}
