/* SPDX-License-Identifier: EUPL-1.2 */
/* SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4, RFC 7162 3.1.5). */
#include "context.h"

struct search {
	struct search_scan scan;
	struct search_return answer;
	struct context_start start;
};

static void abandon(struct imap *i)
{
	struct search *s = i->cmd.work;

	search_scan_free(&s->scan);
}

static enum err scan_and_answer(struct imap *i)
{
	struct search *s = i->cmd.work;

	TRY(search_scan_more(i, &s->scan));
	TRY(search_return_answer(i, &s->answer, &s->scan, "SEARCH", NULL));
	if (!(s->answer.what & RETURN_UPDATE))
		return ERR_OK;
	return context_add(i, &s->start, &s->scan, NULL, NULL);
}

static enum err more(struct imap *i)
{
	struct search *s = i->cmd.work;
	enum err e = scan_and_answer(i);

	search_return_failed(i, &s->answer, e);
	return e;
}

static enum err begin(struct imap *i, struct search *s)
{
	TRY(context_begin(i, &s->answer, &s->start));
	TRY(search_parse(i, &i->cmd.args, false, &s->scan.program));
	TRY(search_relevancy(
		i, &s->scan.program, s->answer.what & RETURN_RELEVANCY));
	s->scan.enough = search_return_enough(&s->answer);
	i->cmd.work = s;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	TRY(search_scan_begin(&s->scan));
	return scan_and_answer(i);
}

enum err cmd_search(struct imap *i)
{
	struct search *s = arena_alloc(i->arena, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	if (!search_return_parse(i, &i->cmd.args, &s->answer))
		return ERR_SYNTAX;
	enum err e = begin(i, s);
	search_return_failed(i, &s->answer, e);
	return e;
}
