/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What SORT compares (RFC 5256 3, RFC 5957 3). Each message gives one key, made
 * of all criteria so that keys compare as bytes: numbers most significant byte
 * first, texts collated and ended by NUL, what is reversed with all bits
 * turned. Keys need the row and the envelope, never the body.
 */
#include "search.h"

/* So many bytes of a text count: subjects differ sooner. */
#define TEXT_MAX 512

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

void sort_keys_init(struct sort_keys *s, size_t max)
{
	buf_init(&s->keys, max);
	buf_init(&s->raw, SEARCH_FIELD_MAX);
	buf_init(&s->text, SEARCH_FIELD_MAX);
}

void sort_keys_free(struct sort_keys *s)
{
	buf_free(&s->keys);
	buf_free(&s->raw);
	buf_free(&s->text);
}

/* --- criteria ------------------------------------------------------------------------ */

static bool one_criterion(struct cursor *c, struct sort_keys *s)
{
	struct slice name;

	if (s->n_by == SORT_CRITERIA_MAX)
		return false;
	s->by[s->n_by].reverse = p_word(c, "REVERSE ");
	if (!imap_atom(c, &name))
		return false;
	for (size_t k = 0; k < N_NAMES; k++)
		if (slice_ieqs(name, names[k].name)) {
			s->by[s->n_by++].is = names[k].is;
			s->meta |= names[k].meta;
			s->relevancy |= names[k].is == BY_RELEVANCY;
			return true;
		}
	return false;
}

bool sort_keys_parse(struct cursor *c, struct sort_keys *s)
{
	if (!p_sp(c) || !p_char(c, '('))
		return false;
	do {
		if (!one_criterion(c, s))
			return false;
	} while (p_sp(c));
	return p_char(c, ')');
}

/* --- keys ------------------------------------------------------------------------------ */

static void add_number(struct sort_keys *s, int64_t v)
{
	buf_add_be64(&s->keys, (uint64_t)v ^ (uint64_t)1 << 63);
}

/* Collates s->raw, which is UTF-8. */
static void add_text(struct sort_keys *s)
{
	buf_reset(&s->text);
	mail_collate(s->collation, buf_slice(&s->raw), &s->text);
	struct slice text = slice_head(buf_slice(&s->text), TEXT_MAX);
	for (size_t k = 0; k < text.n; k++)
		buf_addc(&s->keys, text.p[k] ? text.p[k] : 1);
	buf_addc(&s->keys, 0);
}

static void add_mailbox(struct sort_keys *s, const struct mail_addresses *l)
{
	buf_reset(&s->raw);
	if (l->n && l->list[0].mailbox.p)
		mail_words_decode(l->list[0].mailbox, &s->raw);
	add_text(s);
}

/* RFC 5957 3 */
static void add_display(struct sort_keys *s, const struct mail_addresses *l)
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
	add_text(s);
}

static void add_subject(struct sort_keys *s, struct slice subject)
{
	bool reply;

	buf_reset(&s->raw);
	if (subject.p)
		(void)!mail_base_subject(subject, &s->raw, &reply);
	add_text(s);
}

static void add_criterion(struct sort_keys *s, unsigned is,
	const struct message_row *row, const struct mail_envelope *e,
	unsigned score)
{
	switch (is) {
	case BY_ARRIVAL:
		add_number(s, row->internal_date);
		break;
	case BY_CC:
		add_mailbox(s, &e->who[MAIL_CC]);
		break;
	case BY_DATE: /* RFC 5256 2.2 */
		add_number(s, e->has_sent ? e->sent.time : row->internal_date);
		break;
	case BY_DISPLAYFROM:
		add_display(s, &e->who[MAIL_FROM]);
		break;
	case BY_DISPLAYTO:
		add_display(s, &e->who[MAIL_TO]);
		break;
	case BY_FROM:
		add_mailbox(s, &e->who[MAIL_FROM]);
		break;
	case BY_RELEVANCY: /* the highest first */
		add_number(s, -(int64_t)score);
		break;
	case BY_SIZE:
		add_number(s, (int64_t)row->size);
		break;
	case BY_SUBJECT:
		add_subject(s, e->subject);
		break;
	case BY_TO:
		add_mailbox(s, &e->who[MAIL_TO]);
		break;
	}
}

enum err sort_keys_add(struct sort_keys *s, const struct message_row *row,
	unsigned score, struct arena *scratch)
{
	struct mail_envelope e = { 0 };

	if (s->meta)
		TRY(mail_envelope_unpack(scratch, row->meta.envelope, &e));
	for (size_t k = 0; k < s->n_by; k++) {
		size_t at = s->keys.n;
		add_criterion(s, s->by[k].is, row, &e, score);
		if (s->by[k].reverse)
			for (; at < s->keys.n; at++)
				s->keys.p[at] = (char)~s->keys.p[at];
	}
	return buf_err(&s->keys);
}
