/* SPDX-License-Identifier: EUPL-1.2 */
/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7). */
#include "place.h"

static bool one_name(struct imap *i, struct slice *name)
{
	struct cursor *c = &i->cmd.args;

	return p_sp(c) && imap_mailbox(i, c, name) && p_end(c);
}

/* A name that ends with the separator announces children to come: the mailbox
 * itself is made all the same. */
static struct slice without_last_separator(struct slice name)
{
	if (name.n > 1 && name.p[name.n - 1] == '/')
		name.n--;
	return name;
}

static enum err create(struct imap *i, const struct place *p,
	enum special_use use, struct mailbox_row *made)
{
	uint64_t id;

	TRY(mailbox_create(p->account, p->inner, use, &id));
	return mailbox_get(p->account, id, i->arena, made);
}

/* RFC 6154 3: "(USE (\Archive))". A mailbox has one use at most: ERR_CONFLICT
 * for more, and for one that we do not know. */
static enum err parse_use(struct imap *i, enum special_use *out)
{
	struct cursor *c = &i->cmd.args;
	enum special_use use;
	enum err e = ERR_OK;
	struct slice name;

	if (!p_word(c, "(USE ("))
		return ERR_SYNTAX;
	for (unsigned n = 0; !p_char(c, ')'); n++) {
		if ((n && !p_sp(c)) || !p_char(c, '\\') || !imap_atom(c, &name))
			return ERR_SYNTAX;
		if (!imap_special_use(name, &use) || (n && use != *out))
			e = ERR_CONFLICT;
		else
			*out = use;
	}
	return p_char(c, ')') ? e : ERR_SYNTAX;
}

static enum err parse_create(
	struct imap *i, struct slice *name, enum special_use *use)
{
	struct cursor *c = &i->cmd.args;
	enum err e = ERR_OK;

	*use = SPECIAL_NONE;
	if (!p_sp(c) || !imap_mailbox(i, c, name))
		return ERR_SYNTAX;
	if (p_sp(c))
		e = parse_use(i, use);
	return p_end(c) ? e : ERR_SYNTAX;
}

static enum err create_mailbox(struct imap *i, struct slice name,
	enum special_use use, struct mailbox_row *made)
{
	struct place p;

	TRY(imap_place_new(i, without_last_separator(name), &p));
	TRY(store_begin(i->tenant->store));
	return imap_commit(i, create(i, &p, use, made));
}

enum err cmd_create(struct imap *i)
{
	struct slice name;
	enum special_use use;
	struct mailbox_row made;
	char id[OID_TEXT + 1];
	enum err e = parse_create(i, &name, &use);

	if (e == ERR_SYNTAX)
		return e;
	if (e == ERR_OK)
		e = create_mailbox(i, name, use, &made);
	if (e == ERR_CONFLICT) {
		i->cmd.error_code = "USEATTR";
		i->cmd.text = "It cannot have that use, or another one has it";
	}
	if (e == ERR_OK) { /* RFC 8474 4.1 */
		oid_text(&made.oid, id);
		i->cmd.code = imap_text(i, "MAILBOXID (%s)", id);
	}
	if (e == ERR_SYNTAX) { /* well written, but no possible name */
		i->cmd.error_code = "CANNOT";
		i->cmd.text = "A mailbox cannot have that name";
		return ERR_UNSUPPORTED;
	}
	return e;
}

enum err cmd_delete(struct imap *i)
{
	struct slice name;
	struct place p;

	if (!one_name(i, &name))
		return ERR_SYNTAX;
	TRY(imap_place(i, name, RIGHT_DELETE_MAILBOX, &p));
	TRY(store_begin_freeing(i->tenant->store));
	TRY(imap_commit(i, mailbox_delete(p.account, p.row.id)));
	if (i->st.selected && i->box == p.account && i->st.mailbox == p.row.id)
		imap_deselect(i);
	return ERR_OK;
}

enum err cmd_rename(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice from, to;
	struct place old, new;

	if (!p_sp(c) || !imap_mailbox(i, c, &from) || !p_sp(c) ||
		!imap_mailbox(i, c, &to) || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place(i, from, RIGHT_DELETE_MAILBOX, &old));
	TRY(imap_place_new(i, without_last_separator(to), &new));
	if (old.account != new.account) {
		i->cmd.error_code = "CANNOT";
		i->cmd.text = "It cannot move to another account: copy it";
		return ERR_UNSUPPORTED;
	}
	TRY(store_begin(i->tenant->store));
	enum err e = imap_commit(
		i, mailbox_rename(old.account, old.row.id, new.inner));
	if (e == ERR_SYNTAX) {
		i->cmd.text = "A mailbox cannot have that name";
		return ERR_UNSUPPORTED;
	}
	return e;
}

static enum err subscribe(struct imap *i, bool on)
{
	struct slice name;

	if (!one_name(i, &name))
		return ERR_SYNTAX;
	TRY(store_begin(i->tenant->store));
	return imap_commit(i, subscription_set(i->account, name, on));
}

enum err cmd_subscribe(struct imap *i)
{
	return subscribe(i, true);
}

enum err cmd_unsubscribe(struct imap *i)
{
	return subscribe(i, false);
}
