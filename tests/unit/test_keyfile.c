/* SPDX-License-Identifier: EUPL-1.2 */
/* keyd's files: what may be opened, by what, and what must not. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bastide/file.h>

#include "../../daemon/head.h"
#include "../../daemon/keyfile.h"

static int fresh_dir(const char *name)
{
	char path[500];
	const char *base = getenv("TEST_DIR");

	snprintf(path, sizeof(path), "%s/%s-%d", base ? base : "/tmp", name,
		(int)getpid());
	assert_int_equal(mkdir(path, 0700), 0);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(dir >= 0);
	return dir;
}

static struct keyring *open_keyring(int dir, const char *passphrase)
{
	struct keyring *k = NULL;

	assert_int_equal(keyring_open(dir, slice_str(passphrase), &k), ERR_OK);
	return k;
}

static void file_of(const struct oid *id, const char *kind, char out[64])
{
	char text[OID_TEXT + 1];

	oid_text(id, text);
	snprintf(out, 64, "%s.%s", text, kind);
}

static void test_keys_last(void **state)
{
	int dir = fresh_dir("last");
	struct keyring *k = open_keyring(dir, "one");
	struct oid id;
	struct secret *a, *b;

	oid_new(&id);
	assert_int_equal(tenant_key_read(k, &id, &a), ERR_NOTFOUND);
	assert_int_equal(tenant_key_create(k, &id), ERR_OK);
	assert_int_equal(tenant_key_create(k, &id), ERR_EXISTS);
	assert_int_equal(tenant_key_read(k, &id, &a), ERR_OK);
	keyring_close(k);
	assert_int_equal(keyring_open(dir, slice_str("two"), &k), ERR_AUTH);
	k = open_keyring(dir, "one");
	assert_int_equal(tenant_key_read(k, &id, &b), ERR_OK);
	assert_memory_equal(secret_peek(a), secret_peek(b), KEY_SIZE);
	secret_free(a);
	secret_free(b);
	assert_int_equal(tenant_key_destroy(k, &id), ERR_OK);
	assert_int_equal(tenant_key_read(k, &id, &a), ERR_NOTFOUND);
	assert_int_equal(tenant_key_destroy(k, &id), ERR_OK);
	keyring_close(k);
	close(dir);
}

/* A new root key beside old tenants' keys would lose them. */
static void test_root_is_not_replaced(void **state)
{
	int dir = fresh_dir("root");
	struct keyring *k = open_keyring(dir, "one");
	struct oid id;

	oid_new(&id);
	assert_int_equal(tenant_key_create(k, &id), ERR_OK);
	keyring_close(k);
	assert_int_equal(unlinkat(dir, "root.key", 0), 0);
	assert_int_equal(keyring_open(dir, slice_str("one"), &k), ERR_NOKEY);
	close(dir);
}

static void copy_file(int dir, const char *from, const char *to)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(file_read(dir, from, &b), ERR_OK);
	assert_int_equal(file_replace(dir, to, buf_slice(&b)), ERR_OK);
	buf_free(&b);
}

/* One tenant's file in the place of another's, and a head as a key. */
static void test_files_are_bound(void **state)
{
	int dir = fresh_dir("bound");
	struct keyring *k = open_keyring(dir, "one");
	struct oid a, b;
	char name_a[64], name_b[64], head_a[64];
	struct secret *key;
	uint8_t packed[HEAD_PACKED] = { 0 };
	struct buf head;

	oid_new(&a);
	oid_new(&b);
	buf_init(&head, 256);
	assert_int_equal(tenant_key_create(k, &a), ERR_OK);
	assert_int_equal(tenant_key_create(k, &b), ERR_OK);
	file_of(&a, "key", name_a);
	file_of(&b, "key", name_b);
	file_of(&a, "head", head_a);
	copy_file(dir, name_a, name_b);
	assert_int_equal(tenant_key_read(k, &b, &key), ERR_CORRUPT);
	assert_int_equal(head_read(k, &a, &head), ERR_OK);
	assert_int_equal(head.n, 0); /* none yet */
	assert_int_equal(
		head_write(k, &a, slice_of(packed, HEAD_PACKED)), ERR_OK);
	assert_int_equal(head_read(k, &a, &head), ERR_OK);
	assert_int_equal(head.n, HEAD_PACKED);
	copy_file(dir, head_a, name_a);
	assert_int_equal(tenant_key_read(k, &a, &key), ERR_CORRUPT);
	buf_free(&head);
	keyring_close(k);
	close(dir);
}

/* Any byte changed, any length: refused. */
static void test_damage(void **state)
{
	int dir = fresh_dir("damage");
	struct keyring *k = open_keyring(dir, "one");
	struct oid id;
	char name[64];
	struct buf good;
	struct secret *key;

	oid_new(&id);
	assert_int_equal(tenant_key_create(k, &id), ERR_OK);
	file_of(&id, "key", name);
	buf_init(&good, 4096);
	assert_int_equal(file_read(dir, name, &good), ERR_OK);
	for (size_t i = 0; i < good.n; i++) {
		good.p[i] ^= 0x40;
		assert_int_equal(
			file_replace(dir, name, buf_slice(&good)), ERR_OK);
		assert_int_equal(tenant_key_read(k, &id, &key), ERR_CORRUPT);
		good.p[i] ^= 0x40;
		assert_int_equal(
			file_replace(dir, name, slice_of(good.p, i)), ERR_OK);
		assert_int_equal(tenant_key_read(k, &id, &key), ERR_CORRUPT);
	}
	assert_int_equal(file_replace(dir, name, buf_slice(&good)), ERR_OK);
	assert_int_equal(tenant_key_read(k, &id, &key), ERR_OK);
	secret_free(key);
	buf_free(&good);
	keyring_close(k);
	close(dir);
}

static void test_list_and_derived(void **state)
{
	int dir = fresh_dir("list");
	struct keyring *k = open_keyring(dir, "one");
	struct oid ids[3];
	struct buf list;
	uint8_t a[KEY_SIZE], b[KEY_SIZE];

	buf_init(&list, 4096);
	for (int i = 0; i < 3; i++) {
		oid_new(&ids[i]);
		assert_int_equal(tenant_key_create(k, &ids[i]), ERR_OK);
	}
	assert_int_equal(tenant_key_list(k, &list), ERR_OK);
	assert_int_equal(list.n, 3 * (OID_TEXT + 1));
	assert_int_equal(derived_key(k, "router", a), ERR_OK);
	keyring_close(k);
	k = open_keyring(dir, "one");
	assert_int_equal(derived_key(k, "router", b), ERR_OK);
	assert_memory_equal(a, b, KEY_SIZE);
	assert_int_equal(derived_key(k, "other", b), ERR_OK);
	assert_memory_not_equal(a, b, KEY_SIZE);
	buf_free(&list);
	keyring_close(k);
	close(dir);
}

static void test_head(void **state)
{
	struct head a = { .serial = 1,
		.commit = 2,
		.journal = 3,
		.map_serial = 4,
		.chain = { 5 },
		.map_hash = { 6 } };
	struct head b;
	uint8_t packed[HEAD_PACKED];

	head_pack(&a, packed);
	assert_int_equal(
		head_unpack(slice_of(packed, HEAD_PACKED), &b), ERR_OK);
	assert_true(a.serial == b.serial && a.commit == b.commit &&
		    a.journal == b.journal && a.map_serial == b.map_serial);
	assert_memory_equal(a.chain, b.chain, sizeof(a.chain));
	assert_memory_equal(a.map_hash, b.map_hash, sizeof(a.map_hash));
	assert_int_equal(head_unpack(slice_of(packed, HEAD_PACKED - 1), &b),
		ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_last),
		cmocka_unit_test(test_root_is_not_replaced),
		cmocka_unit_test(test_files_are_bound),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_list_and_derived),
		cmocka_unit_test(test_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
