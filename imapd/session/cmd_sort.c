/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SORT (RFC 5256, extended by RFC 5267 3): each message found gives a key
 * (sort_key.c), and these are sorted, in slices.
 */
#include "context.h"

struct sort {
	struct search_scan scan;
	struct search_return answer;
	struct context_start start;
	struct sort_keys keys;
	struct buf starts; /* uint32_t: where each hit's key begins */
	struct order order;
	bool found_all;
};

static void abandon(struct imap *i)
{
	struct sort *s = i->cmd.work;

	search_scan_free(&s->scan);
	order_free(&s->order);
	sort_keys_free(&s->keys);
	buf_free(&s->starts);
}

static enum err add_key(struct imap *i, void *arg,
	const struct message_row *row, const struct search_hit *hit)
{
	struct sort *s = arg;
	uint32_t start = (uint32_t)s->keys.keys.n;

	TRY(buf_add(&s->starts, &start, sizeof(start)));
	return sort_keys_add(&s->keys, row, hit->score, s->scan.scratch);
}

static struct slice key_of(const struct sort *s, uint32_t hit)
{
	const uint32_t *starts = (const uint32_t *)(const void *)s->starts.p;
	size_t end = hit + 1 < search_n_hits(&s->scan) ? starts[hit + 1]
						       : s->keys.keys.n;

	return slice_of(s->keys.keys.p + starts[hit], end - starts[hit]);
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
	TRY(search_return_answer(
		i, &s->answer, &s->scan, "SORT", s->order.list));
	if (!(s->answer.what & RETURN_UPDATE))
		return ERR_OK;
	return context_add(i, &s->start, &s->scan, &s->keys, s->order.list);
}

static enum err more(struct imap *i)
{
	struct sort *s = i->cmd.work;
	enum err e = scan_sort_answer(i);

	search_return_failed(i, &s->answer, e);
	return e;
}

static enum err begin(struct imap *i, struct sort *s)
{
	TRY(context_begin(i, &s->answer, &s->start));
	TRY(search_parse(i, &i->cmd.args, true, &s->scan.program));
	s->scan.program.meta |= s->keys.meta;
	TRY(search_relevancy(i, &s->scan.program,
		s->keys.relevancy || (s->answer.what & RETURN_RELEVANCY)));
	s->scan.enough = SIZE_MAX;
	s->scan.found = add_key;
	s->scan.arg = s;
	s->order.compare = compare;
	s->order.arg = s;
	s->keys.collation = i->st.collation;
	sort_keys_init(&s->keys, LIMIT_SORT_KEYS);
	buf_init(&s->starts, LIMIT_SEARCH_HITS * sizeof(uint32_t));
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
		!sort_keys_parse(&i->cmd.args, &s->keys))
		return ERR_SYNTAX;
	enum err e = begin(i, s);
	search_return_failed(i, &s->answer, e);
	return e;
}
