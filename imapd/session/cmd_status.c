/* SPDX-License-Identifier: EUPL-1.2 */
/* STATUS (RFC 3501 6.3.10, RFC 9051 6.3.11): one row of the store. LIST RETURN
 * (STATUS ...) asks the same (RFC 5819). */
#include "place.h"

enum status_kind {
	STATUS_MESSAGES,
	STATUS_RECENT,
	STATUS_UIDNEXT,
	STATUS_UIDVALIDITY,
	STATUS_UNSEEN,
	STATUS_DELETED,
	STATUS_SIZE,          /* RFC 8438 */
	STATUS_HIGHESTMODSEQ, /* RFC 7162 3.1.7 */
	STATUS_APPENDLIMIT,   /* RFC 7889 3.1 */
	STATUS_MAILBOXID,     /* RFC 8474 4.3 */
	STATUS_KINDS
};

static const char *const names[STATUS_KINDS] = {
	[STATUS_MESSAGES] = "MESSAGES",
	[STATUS_RECENT] = "RECENT",
	[STATUS_UIDNEXT] = "UIDNEXT",
	[STATUS_UIDVALIDITY] = "UIDVALIDITY",
	[STATUS_UNSEEN] = "UNSEEN",
	[STATUS_DELETED] = "DELETED",
	[STATUS_SIZE] = "SIZE",
	[STATUS_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
	[STATUS_APPENDLIMIT] = "APPENDLIMIT",
	[STATUS_MAILBOXID] = "MAILBOXID",
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

bool status_items(struct cursor *c, unsigned *wanted)
{
	*wanted = 0;
	if (!p_char(c, '('))
		return false;
	do {
		if (!one_item(c, wanted))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

void status_enables(struct imap *i, unsigned wanted)
{
	if (wanted & 1u << STATUS_HIGHESTMODSEQ)
		imap_enable(i, ENABLED_CONDSTORE);
}

static enum err count_recent(
	struct account *a, const struct mailbox_row *row, uint64_t *out)
{
	uint32_t uids[1000], from = row->recent;
	size_t n;

	*out = 0;
	do {
		TRY(message_uids(a, row->id, from, uids, 1000, &n));
		*out += n;
		if (n)
			from = uids[n - 1] + 1;
	} while (n == 1000);
	return ERR_OK;
}

static void put_id(struct buf *b, const struct oid *oid)
{
	char text[OID_TEXT + 1];

	oid_text(oid, text);
	buf_addf(b, "(%s)", text);
}

static enum err put_value(struct imap *i, const struct place *p, unsigned kind)
{
	const struct mailbox_row *row = &p->row;
	uint64_t numbers[STATUS_KINDS] = {
		[STATUS_MESSAGES] = row->exists,
		[STATUS_UIDNEXT] = row->uidnext,
		[STATUS_UIDVALIDITY] = row->uidvalidity,
		[STATUS_UNSEEN] = row->unseen,
		[STATUS_DELETED] = row->deleted,
		[STATUS_SIZE] = row->size,
		[STATUS_HIGHESTMODSEQ] = row->modseq,
		[STATUS_APPENDLIMIT] = LIMIT_MESSAGE,
	};

	if (kind == STATUS_RECENT)
		TRY(count_recent(p->account, row, &numbers[kind]));
	if (kind == STATUS_MAILBOXID)
		put_id(&i->out, &row->oid);
	else
		buf_add_u64(&i->out, numbers[kind]);
	return ERR_OK;
}

enum err status_put(struct imap *i, const struct place *p, unsigned wanted)
{
	const char *gap = "";

	buf_adds(&i->out, "* STATUS ");
	put_mailbox(i, p->row.name);
	buf_adds(&i->out, " (");
	for (unsigned k = 0; k < STATUS_KINDS; k++) {
		if (!(wanted >> k & 1))
			continue;
		buf_addf(&i->out, "%s%s ", gap, names[k]);
		TRY(put_value(i, p, k));
		gap = " ";
	}
	return buf_adds(&i->out, ")\r\n");
}

enum err cmd_status(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct place p;
	struct slice name;
	unsigned wanted;

	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!status_items(c, &wanted) || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place_mailbox(i, name, RIGHT_READ, &p));
	status_enables(i, wanted);
	TRY(status_put(i, &p, wanted));
	imap_flush(i);
	return ERR_OK;
}
