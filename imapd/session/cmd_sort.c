/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SORT (RFC 5256, RFC 5957, extended by RFC 5267 3). Each message found gives
 * one key, made of all criteria so that keys compare as bytes: numbers most
 * significant byte first, texts collated and ended by NUL, what is reversed
 * with all bits turned. Keys need the row and the envelope, never the body.
 */
#include "search.h"

/* So many bytes of a text count: subjects differ sooner. */
#define TEXT_MAX 512
#define CRITERIA_MAX 16

enum criterion {
	BY_ARRIVAL,
	BY_CC,
	BY_DATE,
	BY_DISPLAYFROM,
	BY_DISPLAYTO,
	BY_FROM,
	BY_RELEVANCY,
	BY_SIZE,
	BY_SUBJECT,
	BY_TO,
};

static const struct {
	const char *name;
	enum criterion is;
	bool meta;
} names[] = {
	{ "ARRIVAL", BY_ARRIVAL, false },
	{ "CC", BY_CC, true },
	{ "DATE", BY_DATE, true },
	{ "DISPLAYFROM", BY_DISPLAYFROM, true }, /* RFC 5957 */
	{ "DISPLAYTO", BY_DISPLAYTO, true },
	{ "FROM", BY_FROM, true },
	{ "RELEVANCY", BY_RELEVANCY, false }, /* RFC 6203 6 */
	{ "SIZE", BY_SIZE, false },
	{ "SUBJECT", BY_SUBJECT, true },
	{ "TO", BY_TO, true },
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

struct sort {
	struct search_scan scan;
	struct search_return answer;
	struct {
		enum criterion is;
		bool reverse;
	} by[CRITERIA_MAX];
	size_t n_by;
	bool by_relevancy;
	struct buf keys;      /* behind one another */
	struct buf starts;    /* uint32_t: where each hit's key begins */
	struct buf text, raw; /* scratch */
	struct order order;
	bool found_all;
};

static void abandon(struct imap *i)
{
	struct sort *s = i->cmd.work;

	search_scan_free(&s->scan);
	order_free(&s->order);
	buf_free(&s->keys);
	buf_free(&s->starts);
	buf_free(&s->text);
	buf_free(&s->raw);
}

/* --- keys ---------------------------------------------------------------------------- */

static void add_number(struct sort *s, int64_t v)
{
	buf_add_be64(&s->keys, (uint64_t)v ^ (uint64_t)1 << 63);
}

/* Collates s->raw, which is UTF-8. */
static void add_text(struct imap *i, struct sort *s)
{
	buf_reset(&s->text);
	mail_collate(i->st.collation, buf_slice(&s->raw), &s->text);
	struct slice text = slice_head(buf_slice(&s->text), TEXT_MAX);
	for (size_t k = 0; k < text.n; k++)
		buf_addc(&s->keys, text.p[k] ? text.p[k] : 1);
	buf_addc(&s->keys, 0);
}

static void add_mailbox(
	struct imap *i, struct sort *s, const struct mail_addresses *l)
{
	buf_reset(&s->raw);
	if (l->n && l->list[0].mailbox.p)
		mail_words_decode(l->list[0].mailbox, &s->raw);
	add_text(i, s);
}

/* RFC 5957 3 */
static void add_display(
	struct imap *i, struct sort *s, const struct mail_addresses *l)
{
	buf_reset(&s->raw);
	if (l->n && l->list[0].name.p)
		mail_words_decode(l->list[0].name, &s->raw);
	if (l->n && s->raw.n == 0) {
		buf_add_slice(&s->raw, l->list[0].mailbox);
		if (l->list[0].mailbox.p && l->list[0].host.p) {
			buf_addc(&s->raw, '@');
			buf_add_slice(&s->raw, l->list[0].host);
		}
	}
	add_text(i, s);
}

static void add_subject(struct imap *i, struct sort *s, struct slice subject)
{
	bool reply;

	buf_reset(&s->raw);
	if (subject.p)
		(void)!mail_base_subject(subject, &s->raw, &reply);
	add_text(i, s);
}

static void add_criterion(struct imap *i, struct sort *s, enum criterion is,
	const struct message_row *row, const struct mail_envelope *e,
	unsigned score)
{
	switch (is) {
	case BY_ARRIVAL:
		add_number(s, row->internal_date);
		break;
	case BY_CC:
		add_mailbox(i, s, &e->who[MAIL_CC]);
		break;
	case BY_DATE: /* RFC 5256 2.2 */
		add_number(s, e->has_sent ? e->sent.time : row->internal_date);
		break;
	case BY_DISPLAYFROM:
		add_display(i, s, &e->who[MAIL_FROM]);
		break;
	case BY_DISPLAYTO:
		add_display(i, s, &e->who[MAIL_TO]);
		break;
	case BY_FROM:
		add_mailbox(i, s, &e->who[MAIL_FROM]);
		break;
	case BY_RELEVANCY: /* the highest first */
		add_number(s, -(int64_t)score);
		break;
	case BY_SIZE:
		add_number(s, (int64_t)row->size);
		break;
	case BY_SUBJECT:
		add_subject(i, s, e->subject);
		break;
	case BY_TO:
		add_mailbox(i, s, &e->who[MAIL_TO]);
		break;
	}
}

static enum err add_key(struct imap *i, void *arg,
	const struct message_row *row, const struct search_hit *hit)
{
	struct sort *s = arg;
	struct mail_envelope e = { 0 };
	uint32_t start = (uint32_t)s->keys.n;

	if (s->scan.program.meta)
		TRY(mail_envelope_unpack(
			s->scan.scratch, row->meta.envelope, &e));
	buf_add(&s->starts, &start, sizeof(start));
	for (size_t k = 0; k < s->n_by; k++) {
		size_t at = s->keys.n;
		add_criterion(i, s, s->by[k].is, row, &e, hit->score);
		if (s->by[k].reverse)
			for (; at < s->keys.n; at++)
				s->keys.p[at] = (char)~s->keys.p[at];
	}
	return buf_err(&s->keys);
}

static struct slice key_of(const struct sort *s, uint32_t hit)
{
	const uint32_t *starts = (const uint32_t *)(const void *)s->starts.p;
	size_t end =
		hit + 1 < search_n_hits(&s->scan) ? starts[hit + 1] : s->keys.n;

	return slice_of(s->keys.p + starts[hit], end - starts[hit]);
}

static int compare(const void *arg, uint32_t a, uint32_t b)
{
	return slice_cmp(key_of(arg, a), key_of(arg, b));
}

/* --- the command ----------------------------------------------------------------------- */

static enum err scan_sort_answer(struct imap *i)
{
	struct sort *s = i->cmd.work;

	if (!s->found_all) {
		TRY(search_scan_more(i, &s->scan));
		s->found_all = true;
		TRY(order_begin(&s->order, search_n_hits(&s->scan)));
	}
	TRY(order_more(&s->order));
	return search_return_answer(
		i, &s->answer, &s->scan, "SORT", s->order.list);
}

static enum err more(struct imap *i)
{
	struct sort *s = i->cmd.work;
	enum err e = scan_sort_answer(i);

	search_return_failed(i, &s->answer, e);
	return e;
}

static bool one_criterion(struct cursor *c, struct sort *s)
{
	struct slice name;

	if (s->n_by == CRITERIA_MAX)
		return false;
	s->by[s->n_by].reverse = p_word(c, "REVERSE ");
	if (!imap_atom(c, &name))
		return false;
	for (size_t k = 0; k < N_NAMES; k++)
		if (slice_ieqs(name, names[k].name)) {
			s->by[s->n_by++].is = names[k].is;
			s->scan.program.meta |= names[k].meta;
			s->by_relevancy |= names[k].is == BY_RELEVANCY;
			return true;
		}
	return false;
}

static bool criteria(struct cursor *c, struct sort *s)
{
	if (!p_sp(c) || !p_char(c, '('))
		return false;
	do {
		if (!one_criterion(c, s))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

static enum err begin(struct imap *i, struct sort *s)
{
	bool meta = s->scan.program.meta;

	TRY(search_parse(i, &i->cmd.args, true, &s->scan.program));
	s->scan.program.meta |= meta;
	TRY(search_relevancy(i, &s->scan.program,
		s->by_relevancy || (s->answer.what & RETURN_RELEVANCY)));
	s->scan.enough = SIZE_MAX;
	s->scan.found = add_key;
	s->scan.arg = s;
	s->order.compare = compare;
	s->order.arg = s;
	buf_init(&s->keys, LIMIT_SORT_KEYS);
	buf_init(&s->starts, LIMIT_SEARCH_HITS * sizeof(uint32_t));
	buf_init(&s->raw, LIMIT_FIELD * 12);
	buf_init(&s->text, LIMIT_FIELD * 12);
	i->cmd.work = s;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	TRY(search_scan_begin(&s->scan));
	return scan_sort_answer(i);
}

enum err cmd_sort(struct imap *i)
{
	struct sort *s = arena_alloc(i->arena, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	if (!search_return_parse(i, &i->cmd.args, &s->answer) ||
		!criteria(&i->cmd.args, s))
		return ERR_SYNTAX;
	enum err e = begin(i, s);
	search_return_failed(i, &s->answer, e);
	return e;
}
