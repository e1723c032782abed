/* SPDX-License-Identifier: EUPL-1.2 */
/* The model's tree of mailboxes: what RFC 3501 6.3.3 to 6.3.5 says happens. */
#include "model.h"

struct mbox *find(const char *name)
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

bool children(const char *name)
{
	for (size_t i = 0; i < MAX_BOXES; i++)
		if (now->box[i].live && below(now->box[i].name, name))
			return true;
	return false;
}

size_t room(void)
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

void seen_numbers(void)
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

struct mbox *any_box(bool selectable)
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

void op_create(void)
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

void op_delete(void)
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

void op_rename(void)
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
