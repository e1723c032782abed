/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who is in the tenant: domains, users (each with one account), aliases and
 * credentials. Lives in the tenant's database. Domains are A-labels in lower
 * case (IDNA 2008, done by the caller); a local part is matched in lower case
 * (ASCII) and kept as given.
 */
#ifndef BASTIDE_DIRECTORY_H
#define BASTIDE_DIRECTORY_H

#include <bastide/store.h>

struct user_row {
	uint32_t account;
	struct oid oid;
	struct slice address; /* primary address, also the login */
	struct slice name;    /* display name */
	bool disabled;        /* may not sign in; still gets mail */
	int64_t created;
	struct quota quota; /* maxima only */
	/* Capabilities that IMAP hides from this user ("UIDONLY,IDLE"). */
	struct slice imap_without;
	/* Nobody's own: may not sign in, is for those that its lists name
	 * (acl.h), who find it below "Shared/". */
	bool shared;
};

/* ERR_SYNTAX, ERR_EXISTS; removing: ERR_NOTEMPTY while it has addresses. */
MUST_CHECK enum err domain_add(struct store *s, struct slice domain);
MUST_CHECK enum err domain_remove(struct store *s, struct slice domain);
MUST_CHECK enum err domain_list(struct store *s, struct slice after,
	struct arena *arena, struct slice *rows, size_t max, size_t *n_out);

/* Makes the account: its key, database, INBOX and the special mailboxes
 * (subscribed), calendar "calendar" and address book "contacts".
 * ERR_EXISTS; ERR_NOTFOUND when the domain is not the tenant's. */
MUST_CHECK enum err user_create(struct store *s, struct slice address,
	struct slice name, uint32_t *account_out);
/* Destroys the account's key, then its files: no way back. Its mail in the
 * queue goes too. ERR_BUSY while the account is open. */
MUST_CHECK enum err user_delete(struct store *s, uint32_t account);
/* Name, address, maxima, `disabled`, `imap_without` and `shared`; a new primary address must be free or
 * an alias of the user, the old one is given up. */
MUST_CHECK enum err user_set(struct store *s, const struct user_row *row);
MUST_CHECK enum err user_get(struct store *s, uint32_t account,
	struct arena *arena, struct user_row *out);
MUST_CHECK enum err user_list(struct store *s, uint32_t after,
	struct arena *arena, struct user_row *rows, size_t max, size_t *n_out);
/* By primary address or alias. */
MUST_CHECK enum err address_resolve(
	struct store *s, struct slice address, uint32_t *account_out);

/* ERR_NOTFOUND (domain or user), ERR_EXISTS; removing a primary address:
 * ERR_NOPERM. */
MUST_CHECK enum err alias_add(
	struct store *s, struct slice address, uint32_t account);
MUST_CHECK enum err alias_remove(struct store *s, struct slice address);
struct alias_row {
	struct slice address;
	uint32_t account;
};
/* Every address of the tenant, primary ones too, in byte order. */
MUST_CHECK enum err address_list(struct store *s, struct slice after,
	struct arena *arena, struct alias_row *rows, size_t max, size_t *n_out);

/* RFC 5802/7677 verifier: serves SCRAM, and PLAIN by computing it. */
struct credential {
	uint64_t id;
	struct slice label; /* "password", or the name of an app password */
	uint32_t iterations;
	uint8_t salt[16];
	uint8_t stored_key[32];
	uint8_t server_key[32];
	int64_t created;
};
/* Replaces the one of the same label. */
MUST_CHECK enum err credential_set(
	struct store *s, uint32_t account, const struct credential *c);
MUST_CHECK enum err credential_remove(
	struct store *s, uint32_t account, struct slice label);
MUST_CHECK enum err credential_list(struct store *s, uint32_t account,
	struct arena *arena, struct credential *rows, size_t max,
	size_t *n_out);

#endif
