/* SPDX-License-Identifier: EUPL-1.2 */
/* Collections, properties, resources, time ranges and sync. */
#include "store_fixture.h"

static uint64_t calendar(struct fixture *f)
{
	struct collection_row row;

	ok(collection_find(
		f->a, COLLECTION_CALENDAR, S("calendar"), fresh(f), &row));
	return row.id;
}

static struct collection_row get(struct fixture *f)
{
	struct collection_row row;

	ok(collection_find(
		f->a, COLLECTION_CALENDAR, S("calendar"), fresh(f), &row));
	return row;
}

/* A resource named `name`.ics with the UID `name`; inside a transaction. */
static enum err put(struct fixture *f, const char *name, const char *data,
	const struct span *spans, size_t n, int64_t horizon)
{
	char file[100];
	uint64_t etag;

	snprintf(file, sizeof(file), "%s.ics", name);
	struct resource_new r = { .name = S(file),
		.uid = S(name),
		.component = SLICE("VEVENT"),
		.data = S(data),
		.spans = spans,
		.n_spans = n,
		.horizon = horizon };
	return resource_put(f->a, calendar(f), &r, &etag);
}

static void test_collections(void **state)
{
	static const struct {
		const char *name;
		enum err err;
	} rows[] = {
		{ "work", ERR_OK },
		{ "caf\xc3\xa9", ERR_OK },
		{ "calendar", ERR_EXISTS },
		{ "", ERR_SYNTAX },
		{ ".", ERR_SYNTAX },
		{ "..", ERR_SYNTAX },
		{ "a/b", ERR_SYNTAX },
		{ "a\nb", ERR_SYNTAX },
		{ "\xff", ERR_SYNTAX },
	};
	struct fixture *f = fixture_new("collections");
	struct collection_row list[5];
	char name[LIMIT_SEGMENT_NAME + 1];
	uint64_t id;
	size_t n;

	ok(store_begin(f->s));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
					 S(rows[i].name), &id),
			rows[i].err);
	memset(name, 'x', sizeof(name));
	assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
				 slice_of(name, sizeof(name)), &id),
		ERR_LIMIT);
	assert_int_equal(
		collection_create(f->a, (enum collection_kind)3, S("x"), &id),
		ERR_UNSUPPORTED);
	/* The same name as calendar and as address book. */
	ok(collection_create(f->a, COLLECTION_CONTACTS, S("calendar"), &id));
	ok(store_commit(f->s, NULL));
	ok(collection_list(f->a, COLLECTION_CALENDAR, fresh(f), list, 5, &n));
	assert_int_equal(n, 3);
	assert_true(slice_eqs(list[0].name, "caf\xc3\xa9"));
	assert_true(slice_eqs(list[2].name, "work"));
	assert_int_equal(list[2].kind, COLLECTION_CALENDAR);
	assert_true(list[2].sync > 0);
	assert_true(list[2].sync == list[2].sync_oldest);
	in_tx(f, collection_delete(f->a, list[2].id));
	assert_int_equal(collection_find(f->a, COLLECTION_CALENDAR, S("work"),
				 fresh(f), list),
		ERR_NOTFOUND);
	fixture_free(f);
}

static void test_collection_limit(void **state)
{
	struct fixture *f = fixture_new("climit");
	enum err e = ERR_OK;
	char name[20];
	uint64_t id;
	int n = 0;

	ok(store_begin(f->s));
	for (; e == ERR_OK && n <= LIMIT_COLLECTIONS; n++) {
		snprintf(name, sizeof(name), "c%d", n);
		e = collection_create(f->a, COLLECTION_CONTACTS, S(name), &id);
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(n - 1 + 2, LIMIT_COLLECTIONS);
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static void test_properties(void **state)
{
	struct fixture *f = fixture_new("properties");
	struct property rows[200];
	uint64_t id = calendar(f);
	char *big = mem_alloc(LIMIT_PROPERTY + 1);
	char name[20];
	struct quota q;
	size_t n;

	memset(big, 'b', LIMIT_PROPERTY + 1);
	ok(store_begin(f->s));
	ok(collection_set_property(f->a, id, S("DAV: displayname"), S("One")));
	ok(collection_set_property(
		f->a, id, S("DAV: displayname"), S("Other")));
	ok(collection_set_property(f->a, id, S("x color"), S("#ff0000")));
	ok(account_quota(f->a, &q));
	assert_int_equal(q.bytes, 5 + 7);
	ok(collection_set_property(f->a, id, S("x color"), S("")));
	ok(collection_set_property(f->a, id, S("x never"), S("")));
	assert_int_equal(collection_set_property(f->a, id, S("x"),
				 slice_of(big, LIMIT_PROPERTY + 1)),
		ERR_LIMIT);
	assert_int_equal(collection_set_property(f->a, 99999, S("x"), S("y")),
		ERR_NOTFOUND);
	assert_int_equal(
		collection_set_property(f->a, id, S(""), S("y")), ERR_SYNTAX);
	ok(store_commit(f->s, NULL));
	ok(collection_properties(f->a, id, fresh(f), rows, 200, &n));
	assert_int_equal(n, 1);
	assert_true(slice_eqs(rows[0].name, "DAV: displayname"));
	assert_true(slice_eqs(rows[0].value, "Other"));
	ok(store_begin(f->s));
	for (int i = 1; i < LIMIT_PROPERTIES; i++) {
		snprintf(name, sizeof(name), "x %d", i);
		ok(collection_set_property(f->a, id, S(name), S("v")));
	}
	assert_int_equal(collection_set_property(f->a, id, S("x more"), S("v")),
		ERR_LIMIT);
	ok(collection_set_property(f->a, id, S("x 5"), S("longer")));
	ok(store_commit(f->s, NULL));
	mem_free(big);
	fixture_free(f);
}

static void test_put(void **state)
{
	struct fixture *f = fixture_new("put");
	struct resource_row row, again;
	uint64_t id = calendar(f), etag;
	struct slice data;
	char *big = mem_alloc(LIMIT_RESOURCE + 1);
	struct quota q;

	memset(big, 'v', LIMIT_RESOURCE + 1);
	ok(store_begin(f->s));
	ok(put(f, "one", "BEGIN:VCALENDAR", NULL, 0, INT64_MAX));
	ok(resource_find(f->a, id, S("one.ics"), fresh(f), &row));
	assert_true(slice_eqs(row.uid, "one"));
	assert_true(slice_eqs(row.component, "VEVENT"));
	assert_int_equal(row.size, 15);
	assert_false(row.deleted);
	assert_true(row.etag == get(f).sync);
	ok(resource_find(f->a, id, S("one.ics"), fresh(f), &row));
	/* Replaced: same id and object id, new entity tag. */
	struct resource_new r = { .name = SLICE("one.ics"),
		.uid = SLICE("one"),
		.component = SLICE("VTODO"),
		.data = { big, 20000 },
		.horizon = INT64_MAX };
	ok(resource_put(f->a, id, &r, &etag));
	assert_true(etag > row.etag);
	ok(resource_find_uid(f->a, id, S("one"), f->arena, &again));
	assert_true(again.etag == etag);
	assert_true(again.id == row.id);
	assert_memory_equal(&again.oid, &row.oid, 16);
	assert_true(slice_eqs(again.component, "VTODO"));
	ok(resource_data(f->a, again.id, f->arena, &data));
	assert_int_equal(data.n, 20000);
	assert_memory_equal(data.p, big, 20000);
	ok(account_quota(f->a, &q));
	assert_int_equal(q.bytes, 20000);
	assert_int_equal(q.messages, 0);
	assert_int_equal(get(f).resources, 1);
	/* RFC 4791 5.3.2.1 no-uid-conflict, both ways. */
	r.name = S("two.ics");
	assert_int_equal(resource_put(f->a, id, &r, &etag), ERR_CONFLICT);
	r.name = S("one.ics");
	r.uid = S("other");
	assert_int_equal(resource_put(f->a, id, &r, &etag), ERR_CONFLICT);
	r.uid = S("one");
	r.data.n = LIMIT_RESOURCE + 1;
	assert_int_equal(resource_put(f->a, id, &r, &etag), ERR_LIMIT);
	r.data.n--;
	ok(resource_put(f->a, id, &r, &etag));
	r.name = S("a/b");
	assert_int_equal(resource_put(f->a, id, &r, &etag), ERR_SYNTAX);
	r.name = S("one.ics");
	assert_int_equal(resource_put(f->a, 99999, &r, &etag), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	/* Replaced bodies went at once. */
	assert_int_equal(
		peek(account_db(f->a), "SELECT count(*) FROM body"), 1);
	assert_int_equal(
		resource_data(f->a, 99999, f->arena, &data), ERR_NOTFOUND);
	mem_free(big);
	fixture_free(f);
}

static void test_quota(void **state)
{
	struct fixture *f = fixture_new("quota");
	struct user_row user;

	ok(store_begin(f->s));
	ok(user_get(f->s, f->number, fresh(f), &user));
	user.quota.bytes_max = 12;
	ok(user_set(f->s, &user));
	ok(put(f, "a", "1234567890", NULL, 0, INT64_MAX));
	/* What it replaces counts no more: 12 fit, 13 do not. */
	ok(put(f, "a", "123456789012", NULL, 0, INT64_MAX));
	assert_int_equal(put(f, "a", "1234567890123", NULL, 0, INT64_MAX),
		ERR_OVERQUOTA);
	assert_int_equal(put(f, "b", "1", NULL, 0, INT64_MAX), ERR_OVERQUOTA);
	assert_int_equal(
		collection_set_property(f->a, calendar(f), S("p"), S("v")),
		ERR_OVERQUOTA);
	ok(resource_delete(f->a, calendar(f), S("a.ics")));
	ok(put(f, "b", "1", NULL, 0, INT64_MAX));
	ok(store_commit(f->s, NULL));
	fixture_free(f);
}

static void test_list(void **state)
{
	struct fixture *f = fixture_new("list");
	struct resource_row rows[3];
	uint64_t id = calendar(f);
	char after[20] = "";
	size_t n = 3, seen = 0;

	ok(store_begin(f->s));
	for (int i = 9; i >= 0; i--) {
		snprintf(after, sizeof(after), "r%d", i);
		ok(put(f, after, "data", NULL, 0, INT64_MAX));
	}
	ok(store_commit(f->s, NULL));
	after[0] = '\0';
	while (n == 3) {
		ok(resource_list(f->a, id, S(after), fresh(f), rows, 3, &n));
		for (size_t i = 0; i < n; i++) {
			snprintf(after, sizeof(after), "r%zu.ics", seen++);
			assert_true(slice_eqs(rows[i].name, after));
		}
	}
	assert_int_equal(seen, 10);
	assert_int_equal(
		resource_list(f->a, 99999, S(""), fresh(f), rows, 3, &n),
		ERR_NOTFOUND);
	in_tx(f, collection_delete(f->a, id));
	assert_int_equal(resource_list(f->a, id, S(""), fresh(f), rows, 3, &n),
		ERR_NOTFOUND);
	assert_int_equal(resource_find_uid(f->a, id, S("r1"), fresh(f), rows),
		ERR_NOTFOUND);
	assert_int_equal(fixture_check(f), 0);
	reap_all(f);
	assert_int_equal(peek(account_db(f->a),
				 "SELECT (SELECT count(*) FROM resource) +"
				 " (SELECT count(*) FROM body)"),
		0);
	fixture_free(f);
}

/* A letter per resource found, in order of id. */
static const char *found(struct fixture *f, int64_t start, int64_t end)
{
	static char text[40];
	struct resource_row rows[2];
	uint64_t after = 0;
	size_t n = 2, used = 0;

	while (n == 2) {
		ok(resource_in_range(f->a, calendar(f), S(""), start, end,
			after, fresh(f), rows, 2, &n));
		for (size_t i = 0; i < n; i++) {
			text[used++] = rows[i].name.p[0];
			after = rows[i].id;
		}
	}
	text[used] = '\0';
	return text;
}

static void test_range(void **state)
{
	static const struct span a[] = { { 100, 200 } };
	static const struct span b[] = { { 0, 10 }, { 500, 510 },
		{ 1000, 1010 } };
	static const struct span c[] = { { 300, 300 } }; /* no length */
	static const struct span d[] = { { -50, 2000 }, { 5, 6 } };
	static const struct {
		int64_t start, end;
		const char *want;
	} rows[] = {
		{ 0, 100, "bd" },
		{ 0, 101, "abd" },
		{ 199, 200, "ad" },
		{ 200, 201, "d" },
		{ 300, 301, "cd" },
		{ 299, 300, "d" },
		{ 250, 400, "cd" },
		{ 505, 506, "bd" },
		{ 511, 999, "d" },
		{ 1005, 3000, "bd" },
		{ 1999, 3000, "d" },
		{ 2000, 3000, "" },
		{ 2000, 10001, "e" }, /* the horizon is before the end */
		{ INT64_MIN, INT64_MAX, "abcde" },
		{ -100, -50, "" },
		{ -100, -49, "d" },
	};
	struct fixture *f = fixture_new("range");
	struct resource_row row;
	size_t n;

	ok(store_begin(f->s));
	ok(put(f, "a", "x", a, 1, INT64_MAX));
	ok(put(f, "b", "x", b, 3, INT64_MAX));
	ok(put(f, "c", "x", c, 1, INT64_MAX));
	ok(put(f, "d", "x", d, 2, INT64_MAX));
	ok(put(f, "e", "x", NULL, 0, 10000));
	ok(put(f, "f", "x", NULL, 0, INT64_MAX)); /* never */
	ok(store_commit(f->s, NULL));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			found(f, rows[i].start, rows[i].end), rows[i].want);
	ok(resource_in_range(f->a, calendar(f), S("VTODO"), 0, 5000, 0,
		fresh(f), &row, 1, &n));
	assert_int_equal(n, 0);
	ok(resource_in_range(f->a, calendar(f), S("VEVENT"), 0, 5000, 0,
		fresh(f), &row, 1, &n));
	assert_int_equal(n, 1);
	/* A replaced resource has its new spans only. */
	in_tx(f, put(f, "d", "x", c, 1, INT64_MAX));
	assert_string_equal(found(f, 0, 100), "b");
	fixture_free(f);
}

static void test_span_limits(void **state)
{
	struct fixture *f = fixture_new("spans");
	struct span *spans = mem_resize(NULL, LIMIT_SPANS + 1, sizeof(*spans));
	static const struct span backwards[] = { { 5, 4 } };
	static const struct span all[] = { { INT64_MIN, INT64_MAX } };

	for (int i = 0; i <= LIMIT_SPANS; i++)
		spans[i] = (struct span){ i * 10, i * 10 + 5 };
	ok(store_begin(f->s));
	assert_int_equal(
		put(f, "x", "x", spans, LIMIT_SPANS + 1, INT64_MAX), ERR_LIMIT);
	assert_int_equal(put(f, "x", "x", backwards, 1, INT64_MAX), ERR_SYNTAX);
	ok(put(f, "x", "x", spans, LIMIT_SPANS, INT64_MAX));
	ok(put(f, "y", "x", all, 1, INT64_MAX));
	ok(store_commit(f->s, NULL));
	assert_string_equal(found(f, 19990, 19991), "xy");
	assert_string_equal(found(f, 19996, 19997), "y");
	mem_free(spans);
	fixture_free(f);
}

static void test_changes(void **state)
{
	struct fixture *f = fixture_new("changes");
	struct resource_row rows[10];
	uint64_t id = calendar(f), empty = get(f).sync, middle;
	size_t n;

	ok(store_begin(f->s));
	ok(put(f, "a", "1", NULL, 0, INT64_MAX));
	ok(put(f, "b", "1", NULL, 0, INT64_MAX));
	ok(put(f, "c", "1", NULL, 0, INT64_MAX));
	middle = get(f).sync;
	ok(put(f, "a", "2", NULL, 0, INT64_MAX));
	ok(resource_delete(f->a, id, S("b.ics")));
	assert_int_equal(resource_delete(f->a, id, S("b.ics")), ERR_NOTFOUND);
	assert_int_equal(resource_delete(f->a, 99999, S("b")), ERR_NOTFOUND);
	ok(store_commit(f->s, NULL));
	ok(resource_changes(f->a, id, middle, fresh(f), rows, 10, &n));
	assert_int_equal(n, 2);
	assert_true(slice_eqs(rows[0].name, "a.ics"));
	assert_false(rows[0].deleted);
	assert_true(slice_eqs(rows[1].name, "b.ics"));
	assert_true(rows[1].deleted);
	assert_true(rows[1].etag == get(f).sync);
	/* From the empty collection on, by pages of one. */
	static const char *const want[] = { "c.ics", "a.ics", "b.ics" };
	uint64_t sync = empty;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ok(resource_changes(f->a, id, sync, fresh(f), rows, 1, &n));
		assert_int_equal(n, 1);
		assert_true(slice_eqs(rows[0].name, want[i]));
		sync = rows[0].etag;
	}
	ok(resource_changes(f->a, id, sync, fresh(f), rows, 1, &n));
	assert_int_equal(n, 0);
	/* Made again, it is no longer deleted. */
	in_tx(f, put(f, "b", "3", NULL, 0, INT64_MAX));
	ok(resource_changes(f->a, id, middle, fresh(f), rows, 10, &n));
	assert_int_equal(n, 2);
	assert_false(rows[1].deleted);
	assert_int_equal(resource_changes(f->a, id, get(f).sync + 1, fresh(f),
				 rows, 10, &n),
		ERR_EXPIRED);
	assert_int_equal(
		resource_changes(f->a, id, empty - 1, fresh(f), rows, 10, &n),
		ERR_EXPIRED);
	assert_int_equal(
		resource_changes(f->a, 99999, 0, fresh(f), rows, 10, &n),
		ERR_NOTFOUND);
	fixture_free(f);
}

static void test_changes_expire(void **state)
{
	struct fixture *f = fixture_new("expire");
	struct resource_row rows[1];
	uint64_t id = calendar(f), start = get(f).sync;
	char name[30];
	size_t n;

	ok(store_begin(f->s));
	for (int i = 0; i <= LIMIT_RESOURCES_GONE; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		ok(put(f, name, "x", NULL, 0, INT64_MAX));
		snprintf(name, sizeof(name), "r%d.ics", i);
		if (i == LIMIT_RESOURCES_GONE)
			ok(resource_changes(
				f->a, id, start, fresh(f), rows, 1, &n));
		ok(resource_delete(f->a, id, S(name)));
	}
	ok(store_commit(f->s, NULL));
	assert_int_equal(
		resource_changes(f->a, id, start, fresh(f), rows, 1, &n),
		ERR_EXPIRED);
	uint64_t oldest = get(f).sync_oldest;
	assert_true(oldest > start);
	ok(resource_changes(f->a, id, oldest, fresh(f), rows, 1, &n));
	assert_int_equal(n, 1);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collections),
		cmocka_unit_test(test_collection_limit),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_span_limits),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_changes_expire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
