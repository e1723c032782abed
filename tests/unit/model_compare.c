/* SPDX-License-Identifier: EUPL-1.2 */
/* Compares the store with the model: rows, messages, changes, quota. */
#include "model.h"

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

void compare_all(void)
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
