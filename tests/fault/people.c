/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A workload through the contracts: people who get, file, flag, move and
 * delete mail, keep calendars and contacts and send; who come and go. After
 * each commit a picture is taken; the digest of each account's picture is
 * what must be there when a crash ends with that commit.
 *
 * What another session shows of an account stands behind the account's last
 * commit (account_last_commit): so each change must be told by that number, or
 * it would be shown before it is safe. That is looked at here as well.
 */
#include <stdio.h>
#include <stdlib.h>

#include <bastide/collection.h>
#include <bastide/directory.h>
#include <bastide/mailbox.h>
#include <bastide/queue.h>

#include "picture.h"
#include "world.h"

#define PEOPLE 5
#define ROWS 60
#define STREAMS 3

struct moment {
	uint64_t commit;
	size_t n;
	struct seen {
		uint32_t account;
		uint64_t digest;
	} seen[PEOPLE + 1];
};

/* A message that streams in over several turns. */
struct stream {
	struct account *a;
	struct body_writer *w;
	size_t left;
};

struct work {
	struct moment *moment; /* oldest first */
	size_t n_moments, cap_moments;
	struct picture picture;
	struct arena *arena;
	struct stream stream[STREAMS];
	bool torn; /* a gate was wrong: nothing counts any more */
	/* The person of the running transaction. */
	struct account *a;
	uint32_t number;
};

static const char *const words[] = { "one", "two", "three", "four", "five",
	"six", "seven", "eight", "nine", "ten", "eleven", "twelve" };

static struct slice text(struct world *w, const char *before, const char *after)
{
	char *p = arena_alloc(w->work->arena, 80);
	const char *word = words[world_draw(w, 12)];

	return slice_of(
		p, (size_t)snprintf(p, 80, "%s%s%s", before, word, after));
}

static void fill(struct world *w, char *p, size_t n)
{
	uint64_t x = world_draw(w, 0) | 1;

	for (size_t i = 0; i < n; i++) {
		if (i % 8 == 0)
			x = x * 0x2545f4914f6cdd1dull + 1;
		p[i] = (char)(x >> 8 * (i % 8));
	}
}

/* Half of them lie in the database; a few take several chunks. */
static size_t size_of(struct world *w)
{
	static const size_t limit[] = { 4000, 4000, 20000, 20000, 20000,
		150000 };

	return (size_t)world_draw(w, limit[world_draw(w, 6)]) + 1;
}

/* --- who and what ------------------------------------------------------------------- */

static enum err pick_user(struct world *w, uint32_t *number_out)
{
	struct user_row rows[PEOPLE];
	size_t n;

	TRY(user_list(w->store, 0, w->work->arena, rows, PEOPLE, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	*number_out = rows[world_draw(w, n)].account;
	return ERR_OK;
}

static enum err pick_mailbox(struct world *w, struct mailbox_row *out)
{
	struct mailbox_row rows[ROWS];
	size_t n;

	TRY(mailbox_list(
		w->work->a, slice_of("", 0), w->work->arena, rows, ROWS, &n));
	*out = rows[world_draw(w, n)];
	return out->selectable ? ERR_OK : ERR_NOTFOUND;
}

static enum err pick_message(
	struct world *w, struct mailbox_row *box, uint32_t *uid_out)
{
	uint32_t uids[ROWS];
	size_t n;

	TRY(pick_mailbox(w, box));
	TRY(message_uids(w->work->a, box->id, 1, uids, ROWS, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	*uid_out = uids[world_draw(w, n)];
	return ERR_OK;
}

static enum err pick_collection(struct world *w, struct collection_row *out)
{
	struct collection_row rows[ROWS];
	size_t n;

	TRY(collection_list(w->work->a,
		world_draw(w, 2) ? COLLECTION_CALENDAR : COLLECTION_CONTACTS,
		w->work->arena, rows, ROWS, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	*out = rows[world_draw(w, n)];
	return ERR_OK;
}

/* --- bodies --------------------------------------------------------------------------- */

static enum err write_some(struct world *w, struct body_writer *to, size_t n)
{
	char *p = malloc(n + 1);

	fill(w, p, n);
	enum err e = body_write(to, slice_of(p, n));
	free(p);
	return e;
}

static enum err finish(
	struct world *w, struct body_writer *to, uint64_t *body_out)
{
	char pack[600];
	struct body_meta meta = { .envelope = slice_of(
					  pack, world_draw(w, sizeof(pack))),
		.structure = slice_of(pack, world_draw(w, 100)) };

	fill(w, pack, sizeof(pack));
	return body_finish(to, &meta, body_out);
}

static enum err make_body(
	struct world *w, struct account *a, size_t n, uint64_t *body_out)
{
	struct body_writer *to;

	TRY(body_begin(a, world_draw(w, 2) ? n : 0, &to));
	for (size_t part; n > 0; n -= part) {
		part = world_draw(w, 70000) + 1;
		if (part > n)
			part = n;
		enum err e = write_some(w, to, part);
		if (e != ERR_OK) {
			body_abort(to);
			return e;
		}
	}
	return finish(w, to, body_out);
}

static void end_stream(struct stream *s)
{
	body_abort(s->w);
	account_close(s->a);
	*s = (struct stream){ 0 };
}

/* Between transactions: a piece more, a new one, or given up. */
static enum err stream_step(struct world *w)
{
	struct stream *s = &w->work->stream[world_draw(w, STREAMS)];
	uint32_t number;
	enum err e;

	if (!s->w) {
		e = pick_user(w, &number);
		if (e != ERR_OK)
			return e == ERR_NOTFOUND ? ERR_OK : e;
		TRY(account_open(w->store, number, &s->a));
		s->left = size_of(w);
		e = body_begin(s->a, world_draw(w, 2) ? s->left : 0, &s->w);
		if (e != ERR_OK) {
			account_close(s->a);
			s->a = NULL;
		}
		return e;
	}
	if (world_draw(w, 12) == 0) {
		end_stream(s);
		return ERR_OK;
	}
	size_t n = world_draw(w, s->left + 1);
	e = write_some(w, s->w, n);
	s->left -= n;
	if (e != ERR_OK)
		end_stream(s);
	return e;
}

/* --- mail ------------------------------------------------------------------------------- */

static enum err file(
	struct world *w, struct account *a, struct slice box, uint64_t body)
{
	struct message_new m = { .body = body,
		.flags.system = (uint32_t)world_draw(w, 4),
		.internal_date = (int64_t)world_draw(w, 2000000000),
		.internal_zone = 60 };
	struct mailbox_row row;
	uint64_t modseq;
	uint32_t uid;

	TRY(mailbox_find(a, box, w->work->arena, &row));
	return message_add(a, row.id, &m, &uid, &modseq);
}

/* One message for several people, in one transaction: all have it or none. */
static enum err deliver(struct world *w)
{
	struct trace_row trace = { .event = TRACE_DELIVERED,
		.from = text(w, "", "@elsewhere.example"),
		.to = text(w, "", "@example.org") };
	struct user_row rows[PEOPLE];
	size_t n, bytes = size_of(w);
	bool repeated;

	TRY(user_list(w->store, 0, w->work->arena, rows, PEOPLE, &n));
	for (size_t i = 0; i < n; i++) {
		struct account *a;
		uint64_t body;
		if (world_draw(w, 2))
			continue;
		TRY(account_open(w->store, rows[i].account, &a));
		enum err e = make_body(w, a, bytes, &body);
		if (e == ERR_OK)
			e = file(w, a, slice_str("INBOX"), body);
		account_close(a);
		TRY(e);
		trace.account = rows[i].account;
		TRY(trace_add(w->store, &trace));
		TRY(delivery_once(w->store, rows[i].account,
			text(w, "<", "@elsewhere>"), &repeated));
	}
	return ERR_OK;
}

static enum err append(struct world *w)
{
	struct mailbox_row box;
	uint64_t body;

	TRY(pick_mailbox(w, &box));
	TRY(make_body(w, w->work->a, size_of(w), &body));
	return file(w, w->work->a, box.name, body);
}

/* A message that came in over several turns, filed now. */
static enum err append_stream(struct world *w)
{
	struct stream *s = &w->work->stream[world_draw(w, STREAMS)];
	uint64_t body;

	if (!s->w)
		return ERR_OK;
	enum err e = finish(w, s->w, &body);
	s->w = NULL;
	if (e == ERR_OK)
		e = file(w, s->a, slice_str("INBOX"), body);
	end_stream(s);
	return e;
}

static enum err set_flags(struct world *w)
{
	struct flags flags = { .system = (uint32_t)world_draw(w, 32) };
	struct mailbox_row box;
	uint64_t modseq;
	unsigned bit;
	uint32_t uid;

	TRY(pick_message(w, &box, &uid));
	TRY(keyword_bit(w->work->a, box.id, text(w, "$", ""), true, &bit));
	if (world_draw(w, 2))
		flags.keyword[bit / 64] |= UINT64_C(1) << bit % 64;
	return message_set_flags(w->work->a, box.id, uid, &flags, &modseq);
}

static enum err copy(struct world *w)
{
	struct mailbox_row from, to;
	uint32_t uid, new_uid;
	uint64_t modseq;

	TRY(pick_message(w, &from, &uid));
	TRY(pick_mailbox(w, &to));
	if (from.id != to.id && world_draw(w, 2))
		return message_move(
			w->work->a, from.id, uid, to.id, &new_uid, &modseq);
	return message_copy(w->work->a, from.id, uid, to.id, &new_uid);
}

static enum err expunge(struct world *w)
{
	struct mailbox_row box;
	uint64_t modseq;
	uint32_t uid;

	for (unsigned i = 0; i < 3; i++) {
		TRY(pick_message(w, &box, &uid));
		TRY(message_expunge(w->work->a, box.id, uid, &modseq));
	}
	return mailbox_set_recent(w->work->a, box.id, box.uidnext);
}

static enum err make_mailbox(struct world *w)
{
	uint64_t id;

	TRY(subscription_set(
		w->work->a, text(w, "Box/", ""), world_draw(w, 2) != 0));
	return mailbox_create(
		w->work->a, text(w, "Box/", ""), SPECIAL_NONE, &id);
}

static enum err change_mailbox(struct world *w)
{
	struct mailbox_row box;

	TRY(pick_mailbox(w, &box));
	if (world_draw(w, 2))
		return mailbox_rename(
			w->work->a, box.id, text(w, "Moved/", ""));
	return mailbox_delete(w->work->a, box.id);
}

/* --- calendars and contacts ----------------------------------------------------------------- */

static enum err put(struct world *w)
{
	int64_t start = (int64_t)world_draw(w, 1000000);
	struct span span[2] = { { start, start + 3600 },
		{ start + 86400, start + 90000 } };
	size_t n = world_draw(w, world_draw(w, 5) ? 1000 : 20000) + 1;
	struct resource_new r = { .component = slice_str("VEVENT"),
		.name = text(w, "", ".ics"),
		.spans = span,
		.n_spans = 2,
		.horizon = INT64_MAX };
	struct collection_row c;
	uint64_t etag;

	TRY(pick_collection(w, &c));
	char *data = malloc(n);
	fill(w, data, n);
	r.uid = r.name;
	r.data = slice_of(data, n);
	enum err e = resource_put(w->work->a, c.id, &r, &etag);
	free(data);
	return e;
}

static enum err drop_resource(struct world *w)
{
	struct collection_row c;

	TRY(pick_collection(w, &c));
	return resource_delete(w->work->a, c.id, text(w, "", ".ics"));
}

static enum err change_collection(struct world *w)
{
	struct collection_row c;
	uint64_t id;

	TRY(pick_collection(w, &c));
	switch (world_draw(w, 4)) {
	case 0:
		return collection_create(w->work->a, COLLECTION_CALENDAR,
			text(w, "cal-", ""), &id);
	case 1:
		return collection_delete(w->work->a, c.id);
	default:
		return collection_set_property(w->work->a, c.id,
			slice_str("DAV: displayname"), text(w, "My ", ""));
	}
}

/* --- the tenant --------------------------------------------------------------------------- */

static enum err enqueue(struct world *w)
{
	struct slice to[2] = { text(w, "", "@elsewhere.example"),
		text(w, "", "@nowhere.example") };
	struct queue_row row = { .account = w->work->number,
		.mail_from = text(w, "", "@example.org"),
		.created = 1,
		.next_try = 2,
		.expires = 3,
		.eightbit = true };
	struct account *tenant;
	uint64_t message;

	row.size = size_of(w);
	TRY(account_open(w->store, TENANT_ACCOUNT, &tenant));
	enum err e = make_body(w, tenant, (size_t)row.size, &row.body);
	account_close(tenant);
	TRY(e);
	return queue_add(w->store, &row, to, 1 + world_draw(w, 2), &message);
}

static enum err pick_entry(struct world *w, struct queue_row *out)
{
	struct queue_row rows[ROWS];
	size_t n;

	TRY(queue_list(w->store, 0, w->work->arena, rows, ROWS, &n));
	if (n == 0)
		return ERR_NOTFOUND;
	*out = rows[world_draw(w, n)];
	return ERR_OK;
}

static enum err try_entry(struct world *w)
{
	struct queue_row row;

	TRY(pick_entry(w, &row));
	row.state = world_draw(w, 2) ? QUEUE_SENDING : QUEUE_WAITING;
	row.tries++;
	row.next_try += 900;
	row.last_status = text(w, "451 4.7.1 ", "");
	return queue_update(w->store, &row);
}

static enum err sent(struct world *w)
{
	struct queue_row row;

	TRY(pick_entry(w, &row));
	return queue_remove(w->store, row.id);
}

static enum err administer(struct world *w)
{
	struct audit_row audit = { .time = 1,
		.action = slice_str("user.set"),
		.target = text(w, "", "@example.org") };
	struct credential c = { .label = text(w, "phone ", ""),
		.iterations = 4096 };
	enum err e;

	fill(w, (char *)c.salt, sizeof(c.salt));
	fill(w, (char *)c.stored_key, sizeof(c.stored_key));
	TRY(audit_add(w->store, &audit));
	e = world_draw(w, 2)
		    ? alias_remove(w->store, text(w, "alias-", "@example.org"))
		    : alias_add(w->store, text(w, "alias-", "@example.org"),
			      w->work->number);
	if (e != ERR_OK && e != ERR_NOTFOUND && e != ERR_EXISTS)
		return e;
	return world_draw(w, 3)
		       ? credential_set(w->store, w->work->number, &c)
		       : credential_remove(w->store, w->work->number, c.label);
}

static enum err come(struct world *w)
{
	struct user_row rows[PEOPLE];
	uint32_t number;
	size_t n;

	TRY(user_list(w->store, 0, w->work->arena, rows, PEOPLE, &n));
	if (n == PEOPLE)
		return ERR_OK;
	return user_create(w->store, text(w, "", "@example.org"),
		slice_str("Somebody"), &number);
}

static enum err go(struct world *w)
{
	struct user_row rows[PEOPLE];
	size_t n;

	TRY(user_list(w->store, 0, w->work->arena, rows, PEOPLE, &n));
	return n < 3 ? ERR_OK
		     : user_delete(w->store, rows[world_draw(w, n)].account);
}

/* --- transactions --------------------------------------------------------------------------- */

static struct op {
	const char *name;
	enum err (*run)(struct world *w);
	unsigned weight;
	bool person; /* works in an account */
	bool freeing;
	unsigned done;
} ops[] = {
	{ "deliver", deliver, 6, false, false, 0 },
	{ "append", append, 6, true, false, 0 },
	{ "append_stream", append_stream, 3, false, false, 0 },
	{ "set_flags", set_flags, 9, true, false, 0 },
	{ "copy", copy, 6, true, false, 0 },
	{ "expunge", expunge, 4, true, true, 0 },
	{ "make_mailbox", make_mailbox, 2, true, false, 0 },
	{ "change_mailbox", change_mailbox, 2, true, true, 0 },
	{ "put", put, 7, true, false, 0 },
	{ "drop_resource", drop_resource, 2, true, true, 0 },
	{ "change_collection", change_collection, 2, true, false, 0 },
	{ "enqueue", enqueue, 3, true, false, 0 },
	{ "try_entry", try_entry, 3, false, false, 0 },
	{ "sent", sent, 3, false, true, 0 },
	{ "administer", administer, 3, true, false, 0 },
	{ "come", come, 2, false, false, 0 },
	{ "go", go, 1, false, true, 0 },
};

static struct op *pick_op(struct world *w)
{
	unsigned all = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(ops) / sizeof(*ops); k++)
		all += ops[k].weight;
	at = (unsigned)world_draw(w, all);
	while (at >= ops[i].weight)
		at -= ops[i++].weight;
	return &ops[i];
}

/* The contract: after any other error the transaction may go on. */
static bool fatal(enum err e)
{
	return e == ERR_IO || e == ERR_NOMEM || e == ERR_TIMEOUT ||
	       e == ERR_CORRUPT || e == ERR_BUG || e == ERR_NOSPACE;
}

static enum err run_op(struct world *w, struct op *op)
{
	struct work *k = w->work;
	enum err e = ERR_OK;

	arena_reset(k->arena);
	if (op->person) {
		e = pick_user(w, &k->number);
		if (e == ERR_OK)
			e = account_open(w->store, k->number, &k->a);
	}
	if (e == ERR_OK)
		e = op->run(w);
	account_close(k->a);
	k->a = NULL;
	op->done += e == ERR_OK;
	return fatal(e) ? e : ERR_OK;
}

/* --- what must be there ----------------------------------------------------------------------- */

static uint64_t take(struct world *w, uint32_t account)
{
	struct picture *p = &w->work->picture;

	picture_reset(p);
	if (account == TENANT_ACCOUNT)
		picture_tenant(p, w->store);
	else
		picture_account(p, w->store, account);
	return picture_digest(p);
}

static const struct seen *seen_in(const struct moment *m, uint32_t account)
{
	for (size_t i = 0; m && i < m->n; i++)
		if (m->seen[i].account == account)
			return &m->seen[i];
	return NULL;
}

static struct moment *last_moment(struct work *k)
{
	return k->n_moments ? &k->moment[k->n_moments - 1] : NULL;
}

static bool over(struct world *w)
{
	return w->store->failed || disk_stopped(w->disk);
}

/* Only what the commit changed is looked at anew; now and then the rest too:
 * who reads an account gates on its last commit, which must be right. */
static void see(struct world *w, const struct moment *before, struct moment *m,
	uint32_t account)
{
	const struct seen *old = seen_in(before, account);
	struct account *a = account_find(w->store, account);
	bool same = old && (!a || account_last_commit(a) != m->commit);
	struct seen *s = &m->seen[m->n++];

	s->account = account;
	s->digest = same && world_draw(w, 8) ? old->digest : take(w, account);
	if (same && s->digest != old->digest && !over(w)) {
		printf("# account %u changed without a commit of its own\n",
			account);
		w->work->torn = true;
	}
}

static void remember(struct world *w, uint64_t commit)
{
	struct work *k = w->work;
	struct user_row rows[PEOPLE];
	struct moment m = { .commit = commit };
	size_t n;

	arena_reset(k->arena);
	if (user_list(w->store, 0, k->arena, rows, PEOPLE, &n) != ERR_OK)
		return;
	see(w, last_moment(k), &m, TENANT_ACCOUNT);
	for (size_t i = 0; i < n; i++)
		see(w, last_moment(k), &m, rows[i].account);
	if (over(w))
		return; /* the commit is in memory only: nothing is written */
	struct moment *at = PUSH(k->moment, k->n_moments, k->cap_moments);
	*at = m;
}

enum err work_step(struct world *w)
{
	struct op *op = pick_op(w);
	unsigned n = (unsigned)world_draw(w, 3) + 1;
	uint64_t commit;

	if (world_draw(w, 4) == 0)
		TRY(stream_step(w));
	TRY(op->freeing ? store_begin_freeing(w->store)
			: store_begin(w->store));
	while (n-- > 0) {
		enum err e = run_op(w, op);
		if (e != ERR_OK) {
			store_rollback(w->store);
			return e;
		}
		if (!op->freeing)
			op = pick_op(w);
	}
	if (world_draw(w, 12) == 0) {
		store_rollback(w->store);
		return ERR_OK;
	}
	TRY(store_commit(w->store, &commit));
	remember(w, commit);
	return ERR_OK;
}

bool work_report(void)
{
	bool all = true;

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		printf("%s%s %u", i ? ", " : "# ", ops[i].name, ops[i].done);
		all &= ops[i].done > 0;
	}
	putchar('\n');
	return all;
}

/* --- life ---------------------------------------------------------------------------------------- */

static void make_people(struct world *w)
{
	uint32_t number;
	uint64_t commit;

	if (store_begin(w->store) != ERR_OK ||
		domain_add(w->store, slice_str("example.org")) != ERR_OK ||
		user_create(w->store, slice_str("anna@example.org"),
			slice_str("Anna"), &number) != ERR_OK ||
		user_create(w->store, slice_str("bert@example.org"),
			slice_str("Bert"), &number) != ERR_OK ||
		store_commit(w->store, &commit) != ERR_OK)
		abort();
	remember(w, commit);
}

struct work *work_new(struct world *w)
{
	struct work *k = calloc(1, sizeof(*k));

	picture_init(&k->picture);
	k->arena = arena_new(MIB(4));
	w->work = k;
	make_people(w);
	return k;
}

void work_free(struct work *k)
{
	if (!k)
		return;
	picture_free(&k->picture);
	arena_free(k->arena);
	free(k->moment);
	free(k);
}

void work_release(struct world *w)
{
	for (size_t i = 0; w->work && i < STREAMS; i++)
		if (w->work->stream[i].a)
			end_stream(&w->work->stream[i]);
}

void work_forget(struct world *w, uint64_t commit)
{
	struct work *k = w->work;

	while (k->n_moments > 1 && last_moment(k)->commit > commit)
		k->n_moments--;
}

static const struct moment *expected(const struct work *k, uint64_t commit)
{
	for (size_t i = k->n_moments; i-- > 0;)
		if (k->moment[i].commit <= commit)
			return &k->moment[i];
	return NULL;
}

bool work_check(struct world *w, uint64_t commit, char *why)
{
	const struct moment *m = expected(w->work, commit);

	if (w->work->torn) {
		snprintf(why, 256, "a gate was wrong");
		return false;
	}
	if (commit < w->acknowledged || !m) {
		snprintf(why, 256,
			"commit %llu was acknowledged, %llu is there",
			(unsigned long long)w->acknowledged,
			(unsigned long long)commit);
		return false;
	}
	for (size_t i = 0; i < m->n; i++)
		if (take(w, m->seen[i].account) != m->seen[i].digest) {
			snprintf(why, 256,
				"account %u is not as at commit %llu",
				m->seen[i].account,
				(unsigned long long)m->commit);
			return false;
		}
	return true;
}
