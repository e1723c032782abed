/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The messages of one APPEND or REPLACE: each is scanned and sealed as it
 * comes, from literals and from parts of other messages (RFC 4469), and all
 * enter the mailbox in one transaction (RFC 3502: all or nothing).
 */
#include <time.h>

#include "append.h"
#include "url.h"

#define PIECE KIB(64)
/* The structure of a message that a URL names, unpacked. */
#define SCRATCH MIB(8)

void append_free(struct append *a)
{
	if (!a)
		return;
	for (size_t k = 0; k < a->n; k++) {
		body_abort(a->list[k]->body);
		mail_scan_free(a->list[k]->scan);
	}
	arena_free(a->scratch);
	mem_free(a);
}

enum err append_room(struct append *a, uint64_t size)
{
	if (size <= LIMIT_MESSAGE - a->list[a->n - 1]->size)
		return ERR_OK;
	a->error_code = "TOOBIG"; /* RFC 4469 4.2, RFC 7889 4 */
	return ERR_LIMIT;
}

enum err append_begin(struct imap *i, struct append *a, uint64_t size)
{
	struct append_message *m = a->list[a->n - 1];

	TRY(append_room(a, size));
	TRY(mail_scan_new(&m->scan));
	/* RFC 8508 3.4: only what REPLACE takes more counts for the quota. */
	return body_begin(a->account, a->replace ? 0 : size, &m->body);
}

enum err append_write(struct append *a, struct slice data)
{
	struct append_message *m = a->list[a->n - 1];

	TRY(append_room(a, data.n));
	m->size += data.n;
	TRY(mail_scan_feed(m->scan, data));
	return body_write(m->body, data);
}

/* --- parts of other messages ----------------------------------------------------- */

/* RFC 4469 4.1: the response code has the URL. */
static enum err bad_url(struct imap *i, struct append *a, struct slice url)
{
	a->error_code = url_bad_code(i, url);
	a->text = "The URL names nothing that could be copied";
	return ERR_NOTFOUND;
}

/* The bytes that it names: ERR_NOTFOUND when they are not there. */
static enum err find_bytes(struct imap *i, struct arena *a,
	const struct imap_url *url, struct region *out,
	struct account **from_out, uint64_t *body_out)
{
	struct message_row row;
	struct place p;
	size_t n;

	if (url->mailbox.n)
		TRY(imap_place_mailbox(i, url->mailbox, RIGHT_READ, &p));
	else
		TRY(imap_place_selected(i, &p));
	if (url->uidvalidity && url->uidvalidity != p.row.uidvalidity)
		return ERR_NOTFOUND;
	TRY(message_list(p.account, p.row.id, url->uid, url->uid, MESSAGE_META,
		a, &row, 1, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	TRY(section_find(p.account, a, &row, &url->section, out));
	*from_out = p.account;
	*body_out = row.body;
	return out->exists ? ERR_OK : ERR_NOTFOUND;
}

enum err append_url(struct imap *i, struct append *a, struct slice url)
{
	struct imap_url u;

	if (!a->scratch)
		a->scratch = arena_new(SCRATCH);
	if (!a->scratch)
		return ERR_NOMEM;
	arena_reset(a->scratch);
	enum err e = url_parse(a->scratch, url, &u);
	if (e == ERR_OK)
		e = find_bytes(
			i, a->scratch, &u, &a->region, &a->from, &a->body);
	if (e == ERR_SYNTAX || e == ERR_NOTFOUND)
		e = bad_url(i, a, url);
	return e;
}

enum err append_copy(struct imap *i, struct append *a, uint64_t started_us)
{
	struct region *r = &a->region;
	char piece[PIECE];

	while (r->size) {
		size_t want = r->size < PIECE ? (size_t)r->size : PIECE;
		size_t got = want;
		if (loop_now_us() - started_us > SLICE_US)
			return ERR_AGAIN;
		if (r->is_made)
			memcpy(piece, r->made.p, want);
		else
			TRY(body_read(
				a->from, a->body, r->start, piece, want, &got));
		if (got != want)
			return ERR_CORRUPT;
		TRY(append_write(a, slice_of(piece, want)));
		r->made = slice_from(r->made, want);
		r->start += want;
		r->size -= want;
	}
	return ERR_OK;
}

/* --- into the mailbox -------------------------------------------------------------- */

static enum err add_one(struct imap *i, const struct append *a,
	struct append_message *m, const struct body_meta *meta, uint32_t *uid)
{
	struct message_new new = {
		.internal_date = m->date.time,
		.internal_zone = m->date.zone,
	};
	struct body_writer *body = m->body;
	uint64_t modseq;

	m->body = NULL; /* body_finish frees it in every case */
	TRY(body_finish(body, meta, &new.body));
	TRY(flags_resolve(a->account, a->mailbox, &m->flags, true, &new.flags));
	return message_add(a->account, a->mailbox, &new, uid, &modseq);
}

static enum err scan_and_add(struct imap *i, const struct append *a,
	struct append_message *m, uint32_t *uid)
{
	struct buf envelope, structure;

	buf_init(&envelope, MIB(1));
	buf_init(&structure, MIB(1));
	enum err e = mail_scan_end(m->scan, &envelope, &structure);
	struct body_meta meta = { .envelope = buf_slice(&envelope),
		.structure = buf_slice(&structure) };
	if (e == ERR_OK)
		e = add_one(i, a, m, &meta, uid);
	buf_free(&envelope);
	buf_free(&structure);
	return e;
}

static enum err add_all(struct imap *i, const struct append *a, uint32_t *uids)
{
	uint64_t modseq;

	/* First: what it frees counts for the quota of the new one. */
	if (a->replace)
		TRY(message_expunge(
			i->box, i->st.mailbox, a->victim_uid, &modseq));
	for (size_t k = 0; k < a->n; k++)
		TRY(scan_and_add(i, a, a->list[k], &uids[k]));
	return ERR_OK;
}

enum err append_commit(struct imap *i, struct append *a, uint32_t *uids)
{
	for (size_t k = 0; k < a->n; k++)
		if (a->list[k]->size == 0) {
			/* RFC 3502 6.3.11: a way to cancel. */
			a->text = "An empty message cannot be stored";
			return ERR_UNSUPPORTED;
		}
	TRY(store_begin(i->tenant->store));
	TRY(imap_commit(i, add_all(i, a, uids)));
	arrivals_own(i, a->account, a->mailbox, uids, a->n);
	return ERR_OK;
}
