/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One signed-in IMAP connection: frames commands, runs them one after another,
 * answers. The diagram is in imap.h.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include <bastide/log.h>

#include "notify.h"
#include "place.h"

/* What one command may allocate, sets and search programs included. */
#define COMMAND_ARENA MIB(4)
/* One response in memory: an ENVELOPE or BODYSTRUCTURE of a large message. */
#define RESPONSE_MAX MIB(16)

uint64_t imap_progress_us = 5000000;

static struct imap *sessions;

uint32_t imap_announced(const struct imap *i, uint64_t mailbox)
{
	uint32_t uid = 0;

	for (const struct imap *o = sessions; o; o = o->next)
		if (o != i && o->box == i->box && o->st.selected &&
			o->st.mailbox == mailbox && !o->st.read_only &&
			o->st.uidnext > uid)
			uid = o->st.uidnext;
	return uid;
}

void imap_tell_metadata(const struct imap *i, const struct account *a,
	uint64_t mailbox, bool shared, struct slice entry)
{
	for (struct imap *o = sessions; o; o = o->next)
		if (o != i && notify_watches(o, account_number(a)) &&
			(shared || o->st.account == i->st.account))
			notify_metadata(o, account_number(a), mailbox, entry);
}

void imap_tell_key_reset(
	const struct imap *i, const struct account *a, uint64_t mailbox)
{
	for (struct imap *o = sessions; o; o = o->next) {
		if (o == i || o->st.account != i->st.account || !o->st.selected)
			continue;
		if (a && (account_number(o->box) != account_number(a) ||
				 o->st.mailbox != mailbox))
			continue;
		o->key_reset = true;
		imap_news(o);
	}
}

static void enlist(struct imap *i)
{
	i->next = sessions;
	i->prev = &sessions;
	if (sessions)
		sessions->prev = &i->next;
	sessions = i;
}

static void unlist(struct imap *i)
{
	*i->prev = i->next;
	if (i->next)
		i->next->prev = i->prev;
}

/* --- helpers for commands ------------------------------------------------------- */

bool imap_slice_over(struct imap *i, uint64_t started_us)
{
	return conn_full(i->conn) || loop_now_us() - started_us > SLICE_US;
}

void imap_gate(struct imap *i)
{
	conn_gate(i->conn, places_last_commit(i));
}

PRINTF_LIKE(2, 0)
static const char *text_v(struct imap *i, const char *fmt, va_list ap)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	struct slice kept = arena_copy(i->arena,
		slice_of(line, n < (int)sizeof(line) ? (size_t)n : 0));

	return kept.p ? kept.p : "";
}

const char *imap_text(struct imap *i, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const char *text = text_v(i, fmt, ap);
	va_end(ap);
	return text;
}

void imap_untagged(struct imap *i, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	conn_writef(i->conn, "* %s\r\n", line);
}

void imap_flush(struct imap *i)
{
	/* Too large for memory: half a response may not go out. */
	if (buf_err(&i->out) != ERR_OK)
		i->cmd.cut = true;
	else
		conn_write(i->conn, buf_slice(&i->out));
	buf_reset(&i->out);
}

enum err imap_uid_required(struct imap *i)
{
	if (!imap_enabled(i, ENABLED_UIDONLY))
		return ERR_OK;
	i->cmd.error_code = "UIDREQUIRED";
	i->cmd.text = "Message numbers are switched off";
	return ERR_SYNTAX;
}

enum err imap_commit(struct imap *i, enum err e)
{
	if (e != ERR_OK) {
		store_rollback(i->tenant->store);
		return e;
	}
	return store_commit(i->tenant->store, NULL);
}

/* --- end ---------------------------------------------------------------------- */

static void session_free(struct imap *i)
{
	struct tenant *t = i->tenant;
	uint64_t id = i->st.session;

	if (i->running && i->cmd.abandon)
		i->cmd.abandon(i);
	append_abort(i);
	notify_free(i);
	if (i->st.selected)
		imap_deselect(i);
	places_forget(i);
	unlist(i);
	loop_later_cancel(&i->later);
	quirk_free(i);
	account_unwatch(&i->watcher);
	account_close(i->account);
	conn_free(i->conn);
	imap_framer_free(&i->framer);
	arena_free(i->arena);
	buf_free(&i->out);
	view_clear(&i->view);
	mem_free(i);
	session_ended(t, id);
}

static void on_closed(void *arg, enum err why)
{
	struct imap *i = arg;

	log_event(LOG_INFO_, "imap-end", "session=%llu err=%s",
		(unsigned long long)i->st.session, err_info(why)->name);
	session_free(i);
}

/* --- answers -------------------------------------------------------------------- */

static void write_result(
	struct imap *i, const char *word, const char *code, const char *text)
{
	struct command *c = &i->cmd;

	conn_write(i->conn, c->tag);
	if (code && code[0])
		conn_writef(i->conn, " %s [%s] ", word, code);
	else
		conn_writef(i->conn, " %s ", word);
	conn_writes(i->conn, language_text(i->st.language, text));
	conn_writes(i->conn, "\r\n");
}

static void write_ok(struct imap *i)
{
	struct command *c = &i->cmd;
	const char *text = c->text;

	assert(c->row);
	if (!text)
		text = imap_text(i, "%s%s %s", c->uid ? "UID " : "",
			c->row->name,
			language_text(i->st.language, "completed"));
	write_result(i, "OK", c->code, text);
	i->st.bad_commands = 0;
}

static void write_error(struct imap *i, enum err e)
{
	struct command *c = &i->cmd;
	const struct err_info *info = err_info(e);
	bool bad = e == ERR_SYNTAX || e == ERR_WRONGSTATE;
	const char *text = c->text ? c->text : info->text;

	if (bad) {
		write_result(i, "BAD", c->error_code, text);
		i->st.bad_commands++;
	} else {
		write_result(i, "NO",
			c->error_code ? c->error_code : info->imap, text);
	}
	if (i->st.bad_commands >= LIMIT_BAD_COMMANDS) {
		imap_untagged(i, "BYE Too many commands that are no IMAP");
		c->bye = true;
	}
}

/* What was written goes out, and nothing more. */
static void say_bye(struct imap *i)
{
	notify_free(i);
	conn_finish(i->conn);
}

/* News that NOTIFY asks for, told as if by a command (notify.c). */
static const struct command_row news_row = { "NOTIFY", NULL, IN_ANY,
	ASKS_ARRIVALS };

static void end_news(struct imap *i, enum err e)
{
	bool bye = i->cmd.cut || e != ERR_OK;

	if (e != ERR_OK && !i->cmd.cut)
		imap_untagged(i, "BYE [UNAVAILABLE] The mailbox changed too "
				 "much; select it again");
	if (i->cmd.abandon)
		i->cmd.abandon(i);
	i->cmd = i->held;
	i->running = i->idling = i->held_idle;
	i->held_idle = false;
	if (!bye && notify_due(i)) /* what came meanwhile */
		imap_look(i);
	places_forget(i);
	arena_reset(i->arena);
	if (bye)
		say_bye(i);
	else
		conn_resume(i->conn);
}

static void end_command(struct imap *i)
{
	bool bye = i->cmd.bye || i->cmd.cut;

	if (i->cmd.abandon)
		i->cmd.abandon(i);
	append_abort(i);
	i->running = false;
	i->idling = false;
	i->cmd = (struct command){ 0 };
	i->delayed_only = false;
	if (!bye && notify_due(i)) /* what came meanwhile */
		loop_later(i->tenant->loop, &i->later);
	places_forget(i);
	arena_reset(i->arena);
	imap_framer_reset(&i->framer);
	if (bye)
		say_bye(i);
	else
		conn_resume(i->conn);
}

/* The command is over with `e`: news first, then the tagged reply. */
static enum err finish(struct imap *i, enum err e)
{
	struct command *c = &i->cmd;
	bool expunge = c->row && (!(c->row->flags & NO_EXPUNGE) || c->uid);

	if (c->row == &news_row) {
		end_news(i, e);
		return ERR_OK;
	}
	if (c->cut) {
		end_command(i);
		return ERR_OK;
	}
	imap_gate(i);
	if (i->st.selected && e != ERR_SYNTAX && !c->bye) {
		enum err sync = view_sync(i, expunge);
		if (sync == ERR_AGAIN)
			return sync;
		if (c->cut) {
			end_command(i);
			return ERR_OK;
		}
		if (sync != ERR_OK) {
			imap_untagged(i, "BYE [UNAVAILABLE] The mailbox "
					 "changed too much; select it again");
			c->bye = true;
		}
	}
	if (c->tells_modseq && i->st.selected && !i->changed)
		imap_untagged(i, "OK [HIGHESTMODSEQ %llu] Highest",
			(unsigned long long)i->st.modseq);
	imap_gate(i);
	if (e == ERR_OK) {
		message_limit_tell(i);
		write_ok(i);
	} else {
		write_error(i, e);
	}
	end_command(i);
	return ERR_OK;
}

/* --- one command ------------------------------------------------------------------ */

static bool is_set_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c && strchr(",:*$", c));
}

static enum err parse_command(struct imap *i)
{
	struct command *c = &i->cmd;
	struct slice name;

	c->args = cursor_of(buf_slice(&i->framer.line));
	if (!p_run(&c->args, is_tag_char, &c->tag)) {
		c->tag = slice_str("*");
		return ERR_SYNTAX;
	}
	if (!p_sp(&c->args) || !imap_atom(&c->args, &name))
		return ERR_SYNTAX;
	if (slice_ieqs(name, "UID")) {
		c->uid = true;
		if (!p_sp(&c->args) || !imap_atom(&c->args, &name))
			return ERR_SYNTAX;
	}
	const struct command_row *row = command_find(name);
	if (!row || (c->uid && !(row->flags & UID_TOO))) {
		c->text = "Unknown command";
		return ERR_SYNTAX;
	}
	c->row = row;
	unsigned state = i->st.selected ? IN_SELECTED : IN_AUTH;
	if (!(row->states & state)) {
		c->text = "Select a mailbox first";
		return ERR_WRONGSTATE;
	}
	if ((row->flags & UID_TOO) && !c->uid && !(row->flags & NO_NUMBERS))
		TRY(imap_uid_required(i));
	if ((row->flags & WRITES) && i->st.read_only) {
		c->error_code = "NOPERM";
		c->text = "The mailbox is opened read-only";
		return ERR_NOPERM;
	}
	return ERR_OK;
}

/* What is done in somebody else's mailbox is kept with the numbers that the
 * client named. */
static enum err audit_selected(struct imap *i)
{
	struct cursor c = i->cmd.args;
	struct slice set = { 0 };
	struct place p;

	if (!(i->cmd.row->states == IN_SELECTED) || place_is_own(i, i->box))
		return ERR_OK;
	TRY(imap_place_selected(i, &p));
	(void)p_sp(&c);
	(void)p_run(&c, is_set_char, &set);
	return place_audit(i, p.account, p.inner, set);
}

static enum err begin_or_go_on(struct imap *i)
{
	struct command *c = &i->cmd;

	if (!c->begun) {
		if (c->row->flags & WANTS_VIEW)
			TRY(view_load(i));
		c->begun = true;
		TRY(audit_selected(i));
		return c->row->begin(i);
	}
	return c->more ? c->more(i) : ERR_OK;
}

/* RFC 9585 4: the client sees that it need not give up. */
static void tell_progress(struct imap *i)
{
	struct command *c = &i->cmd;
	uint64_t now = loop_now_us();

	if (c->total == 0 || now - c->told_us < imap_progress_us)
		return;
	c->told_us = now;
	imap_untagged(i, "OK [INPROGRESS (\"%.*s\" %u %u)] Still at it",
		(int)c->tag.n, c->tag.p, c->done, c->total);
}

/* Rights that were taken away end what they allowed, at once. */
static bool still_readable(struct imap *i)
{
	enum err e = i->rights_stale ? place_recheck(i) : ERR_OK;

	if (e == ERR_OK)
		return true;
	imap_untagged(i, "BYE [NOPERM] You may no longer read this mailbox");
	return false;
}

/* One slice of the running command, or of what is left to tell after it. With
 * the output full, on_low() brings the next one. */
static void step(struct imap *i)
{
	struct command *c = &i->cmd;
	enum err e = c->result;

	imap_gate(i);
	if (!still_readable(i)) {
		c->cut = true;
		c->finishing = true;
	}
	i->acting = c->row != &news_row;
	if (!c->finishing)
		e = begin_or_go_on(i);
	i->acting = false;
	if (i->idling)
		return;
	if (e != ERR_AGAIN) {
		c->finishing = true;
		c->result = e;
		e = finish(i, e);
	}
	if (e == ERR_AGAIN && !c->finishing)
		tell_progress(i);
	if (e == ERR_AGAIN && !conn_full(i->conn))
		loop_later(i->tenant->loop, &i->later);
}

/* The command is over before it began, or while it idled. */
static void conclude(struct imap *i, enum err e, const char *text)
{
	i->running = true;
	i->idling = false;
	i->cmd.finishing = true;
	i->cmd.result = e;
	if (text)
		i->cmd.text = text;
	step(i);
}

static void start_command(struct imap *i)
{
	i->running = true;
	i->cmd.told_us = loop_now_us();
	conn_pause(i->conn);
	enum err e = parse_command(i);
	if (e != ERR_OK) {
		conclude(i, e, NULL);
	} else if (i->framer.discarded && !i->append) {
		i->cmd.error_code = i->cmd.row->begin == cmd_setmetadata
					    ? METADATA_TOO_LONG
					    : "TOOBIG"; /* RFC 7888 5 */
		conclude(i, ERR_LIMIT, "The literal is too large");
	} else {
		step(i);
	}
}

/* --- input ------------------------------------------------------------------------ */

/* False: what comes before it takes time; it will be asked again. */
static bool announce_literal(struct imap *i)
{
	struct imap_framer *f = &i->framer;
	bool sync = f->literal_sync;
	enum append_literal how = append_literal(i);

	if (how == APPEND_LATER)
		loop_later(i->tenant->loop, &i->later);
	if (how != APPEND_STRING)
		return how == APPEND_TAKEN;
	if (f->literal_size > LIMIT_IMAP_LITERAL ||
		f->line.n + f->literal_size > LIMIT_IMAP_COMMAND) {
		imap_framer_discard(f);
		return true;
	}
	imap_framer_collect(f);
	if (sync)
		conn_writes(i->conn, "+ OK\r\n");
	return true;
}

static void bad_frame(struct imap *i)
{
	struct cursor c = cursor_of(buf_slice(&i->framer.line));

	if (!p_run(&c, is_tag_char, &i->cmd.tag))
		i->cmd.tag = slice_str("*");
	conclude(i, ERR_SYNTAX,
		i->framer.err == ERR_LIMIT ? "The command line is too long"
					   : "The command line is broken");
}

/* While IDLE runs, only DONE is expected (RFC 2177). */
static bool idle_input(struct imap *i)
{
	struct slice line;
	size_t taken;
	enum err why;
	enum frame_step got = line_step(
		conn_input(i->conn), LIMIT_PREAUTH_LINE, &line, &taken, &why);

	if (got == FRAME_MORE) {
		conn_consume(i->conn, taken); /* of a line too long for good */
		return false;
	}
	bool done = got == FRAME_DONE && slice_ieqs(line, "DONE");
	conn_consume(i->conn, taken);
	conclude(i, done ? ERR_OK : ERR_SYNTAX, done ? NULL : "Expected DONE");
	return true;
}

static bool one_frame(struct imap *i)
{
	struct slice in = conn_input(i->conn);
	size_t taken = 0;

	/* Also without input: a refused literal ends its command at once. */
	enum frame_step got = imap_framer_step(&i->framer, in, &taken);
	if (got == FRAME_DATA)
		append_data(i, i->framer.data);
	conn_consume(i->conn, taken);
	switch (got) {
	case FRAME_MORE:
		return false;
	case FRAME_LITERAL:
		return announce_literal(i);
	case FRAME_DATA:
		break;
	case FRAME_DONE:
		start_command(i);
		break;
	case FRAME_BAD:
		bad_frame(i);
		break;
	}
	return true;
}

static void on_input(void *arg)
{
	struct imap *i = arg;

	/* Behind a response that is half out nothing is answered. */
	while (i->running ? i->idling && !i->arrivals && idle_input(i)
			  : one_frame(i))
		;
}

static void on_low(void *arg)
{
	struct imap *i = arg;

	if (i->running)
		loop_later(i->tenant->loop, &i->later);
}

static void idle_news(struct imap *i)
{
	imap_gate(i);
	if (!still_readable(i)) {
		say_bye(i);
		return;
	}
	enum err e = view_sync(i, true);
	if (e == ERR_AGAIN && !conn_full(i->conn))
		loop_later(i->tenant->loop, &i->later);
	else if (e != ERR_OK && e != ERR_AGAIN)
		say_bye(i);
	if (e == ERR_OK)
		arena_reset(i->arena);
}

/* The arena is free: nothing of a command is read before its line is whole, but
 * APPEND's. */
static void begin_news(struct imap *i)
{
	i->held = i->cmd;
	i->held_idle = i->idling;
	i->cmd = (struct command){ .row = &news_row,
		.uid = true,
		.begun = true,
		.more = notify_more,
		.told_us = loop_now_us() };
	i->running = true;
	i->idling = false;
	conn_pause(i->conn);
	step(i);
}

static void on_later(void *arg)
{
	struct imap *i = arg;

	notify_let_go(i);
	if (notify_due(i) && (!i->running || i->idling) && !i->append)
		begin_news(i);
	else if (i->idling && !i->notify)
		idle_news(i);
	else if (i->running && !i->idling)
		step(i);
	else if (!still_readable(i)) {
		say_bye(i);
		return;
	}
	if (!i->running || i->idling)
		on_input(i);
}

void imap_news(struct imap *i)
{
	i->changed = true;
	i->delayed_only = false;
	if (i->notify)
		imap_look(i);
	else if (i->idling)
		quirk_idle_news(i);
}

void imap_look(struct imap *i)
{
	loop_later(i->tenant->loop, &i->later);
}

static void on_changed(
	void *arg, enum watch_kind kind, uint64_t id, uint64_t commit)
{
	struct imap *i = arg;

	if (i->notify)
		notify_note(i, i->st.account, kind, id);
	if (kind != WATCH_MAILBOX || !i->st.selected || i->box != i->account ||
		id != i->st.mailbox)
		return;
	imap_news(i);
}

static const struct conn_events events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

/* `extra` is the login's tag and, after a space, the language that the client
 * chose before it. */
static void greet(struct imap *i, struct slice extra)
{
	struct slice language, tag = slice_cut(extra, ' ', &language);

	if (language.n)
		(void)!language_find(language, &i->st.language);
	put_capabilities(i);
	conn_write(i->conn, tag);
	conn_writes(i->conn, " OK [CAPABILITY ");
	conn_write(i->conn, buf_slice(&i->out));
	conn_writef(i->conn, "] %s\r\n",
		language_text(i->st.language, "Signed in"));
	buf_reset(&i->out);
}

enum err imap_session_new(const struct session_start *s)
{
	struct imap *i = mem_new(struct imap);

	if (!i)
		return ERR_NOMEM;
	i->tenant = s->tenant;
	i->st.account = s->account;
	i->arena = arena_new(COMMAND_ARENA);
	enum err e = i->arena ? capabilities_hide(i) : ERR_NOMEM;
	if (e == ERR_OK)
		e = account_open(s->tenant->store, s->account, &i->account);
	i->box = i->account;
	if (e != ERR_OK) {
		arena_free(i->arena);
		mem_free(i);
		return e;
	}
	i->conn = s->conn;
	i->st.session = s->id;
	buf_init(&i->out, RESPONSE_MAX);
	imap_framer_init(&i->framer, LIMIT_IMAP_COMMAND);
	i->later = (struct later){ .run = on_later, .arg = i };
	i->watcher = (struct watcher){ .changed = on_changed, .arg = i };
	account_watch(i->account, &i->watcher);
	enlist(i);
	conn_set_events(i->conn, &events, i);
	conn_set_timeout(i->conn, LIMIT_IMAP_IDLE_S);
	greet(i, s->extra);
	/* What the client sent behind its login waits already. */
	loop_later(i->tenant->loop, &i->later);
	return ERR_OK;
}
