/* SPDX-License-Identifier: EUPL-1.2 */
/* keyd's files; see keyfile.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <bastide/crypt.h>
#include <bastide/file.h>

#include "keyfile.h"

#define MAGIC 4
#define FILE_MAX 4096
/* 32 MiB of memory and about 0.1 s for each guess. */
#define SCRYPT_LOG2_N 15
#define SCRYPT_LOG2_N_MAX 22
#define SALT 16
#define NAME 64
#define TENANTS_LISTED 2000

struct keyring {
	int dir;
	struct secret *root;
};

/* --- one box per file ---------------------------------------------------------- */

static void context_of(
	struct buf *b, const char *magic, const struct oid *tenant)
{
	buf_init(b, 64);
	buf_add(b, magic, MAGIC);
	if (tenant)
		buf_add(b, tenant->b, sizeof(tenant->b));
}

static enum err subkey(struct keyring *k, const char *magic, uint8_t out[32])
{
	return hkdf_sha256(slice_of(secret_peek(k->root), KEY_SIZE), magic,
		slice_str(""), out);
}

static enum err write_boxed(struct keyring *k, const char *name,
	const char *magic, const struct oid *tenant, struct slice plain)
{
	uint8_t key[32];
	struct buf context, file;

	TRY(subkey(k, magic, key));
	context_of(&context, magic, tenant);
	buf_init(&file, FILE_MAX);
	buf_add(&file, magic, MAGIC);
	enum err e = box_seal(key, buf_slice(&context), plain, &file);
	if (e == ERR_OK)
		e = file_replace(k->dir, name, buf_slice(&file));
	mem_wipe(key, sizeof(key));
	buf_free(&context);
	buf_free(&file);
	return e;
}

static enum err read_boxed(struct keyring *k, const char *name,
	const char *magic, const struct oid *tenant, struct buf *plain)
{
	uint8_t key[32];
	struct buf context, file;

	TRY(subkey(k, magic, key));
	context_of(&context, magic, tenant);
	buf_init(&file, FILE_MAX);
	enum err e = file_read(k->dir, name, &file);
	if (e == ERR_OK &&
		(file.n < MAGIC || memcmp(file.p, magic, MAGIC) != 0))
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = box_open(key, buf_slice(&context),
			slice_from(buf_slice(&file), MAGIC), plain);
	mem_wipe(key, sizeof(key));
	buf_free(&context);
	buf_free(&file);
	return e;
}

/* --- the root key -------------------------------------------------------------- */

/* "BKR1", log2 N, salt, box. All before the box is its context. */
#define ROOT_MAGIC "BKR1"
#define ROOT_HEAD (MAGIC + 1 + SALT)

static enum err stretch(
	struct slice passphrase, struct slice head, uint8_t out[32])
{
	unsigned log2_n = (uint8_t)head.p[MAGIC];

	if (log2_n < 10 || log2_n > SCRYPT_LOG2_N_MAX)
		return ERR_CORRUPT;
	return scrypt_key(passphrase, slice_from(head, MAGIC + 1), log2_n, out);
}

static enum err root_create(struct keyring *k, struct slice passphrase)
{
	uint8_t head[ROOT_HEAD] = ROOT_MAGIC, wrap[32];
	struct buf file;

	head[MAGIC] = SCRYPT_LOG2_N;
	TRY(random_bytes(head + MAGIC + 1, SALT));
	TRY(random_bytes(secret_bytes(k->root), KEY_SIZE));
	TRY(stretch(passphrase, slice_of(head, ROOT_HEAD), wrap));
	buf_init(&file, FILE_MAX);
	buf_add(&file, head, ROOT_HEAD);
	enum err e = box_seal(wrap, slice_of(head, ROOT_HEAD),
		slice_of(secret_peek(k->root), KEY_SIZE), &file);
	if (e == ERR_OK)
		e = file_replace(k->dir, "root.key", buf_slice(&file));
	mem_wipe(wrap, sizeof(wrap));
	buf_free(&file);
	return e;
}

static enum err root_read(struct keyring *k, struct slice passphrase)
{
	uint8_t wrap[32];
	struct buf file, plain;

	buf_init(&file, FILE_MAX);
	buf_init(&plain, 256);
	enum err e = buf_reserve(&plain, 256);
	if (e == ERR_OK)
		e = file_read(k->dir, "root.key", &file);
	if (e != ERR_OK)
		goto out;
	struct slice head = slice_head(buf_slice(&file), ROOT_HEAD);
	e = head.n < ROOT_HEAD || memcmp(head.p, ROOT_MAGIC, MAGIC) != 0
		    ? ERR_CORRUPT
		    : stretch(passphrase, head, wrap);
	if (e != ERR_OK)
		goto out;
	e = box_open(
		wrap, head, slice_from(buf_slice(&file), ROOT_HEAD), &plain);
	mem_wipe(wrap, sizeof(wrap));
	/* A wrong passphrase and a damaged file look the same. */
	if (e == ERR_CORRUPT || (e == ERR_OK && plain.n != KEY_SIZE))
		e = ERR_AUTH;
	if (e == ERR_OK)
		memcpy(secret_bytes(k->root), plain.p, KEY_SIZE);
out:
	buf_wipe(&plain);
	buf_free(&file);
	return e;
}

enum err keyring_open(int dir, struct slice passphrase, struct keyring **out)
{
	struct keyring *k = mem_new(struct keyring);
	struct buf tenants;

	if (!k)
		return ERR_NOMEM;
	k->dir = dir;
	k->root = secret_new(KEY_SIZE);
	enum err e = k->root ? root_read(k, passphrase) : ERR_NOMEM;
	if (e == ERR_NOTFOUND) {
		/* A fresh root key would make every tenant's key useless. */
		buf_init(&tenants, (OID_TEXT + 1) * TENANTS_LISTED);
		e = tenant_key_list(k, &tenants);
		if (e == ERR_OK && tenants.n)
			e = ERR_NOKEY;
		if (e == ERR_OK)
			e = root_create(k, passphrase);
		buf_free(&tenants);
	}
	if (e != ERR_OK) {
		keyring_close(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

void keyring_close(struct keyring *k)
{
	if (!k)
		return;
	secret_free(k->root);
	mem_free(k);
}

enum err derived_key(struct keyring *k, const char *purpose, uint8_t out[32])
{
	return hkdf_sha256(slice_of(secret_peek(k->root), KEY_SIZE), "derived",
		slice_str(purpose), out);
}

/* --- tenants ------------------------------------------------------------------- */

#define KEY_MAGIC "BKT1"
#define HEAD_MAGIC "BKH1"

static void file_name(
	char out[NAME], const struct oid *tenant, const char *kind)
{
	char text[OID_TEXT + 1];

	oid_text(tenant, text);
	snprintf(out, NAME, "%s.%s", text, kind);
}

enum err tenant_key_create(struct keyring *k, const struct oid *tenant)
{
	char name[NAME];
	uint8_t key[KEY_SIZE];

	file_name(name, tenant, "key");
	if (faccessat(k->dir, name, F_OK, 0) == 0)
		return ERR_EXISTS;
	TRY(random_bytes(key, sizeof(key)));
	enum err e = write_boxed(
		k, name, KEY_MAGIC, tenant, slice_of(key, sizeof(key)));
	mem_wipe(key, sizeof(key));
	return e;
}

enum err tenant_key_read(
	struct keyring *k, const struct oid *tenant, struct secret **out)
{
	char name[NAME];
	struct buf plain;

	file_name(name, tenant, "key");
	buf_init(&plain, FILE_MAX);
	enum err e = buf_reserve(&plain, FILE_MAX);
	if (e == ERR_OK)
		e = read_boxed(k, name, KEY_MAGIC, tenant, &plain);
	if (e == ERR_OK && plain.n != KEY_SIZE)
		e = ERR_CORRUPT;
	if (e == ERR_OK) {
		*out = secret_copy(plain.p, KEY_SIZE);
		if (!*out)
			e = ERR_NOMEM;
	}
	buf_wipe(&plain);
	return e;
}

enum err tenant_key_destroy(struct keyring *k, const struct oid *tenant)
{
	char name[NAME];

	file_name(name, tenant, "key");
	TRY(file_destroy(k->dir, name));
	file_name(name, tenant, "head");
	return file_destroy(k->dir, name);
}

enum err tenant_key_list(struct keyring *k, struct buf *out)
{
	int fd = openat(k->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d)
		return ERR_IO;
	while ((entry = readdir(d))) {
		struct slice kind,
			name = slice_cut(slice_str(entry->d_name), '.', &kind);
		struct oid tenant;
		if (slice_eqs(kind, "key") &&
			oid_parse(name, &tenant) == ERR_OK) {
			buf_add_slice(out, name);
			buf_addc(out, ' ');
		}
	}
	closedir(d);
	return buf_err(out);
}

enum err head_read(
	struct keyring *k, const struct oid *tenant, struct buf *head)
{
	char name[NAME];

	file_name(name, tenant, "head");
	enum err e = read_boxed(k, name, HEAD_MAGIC, tenant, head);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err head_write(
	struct keyring *k, const struct oid *tenant, struct slice head)
{
	char name[NAME];

	file_name(name, tenant, "head");
	return write_boxed(k, name, HEAD_MAGIC, tenant, head);
}
