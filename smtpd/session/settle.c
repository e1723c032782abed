/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * After a delivery: what its answers mean for the queue, in one transaction
 * (RFC 5321 4.2.1: 2xx done, 5xx for good, all else later).
 *
 *	2xx -------------------------------------> removed, trace SENT
 *	5xx, or the next try were after expires --> removed, trace BOUNCED or
 *	                                            EXPIRED, in the bounce
 *	else ------------------------------------> WAITING, trace DEFERRED
 *
 * One bounce tells of all that failed together. A null reverse-path gets none
 * (RFC 5321 4.5.5), so no bounce is ever answered by another. A sender who is
 * over the quota gets none either: the mail leaves the queue, the trace says it.
 */
#include <stdio.h>
#include <time.h>

#include <bastide/config.h>
#include <bastide/log.h>
#include <bastide/mail.h>
#include <bastide/mailbox.h>

#include "bounce.h"
#include "outbound.h"

#define HEADER_MAX KIB(64)
#define BOUNCE_MAX MIB(1)

int64_t retry_after(unsigned tries, int64_t first)
{
	/* With a first one of 5 minutes: 5 m, 15 m, 1 h, 3 h, then 6 h. */
	static const int times[] = { 1, 3, 12, 36, 72 };
	const unsigned last = sizeof(times) / sizeof(times[0]) - 1;

	return first * times[tries > last ? last : tries ? tries - 1 : 0];
}

enum verdict { SENT, DEFERRED, BOUNCED, EXPIRED };

static const enum trace_event events[] = {
	[SENT] = TRACE_SENT,
	[DEFERRED] = TRACE_DEFERRED,
	[BOUNCED] = TRACE_BOUNCED,
	[EXPIRED] = TRACE_EXPIRED,
};

static int64_t next_try(const struct delivery *d, size_t i)
{
	int64_t first = config_num(d->out->tenant->config, "retry_first_s");

	return time(NULL) + retry_after(d->rows[i].tries + 1, first);
}

static enum verdict verdict_of(const struct delivery *d, size_t i)
{
	int code = d->fates[i].code;

	if (code / 100 == 2)
		return SENT;
	if (code / 100 == 5)
		return BOUNCED;
	return next_try(d, i) >= d->rows[i].expires ? EXPIRED : DEFERRED;
}

/* --- the bounce ------------------------------------------------------------------ */

struct notice {
	struct account *account;
	uint64_t inbox;
	struct body_writer *body;
	struct buf envelope, structure;
};

static void notice_free(struct notice *n)
{
	if (n->body)
		body_abort(n->body);
	if (n->account)
		account_close(n->account);
	buf_free(&n->envelope);
	buf_free(&n->structure);
}

static enum err read_header(struct delivery *d, struct slice *out)
{
	char *p = arena_alloc(d->arena, HEADER_MAX);
	size_t got;

	if (!p)
		return ERR_NOMEM;
	TRY(body_read(d->bodies, d->rows[0].body, 0, p, HEADER_MAX, &got));
	*out = bounce_header(slice_of(p, got));
	return ERR_OK;
}

static enum err write_text(
	struct delivery *d, const enum verdict *verdicts, struct buf *out)
{
	const struct queue_row *row = &d->rows[0];
	struct bounce_recipient *list =
		arena_array(d->arena, struct bounce_recipient, d->n);
	struct oid oid;
	char id[OID_TEXT + 1];

	if (!list)
		return ERR_NOMEM;
	oid_new(&oid);
	oid_text(&oid, id);
	struct bounce b = { .hostname = slice_str(d->out->tenant->hostname),
		.to = row->mail_from,
		.id = slice_str(id),
		.utf8 = row->utf8,
		.arrived = row->created,
		.now = time(NULL),
		.list = list };
	for (size_t i = 0; i < d->n; i++)
		if (verdicts[i] >= BOUNCED)
			list[b.n++] = (struct bounce_recipient){
				.address = d->rows[i].recipient,
				.code = d->fates[i].code,
				.status = slice_str(d->fates[i].status),
				.text = slice_str(d->fates[i].text),
				.host = slice_str(d->fates[i].host),
				.expired = verdicts[i] == EXPIRED,
			};
	TRY(read_header(d, &b.header));
	return bounce_write(out, &b);
}

static enum err fill_notice(
	struct delivery *d, const struct buf *text, struct notice *n)
{
	struct mailbox_row box;
	struct mail_scan *scan;

	TRY(account_open(
		d->out->tenant->store, d->rows[0].account, &n->account));
	TRY(mailbox_find(n->account, slice_str("INBOX"), d->arena, &box));
	n->inbox = box.id;
	TRY(body_begin(n->account, text->n, &n->body));
	TRY(body_write(n->body, buf_slice(text)));
	TRY(mail_scan_new(&scan));
	enum err e = mail_scan_feed(scan, buf_slice(text));
	if (e == ERR_OK)
		e = mail_scan_end(scan, &n->envelope, &n->structure);
	mail_scan_free(scan);
	return e;
}

/* Written and sealed, but not filed yet. */
static enum err make_notice(
	struct delivery *d, const enum verdict *verdicts, struct notice *n)
{
	struct buf text;

	buf_init(&text, BOUNCE_MAX);
	enum err e = write_text(d, verdicts, &text);
	if (e == ERR_OK)
		e = fill_notice(d, &text, n);
	buf_free(&text);
	return e;
}

static enum err file_notice(struct notice *n)
{
	struct body_meta meta = { .envelope = buf_slice(&n->envelope),
		.structure = buf_slice(&n->structure) };
	struct message_new m = { .internal_date = time(NULL) };
	struct body_writer *w = n->body;
	uint64_t modseq;
	uint32_t uid;

	n->body = NULL;
	TRY(body_finish(w, &meta, &m.body));
	return message_add(n->account, n->inbox, &m, &uid, &modseq);
}

/* --- the queue -------------------------------------------------------------------- */

static enum err put_trace(
	struct delivery *d, size_t i, enum verdict v, struct slice detail)
{
	const struct queue_row *q = &d->rows[i];
	struct trace_row row = { .time = time(NULL),
		.event = events[v],
		.message = q->message,
		.account = q->account,
		.from = q->mail_from,
		.to = q->recipient,
		.detail = detail };

	return trace_add(d->out->tenant->store, &row);
}

static enum err settle_one(struct delivery *d, size_t i, enum verdict v)
{
	struct store *s = d->out->tenant->store;
	const struct fate *f = &d->fates[i];
	struct queue_row row = d->rows[i];
	char status[LIMIT_STATUS];

	if (f->code)
		snprintf(status, sizeof(status), "%s: %d %s %s", f->host,
			f->code, f->status, f->text);
	else
		snprintf(status, sizeof(status), "%s%s%s %s", f->host,
			f->host[0] ? ": " : "", f->status, f->text);
	row.state = QUEUE_WAITING;
	row.tries++;
	row.next_try = next_try(d, i);
	row.last_status = slice_str(status);
	enum err e =
		v == DEFERRED ? queue_update(s, &row) : queue_remove(s, row.id);
	/* An administrator took it away meanwhile. */
	if (e == ERR_NOTFOUND)
		return ERR_OK;
	return e == ERR_OK ? put_trace(d, i, v, slice_str(status)) : e;
}

static enum err settle_all(
	struct delivery *d, const enum verdict *verdicts, struct notice *n)
{
	struct store *s = d->out->tenant->store;
	enum err e = ERR_OK;

	TRY(store_begin_freeing(s));
	for (size_t i = 0; e == ERR_OK && i < d->n; i++)
		e = settle_one(d, i, verdicts[i]);
	if (e == ERR_OK && n)
		e = file_notice(n);
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	return store_commit(s, NULL);
}

static enum err settle_with_notice(
	struct delivery *d, const enum verdict *verdicts)
{
	struct notice n = { 0 };

	buf_init(&n.envelope, MIB(1));
	buf_init(&n.structure, MIB(1));
	enum err e = make_notice(d, verdicts, &n);
	if (e == ERR_OK)
		e = settle_all(d, verdicts, &n);
	notice_free(&n);
	/* No room, no such user any more: then nobody can be told. */
	if (e != ERR_OVERQUOTA && e != ERR_NOTFOUND)
		return e;
	log_event(LOG_WARN_, "bounce-not-filed", "message=%llu err=%s",
		(unsigned long long)d->rows[0].message, err_info(e)->name);
	return settle_all(d, verdicts, NULL);
}

enum err settle(struct delivery *d)
{
	enum verdict *verdicts = arena_array(d->arena, enum verdict, d->n);
	bool failed = false;

	if (!verdicts)
		return ERR_NOMEM;
	for (size_t i = 0; i < d->n; i++) {
		verdicts[i] = verdict_of(d, i);
		failed |= verdicts[i] >= BOUNCED;
	}
	if (failed && d->rows[0].mail_from.n && d->rows[0].account)
		return settle_with_notice(d, verdicts);
	return settle_all(d, verdicts, NULL);
}

enum err give_back(struct delivery *d)
{
	struct store *s = d->out->tenant->store;
	enum err e = ERR_OK;

	TRY(store_begin(s));
	for (size_t i = 0; e == ERR_OK && i < d->n; i++) {
		struct queue_row row = d->rows[i];
		row.state = QUEUE_WAITING;
		e = queue_update(s, &row);
		if (e == ERR_NOTFOUND)
			e = ERR_OK;
	}
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	return store_commit(s, NULL);
}
