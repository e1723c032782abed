/* SPDX-License-Identifier: EUPL-1.2 */
/* The mailboxes as the client of a session with NOTIFY knows them. */
#include <stdlib.h>

#include "notify.h"

#define TABLE_ARENA MIB(8)

static int by_key(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->owner != y->owner)
		return (x->owner > y->owner) - (x->owner < y->owner);
	return (x->id > y->id) - (x->id < y->id);
}

struct known *known_find(struct known_table *t, uint32_t owner, uint64_t id)
{
	struct known key = { .owner = owner, .id = id };

	return t->n ? bsearch(&key, t->list, t->n, sizeof(key), by_key) : NULL;
}

void known_free(struct known_table *t)
{
	arena_free(t->arena);
	mem_free(t->list);
	*t = (struct known_table){ 0 };
}

enum err known_add(struct known_table *t, const struct known *row)
{
	if (t->n == LIMIT_NOTIFY_MAILBOXES)
		return ERR_LIMIT;
	if (!t->arena)
		t->arena = arena_new(TABLE_ARENA);
	if (!t->arena)
		return ERR_NOMEM;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct known *p = mem_resize(t->list, cap, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		t->list = p;
		t->cap = cap;
	}
	t->list[t->n] = *row;
	t->list[t->n].name = arena_copy(t->arena, row->name);
	return t->list[t->n++].name.p ? ERR_OK : ERR_NOMEM;
}

bool known_has_name(const struct known_table *t, struct slice name)
{
	for (size_t k = 0; k < t->n; k++)
		if (t->list[k].as != KNOWN_LOST &&
			slice_eq(t->list[k].name, name))
			return true;
	return false;
}

static void mark(struct imap *i, struct known *k)
{
	struct notify *n = i->notify;

	n->n_dirty += !k->dirty;
	k->dirty = true;
	k->foreign |= !i->acting;
}

void known_mark(struct imap *i, uint32_t owner, uint64_t id)
{
	struct notify *n = i->notify;
	struct known *k = known_find(&n->now, owner, id);

	if (k)
		mark(i, k);
	for (size_t at = 0; n->walking && at < n->next.n; at++)
		if (n->next.list[at].id == id &&
			n->next.list[at].owner == owner)
			mark(i, &n->next.list[at]);
}

void known_take_numbers(struct known *k, const struct mailbox_row *row)
{
	k->modseq = row->modseq;
	k->uidvalidity = row->uidvalidity;
	k->uidnext = row->uidnext;
	k->exists = row->exists;
	k->unseen = row->unseen;
}

void known_replace(struct notify *n)
{
	if (n->next.n)
		qsort(n->next.list, n->next.n, sizeof(*n->next.list), by_key);
	n->n_dirty = 0;
	for (size_t k = 0; k < n->next.n; k++) {
		struct known *new = &n->next.list[k];
		const struct known *old =
			known_find(&n->now, new->owner, new->id);
		new->dirty |= old && old->dirty;
		new->foreign |= old && old->foreign;
		n->n_dirty += new->dirty;
	}
	known_free(&n->now);
	n->now = n->next;
	n->next = (struct known_table){ 0 };
}
