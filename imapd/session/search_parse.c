/* SPDX-License-Identifier: EUPL-1.2 */
/* search-program of RFC 3501 9 into postfix order, with an explicit stack. */
#include <time.h>

#include "search.h"

enum argument {
	NONE,
	TEXT,
	NUMBER,
	SECONDS,
	DATE,
	FIELD,
	SETS,
	AFTER,
	BEFORE,
	WORD,
	MOD
};

static const struct {
	const char *name;
	enum search_op op;
	enum argument argument;
	uint32_t flags;
	bool meta;
} keys[] = {
	{ "ALL", OP_ALL, NONE, 0, false },
	{ "ANSWERED", OP_FLAG, NONE, FLAG_ANSWERED, false },
	{ "BCC", OP_BCC, TEXT, 0, true },
	{ "BEFORE", OP_BEFORE, DATE, 0, false },
	{ "BODY", OP_BODY, TEXT, 0, true },
	{ "CC", OP_CC, TEXT, 0, true },
	{ "DELETED", OP_FLAG, NONE, FLAG_DELETED, false },
	{ "DRAFT", OP_FLAG, NONE, FLAG_DRAFT, false },
	{ "EMAILID", OP_EMAILID, WORD, 0, true },
	{ "FLAGGED", OP_FLAG, NONE, FLAG_FLAGGED, false },
	{ "FROM", OP_FROM, TEXT, 0, true },
	{ "HEADER", OP_HEADER, FIELD, 0, true },
	{ "KEYWORD", OP_KEYWORD, WORD, 0, false },
	{ "LARGER", OP_LARGER, NUMBER, 0, false },
	{ "MODSEQ", OP_MODSEQ, MOD, 0, false },
	{ "NEW", OP_NEW, NONE, 0, false },
	{ "OLD", OP_OLD, NONE, 0, false },
	{ "OLDER", OP_OLDER, SECONDS, 0, false },
	{ "ON", OP_ON, DATE, 0, false },
	{ "RECENT", OP_RECENT, NONE, 0, false },
	{ "SAVEDATESUPPORTED", OP_ALL, NONE, 0, false },
	{ "SAVEDBEFORE", OP_SAVEDBEFORE, DATE, 0, false },
	{ "SAVEDON", OP_SAVEDON, DATE, 0, false },
	{ "SAVEDSINCE", OP_SAVEDSINCE, DATE, 0, false },
	{ "SEEN", OP_FLAG, NONE, FLAG_SEEN, false },
	{ "SENTBEFORE", OP_SENTBEFORE, DATE, 0, true },
	{ "SENTON", OP_SENTON, DATE, 0, true },
	{ "SENTSINCE", OP_SENTSINCE, DATE, 0, true },
	{ "SINCE", OP_SINCE, DATE, 0, false },
	{ "SMALLER", OP_SMALLER, NUMBER, 0, false },
	{ "SUBJECT", OP_SUBJECT, TEXT, 0, true },
	{ "TEXT", OP_TEXT, TEXT, 0, true },
	{ "THREADID", OP_THREADID, WORD, 0, false },
	{ "TO", OP_TO, TEXT, 0, true },
	{ "UID", OP_UID, SETS, 0, false },
	{ "UIDAFTER", OP_UID, AFTER, 0, false }, /* RFC 9738 3.2 */
	{ "UIDBEFORE", OP_UID, BEFORE, 0, false },
	{ "UNANSWERED", OP_NOT_FLAG, NONE, FLAG_ANSWERED, false },
	{ "UNDELETED", OP_NOT_FLAG, NONE, FLAG_DELETED, false },
	{ "UNDRAFT", OP_NOT_FLAG, NONE, FLAG_DRAFT, false },
	{ "UNFLAGGED", OP_NOT_FLAG, NONE, FLAG_FLAGGED, false },
	{ "UNKEYWORD", OP_UNKEYWORD, WORD, 0, false },
	{ "UNSEEN", OP_NOT_FLAG, NONE, FLAG_SEEN, false },
	{ "YOUNGER", OP_YOUNGER, SECONDS, 0, false },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

enum frame_kind { FRAME_TOP, FRAME_LIST, FRAME_OR, FRAME_NOT, FRAME_FUZZY };

struct frame {
	enum frame_kind kind;
	unsigned operands;
};

struct parser {
	struct imap *i;
	struct cursor *c;
	struct search_program *out;
	struct slice charset;
	struct frame stack[LIMIT_IMAP_NESTING];
	size_t depth;
	unsigned fuzzy; /* FUZZY frames on the stack */
	enum err err;
};

static struct search_key *emit(struct parser *p, enum search_op op)
{
	if (p->out->n == LIMIT_SEARCH_KEYS) {
		p->err = ERR_LIMIT;
		return NULL;
	}
	struct search_key *k = &p->out->keys[p->out->n++];
	k->op = op;
	k->bit = LIMIT_KEYWORDS;
	k->fuzzy = p->fuzzy > 0;
	return k;
}

/* Search text as it is compared. */
static bool text_argument(struct parser *p, struct slice *out)
{
	struct buf utf8, folded;
	struct slice raw;

	if (!imap_astring(p->c, p->i->arena, &raw))
		return false;
	buf_init(&utf8, LIMIT_IMAP_COMMAND * 4);
	buf_init(&folded, LIMIT_IMAP_COMMAND * 12);
	mail_to_utf8(raw, p->charset, &utf8);
	mail_collate(p->out->collation, buf_slice(&utf8), &folded);
	*out = arena_copy(p->i->arena, buf_slice(&folded));
	buf_free(&utf8);
	buf_free(&folded);
	return out->p != NULL;
}

/* "/flags/\\seen" all (RFC 7162 3.1.5): each flag has the message's own
 * mod-sequence, private and shared ones alike. */
static bool modseq_entry(struct parser *p)
{
	struct slice name;

	return imap_string(p->c, p->i->arena, &name) &&
	       slice_iprefix(name, "/flags/") && p_sp(p->c) &&
	       (p_word(p->c, "all") || p_word(p->c, "priv") ||
		       p_word(p->c, "shared")) &&
	       p_sp(p->c);
}

/* "MODSEQ [entry-name entry-type] n" (RFC 7162 3.1.5). */
static bool modseq_argument(struct parser *p, struct search_key *k)
{
	if (p_peek(p->c) == '"' && !modseq_entry(p))
		return false;
	p->out->modseq = true;
	return p_u64(p->c, &k->number);
}

/* Above or below one UID: a set, perhaps of none. */
static bool uid_argument(
	struct parser *p, enum argument kind, struct search_key *k)
{
	struct range r = { 1, UINT32_MAX };
	uint32_t uid;

	k->set.list = arena_array(p->i->arena, struct range, 1);
	if (!k->set.list || !p_u32(p->c, &uid) || uid == 0)
		return false;
	if (kind == AFTER)
		r.from = uid < UINT32_MAX ? uid + 1 : 0;
	else
		r.to = uid - 1;
	if (r.from && r.to)
		k->set.list[k->set.n++] = r;
	return true;
}

static bool argument(struct parser *p, enum argument kind, struct search_key *k)
{
	uint32_t n;

	if (kind != NONE && !p_sp(p->c))
		return false;
	switch (kind) {
	case NONE:
		return true;
	case TEXT:
		return text_argument(p, &k->text);
	case NUMBER:
		k->number = p_u32(p->c, &n) ? n : UINT64_MAX;
		return k->number != UINT64_MAX;
	case SECONDS: /* nz-number (RFC 5032 3) */
		k->number = p_u32(p->c, &n) ? n : 0;
		return k->number != 0;
	case DATE:
		return imap_date(p->c, &k->day);
	case FIELD:
		return imap_astring(p->c, p->i->arena, &k->field) &&
		       p_sp(p->c) && text_argument(p, &k->text);
	case SETS:
		return imap_set(p->c, p->i->arena, &k->set);
	case AFTER:
	case BEFORE:
		return uid_argument(p, kind, k);
	case WORD:
		return imap_atom(p->c, &k->text);
	case MOD:
		return modseq_argument(p, k);
	}
	return false;
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool named_key(struct parser *p, struct slice name)
{
	for (size_t n = 0; n < N_KEYS; n++) {
		if (!slice_ieqs(name, keys[n].name))
			continue;
		struct search_key *k = emit(p, keys[n].op);
		if (!k)
			return false;
		k->number = keys[n].flags;
		p->out->meta |= keys[n].meta;
		return argument(p, keys[n].argument, k);
	}
	return false;
}

static bool leaf(struct parser *p)
{
	struct slice name;

	if (p_run(p->c, is_letter, &name))
		return named_key(p, name);
	struct search_key *k = emit(p, OP_SEQ);
	if (p_peek(p->c) != '$' && imap_uid_required(p->i) != ERR_OK)
		return false;
	return k && imap_set(p->c, p->i->arena, &k->set);
}

static bool push(struct parser *p, enum frame_kind kind)
{
	if (p->depth == LIMIT_IMAP_NESTING) {
		p->err = ERR_LIMIT;
		return false;
	}
	p->stack[p->depth++] = (struct frame){ .kind = kind };
	return true;
}

static bool pop(struct parser *p, enum search_op op)
{
	struct search_key *k = emit(p, op);

	if (!k)
		return false;
	k->number = p->stack[--p->depth].operands;
	return true;
}

/* An operand is complete: closes what it completes. *more: another key comes. */
static bool complete(struct parser *p, bool *more)
{
	*more = true;
	while (p->depth) {
		struct frame *f = &p->stack[p->depth - 1];
		f->operands++;
		switch (f->kind) {
		case FRAME_NOT:
			if (!pop(p, OP_NOT))
				return false;
			break;
		case FRAME_FUZZY: /* it is in the keys below it */
			p->depth--;
			p->fuzzy--;
			break;
		case FRAME_OR:
			if (f->operands < 2)
				return p_sp(p->c);
			if (!pop(p, OP_OR))
				return false;
			break;
		case FRAME_LIST:
			if (p_sp(p->c))
				return true;
			if (!p_char(p->c, ')') || !pop(p, OP_AND))
				return false;
			break;
		case FRAME_TOP:
			if (p_sp(p->c))
				return true;
			*more = false;
			return p_end(p->c) && pop(p, OP_AND);
		}
	}
	return false;
}

static bool program(struct parser *p)
{
	bool more = push(p, FRAME_TOP);

	while (more) {
		if (p_word(p->c, "NOT ")) {
			if (!push(p, FRAME_NOT))
				return false;
		} else if (p_word(p->c, "FUZZY ")) {
			if (!push(p, FRAME_FUZZY))
				return false;
			p->fuzzy++;
			p->out->fuzzy = true;
		} else if (p_word(p->c, "OR ")) {
			if (!push(p, FRAME_OR))
				return false;
		} else if (p_char(p->c, '(')) {
			if (!push(p, FRAME_LIST))
				return false;
		} else if (!leaf(p) || !complete(p, &more)) {
			return false;
		}
	}
	return true;
}

static enum err charset(struct parser *p, bool first)
{
	struct cursor look = *p->c;

	if (!first && !p_word(&look, "CHARSET "))
		return ERR_OK;
	/* RFC 6855 3; RFC 9051 6.4.4 lets it pass. */
	if (!first && imap_enabled(p->i, ENABLED_UTF8) &&
		!imap_enabled(p->i, ENABLED_REV2))
		return ERR_SYNTAX;
	if (!imap_astring(&look, p->i->arena, &p->charset) || !p_sp(&look))
		return ERR_SYNTAX;
	if (!mail_charset_known(p->charset)) {
		p->i->cmd.error_code = "BADCHARSET (UTF-8 US-ASCII)";
		return ERR_ENCODING;
	}
	*p->c = look;
	return ERR_OK;
}

/* In SEARCH a number that no message has matches none (other commands answer
 * BAD): clients search "1:*" in empty mailboxes. */
static enum err resolve_seqs(struct imap *i, struct set *s)
{
	uint32_t last = (uint32_t)i->view.n;

	if (s->saved)
		return set_to_uids(i, s, false);
	set_resolve(s, last ? last : 1);
	while (s->n && s->list[s->n - 1].from > last)
		s->n--;
	if (s->n && s->list[s->n - 1].to > last)
		s->list[s->n - 1].to = last;
	return s->n ? set_to_uids(i, s, false) : ERR_OK;
}

/* The highest UID that is there, 0 for none. */
static enum err last_uid(const struct search_target *t, uint32_t *out)
{
	uint32_t low = 0, high = t->uidnext - 1, n;

	/* Nothing is above `high`; below `low` it may be. */
	while (low < high) {
		uint32_t mid = low + (high - low + 1) / 2;
		TRY(message_count(t->account, t->mailbox, mid, high, &n));
		if (n)
			low = mid;
		else
			high = mid - 1;
	}
	*out = low;
	return ERR_OK;
}

static bool is_open(const struct set *s)
{
	for (size_t k = 0; k < s->n; k++)
		if (!s->list[k].from || !s->list[k].to)
			return true;
	return false;
}

/* "n:*" is the last message alone while that is below n. */
static bool is_moving(const struct set *s, uint32_t max)
{
	for (size_t k = 0; k < s->n; k++) {
		const struct range *r = &s->list[k];
		uint32_t n = r->from ? r->from : r->to;
		if ((!r->from || !r->to) && (n == 0 || n > max))
			return true;
	}
	return false;
}

/* "n:*" has no end: a message that comes later is in it too (contexts, RFC
 * 5267). */
static enum err resolve_uids(
	struct imap *i, struct search_program *p, struct set *s)
{
	bool open = !s->saved && is_open(s);
	uint32_t max = 0;

	if (s->saved)
		return set_to_uids(i, s, true);
	if (p->at.selected)
		max = view_max_uid(i);
	else if (open)
		TRY(last_uid(&p->at, &max));
	p->moving |= is_moving(s, max);
	if (open && max == 0)
		s->n = 0;
	set_resolve(s, max);
	size_t last = set_from(s, max);
	if (open && last < s->n) {
		s->list[last].to = UINT32_MAX;
		s->n = last + 1;
	}
	return ERR_OK;
}

enum err search_keywords(struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++) {
		struct search_key *k = &p->keys[n];
		if ((k->op != OP_KEYWORD && k->op != OP_UNKEYWORD) ||
			k->bit < LIMIT_KEYWORDS)
			continue;
		enum err e = keyword_bit(
			p->at.account, p->at.mailbox, k->text, false, &k->bit);
		if (e != ERR_OK && e != ERR_NOTFOUND)
			return e;
	}
	return ERR_OK;
}

enum err search_resolve(struct imap *i, struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++) {
		struct search_key *k = &p->keys[n];
		if (k->op != OP_SEQ && k->op != OP_UID)
			continue;
		if (!p->at.selected && (k->op == OP_SEQ || k->set.saved)) {
			i->cmd.text = "Message numbers and $ are of the "
				      "selected mailbox";
			return ERR_UNSUPPORTED;
		}
		TRY(k->op == OP_SEQ ? resolve_seqs(i, &k->set)
				    : resolve_uids(i, p, &k->set));
	}
	return search_keywords(p);
}

struct search_target search_selected(const struct imap *i)
{
	return (struct search_target){ .account = i->box,
		.mailbox = i->st.mailbox,
		.uidnext = i->st.uidnext,
		.recent = i->st.recent,
		.selected = true };
}

enum err search_read(struct imap *i, struct cursor *c, bool charset_first,
	struct search_program *out)
{
	struct parser p = { .i = i, .c = c, .out = out };

	*out = (struct search_program){ .at = search_selected(i),
		.now = time(NULL),
		.collation = i->st.collation };
	out->keys = arena_array(i->arena, struct search_key, LIMIT_SEARCH_KEYS);
	if (!out->keys)
		return ERR_NOMEM;
	if (!p_sp(c))
		return ERR_SYNTAX;
	TRY(charset(&p, charset_first));
	if (!program(&p))
		return p.err != ERR_OK ? p.err : ERR_SYNTAX;
	if (out->modseq) /* RFC 7162 3.1.2.1 */
		imap_enable(i, ENABLED_CONDSTORE);
	return ERR_OK;
}

enum err search_parse(struct imap *i, struct cursor *c, bool charset_first,
	struct search_program *out)
{
	TRY(search_read(i, c, charset_first, out));
	return search_resolve(i, out);
}

enum err search_relevancy(struct imap *i, struct search_program *p, bool asked)
{
	p->scored = asked;
	if (!asked || p->fuzzy)
		return ERR_OK;
	i->cmd.text = "RELEVANCY wants a FUZZY search key";
	return ERR_SYNTAX;
}

bool search_program_lasts(const struct search_program *p)
{
	for (size_t n = 0; n < p->n; n++)
		if (p->keys[n].op == OP_OLDER || p->keys[n].op == OP_YOUNGER)
			return false;
	return !p->fuzzy && !p->moving;
}

static bool copy_slice(struct arena *a, struct slice *s)
{
	if (s->p)
		*s = arena_copy(a, *s);
	return s->p || s->n == 0;
}

static bool copy_key(struct arena *a, struct search_key *k)
{
	struct range *list = arena_array(a, struct range, k->set.n + 1);

	if (!list || !copy_slice(a, &k->field) || !copy_slice(a, &k->text))
		return false;
	if (k->set.n)
		memcpy(list, k->set.list, k->set.n * sizeof(*list));
	k->set.list = list;
	k->query = NULL; /* it ends with the search */
	k->like = NULL;
	return true;
}

enum err search_program_copy(struct arena *a, const struct search_program *p,
	struct search_program *out)
{
	*out = *p;
	out->keys = arena_array(a, struct search_key, p->n);
	if (!out->keys)
		return ERR_NOMEM;
	memcpy(out->keys, p->keys, p->n * sizeof(*p->keys));
	for (size_t n = 0; n < p->n; n++)
		if (!copy_key(a, &out->keys[n]))
			return ERR_NOMEM;
	return ERR_OK;
}
