/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * APPEND (RFC 3501 6.3.11, RFC 4315 3, RFC 3502, RFC 4469, RFC 6855 4) and the
 * reading of REPLACE, which has the same arguments. A message's literal is
 * never held in memory: each piece goes to the scanner and, sealed, to the
 * store. Everything that can be refused is refused when the literal is
 * announced, before the client sends it (or its bytes are thrown away when it
 * does not wait).
 *
 * UTF-8 in header fields is taken from every client. RFC 9755 4 wants NO where
 * the client did not enable it; what would be lost are old messages with bytes
 * of some charset that a user moves here from another server.
 *
 *   line so far --walk()--> STOP_LITERAL --data--> line so far ...
 *                 |  ^         STOP_STRING (a URL: an ordinary literal)
 *                 v  |         STOP_END (the whole line was read)
 *              a URL's bytes are copied, in slices
 */
#include <time.h>

#include "append.h"

void append_abort(struct imap *i)
{
	append_free(i->append);
	i->append = NULL;
}

/* --- reading ------------------------------------------------------------------------ */

/* "UTF8 (": RFC 6855 4. RFC 9755 takes UTF-8 in every literal and has dropped
 * it, but clients send it where UTF8=ACCEPT is listed; Thunderbird also on
 * connections on which it has not enabled it. */
static bool utf8_data(struct append *a, struct cursor *c)
{
	a->in_utf8 = p_word(c, "UTF8 (");
	return !a->in_utf8 || p_peek(c) == '~';
}

/* Does what is left of the line announce a literal, now? */
static bool announces(struct cursor c)
{
	uint64_t n;

	(void)p_char(&c, '~'); /* literal8, RFC 3516 4.4 */
	if (!p_char(&c, '{') || !p_u64(&c, &n))
		return false;
	(void)p_char(&c, '+');
	return p_char(&c, '}') && p_char(&c, '\r') && p_char(&c, '\n') &&
	       p_end(&c);
}

static enum err open_target(struct imap *i, struct append *a, struct slice name)
{
	struct place p;
	enum err e = imap_place_mailbox(i, name, RIGHT_INSERT, &p);

	if (e == ERR_NOTFOUND) {
		a->error_code = "TRYCREATE";
		return ERR_NOTFOUND;
	}
	TRY(e);
	a->account = p.account;
	a->mailbox = p.row.id;
	a->rights = p.rights;
	a->uidvalidity = p.row.uidvalidity;
	return ERR_OK;
}

/* seq-number of RFC 9051 9: '*' is 0 until it is resolved. */
static bool victim(struct cursor *c, struct range *out)
{
	if (!p_char(c, '*') && (!p_u32(c, &out->from) || out->from == 0))
		return false;
	out->to = out->from;
	return p_sp(c);
}

/* "tag APPEND mailbox" or "tag [UID] REPLACE n mailbox". NULL: it is not, or
 * not yet: the mailbox may come as a literal. */
struct append *append_start(struct imap *i)
{
	struct slice line = buf_slice(&i->framer.line), tag, word, name;
	struct append a = { .stop = STOP_NONE };
	struct cursor c = cursor_of(line);

	if (!p_run(&c, is_tag_char, &tag) || !p_sp(&c))
		return NULL;
	bool uid = p_word(&c, "UID ");
	if (!imap_atom(&c, &word) || !p_sp(&c))
		return NULL;
	a.replace = slice_ieqs(word, "REPLACE");
	if (!a.replace && (uid || !slice_ieqs(word, "APPEND")))
		return NULL;
	if ((a.replace && !victim(&c, &a.victim)) ||
		!imap_mailbox(i, &c, &name))
		return NULL;
	a.at = (size_t)(c.p - line.p);
	a.err = open_target(i, &a, name);
	i->append = mem_new(struct append);
	if (i->append)
		*i->append = a;
	return i->append;
}

/* The line moves when it grows: names of keywords are kept apart. */
static enum err keep_keywords(struct arena *a, struct flag_list *f)
{
	for (size_t k = 0; k < f->n_keywords; k++) {
		f->keywords[k] = arena_copy(a, f->keywords[k]);
		if (!f->keywords[k].p)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

/* [SP flag-list] [SP date-time] SP (literal / utf8-literal / "CATENATE" SP "("
 * ...) */
static enum err message(struct imap *i, struct append *a, struct cursor *c)
{
	struct append_message *m;

	if (a->n && p_end(c)) {
		a->stop = STOP_END;
		return ERR_OK;
	}
	if ((a->replace && a->n) || !p_sp(c))
		return ERR_SYNTAX;
	if (a->n == LIMIT_APPEND_MESSAGES) {
		a->error_code =
			imap_text(i, "MESSAGELIMIT %u", LIMIT_APPEND_MESSAGES);
		return ERR_LIMIT;
	}
	m = arena_alloc(i->arena, sizeof(*m));
	if (!m)
		return ERR_NOMEM;
	m->date.time = time(NULL);
	if (imap_flag_list(c, false, &m->flags) && !p_sp(c))
		return ERR_SYNTAX;
	if (imap_date_time(c, &m->date) && !p_sp(c))
		return ERR_SYNTAX;
	rights_limit_list(a->rights, &m->flags);
	TRY(keep_keywords(i->arena, &m->flags));
	a->in_parts = p_word(c, "CATENATE (");
	a->some_part = false;
	if (!a->in_parts)
		if (!utf8_data(a, c))
			return ERR_SYNTAX;
	if (!a->in_parts && !announces(*c))
		return ERR_SYNTAX;
	a->list[a->n++] = m;
	if (a->in_parts)
		return append_begin(i, a, 0);
	a->stop = STOP_LITERAL;
	return append_begin(i, a, i->framer.literal_size);
}

/* cat-part of RFC 4469 5 and RFC 6855 4, or the end of them. */
static enum err part(struct imap *i, struct append *a, struct cursor *c)
{
	struct slice url;

	if (a->some_part && p_char(c, ')')) {
		a->in_parts = false;
		return ERR_OK;
	}
	if (a->some_part && !p_sp(c))
		return ERR_SYNTAX;
	if (!utf8_data(a, c))
		return ERR_SYNTAX;
	if (a->in_utf8 || p_word(c, "TEXT ")) {
		if (!announces(*c))
			return ERR_SYNTAX;
		a->some_part = true;
		a->stop = STOP_LITERAL;
		return ERR_OK;
	}
	if (!p_word(c, "URL "))
		return ERR_SYNTAX;
	if (announces(*c)) {
		a->stop = STOP_STRING;
		return ERR_OK;
	}
	if (!imap_astring(c, i->arena, &url))
		return ERR_SYNTAX;
	a->some_part = true;
	return append_url(i, a, url);
}

/* The parenthesis behind the literal of UTF8. */
static enum err end_utf8(struct imap *i, struct append *a)
{
	if (!a->in_utf8)
		return ERR_OK;
	a->in_utf8 = false;
	if (a->at == i->framer.line.n || i->framer.line.p[a->at] != ')')
		return ERR_SYNTAX;
	a->at++;
	return ERR_OK;
}

/* Reads on until something has to come. ERR_AGAIN: a URL is being copied. */
static enum err walk(struct imap *i, struct append *a)
{
	uint64_t started = loop_now_us();

	for (a->stop = STOP_NONE; a->stop == STOP_NONE;) {
		if (a->region.size)
			TRY(append_copy(i, a, started));
		TRY(end_utf8(i, a));
		struct slice line = buf_slice(&i->framer.line);
		struct cursor c = cursor_of(slice_from(line, a->at));
		TRY(a->in_parts ? part(i, a, &c) : message(i, a, &c));
		if (a->stop == STOP_LITERAL)
			a->at = line.n;
		else if (a->stop == STOP_NONE)
			a->at = (size_t)(c.p - line.p);
	}
	return ERR_OK;
}

/* --- literals ------------------------------------------------------------------------ */

static enum err to_literal(struct imap *i, struct append *a)
{
	TRY(a->err);
	TRY(walk(i, a));
	if (a->stop == STOP_LITERAL)
		TRY(append_room(a, i->framer.literal_size));
	return ERR_OK;
}

enum append_literal append_literal(struct imap *i)
{
	struct append *a = i->append ? i->append : append_start(i);

	if (!a)
		return APPEND_STRING;
	enum err e = to_literal(i, a);
	if (e == ERR_AGAIN)
		return APPEND_LATER;
	a->err = e;
	if (e != ERR_OK) {
		imap_framer_discard(&i->framer);
		return APPEND_TAKEN;
	}
	if (a->stop == STOP_STRING)
		return APPEND_STRING;
	bool sync = i->framer.literal_sync;
	imap_framer_stream(&i->framer);
	if (sync)
		conn_writes(i->conn, "+ Ready for the message\r\n");
	return APPEND_TAKEN;
}

void append_data(struct imap *i, struct slice data)
{
	struct append *a = i->append;

	if (!a || a->err != ERR_OK)
		return;
	/* BODY[] must show what it has as text (RFC 3516 6): NUL is refused,
	 * not encoded behind the client's back. Other literals cannot have it
	 * at all (RFC 9051 9: CHAR8). */
	if (slice_find(data, '\0') == data.n) {
		a->err = append_write(a, data);
	} else if (i->framer.literal_binary) {
		a->err = ERR_ENCODING;
	} else {
		a->text = "The message has a NUL";
		a->err = ERR_SYNTAX;
	}
}

/* --- the command --------------------------------------------------------------------- */

enum err append_finish(struct imap *i, uint32_t uids[LIMIT_APPEND_MESSAGES])
{
	struct append *a = i->append ? i->append : append_start(i);
	enum err e;

	if (!a)
		return ERR_SYNTAX;
	e = a->err != ERR_OK ? a->err : walk(i, a);
	if (e == ERR_OK && a->stop != STOP_END)
		e = ERR_SYNTAX;
	if (e == ERR_OK)
		e = append_commit(i, a, uids);
	i->cmd.error_code = a->error_code;
	i->cmd.text = a->text;
	return e;
}

static enum err more(struct imap *i)
{
	uint32_t uids[LIMIT_APPEND_MESSAGES];
	struct buf set;

	TRY(append_finish(i, uids));
	buf_init(&set, LIMIT_APPEND_MESSAGES * 16);
	put_uid_set(&set, uids, i->append->n);
	i->cmd.code = imap_text(i, "APPENDUID %u %.*s", i->append->uidvalidity,
		SLICE_ARG(buf_slice(&set)));
	buf_free(&set);
	/* The tagged answer has its code already. */
	i->cmd.tells_modseq = imap_enabled(i, ENABLED_CONDSTORE) &&
			      i->append->account == i->box &&
			      i->append->mailbox == i->st.mailbox;
	return ERR_OK;
}

enum err cmd_append(struct imap *i)
{
	i->cmd.more = more;
	return more(i);
}
