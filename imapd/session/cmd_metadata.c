/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * GETMETADATA and SETMETADATA (RFC 5464). Private entries are the user's own,
 * shared ones those of all who see the mailbox. What the server shares is made
 * by the server: clients cannot change it.
 */
#include "metadata.h"

/* BATCH values of metadata_put.c. */
#define ARENA MIB(1)

_Static_assert(LIMIT_METADATA == 65536, "as METADATA_TOO_LONG says");

/* --- GETMETADATA -------------------------------------------------------------------- */

struct get {
	struct metadata_walk walk;
	struct mailbox_row box;
	struct entry entries[LIMIT_METADATA_ENTRIES];
};

static void abandon(struct imap *i)
{
	struct get *g = i->cmd.work;

	arena_free(g->walk.arena);
}

static enum err more(struct imap *i)
{
	struct get *g = i->cmd.work;

	TRY(metadata_put(i, &g->walk, loop_now_us()));
	if (g->walk.longest)
		i->cmd.code = imap_text(
			i, "METADATA LONGENTRIES %u", g->walk.longest);
	return ERR_OK;
}

/* The empty name is the server's. */
static enum err find_box(
	struct imap *i, struct slice name, struct mailbox_row *box)
{
	if (name.n == 0)
		return ERR_OK;
	return mailbox_find(i->account, name, i->arena, box);
}

/* Options stand before the mailbox in the grammar, behind it in the examples. */
static enum err parse_get(struct imap *i, struct get *g)
{
	struct cursor *c = &i->cmd.args;
	struct metadata_walk *w = &g->walk;
	struct cursor look;

	w->options.max_size = UINT32_MAX;
	if (!p_sp(c))
		return ERR_SYNTAX;
	bool options = p_peek(c) == '(';
	if (options && (!metadata_options(c, &w->options) || !p_sp(c)))
		return ERR_SYNTAX;
	if (!imap_mailbox(i, c, &w->name) || !p_sp(c))
		return ERR_SYNTAX;
	look = *c;
	if (!options && metadata_options(&look, &w->options)) {
		*c = look;
		if (!p_sp(c))
			return ERR_SYNTAX;
	}
	TRY(metadata_entries(c, i->arena, g->entries, &w->n));
	return p_end(c) ? ERR_OK : ERR_SYNTAX;
}

enum err cmd_getmetadata(struct imap *i)
{
	struct get *g = arena_alloc(i->arena, sizeof(*g));

	if (!g)
		return ERR_NOMEM;
	TRY(parse_get(i, g));
	TRY(find_box(i, g->walk.name, &g->box));
	g->walk.account = i->account;
	g->walk.box = g->walk.name.n ? &g->box : NULL;
	g->walk.entries = g->entries;
	g->walk.arena = arena_new(ARENA);
	if (!g->walk.arena)
		return ERR_NOMEM;
	i->cmd.work = g;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return more(i);
}

/* --- SETMETADATA -------------------------------------------------------------------- */

/* RFC 6154 4: a use, or none. */
static enum err set_use(struct imap *i, uint64_t box, struct slice value)
{
	enum special_use use = SPECIAL_NONE;

	if (value.n && (value.p[0] != '\\' ||
			       !imap_special_use(slice_from(value, 1), &use))) {
		i->cmd.error_code = "USEATTR";
		i->cmd.text = "No such special use";
		return ERR_CONFLICT;
	}
	return mailbox_set_special(i->account, box, use);
}

static enum err too_many(struct imap *i)
{
	i->cmd.error_code = "METADATA TOOMANY";
	i->cmd.text = "No more entries have room here";
	return ERR_LIMIT;
}

static enum err set_one(
	struct imap *i, const struct mailbox_row *box, const struct entry *e)
{
	if (!box && e->shared) {
		i->cmd.text = "What the server shares cannot be changed";
		return ERR_NOPERM;
	}
	if (box && !e->shared && slice_ieqs(e->path, "/specialuse"))
		return set_use(i, box->id, e->value);
	if (e->value.n > LIMIT_METADATA) {
		i->cmd.error_code = METADATA_TOO_LONG;
		i->cmd.text = "The value is too long";
		return ERR_LIMIT;
	}
	enum err err = metadata_set(i->account,
		box ? box->id : METADATA_ACCOUNT,
		e->shared ? METADATA_SHARED : i->st.account, e->path, e->value);
	return err == ERR_LIMIT ? too_many(i) : err;
}

static enum err set_all(struct imap *i, const struct mailbox_row *box,
	const struct entry *list, size_t n)
{
	for (size_t k = 0; k < n; k++)
		TRY(set_one(i, box, &list[k]));
	return ERR_OK;
}

/* 4.3: all or nothing. */
enum err cmd_setmetadata(struct imap *i)
{
	struct entry *list =
		arena_array(i->arena, struct entry, LIMIT_METADATA_ENTRIES);
	struct cursor *c = &i->cmd.args;
	struct mailbox_row box;
	struct slice name;
	size_t n;

	if (!list)
		return ERR_NOMEM;
	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c))
		return ERR_SYNTAX;
	enum err e = metadata_values(c, i->arena, list, &n);
	if (e == ERR_LIMIT)
		return too_many(i);
	TRY(e);
	if (!p_end(c))
		return ERR_SYNTAX;
	TRY(find_box(i, name, &box));
	TRY(store_begin(i->tenant->store));
	return imap_commit(i, set_all(i, name.n ? &box : NULL, list, n));
}
