/* SPDX-License-Identifier: EUPL-1.2 */
/* What a vCard must be to lie in an address book (RFC 6352 5.1, RFC 6350). */
#include <bastide/content.h>
#include <bastide/limits.h>

static size_t count(const struct content_comp *c, const char *name)
{
	size_t n = 0;

	for (const struct content_prop *p = c->props; p; p = p->next)
		n += slice_ieqs(p->name, name);
	return n;
}

enum err vcard_check(const struct content_comp *root, struct content_info *out)
{
	if (!slice_ieqs(root->name, "VCARD"))
		return ERR_SYNTAX;
	/* RFC 6350 6.7.9, RFC 2426 3.6.9: VERSION must be there. */
	if (root->children || count(root, "VERSION") != 1)
		return ERR_SYNTAX;
	struct slice version = slice_trim(content_prop(root, "VERSION")->value);
	if (!slice_eqs(version, "3.0") && !slice_eqs(version, "4.0"))
		return ERR_UNSUPPORTED;
	/* RFC 6350 6.2.1: one FN at least. */
	if (!count(root, "FN"))
		return ERR_SYNTAX;
	if (count(root, "UID") != 1)
		return ERR_TYPE;
	struct slice uid = slice_trim(content_prop(root, "UID")->value);
	if (!uid.n || uid.n > LIMIT_UID)
		return ERR_TYPE;
	out->uid = uid;
	out->component = slice_str("VCARD");
	return ERR_OK;
}
