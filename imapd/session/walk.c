/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All mailboxes that the user may see: his own, then those that others let him
 * look up, below the two roots. A root and an owner are told of with the first
 * mailbox below them.
 */
#include <stdio.h>

#include <bastide/directory.h>

#include "place.h"

/* Stage 0 is the user's own account, then one for each root. */
#define OWN 0
#define END (PLACE_ROOTS + 1)

static void remember(struct walk *w, struct slice name)
{
	size_t n = name.n < LIMIT_MAILBOX_NAME ? name.n : LIMIT_MAILBOX_NAME;

	memcpy(w->after_text, name.p, n);
	w->after = slice_of(w->after_text, n);
}

void walk_end(struct imap *i, struct walk *w)
{
	if (w->account && w->stage != OWN)
		place_release(i, w->account);
	w->account = NULL;
}

static enum err own_batch(struct imap *i, struct walk *w, struct arena *arena,
	struct place *out, size_t max, size_t *n_out)
{
	struct mailbox_row rows[WALK_ROWS];
	size_t n;

	if (max > WALK_ROWS)
		max = WALK_ROWS;
	TRY(mailbox_list(i->account, w->after, arena, rows, max, &n));
	for (size_t k = 0; k < n; k++)
		out[k] = (struct place){ .account = i->account,
			.row = rows[k],
			.inner = rows[k].name,
			.rights = RIGHTS_ALL };
	if (n)
		remember(w, rows[n - 1].name);
	*n_out = n;
	return ERR_OK;
}

/* --- others ------------------------------------------------------------------------- */

/* The next account of the root's kind that shares something; 0: none. */
static enum err next_owner(struct imap *i, struct walk *w, struct arena *arena,
	const struct place_root *root)
{
	struct store *s = i->tenant->store;
	struct user_row user;
	size_t n;

	for (;;) {
		TRY(share_list(s, i->st.account, w->owner, &w->owner, 1, &n));
		if (n == 0) {
			w->owner = 0;
			return ERR_OK;
		}
		enum err e = user_get(s, w->owner, arena, &user);
		if (e == ERR_OK && user.shared == root->shared)
			break;
		if (e != ERR_OK && e != ERR_NOTFOUND)
			return e;
	}
	TRY(place_open(i, w->owner, &w->account));
	int len = snprintf(w->prefix_text, sizeof(w->prefix_text), "%s%.*s/",
		root->prefix, SLICE_ARG(user.address));
	w->prefix = slice_of(w->prefix_text, (size_t)len);
	w->after = slice_of("", 0);
	w->told_owner = false;
	return ERR_OK;
}

/* A name above mailboxes: the prefix without its '/'. */
static void put_parent(struct place *out, struct slice prefix)
{
	*out = (struct place){ .rights = RIGHT_LOOKUP };
	out->row.name = slice_head(prefix, prefix.n - 1);
	out->row.has_children = true;
}

/* Is there one below it that the user may see? */
static enum err visible_children(struct walk *w, struct arena *arena,
	const struct mailbox_row *row, bool *out)
{
	struct mailbox_row below;
	struct slice after = row->name;
	unsigned rights = 0;
	size_t n;

	for (*out = false; row->has_children && !*out;) {
		TRY(mailbox_list(w->account, after, arena, &below, 1, &n));
		if (n == 0)
			break;
		after = below.name;
		if (after.n <= row->name.n ||
			!slice_eq(slice_head(after, row->name.n), row->name))
			break;
		if (after.p[row->name.n] != '/')
			continue;
		TRY(acl_rights(w->account, below.id, &w->who, &rights));
		*out = rights & RIGHT_LOOKUP;
	}
	return ERR_OK;
}

static enum err put_shared(struct walk *w, struct arena *arena,
	const struct mailbox_row *row, struct place *out)
{
	char *name = arena_alloc(arena, w->prefix.n + row->name.n);
	bool children;

	*out = (struct place){ .account = w->account, .inner = row->name };
	if (!name)
		return ERR_NOMEM;
	TRY(acl_rights(w->account, row->id, &w->who, &out->rights));
	if (!(out->rights & RIGHT_LOOKUP))
		return ERR_OK;
	TRY(visible_children(w, arena, row, &children));
	memcpy(name, w->prefix.p, w->prefix.n);
	memcpy(name + w->prefix.n, row->name.p, row->name.n);
	out->row = *row;
	out->row.has_children = children;
	/* Clients would take it for the user's own \Sent. */
	out->row.special = SPECIAL_NONE;
	out->row.name = slice_of(name, w->prefix.n + row->name.n);
	return ERR_OK;
}

static enum err owner_batch(struct walk *w, struct arena *arena,
	const struct place_root *root, struct place *out, size_t max,
	size_t *n_out, bool *last)
{
	struct mailbox_row rows[WALK_ROWS];
	size_t n, put = 0, want = max - 2 < WALK_ROWS ? max - 2 : WALK_ROWS;
	struct place p;

	TRY(mailbox_list(w->account, w->after, arena, rows, want, &n));
	*last = n < want;
	if (n)
		remember(w, rows[n - 1].name);
	for (size_t k = 0; k < n; k++) {
		TRY(put_shared(w, arena, &rows[k], &p));
		if (!(p.rights & RIGHT_LOOKUP))
			continue;
		if (!w->told_root)
			put_parent(&out[put++], slice_str(root->prefix));
		if (!w->told_owner)
			put_parent(&out[put++], w->prefix);
		w->told_root = w->told_owner = true;
		out[put++] = p;
	}
	*n_out = put;
	return ERR_OK;
}

static enum err others_batch(struct imap *i, struct walk *w,
	struct arena *arena, struct place *out, size_t max, size_t *n_out)
{
	const struct place_root *root = &place_roots[w->stage - 1];
	bool last = false;

	for (*n_out = 0; *n_out == 0;) {
		if (last || !w->account) {
			walk_end(i, w);
			TRY(next_owner(i, w, arena, root));
			if (!w->owner)
				return ERR_OK;
		}
		TRY(owner_batch(w, arena, root, out, max, n_out, &last));
	}
	/* The batch lives: its owner is let go in the next call. */
	if (last)
		remember(w, slice_str("\xff"));
	return ERR_OK;
}

enum err walk_next(struct imap *i, struct walk *w, struct arena *arena,
	struct place *out, size_t max, size_t *n_out)
{
	*n_out = 0;
	if (w->stage == OWN)
		TRY(own_batch(i, w, arena, out, max, n_out));
	while (*n_out == 0 && w->stage < END) {
		if (w->stage != OWN)
			TRY(others_batch(i, w, arena, out, max, n_out));
		if (*n_out)
			break;
		if (w->stage == OWN)
			TRY(acl_identity(
				i->tenant->store, i->st.account, &w->who));
		w->stage++;
		w->owner = 0;
		w->told_root = false;
	}
	return ERR_OK;
}
