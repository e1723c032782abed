/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The file `spare`: empty, with space reserved for it. On a full disk pages
 * and maps could not be written, so no journal file could retire, and what
 * deleting frees would be eaten by the journal that says so. Then the spare
 * goes, what retires makes room, and a new spare is kept as soon as there is
 * room for one.
 */
#include "internal.h"

#define NAME "spare"
#define AGAIN_S 10

bool spare_is(const char *name)
{
	return strcmp(name, NAME) == 0;
}

bool spare_use(struct store *s)
{
	if (!s->spare.kept)
		return false;
	s->spare.kept = false;
	s->spare.again = store_clock() + AGAIN_S;
	if (store_remove(s, NAME) != ERR_OK)
		store_fail(s, ERR_IO);
	return s->failed == ERR_OK;
}

/* One that a process left; its space is for opening. */
enum err spare_release(struct store *s)
{
	return store_remove(s, NAME);
}

static enum err make(struct store *s)
{
	struct medium_file *f;

	TRY(store_remove(s, NAME));
	TRY(s->m->open(s->m, NAME, true, &f));
	enum err e = s->m->reserve(f, SPARE_FILE);
	s->m->close(f);
	if (e != ERR_OK)
		TRY(store_remove(s, NAME));
	return e;
}

bool spare_step(struct store *s)
{
	if (s->spare.kept || store_clock() < s->spare.again)
		return false;
	enum err e = make(s);
	s->spare.kept = e == ERR_OK;
	s->spare.again = store_clock() + AGAIN_S;
	if (e != ERR_OK && e != ERR_NOSPACE)
		store_fail(s, e);
	return e == ERR_OK;
}
