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

/* The empty name is the server's: the user's own account. RFC 5464 3.3: "l" and
 * one of "rswip"; more to change what others see. */
static enum err find_place(
	struct imap *i, struct slice name, unsigned needed, struct place *out)
{
	*out = (struct place){ .account = i->account, .rights = RIGHTS_ALL };
	if (name.n == 0)
		return ERR_OK;
	TRY(imap_place(i, name, RIGHT_LOOKUP | needed, out));
	return metadata_allowed(out->rights) ? ERR_OK : ERR_NOPERM;
}

/* --- GETMETADATA -------------------------------------------------------------------- */

struct get {
	struct metadata_walk walk;
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
	struct place p;

	if (!g)
		return ERR_NOMEM;
	TRY(parse_get(i, g));
	TRY(find_place(i, g->walk.name, 0, &p));
	g->walk.account = p.account;
	g->walk.box = p.row.id;
	if (place_is_own(i, p.account))
		g->walk.use = p.row.special;
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

/* RFC 6154 4: a use, or none. One that is private is not kept for mailboxes of
 * others. */
static enum err set_use(
	struct imap *i, const struct place *p, struct slice value)
{
	enum special_use use = SPECIAL_NONE;

	if (!place_is_own(i, p->account)) {
		i->cmd.error_code = "METADATA NOPRIVATE";
		i->cmd.text = "Only mailboxes of your own have uses";
		return ERR_UNSUPPORTED;
	}
	if (value.n && (value.p[0] != '\\' ||
			       !imap_special_use(slice_from(value, 1), &use))) {
		i->cmd.error_code = "USEATTR";
		i->cmd.text = "No such special use";
		return ERR_CONFLICT;
	}
	return mailbox_set_special(p->account, p->row.id, use);
}

static enum err too_many(struct imap *i)
{
	i->cmd.error_code = "METADATA TOOMANY";
	i->cmd.text = "No more entries have room here";
	return ERR_LIMIT;
}

static enum err set_one(
	struct imap *i, const struct place *p, const struct entry *e)
{
	bool server = p->row.id == METADATA_ACCOUNT;

	if (server && e->shared) {
		i->cmd.text = "What the server shares cannot be changed";
		return ERR_NOPERM;
	}
	if (!server && !e->shared && slice_ieqs(e->path, "/specialuse"))
		return set_use(i, p, e->value);
	if (e->value.n > LIMIT_METADATA) {
		i->cmd.error_code = METADATA_TOO_LONG;
		i->cmd.text = "The value is too long";
		return ERR_LIMIT;
	}
	enum err err = metadata_set(p->account, p->row.id,
		e->shared ? METADATA_SHARED : i->st.account, e->path, e->value);
	return err == ERR_LIMIT ? too_many(i) : err;
}

static enum err set_all(struct imap *i, const struct place *p,
	const struct entry *list, size_t n)
{
	for (size_t k = 0; k < n; k++)
		TRY(set_one(i, p, &list[k]));
	return ERR_OK;
}

static unsigned rights_to_set(const struct entry *list, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (list[k].shared)
			return RIGHT_WRITE;
	return 0;
}

/* 4.3: all or nothing. */
static void tell_all(struct imap *i, const struct place *p,
	const struct entry *list, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const char *name = imap_text(i, "%s%.*s",
			list[k].shared ? "/shared" : "/private",
			SLICE_ARG(list[k].path));
		imap_tell_metadata(i, p->account, p->row.id, list[k].shared,
			slice_str(name));
	}
}

enum err cmd_setmetadata(struct imap *i)
{
	struct entry *list =
		arena_array(i->arena, struct entry, LIMIT_METADATA_ENTRIES);
	struct cursor *c = &i->cmd.args;
	struct slice name;
	struct place p;
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
	TRY(find_place(i, name, rights_to_set(list, n), &p));
	TRY(store_begin(i->tenant->store));
	TRY(imap_commit(i, set_all(i, &p, list, n)));
	tell_all(i, &p, list, n);
	return ERR_OK;
}
