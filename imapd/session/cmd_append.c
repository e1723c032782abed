/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * APPEND (RFC 3501 6.3.11, RFC 4315 3). The message's literal is never held in
 * memory: each piece goes to the scanner and, sealed, to the store. Everything
 * that can be refused is refused when the literal is announced, before the
 * client sends it (or its bytes are thrown away when it does not wait).
 */
#include <time.h>

#include "imap.h"

struct append {
	uint64_t mailbox;
	uint32_t uidvalidity;
	struct flag_list flags;
	struct mail_date date;
	struct body_writer *body;
	struct mail_scan *scan;
	uint64_t left; /* bytes of the literal to come */
	enum err err;
	const char *error_code;
};

static void append_free(struct append *a)
{
	if (!a)
		return;
	if (a->body)
		body_abort(a->body);
	mail_scan_free(a->scan);
	mem_free(a);
}

void append_abort(struct imap *i)
{
	append_free(i->append);
	i->append = NULL;
}

/* "tag APPEND mailbox [flags] [date-time] {n}", all but the literal. Keyword
 * names are borrowed from the framer's line, which moves when it grows: so it is
 * read again when the command is whole. */
static bool parse(struct imap *i, struct append *a, struct slice *name)
{
	struct cursor c = cursor_of(buf_slice(&i->framer.line));
	struct slice tag, word;

	if (!imap_astring(&c, i->arena, &tag) || !p_sp(&c) ||
		!imap_atom(&c, &word) || !slice_ieqs(word, "APPEND") ||
		!p_sp(&c) || !imap_mailbox(i, &c, name) || !p_sp(&c))
		return false;
	if (imap_flag_list(&c, false, &a->flags) && !p_sp(&c))
		return false;
	if (imap_date_time(&c, &a->date) && !p_sp(&c))
		return false;
	/* The rest is the announcement itself. */
	(void)p_char(&c, '~'); /* literal8, RFC 3516 4.4 */
	return p_peek(&c) == '{' && !memchr(c.p, ' ', (size_t)(c.end - c.p));
}

static enum err open_target(struct imap *i, struct append *a, struct slice name)
{
	struct mailbox_row row;
	enum err e = mailbox_find(i->account, name, i->arena, &row);

	if (e == ERR_NOTFOUND || (e == ERR_OK && !row.selectable)) {
		a->error_code = "TRYCREATE";
		return ERR_NOTFOUND;
	}
	TRY(e);
	if (i->framer.literal_size > LIMIT_MESSAGE) {
		a->error_code = "TOOBIG"; /* RFC 4469 4.2, RFC 7889 4 */
		return ERR_LIMIT;
	}
	a->mailbox = row.id;
	a->uidvalidity = row.uidvalidity;
	TRY(mail_scan_new(&a->scan));
	return body_begin(i->account, i->framer.literal_size, &a->body);
}

bool append_literal(struct imap *i)
{
	struct append *a = mem_new(struct append);
	struct slice name;

	if (!a)
		return false;
	a->date.time = time(NULL);
	if (i->append || !parse(i, a, &name)) {
		append_free(a);
		return false;
	}
	i->append = a;
	a->left = i->framer.literal_size;
	a->err = open_target(i, a, name);
	if (a->err != ERR_OK) {
		imap_framer_discard(&i->framer);
		return true;
	}
	bool sync = i->framer.literal_sync;
	imap_framer_stream(&i->framer);
	if (sync)
		conn_writes(i->conn, "+ Ready for the message\r\n");
	return true;
}

void append_data(struct imap *i, struct slice data)
{
	struct append *a = i->append;

	if (!a || a->err != ERR_OK)
		return;
	a->left -= data.n < a->left ? data.n : a->left;
	/* BODY[] must show what it has as text (RFC 3516 6): NUL is refused,
	 * not encoded behind the client's back. */
	if (i->framer.literal_binary && slice_find(data, '\0') < data.n) {
		a->err = ERR_ENCODING;
		return;
	}
	a->err = mail_scan_feed(a->scan, data);
	if (a->err == ERR_OK)
		a->err = body_write(a->body, data);
}

static enum err add_message(struct imap *i, struct append *a,
	const struct body_meta *meta, uint32_t *uid)
{
	struct message_new m = {
		.internal_date = a->date.time,
		.internal_zone = a->date.zone,
	};
	struct body_writer *body = a->body;
	uint64_t modseq;

	a->body = NULL; /* body_finish frees it in every case */
	TRY(body_finish(body, meta, &m.body));
	TRY(flags_resolve(i, a->mailbox, &a->flags, true, &m.flags));
	return message_add(i->account, a->mailbox, &m, uid, &modseq);
}

static enum err store_message(struct imap *i, struct append *a)
{
	struct buf envelope, structure;
	uint32_t uid = 0;

	buf_init(&envelope, MIB(1));
	buf_init(&structure, MIB(1));
	enum err e = mail_scan_end(a->scan, &envelope, &structure);
	struct body_meta meta = { .envelope = buf_slice(&envelope),
		.structure = buf_slice(&structure) };
	if (e == ERR_OK)
		e = store_begin(i->tenant->store);
	if (e == ERR_OK)
		e = imap_commit(i, add_message(i, a, &meta, &uid));
	buf_free(&envelope);
	buf_free(&structure);
	if (e == ERR_OK)
		i->cmd.code =
			imap_text(i, "APPENDUID %u %u", a->uidvalidity, uid);
	return e;
}

/* The whole command is here; the message has been streamed before. */
enum err cmd_append(struct imap *i)
{
	struct append *a = i->append;
	struct slice line = buf_slice(&i->framer.line), name;

	if (!a || !parse(i, a, &name))
		return ERR_SYNTAX;
	i->cmd.error_code = a->error_code;
	enum err e = a->err;
	/* After the literal nothing may follow (MULTIAPPEND is not offered). */
	if (e == ERR_OK &&
		(a->left || line.n < 3 ||
			memcmp(line.p + line.n - 3, "}\r\n", 3) != 0))
		e = ERR_SYNTAX;
	if (e == ERR_OK && i->framer.literal_size == 0) {
		/* RFC 3501 6.3.11 is silent; nobody can show an empty one. */
		i->cmd.text = "An empty message cannot be stored";
		e = ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = store_message(i, a);
	append_abort(i);
	return e;
}
