/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SELECT and EXAMINE, UNSELECT (RFC 3501 6.3.1, 6.3.2; RFC 3691; RFC 7162
 * 3.1.8, 3.2.5; RFC 9051 6.3.2). One row of the store answers a SELECT: the view is loaded when
 * a command first needs sequence numbers.
 */
#include "arrivals.h"
#include "context.h"
#include "place.h"
#include "resync.h"

struct opening {
	struct slice name;
	struct slice old; /* INBOX as the client wrote it, when in other case */
	bool condstore, qresync;
	uint32_t uidvalidity; /* as the client knows it */
	struct resync resync;
};

void imap_enable(struct imap *i, unsigned bits)
{
	unsigned fresh = bits & ~i->st.enabled;

	i->st.enabled |= bits;
	/* RFC 7162 3.1.2.1: the first enabling command tells it, when a
	 * mailbox is selected already. */
	if ((fresh & ENABLED_CONDSTORE) && i->st.selected)
		imap_untagged(i, "OK [HIGHESTMODSEQ %llu] CONDSTORE is on",
			(unsigned long long)i->st.modseq);
}

enum err imap_highest_code(struct imap *i)
{
	struct mailbox_row row;

	if (!imap_enabled(i, ENABLED_CONDSTORE))
		return ERR_OK;
	TRY(mailbox_get(i->box, i->st.mailbox, i->arena, &row));
	i->cmd.code = imap_text(
		i, "HIGHESTMODSEQ %llu", (unsigned long long)row.modseq);
	return ERR_OK;
}

/* \Recent is given to one session: the store hears of it when the mailbox is
 * left. After a crash some are recent again, which harms nobody. */
static void keep_recent(struct imap *i)
{
	struct store *s = i->tenant->store;

	if (i->st.read_only || i->st.recent >= i->st.uidnext ||
		store_begin(s) != ERR_OK)
		return;
	if (mailbox_set_recent(i->box, i->st.mailbox, i->st.uidnext) == ERR_OK)
		(void)!store_commit(s, NULL);
	else
		store_rollback(s);
}

void imap_deselect(struct imap *i)
{
	keep_recent(i);
	i->st.selected = false;
	place_deselect(i);
	i->changed = false;
	i->key_reset = false;
	view_clear(&i->view);
	arrivals_end(i);
	contexts_free(i);
}

static enum err count_recent(struct imap *i)
{
	uint32_t uids[1000], from = i->st.recent;
	size_t n;

	do {
		TRY(message_uids(i->box, i->st.mailbox, from, uids, 1000, &n));
		i->st.n_recent += (uint32_t)n;
		if (n)
			from = uids[n - 1] + 1;
	} while (n == 1000);
	return ERR_OK;
}

static const struct flags all_flags = {
	.system = FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED |
		  FLAG_DRAFT,
	.keyword = { UINT64_MAX, UINT64_MAX },
};

static void put_flag_lines(struct imap *i, const struct slice *names)
{
	struct flags may = all_flags;
	struct buf *b = &i->out;
	unsigned rights = i->st.read_only ? 0 : i->st.rights;

	buf_adds(b, "* FLAGS ");
	put_flags(b, &all_flags, false, names);
	buf_adds(b, "\r\n* OK [PERMANENTFLAGS ");
	rights_limit_flags(rights, &may); /* RFC 4314 5.1.1 */
	put_flags(b, &may, false, names);
	/* "\*" goes inside the list: new keywords are possible. */
	bool full = i->st.n_keywords == LIMIT_KEYWORDS;
	if ((rights & RIGHT_WRITE) && !full) {
		b->n--;
		buf_adds(b, " \\*)");
	}
	buf_adds(b, i->st.read_only ? "] Read-only\r\n" : "] Limited\r\n");
}

/* What RFC 9051 appendix E took away. */
static enum err put_rev1(struct imap *i, const struct mailbox_row *row)
{
	uint32_t unseen, before;

	buf_addf(&i->out, "* %u RECENT\r\n", i->st.n_recent);
	TRY(message_first_unseen(i->box, row->id, &unseen, &before));
	/* RFC 9586 3: a message number. */
	if (unseen && !imap_enabled(i, ENABLED_UIDONLY))
		buf_addf(&i->out, "* OK [UNSEEN %u] First unseen\r\n",
			before + 1);
	return ERR_OK;
}

static enum err put_selected(
	struct imap *i, const struct mailbox_row *row, struct slice old)
{
	struct slice names[LIMIT_KEYWORDS];
	struct buf *b = &i->out;
	char id[OID_TEXT + 1]; /* RFC 8474 4.2 */
	size_t n;

	TRY(keyword_list(i->box, row->id, i->arena, names, &n));
	i->st.n_keywords = (uint32_t)n;
	put_flag_lines(i, names);
	buf_addf(b, "* %u EXISTS\r\n", row->exists);
	if (imap_enabled(i, ENABLED_REV2))
		put_list(i, row, old);
	else
		TRY(put_rev1(i, row));
	oid_text(&row->oid, id);
	buf_addf(b,
		"* OK [UIDVALIDITY %u] Valid\r\n"
		"* OK [UIDNEXT %u] Next\r\n"
		"* OK [HIGHESTMODSEQ %llu] Highest\r\n"
		"* OK [MAILBOXID (%s)] Id\r\n"
		"* OK [URLMECH INTERNAL] Mechanisms\r\n",
		row->uidvalidity, row->uidnext, (unsigned long long)row->modseq,
		id);
	return buf_err(b);
}

/* RFC 4314 5.2: none of them makes it read-only. */
#define RIGHTS_TO_CHANGE (RIGHT_INSERT | RIGHT_EXPUNGE | RIGHTS_OF_FLAGS)

static bool is_read_only(const struct imap *i)
{
	return i->st.examined || !(i->st.rights & RIGHTS_TO_CHANGE);
}

enum err select_tell_rights(struct imap *i)
{
	struct slice names[LIMIT_KEYWORDS];
	bool before = i->st.read_only;
	size_t n;

	TRY(keyword_list(i->box, i->st.mailbox, i->arena, names, &n));
	i->st.n_keywords = (uint32_t)n;
	i->st.read_only = is_read_only(i);
	put_flag_lines(i, names);
	imap_flush(i);
	if (before != i->st.read_only)
		imap_untagged(
			i, before ? "OK [READ-WRITE] You may change it now"
				  : "OK [READ-ONLY] You may only read now");
	return ERR_OK;
}

static void take_state(
	struct imap *i, const struct mailbox_row *row, bool examined)
{
	i->st.selected = true;
	i->st.examined = examined;
	i->st.read_only = is_read_only(i);
	i->st.mailbox = row->id;
	i->st.uidvalidity = row->uidvalidity;
	i->st.exists = row->exists;
	i->st.uidnext = i->st.fetched = row->uidnext;
	i->st.recent = imap_announced(i, row->id);
	if (i->st.recent < row->recent)
		i->st.recent = row->recent;
	i->st.n_recent = 0;
	i->st.modseq = i->st.expunge_modseq = row->modseq;
	i->st.modseq_uid = i->st.expunge_uid = UINT32_MAX;
	i->changed = false;
}

/* --- arguments ----------------------------------------------------------------- */

/* A set in which neither '*' nor "$" is allowed. */
static bool plain_set(struct imap *i, struct cursor *c, struct set *out)
{
	if (!imap_set(c, i->arena, out) || out->saved)
		return false;
	for (size_t k = 0; k < out->n; k++)
		if (out->list[k].from == 0 || out->list[k].to == 0)
			return false;
	return true;
}

static bool ascends(const struct set *s)
{
	for (size_t k = 0; k < s->n; k++)
		if (s->list[k].from > s->list[k].to ||
			(k && s->list[k].from <= s->list[k - 1].to))
			return false;
	return true;
}

/* "(1:3,5 10:12,20)": sequence numbers and their UIDs, RFC 7162 3.2.5.2. */
static bool match_data(struct imap *i, struct cursor *c, struct resync *r)
{
	return plain_set(i, c, &r->match_seqs) && ascends(&r->match_seqs) &&
	       p_sp(c) && plain_set(i, c, &r->match_uids) &&
	       ascends(&r->match_uids) && p_char(c, ')');
}

/* "QRESYNC (uidvalidity modseq [known-uids] [match-data])", RFC 7162 7. */
static bool qresync(struct imap *i, struct cursor *c, struct opening *o)
{
	struct resync *r = &o->resync;

	o->qresync = true;
	if (!imap_enabled(i, ENABLED_QRESYNC) || !p_sp(c) || !p_char(c, '(') ||
		!p_u32(c, &o->uidvalidity) || o->uidvalidity == 0 || !p_sp(c) ||
		!p_u64(c, &r->since))
		return false;
	bool more = p_sp(c);
	if (more && p_peek(c) != '(') {
		if (!plain_set(i, c, &r->known))
			return false;
		more = p_sp(c);
	}
	/* RFC 9586 3.6: its first half are message numbers. */
	if (more && imap_uid_required(i) != ERR_OK)
		return false;
	if (more && !(p_char(c, '(') && match_data(i, c, r)))
		return false;
	return p_char(c, ')');
}

static bool name(struct imap *i, struct cursor *c, struct opening *o)
{
	struct cursor again = *c;
	struct slice given;

	if (!imap_mailbox(i, c, &o->name))
		return false;
	if (slice_eqs(o->name, "INBOX") &&
		imap_astring(&again, i->arena, &given) &&
		!slice_eq(given, o->name))
		o->old = given;
	return true;
}

static bool parameters(struct imap *i, struct cursor *c, struct opening *o)
{
	if (!p_char(c, '('))
		return false;
	do {
		if (p_word(c, "CONDSTORE"))
			o->condstore = true;
		else if (!p_word(c, "QRESYNC") || !qresync(i, c, o))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

/* --- resynchronisation ------------------------------------------------------------ */

static enum err resync_more(struct imap *i)
{
	struct opening *o = i->cmd.work;
	struct resync *r = &o->resync;

	if (r->stage != RESYNC_TOLD)
		TRY(resync_vanished(i, r));
	return resync_flags(i, r);
}

/* RFC 7162 3.2.5.1: without known UIDs, all below UIDNEXT. */
static enum err resync_begin(struct imap *i, struct opening *o)
{
	struct set *known = &o->resync.known;

	if (!o->qresync || o->uidvalidity != i->st.uidvalidity ||
		i->st.uidnext == 1)
		return ERR_OK;
	if (known->n == 0) {
		known->list = arena_array(i->arena, struct range, 1);
		if (!known->list)
			return ERR_NOMEM;
		known->list[0] = (struct range){ 1, i->st.uidnext - 1 };
		known->n = 1;
	}
	set_resolve(known, 0);
	i->cmd.work = o;
	i->cmd.more = resync_more;
	return resync_more(i);
}

/* --- the commands ----------------------------------------------------------------- */

static enum err open_mailbox(struct imap *i, bool examined)
{
	struct opening *o = arena_alloc(i->arena, sizeof(*o));
	struct cursor *c = &i->cmd.args;
	struct place p;

	if (!o)
		return ERR_NOMEM;
	if (!p_sp(c) || !name(i, c, o) || (p_sp(c) && !parameters(i, c, o)) ||
		!p_end(c))
		return ERR_SYNTAX;
	if (i->st.selected) {
		imap_untagged(i, "OK [CLOSED] The other mailbox is closed");
		imap_deselect(i);
	}
	if (o->condstore)
		imap_enable(i, ENABLED_CONDSTORE);
	TRY(imap_place_mailbox(i, o->name, RIGHT_READ, &p));
	TRY(place_select(i, &p));
	take_state(i, &p.row, examined);
	enum err e = count_recent(i);
	if (e == ERR_OK)
		e = put_selected(i, &p.row, o->old);
	if (e != ERR_OK) {
		buf_reset(&i->out);
		i->st.selected = false;
		place_deselect(i);
		return e;
	}
	imap_flush(i);
	i->cmd.code = i->st.read_only ? "READ-ONLY" : "READ-WRITE";
	return resync_begin(i, o);
}

enum err cmd_select(struct imap *i)
{
	return open_mailbox(i, false);
}

enum err cmd_examine(struct imap *i)
{
	return open_mailbox(i, true);
}

enum err cmd_unselect(struct imap *i)
{
	if (!p_end(&i->cmd.args))
		return ERR_SYNTAX;
	imap_deselect(i);
	return ERR_OK;
}
