/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * GENURLAUTH, RESETKEY, URLFETCH (RFC 4467 7): a user lets others fetch a
 * message or a part of one by a URL that carries a proof. The key under which
 * it is made is the user's for that mailbox (store/url_key.c). A URL is fetched
 * with the rights of the user whose key it is, in that user's own mailboxes.
 */
#include <time.h>

#include <bastide/directory.h>

#include "place.h"
#include "url.h"

#define PIECE KIB(64)
#define SCRATCH MIB(8)

static bool mechanism(struct cursor *c)
{
	struct slice name;

	return imap_atom(c, &name) && slice_ieqs(name, "INTERNAL");
}

/* --- GENURLAUTH ----------------------------------------------------------------------- */

static enum err refuse(struct imap *i, struct slice url, const char *why)
{
	i->cmd.error_code = url_bad_code(i, url);
	i->cmd.text = why;
	return ERR_SYNTAX;
}

static enum err is_user(struct imap *i, struct slice address, bool *out)
{
	uint32_t number;
	enum err e = address_resolve(i->tenant->store, address, &number);

	*out = e == ERR_OK && number == i->st.account;
	return e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_LIMIT ? ERR_OK
								      : e;
}

/* RFC 4467 7: what does not hold is answered with BAD. Whoever else is named as
 * owner, there or not, is no one whose keys this user may use. */
static enum err check_rump(struct imap *i, struct slice url,
	struct url_auth *out, struct place *place)
{
	bool own;
	enum err e = url_auth_parse(i->arena, url, out);

	if (e == ERR_SYNTAX || (e == ERR_OK && out->token.n))
		return refuse(i, url, "No URL that could be authorized");
	TRY(e);
	TRY(is_user(i, out->user, &own));
	if (!own)
		return refuse(i, url, "Its user is somebody else");
	e = imap_place_mailbox(i, out->url.mailbox, RIGHT_READ, place);
	if (e == ERR_NOTFOUND || e == ERR_NOPERM)
		return refuse(i, url, "There is no such mailbox");
	TRY(e);
	if (out->url.uidvalidity &&
		out->url.uidvalidity != place->row.uidvalidity)
		return refuse(i, url, "The mailbox is another one now");
	return ERR_OK;
}

static enum err make_key(struct imap *i, const struct place *p)
{
	TRY(store_begin(i->tenant->store));
	return imap_commit(i,
		url_key_new(i->account, account_number(p->account), p->row.id));
}

static enum err authorize(struct imap *i, struct slice url)
{
	struct url_auth u;
	struct place p;
	char token[URL_TOKEN + 1];

	TRY(check_rump(i, url, &u, &p));
	uint32_t owner = account_number(p.account);
	enum err e = url_token(i->account, owner, p.row.id, url, token);
	if (e == ERR_NOTFOUND) {
		TRY(make_key(i, &p));
		e = url_token(i->account, owner, p.row.id, url, token);
	}
	TRY(e);
	char *full =
		arena_alloc(i->arena, url.n + sizeof(":INTERNAL:") + URL_TOKEN);
	if (!full)
		return ERR_NOMEM;
	memcpy(full, url.p, url.n);
	memcpy(full + url.n, ":INTERNAL:", 10);
	memcpy(full + url.n + 10, token, URL_TOKEN);
	buf_addc(&i->out, ' ');
	put_string(&i->out, slice_of(full, url.n + 10 + URL_TOKEN));
	return ERR_OK;
}

static enum err authorize_all(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice url;

	buf_adds(&i->out, "* GENURLAUTH");
	do {
		if (!p_sp(c) || !imap_astring(c, i->arena, &url) || !p_sp(c))
			return ERR_SYNTAX;
		if (!mechanism(c)) {
			i->cmd.text = "The only mechanism is INTERNAL";
			return ERR_SYNTAX;
		}
		TRY(authorize(i, url));
	} while (!p_end(c));
	buf_adds(&i->out, "\r\n");
	return ERR_OK;
}

enum err cmd_genurlauth(struct imap *i)
{
	enum err e = authorize_all(i);

	if (e != ERR_OK) {
		buf_reset(&i->out);
		return e;
	}
	imap_gate(i); /* a key may be new */
	imap_flush(i);
	return ERR_OK;
}

/* --- RESETKEY -------------------------------------------------------------------------- */

static enum err reset_all(struct imap *i)
{
	TRY(store_begin(i->tenant->store));
	TRY(imap_commit(i, url_keys_drop(i->account)));
	imap_tell_key_reset(i, NULL, 0);
	i->cmd.text = "All keys removed";
	return ERR_OK;
}

enum err cmd_resetkey(struct imap *i)
{
	struct cursor *c = &i->cmd.args;
	struct slice name;
	struct place p;

	if (p_end(c))
		return reset_all(i);
	if (!p_sp(c) || !imap_mailbox(i, c, &name))
		return ERR_SYNTAX;
	while (p_sp(c))
		if (!mechanism(c)) {
			i->cmd.text = "The only mechanism is INTERNAL";
			return ERR_UNSUPPORTED;
		}
	if (!p_end(c))
		return ERR_SYNTAX;
	TRY(imap_place_mailbox(i, name, RIGHT_READ, &p));
	TRY(make_key(i, &p));
	imap_tell_key_reset(i, p.account, p.row.id);
	i->cmd.code = "URLMECH INTERNAL";
	return ERR_OK;
}

/* --- URLFETCH --------------------------------------------------------------------------- */

struct urlfetch {
	struct arena *scratch;
	struct account *from;   /* of the region that is being sent, or NULL */
	struct account *opened; /* to be let go */
	uint64_t body;
	struct region region;
};

static void let_go(struct imap *i, struct urlfetch *f)
{
	if (f->opened)
		place_release(i, f->opened);
	f->opened = NULL;
	f->from = NULL;
}

static void abandon(struct imap *i)
{
	struct urlfetch *f = i->cmd.work;

	let_go(i, f);
	arena_free(f->scratch);
}

/* RFC 4467 3. No IMAP session is one of a message submission entity. */
static enum err may_fetch(struct imap *i, const struct url_auth *u, bool *out)
{
	*out = u->access == URL_AUTHUSER || u->access == URL_ANONYMOUS;
	return u->access == URL_USER ? is_user(i, u->access_user, out) : ERR_OK;
}

/* The mailbox, as the user in the URL has it. */
static enum err find_mailbox(struct imap *i, struct urlfetch *f,
	const struct url_auth *u, struct account **user, struct place *out)
{
	uint32_t number;

	TRY(address_resolve(i->tenant->store, u->user, &number));
	if (number == i->st.account) {
		*user = i->account;
		return imap_place_mailbox(i, u->url.mailbox, RIGHT_READ, out);
	}
	TRY(place_open(i, number, &f->opened));
	*user = out->account = f->opened;
	TRY(mailbox_find(f->opened, u->url.mailbox, i->arena, &out->row));
	return out->row.selectable ? ERR_OK : ERR_NOTFOUND;
}

static enum err verify(struct imap *i, struct account *user,
	const struct place *p, const struct url_auth *u)
{
	char token[URL_TOKEN + 1];
	uint8_t want[URL_TOKEN / 2], got[URL_TOKEN / 2];

	TRY(url_token(
		user, account_number(p->account), p->row.id, u->rump, token));
	TRY(hex_decode(slice_of(token, URL_TOKEN), want, sizeof(want)));
	if (u->token.n != URL_TOKEN || !slice_ieqs(u->mechanism, "INTERNAL") ||
		hex_decode(u->token, got, sizeof(got)) != ERR_OK ||
		!mem_same(want, got, sizeof(want)))
		return ERR_NOTFOUND;
	return ERR_OK;
}

/* The bytes, after all that could forbid them. */
static enum err find_bytes(struct imap *i, struct urlfetch *f, struct slice url)
{
	struct url_auth u;
	struct account *user;
	struct message_row row;
	struct place p = { 0 };
	char none[URL_TOKEN + 1];
	bool may;
	size_t n;

	TRY(url_auth_parse(f->scratch, url, &u));
	TRY(may_fetch(i, &u, &may));
	enum err e = find_mailbox(i, f, &u, &user, &p);
	if (e == ERR_NOTFOUND) /* RFC 4467 6: as long as for one that is */
		(void)!url_token(i->account, 0, 0, u.rump, none);
	TRY(e);
	TRY(verify(i, user, &p, &u));
	if (!may || u.expires < time(NULL) ||
		(u.url.uidvalidity && u.url.uidvalidity != p.row.uidvalidity))
		return ERR_NOTFOUND;
	if (f->opened)
		TRY(place_audit(i, f->opened, u.url.mailbox, slice_str("url")));
	TRY(message_list(p.account, p.row.id, u.url.uid, u.url.uid,
		MESSAGE_META, f->scratch, &row, 1, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	TRY(section_find(
		p.account, f->scratch, &row, &u.url.section, &f->region));
	f->from = p.account;
	f->body = row.body;
	return ERR_OK;
}

static enum err begin_url(struct imap *i, struct urlfetch *f, struct slice url)
{
	struct buf *b = &i->out;

	arena_reset(f->scratch);
	f->region = (struct region){ 0 };
	enum err e = find_bytes(i, f, url);
	if (e != ERR_OK)
		let_go(i, f);
	if (e != ERR_OK && e != ERR_SYNTAX && e != ERR_NOTFOUND &&
		e != ERR_NOPERM && e != ERR_LIMIT)
		return e;
	imap_gate(i);
	buf_adds(b, "* URLFETCH ");
	put_string(b, url);
	if (e != ERR_OK)
		buf_adds(b, " NIL\r\n");
	else if (f->region.size == 0)
		buf_adds(b, " \"\"\r\n"); /* also a part that is not there */
	else
		buf_addf(b, " {%llu}\r\n", (unsigned long long)f->region.size);
	imap_flush(i);
	if (f->region.size == 0)
		let_go(i, f);
	return ERR_OK;
}

static enum err send_piece(struct imap *i, struct urlfetch *f)
{
	struct region *r = &f->region;
	size_t n = r->size < PIECE ? (size_t)r->size : PIECE, got = n;
	char piece[PIECE];

	if (r->is_made)
		conn_write(i->conn, slice_head(r->made, n));
	else
		TRY(body_read(f->from, f->body, r->start, piece, n, &got));
	if (got != n)
		return ERR_CORRUPT;
	if (!r->is_made)
		conn_write(i->conn, slice_of(piece, n));
	r->made = slice_from(r->made, n);
	r->start += n;
	r->size -= n;
	if (r->size == 0) {
		conn_writes(i->conn, "\r\n");
		let_go(i, f);
	}
	return ERR_OK;
}

static enum err more(struct imap *i)
{
	struct urlfetch *f = i->cmd.work;
	struct cursor *c = &i->cmd.args;
	uint64_t started = loop_now_us();
	struct slice url;

	while (f->region.size || !p_end(c)) {
		if (imap_slice_over(i, started))
			return ERR_AGAIN;
		if (f->region.size) {
			enum err e = send_piece(i, f);
			i->cmd.cut |= e != ERR_OK; /* half a literal is out */
			TRY(e);
		} else if (p_sp(c) && imap_astring(c, i->arena, &url)) {
			TRY(begin_url(i, f, url));
		} else {
			return ERR_SYNTAX;
		}
	}
	return ERR_OK;
}

enum err cmd_urlfetch(struct imap *i)
{
	struct cursor look = i->cmd.args;
	struct urlfetch *f = arena_alloc(i->arena, sizeof(*f));
	struct slice url;

	if (!f)
		return ERR_NOMEM;
	do
		if (!p_sp(&look) || !imap_astring(&look, i->arena, &url))
			return ERR_SYNTAX;
	while (!p_end(&look));
	f->scratch = arena_new(SCRATCH);
	if (!f->scratch)
		return ERR_NOMEM;
	i->cmd.work = f;
	i->cmd.abandon = abandon;
	i->cmd.more = more;
	return more(i);
}
