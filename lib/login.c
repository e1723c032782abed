/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A SASL exchange in a front: the name goes to the router, the messages to the
 * tenantd that it woke. The front learns no verifier; it only carries.
 *
 *	START --first message, name in it--> ROUTING
 *	ROUTING --ERR_OK, stream-----------> TALKING  (STREAM_LOGIN sent)
 *	ROUTING --ERR_AUTH, SCRAM----------> PRETENDING (fake challenge)
 *	ROUTING --else---------------------> FAILING
 *	TALKING --STREAM_CHALLENGE---------> TALKING
 *	TALKING --STREAM_OK----------------> OVER (success)
 *	TALKING --STREAM_FAIL, end---------> FAILING
 *	PRETENDING --the client's proof----> FAILING
 *	TALKING, ROUTING --ERR_AUTH, token-> EXPLAINED (why, as a challenge)
 *	EXPLAINED --the client's answer----> FAILING
 *	FAILING --login_delay_ms are over--> OVER (failure)
 *
 * A refusal comes `login_delay_ms` after the message that caused it, whether
 * the name does not exist or the password was wrong; SCRAM's first challenge
 * comes no sooner than CHALLENGE_MS, since a name that does not exist is known
 * at once and a sleeping tenant must be woken.
 */
#include <bastide/control.h>
#include <bastide/mem.h>
#include <bastide/sasl.h>

#include "front_parts.h"

#define CHALLENGE_MS 100

enum state {
	START,
	ASK_NAME,
	ASK_PASSWORD,
	ROUTING,
	TALKING,
	PRETENDING,
	EXPLAINED,
	FAILING,
	OVER
};

struct mechanism {
	const char *name;
	const char *sasl; /* what the tenantd is told */
	bool challenges;  /* the server sends data (SCRAM) */
	bool prompts;     /* LOGIN */
	bool imap_only;
	bool certified;      /* for who gave a certificate (EXTERNAL) */
	const char *key;     /* of the configuration: empty, not offered */
	const char *refusal; /* of tokens: status in the JSON of it */
};

/* In order of preference. LOGIN has no RFC, but clients that know nothing
 * else (Outlook). Binding is offered in IMAP only: mutt 2.2 of Debian 12, when
 * it is offered in SMTP, takes it, cannot do it, and gives up. */
static const struct mechanism mechanisms[] = {
	/* RFC 4422 A */
	{ .name = "EXTERNAL",
		.sasl = "EXTERNAL",
		.certified = true,
		.key = "tls_client_ca" },
	{ .name = SCRAM_PLUS,
		.sasl = SCRAM_PLUS,
		.challenges = true,
		.imap_only = true },
	{ .name = "SCRAM-SHA-256",
		.sasl = "SCRAM-SHA-256",
		.challenges = true },
	{ .name = "PLAIN", .sasl = "PLAIN" },
	{ .name = "LOGIN", .sasl = "PLAIN", .prompts = true },
	/* RFC 7628 3.2.2 */
	{ .name = "OAUTHBEARER",
		.sasl = "OAUTHBEARER",
		.key = "oauth_keys",
		.refusal = "\"status\":\"invalid_token\"" },
	/* Google's and Microsoft's, for clients that know no other. */
	{ .name = "XOAUTH2",
		.sasl = "XOAUTH2",
		.key = "oauth_keys",
		.refusal = "\"status\":\"401\",\"schemes\":\"Bearer\"" },
};

#define N_MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

struct login {
	struct front *front;
	enum protocol protocol;
	const struct mechanism *mechanism;
	char peer[64];
	bool tls;
	const struct conn *client;
	struct sasl_binding binding;
	struct buf extra, message;
	const struct login_events *events;
	void *arg;
	enum state state;
	struct route *route;
	struct conn *stream;
	struct scram *scram; /* PRETENDING */
	struct timer *timer;
	enum err failure;
	struct buf challenge; /* waits for its time */
	bool challenge_waits, challenged;
	uint64_t since; /* the client's last message */
	struct later later;
};

static bool is_for(const struct mechanism *m, const struct front *f,
	enum protocol protocol, const struct conn *client)
{
	return (!m->imap_only || protocol == PROTOCOL_IMAP) &&
	       (!m->key || config_str(f->config, m->key)[0]) &&
	       (!m->certified || conn_is_certified(client));
}

void login_mechanisms(struct buf *b, const struct front *f,
	enum protocol protocol, const struct conn *client, const char *prefix)
{
	const char *gap = "";

	for (size_t i = 0; i < N_MECHANISMS; i++) {
		if (!is_for(&mechanisms[i], f, protocol, client))
			continue;
		buf_addf(b, "%s%s%s", gap, prefix, mechanisms[i].name);
		gap = " ";
	}
}

/* --- what is said to the protocol, always from the loop ---------------------- */

static void speak(void *arg)
{
	struct login *l = arg;

	if (l->challenge_waits) {
		l->challenge_waits = false;
		l->events->challenge(l->arg, buf_slice(&l->challenge));
	} else if (l->state == FAILING) {
		l->state = OVER;
		l->events->failure(l->arg, l->failure);
	}
}

/* Not before `ms` after the client's message. */
static void speak_after(struct login *l, uint64_t ms)
{
	uint64_t at = l->since + ms, now = loop_now_ms();

	if (at > now)
		timer_set(l->timer, at - now);
	else
		loop_later(l->front->loop, &l->later);
}

/* scope-token (RFC 6749 3.3) has neither quotes nor backslashes. */
static void put_scope(struct buf *b, struct slice scope)
{
	if (!scope.n || slice_find(scope, '"') < scope.n ||
		slice_find(scope, '\\') < scope.n)
		return;
	buf_addf(b, ",\"scope\":\"%.*s\"", SLICE_ARG(scope));
}

/* A refused token: the client is told how to get a better one, and answers. */
static void explain(struct login *l)
{
	struct buf *b = &l->challenge;

	l->state = EXPLAINED;
	buf_reset(b);
	buf_addf(b, "{%s", l->mechanism->refusal);
	put_scope(b, slice_str(config_str(l->front->config, "oauth_scope")));
	buf_addc(b, '}');
	l->challenge_waits = true;
}

static void fail(struct login *l, enum err e)
{
	if (l->state >= EXPLAINED)
		return;
	l->failure = e;
	conn_free(l->stream);
	l->stream = NULL;
	if (e == ERR_AUTH && l->mechanism->refusal)
		explain(l);
	else
		l->state = FAILING;
	speak_after(
		l, (uint64_t)config_num(l->front->config, "login_delay_ms"));
}

static void challenge(struct login *l, struct slice message, uint64_t ms)
{
	buf_reset(&l->challenge);
	if (buf_add_slice(&l->challenge, message) != ERR_OK) {
		fail(l, ERR_LIMIT);
		return;
	}
	l->challenge_waits = true;
	speak_after(l, ms);
}

/* --- the stream to the tenantd ------------------------------------------------ */

static void on_record(struct login *l, struct msg_in *m)
{
	struct slice text;
	enum err e;

	switch (m->type) {
	case STREAM_CHALLENGE:
		text = msg_slice(m);
		if (msg_end(m) != ERR_OK || !l->mechanism->challenges) {
			fail(l, ERR_UNAVAILABLE);
			return;
		}
		challenge(l, text, l->challenged ? 0 : CHALLENGE_MS);
		l->challenged = true;
		record_done(l->stream);
		return;
	case STREAM_OK: {
		text = msg_slice(m);
		struct conn *stream = l->stream;
		buf_reset(&l->challenge);
		if (msg_end(m) != ERR_OK ||
			buf_add_slice(&l->challenge, text) != ERR_OK) {
			fail(l, ERR_UNAVAILABLE);
			return;
		}
		record_done(stream);
		l->stream = NULL;
		l->state = OVER;
		l->events->success(l->arg, stream, buf_slice(&l->challenge));
		return;
	}
	case STREAM_FAIL:
		e = msg_err(m);
		fail(l, msg_end(m) == ERR_OK && e != ERR_OK ? e
							    : ERR_UNAVAILABLE);
		return;
	default:
		fail(l, ERR_UNAVAILABLE);
	}
}

static void on_input(void *arg)
{
	struct login *l = arg;
	struct msg_in m;

	/* One answer for each message: what comes after STREAM_OK is the
	 * protocol's. */
	enum err e = record_next(l->stream, &m);
	if (e == ERR_AGAIN)
		return;
	if (e != ERR_OK)
		fail(l, ERR_UNAVAILABLE);
	else
		on_record(l, &m);
}

static void on_low(void *arg)
{
}

static void on_closed(void *arg, enum err why)
{
	fail(arg, ERR_UNAVAILABLE);
}

static const struct conn_events stream_events = {
	.input = on_input,
	.low = on_low,
	.closed = on_closed,
};

static void send_message(struct login *l)
{
	struct msg m;

	msg_begin(&m, STREAM_LOGIN);
	msg_add_slice(&m, slice_str(l->mechanism->sasl));
	msg_add_slice(&m, buf_slice(&l->extra));
	msg_add_u32(&m, l->tls);
	msg_add_slice(&m, slice_of(l->binding.exporter, l->binding.n_exporter));
	msg_add_slice(&m, slice_of(l->binding.endpoint, l->binding.n_endpoint));
	msg_add_slice(&m, buf_slice(&l->message));
	record_send(l->stream, &m);
	mem_wipe(l->message.p, l->message.n);
	buf_reset(&l->message);
}

/* --- routing ------------------------------------------------------------------- */

static void pretend(struct login *l)
{
	struct buf first;

	buf_init(&first, LIMIT_SASL_MESSAGE);
	enum err e = scram_first(buf_slice(&l->message),
		slice_eqs(slice_str(l->mechanism->sasl), SCRAM_PLUS),
		&l->binding, NULL, l->front->parts->fake_key, &first,
		&l->scram);
	if (e == ERR_OK) {
		l->state = PRETENDING;
		challenge(l, buf_slice(&first), CHALLENGE_MS);
	} else {
		fail(l, e);
	}
	buf_free(&first);
}

static void on_route(void *arg, enum err e, int fd)
{
	struct login *l = arg;

	l->route = NULL;
	if (e == ERR_OK)
		e = conn_new(l->front->loop, fd, NULL, NULL, &stream_events, l,
			&l->stream);
	if (e == ERR_OK) {
		l->state = TALKING;
		conn_set_timeout(l->stream, LIMIT_PREAUTH_S);
		send_message(l);
	} else if (e == ERR_AUTH && l->mechanism->challenges) {
		pretend(l);
	} else {
		fail(l, e);
	}
}

/* The authorization identity, or none (RFC 4422 A.1), becomes the name that
 * the certificate has: all that the tenantd is told. */
static enum err external(struct login *l)
{
	struct buf user;

	buf_init(&user, LIMIT_SASL_MESSAGE);
	enum err e =
		conn_certified_user(l->client, buf_slice(&l->message), &user);
	buf_reset(&l->message);
	if (e == ERR_OK)
		e = buf_add_slice(&l->message, buf_slice(&user));
	buf_free(&user);
	return e;
}

static void route(struct login *l)
{
	struct buf user;

	buf_init(&user, LIMIT_ADDRESS);
	l->state = ROUTING;
	enum err e = l->mechanism->certified ? external(l) : ERR_OK;
	if (e == ERR_OK)
		e = sasl_user(slice_str(l->mechanism->sasl),
			buf_slice(&l->message), &user);
	if (e == ERR_OK)
		e = route_ask(l->front, l->protocol, buf_slice(&user), l->peer,
			on_route, l, &l->route);
	buf_free(&user);
	if (e == ERR_AUTH && l->mechanism->challenges)
		pretend(l);
	else if (e != ERR_OK)
		fail(l, e);
}

/* --- the client's messages ------------------------------------------------------ */

static void keep(struct login *l, struct slice s)
{
	if (buf_add_slice(&l->message, s) != ERR_OK)
		fail(l, ERR_LIMIT);
}

/* LOGIN's two answers become PLAIN's message. */
static void prompt_step(struct login *l, struct slice message)
{
	static const struct slice nul = SLICE("\0");

	if (l->state == START && !message.p) {
		l->state = ASK_NAME;
		challenge(l, slice_str("Username:"), 0);
		return;
	}
	keep(l, nul);
	keep(l, message);
	if (l->state == FAILING)
		return;
	if (l->state == ASK_PASSWORD) {
		route(l);
		return;
	}
	l->state = ASK_PASSWORD;
	challenge(l, slice_str("Password:"), 0);
}

static void first_step(struct login *l, struct slice message)
{
	if (!message.p) {
		challenge(l, slice_of("", 0), 0);
		return;
	}
	keep(l, message);
	if (l->state == START)
		route(l);
}

static void next_step(struct login *l, struct slice message)
{
	struct msg m;

	msg_begin(&m, STREAM_INPUT);
	msg_add_slice(&m, message);
	record_send(l->stream, &m);
}

void login_input(struct login *l, struct slice message)
{
	l->since = loop_now_ms();
	if (message.n > LIMIT_SASL_MESSAGE) {
		fail(l, ERR_LIMIT);
		return;
	}
	switch (l->state) {
	case START:
	case ASK_NAME:
	case ASK_PASSWORD:
		if (l->mechanism->prompts)
			prompt_step(l, message);
		else
			first_step(l, message);
		return;
	case TALKING:
		next_step(l, message);
		return;
	case PRETENDING:
		fail(l, ERR_AUTH);
		return;
	case EXPLAINED: /* its time was before the explanation */
		l->state = FAILING;
		speak_after(l, 0);
		return;
	default:
		return; /* an answer nobody asked for */
	}
}

/* --- life ------------------------------------------------------------------------ */

static const struct mechanism *find_mechanism(const struct front *f,
	enum protocol protocol, struct slice name, const struct conn *client)
{
	for (size_t i = 0; i < N_MECHANISMS; i++)
		if (slice_ieqs(name, mechanisms[i].name) &&
			is_for(&mechanisms[i], f, protocol, client))
			return &mechanisms[i];
	return NULL;
}

enum err login_new(struct front *f, enum protocol protocol,
	struct slice mechanism, const struct conn *client, struct slice extra,
	const struct login_events *events, void *arg, struct login **out)
{
	const struct mechanism *mech =
		find_mechanism(f, protocol, mechanism, client);

	if (!mech)
		return ERR_UNSUPPORTED;
	struct login *l = mem_new(struct login);
	if (!l)
		return ERR_NOMEM;
	*l = (struct login){ .front = f,
		.protocol = protocol,
		.mechanism = mech,
		.client = client,
		.tls = conn_is_tls(client),
		.events = events,
		.arg = arg,
		.state = START,
		.since = loop_now_ms() };
	/* Where it is not offered, a client may well say that we cannot. */
	if (protocol == PROTOCOL_IMAP)
		conn_binding(client, &l->binding);
	strncpy(l->peer, conn_peer(client), sizeof(l->peer) - 1);
	l->later = (struct later){ .run = speak, .arg = l };
	buf_init(&l->extra, LIMIT_SASL_MESSAGE);
	buf_init(&l->challenge, LIMIT_SASL_MESSAGE);
	buf_init(&l->message, LIMIT_SASL_MESSAGE);
	enum err e = timer_new(f->loop, speak, l, &l->timer);
	if (e == ERR_OK)
		e = buf_add_slice(&l->extra, extra);
	/* The password passes here: no copies left behind by growing. */
	if (e == ERR_OK)
		e = buf_reserve(&l->message, LIMIT_SASL_MESSAGE);
	if (e != ERR_OK) {
		login_free(l);
		return e;
	}
	*out = l;
	return ERR_OK;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	route_cancel(l->route);
	conn_free(l->stream);
	scram_free(l->scram);
	timer_free(l->timer);
	loop_later_cancel(&l->later);
	buf_free(&l->extra);
	buf_free(&l->challenge);
	buf_wipe(&l->message);
	mem_free(l);
}
