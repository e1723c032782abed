/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * FETCH (RFC 9051 6.4.5, RFC 7162 3.1.4). Rows are asked from the store in
 * batches, from the last UID on. A body goes out in pieces, each opened and
 * verified before its first byte is written; where it does not verify, an item
 * is NIL and the command ends with NO, or, in the midst of a literal, the
 * connection ends.
 */
#include "fetch.h"
#include "place.h"
#include "resync.h"

#define BATCH 16
/* Metadata of a batch: envelope and structure of at most 1 MiB each, unpacked. */
#define BATCH_ARENA MIB(64)
#define PIECE KIB(64)

/* An item that takes more than one slice. */
enum stage {
	STAGE_NONE,
	STAGE_STREAM,  /* the rest of a literal goes out */
	STAGE_MEASURE, /* BINARY: nothing of it went out yet */
	STAGE_SEND,    /* BINARY: the literal goes out */
	STAGE_PREVIEW, /* nothing of it went out yet */
};

struct fetch {
	struct fetch_request want;
	struct fetch_narrow narrow;
	struct set set;
	uint32_t next;     /* UID from which the next batch begins */
	uint32_t expected; /* messages of the set that the view has */
	uint32_t shown;
	struct arena *arena; /* of the batch */
	struct slice names[LIMIT_KEYWORDS];
	struct message_row rows[BATCH];
	bool seen_now[BATCH];    /* \Seen was set by this command */
	size_t n, at;            /* rows of the batch, current one */
	size_t item;             /* next item of the current row */
	bool open;               /* "* n FETCH (" was written, */
	bool some;               /* and an item after it */
	struct region region;    /* of the section that is going out */
	struct binary binary;    /* or of one to be decoded */
	struct preview *preview; /* or of a message */
	enum stage stage;        /* of the current item */
	size_t mark;             /* where it begins in the response */
	uint64_t started;        /* this slice, in microseconds */
	enum err error;          /* the first row that failed */
	struct resync resync;    /* of UID FETCH with CHANGEDSINCE */
	bool limited;            /* the set is what one command may take */
	bool synced;             /* and that is done */
};

void fetch_free(struct fetch *f)
{
	arena_free(f->arena);
	buf_free(&f->narrow.matches);
	buf_free(&f->binary.piece);
	preview_free(f->preview);
}

static void abandon(struct imap *i)
{
	fetch_free(i->cmd.work);
}

/* --- one row ------------------------------------------------------------------- */

static void put_modseq(struct buf *b, const struct message_row *row)
{
	buf_adds(b, "MODSEQ (");
	buf_add_u64(b, row->modseq);
	buf_addc(b, ')');
}

static enum err put_envelope_of(
	struct imap *i, struct fetch *f, const struct message_row *row)
{
	struct mail_envelope e;

	TRY(mail_envelope_unpack(f->arena, row->meta.envelope, &e));
	buf_adds(&i->out, "ENVELOPE ");
	put_envelope(&i->out, &e);
	return ERR_OK;
}

static enum err put_structure_of(struct imap *i, struct fetch *f,
	const struct message_row *row, bool extended)
{
	struct mail_structure s;

	TRY(mail_structure_unpack(f->arena, row->meta.structure, &s));
	buf_adds(&i->out, extended ? "BODYSTRUCTURE " : "BODY ");
	put_structure(&i->out, f->arena, &s, extended);
	return ERR_OK;
}

static void put_email_id(struct buf *b, const struct oid *oid)
{
	char text[OID_TEXT + 1];

	oid_text(oid, text);
	buf_addf(b, "EMAILID (%s)", text);
}

static enum err put_simple(struct imap *i, struct fetch *f,
	const struct message_row *row, enum fetch_kind kind)
{
	switch (kind) {
	case FETCH_FLAGS:
		buf_adds(&i->out, "FLAGS ");
		put_flags(&i->out, &row->flags, imap_recent(i, row->uid),
			f->names);
		break;
	case FETCH_UID:
		buf_adds(&i->out, "UID ");
		buf_add_u64(&i->out, row->uid);
		break;
	case FETCH_MODSEQ:
		put_modseq(&i->out, row);
		break;
	case FETCH_INTERNALDATE:
		buf_adds(&i->out, "INTERNALDATE ");
		put_internal_date(
			&i->out, row->internal_date, row->internal_zone);
		break;
	case FETCH_SAVEDATE:
		buf_adds(&i->out, "SAVEDATE ");
		put_internal_date(&i->out, row->save_date, 0);
		break;
	case FETCH_EMAILID:
		put_email_id(&i->out, &row->meta.oid);
		break;
	case FETCH_THREADID:
		/* RFC 8474 5.2: NIL for all where threads are not kept. */
		buf_adds(&i->out, "THREADID NIL");
		break;
	case FETCH_SIZE:
		buf_adds(&i->out, "RFC822.SIZE ");
		buf_add_u64(&i->out, row->size);
		break;
	case FETCH_ENVELOPE:
		return put_envelope_of(i, f, row);
	case FETCH_BODY:
	case FETCH_BODYSTRUCTURE:
		return put_structure_of(i, f, row, kind == FETCH_BODYSTRUCTURE);
	default:
		break; /* those with a section: begin_item() */
	}
	return ERR_OK;
}

/* The next piece of the region; the first is read before the literal is
 * announced, so that what does not verify is NIL. */
static enum err next_piece(struct imap *i, struct fetch *f, char *p, size_t *n)
{
	struct region *r = &f->region;
	size_t want = r->size < PIECE ? (size_t)r->size : PIECE;

	if (r->is_made) {
		memcpy(p, r->made.p, want);
		r->made = slice_from(r->made, want);
	} else {
		size_t got;
		TRY(body_read(
			i->box, f->rows[f->at].body, r->start, p, want, &got));
		if (got != want)
			return ERR_CORRUPT;
	}
	r->start += want;
	r->size -= want;
	*n = want;
	return ERR_OK;
}

static enum err stream(struct imap *i, struct fetch *f)
{
	while (f->region.size) {
		if (conn_full(i->conn))
			return ERR_AGAIN;
		size_t n;
		TRY(buf_reserve(&i->out, PIECE));
		TRY(next_piece(i, f, i->out.p + i->out.n, &n));
		i->out.n += n;
		imap_flush(i);
	}
	f->stage = STAGE_NONE;
	return ERR_OK;
}

static enum err begin_section(struct imap *i, struct fetch *f,
	const struct message_row *row, const struct section *s)
{
	char *piece;
	size_t n = 0;

	TRY(section_find(i->box, f->arena, row, s, &f->region));
	if (!f->region.exists) {
		buf_add_slice(&i->out, s->label);
		return buf_adds(&i->out, " NIL");
	}
	uint64_t size = f->region.size;
	piece = arena_alloc(f->arena, size < PIECE ? (size_t)size : PIECE);
	if (!piece)
		return ERR_NOMEM;
	if (size)
		TRY(next_piece(i, f, piece, &n));
	buf_add_slice(&i->out, s->label);
	buf_addf(&i->out, " {%llu}\r\n", (unsigned long long)size);
	buf_add(&i->out, piece, n);
	f->stage = f->region.size ? STAGE_STREAM : STAGE_NONE;
	return buf_err(&i->out);
}

static enum err begin_binary(struct imap *i, struct fetch *f,
	const struct message_row *row, const struct fetch_item *it)
{
	TRY(section_find(i->box, f->arena, row, it->section, &f->region));
	if (!f->region.exists) {
		buf_add_slice(&i->out, it->section->label);
		return buf_adds(
			&i->out, it->kind == FETCH_BINARY_SIZE ? " 0" : " NIL");
	}
	TRY(binary_begin(&f->binary, &f->region, it->section));
	f->stage = STAGE_MEASURE;
	return ERR_OK;
}

/* RFC 3516 4.3: literal8 only where there is a NUL. */
static enum err measure(struct imap *i, struct fetch *f,
	const struct message_row *row, const struct fetch_item *it)
{
	struct binary *b = &f->binary;

	TRY(binary_measure(i, row->body, b, f->started));
	buf_add_slice(&i->out, it->section->label);
	if (it->kind == FETCH_BINARY_SIZE)
		buf_addf(&i->out, " %llu", (unsigned long long)b->size);
	else
		buf_addf(&i->out, " %s{%llu}\r\n", b->has_nul ? "~" : "",
			(unsigned long long)b->size);
	f->stage =
		it->kind == FETCH_BINARY && b->size ? STAGE_SEND : STAGE_NONE;
	return buf_err(&i->out);
}

static enum err begin_preview(
	struct imap *i, struct fetch *f, const struct message_row *row)
{
	preview_free(f->preview);
	f->preview = NULL;
	TRY(preview_begin(i->box, row, f->arena, &f->preview));
	f->stage = STAGE_PREVIEW;
	return ERR_OK;
}

static enum err preview(struct imap *i, struct fetch *f)
{
	struct slice text;

	TRY(preview_more(i, f->preview, f->started, &text));
	buf_adds(&i->out, "PREVIEW ");
	put_string(&i->out, text);
	f->stage = STAGE_NONE;
	return ERR_OK;
}

static enum err begin_item(struct imap *i, struct fetch *f,
	const struct message_row *row, const struct fetch_item *it)
{
	f->mark = i->out.n;
	if (f->some)
		buf_addc(&i->out, ' ');
	if (it->kind == FETCH_SECTION)
		return begin_section(i, f, row, it->section);
	if (it->section)
		return begin_binary(i, f, row, it);
	if (it->kind == FETCH_PREVIEW)
		return begin_preview(i, f, row);
	return put_simple(i, f, row, it->kind);
}

/* A literal that was announced: an error in its midst is the end. */
static enum err go_on(
	struct imap *i, struct fetch *f, const struct message_row *row)
{
	if (f->stage == STAGE_STREAM)
		return stream(i, f);
	TRY(binary_send(i, row->body, &f->binary, f->started));
	f->stage = STAGE_NONE;
	return ERR_OK;
}

static enum err one_item(struct imap *i, struct fetch *f)
{
	const struct message_row *row = &f->rows[f->at];
	const struct fetch_item *it = &f->want.items[f->item];
	enum err e = ERR_OK;

	if (f->stage == STAGE_STREAM || f->stage == STAGE_SEND)
		return go_on(i, f, row);
	if (f->stage == STAGE_NONE)
		e = begin_item(i, f, row, it);
	if (e == ERR_OK && f->stage == STAGE_MEASURE)
		e = measure(i, f, row, it);
	if (e == ERR_OK && f->stage == STAGE_PREVIEW)
		e = preview(i, f);
	if (e == ERR_AGAIN)
		return e;
	if (e != ERR_OK) {
		/* Not a byte of it went out: leave the item out. */
		i->out.n = f->mark;
		i->out.err = ERR_OK;
		f->stage = STAGE_NONE;
		if (f->error == ERR_OK)
			f->error = e;
		return ERR_OK;
	}
	f->some = true;
	if (f->stage != STAGE_NONE) {
		imap_flush(i);
		return go_on(i, f, row);
	}
	return ERR_OK;
}

static void close_row(struct imap *i, struct fetch *f)
{
	const struct message_row *row = &f->rows[f->at];

	/* "FETCH ()" does not exist: one whose items all failed has flags. */
	if (!f->some || (f->seen_now[f->at] && !f->want.has_flags)) {
		buf_adds(&i->out, f->some ? " " : "");
		(void)put_simple(i, f, row, FETCH_FLAGS);
	}
	if (f->seen_now[f->at] && imap_enabled(i, ENABLED_CONDSTORE) &&
		!f->want.has_modseq) {
		buf_addc(&i->out, ' ');
		put_modseq(&i->out, row);
	}
	buf_adds(&i->out, ")\r\n");
	imap_flush(i);
}

static enum err one_row(struct imap *i, struct fetch *f)
{
	const struct message_row *row = &f->rows[f->at];

	if (!f->open) {
		uint32_t seq = view_seq(i, row->uid);
		if (seq == 0)
			return ERR_OK;
		f->shown++;
		if (f->want.changed_since != UINT64_MAX &&
			row->modseq <= f->want.changed_since)
			return ERR_OK;
		put_fetch(i, seq, row->uid);
		f->open = true;
		f->some = false;
		f->item = 0;
	}
	while (f->item < f->want.n) {
		enum err e = one_item(i, f);
		if (e != ERR_OK)
			return e;
		f->item++;
	}
	close_row(i, f);
	f->open = false;
	return ERR_OK;
}

/* --- batches ------------------------------------------------------------------- */

static enum err mark_seen(struct imap *i, struct fetch *f)
{
	uint64_t modseq = 0;

	for (size_t k = 0; k < f->n; k++) {
		struct message_row *row = &f->rows[k];
		if ((row->flags.system & FLAG_SEEN) || !view_seq(i, row->uid))
			continue;
		row->flags.system |= FLAG_SEEN;
		TRY(message_set_flags(i->box, i->st.mailbox, row->uid,
			&row->flags, &row->modseq));
		modseq = row->modseq;
		f->seen_now[k] = true;
	}
	if (modseq) {
		i->st.modseq = modseq;
		i->st.modseq_uid = UINT32_MAX;
	}
	return ERR_OK;
}

/* What others changed is told before this command's own changes, so that these
 * need not be told twice. */
/* RFC 4314 4: without the right, reading marks nothing. */
static bool marks_seen(const struct imap *i, const struct fetch *f)
{
	return f->want.sets_seen && !i->st.read_only &&
	       (i->st.rights & RIGHT_SEEN);
}

static enum err mark_seen_if_asked(struct imap *i, struct fetch *f)
{
	struct message_row before[BATCH];
	uint64_t modseq = i->st.modseq;
	uint32_t modseq_uid = i->st.modseq_uid;

	memset(f->seen_now, 0, sizeof(f->seen_now));
	if (!marks_seen(i, f))
		return ERR_OK;
	memcpy(before, f->rows, f->n * sizeof(before[0]));
	enum err e = store_begin(i->tenant->store);
	if (e == ERR_OK)
		e = imap_commit(i, mark_seen(i, f));
	if (e == ERR_NOSPACE) {
		/* Reading goes on when the disk is full, unmarked. */
		memcpy(f->rows, before, f->n * sizeof(before[0]));
		memset(f->seen_now, 0, sizeof(f->seen_now));
		i->st.modseq = modseq;
		i->st.modseq_uid = modseq_uid;
		e = ERR_OK;
	}
	imap_gate(i);
	return e;
}

static enum err next_batch(struct imap *i, struct fetch *f)
{
	if (marks_seen(i, f))
		TRY(view_sync(i, false));
	arena_reset(f->arena);
	f->at = 0;
	TRY(view_rows(i, &f->set, &f->next, f->want.meta ? MESSAGE_META : 0,
		f->arena, f->rows, BATCH, &f->n));
	return mark_seen_if_asked(i, f);
}

static enum err finish(struct imap *i, struct fetch *f)
{
	enum err e = f->error;

	/* By UID, what went in the meantime is told with this answer, and is
	 * ignored like any other UID that is not there (RFC 9051 6.4.9). */
	if (e == ERR_NOTFOUND && i->cmd.uid)
		e = ERR_OK;
	/* RFC 2180 4.1.2, RFC 5530: some are gone, the client is not told yet. */
	if (e == ERR_NOTFOUND ||
		(e == ERR_OK && !i->cmd.uid && f->shown < f->expected)) {
		i->cmd.error_code = "EXPUNGEISSUED";
		i->cmd.text = "Some of the messages are expunged already";
		e = ERR_NOTFOUND;
	}
	abandon(i);
	i->cmd.abandon = NULL;
	return e;
}

/* RFC 7162 3.2.6: what is gone comes before the first FETCH. */
static enum err changes_since(struct imap *i, struct fetch *f)
{
	if (f->want.vanished && f->resync.stage != RESYNC_TOLD)
		TRY(resync_vanished(i, &f->resync));
	TRY(resync_narrow(i, &f->resync, &f->set));
	f->next = f->set.n ? 1 : 0;
	f->synced = true;
	return ERR_OK;
}

/* What PARTIAL and CHANGEDSINCE left of it. */
static void limit_once(struct imap *i, struct fetch *f)
{
	if (f->limited)
		return;
	f->limited = true;
	message_limit(i, &f->set);
	if (!i->cmd.uid)
		f->expected = view_count(i, &f->set);
}

/* Rows in one slice; ERR_OK when there are no more. */
static enum err rows_more(struct imap *i, struct fetch *f)
{
	f->started = loop_now_us();
	do {
		if (f->at == f->n) {
			if (f->next == 0)
				return ERR_OK;
			TRY(next_batch(i, f));
			continue;
		}
		enum err e = one_row(i, f);
		if (e == ERR_AGAIN)
			return e;
		if (e != ERR_OK) { /* in the midst of a literal */
			i->cmd.cut = true;
			return e;
		}
		f->at++;
	} while (!imap_slice_over(i, f->started));
	return ERR_AGAIN;
}

static enum err more(struct imap *i)
{
	struct fetch *f = i->cmd.work;

	if (f->want.partial.asked) {
		TRY(fetch_narrow_more(i, &f->want, &f->narrow, &f->set));
		f->next = f->set.n ? 1 : 0;
	}
	if (!f->synced)
		TRY(changes_since(i, f));
	limit_once(i, f);
	TRY(rows_more(i, f));
	return finish(i, f);
}

/* The set before '*' is the highest UID that is there: of what is gone, it is
 * the highest that was. */
static enum err prepare_changes(struct imap *i, struct fetch *f)
{
	struct fetch_request *r = &f->want;
	struct set *known = &f->resync.known;
	bool since = r->changed_since != UINT64_MAX;

	if (r->vanished &&
		(!since || !i->cmd.uid || !imap_enabled(i, ENABLED_QRESYNC)))
		return ERR_SYNTAX;
	f->synced = !since || !i->cmd.uid;
	f->resync.since = r->changed_since;
	if (!r->vanished || f->set.saved)
		return ERR_OK; /* "$" has what is there only */
	known->list = arena_array(i->arena, struct range, f->set.n);
	if (!known->list)
		return ERR_NOMEM;
	memcpy(known->list, f->set.list, f->set.n * sizeof(struct range));
	known->n = f->set.n;
	set_resolve(known, i->st.uidnext - 1);
	return ERR_OK;
}

enum err cmd_fetch(struct imap *i)
{
	struct fetch *f = arena_alloc(i->arena, sizeof(*f));
	struct cursor *c = &i->cmd.args;

	if (!f)
		return ERR_NOMEM;
	if (!p_sp(c) || !imap_set(c, i->arena, &f->set) || !p_sp(c) ||
		!fetch_parse(c, i->arena, &f->want))
		return ERR_SYNTAX;
	if (f->want.partial.asked && !i->cmd.uid)
		return ERR_SYNTAX; /* RFC 9394 3.3: of UID FETCH only */
	/* UIDFETCH begins with it. Else with CONDSTORE also where \Seen is set
	 * (RFC 7162 3.2.4). */
	if ((i->cmd.uid || (f->want.sets_seen &&
				   imap_enabled(i, ENABLED_CONDSTORE))) &&
		!imap_enabled(i, ENABLED_UIDONLY))
		fetch_add(&f->want, FETCH_UID);
	if (f->want.has_modseq)
		imap_enable(i, ENABLED_CONDSTORE);
	TRY(prepare_changes(i, f));
	TRY(set_to_uids(i, &f->set, i->cmd.uid));
	TRY(view_keywords(i, i->arena, f->names));
	f->arena = arena_new(BATCH_ARENA);
	if (!f->arena)
		return ERR_NOMEM;
	f->next = f->set.n ? 1 : 0;
	i->cmd.work = f;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return more(i);
}

/* --- unasked ----------------------------------------------------------------------- */

enum err fetch_new(struct imap *i, struct arena *a,
	const struct fetch_request *want, struct range uids, struct fetch **out)
{
	struct fetch *f = arena_alloc(a, sizeof(*f));
	struct range *r = arena_array(a, struct range, 1);

	if (!f || !r)
		return ERR_NOMEM;
	*r = uids;
	f->want = *want;
	f->want.sets_seen = false;
	f->set = (struct set){ .list = r, .n = 1 };
	f->next = 1;
	TRY(view_keywords(i, a, f->names));
	f->arena = arena_new(BATCH_ARENA);
	*out = f;
	return f->arena ? ERR_OK : ERR_NOMEM;
}

enum err fetch_new_more(struct imap *i, struct fetch *f)
{
	return rows_more(i, f);
}
