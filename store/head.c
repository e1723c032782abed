/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The head: what proves that the store is not an old one. Given out at each
 * journal change, each minute and at the end; what only an older head needs is
 * removed when the newer one is known to be kept.
 */
#include "internal.h"

#define HEAD_S 60

/* A head that was not taken yet is not followed by the next at once. */
bool head_due(const struct store *s)
{
	return s->want_head && s->o.on_head &&
	       (s->head.serial == s->kept.serial ||
		       store_clock() - s->head_time >= HEAD_S);
}

void head_give(struct store *s)
{
	const struct position *p = &s->j.durable;
	struct head h = { .serial = s->head.serial + 1,
		.commit = p->commit,
		.journal = p->journal,
		.map_serial = s->map_serial };

	memcpy(h.chain, p->chain, sizeof(h.chain));
	memcpy(h.map_hash, s->map_hash, sizeof(h.map_hash));
	s->head = h;
	s->head_from = s->retired + 1;
	s->head_time = store_clock();
	s->want_head = false;
	s->o.on_head(s->o.arg, &h);
}

enum err head_garbage(struct store *s, uint32_t account, uint64_t map_serial)
{
	struct garbage *g = PUSH(s->garbage, s->n_garbage, s->cap_garbage);

	if (!g)
		return ERR_NOMEM;
	*g = (struct garbage){ .head = s->head.serial + 1,
		.account = account,
		.map_serial = map_serial };
	return ERR_OK;
}

static enum err remove_maps(struct store *s)
{
	char name[MAP_NAME];
	size_t left = 0;

	for (size_t i = 0; i < s->n_garbage; i++) {
		const struct garbage *g = &s->garbage[i];
		if (g->head > s->kept.serial) {
			s->garbage[left++] = *g;
			continue;
		}
		map_name(name, g->account, g->map_serial);
		TRY(store_remove(s, name));
	}
	s->n_garbage = left;
	return ERR_OK;
}

/* The oldest first: what is left is always without a gap. */
enum err head_remove_journals(struct store *s)
{
	uint64_t first =
		s->kept_from < s->kept.journal ? s->kept_from : s->kept.journal;
	char name[STORE_NAME];

	for (; s->oldest_journal < first; s->oldest_journal++) {
		journal_name(name, s->oldest_journal);
		TRY(store_remove(s, name));
	}
	return ERR_OK;
}

void store_head_refused(struct store *s)
{
	if (s->failed == ERR_OK)
		(void)spare_use(s);
}

void store_head_kept(struct store *s, uint64_t serial)
{
	if (s->failed || serial != s->head.serial)
		return; /* an older one: a newer was given since */
	s->kept = s->head;
	s->kept_from = s->head_from;
	enum err e = remove_maps(s);
	if (e == ERR_OK)
		e = head_remove_journals(s);
	if (e != ERR_OK)
		store_fail(s, e);
}
