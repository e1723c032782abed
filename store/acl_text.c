/* SPDX-License-Identifier: EUPL-1.2 */
/* Rights and identifiers as text, the same for IMAP and for administrators
 * (RFC 4314 2, 2.1, 2.1.1). */
#include <bastide/acl.h>
#include <bastide/directory.h>

/* In the order of the bits RIGHT_*. */
static const char letters[] = "lrswipkxtea";

/* RFC 2086's rights, as what they are now. */
static const struct {
	char letter;
	unsigned rights;
} virtual_rights[] = {
	{ 'c', RIGHT_CREATE | RIGHT_DELETE_MAILBOX },
	{ 'd', RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE },
};
#define N_VIRTUAL (sizeof(virtual_rights) / sizeof(virtual_rights[0]))

bool rights_parse(struct slice text, unsigned *out)
{
	*out = 0;
	for (size_t k = 0; k < text.n; k++) {
		const char *at = text.p[k] ? strchr(letters, text.p[k]) : NULL;
		unsigned bits = at ? 1u << (at - letters) : 0;
		for (size_t v = 0; v < N_VIRTUAL; v++)
			if (text.p[k] == virtual_rights[v].letter)
				bits = virtual_rights[v].rights;
		if (!bits)
			return false;
		*out |= bits;
	}
	return true;
}

void rights_text(unsigned rights, char out[RIGHTS_TEXT])
{
	for (size_t k = 0; letters[k]; k++)
		if (rights >> k & 1)
			*out++ = letters[k];
	for (size_t v = 0; v < N_VIRTUAL; v++)
		if (rights & virtual_rights[v].rights)
			*out++ = virtual_rights[v].letter;
	*out = '\0';
}

enum err acl_who_parse(struct store *s, struct slice text, struct acl_row *out)
{
	uint32_t account;

	*out = (struct acl_row){ 0 };
	if (text.n && text.p[0] == '-') {
		out->negative = true;
		text = slice_from(text, 1);
	}
	if (slice_ieqs(text, "anyone"))
		return ERR_OK;
	if (text.n && text.p[0] == '$') {
		out->who = ACL_GROUP;
		return group_find(s, slice_from(text, 1), &out->id);
	}
	enum err e = address_resolve(s, text, &account);
	out->who = ACL_USER;
	out->id = e == ERR_OK ? account : 0;
	return e == ERR_SYNTAX || e == ERR_LIMIT ? ERR_NOTFOUND : e;
}

static enum err find_name(struct store *s, const struct acl_row *r,
	struct arena *arena, struct slice *out)
{
	struct user_row user;
	struct group_row group;

	if (r->who == ACL_ANYONE) {
		*out = slice_str("anyone");
	} else if (r->who == ACL_USER) {
		TRY(user_get(s, (uint32_t)r->id, arena, &user));
		*out = user.address;
	} else {
		TRY(group_get(s, r->id, arena, &group));
		*out = group.name;
	}
	return ERR_OK;
}

enum err acl_who_text(struct store *s, const struct acl_row *r,
	struct arena *arena, struct slice *out)
{
	struct slice name;
	struct buf b;

	TRY(find_name(s, r, arena, &name));
	buf_init(&b, name.n + 2);
	if (r->negative)
		buf_addc(&b, '-');
	if (r->who == ACL_GROUP)
		buf_addc(&b, '$');
	buf_add_slice(&b, name);
	*out = arena_copy(arena, buf_slice(&b));
	enum err e = buf_err(&b);
	buf_free(&b);
	return e == ERR_OK && !out->p ? ERR_NOMEM : e;
}
