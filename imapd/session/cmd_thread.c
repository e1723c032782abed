/* SPDX-License-Identifier: EUPL-1.2 */
/* THREAD (RFC 5256 3): search, order by sent date, link, write. Envelopes are
 * all that it reads. */
#include "thread.h"

enum stage { SCANNING, ORDERING, LINKING, WRITING };

struct thread_work {
	struct search_scan scan;
	struct threads threads;
	bool references;
	enum stage stage;
	uint32_t node; /* to be written next */
	struct buf raw, text;
};

static void abandon(struct imap *i)
{
	struct thread_work *w = i->cmd.work;

	search_scan_free(&w->scan);
	threads_free(&w->threads);
	buf_free(&w->raw);
	buf_free(&w->text);
}

static enum err add_message(struct imap *i, void *arg,
	const struct message_row *row, const struct search_hit *hit)
{
	struct thread_work *w = arg;
	struct mail_envelope e;
	struct thread_message m = { .envelope = &e,
		.number = i->cmd.uid ? hit->uid : hit->seq };

	TRY(mail_envelope_unpack(w->scan.scratch, row->meta.envelope, &e));
	m.sent = e.has_sent ? e.sent.time : row->internal_date;
	buf_reset(&w->raw);
	buf_reset(&w->text);
	if (e.subject.p)
		(void)!mail_base_subject(e.subject, &w->raw, &m.reply);
	mail_collate(i->st.collation, buf_slice(&w->raw), &w->text);
	m.subject = slice_head(buf_slice(&w->text), THREAD_SUBJECT_MAX);
	return threads_add(&w->threads, &m, w->references);
}

/* --- the response: RFC 5256 4 -------------------------------------------------------------- */

/* Is it the only child of its parent, so that no parenthesis opens? */
static bool goes_on(const struct threads *t, const struct thread_node *n)
{
	return n->parent != NO_NODE &&
	       thread_node(t, n->parent)->n_children == 1;
}

static void put_node(struct imap *i, const struct threads *t, uint32_t node)
{
	const struct thread_node *n = thread_node(t, node);

	buf_addc(&i->out, goes_on(t, n) ? ' ' : '(');
	if (n->number)
		buf_add_u64(&i->out, n->number);
	if (n->number && n->n_children > 1)
		buf_addc(&i->out, ' ');
}

/* The node after `node` in preorder; closes what ends before it. */
static uint32_t next_node(
	struct imap *i, const struct threads *t, uint32_t node)
{
	const struct thread_node *n = thread_node(t, node);

	if (n->child != NO_NODE)
		return n->child;
	for (;;) {
		if (!goes_on(t, n))
			buf_addc(&i->out, ')');
		if (n->next != NO_NODE)
			return n->next;
		if (n->parent == NO_NODE)
			return NO_NODE;
		n = thread_node(t, n->parent);
	}
}

static enum err write_threads(struct imap *i, struct thread_work *w)
{
	uint64_t started = loop_now_us();

	while (w->node != NO_NODE) {
		put_node(i, &w->threads, w->node);
		w->node = next_node(i, &w->threads, w->node);
		if (i->out.n < KIB(16))
			continue;
		imap_flush(i);
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
	}
	buf_adds(&i->out, "\r\n");
	imap_flush(i);
	return ERR_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

/* The stage that has been finished leads to the next one. */
static enum err one_stage(struct imap *i, struct thread_work *w)
{
	struct threads *t = &w->threads;

	switch (w->stage) {
	case SCANNING:
		TRY(search_scan_more(i, &w->scan));
		return threads_order_begin(t);
	case ORDERING:
		return order_more(&t->order);
	case LINKING:
		TRY(w->references ? threads_by_references(t)
				  : threads_by_subject(t));
		buf_adds(&i->out, t->top == NO_NODE ? "* THREAD" : "* THREAD ");
		w->node = t->top;
		return ERR_OK;
	case WRITING:
		break;
	}
	return write_threads(i, w);
}

static enum err more(struct imap *i)
{
	struct thread_work *w = i->cmd.work;

	TRY(one_stage(i, w));
	if (w->stage == WRITING)
		return ERR_OK;
	w->stage++;
	return ERR_AGAIN;
}

static bool algorithm(struct cursor *c, struct thread_work *w)
{
	struct slice name;

	if (!p_sp(c) || !imap_atom(c, &name))
		return false;
	w->references = slice_ieqs(name, "REFERENCES");
	return w->references || slice_ieqs(name, "ORDEREDSUBJECT");
}

enum err cmd_thread(struct imap *i)
{
	struct thread_work *w = arena_alloc(i->arena, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	if (!algorithm(&i->cmd.args, w))
		return ERR_SYNTAX;
	TRY(search_parse(i, &i->cmd.args, true, &w->scan.program));
	w->scan.program.meta = true;
	w->scan.enough = SIZE_MAX;
	w->scan.found = add_message;
	w->scan.arg = w;
	threads_init(&w->threads);
	buf_init(&w->raw, SEARCH_FIELD_MAX);
	buf_init(&w->text, SEARCH_FIELD_MAX);
	i->cmd.work = w;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	TRY(search_scan_begin(&w->scan));
	return more(i);
}
