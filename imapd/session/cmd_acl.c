/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 3). Identifiers are
 * "anyone", a user's address, and "$" with a group's name; "-" before one takes
 * rights away. The user whose account it is has all rights, always.
 */
#include <bastide/directory.h>

#include "place.h"

struct identifier {
	struct acl_row row; /* its rights: 0 */
	bool owner;
};

/* ERR_NOTFOUND: there is no such user or group. */
static enum err find_user(struct imap *i, const struct place *p,
	struct slice address, struct identifier *out)
{
	uint32_t account;

	TRY(address_resolve(i->tenant->store, address, &account));
	out->row.who = ACL_USER;
	out->row.id = account;
	out->owner = account == account_number(p->account);
	return ERR_OK;
}

static enum err find_identifier(struct imap *i, const struct place *p,
	struct slice text, struct identifier *out)
{
	enum err e = ERR_OK;

	*out = (struct identifier){ 0 };
	if (text.n && text.p[0] == '-') {
		out->row.negative = true;
		text = slice_from(text, 1);
	}
	if (slice_ieqs(text, "anyone")) {
		out->row.who = ACL_ANYONE;
	} else if (text.n && text.p[0] == '$') {
		out->row.who = ACL_GROUP;
		e = group_find(
			i->tenant->store, slice_from(text, 1), &out->row.id);
	} else {
		e = find_user(i, p, text, out);
	}
	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		e = ERR_NOTFOUND;
	if (e == ERR_NOTFOUND)
		i->cmd.text = "There is no such user or group";
	return e;
}

/* Its text, in the arena; n 0: it is nobody any more. */
static enum err put_identifier(
	struct imap *i, const struct acl_row *r, struct slice *out)
{
	struct store *s = i->tenant->store;
	const char *sign = r->negative ? "-" : "";
	struct user_row user;
	struct group_row group;
	enum err e = ERR_OK;

	switch (r->who) {
	case ACL_ANYONE:
		*out = slice_str(imap_text(i, "%sanyone", sign));
		return ERR_OK;
	case ACL_USER:
		e = user_get(s, (uint32_t)r->id, i->arena, &user);
		if (e == ERR_OK)
			*out = slice_str(imap_text(
				i, "%s%.*s", sign, SLICE_ARG(user.address)));
		break;
	case ACL_GROUP:
		e = group_get(s, r->id, i->arena, &group);
		if (e == ERR_OK)
			*out = slice_str(imap_text(
				i, "%s$%.*s", sign, SLICE_ARG(group.name)));
		break;
	}
	if (e == ERR_NOTFOUND)
		*out = slice_of("", 0);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static void put_rights(struct buf *b, unsigned rights)
{
	char text[RIGHTS_TEXT];

	rights_text(rights, text);
	put_astring(b, slice_str(text));
}

/* --- reading -------------------------------------------------------------------- */

enum err cmd_myrights(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name;
	struct place p;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place(i, name, 0, &p));
	if (!(p.rights & RIGHTS_TO_KNOW))
		return ERR_NOTFOUND;
	put_myrights(i, &p);
	imap_flush(i);
	return ERR_OK;
}

void put_myrights(struct imap *i, const struct place *p)
{
	buf_adds(&i->out, "* MYRIGHTS ");
	put_mailbox(i, p->row.name);
	buf_addc(&i->out, ' ');
	put_rights(&i->out, p->rights);
	buf_adds(&i->out, "\r\n");
}

enum err cmd_getacl(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct acl_row rows[LIMIT_ACL];
	struct slice name, who;
	struct user_row owner;
	struct place p;
	size_t n;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place(i, name, RIGHT_ADMIN, &p));
	TRY(user_get(
		i->tenant->store, account_number(p.account), i->arena, &owner));
	TRY(acl_list(p.account, p.row.id, rows, &n));
	buf_adds(&i->out, "* ACL ");
	put_mailbox(i, p.row.name);
	if (!owner.shared) {
		buf_addc(&i->out, ' ');
		put_astring(&i->out, owner.address);
		buf_addc(&i->out, ' ');
		put_rights(&i->out, RIGHTS_ALL);
	}
	for (size_t k = 0; k < n; k++) {
		TRY(put_identifier(i, &rows[k], &who));
		if (!who.n || (rows[k].who == ACL_USER &&
				      rows[k].id == owner.account))
			continue;
		buf_addc(&i->out, ' ');
		put_astring(&i->out, who);
		buf_addc(&i->out, ' ');
		put_rights(&i->out, rows[k].rights);
	}
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

enum err cmd_listrights(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name, text;
	struct identifier who;
	struct place p;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!imap_astring(c, i->arena, &text) || text.n == 0 || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place(i, name, RIGHT_ADMIN, &p));
	TRY(find_identifier(i, &p, text, &who));
	buf_adds(&i->out, "* LISTRIGHTS ");
	put_mailbox(i, p.row.name);
	buf_addc(&i->out, ' ');
	put_astring(&i->out, text);
	buf_addc(&i->out, ' ');
	if (who.owner)
		put_rights(&i->out, RIGHTS_ALL);
	else
		buf_adds(&i->out, "\"\" l r s w i p k x t e a c d");
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* --- changing ------------------------------------------------------------------- */

static enum err change(struct imap *i, const struct place *p,
	struct identifier *who, char sign, unsigned rights)
{
	struct acl_row rows[LIMIT_ACL];
	size_t n;

	TRY(acl_list(p->account, p->row.id, rows, &n));
	for (size_t k = 0; k < n; k++)
		if (rows[k].who == who->row.who && rows[k].id == who->row.id &&
			rows[k].negative == who->row.negative)
			who->row.rights = rows[k].rights;
	if (sign == '+')
		rights |= who->row.rights;
	else if (sign == '-')
		rights = who->row.rights & ~rights;
	who->row.rights = rights;
	TRY(store_begin(i->tenant->store));
	return imap_commit(i, acl_set(p->account, p->row.id, &who->row));
}

static enum err set(struct imap *i, struct slice name, struct slice text,
	char sign, unsigned rights)
{
	struct identifier who;
	struct place p;
	char letters[RIGHTS_TEXT];

	TRY(imap_place(i, name, RIGHT_ADMIN, &p));
	TRY(find_identifier(i, &p, text, &who));
	if (who.owner) {
		i->cmd.error_code = "CANNOT";
		i->cmd.text = "Whose mailbox it is has all rights, always";
		return ERR_UNSUPPORTED;
	}
	rights_text(rights, letters);
	const char *detail = imap_text(i, "%.*s %.*s%s", SLICE_ARG(text),
		sign ? 1 : 0, &sign, letters);
	TRY(place_audit(i, p.account, p.inner, slice_str(detail)));
	TRY(change(i, &p, &who, sign, rights));
	/* RFC 4314 5.5: what follows sees the new rights. */
	return place_recheck(i);
}

enum err cmd_setacl(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name, who, text;
	unsigned rights;
	char sign = 0;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!imap_astring(c, i->arena, &who) || who.n == 0 || !p_sp(c) ||
		!imap_astring(c, i->arena, &text) || !p_end(c))
		return ERR_SYNTAX;
	if (text.n && (text.p[0] == '+' || text.p[0] == '-')) {
		sign = text.p[0];
		text = slice_from(text, 1);
	}
	if (!rights_parse(text, &rights)) {
		i->cmd.text = "There are the rights lrswipkxteacd, and + or - "
			      "before them";
		return ERR_SYNTAX;
	}
	return set(i, name, who, sign, rights);
}

enum err cmd_deleteacl(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name, who;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!imap_astring(c, i->arena, &who) || who.n == 0 || !p_end(c))
		return ERR_SYNTAX;
	return set(i, name, who, 0, 0);
}
