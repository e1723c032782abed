/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One message against the program, in three values. First without the sealed
 * text: NO and YES are final then, and only UNKNOWN makes a second run, or a
 * score to which a text adds that was not read.
 */
#include <assert.h>

#include "search.h"

enum truth { NO, YES, UNKNOWN };

struct match {
	const struct message_row *row;
	struct arena *scratch;
	struct mail_envelope envelope;
	const struct search_program *program;
	bool have_envelope;
	bool deep; /* text may be read */
	/* Of the fuzzy keys that hold. */
	unsigned scores, n_scores;
	bool unscored; /* one of them was not looked at */
};

static enum truth truth(bool b)
{
	return b ? YES : NO;
}

static bool has_keyword(const struct message_row *row, unsigned bit)
{
	return bit < LIMIT_KEYWORDS &&
	       (row->flags.keyword[bit / 64] >> (bit % 64) & 1);
}

static enum err need_envelope(struct match *m)
{
	if (m->have_envelope)
		return ERR_OK;
	TRY(mail_envelope_unpack(
		m->scratch, m->row->meta.envelope, &m->envelope));
	m->have_envelope = true;
	return ERR_OK;
}

static struct search_needle needle_of(
	const struct match *m, const struct search_key *k)
{
	if (k->like)
		fulltext_fuzzy_begin(k->like);
	return (struct search_needle){ m->program->collation, k->text, k->like,
		0 };
}

static enum truth judge(
	struct match *m, const struct search_key *k, unsigned score)
{
	if (k->fuzzy && score) {
		m->scores += score;
		m->n_scores++;
	}
	return truth(score);
}

static enum err look_in_words(struct slice raw, struct search_needle *needle,
	struct buf *words, struct buf *folded)
{
	buf_reset(words);
	buf_reset(folded);
	mail_words_decode(raw, words);
	mail_collate(needle->collation, buf_slice(words), folded);
	return search_look(needle, buf_slice(folded));
}

/* Name and address as a client shows them: "Ann <a@b>". */
static void put_address(struct buf *text, const struct mail_address *a)
{
	buf_reset(text);
	buf_add_slice(text, a->name);
	buf_adds(text, a->name.n ? " <" : "<");
	buf_add_slice(text, a->mailbox);
	if (a->host.n) {
		buf_addc(text, '@');
		buf_add_slice(text, a->host);
	}
	buf_addc(text, '>');
}

static enum err look_in_addresses(
	const struct mail_addresses *l, struct search_needle *needle)
{
	struct buf text, words, folded;
	enum err e = ERR_OK;

	buf_init(&text, LIMIT_FIELD * 4);
	buf_init(&words, SEARCH_FIELD_MAX);
	buf_init(&folded, SEARCH_FIELD_MAX);
	for (size_t k = 0; k < l->n && needle->score < 100 && e == ERR_OK;
		k++) {
		put_address(&text, &l->list[k]);
		e = look_in_words(buf_slice(&text), needle, &words, &folded);
	}
	buf_free(&text);
	buf_free(&words);
	buf_free(&folded);
	return e;
}

static enum err look_in_subject(
	struct slice subject, struct search_needle *needle)
{
	struct buf words, folded;

	if (!subject.p)
		return ERR_OK;
	buf_init(&words, SEARCH_FIELD_MAX);
	buf_init(&folded, SEARCH_FIELD_MAX);
	enum err e = look_in_words(subject, needle, &words, &folded);
	buf_free(&words);
	buf_free(&folded);
	return e;
}

static enum err by_envelope(
	struct match *m, const struct search_key *k, enum truth *out)
{
	static const enum mail_role roles[] = { [OP_FROM] = MAIL_FROM,
		[OP_TO] = MAIL_TO,
		[OP_CC] = MAIL_CC,
		[OP_BCC] = MAIL_BCC };
	struct search_needle needle = needle_of(m, k);

	TRY(need_envelope(m));
	if (k->op == OP_SUBJECT)
		TRY(look_in_subject(m->envelope.subject, &needle));
	else
		TRY(look_in_addresses(&m->envelope.who[roles[k->op]], &needle));
	*out = judge(m, k, needle.score);
	return ERR_OK;
}

/* RFC 3501 6.4.4: the Date field, disregarding time and zone; a message whose
 * Date cannot be read is dated by its arrival. */
static enum err by_sent(
	struct match *m, const struct search_key *k, enum truth *out)
{
	TRY(need_envelope(m));
	struct mail_date d = m->envelope.sent;
	if (!m->envelope.has_sent)
		d = (struct mail_date){ m->row->internal_date,
			m->row->internal_zone };
	int64_t day = mail_date_day(d);
	*out = truth(k->op == OP_SENTBEFORE ? day < k->day
		     : k->op == OP_SENTON   ? day == k->day
					    : day >= k->day);
	return ERR_OK;
}

/* What the index knows of it; in which field it is, it does not know. */
static bool by_index(
	struct match *m, const struct search_key *k, enum truth *out)
{
	enum fulltext_answer says =
		k->query ? fulltext_says(k->query, m->row->body)
			 : FULLTEXT_MAYBE;

	if (says == FULLTEXT_MAYBE ||
		(says == FULLTEXT_YES && k->op == OP_HEADER))
		return false;
	*out = says == FULLTEXT_NO ? NO
	       : k->like ? judge(m, k, fulltext_score(k->query, m->row->body))
			 : judge(m, k, 100);
	return true;
}

static enum err by_text(
	struct match *m, const struct search_key *k, enum truth *out)
{
	struct search_needle needle = needle_of(m, k);

	if (by_index(m, k, out))
		return ERR_OK;
	if (!m->deep) {
		m->unscored |= k->fuzzy;
		*out = UNKNOWN;
		return ERR_OK;
	}
	if (k->op == OP_HEADER)
		TRY(search_header(m->program->at.account, m->row, m->scratch,
			k->field, &needle));
	else
		TRY(search_text(m->program->at.account, m->row, m->scratch,
			&needle, k->op == OP_TEXT));
	*out = judge(m, k, needle.score);
	return ERR_OK;
}

static bool has_email_id(const struct message_row *row, struct slice id)
{
	char text[OID_TEXT + 1];

	oid_text(&row->meta.oid, text);
	return slice_eqs(id, text);
}

static bool by_date(const struct match *m, const struct search_key *k)
{
	const struct message_row *row = m->row;
	int64_t day = mail_date_day(
		(struct mail_date){ row->internal_date, row->internal_zone });
	int64_t saved = mail_date_day((struct mail_date){ row->save_date, 0 });
	int64_t age = m->program->now - row->internal_date;

	switch (k->op) {
	case OP_BEFORE:
		return day < k->day;
	case OP_ON:
		return day == k->day;
	case OP_SINCE:
		return day >= k->day;
	case OP_OLDER:
		return age >= (int64_t)k->number;
	case OP_YOUNGER:
		return age <= (int64_t)k->number;
	case OP_SAVEDBEFORE:
		return saved < k->day;
	case OP_SAVEDON:
		return saved == k->day;
	default:
		return saved >= k->day;
	}
}

static bool by_row(const struct match *m, const struct search_key *k)
{
	const struct message_row *row = m->row;
	bool recent = row->uid >= m->program->at.recent;

	switch (k->op) {
	case OP_FLAG:
		return (row->flags.system & k->number) == k->number;
	case OP_NOT_FLAG:
		return (row->flags.system & k->number) == 0;
	case OP_KEYWORD:
		return has_keyword(row, k->bit);
	case OP_UNKEYWORD:
		return !has_keyword(row, k->bit);
	case OP_RECENT:
		return recent;
	case OP_OLD:
		return !recent;
	case OP_NEW:
		return recent && !(row->flags.system & FLAG_SEEN);
	case OP_LARGER:
		return row->size > k->number;
	case OP_SMALLER:
		return row->size < k->number;
	case OP_SEQ:
	case OP_UID:
		return set_has(&k->set, row->uid);
	case OP_MODSEQ:
		return row->modseq >= k->number;
	case OP_EMAILID:
		return has_email_id(row, k->text);
	case OP_THREADID:
		return false;
	default:
		return true; /* OP_ALL */
	}
}

static enum err evaluate_leaf(
	struct match *m, const struct search_key *k, enum truth *out)
{
	switch (k->op) {
	case OP_FROM:
	case OP_TO:
	case OP_CC:
	case OP_BCC:
	case OP_SUBJECT:
		return by_envelope(m, k, out);
	case OP_SENTBEFORE:
	case OP_SENTON:
	case OP_SENTSINCE:
		return by_sent(m, k, out);
	case OP_HEADER:
	case OP_BODY:
	case OP_TEXT:
		return by_text(m, k, out);
	case OP_BEFORE:
	case OP_ON:
	case OP_SINCE:
	case OP_OLDER:
	case OP_YOUNGER:
	case OP_SAVEDBEFORE:
	case OP_SAVEDON:
	case OP_SAVEDSINCE:
		*out = truth(by_date(m, k));
		return ERR_OK;
	default:
		*out = truth(by_row(m, k));
		return ERR_OK;
	}
}

/* AND (`stop` NO) and OR (`stop` YES) of the top `n` values. */
static enum truth join(const enum truth *v, size_t n, enum truth stop)
{
	enum truth all = stop == NO ? YES : NO;

	for (size_t k = 0; k < n; k++) {
		if (v[k] == stop)
			return stop;
		if (v[k] == UNKNOWN)
			all = UNKNOWN;
	}
	return all;
}

static enum err evaluate(
	struct match *m, const struct search_program *p, enum truth *out)
{
	enum truth stack[LIMIT_SEARCH_KEYS];
	size_t top = 0;

	for (size_t n = 0; n < p->n; n++) {
		const struct search_key *k = &p->keys[n];
		size_t takes = k->op == OP_AND  ? (size_t)k->number
			       : k->op == OP_OR ? 2
						: 0;
		if (takes) {
			assert(takes <= top);
			top -= takes;
			stack[top] = join(
				stack + top, takes, k->op == OP_AND ? NO : YES);
			top++;
		} else if (k->op == OP_NOT) {
			assert(top);
			enum truth v = stack[top - 1];
			stack[top - 1] = v == UNKNOWN ? v : v == YES ? NO : YES;
		} else {
			TRY(evaluate_leaf(m, k, &stack[top++]));
		}
	}
	assert(top == 1);
	*out = stack[0];
	return ERR_OK;
}

enum err search_match(const struct search_program *p,
	const struct message_row *row, struct arena *scratch,
	unsigned *score_out)
{
	struct match m = { .row = row, .scratch = scratch, .program = p };
	enum truth t;

	TRY(evaluate(&m, p, &t));
	if (t == UNKNOWN || (t == YES && p->scored && m.unscored)) {
		m.deep = true;
		m.scores = m.n_scores = 0;
		TRY(evaluate(&m, p, &t));
	}
	*score_out = t != YES ? 0 : !m.n_scores ? 100 : m.scores / m.n_scores;
	return ERR_OK;
}
