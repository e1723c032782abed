/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * ESEARCH over several mailboxes (RFC 7377). All mailboxes that the user may
 * see are walked over; each that a source option names is searched like the
 * selected one, by a program of its own: sets and keywords are resolved there.
 * The answer is by UIDs. The selected mailbox is searched as the client knows
 * it, whatever option names it.
 */
#include "context.h"
#include "filter.h"

#define FILTERS_MAX 50
#define PROGRAM_ARENA MIB(4)

struct esearch {
	struct filter filters[FILTERS_MAX];
	size_t n_filters;
	struct search_return answer;
	struct context_start start;
	struct search_program program; /* as read */
	struct search_scan scan;       /* of the mailbox that is searched */
	bool scanning;
	struct arena *arena; /* of its program */
	struct walk walk;
	struct arena *walk_arena;
	struct place places[WALK_ROWS];
	size_t n, at;
};

static void abandon(struct imap *i)
{
	struct esearch *s = i->cmd.work;

	if (s->scanning)
		search_scan_free(&s->scan);
	walk_end(i, &s->walk);
	arena_free(s->arena);
	arena_free(s->walk_arena);
}

/* --- one mailbox --------------------------------------------------------------------- */

static enum err is_source(struct imap *i, const struct esearch *s,
	const struct place *p, bool *out)
{
	*out = false;
	if (!p->account || !p->row.selectable || !(p->rights & RIGHT_READ))
		return ERR_OK;
	for (size_t k = 0; k < s->n_filters && !*out; k++)
		TRY(filter_has(i, &s->filters[k], p, out));
	return ERR_OK;
}

static struct search_target target_of(
	const struct imap *i, const struct place *p)
{
	if (place_is_selected(i, p))
		return search_selected(i);
	return (struct search_target){ .account = p->account,
		.mailbox = p->row.id,
		.uidnext = p->row.uidnext,
		.recent = p->row.recent };
}

static enum err begin_mailbox(
	struct imap *i, struct esearch *s, const struct place *p)
{
	struct search_program *own = &s->scan.program;

	if (!place_is_own(i, p->account))
		TRY(place_audit(i, p->account, p->inner, slice_of("", 0)));
	s->scan = (struct search_scan){ 0 };
	arena_reset(s->arena);
	TRY(search_program_copy(s->arena, &s->program, own));
	own->at = target_of(i, p);
	TRY(search_resolve(i, own));
	s->scan.enough = search_return_enough(&s->answer);
	s->scanning = true;
	return search_scan_begin(&s->scan);
}

static enum err end_mailbox(
	struct imap *i, struct esearch *s, const struct place *p)
{
	s->answer.in = &p->row;
	TRY(search_return_answer(i, &s->answer, &s->scan, NULL, NULL));
	if ((s->answer.what & RETURN_UPDATE) && s->scan.program.at.selected)
		TRY(context_add(i, &s->start, &s->scan, NULL, NULL));
	search_scan_free(&s->scan);
	s->scanning = false;
	s->at++;
	return ERR_OK;
}

/* --- all of them ---------------------------------------------------------------------- */

static enum err next_place(struct imap *i, struct esearch *s)
{
	bool source;

	if (s->at == s->n) {
		arena_reset(s->walk_arena);
		s->at = 0;
		return walk_next(i, &s->walk, s->walk_arena, s->places,
			WALK_ROWS, &s->n);
	}
	TRY(is_source(i, s, &s->places[s->at], &source));
	if (source)
		return begin_mailbox(i, s, &s->places[s->at]);
	s->at++;
	return ERR_OK;
}

static enum err go_on(struct imap *i, struct esearch *s)
{
	uint64_t started = loop_now_us();

	do {
		if (!s->scanning) {
			TRY(next_place(i, s));
			if (s->n == 0) {
				i->cmd.text = "ESEARCH completed";
				return ERR_OK;
			}
			continue;
		}
		enum err e = search_scan_more(i, &s->scan);
		if (e == ERR_NOTFOUND) /* it was deleted meanwhile */
			buf_reset(&s->scan.hits);
		else
			TRY(e);
		TRY(end_mailbox(i, s, &s->places[s->at]));
	} while (!imap_slice_over(i, started));
	return ERR_AGAIN;
}

static enum err more(struct imap *i)
{
	struct esearch *s = i->cmd.work;
	enum err e = ERR_OK;

	if (i->st.selected)
		e = view_load(i);
	if (e == ERR_OK)
		e = go_on(i, s);
	search_return_failed(i, &s->answer, e);
	return e;
}

/* --- the command ------------------------------------------------------------------------ */

/* " IN (mailboxes Work subtree Lists)"; RFC 7377 defines no scope options. */
static bool sources(struct imap *i, struct cursor *c, struct esearch *s)
{
	size_t n_names = 0;

	if (!p_word(c, " IN (")) {
		s->n_filters = 1; /* selected */
		return true;
	}
	do {
		struct filter *f = &s->filters[s->n_filters++];
		if (!filter_parse(i, c, i->arena, &n_names, f) ||
			f->kind == FILTER_DELAYED)
			return false;
	} while (s->n_filters < FILTERS_MAX && p_sp(c));
	return p_char(c, ')');
}

static enum err check(struct imap *i, struct esearch *s)
{
	bool selected = false, only = s->n_filters == 1;

	for (size_t k = 0; k < s->n_filters; k++)
		selected |= s->filters[k].kind == FILTER_SELECTED;
	if ((selected || (s->answer.what & RETURN_UPDATE)) && !i->st.selected) {
		i->cmd.text = "Select a mailbox first";
		return ERR_WRONGSTATE;
	}
	if ((s->answer.what & RETURN_SAVE) && !(selected && only)) {
		i->cmd.text = "SAVE is of the selected mailbox only";
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err begin(struct imap *i, struct esearch *s)
{
	TRY(check(i, s));
	TRY(context_begin(i, &s->answer, &s->start));
	TRY(search_read(i, &i->cmd.args, false, &s->program));
	TRY(search_relevancy(
		i, &s->program, s->answer.what & RETURN_RELEVANCY));
	s->arena = arena_new(PROGRAM_ARENA);
	s->walk_arena = arena_new(MIB(1));
	i->cmd.work = s;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	if (!s->arena || !s->walk_arena)
		return ERR_NOMEM;
	return ERR_AGAIN;
}

enum err cmd_esearch(struct imap *i)
{
	struct esearch *s = arena_alloc(i->arena, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	i->cmd.uid = true; /* RFC 7377 2.1: the answer has UIDs */
	if (!sources(i, &i->cmd.args, s) ||
		!search_return_parse(i, &i->cmd.args, &s->answer))
		return ERR_SYNTAX;
	s->answer.extended = true;
	return begin(i, s);
}
