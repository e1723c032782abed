/* SPDX-License-Identifier: EUPL-1.2 */
/* SEARCH (RFC 3501 6.4.4, RFC 7162 3.1.5): a scan of the mailbox, in slices. */
#include "search.h"

#define BATCH 16
#define BATCH_ARENA MIB(64)
/* Headers and pieces of one message's parts. */
#define ROW_ARENA MIB(256)

struct search {
	struct search_program program;
	struct set set; /* all that the client knows */
	uint32_t next;
	struct arena *arena, *scratch;
	struct message_row rows[BATCH];
	size_t n, at;
	struct buf found; /* the response, ready to send */
	uint64_t modseq;  /* highest of the found */
};

static void abandon(struct imap *i)
{
	struct search *s = i->cmd.work;

	arena_free(s->arena);
	arena_free(s->scratch);
	buf_free(&s->found);
}

static enum err one_row(struct imap *i, struct search *s)
{
	const struct message_row *row = &s->rows[s->at];
	uint32_t seq = view_seq(i, row->uid);
	bool found = false;

	if (seq == 0)
		return ERR_OK;
	arena_reset(s->scratch);
	TRY(search_match(i, &s->program, row, s->scratch, &found));
	if (!found)
		return ERR_OK;
	if (row->modseq > s->modseq)
		s->modseq = row->modseq;
	buf_addc(&s->found, ' ');
	return buf_add_u64(&s->found, i->cmd.uid ? row->uid : seq);
}

static enum err answer(struct imap *i, struct search *s)
{
	conn_writes(i->conn, "* SEARCH");
	conn_write(i->conn, buf_slice(&s->found));
	if (s->program.modseq && s->modseq)
		conn_writef(i->conn, " (MODSEQ %llu)",
			(unsigned long long)s->modseq);
	conn_writes(i->conn, "\r\n");
	return ERR_OK;
}

static enum err more(struct imap *i)
{
	struct search *s = i->cmd.work;
	uint64_t started = loop_now_us();

	do {
		if (s->at < s->n) {
			TRY(one_row(i, s));
			s->at++;
			continue;
		}
		if (s->next == 0)
			return answer(i, s);
		arena_reset(s->arena);
		s->at = 0;
		TRY(view_rows(i, &s->set, &s->next,
			s->program.meta ? MESSAGE_META : 0, s->arena, s->rows,
			BATCH, &s->n));
	} while (loop_now_us() - started <= SLICE_US);
	return ERR_AGAIN;
}

enum err cmd_search(struct imap *i)
{
	struct search *s = arena_alloc(i->arena, sizeof(*s));

	if (!s || !(s->set.list = arena_array(i->arena, struct range, 1)))
		return ERR_NOMEM;
	TRY(search_parse(i, &s->program));
	if (s->program.modseq)
		imap_enable(i, ENABLED_CONDSTORE);
	s->set.n = 1;
	s->set.list[0] = (struct range){ 1, UINT32_MAX };
	s->next = 1;
	buf_init(&s->found, MIB(64));
	s->arena = arena_new(BATCH_ARENA);
	s->scratch = arena_new(ROW_ARENA);
	i->cmd.work = s;
	i->cmd.abandon = abandon;
	if (!s->arena || !s->scratch)
		return ERR_NOMEM;
	i->cmd.more = more;
	return more(i);
}
