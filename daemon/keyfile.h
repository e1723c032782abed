/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * keyd's files, in its own directory:
 *
 *	root.key	the root key, wrapped with a key stretched by scrypt
 *			from the passphrase
 *	<oid>.key	a tenant's key, wrapped under the root key
 *	<oid>.head	the tenant's newest head, sealed under the root key
 *
 * Each begins with four letters that say what it is and its format; the rest
 * is a sealed box whose context names the same and whose it is, so that no
 * file can stand for another.
 */
#ifndef DAEMON_KEYFILE_H
#define DAEMON_KEYFILE_H

#include <bastide/mem.h>
#include <bastide/store.h>

#define KEY_SIZE 32

struct keyring; /* the root key and what is derived from it */
/* Opens root.key in `dir`, or makes it when no tenant has a key yet. ERR_AUTH:
 * wrong passphrase; ERR_NOKEY: root.key is gone but tenants' keys are there. */
MUST_CHECK enum err keyring_open(
	int dir, struct slice passphrase, struct keyring **out);
void keyring_close(struct keyring *k);

/* ERR_EXISTS. */
MUST_CHECK enum err tenant_key_create(
	struct keyring *k, const struct oid *tenant);
/* ERR_NOTFOUND, ERR_CORRUPT. */
MUST_CHECK enum err tenant_key_read(
	struct keyring *k, const struct oid *tenant, struct secret **out);
/* Key and head, for good. Missing ones are fine. */
MUST_CHECK enum err tenant_key_destroy(
	struct keyring *k, const struct oid *tenant);
/* Every tenant that has a key, as texts each followed by a blank. */
MUST_CHECK enum err tenant_key_list(struct keyring *k, struct buf *out);

/* `head` empty when there is none yet. */
MUST_CHECK enum err head_read(
	struct keyring *k, const struct oid *tenant, struct buf *head);
MUST_CHECK enum err head_write(
	struct keyring *k, const struct oid *tenant, struct slice head);

/* A key for another use, always the same for the same purpose. */
MUST_CHECK enum err derived_key(
	struct keyring *k, const char *purpose, uint8_t out[KEY_SIZE]);

#endif
