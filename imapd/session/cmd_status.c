/* SPDX-License-Identifier: EUPL-1.2 */
/* STATUS (RFC 3501 6.3.10, RFC 7162 3.1.7): one row of the store. */
#include "imap.h"

enum status_kind {
	STATUS_MESSAGES,
	STATUS_RECENT,
	STATUS_UIDNEXT,
	STATUS_UIDVALIDITY,
	STATUS_UNSEEN,
	STATUS_HIGHESTMODSEQ,
	STATUS_KINDS
};

static const char *const names[STATUS_KINDS] = {
	[STATUS_MESSAGES] = "MESSAGES",
	[STATUS_RECENT] = "RECENT",
	[STATUS_UIDNEXT] = "UIDNEXT",
	[STATUS_UIDVALIDITY] = "UIDVALIDITY",
	[STATUS_UNSEEN] = "UNSEEN",
	[STATUS_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
};

static bool one_item(struct cursor *c, unsigned *wanted)
{
	struct slice name;

	if (!imap_atom(c, &name))
		return false;
	for (unsigned k = 0; k < STATUS_KINDS; k++)
		if (slice_ieqs(name, names[k])) {
			*wanted |= 1u << k;
			return true;
		}
	return false;
}

static enum err count_recent(
	struct imap *i, const struct mailbox_row *row, uint64_t *out)
{
	uint32_t uids[1000], from = row->recent;
	size_t n;

	*out = 0;
	do {
		TRY(message_uids(i->account, row->id, from, uids, 1000, &n));
		*out += n;
		if (n)
			from = uids[n - 1] + 1;
	} while (n == 1000);
	return ERR_OK;
}

static enum err value_of(struct imap *i, const struct mailbox_row *row,
	unsigned kind, uint64_t *out)
{
	switch (kind) {
	case STATUS_MESSAGES:
		*out = row->exists;
		break;
	case STATUS_RECENT:
		return count_recent(i, row, out);
	case STATUS_UIDNEXT:
		*out = row->uidnext;
		break;
	case STATUS_UIDVALIDITY:
		*out = row->uidvalidity;
		break;
	case STATUS_UNSEEN:
		*out = row->unseen;
		break;
	default:
		*out = row->modseq;
		break;
	}
	return ERR_OK;
}

enum err cmd_status(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct mailbox_row row;
	struct slice name;
	unsigned wanted = 0;
	const char *gap = "";

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!p_char(c, '('))
		return ERR_SYNTAX;
	do {
		if (!one_item(c, &wanted))
			return ERR_SYNTAX;
	} while (p_sp(c));
	if (!p_char(c, ')') || !p_end(c))
		return ERR_SYNTAX;
	TRY(mailbox_find(i->account, name, i->arena, &row));
	if (!row.selectable)
		return ERR_NOTFOUND;
	if (wanted & 1u << STATUS_HIGHESTMODSEQ)
		imap_enable(i, ENABLED_CONDSTORE);
	buf_adds(&i->out, "* STATUS ");
	put_mailbox(i, row.name);
	buf_adds(&i->out, " (");
	for (unsigned k = 0; k < STATUS_KINDS; k++) {
		uint64_t v;
		if (!(wanted >> k & 1))
			continue;
		TRY(value_of(i, &row, k, &v));
		buf_addf(&i->out, "%s%s %llu", gap, names[k],
			(unsigned long long)v);
		gap = " ";
	}
	buf_adds(&i->out, ")\r\n");
	imap_flush(i);
	return ERR_OK;
}
