/* SPDX-License-Identifier: EUPL-1.2 */
/* COMPARATOR (RFC 5255 4.7): how SEARCH, SORT and THREAD compare texts. */
#include "imap.h"

static const char *const names[] = {
	[COLLATE_UNICODE_CASEMAP] = "i;unicode-casemap",
	[COLLATE_ASCII_CASEMAP] = "i;ascii-casemap",
	[COLLATE_OCTET] = "i;octet",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* collation-wild of RFC 4790 3.2: "*" stands for any text. */
static bool is_like(struct slice name, struct slice wild)
{
	struct slice star = { 0 }, behind = { 0 };

	while (name.n || wild.n) {
		if (wild.n && wild.p[0] == '*') {
			star = wild = slice_from(wild, 1);
			behind = name;
		} else if (wild.n && name.n &&
			   ascii_lower(wild.p[0]) == name.p[0]) {
			wild = slice_from(wild, 1);
			name = slice_from(name, 1);
		} else if (star.p && behind.n) {
			wild = star;
			name = behind = slice_from(behind, 1);
		} else {
			return false;
		}
	}
	return true;
}

/* RFC 4790 3.3: "+" changes nothing; an inverted order is not provided. */
static bool matches(size_t k, struct slice wanted)
{
	if (wanted.n && wanted.p[0] == '+')
		wanted = slice_from(wanted, 1);
	if (slice_ieqs(wanted, "default"))
		return k == COLLATE_UNICODE_CASEMAP;
	return is_like(slice_str(names[k]), wanted);
}

static void put_comparator(struct imap *i, unsigned matched)
{
	const char *gap = " (";

	buf_addf(&i->out, "* COMPARATOR %s", names[i->st.collation]);
	if (matched & (matched - 1)) { /* more than one */
		for (size_t k = 0; k < N_NAMES; k++)
			if (matched >> k & 1) {
				buf_addf(&i->out, "%s%s", gap, names[k]);
				gap = " ";
			}
		buf_addc(&i->out, ')');
	}
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
}

enum err cmd_comparator(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	bool asked = !p_end(c);
	unsigned matched = 0;
	size_t first = N_NAMES;

	while (!p_end(c)) {
		struct slice wanted;
		if (!p_sp(c) || !imap_astring(c, i->arena, &wanted))
			return ERR_SYNTAX;
		for (size_t k = 0; k < N_NAMES; k++)
			if (matches(k, wanted)) {
				matched |= 1u << k;
				if (first == N_NAMES)
					first = k;
			}
	}
	if (asked && !matched) {
		i->cmd.error_code = "BADCOMPARATOR";
		return ERR_UNSUPPORTED;
	}
	if (asked)
		i->st.collation = (enum mail_collation)first;
	put_comparator(i, matched);
	return ERR_OK;
}
