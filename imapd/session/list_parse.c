/* SPDX-License-Identifier: EUPL-1.2 */
/* What LIST asks for: list of RFC 5258 6, with the options of RFC 5819, 6154,
 * 8440 and 9590. */
#include "list.h"

struct option {
	const char *name;
	unsigned bit;
};
static const struct option selections[] = {
	{ "SUBSCRIBED", SELECT_SUBSCRIBED },
	{ "SPECIAL-USE", SELECT_SPECIAL_USE },
	{ "REMOTE", SELECT_REMOTE },
	{ "RECURSIVEMATCH", SELECT_RECURSIVEMATCH },
	{ NULL, 0 },
};
static const struct option returns[] = {
	{ "SUBSCRIBED", WITH_SUBSCRIBED },
	{ "CHILDREN", WITH_CHILDREN },
	{ "SPECIAL-USE", WITH_SPECIAL_USE },
	{ "STATUS", WITH_STATUS },
	{ "METADATA", WITH_METADATA },
	{ "MYRIGHTS", WITH_MYRIGHTS },
	{ NULL, 0 },
};

/* RFC 5258 3: an option that is not known is BAD; twice is once. */
static bool option(struct cursor *c, const struct option *table, unsigned *bit)
{
	struct slice name;

	if (!imap_atom(c, &name))
		return false;
	for (; table->name; table++)
		if (slice_ieqs(name, table->name)) {
			*bit = table->bit;
			return true;
		}
	return false;
}

static bool selection(struct cursor *c, struct list *l)
{
	unsigned bit;

	if (!p_char(c, '('))
		return true;
	l->extended = true;
	if (p_peek(c) != ')')
		do {
			if (!option(c, selections, &bit))
				return false;
			l->select |= bit;
		} while (p_sp(c));
	/* "As it only makes sense when other selection options are used." */
	if ((l->select & SELECT_RECURSIVEMATCH) && !(l->select & SELECT_BASE))
		return false;
	return p_char(c, ')') && p_sp(c);
}

static enum err metadata_of(struct imap *i, struct cursor *c, struct list *l)
{
	l->entries =
		arena_array(i->arena, struct entry, LIMIT_METADATA_ENTRIES);
	if (!l->entries)
		return ERR_NOMEM;
	if (p_peek(c) != '(')
		return ERR_SYNTAX;
	return metadata_entries(c, i->arena, l->entries, &l->n_entries);
}

static enum err one_return(struct imap *i, struct cursor *c, struct list *l)
{
	unsigned bit;

	if (!option(c, returns, &bit))
		return ERR_SYNTAX;
	l->with |= bit;
	if (!(bit & (WITH_STATUS | WITH_METADATA)))
		return ERR_OK;
	if (!p_sp(c))
		return ERR_SYNTAX;
	if (bit == WITH_METADATA)
		return metadata_of(i, c, l);
	return status_items(c, &l->status) ? ERR_OK : ERR_SYNTAX;
}

static enum err return_list(struct imap *i, struct cursor *c, struct list *l)
{
	if (p_end(c))
		return ERR_OK;
	l->extended = true;
	if (!p_sp(c) || !p_word(c, "RETURN") || !p_sp(c) || !p_char(c, '('))
		return ERR_SYNTAX;
	if (p_peek(c) != ')')
		do
			TRY(one_return(i, c, l));
		while (p_sp(c));
	return p_char(c, ')') ? ERR_OK : ERR_SYNTAX;
}

static enum err one_pattern(struct imap *i, struct cursor *c, struct list *l,
	struct slice reference)
{
	struct slice pattern;

	if (!imap_pattern(i, c, &pattern))
		return ERR_SYNTAX;
	/* RFC 5258 3: "the empty string MUST be ignored for the purpose of
	 * matching". */
	if (pattern.n == 0)
		return ERR_OK;
	if (l->n_patterns == LIMIT_LIST_PATTERNS)
		return ERR_LIMIT;
	pattern = list_pattern(i->arena, reference, pattern);
	l->patterns[l->n_patterns++] = pattern;
	return pattern.p ? ERR_OK : ERR_NOMEM;
}

/* mbox-or-pat */
static enum err patterns(struct imap *i, struct cursor *c, struct list *l,
	struct slice reference)
{
	bool many = l->reply[0] == 'L' && l->reply[1] == 'I' && p_char(c, '(');

	l->extended |= many;
	do
		TRY(one_pattern(i, c, l, reference));
	while (many && p_sp(c));
	return !many || p_char(c, ')') ? ERR_OK : ERR_SYNTAX;
}

enum err list_parse(struct imap *i, struct list *l, bool *separator)
{
	struct cursor *c = &i->cmd.args;
	bool options = l->reply[0] == 'L' && l->reply[1] == 'I';
	struct slice reference;

	if (!p_sp(c) || (options && !selection(c, l)) ||
		!imap_pattern(i, c, &reference) || !p_sp(c))
		return ERR_SYNTAX;
	TRY(patterns(i, c, l, reference));
	if (options)
		TRY(return_list(i, c, l));
	if (!p_end(c))
		return ERR_SYNTAX;
	*separator = !l->extended && l->n_patterns == 0;
	if (l->select & SELECT_SUBSCRIBED) /* 3.1: it implies that */
		l->with |= WITH_SUBSCRIBED;
	return ERR_OK;
}
