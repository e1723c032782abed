/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The result options of searching commands and their answer, the ESEARCH
 * response (RFC 4731, RFC 5182, RFC 9051 6.4.4 and 7.3.4).
 */
#include "fetch.h"
#include "search.h"

static const struct {
	const char *name;
	unsigned bit;
} options[] = {
	{ "MIN", RETURN_MIN }, { "MAX", RETURN_MAX }, { "ALL", RETURN_ALL },
	{ "COUNT", RETURN_COUNT }, { "SAVE", RETURN_SAVE },
	{ "PARTIAL", RETURN_PARTIAL }, { "RELEVANCY", RETURN_RELEVANCY },
	{ "UPDATE", RETURN_UPDATE },
	{ "CONTEXT", 0 }, /* a hint (RFC 5267 4.2) */
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* RFC 5465 7 and 8: "UPDATE (UID FLAGS)", with and without the space. */
static bool update_items(
	struct imap *i, struct cursor *c, struct search_return *r)
{
	struct fetch_request read;
	struct cursor look = *c;

	(void)p_sp(&look);
	if (p_peek(&look) != '(')
		return true;
	const char *start = look.p;
	if (r->update.p || !fetch_items(&look, i->arena, &read))
		return false;
	r->update = slice_of(start, (size_t)(look.p - start));
	*c = look;
	return true;
}

static bool one_option(
	struct imap *i, struct cursor *c, struct search_return *r)
{
	struct slice name;
	size_t k;

	if (!imap_atom(c, &name))
		return false;
	for (k = 0; k < N_OPTIONS; k++) {
		if (slice_ieqs(name, options[k].name)) {
			r->what |= options[k].bit;
			break;
		}
	}
	if (k == N_OPTIONS)
		return false;
	if (options[k].bit == RETURN_PARTIAL)
		return !r->partial.asked && p_sp(c) &&
		       imap_partial(c, &r->partial);
	return options[k].bit != RETURN_UPDATE || update_items(i, c, r);
}

bool search_return_parse(
	struct imap *i, struct cursor *c, struct search_return *r)
{
	*r = (struct search_return){ .extended =
					     imap_enabled(i, ENABLED_REV2) };
	if (p_word(c, " RETURN (")) {
		r->extended = true;
		if (p_peek(c) != ')')
			do {
				if (!one_option(i, c, r))
					return false;
			} while (p_sp(c));
		if (!p_char(c, ')'))
			return false;
	}
	if (r->what == 0) /* RFC 4731 3.1: "()" is "(ALL)" */
		r->what = RETURN_ALL;
	/* RFC 9394 3.1: one PARTIAL, or one ALL, or neither. */
	return !(r->partial.asked && (r->what & RETURN_ALL));
}

size_t search_return_enough(const struct search_return *r)
{
	if (r->what == RETURN_MIN)
		return 1;
	if (r->what == RETURN_PARTIAL && !r->partial.from_end)
		return r->partial.to;
	return SIZE_MAX;
}

/* --- which hits the answer names --------------------------------------------------- */

/* The hits in mailbox order, and the order in which they are answered. */
struct result {
	struct search_hit *hits;
	size_t n;
	const uint32_t *order;
};

static struct search_hit *hit_at(const struct result *f, size_t k)
{
	return &f->hits[f->order ? f->order[k] : k];
}

/* With MIN, MAX and PARTIAL alone these only; else all (RFC 4731 3.2 for MODSEQ,
 * RFC 5182 2.4 and RFC 9394 3.2 for SAVE). */
static void mark_returned(const struct search_return *r, const struct result *f)
{
	size_t n = f->n;
	bool all = (r->what & (RETURN_ALL | RETURN_COUNT)) ||
		   !(r->what & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL));
	size_t first = 0, end = 0;

	if (r->partial.asked)
		partial_bounds(&r->partial, n, &first, &end);
	for (size_t k = 0; k < n; k++)
		hit_at(f, k)->returned =
			all || (k == 0 && (r->what & RETURN_MIN)) ||
			(k + 1 == n && (r->what & RETURN_MAX)) ||
			(k >= first && k < end);
}

static uint64_t highest_modseq(const struct search_hit *hits, size_t n)
{
	uint64_t modseq = 0;

	for (size_t k = 0; k < n; k++)
		if (hits[k].returned && hits[k].modseq > modseq)
			modseq = hits[k].modseq;
	return modseq;
}

/* --- SAVE ----------------------------------------------------------------------------- */

/* Neighbours in the view make one range. */
static size_t saved_ranges(
	const struct search_hit *hits, size_t n, struct range *out)
{
	size_t ranges = 0;
	uint32_t last = 0;

	for (size_t k = 0; k < n; k++) {
		if (!hits[k].returned)
			continue;
		if (ranges == 0 || hits[k].seq != last + 1)
			ranges++;
		last = hits[k].seq;
		if (!out)
			continue;
		if (out[ranges - 1].from == 0)
			out[ranges - 1].from = hits[k].uid;
		out[ranges - 1].to = hits[k].uid;
	}
	return ranges;
}

static enum err save(struct imap *i, const struct search_hit *hits, size_t n)
{
	size_t ranges = saved_ranges(hits, n, NULL);
	struct range *list = NULL;

	if (ranges > LIMIT_SAVED_RANGES) {
		i->cmd.error_code = "NOTSAVED"; /* RFC 5182 2.5 */
		return ERR_LIMIT;
	}
	if (ranges) {
		list = mem_alloc(ranges * sizeof(*list));
		if (!list)
			return ERR_NOMEM;
		saved_ranges(hits, n, list);
	}
	view_save(i, list, ranges);
	return ERR_OK;
}

void search_return_failed(
	struct imap *i, const struct search_return *r, enum err e)
{
	if ((r->what & RETURN_SAVE) && e != ERR_OK && e != ERR_AGAIN &&
		e != ERR_SYNTAX)
		view_save(i, NULL, 0);
}

/* --- the response ---------------------------------------------------------------------- */

static uint32_t number_of(const struct imap *i, const struct search_hit *hit)
{
	return i->cmd.uid ? hit->uid : hit->seq;
}

/* RFC 5267 3.2: ranges ascend, in whatever order. */
static void put_hit_set(
	struct imap *i, const struct result *f, size_t first, size_t end)
{
	for (size_t k = first; k < end;) {
		uint32_t from = number_of(i, hit_at(f, k)), to = from;
		if (k > first)
			buf_addc(&i->out, ',');
		for (k++; k < end && number_of(i, hit_at(f, k)) == to + 1; k++)
			to++;
		buf_add_u64(&i->out, from);
		if (to != from)
			buf_addf(&i->out, ":%u", to);
	}
}

static void put_partial(
	struct imap *i, const struct partial *p, const struct result *f)
{
	size_t first, end;

	partial_bounds(p, f->n, &first, &end);
	buf_addf(&i->out, " PARTIAL (%.*s ", SLICE_ARG(p->text));
	if (first < end)
		put_hit_set(i, f, first, end);
	else
		buf_adds(&i->out, "NIL");
	buf_addc(&i->out, ')');
}

/* RFC 6203 4: of the messages that the answer names, in its order. */
static void put_relevancy(struct imap *i, const struct result *f)
{
	const char *gap = "";

	buf_adds(&i->out, " RELEVANCY (");
	for (size_t k = 0; k < f->n; k++) {
		if (!hit_at(f, k)->returned)
			continue;
		buf_addf(&i->out, "%s%u", gap, hit_at(f, k)->score);
		gap = " ";
	}
	buf_addc(&i->out, ')');
}

static void put_esearch(struct imap *i, const struct search_return *r,
	const struct result *f, uint64_t modseq)
{
	struct buf *b = &i->out;

	buf_addf(b, "* ESEARCH (TAG \"%.*s\"", SLICE_ARG(i->cmd.tag));
	if (r->in) {
		buf_adds(b, " MAILBOX ");
		put_mailbox(i, r->in->name);
		buf_addf(b, " UIDVALIDITY %u", r->in->uidvalidity);
	}
	buf_addc(b, ')');
	if (i->cmd.uid)
		buf_adds(b, " UID");
	if (f->n && (r->what & RETURN_MIN))
		buf_addf(b, " MIN %u", number_of(i, hit_at(f, 0)));
	if (f->n && (r->what & RETURN_MAX))
		buf_addf(b, " MAX %u", number_of(i, hit_at(f, f->n - 1)));
	if (r->what & RETURN_COUNT)
		buf_addf(b, " COUNT %zu", f->n);
	if (f->n && (r->what & RETURN_ALL)) {
		buf_adds(b, " ALL ");
		put_hit_set(i, f, 0, f->n);
	}
	if (r->partial.asked)
		put_partial(i, &r->partial, f);
	if (r->what & RETURN_RELEVANCY)
		put_relevancy(i, f);
	if (modseq)
		buf_addf(b, " MODSEQ %llu", (unsigned long long)modseq);
	buf_adds(b, "\r\n");
}

static void put_plain(struct imap *i, const char *name, const struct result *f,
	uint64_t modseq)
{
	buf_addf(&i->out, "* %s", name);
	for (size_t k = 0; k < f->n; k++) {
		buf_addc(&i->out, ' ');
		buf_add_u64(&i->out, number_of(i, hit_at(f, k)));
	}
	if (modseq)
		buf_addf(&i->out, " (MODSEQ %llu)", (unsigned long long)modseq);
	buf_adds(&i->out, "\r\n");
}

enum err search_return_answer(struct imap *i, const struct search_return *r,
	const struct search_scan *s, const char *name, const uint32_t *order)
{
	struct result f = { .hits = (struct search_hit *)(void *)s->hits.p,
		.n = search_n_hits(s),
		.order = order };
	uint64_t modseq = 0;

	mark_returned(r, &f);
	/* RFC 7377 2.1: of no message there is no response. */
	if (r->in && f.n == 0)
		return ERR_OK;
	if (r->what & RETURN_SAVE)
		TRY(save(i, f.hits, f.n));
	if (s->program.modseq)
		modseq = highest_modseq(f.hits, f.n);
	if (!r->extended)
		put_plain(i, name, &f, modseq);
	else if (r->what & RETURN_DATA)
		put_esearch(i, r, &f, modseq);
	imap_flush(i);
	return ERR_OK;
}
