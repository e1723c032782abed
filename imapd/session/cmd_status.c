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
	STATUS_DELETED,         /* RFC 9208 4.1.4 */
	STATUS_DELETED_STORAGE, /* the same */
	STATUS_SIZE,            /* RFC 8438 */
	STATUS_HIGHESTMODSEQ,   /* RFC 7162 3.1.7 */
	STATUS_APPENDLIMIT,     /* RFC 7889 3.1 */
	STATUS_MAILBOXID,       /* RFC 8474 4.3 */
	STATUS_KINDS
};

static const char *const names[STATUS_KINDS] = {
	[STATUS_MESSAGES] = "MESSAGES",
	[STATUS_RECENT] = "RECENT",
	[STATUS_UIDNEXT] = "UIDNEXT",
	[STATUS_UIDVALIDITY] = "UIDVALIDITY",
	[STATUS_UNSEEN] = "UNSEEN",
	[STATUS_DELETED] = "DELETED",
	[STATUS_DELETED_STORAGE] = "DELETED-STORAGE",
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

enum err status_count(struct imap *i, const struct place *p, unsigned wanted,
	uint64_t started_us, struct status_count *n)
{
	if (!(wanted & 1u << STATUS_DELETED_STORAGE) || p->row.deleted == 0)
		return ERR_OK;
	do {
		TRY(message_deleted_size(
			p->account, p->row.id, &n->next, &n->deleted_size));
		if (n->next == 0)
			return ERR_OK;
	} while (!imap_slice_over(i, started_us));
	return ERR_AGAIN;
}

static enum err put_value(struct imap *i, const struct place *p, unsigned kind,
	const struct status_count *n)
{
	const struct mailbox_row *row = &p->row;
	uint64_t numbers[STATUS_KINDS] = {
		[STATUS_MESSAGES] = row->exists,
		[STATUS_UIDNEXT] = row->uidnext,
		[STATUS_UIDVALIDITY] = row->uidvalidity,
		[STATUS_UNSEEN] = row->unseen,
		[STATUS_DELETED] = row->deleted,
		[STATUS_DELETED_STORAGE] = n->deleted_size,
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

enum err status_put(struct imap *i, const struct place *p, unsigned wanted,
	const struct status_count *n)
{
	const char *gap = "";

	buf_adds(&i->out, "* STATUS ");
	put_mailbox(i, p->row.name);
	buf_adds(&i->out, " (");
	for (unsigned k = 0; k < STATUS_KINDS; k++) {
		if (!(wanted >> k & 1))
			continue;
		buf_addf(&i->out, "%s%s ", gap, names[k]);
		TRY(put_value(i, p, k, n));
		gap = " ";
	}
	return buf_adds(&i->out, ")\r\n");
}

struct status {
	struct place place;
	unsigned wanted;
	struct status_count count;
};

static enum err more(struct imap *i)
{
	struct status *s = i->cmd.work;

	TRY(status_count(i, &s->place, s->wanted, loop_now_us(), &s->count));
	TRY(status_put(i, &s->place, s->wanted, &s->count));
	imap_flush(i);
	return ERR_OK;
}

enum err cmd_status(struct imap *i)
{
	struct status *s = arena_alloc(i->arena, sizeof(*s));
	struct cursor *c = &i->cmd.args;
	struct slice name;

	if (!s)
		return ERR_NOMEM;
	if (!p_sp(c) || !imap_mailbox(i, c, &name) || !p_sp(c) ||
		!status_items(c, &s->wanted) || !p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place_mailbox(i, name, RIGHT_READ, &s->place));
	status_enables(i, s->wanted);
	i->cmd.work = s;
	i->cmd.more = more;
	return more(i);
}
