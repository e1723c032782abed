/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A random life of one account against a model in plain arrays: 20,000
 * operations on messages and mailboxes, in transactions of which some are
 * rolled back, with the store closed and opened again in between. The model
 * knows no modification sequences: it remembers in which step something
 * changed, and which HIGHESTMODSEQ a mailbox had after which step. From each
 * remembered one message_changed() and message_vanished() must tell exactly
 * what happened since.
 *
 * SEED and STEPS in the environment choose another life.
 */
#include "store_fixture.h"

#define MAX_BOXES 24
#define MAX_MESSAGES 300
#define MAX_GONE 6000
#define MAX_POINTS 40
#define NAME 64

struct mmessage {
	uint32_t uid, flags, step;
	unsigned keyword; /* bits 0 and 1: the names "one" and "two" */
	size_t size;
};

struct mgone {
	uint32_t uid, step;
};

/* A HIGHESTMODSEQ that a client may have kept. */
struct mpoint {
	uint64_t modseq;
	uint32_t step;
};

struct mbox {
	bool live, selectable;
	char name[NAME];
	uint64_t id;
	uint32_t uidnext, uidvalidity;
	size_t n, n_gone, n_points;
	struct mmessage m[MAX_MESSAGES];
	struct mgone gone[MAX_GONE];
	struct mpoint points[MAX_POINTS];
};

struct model {
	struct fixture *f;
	uint64_t random;
	uint32_t step;
	uint32_t uidvalidity; /* the highest seen */
	uint64_t id;          /* the highest seen */
	struct mbox box[MAX_BOXES];
};

static struct model *now, *saved;

static uint32_t roll(uint32_t n)
{
	/* xorshift64* */
	now->random ^= now->random >> 12;
	now->random ^= now->random << 25;
	now->random ^= now->random >> 27;
	return (uint32_t)((now->random * UINT64_C(2685821657736338717)) >> 33) %
	       n;
}

/* --- mailboxes of the model --------------------------------------------------- */

static struct mbox *find(const char *name)
{
	for (size_t i = 0; i < MAX_BOXES; i++)
		if (now->box[i].live && strcmp(now->box[i].name, name) == 0)
			return &now->box[i];
	return NULL;
}

static bool below(const char *name, const char *parent)
{
	size_t n = strlen(parent);

	return strncmp(name, parent, n) == 0 && name[n] == '/';
}

static bool children(const char *name)
{
	for (size_t i = 0; i < MAX_BOXES; i++)
		if (now->box[i].live && below(now->box[i].name, name))
			return true;
	return false;
}

static size_t room(void)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_BOXES; i++)
		n += !now->box[i].live;
	return n;
}

/* The row that the store made must be new in every respect. */
static struct mbox *appear(const char *name, bool selectable)
{
	struct mailbox_row row;
	struct mbox *b = now->box;

	while (b->live)
		b++;
	ok(mailbox_find(now->f->a, S(name), fresh(now->f), &row));
	assert_true(row.id > now->id);
	assert_true(row.uidvalidity > now->uidvalidity);
	memset(b, 0, sizeof(*b));
	snprintf(b->name, sizeof(b->name), "%s", name);
	b->live = true;
	b->selectable = selectable;
	b->id = row.id;
	b->uidnext = 1;
	b->uidvalidity = row.uidvalidity;
	return b;
}

static void seen_numbers(void)
{
	for (size_t i = 0; i < MAX_BOXES; i++) {
		const struct mbox *b = &now->box[i];
		if (b->live && b->id > now->id)
			now->id = b->id;
		if (b->live && b->uidvalidity > now->uidvalidity)
			now->uidvalidity = b->uidvalidity;
	}
}

static void parents_appear(const char *name)
{
	char parent[NAME];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", name);
	while ((slash = strrchr(parent, '/'))) {
		*slash = '\0';
		if (!find(parent))
			appear(parent, false);
	}
	seen_numbers();
}

static void parents_go(const char *name)
{
	char parent[NAME];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", name);
	while ((slash = strrchr(parent, '/'))) {
		struct mbox *b;
		*slash = '\0';
		b = find(parent);
		if (b && !b->selectable && !children(parent))
			b->live = false;
	}
}

static struct mbox *any_box(bool selectable)
{
	struct mbox *b;

	do
		b = &now->box[roll(MAX_BOXES)];
	while (!b->live || (selectable && !b->selectable));
	return b;
}

static const char *any_name(void)
{
	static const char *const pool[] = { "a", "b", "c", "a/a", "a/b", "b/a",
		"a/a/a", "b/a/c", "INBOX/a", "a.a", "a0" };

	return pool[roll(ARRAY_LEN(pool))];
}

static void op_create(void)
{
	const char *name = any_name();
	struct mbox *b = find(name);
	struct mailbox_row row;
	uint64_t id = 0;
	enum err e;

	if (room() < 4)
		return;
	e = mailbox_create(now->f->a, S(name), SPECIAL_NONE, &id);
	if (b && b->selectable) {
		assert_int_equal(e, ERR_EXISTS);
		return;
	}
	ok(e);
	if (!b) {
		appear(name, true);
		parents_appear(name);
		return;
	}
	ok(mailbox_get(now->f->a, id, fresh(now->f), &row));
	assert_true(id == b->id);
	assert_true(row.uidvalidity > now->uidvalidity);
	b->selectable = true;
	b->uidvalidity = row.uidvalidity;
	seen_numbers();
}

static void op_delete(void)
{
	struct mbox *b = any_box(false);
	enum err e = mailbox_delete(now->f->a, b->id);
	char name[NAME];

	if (strcmp(b->name, "INBOX") == 0) {
		assert_int_equal(e, ERR_NOPERM);
		return;
	}
	if (!b->selectable) {
		assert_int_equal(e, ERR_NOTEMPTY);
		return;
	}
	ok(e);
	memcpy(name, b->name, NAME);
	b->live = false;
	if (children(name))
		appear(name, false);
	else
		parents_go(name);
	seen_numbers();
}

static void messages_move(struct mbox *from, const char *name)
{
	struct mbox *to;

	to = appear(name, true);
	parents_appear(name);
	for (size_t i = 0; i < from->n; i++) {
		to->m[i] = from->m[i];
		to->m[i].uid = to->uidnext++;
		to->m[i].step = now->step;
		from->gone[from->n_gone++] =
			(struct mgone){ from->m[i].uid, now->step };
	}
	to->n = from->n;
	from->n = 0;
}

static bool too_long(const struct mbox *b, const char *name)
{
	for (size_t i = 0; i < MAX_BOXES; i++)
		if (now->box[i].live && below(now->box[i].name, b->name) &&
			strlen(now->box[i].name) + strlen(name) >= NAME)
			return true;
	return false;
}

static void names_change(const char *from, const char *to)
{
	for (size_t i = 0; i < MAX_BOXES; i++) {
		struct mbox *b = &now->box[i];
		char name[2 * NAME];
		if (!b->live || !below(b->name, from))
			continue;
		snprintf(
			name, sizeof(name), "%s%s", to, b->name + strlen(from));
		memcpy(b->name, name, NAME);
	}
}

static void op_rename(void)
{
	struct mbox *b = any_box(false);
	bool inbox = strcmp(b->name, "INBOX") == 0;
	const char *name = any_name();
	char old[NAME];
	enum err e;

	if (room() < 4 || too_long(b, name) || (inbox && roll(4)))
		return;
	e = mailbox_rename(now->f->a, b->id, S(name));
	if (find(name)) {
		assert_int_equal(e, ERR_EXISTS);
		return;
	}
	if (!inbox && below(name, b->name)) {
		assert_int_equal(e, ERR_CONFLICT);
		return;
	}
	ok(e);
	if (inbox) {
		messages_move(b, name);
		return;
	}
	memcpy(old, b->name, NAME);
	snprintf(b->name, NAME, "%s", name);
	names_change(old, name);
	parents_appear(name);
	parents_go(old);
}

/* --- messages --------------------------------------------------------------------- */

static const char *const keyword_names[] = { "one", "two" };

/* The store's bits for the model's keywords, in this mailbox. */
static struct flags flags_of(const struct mbox *b, const struct mmessage *m)
{
	struct flags flags = { .system = m->flags };
	unsigned bit;

	for (unsigned k = 0; k < 2; k++)
		if (m->keyword >> k & 1) {
			ok(keyword_bit(now->f->a, b->id, S(keyword_names[k]),
				true, &bit));
			flags.keyword[0] |= UINT64_C(1) << bit;
		}
	return flags;
}

static void op_add(void)
{
	static const size_t sizes[] = { 0, 1, 10, 100, 4095, 4096, 9000 };
	struct mbox *b = any_box(true);
	struct mmessage m = { .uid = b->uidnext,
		.flags = roll(2) ? 0 : roll(32),
		.keyword = roll(8) ? 0 : roll(4),
		.step = now->step,
		.size = sizes[roll(ARRAY_LEN(sizes))] };
	struct message_new new = { .internal_date = m.uid };
	uint64_t modseq;
	uint32_t uid;

	if (b->n == MAX_MESSAGES)
		return;
	new.flags = flags_of(b, &m);
	new.body = make_body(now->f->a, m.size);
	ok(message_add(now->f->a, b->id, &new, &uid, &modseq));
	assert_int_equal(uid, m.uid);
	b->uidnext++;
	b->m[b->n++] = m;
}

static void op_flags(void)
{
	struct mbox *b = any_box(true);
	uint64_t modseq;

	if (b->n == 0)
		return;
	struct mmessage *m = &b->m[roll((uint32_t)b->n)], new = *m;
	switch (roll(4)) {
	case 0:
		new.flags = roll(32);
		break;
	case 1:
		new.keyword = roll(4);
		break;
	default:
		new.flags ^= 1u << roll(5);
	}
	struct flags flags = flags_of(b, &new);
	ok(message_set_flags(now->f->a, b->id, m->uid, &flags, &modseq));
	if (new.flags != m->flags || new.keyword != m->keyword)
		new.step = now->step;
	*m = new;
}

static void vanish(struct mbox *b, size_t at)
{
	b->gone[b->n_gone++] = (struct mgone){ b->m[at].uid, now->step };
	b->n--;
	memmove(&b->m[at], &b->m[at + 1], (b->n - at) * sizeof(b->m[0]));
}

static void op_expunge(void)
{
	struct mbox *b = any_box(true);
	uint64_t modseq;

	assert_int_equal(message_expunge(now->f->a, b->id, b->uidnext, &modseq),
		ERR_NOTFOUND);
	if (b->n == 0 || b->n_gone + MAX_MESSAGES >= MAX_GONE)
		return;
	size_t at = roll((uint32_t)b->n);
	ok(message_expunge(now->f->a, b->id, b->m[at].uid, &modseq));
	vanish(b, at);
}

static void op_copy(bool move)
{
	struct mbox *from = any_box(true), *to = any_box(true);
	uint64_t modseq;
	uint32_t uid;

	if (from->n == 0 || to->n == MAX_MESSAGES ||
		from->n_gone + MAX_MESSAGES >= MAX_GONE)
		return;
	size_t at = roll((uint32_t)from->n);
	struct mmessage m = from->m[at];
	if (move)
		ok(message_move(
			now->f->a, from->id, m.uid, to->id, &uid, &modseq));
	else
		ok(message_copy(now->f->a, from->id, m.uid, to->id, &uid));
	assert_int_equal(uid, to->uidnext);
	if (move)
		vanish(from, at);
	m.uid = to->uidnext++;
	m.step = now->step;
	to->m[to->n++] = m;
}

/* --- comparing ----------------------------------------------------------------------- */

static unsigned keywords_found(const struct mbox *b, const struct flags *flags)
{
	unsigned found = 0, bit;

	for (unsigned k = 0; k < 2; k++)
		if (keyword_bit(now->f->a, b->id, S(keyword_names[k]), false,
			    &bit) == ERR_OK &&
			flags->keyword[0] >> bit & 1)
			found |= 1u << k;
	return found;
}

static void compare_messages(const struct mbox *b)
{
	struct message_row rows[7];
	uint32_t from = 1;
	size_t i = 0, n = 7;

	while (n == 7) {
		ok(message_list(now->f->a, b->id, from, UINT32_MAX, 0, NULL,
			rows, 7, &n));
		for (size_t k = 0; k < n; k++, i++) {
			const struct mmessage *m = &b->m[i];
			assert_true(i < b->n);
			assert_int_equal(rows[k].uid, m->uid);
			assert_int_equal(rows[k].size, m->size);
			assert_int_equal(rows[k].flags.system, m->flags);
			assert_int_equal(
				keywords_found(b, &rows[k].flags), m->keyword);
		}
		if (n > 0)
			from = rows[n - 1].uid + 1;
	}
	assert_int_equal(i, b->n);
}

static void compare_row(const struct mbox *b)
{
	uint32_t unseen = 0, deleted = 0, first = 0, before = 0, uid, count;
	struct mailbox_row row;
	uint64_t size = 0;

	ok(mailbox_get(now->f->a, b->id, fresh(now->f), &row));
	for (size_t i = 0; i < b->n; i++) {
		const struct mmessage *m = &b->m[i];
		if (!(m->flags & FLAG_SEEN) && unseen++ == 0) {
			first = m->uid;
			before = (uint32_t)i;
		}
		deleted += (m->flags & FLAG_DELETED) != 0;
		size += m->size;
	}
	assert_true(slice_eqs(row.name, b->name));
	assert_int_equal(row.selectable, b->selectable);
	assert_int_equal(row.has_children, children(b->name));
	assert_int_equal(row.uidnext, b->uidnext);
	assert_int_equal(row.uidvalidity, b->uidvalidity);
	assert_int_equal(row.exists, b->n);
	assert_int_equal(row.unseen, unseen);
	assert_int_equal(row.deleted, deleted);
	assert_int_equal(row.size, size);
	if (!b->selectable)
		return;
	ok(message_first_unseen(now->f->a, b->id, &uid, &count));
	assert_int_equal(uid, first);
	assert_int_equal(count, before);
}

/* Each changed message once, and all of them; pages of different sizes. */
static void compare_changed(const struct mbox *b, const struct mpoint *p)
{
	size_t want = 0, got = 0, max = 1 + roll(20), n = max;
	struct message_row rows[20];
	uint64_t after = p->modseq;
	uint32_t uid = 0;

	for (size_t i = 0; i < b->n; i++)
		want += b->m[i].step > p->step;
	while (n == max) {
		ok(message_changed(
			now->f->a, b->id, after, uid, rows, max, &n));
		for (size_t k = 0; k < n; k++) {
			size_t i = 0;
			assert_true(
				rows[k].modseq > after ||
				(rows[k].modseq == after && rows[k].uid > uid));
			after = rows[k].modseq;
			uid = rows[k].uid;
			while (i < b->n && b->m[i].uid != uid)
				i++;
			assert_true(i < b->n);
			assert_true(b->m[i].step > p->step);
		}
		got += n;
	}
	assert_int_equal(got, want);
}

static void compare_vanished(const struct mbox *b, const struct mpoint *p)
{
	size_t want = 0, got = 0, max = 1 + roll(20), n = max;
	struct vanished_row rows[20];
	uint64_t after = p->modseq;
	uint32_t uid = 0;

	for (size_t i = 0; i < b->n_gone; i++)
		want += b->gone[i].step > p->step;
	while (n == max) {
		ok(message_vanished(
			now->f->a, b->id, after, uid, rows, max, &n));
		for (size_t k = 0; k < n; k++) {
			size_t i = 0;
			after = rows[k].modseq;
			uid = rows[k].uid;
			while (i < b->n_gone && b->gone[i].uid != uid)
				i++;
			assert_true(i < b->n_gone);
			assert_true(b->gone[i].step > p->step);
		}
		got += n;
	}
	assert_int_equal(got, want);
}

static void compare_names(void)
{
	struct mailbox_row *rows =
		mem_resize(NULL, MAX_BOXES + 1, sizeof(*rows));
	size_t n, live = MAX_BOXES - room();

	ok(mailbox_list(
		now->f->a, S(""), fresh(now->f), rows, MAX_BOXES + 1, &n));
	assert_int_equal(n, live);
	for (size_t i = 0; i < n; i++) {
		char name[NAME];
		snprintf(name, sizeof(name), "%.*s", SLICE_ARG(rows[i].name));
		assert_non_null(find(name));
	}
	mem_free(rows);
}

static void compare_all(void)
{
	struct quota q;
	uint64_t bytes = 0, messages = 0;

	compare_names();
	for (size_t i = 0; i < MAX_BOXES; i++) {
		const struct mbox *b = &now->box[i];
		if (!b->live)
			continue;
		compare_row(b);
		if (!b->selectable)
			continue;
		compare_messages(b);
		messages += b->n;
		for (size_t k = 0; k < b->n; k++)
			bytes += b->m[k].size;
		for (size_t k = 0; k < b->n_points; k++) {
			compare_changed(b, &b->points[k]);
			compare_vanished(b, &b->points[k]);
		}
	}
	ok(account_quota(now->f->a, &q));
	assert_true(q.bytes == bytes);
	assert_true(q.messages == messages);
}

/* --- the run --------------------------------------------------------------------------- */

static void one_step(void)
{
	uint32_t r = roll(1000);

	now->step++;
	if (r < 400)
		op_add();
	else if (r < 640)
		op_flags();
	else if (r < 720)
		op_copy(false);
	else if (r < 790)
		op_copy(true);
	else if (r < 940)
		op_expunge();
	else if (r < 965)
		op_create();
	else if (r < 975)
		op_delete();
	else
		op_rename();
}

static void remember_point(void)
{
	struct mbox *b = any_box(true);
	struct mailbox_row row;

	ok(mailbox_get(now->f->a, b->id, fresh(now->f), &row));
	size_t at = b->n_points < MAX_POINTS ? b->n_points++ : roll(MAX_POINTS);
	b->points[at] = (struct mpoint){ row.modseq, now->step };
}

static void one_transaction(void)
{
	bool undo = roll(20) == 0;
	uint64_t random;

	memcpy(saved, now, sizeof(*saved));
	ok(store_begin(now->f->s));
	for (uint32_t n = 1 + roll(8); n > 0; n--)
		one_step();
	if (!undo) {
		ok(store_commit(now->f->s, NULL));
		remember_point();
		return;
	}
	store_rollback(now->f->s);
	random = now->random;
	memcpy(now, saved, sizeof(*saved));
	now->random = random;
}

static void reap_a_little(void)
{
	bool more;

	ok(schema_reap(now->f->s, 1 + roll(30), &more));
}

static uint64_t from_environment(const char *name, uint64_t usual)
{
	const char *text = getenv(name);
	uint64_t n = usual;

	if (text)
		ok(num_u64(S(text), &n));
	return n;
}

static void start(struct fixture *f)
{
	struct mailbox_row rows[10];
	size_t n;

	now->f = f;
	now->random = from_environment("SEED", 42) * 2 + 1;
	ok(mailbox_list(f->a, S(""), fresh(f), rows, 10, &n));
	/* In the order in which they were made: their numbers grow. */
	for (size_t made = 0; made < n; made++) {
		size_t best = n;
		for (size_t i = 0; i < n; i++)
			if (rows[i].id > now->id &&
				(best == n || rows[i].id < rows[best].id))
				best = i;
		struct mbox *b = &now->box[made];
		b->live = b->selectable = true;
		b->id = rows[best].id;
		b->uidnext = 1;
		b->uidvalidity = rows[best].uidvalidity;
		snprintf(b->name, NAME, "%.*s", SLICE_ARG(rows[best].name));
		seen_numbers();
	}
}

static void test_life(void **state)
{
	uint32_t steps = (uint32_t)from_environment("STEPS", 20000);
	struct fixture *f = fixture_new("model");
	uint32_t compared = 0, checked = 0, opened = 0;

	now = mem_new(struct model);
	saved = mem_new(struct model);
	start(f);
	while (now->step < steps) {
		one_transaction();
		if (roll(10) == 0)
			reap_a_little();
		store_turn(f->s);
		if (now->step / 500 > compared) {
			compared = now->step / 500;
			compare_all();
		}
		if (now->step / 2000 > checked) {
			checked = now->step / 2000;
			assert_int_equal(fixture_check(f), 0);
		}
		if (now->step / 5000 > opened) {
			opened = now->step / 5000;
			fixture_reopen(f);
			compare_all();
		}
	}
	compare_all();
	reap_all(f);
	compare_all();
	fixture_free(f);
	mem_free(now);
	mem_free(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
