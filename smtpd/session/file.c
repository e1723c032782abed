/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files a whole message in one commit: messages, queue entries, trace. So either
 * all recipients have it, or the sender hears that none has.
 */
#include <time.h>

#include <bastide/config.h>

#include "session.h"

struct forms {
	struct buf envelope[2], structure[2]; /* local, queued */
};

static enum err end_scan(
	struct mail_scan *scan, struct buf *envelope, struct buf *structure)
{
	buf_init(envelope, MIB(1));
	buf_init(structure, MIB(1));
	return scan ? mail_scan_end(scan, envelope, structure) : ERR_OK;
}

static void forms_free(struct forms *f)
{
	for (int k = 0; k < 2; k++) {
		buf_free(&f->envelope[k]);
		buf_free(&f->structure[k]);
	}
}

static struct body_meta meta_of(const struct forms *f, int which)
{
	return (struct body_meta){
		.envelope = buf_slice(&f->envelope[which]),
		.structure = buf_slice(&f->structure[which]),
	};
}

/* What makes a delivery the same one again: envelope and message, without what
 * this server added. */
static enum err is_repeated(struct smtp_session *s, const struct local *l,
	const uint8_t digest[32], bool *out)
{
	struct buf what;

	*out = false;
	if (s->protocol != PROTOCOL_DELIVER)
		return ERR_OK;
	buf_init(&what, KIB(2));
	buf_add(&what, s->t.from, strlen(s->t.from) + 1);
	buf_add(&what, l->address, strlen(l->address) + 1);
	buf_add(&what, digest, 32);
	enum err e = buf_err(&what);
	if (e == ERR_OK)
		e = delivery_once(
			s->tenant->store, l->number, buf_slice(&what), out);
	buf_free(&what);
	return e;
}

static enum err trace(struct smtp_session *s, enum trace_event event,
	uint32_t account, uint64_t message, struct slice to)
{
	struct trace_row row = {
		.time = time(NULL),
		.event = event,
		.message = message,
		.account = account,
		.from = slice_str(s->t.from),
		.to = to,
		.detail = slice_str(s->t.id),
	};

	return trace_add(s->tenant->store, &row);
}

static enum err file_local(struct smtp_session *s, struct local *l,
	const struct forms *f, const uint8_t digest[32])
{
	struct message_new m = { .internal_date = time(NULL) };
	struct body_meta meta = meta_of(f, 0);
	struct body_writer *w = l->body;
	bool repeated;
	uint64_t modseq;
	uint32_t uid;

	l->body = NULL;
	enum err e = is_repeated(s, l, digest, &repeated);
	if (e != ERR_OK || repeated) {
		body_abort(w);
		return e;
	}
	TRY(body_finish(w, &meta, &m.body));
	TRY(message_add(l->account, l->inbox, &m, &uid, &modseq));
	return trace(s, TRACE_DELIVERED, l->number, 0, slice_str(l->address));
}

/* Clients ask for SMTPUTF8 and 8BITMIME whenever they are offered; the next
 * server is asked for what the message needs. */
static bool needs_utf8(const struct transaction *t)
{
	bool needs = has_eightbit(mail_scan_header(t->scan_queued)) ||
		     has_eightbit(slice_str(t->from));

	for (size_t k = 0; k < t->n_remotes; k++)
		needs |= has_eightbit(t->remotes[k]);
	return needs && t->flags & SMTP_UTF8;
}

static enum err file_queued(struct smtp_session *s, const struct forms *f)
{
	struct transaction *t = &s->t;
	struct body_meta meta = meta_of(f, 1);
	struct body_writer *w = t->queued;
	struct queue_row row = {
		.account = s->account,
		.mail_from = slice_str(t->from),
		.size = t->size,
		.utf8 = needs_utf8(t),
		.eightbit = t->eightbit,
		.created = time(NULL),
	};
	uint64_t message;

	t->queued = NULL;
	TRY(body_finish(w, &meta, &row.body));
	row.next_try = row.created;
	row.expires =
		row.created + config_num(s->tenant->config, "queue_life_s");
	TRY(queue_add(
		s->tenant->store, &row, t->remotes, t->n_remotes, &message));
	for (size_t k = 0; k < t->n_remotes; k++)
		TRY(trace(s, TRACE_QUEUED, s->account, message, t->remotes[k]));
	return ERR_OK;
}

static enum err file_all(struct smtp_session *s, const struct forms *f)
{
	struct transaction *t = &s->t;
	uint8_t digest[32];

	TRY(digest_value(t->digest, digest));
	for (size_t k = 0; k < t->n_locals; k++)
		TRY(file_local(s, &t->locals[k], f, digest));
	return t->n_remotes ? file_queued(s, f) : ERR_OK;
}

static enum err commit_all(struct smtp_session *s, const struct forms *f)
{
	struct store *store = s->tenant->store;

	TRY(store_begin(store));
	enum err e = file_all(s, f);
	if (e != ERR_OK) {
		store_rollback(store);
		return e;
	}
	return store_commit(store, NULL);
}

enum err file_message(struct smtp_session *s)
{
	struct forms f;
	enum err e = end_scan(s->t.scan_local, &f.envelope[0], &f.structure[0]);
	enum err e2 =
		end_scan(s->t.scan_queued, &f.envelope[1], &f.structure[1]);
	if (e == ERR_OK)
		e = e2;
	if (e == ERR_OK)
		e = commit_all(s, &f);
	forms_free(&f);
	if (e == ERR_OK && s->t.n_remotes)
		queue_changed(s->tenant);
	return e;
}
