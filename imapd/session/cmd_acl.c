/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 3). Identifiers are
 * "anyone", a user's address, and "$" with a group's name; "-" before one takes
 * rights away. The user whose account it is has all rights, always.
 */
#include <bastide/directory.h>

#include "place.h"

/* Whose account it is. */
static bool is_owner(const struct place *p, const struct acl_row *who)
{
	return who->who == ACL_USER && who->id == account_number(p->account);
}

static enum err find_who(struct imap *i, struct slice text, struct acl_row *out)
{
	enum err e = acl_who_parse(i->tenant->store, text, out);

	if (e == ERR_NOTFOUND)
		i->cmd.text = "There is no such user or group";
	return e;
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
		enum err e = acl_who_text(
			i->tenant->store, &rows[k], i->arena, &who);
		if (e == ERR_NOTFOUND || is_owner(&p, &rows[k]))
			continue;
		TRY(e);
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
	struct acl_row who;
	struct place p;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!imap_astring(c, i->arena, &text) || text.n == 0 || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place(i, name, RIGHT_ADMIN, &p));
	TRY(find_who(i, text, &who));
	buf_adds(&i->out, "* LISTRIGHTS ");
	put_mailbox(i, p.row.name);
	buf_addc(&i->out, ' ');
	put_astring(&i->out, text);
	buf_addc(&i->out, ' ');
	if (is_owner(&p, &who))
		put_rights(&i->out, RIGHTS_ALL);
	else
		buf_adds(&i->out, "\"\" l r s w i p k x t e a c d");
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* --- changing ------------------------------------------------------------------- */

static enum err change(struct imap *i, const struct place *p,
	struct acl_row *who, char sign, unsigned rights)
{
	struct acl_row rows[LIMIT_ACL];
	size_t n;

	TRY(acl_list(p->account, p->row.id, rows, &n));
	for (size_t k = 0; k < n; k++)
		if (rows[k].who == who->who && rows[k].id == who->id &&
			rows[k].negative == who->negative)
			who->rights = rows[k].rights;
	if (sign == '+')
		rights |= who->rights;
	else if (sign == '-')
		rights = who->rights & ~rights;
	who->rights = rights;
	TRY(store_begin(i->tenant->store));
	return imap_commit(i, acl_set(p->account, p->row.id, who));
}

static enum err set(struct imap *i, struct slice name, struct slice text,
	char sign, unsigned rights)
{
	struct acl_row who;
	struct place p;
	char letters[RIGHTS_TEXT];

	TRY(imap_place(i, name, RIGHT_ADMIN, &p));
	TRY(find_who(i, text, &who));
	if (is_owner(&p, &who)) {
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
