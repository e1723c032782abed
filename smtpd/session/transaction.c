/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One mail transaction: who may send, who receives, and the message as it
 * streams in, sealed from its first chunk on.
 */
#include <bastide/domain.h>

#include "session.h"

/* A submitted header is held back so long, to see what it lacks. */
#define HELD_MAX KIB(128)

void transaction_free(struct smtp_session *s)
{
	struct transaction *t = &s->t;

	for (size_t k = 0; k < t->n_locals; k++) {
		if (t->locals[k].body)
			body_abort(t->locals[k].body);
		if (t->locals[k].account)
			account_close(t->locals[k].account);
	}
	mem_free(t->locals);
	for (size_t k = 0; k < t->n_remotes; k++)
		mem_free((char *)(uintptr_t)t->remotes[k].p);
	mem_free(t->remotes);
	if (t->queued)
		body_abort(t->queued);
	if (t->queue)
		account_close(t->queue);
	mail_scan_free(t->scan_local);
	mail_scan_free(t->scan_queued);
	digest_free(t->digest);
	buf_free(&t->held);
	*t = (struct transaction){ 0 };
}

static bool is_mine(struct smtp_session *s, struct slice domain)
{
	struct slice rows[1], after = { 0 };
	size_t n;

	/* The list is in byte order: ask for the first one not below. */
	if (domain_list(s->tenant->store, after, s->arena, rows, 1, &n) !=
		ERR_OK)
		return false;
	while (n) {
		if (slice_eq(rows[0], domain))
			return true;
		after = rows[0];
		if (domain_list(s->tenant->store, after, s->arena, rows, 1,
			    &n) != ERR_OK)
			return false;
	}
	return false;
}

static enum err normal(
	struct smtp_session *s, struct slice address, struct slice *out)
{
	struct buf b;

	buf_init(&b, LIMIT_ADDRESS);
	enum err e = address_normal(address, &b);
	if (e == ERR_OK) {
		*out = arena_copy(s->arena, buf_slice(&b));
		e = out->p ? ERR_OK : ERR_NOMEM;
	}
	buf_free(&b);
	return e;
}

/* A user sends in their own name: the primary address or an alias. */
static enum err check_sender(struct smtp_session *s, struct slice from)
{
	struct slice address;
	uint32_t owner;

	if (s->protocol != PROTOCOL_SUBMIT || from.n == 0)
		return ERR_OK;
	if (normal(s, from, &address) != ERR_OK)
		return ERR_NOPERM;
	enum err e = address_resolve(s->tenant->store, address, &owner);
	if (e == ERR_NOTFOUND || (e == ERR_OK && owner != s->account))
		return ERR_NOPERM;
	return e;
}

enum err transaction_mail(
	struct smtp_session *s, struct slice from, const char **text)
{
	struct transaction *t = &s->t;
	struct oid id;

	enum err e = check_sender(s, from);
	if (e == ERR_NOPERM)
		*text = "You may send from your own addresses only";
	TRY(e);
	if (from.n >= sizeof(t->from))
		return ERR_LIMIT;
	if (from.n)
		memcpy(t->from, from.p, from.n);
	oid_new(&id);
	oid_text(&id, t->id);
	t->stage = MAIL;
	return ERR_OK;
}

/* --- recipients ------------------------------------------------------------------ */

static enum err add_local(
	struct smtp_session *s, uint32_t account, struct slice address)
{
	struct transaction *t = &s->t;

	for (size_t k = 0; k < t->n_locals; k++)
		if (t->locals[k].number == account)
			return ERR_OK; /* one copy is enough */
	if (t->n_locals == t->max_locals) {
		size_t max = t->max_locals ? t->max_locals * 2 : 4;
		struct local *p = mem_resize(t->locals, max, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		t->locals = p;
		t->max_locals = max;
	}
	struct local *l = &t->locals[t->n_locals++];
	*l = (struct local){ .number = account };
	memcpy(l->address, address.p, address.n);
	return ERR_OK;
}

static enum err add_remote(struct smtp_session *s, struct slice address)
{
	struct transaction *t = &s->t;

	if (t->n_remotes == t->max_remotes) {
		size_t max = t->max_remotes ? t->max_remotes * 2 : 4;
		struct slice *p = mem_resize(t->remotes, max, sizeof(*p));
		if (!p)
			return ERR_NOMEM;
		t->remotes = p;
		t->max_remotes = max;
	}
	char *copy = mem_str(address);
	if (!copy)
		return ERR_NOMEM;
	t->remotes[t->n_remotes++] = slice_of(copy, address.n);
	return ERR_OK;
}

/* A full mailbox is refused here, before the message is sent. */
static enum err has_room(struct smtp_session *s, uint32_t number)
{
	struct account *a;
	struct quota q;

	TRY(account_open(s->tenant->store, number, &a));
	enum err e = account_quota(a, &q);
	account_close(a);
	TRY(e);
	bool full = (q.bytes_max && q.bytes >= q.bytes_max) ||
		    (q.messages_max && q.messages >= q.messages_max);
	return full ? ERR_OVERQUOTA : ERR_OK;
}

enum err transaction_rcpt(
	struct smtp_session *s, struct slice to, const char **text)
{
	struct slice address;
	uint32_t account;

	if (s->t.stage != MAIL)
		return ERR_WRONGSTATE;
	/* The front counts as well, but it may have been taken over. */
	if (s->t.n_locals + s->t.n_remotes >= LIMIT_RECIPIENTS)
		return ERR_LIMIT;
	if (to.n > LIMIT_ADDRESS || normal(s, to, &address) != ERR_OK)
		return ERR_NOTFOUND;
	if (!is_mine(s, address_domain(address))) {
		if (s->protocol != PROTOCOL_SUBMIT)
			return ERR_RELAY;
		return add_remote(s, to);
	}
	enum err e = address_resolve(s->tenant->store, address, &account);
	if (e == ERR_NOTFOUND)
		*text = "No such user here";
	TRY(e);
	TRY(has_room(s, account));
	return add_local(s, account, address);
}

/* --- the message ----------------------------------------------------------------- */

static enum err open_local(struct smtp_session *s, struct local *l)
{
	struct mailbox_row row;

	TRY(account_open(s->tenant->store, l->number, &l->account));
	TRY(mailbox_find(l->account, slice_str("INBOX"), s->arena, &row));
	l->inbox = row.id;
	return body_begin(l->account, 0, &l->body);
}

static enum err open_queue(struct smtp_session *s)
{
	struct transaction *t = &s->t;

	TRY(account_open(s->tenant->store, TENANT_ACCOUNT, &t->queue));
	TRY(mail_scan_new(&t->scan_queued));
	return body_begin(t->queue, 0, &t->queued);
}

static enum err feed_locals(struct smtp_session *s, struct slice data)
{
	struct transaction *t = &s->t;

	if (t->n_locals)
		TRY(mail_scan_feed(t->scan_local, data));
	for (size_t k = 0; k < t->n_locals; k++)
		TRY(body_write(t->locals[k].body, data));
	return ERR_OK;
}

static enum err feed_all(struct smtp_session *s, struct slice data)
{
	struct transaction *t = &s->t;

	TRY(feed_locals(s, data));
	if (!t->queued)
		return ERR_OK;
	TRY(mail_scan_feed(t->scan_queued, data));
	return body_write(t->queued, data);
}

static enum err write_top(struct smtp_session *s)
{
	struct transaction *t = &s->t;
	struct buf b;
	enum err e = ERR_OK;

	buf_init(&b, KIB(8));
	buf_addf(&b, "Return-Path: <%s>\r\n", t->from);
	e = feed_locals(s, buf_slice(&b));
	buf_reset(&b);
	if (e == ERR_OK)
		e = put_received(&b, s);
	if (e == ERR_OK)
		e = feed_all(s, buf_slice(&b));
	buf_free(&b);
	return e;
}

enum err transaction_open(struct smtp_session *s)
{
	struct transaction *t = &s->t;

	if (t->stage != MAIL || t->n_locals + t->n_remotes == 0)
		return ERR_WRONGSTATE;
	TRY(digest_new(&t->digest));
	if (t->n_locals) {
		TRY(mail_scan_new(&t->scan_local));
		for (size_t k = 0; k < t->n_locals; k++)
			TRY(open_local(s, &t->locals[k]));
	}
	if (t->n_remotes)
		TRY(open_queue(s));
	buf_init(&t->held, HELD_MAX);
	t->header_done = s->protocol != PROTOCOL_SUBMIT;
	t->stage = OPEN;
	return write_top(s);
}

/* Length of a header block with its empty line; 0: not whole yet. */
static size_t header_end(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n')
		return 2;
	size_t at = slice_find_slice(s, slice_str("\r\n\r\n"));
	return at <= s.n ? at + 4 : 0;
}

static enum err let_header_go(struct smtp_session *s)
{
	struct transaction *t = &s->t;
	struct buf missing;

	t->header_done = true;
	buf_init(&missing, KIB(4));
	enum err e = put_missing_fields(&missing, s, buf_slice(&t->held));
	if (e == ERR_OK)
		e = feed_all(s, buf_slice(&missing));
	if (e == ERR_OK)
		e = feed_all(s, buf_slice(&t->held));
	buf_free(&missing);
	buf_free(&t->held);
	return e;
}

static enum err hold(struct smtp_session *s, struct slice data)
{
	struct transaction *t = &s->t;
	size_t room = HELD_MAX - t->held.n;

	TRY(buf_add_slice(&t->held, slice_head(data, room)));
	if (header_end(buf_slice(&t->held)) == 0 && data.n <= room)
		return ERR_OK;
	TRY(let_header_go(s));
	return feed_all(s, slice_from(data, room));
}

bool has_eightbit(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 128)
			return true;
	return false;
}

void transaction_data(struct smtp_session *s, struct slice data)
{
	struct transaction *t = &s->t;

	if (t->stage != OPEN || t->err != ERR_OK)
		return;
	t->size += data.n;
	if (t->size > LIMIT_MESSAGE) {
		t->err = ERR_LIMIT;
		return;
	}
	digest_add(t->digest, data);
	if (t->n_remotes && !t->eightbit)
		t->eightbit = has_eightbit(data);
	t->err = t->header_done ? feed_all(s, data) : hold(s, data);
}

/* --- the end ------------------------------------------------------------------------ */

/* RFC 5321 6.3: a hundred hops are a loop. */
static bool loops(const struct mail_scan *scan)
{
	struct slice header = mail_scan_header(scan);
	struct mail_field f;
	size_t n = 0;

	while (mail_next_field(&header, &f))
		n += slice_ieqs(f.name, "Received");
	return n > LIMIT_RECEIVED;
}

enum err transaction_end(struct smtp_session *s, const char **text)
{
	struct transaction *t = &s->t;

	if (t->err == ERR_OK && !t->header_done)
		t->err = let_header_go(s);
	TRY(t->err);
	if (loops(t->n_locals ? t->scan_local : t->scan_queued)) {
		*text = "It has gone through too many servers: a loop";
		return ERR_LOOP;
	}
	enum err e = file_message(s);
	if (e == ERR_OK) {
		struct slice said =
			arena_copy(s->arena, slice_of(t->id, OID_TEXT));
		*text = said.p ? said.p : "";
	}
	return e;
}
