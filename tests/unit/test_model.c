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
#include "model.h"

struct model *now, *saved;
const char *const keyword_names[] = { "one", "two" };

uint32_t roll(uint32_t n)
{
	/* xorshift64* */
	now->random ^= now->random >> 12;
	now->random ^= now->random << 25;
	now->random ^= now->random >> 27;
	return (uint32_t)((now->random * UINT64_C(2685821657736338717)) >> 33) %
	       n;
}

/* --- messages --------------------------------------------------------------------- */

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
