/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Domains and addresses of the tenant, in its own database. `address` holds
 * every address, primary ones and aliases alike, in the form that is compared:
 * one lookup answers a RCPT. RFC 5321 2.4 leaves the case of a local part to
 * the receiving host; here it does not matter, and is kept for showing.
 */
#include "schema.h"

/* --- syntax --------------------------------------------------------------------- */

/* A-labels in lower case: letters, digits, hyphens inside (RFC 5890 2.3.1). */
static bool label_ok(struct slice label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
		label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			c != '-')
			return false;
	}
	return true;
}

static enum err check_domain(struct slice domain)
{
	if (domain.n > LIMIT_DOMAIN)
		return ERR_LIMIT;
	if (domain.n == 0 || domain.p[domain.n - 1] == '.')
		return ERR_SYNTAX;
	while (domain.n > 0)
		if (!label_ok(slice_cut(domain, '.', &domain)))
			return ERR_SYNTAX;
	return ERR_OK;
}

static struct slice domain_of(struct slice address)
{
	size_t n = address.n;

	while (n > 0 && address.p[n - 1] != '@')
		n--;
	return slice_from(address, n);
}

enum err address_fold(
	struct slice address, char out[LIMIT_ADDRESS], struct slice *folded_out)
{
	struct slice folded;

	TRY(schema_name(address, LIMIT_ADDRESS));
	for (size_t i = 0; i < address.n; i++)
		out[i] = ascii_lower(address.p[i]);
	folded = slice_of(out, address.n);
	if (domain_of(folded).n + 2 > folded.n) /* no local part, or no '@' */
		return ERR_SYNTAX;
	TRY(check_domain(domain_of(folded)));
	*folded_out = folded;
	return ERR_OK;
}

/* --- domains ---------------------------------------------------------------------- */

static enum err domain_exists(struct db *d, struct slice domain)
{
	int64_t one;

	return db_int(
		d, &one, "SELECT 1 FROM domain WHERE name = ?", "s", domain);
}

enum err domain_add(struct store *s, struct slice domain)
{
	struct db *d = tenant_db(s);
	enum err e;

	TRY(db_write(d));
	TRY(check_domain(domain));
	e = domain_exists(d, domain);
	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_EXISTS : e;
	return db_run(d, "INSERT INTO domain(name) VALUES(?)", "s", domain);
}

enum err domain_remove(struct store *s, struct slice domain)
{
	struct db *d = tenant_db(s);
	int64_t one;
	enum err e;

	TRY(db_write(d));
	TRY(domain_exists(d, domain));
	e = db_int(d, &one, "SELECT 1 FROM address WHERE domain = ? LIMIT 1",
		"s", domain);
	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_NOTEMPTY : e;
	return db_run(d, "DELETE FROM domain WHERE name = ?", "s", domain);
}

static enum err fill_text(sqlite3_stmt *st, struct arena *arena, void *row)
{
	return schema_copy(arena, st, 0, row);
}

enum err domain_list(struct store *s, struct slice after, struct arena *arena,
	struct slice *rows, size_t max, size_t *n_out)
{
	sqlite3_stmt *st =
		db_stmt(tenant_db(s), "SELECT name FROM domain WHERE name > ?"
				      " ORDER BY name LIMIT ?");

	db_bind(st, "si", after, (int64_t)max);
	return schema_rows(
		st, fill_text, arena, rows, sizeof(*rows), max, n_out);
}

/* --- addresses ---------------------------------------------------------------------- */

enum err address_resolve(
	struct store *s, struct slice address, uint32_t *account_out)
{
	char bytes[LIMIT_ADDRESS];
	struct slice folded;
	int64_t account;

	if (address_fold(address, bytes, &folded) != ERR_OK)
		return ERR_NOTFOUND;
	TRY(db_int(tenant_db(s), &account,
		"SELECT account FROM address WHERE folded = ?", "s", folded));
	*account_out = (uint32_t)account;
	return ERR_OK;
}

enum err address_check(struct store *s, struct slice folded)
{
	struct db *d = tenant_db(s);
	int64_t one;
	enum err e;

	TRY(domain_exists(d, domain_of(folded)));
	e = db_int(
		d, &one, "SELECT 1 FROM address WHERE folded = ?", "s", folded);
	if (e != ERR_NOTFOUND)
		return e == ERR_OK ? ERR_EXISTS : e;
	return ERR_OK;
}

enum err address_put(struct store *s, struct slice folded, struct slice given,
	uint32_t account)
{
	return db_run(tenant_db(s),
		"INSERT OR REPLACE INTO address(folded, given, domain,"
		" account) VALUES(?, ?, ?, ?)",
		"sssi", folded, given, domain_of(folded), (int64_t)account);
}

enum err user_exists(struct store *s, uint32_t account)
{
	int64_t one;

	return db_int(tenant_db(s), &one,
		"SELECT 1 FROM user WHERE account = ?", "i", (int64_t)account);
}

enum err alias_add(struct store *s, struct slice address, uint32_t account)
{
	char bytes[LIMIT_ADDRESS];
	struct slice folded;

	TRY(db_write(tenant_db(s)));
	TRY(address_fold(address, bytes, &folded));
	TRY(user_exists(s, account));
	TRY(address_check(s, folded));
	return address_put(s, folded, address, account);
}

enum err alias_remove(struct store *s, struct slice address)
{
	struct db *d = tenant_db(s);
	char bytes[LIMIT_ADDRESS];
	struct slice folded;
	int64_t primary;

	TRY(db_write(d));
	if (address_fold(address, bytes, &folded) != ERR_OK)
		return ERR_NOTFOUND;
	TRY(db_int(d, &primary,
		"SELECT u.address = a.given FROM address AS a"
		" JOIN user AS u ON u.account = a.account"
		" WHERE a.folded = ?",
		"s", folded));
	if (primary)
		return ERR_NOPERM;
	return db_run(d, "DELETE FROM address WHERE folded = ?", "s", folded);
}

static enum err fill_alias(sqlite3_stmt *st, struct arena *arena, void *row)
{
	struct alias_row *a = row;

	a->account = column_u32(st, 1);
	return schema_copy(arena, st, 0, &a->address);
}

enum err address_list(struct store *s, struct slice after, struct arena *arena,
	struct alias_row *rows, size_t max, size_t *n_out)
{
	char bytes[LIMIT_ADDRESS];
	sqlite3_stmt *st = db_stmt(tenant_db(s),
		"SELECT given, account FROM address WHERE folded > ?"
		" ORDER BY folded LIMIT ?");

	after = slice_head(after, sizeof(bytes));
	for (size_t i = 0; i < after.n; i++)
		bytes[i] = ascii_lower(after.p[i]);
	db_bind(st, "si", slice_of(bytes, after.n), (int64_t)max);
	return schema_rows(
		st, fill_alias, arena, rows, sizeof(*rows), max, n_out);
}
