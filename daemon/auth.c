/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signing in, in the tenantd: the verifiers are in its directory. Records of
 * the session stream before the session (control.h):
 *
 *	PLAIN  STREAM_LOGIN -> worker (PBKDF2, one credential after another)
 *	                    -> STREAM_OK or STREAM_FAIL
 *	EXTERNAL STREAM_LOGIN -> STREAM_OK or STREAM_FAIL
 *	tokens STREAM_LOGIN -> worker (its signature, its claims)
 *	                    -> STREAM_OK or STREAM_FAIL
 *	SCRAM  STREAM_LOGIN -> STREAM_CHALLENGE -> STREAM_INPUT
 *	                    -> STREAM_OK or STREAM_FAIL
 *
 * Stretching a password costs 10 ms of CPU and mail clients sign in all the
 * time, so a password that was right is remembered: as a digest under a key of
 * this process, bound to the credential's stored key, so that a changed or
 * removed credential is not served from memory.
 *
 * Every attempt is one audit row; they are written in batches.
 */
#include <stdio.h>
#include <time.h>

#include <bastide/control.h>
#include <bastide/crypt.h>
#include <bastide/directory.h>
#include <bastide/domain.h>
#include <bastide/log.h>
#include <bastide/queue.h>
#include <bastide/sasl.h>

#include "tenantd.h"

#define CREDENTIALS 32
#define PBKDF2_MS 10000
#define TOKEN_MS 5000
#define CACHE 256
#define AUDIT_ROWS 100
#define AUDIT_MS 1000

struct auth {
	struct visit *visit;
	struct buf login; /* normal form */
	struct buf extra;
	struct buf password;
	bool tls;
	const char *mechanism; /* NULL: not begun */
	struct sasl_binding binding;
	uint32_t account; /* 0: nobody */
	struct scram *scram;
	struct scram_verifier verifiers[CREDENTIALS];
	size_t n_verifiers, tried;
	struct job *job;
	bool plain;
};

/* --- what was right before ------------------------------------------------------- */

struct remembered {
	uint8_t digest[32];
	uint8_t stored_key[32];
};

static struct {
	uint8_t key[32];
	struct remembered slots[CACHE];
} cache;

static struct remembered *remembered_slot(struct auth *a, uint8_t digest[32])
{
	struct buf b;
	enum err e;

	buf_init(&b, LIMIT_PASSWORD + 8);
	e = buf_reserve(&b, LIMIT_PASSWORD + 8);
	buf_add_be32(&b, a->account);
	buf_add_slice(&b, buf_slice(&a->password));
	if (e == ERR_OK)
		e = buf_err(&b);
	if (e == ERR_OK)
		e = hmac_sha256(slice_of(cache.key, 32), buf_slice(&b), digest);
	buf_wipe(&b);
	return e == ERR_OK ? &cache.slots[get_be16(digest) % CACHE] : NULL;
}

static bool is_remembered(struct auth *a)
{
	uint8_t digest[32];
	struct remembered *r = remembered_slot(a, digest);

	if (!r || !mem_same(r->digest, digest, 32))
		return false;
	for (size_t i = 0; i < a->n_verifiers; i++)
		if (mem_same(r->stored_key, a->verifiers[i].stored_key, 32))
			return true;
	return false;
}

static void remember(struct auth *a, const struct scram_verifier *v)
{
	uint8_t digest[32];
	struct remembered *r = remembered_slot(a, digest);

	if (!r)
		return;
	memcpy(r->digest, digest, 32);
	memcpy(r->stored_key, v->stored_key, 32);
}

/* --- audit ------------------------------------------------------------------------- */

struct noted {
	int64_t time;
	uint32_t account;
	bool ok;
	char target[LIMIT_ADDRESS];
	char detail[128];
};

static struct {
	struct noted rows[AUDIT_ROWS];
	size_t n;
	struct timer *timer;
} audit;

static enum err write_rows(struct store *s)
{
	for (size_t i = 0; i < audit.n; i++) {
		struct noted *n = &audit.rows[i];
		struct audit_row row = { .time = n->time,
			.account = n->account,
			.action = slice_str(n->ok ? "login" : "login-failed"),
			.target = slice_str(n->target),
			.detail = slice_str(n->detail) };
		TRY(audit_add(s, &row));
	}
	return ERR_OK;
}

void auth_flush(void)
{
	struct store *s = tenantd.tenant.store;

	timer_cancel(audit.timer);
	if (!audit.n || !s)
		return;
	enum err e = store_begin(s);
	if (e == ERR_OK) {
		e = write_rows(s);
		if (e == ERR_OK)
			e = store_commit(s, NULL);
		else
			store_rollback(s);
	}
	if (e != ERR_OK)
		log_event(LOG_ERROR_, "audit-lost", "rows=%zu err=%s", audit.n,
			err_info(e)->name);
	audit.n = 0;
}

static void on_audit_timer(void *arg)
{
	auth_flush();
}

static void note(struct auth *a, bool ok)
{
	const char *house = "";

	for (const struct house *h = houses; h->session; h++)
		if (h->protocol == a->visit->protocol)
			house = h->name;
	if (audit.n == AUDIT_ROWS)
		auth_flush();
	if (!audit.n)
		timer_set(audit.timer, AUDIT_MS);
	struct noted *n = &audit.rows[audit.n++];
	*n = (struct noted){
		.time = time(NULL), .account = ok ? a->account : 0, .ok = ok
	};
	snprintf(n->target, sizeof(n->target), "%.*s",
		SLICE_ARG(buf_slice(&a->login)));
	snprintf(n->detail, sizeof(n->detail), "%s %s%s %s", a->visit->peer,
		house, a->tls ? " tls" : "", a->mechanism ? a->mechanism : "");
}

/* --- the end of an attempt ------------------------------------------------------------ */

static void tell_router(struct visit *v, enum err e)
{
	struct msg m;

	msg_begin(&m, TENANT_LOGIN);
	msg_add_u64(&m, v->id);
	msg_add_err(&m, e);
	(void)ipc_send(tenantd.tenant.control, &m);
}

static void refuse(struct auth *a, enum err e)
{
	struct visit *v = a->visit;
	struct msg m;

	worker_cancel(a->job);
	a->job = NULL;
	note(a, false);
	tell_router(v, e);
	log_event(LOG_INFO_, "login-failed", "session=%llu peer=%s err=%s",
		(unsigned long long)v->id, v->peer, err_info(e)->name);
	msg_begin(&m, STREAM_FAIL);
	msg_add_err(&m, e);
	record_send(v->conn, &m);
	conn_finish(v->conn);
}

/* Proving takes time, in which an administrator may have come. */
static bool may_sign_in(uint32_t account)
{
	struct arena *arena = arena_new(KIB(64));
	struct user_row row;
	bool may = arena &&
		   user_get(tenantd.tenant.store, account, arena, &row) ==
			   ERR_OK &&
		   !row.disabled && !row.shared;

	arena_free(arena);
	return may;
}

static void accept_login(struct auth *a, struct slice server_final)
{
	struct visit *v = a->visit;
	struct msg m;

	if (!may_sign_in(a->account)) {
		refuse(a, ERR_AUTH);
		return;
	}
	note(a, true);
	tell_router(v, ERR_OK);
	log_event(LOG_INFO_, "login", "session=%llu peer=%s account=%u",
		(unsigned long long)v->id, v->peer, a->account);
	msg_begin(&m, STREAM_OK);
	msg_add_slice(&m, server_final);
	record_send(v->conn, &m);
	conn_set_timeout(v->conn, 0);
	/* The slices must outlive `a` only until the call returns. */
	v->auth = NULL;
	visit_begin_session(v, a->account, buf_slice(&a->login),
		buf_slice(&a->extra), a->tls);
	auth_free(a);
}

/* --- who is it? ------------------------------------------------------------------------ */

/* Nobody is an answer, not an error: what follows must look the same. */
static enum err find_account(struct auth *a, struct slice user)
{
	struct store *s = tenantd.tenant.store;
	struct arena *arena = arena_new(KIB(64));
	struct user_row row;
	struct credential *list = NULL;
	size_t n = 0;
	enum err e = arena ? ERR_OK : ERR_NOMEM;

	if (e == ERR_OK)
		e = address_normal(user, &a->login);
	if (e == ERR_OK)
		e = address_resolve(s, buf_slice(&a->login), &a->account);
	if (e == ERR_OK)
		e = user_get(s, a->account, arena, &row);
	if (e == ERR_OK && (row.disabled || row.shared))
		e = ERR_NOTFOUND;
	if (e == ERR_OK) {
		list = arena_array(arena, struct credential, CREDENTIALS);
		e = list ? credential_list(
				   s, a->account, arena, list, CREDENTIALS, &n)
			 : ERR_NOMEM;
	}
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		struct scram_verifier *v = &a->verifiers[a->n_verifiers++];
		v->iterations = list[i].iterations;
		memcpy(v->salt, list[i].salt, sizeof(v->salt));
		memcpy(v->stored_key, list[i].stored_key, 32);
		memcpy(v->server_key, list[i].server_key, 32);
		/* SCRAM can prove one of them only: the main password. */
		if (slice_eqs(list[i].label, "password")) {
			struct scram_verifier first = a->verifiers[0];
			a->verifiers[0] = *v;
			*v = first;
		}
	}
	arena_free(arena);
	if (e == ERR_NOTFOUND || e == ERR_SYNTAX || e == ERR_LIMIT) {
		a->account = 0;
		a->n_verifiers = 0;
		return ERR_OK;
	}
	return e;
}

/* --- PLAIN ------------------------------------------------------------------------------- */

static enum err try_next(struct auth *a);

static void on_stretched(void *arg, enum err e, struct msg_in *reply)
{
	struct auth *a = arg;

	a->job = NULL;
	struct slice key = e == ERR_OK ? msg_slice(reply) : slice_of(NULL, 0);
	if (e == ERR_OK && (msg_end(reply) != ERR_OK || key.n != 32))
		e = ERR_UNAVAILABLE;
	if (e != ERR_OK) {
		refuse(a, ERR_UNAVAILABLE);
		return;
	}
	const struct scram_verifier *v = &a->verifiers[a->tried++];
	if (scram_verifier_check(v, (const uint8_t *)key.p)) {
		remember(a, v);
		accept_login(a, slice_str(""));
		return;
	}
	e = try_next(a);
	if (e != ERR_OK)
		refuse(a, e);
}

static enum err try_next(struct auth *a)
{
	struct msg m;

	if (a->tried == a->n_verifiers)
		return ERR_AUTH;
	const struct scram_verifier *v = &a->verifiers[a->tried];
	msg_begin(&m, WORK_PBKDF2);
	msg_reserve(&m, LIMIT_PASSWORD + 64);
	msg_add_slice(&m, buf_slice(&a->password));
	msg_add_slice(&m, slice_of(v->salt, sizeof(v->salt)));
	msg_add_u32(&m, v->iterations);
	return worker_ask(tenantd.tenant.worker, WORK_PBKDF2, &m, PBKDF2_MS,
		on_stretched, a, &a->job);
}

static enum err begin_plain(struct auth *a, struct slice message)
{
	struct sasl_plain p;

	TRY(sasl_plain_parse(message, &p));
	TRY(find_account(a, p.authcid));
	/* Acting for somebody else is not provided (RFC 4616 2). */
	if (p.authzid.n && !slice_ieq(p.authzid, p.authcid))
		return ERR_AUTH;
	buf_init(&a->password, LIMIT_PASSWORD);
	TRY(buf_reserve(&a->password, LIMIT_PASSWORD));
	TRY(buf_add_slice(&a->password, p.password));
	if (!a->account)
		return ERR_AUTH;
	if (is_remembered(a)) {
		accept_login(a, slice_str(""));
		return ERR_OK;
	}
	return try_next(a);
}

/* --- certificates ------------------------------------------------------------------------ */

/* The key was proved to the front, by TLS: its word is what there is (see
 * doc/THREATS.md), and it is taken only where the administrator wants so. */
static enum err begin_external(struct auth *a, struct slice message)
{
	if (!config_str(tenantd.tenant.config, "tls_client_ca")[0] || !a->tls)
		return ERR_UNSUPPORTED;
	TRY(find_account(a, message));
	if (!a->account)
		return ERR_AUTH;
	accept_login(a, slice_str(""));
	return ERR_OK;
}

/* --- tokens ------------------------------------------------------------------------------ */

/* What a worker that was taken over says goes into no log. */
static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 'a' || s.p[i] > 'z') && s.p[i] != '-')
			return false;
	return s.n <= 20;
}

static void on_token(void *arg, enum err e, struct msg_in *reply)
{
	struct auth *a = arg;

	a->job = NULL;
	struct slice why = e == ERR_OK ? msg_slice(reply) : slice_of(NULL, 0);
	if (e == ERR_OK && (msg_end(reply) != ERR_OK || !is_word(why)))
		e = ERR_UNAVAILABLE;
	if (e != ERR_OK) {
		log_event(LOG_ERROR_, "token-unverified", "err=%s%s",
			err_info(e)->name,
			e == ERR_CORRUPT ? " in=oauth_keys" : "");
		refuse(a, ERR_UNAVAILABLE);
	} else if (why.n) {
		log_event(LOG_INFO_, "token-refused",
			"session=%llu reason=%.*s",
			(unsigned long long)a->visit->id, SLICE_ARG(why));
		refuse(a, ERR_AUTH);
	} else {
		accept_login(a, slice_str(""));
	}
}

static enum err ask_token(struct auth *a, struct slice token)
{
	static const char *const rules[] = { "oauth_issuer", "oauth_audience",
		"oauth_scope", "oauth_claim" };
	const struct config *c = tenantd.tenant.config;
	struct msg m;

	msg_begin(&m, WORK_TOKEN);
	msg_reserve(&m, token.n + tenantd.token_keys.n + KIB(16));
	msg_add_slice(&m, token);
	msg_add_slice(&m, buf_slice(&tenantd.token_keys));
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		msg_add_slice(&m, slice_str(config_str(c, rules[i])));
	msg_add_slice(&m, buf_slice(&a->login));
	msg_add_u64(&m, (uint64_t)time(NULL));
	return worker_ask(tenantd.tenant.worker, WORK_TOKEN, &m, TOKEN_MS,
		on_token, a, &a->job);
}

static enum err begin_bearer(struct auth *a, struct slice message)
{
	struct slice token = slice_of(NULL, 0);
	struct buf user;

	if (!tenantd.token_keys.n)
		return ERR_UNSUPPORTED;
	buf_init(&user, LIMIT_SASL_MESSAGE);
	enum err e = sasl_bearer_parse(
		slice_str(a->mechanism), message, &user, &token);
	if (e == ERR_OK)
		e = find_account(a, buf_slice(&user));
	if (e == ERR_OK && !a->account)
		e = ERR_AUTH;
	buf_free(&user);
	return e == ERR_OK ? ask_token(a, token) : e;
}

/* --- SCRAM ------------------------------------------------------------------------------- */

static enum err send_challenge(struct auth *a, struct slice text)
{
	struct msg m;

	msg_begin(&m, STREAM_CHALLENGE);
	msg_add_slice(&m, text);
	record_send(a->visit->conn, &m);
	return ERR_OK;
}

static enum err begin_scram_with(
	struct auth *a, struct slice message, bool plus)
{
	struct buf user, first;

	buf_init(&user, LIMIT_SASL_MESSAGE);
	buf_init(&first, LIMIT_SASL_MESSAGE);
	enum err e = sasl_user(slice_str("SCRAM-SHA-256"), message, &user);
	if (e == ERR_OK)
		e = find_account(a, buf_slice(&user));
	if (e == ERR_OK)
		e = scram_first(message, plus, &a->binding,
			a->account && a->n_verifiers ? &a->verifiers[0] : NULL,
			tenantd.fake_key, &first, &a->scram);
	if (e == ERR_OK)
		e = send_challenge(a, buf_slice(&first));
	buf_free(&user);
	buf_free(&first);
	return e;
}

static enum err begin_scram(struct auth *a, struct slice message)
{
	return begin_scram_with(a, message, false);
}

static enum err begin_scram_plus(struct auth *a, struct slice message)
{
	return begin_scram_with(a, message, true);
}

static enum err end_scram(struct auth *a, struct slice message)
{
	struct buf final;

	buf_init(&final, 256);
	enum err e = scram_final(a->scram, message, &final);
	if (e == ERR_OK)
		accept_login(a, buf_slice(&final));
	buf_free(&final);
	return e;
}

/* --- records -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum err (*begin)(struct auth *a, struct slice message);
} mechanisms[] = {
	{ "PLAIN", begin_plain },
	{ "SCRAM-SHA-256", begin_scram },
	{ SCRAM_PLUS, begin_scram_plus },
	{ "EXTERNAL", begin_external },  /* RFC 4422 A */
	{ "OAUTHBEARER", begin_bearer }, /* RFC 7628 */
	{ "XOAUTH2", begin_bearer },
};

static enum err take_binding(
	struct sasl_binding *b, struct slice exporter, struct slice endpoint)
{
	if (exporter.n > sizeof(b->exporter) ||
		endpoint.n > sizeof(b->endpoint))
		return ERR_SYNTAX;
	b->n_exporter = exporter.n;
	b->n_endpoint = endpoint.n;
	if (exporter.n)
		memcpy(b->exporter, exporter.p, exporter.n);
	if (endpoint.n)
		memcpy(b->endpoint, endpoint.p, endpoint.n);
	return ERR_OK;
}

static enum err on_login(struct auth *a, struct msg_in *m)
{
	struct slice mechanism = msg_slice(m), extra = msg_slice(m);
	uint32_t tls = msg_u32(m);
	struct slice exporter = msg_slice(m), endpoint = msg_slice(m);
	struct slice message = msg_slice(m);

	TRY(msg_end(m));
	if (a->mechanism)
		return ERR_WRONGSTATE;
	TRY(take_binding(&a->binding, exporter, endpoint));
	a->tls = tls != 0;
	TRY(buf_add_slice(&a->extra, extra));
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (slice_eqs(mechanism, mechanisms[i].name)) {
			a->mechanism = mechanisms[i].name;
			return mechanisms[i].begin(a, message);
		}
	return ERR_UNSUPPORTED;
}

static enum err on_reply(struct auth *a, struct msg_in *m)
{
	struct slice message = msg_slice(m);

	TRY(msg_end(m));
	return a->scram ? end_scram(a, message) : ERR_WRONGSTATE;
}

static void on_input(void *arg)
{
	struct visit *v = arg;
	struct auth *a = v->auth;
	struct conn *c = v->conn;
	struct msg_in m;

	enum err e = record_next(c, &m);
	if (e == ERR_AGAIN)
		return;
	/* The record is consumed first: a login that succeeds gives the
	 * connection away. A copy, since consuming may move it. */
	struct buf raw;
	buf_init(&raw, LIMIT_IPC_MESSAGE);
	if (e == ERR_OK)
		e = buf_reserve(&raw, m.rest.n);
	if (e == ERR_OK) {
		buf_add_slice(&raw, m.rest);
		m.rest = buf_slice(&raw);
		record_done(c);
		e = m.type == STREAM_LOGIN   ? on_login(a, &m)
		    : m.type == STREAM_INPUT ? on_reply(a, &m)
					     : ERR_SYNTAX;
	}
	buf_wipe(&raw);
	if (e != ERR_OK)
		refuse(a, e == ERR_SYNTAX || e == ERR_LIMIT ? ERR_AUTH : e);
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	struct visit *v = arg;

	conn_free(v->conn);
	visit_end(v);
}

/* --- life -------------------------------------------------------------------------------------- */

enum err auth_init(void)
{
	TRY(random_bytes(cache.key, sizeof(cache.key)));
	return timer_new(
		tenantd.tenant.loop, on_audit_timer, NULL, &audit.timer);
}

enum err auth_new(struct visit *v, struct auth **out)
{
	static const struct conn_events events = {
		.input = on_input,
		.low = on_low,
		.closed = on_closed,
	};
	struct auth *a = mem_new(struct auth);

	if (!a)
		return ERR_NOMEM;
	a->visit = v;
	buf_init(&a->login, LIMIT_ADDRESS);
	buf_init(&a->extra, LIMIT_SASL_MESSAGE);
	conn_set_events(v->conn, &events, v);
	conn_set_timeout(v->conn, LIMIT_PREAUTH_S);
	*out = a;
	return ERR_OK;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	worker_cancel(a->job);
	scram_free(a->scram);
	buf_free(&a->login);
	buf_free(&a->extra);
	buf_wipe(&a->password);
	mem_wipe(a->verifiers, sizeof(a->verifiers));
	mem_free(a);
}
