/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Administrators' operations on one tenant, in its tenantd. One that changes
 * something is one transaction with its audit row; the answer, and what the
 * router must know of new and removed addresses, go out when it is durable.
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

#include <bastide/fulltext.h>

#include "admin_check.h"
#include "admin_index.h"
#include "admin_call.h"
#include "admin_share.h"
#include "admin_tenantd.h"
#include "tenantd.h"

#define PBKDF2_MS 10000
/* Sessions of a user who is deleted get so long to end. */
#define RETRY_MS 100
#define RETRIES 50

static struct call *waiting; /* for their commits */

/* --- the end of a call ----------------------------------------------------------------- */

static void finish(struct call *c, enum err e)
{
	struct msg m;
	char *text = NULL;

	if (e == ERR_OK) {
		if (c->appeared.n)
			addresses_changed(c->appeared, true);
		if (c->vanished.n)
			addresses_changed(c->vanished, false);
		text = json_dumps(
			c->result ? c->result : json_object(), JSON_COMPACT);
		if (!text)
			e = ERR_NOMEM;
	}
	msg_begin(&m, TENANT_ADMIN_REPLY);
	msg_add_u32(&m, c->id);
	msg_add_err(&m, e);
	msg_add_slice(&m, slice_str(text ? text : ""));
	if (ipc_send(tenantd.tenant.control, &m) != ERR_OK)
		log_event(LOG_WARN_, "admin-reply-lost", "id=%u", c->id);
	mem_free(text);
	json_decref(c->result);
	admin_request_free(&c->request);
	worker_cancel(c->job);
	timer_free(c->again);
	arena_free(c->arena);
	mem_wipe(&c->verifier, sizeof(c->verifier));
	mem_free(c);
	tenantd.working--;
	idle_changed();
}

void admin_durable(uint64_t commit)
{
	for (struct call **at = &waiting; *at;) {
		struct call *c = *at;
		if (c->commit > commit) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		finish(c, ERR_OK);
	}
}

/* --- transactions ------------------------------------------------------------------------ */

/* Who did it, and what of it is not in the target: grants name both sides. */
static void put_detail(struct call *c, char *text, size_t max)
{
	static const char *const args[] = { "who", "rights", "mailbox",
		"group" };
	int n = snprintf(text, max, "administrator");

	for (size_t k = 0; k < sizeof(args) / sizeof(args[0]); k++) {
		struct slice value = admin_text(&c->request, args[k]);
		if (value.p && n > 0 && (size_t)n < max)
			n += snprintf(text + n, max - (size_t)n, " %s=%.*s",
				args[k], SLICE_ARG(value));
	}
}

/* The change, its audit row, the commit. */
enum err admin_change(struct call *c, enum err (*what)(struct call *c))
{
	struct store *s = tenantd.tenant.store;
	const struct admin_row *op = &admin_rows[c->request.op];
	char action[64], text[600];
	const char *about = op->args[1].type == ARG_DOMAIN   ? "domain"
			    : strcmp(op->noun, "group") == 0 ? "group"
			    : op->args[0].type == ARG_TENANT ? "id"
							     : "address";
	char number[24];
	struct slice target = admin_text(&c->request, about);

	if (!target.p) {
		snprintf(number, sizeof(number), "%lld",
			(long long)admin_number(&c->request, about, 0));
		target = slice_str(number);
	}
	snprintf(action, sizeof(action), "%s.%s", op->noun, op->verb);
	put_detail(c, text, sizeof(text));
	struct audit_row row = { .time = time(NULL),
		.action = slice_str(action),
		.target = target,
		.detail = slice_str(text) };
	/* What deletes works on a full disk. */
	TRY(strcmp(op->verb, "delete") == 0 ? store_begin_freeing(s)
					    : store_begin(s));
	enum err e = what(c);
	if (e == ERR_OK)
		e = audit_add(s, &row);
	if (e != ERR_OK) {
		store_rollback(s);
		return e;
	}
	return store_commit(s, &c->commit);
}

/* --- rows ---------------------------------------------------------------------------------- */

/* {"rows":[...]}, and where the next page goes on when this one is full. */
enum err admin_rows_result(struct call *c, json_t *rows, const char *key)
{
	size_t n = json_array_size(rows);

	c->result = json_object();
	json_object_set_new(c->result, "rows", rows);
	if (n < PAGE)
		return ERR_OK;
	json_t *last = json_array_get(rows, n - 1);
	json_t *at = key ? json_object_get(last, key) : last;
	char number[24];
	if (json_is_integer(at)) {
		snprintf(number, sizeof(number), "%lld",
			(long long)json_integer_value(at));
		json_object_set_new(c->result, "next", json_string(number));
	} else {
		json_object_set(c->result, "next", at);
	}
	return ERR_OK;
}

enum err admin_after(struct call *c, uint64_t *out)
{
	struct slice text = admin_text(&c->request, "after");

	*out = 0;
	return text.n ? num_u64(text, out) : ERR_OK;
}

/* --- domains --------------------------------------------------------------------------------- */

static enum err domain_arg(struct call *c, struct slice *out)
{
	struct buf b;

	buf_init(&b, 1024);
	enum err e = admin_domain(&c->request, "domain", &b);
	if (e == ERR_OK)
		*out = arena_copy(c->arena, buf_slice(&b));
	buf_free(&b);
	return e == ERR_OK && !out->p ? ERR_NOMEM : e;
}

static enum err add_domain(struct call *c)
{
	struct slice domain;

	TRY(domain_arg(c, &domain));
	return domain_add(tenantd.tenant.store, domain);
}

static enum err domain_create(struct call *c)
{
	return admin_change(c, add_domain);
}

static enum err take_domain(struct call *c)
{
	struct slice domain;

	TRY(domain_arg(c, &domain));
	return domain_remove(tenantd.tenant.store, domain);
}

static enum err domain_delete(struct call *c)
{
	return admin_change(c, take_domain);
}

static enum err domain_list_op(struct call *c)
{
	struct slice rows[PAGE];
	size_t n;

	TRY(domain_list(tenantd.tenant.store, admin_text(&c->request, "after"),
		c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(row, "domain", json_slice(rows[i]));
		json_array_append_new(list, row);
	}
	return admin_rows_result(c, list, "domain");
}

/* --- users ------------------------------------------------------------------------------------- */

static json_t *describe_user(const struct user_row *u)
{
	char id[OID_TEXT + 1];
	json_t *row = json_object();

	oid_text(&u->oid, id);
	json_object_set_new(row, "account", json_integer(u->account));
	json_object_set_new(row, "address", json_slice(u->address));
	json_object_set_new(row, "name", json_slice(u->name));
	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "disabled", json_boolean(u->disabled));
	json_object_set_new(row, "created", json_integer(u->created));
	json_object_set_new(row, "quota-bytes",
		json_integer((json_int_t)u->quota.bytes_max));
	json_object_set_new(row, "quota-messages",
		json_integer((json_int_t)u->quota.messages_max));
	json_object_set_new(row, "imap-without", json_slice(u->imap_without));
	json_object_set_new(row, "shared", json_boolean(u->shared));
	return row;
}

/* The local part as the administrator wrote it, the domain in normal form. */
static enum err as_given(
	struct call *c, const char *arg, struct slice normal, struct slice *out)
{
	struct slice given = admin_text(&c->request, arg);
	struct slice domain = address_domain(normal);
	size_t local = given.n - address_domain(given).n;
	struct buf b;

	buf_init(&b, 2 * LIMIT_ADDRESS);
	buf_add_slice(&b, slice_head(given, local));
	buf_add_slice(&b, domain);
	*out = arena_copy(c->arena, buf_slice(&b));
	enum err e = buf_err(&b);
	buf_free(&b);
	return e == ERR_OK && !out->p ? ERR_NOMEM : e;
}

static enum err put_credential(struct call *c, struct slice label)
{
	struct credential row = { .label = label,
		.iterations = c->verifier.iterations,
		.created = time(NULL) };

	memcpy(row.salt, c->verifier.salt, sizeof(row.salt));
	memcpy(row.stored_key, c->verifier.stored_key, 32);
	memcpy(row.server_key, c->verifier.server_key, 32);
	return credential_set(tenantd.tenant.store, c->account, &row);
}

enum err admin_add_user(struct call *c)
{
	struct slice given;

	TRY(as_given(c, "address", c->address, &given));
	TRY(user_create(tenantd.tenant.store, given,
		admin_text(&c->request, "name"), &c->account));
	if (c->verifier.iterations)
		TRY(put_credential(c, slice_str("password")));
	c->appeared = c->address;
	c->result = json_object();
	json_object_set_new(c->result, "address", json_slice(given));
	json_object_set_new(c->result, "account", json_integer(c->account));
	return ERR_OK;
}

static enum err add_credential(struct call *c)
{
	struct slice label = admin_text(&c->request, "label");

	return put_credential(c, label.n ? label : slice_str("password"));
}

/* The password is stretched by the worker; what is kept is the verifier. */
static void on_stretched(void *arg, enum err e, struct msg_in *reply)
{
	struct call *c = arg;
	struct slice key = e == ERR_OK ? msg_slice(reply) : slice_of(NULL, 0);

	c->job = NULL;
	if (e == ERR_OK && (msg_end(reply) != ERR_OK || key.n != 32))
		e = ERR_UNAVAILABLE;
	if (e == ERR_OK)
		e = scram_verifier_make((const uint8_t *)key.p, &c->verifier);
	if (e == ERR_OK)
		e = admin_change(c, c->request.op == OP_USER_CREATE
					    ? admin_add_user
					    : add_credential);
	admin_ran(c, e);
}

static enum err stretch(struct call *c)
{
	struct slice password = admin_text(&c->request, "password");
	struct msg m;

	TRY(password_prepare(password));
	c->verifier.iterations = SCRAM_ITERATIONS;
	TRY(random_bytes(c->verifier.salt, sizeof(c->verifier.salt)));
	msg_begin(&m, WORK_PBKDF2);
	msg_reserve(&m, LIMIT_PASSWORD + 64);
	msg_add_slice(&m, password);
	msg_add_slice(&m, slice_of(c->verifier.salt, sizeof(c->verifier.salt)));
	msg_add_u32(&m, c->verifier.iterations);
	TRY(worker_ask(tenantd.tenant.worker, WORK_PBKDF2, &m, PBKDF2_MS,
		on_stretched, c, &c->job));
	return ERR_AGAIN;
}

static enum err user_create_op(struct call *c)
{
	if (c->account)
		return ERR_EXISTS;
	return admin_given(&c->request, "password")
		       ? stretch(c)
		       : admin_change(c, admin_add_user);
}

static enum err user_list_op(struct call *c)
{
	struct user_row rows[PAGE];
	uint64_t after;
	size_t n;

	TRY(admin_after(c, &after));
	TRY(user_list(tenantd.tenant.store, (uint32_t)after, c->arena, rows,
		PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, describe_user(&rows[i]));
	return admin_rows_result(c, list, "account");
}

static enum err user_show_op(struct call *c)
{
	struct store *s = tenantd.tenant.store;
	struct user_row row;
	struct account *a;
	struct quota q;

	TRY(user_get(s, c->account, c->arena, &row));
	c->result = describe_user(&row);
	TRY(account_open(s, c->account, &a));
	enum err e = account_quota(a, &q);
	account_close(a);
	if (e != ERR_OK)
		return e;
	json_object_set_new(
		c->result, "bytes", json_integer((json_int_t)q.bytes));
	json_object_set_new(
		c->result, "messages", json_integer((json_int_t)q.messages));
	return ERR_OK;
}

static enum err set_user(struct call *c)
{
	struct store *s = tenantd.tenant.store;
	struct user_row row;
	const struct admin_request *r = &c->request;

	TRY(user_get(s, c->account, c->arena, &row));
	if (admin_given(r, "name"))
		row.name = admin_text(r, "name");
	row.disabled = admin_number(r, "disabled", row.disabled) != 0;
	row.quota.bytes_max = (uint64_t)admin_number(
		r, "quota-bytes", (int64_t)row.quota.bytes_max);
	row.quota.messages_max = (uint64_t)admin_number(
		r, "quota-messages", (int64_t)row.quota.messages_max);
	if (admin_given(r, "imap-without"))
		row.imap_without = admin_text(r, "imap-without");
	row.shared = admin_number(r, "shared", row.shared) != 0;
	TRY(imap_without_check(row.imap_without));
	TRY(user_set(s, &row));
	c->result = describe_user(&row);
	return ERR_OK;
}

static enum err user_set_op(struct call *c)
{
	TRY(admin_change(c, set_user));
	if (admin_number(&c->request, "disabled", 0) ||
		admin_number(&c->request, "shared", 0))
		visits_hang_up(c->account);
	return ERR_OK;
}

/* Every address of the account goes with it. */
static enum err tell_vanished(struct call *c)
{
	struct store *s = tenantd.tenant.store;
	struct slice after = slice_str("");
	struct alias_row rows[PAGE];
	size_t n;

	do {
		TRY(address_list(s, after, c->arena, rows, PAGE, &n));
		for (size_t i = 0; i < n; i++)
			if (rows[i].account == c->account)
				addresses_changed(rows[i].address, false);
		if (n)
			after = rows[n - 1].address;
	} while (n == PAGE);
	return ERR_OK;
}

static enum err remove_user(struct call *c)
{
	return user_delete(tenantd.tenant.store, c->account);
}

static enum err lock_user(struct call *c)
{
	struct user_row row;

	TRY(user_get(tenantd.tenant.store, c->account, c->arena, &row));
	row.disabled = true;
	TRY(admin_share_end(tenantd.tenant.store, c->account));
	return user_set(tenantd.tenant.store, &row);
}

static enum err try_delete(struct call *c)
{
	enum err e = admin_change(c, remove_user);

	if (e != ERR_BUSY || c->tries++ == RETRIES)
		return e;
	visits_hang_up(c->account);
	timer_set(c->again, RETRY_MS);
	return ERR_AGAIN;
}

static void on_again(void *arg)
{
	struct call *c = arg;
	enum err e = try_delete(c);

	if (e != ERR_AGAIN)
		admin_ran(c, e);
}

/* Nobody new may sign in, who is here goes, then the user is deleted. */
static enum err user_delete_op(struct call *c)
{
	struct buf again;

	buf_init(&again, 2 * LIMIT_ADDRESS);
	enum err e = admin_address(&c->request, "confirm", &again);
	if (e == ERR_OK && !slice_eq(buf_slice(&again), c->address))
		e = ERR_CONFLICT;
	buf_free(&again);
	if (e != ERR_OK)
		return e;
	TRY(timer_new(tenantd.tenant.loop, on_again, c, &c->again));
	TRY(admin_change(c, lock_user));
	TRY(tell_vanished(c));
	visits_hang_up(c->account);
	return try_delete(c);
}

/* --- aliases ------------------------------------------------------------------------------------- */

static enum err add_alias(struct call *c)
{
	struct buf b;
	struct slice given;

	buf_init(&b, 2 * LIMIT_ADDRESS);
	enum err e = admin_address(&c->request, "alias", &b);
	if (e == ERR_OK) {
		c->appeared = arena_copy(c->arena, buf_slice(&b));
		e = c->appeared.p ? as_given(c, "alias", c->appeared, &given)
				  : ERR_NOMEM;
	}
	buf_free(&b);
	return e == ERR_OK ? alias_add(tenantd.tenant.store, given, c->account)
			   : e;
}

static enum err alias_create(struct call *c)
{
	return admin_change(c, add_alias);
}

static enum err take_alias(struct call *c)
{
	c->vanished = c->address;
	return alias_remove(tenantd.tenant.store, c->address);
}

static enum err alias_delete(struct call *c)
{
	return admin_change(c, take_alias);
}

static enum err alias_list(struct call *c)
{
	struct alias_row rows[PAGE];
	size_t n;

	TRY(address_list(tenantd.tenant.store, admin_text(&c->request, "after"),
		c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(
			row, "address", json_slice(rows[i].address));
		json_object_set_new(
			row, "account", json_integer(rows[i].account));
		json_array_append_new(list, row);
	}
	return admin_rows_result(c, list, "address");
}

/* --- credentials ----------------------------------------------------------------------------------- */

static enum err credential_create(struct call *c)
{
	return stretch(c);
}

static enum err take_credential(struct call *c)
{
	return credential_remove(tenantd.tenant.store, c->account,
		admin_text(&c->request, "label"));
}

static enum err credential_delete(struct call *c)
{
	return admin_change(c, take_credential);
}

static enum err credential_list_op(struct call *c)
{
	struct credential rows[PAGE];
	size_t n;

	TRY(credential_list(
		tenantd.tenant.store, c->account, c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(row, "label", json_slice(rows[i].label));
		json_object_set_new(
			row, "created", json_integer(rows[i].created));
		json_array_append_new(list, row);
	}
	mem_wipe(rows, sizeof(rows));
	c->result = json_object();
	json_object_set_new(c->result, "rows", list);
	return ERR_OK;
}

/* --- queue ------------------------------------------------------------------------------------------- */

static json_t *describe_queue(const struct queue_row *q)
{
	static const char *const states[] = { "waiting", "sending", "held" };
	json_t *row = json_object();

	json_object_set_new(row, "id", json_integer((json_int_t)q->id));
	json_object_set_new(row, "from", json_slice(q->mail_from));
	json_object_set_new(row, "to", json_slice(q->recipient));
	json_object_set_new(row, "state", json_string(states[q->state]));
	json_object_set_new(row, "size", json_integer((json_int_t)q->size));
	json_object_set_new(row, "tries", json_integer(q->tries));
	json_object_set_new(row, "created", json_integer(q->created));
	json_object_set_new(row, "next-try", json_integer(q->next_try));
	json_object_set_new(row, "expires", json_integer(q->expires));
	json_object_set_new(
		row, "status", json_slice(slice_head(q->last_status, 200)));
	return row;
}

static enum err queue_list_op(struct call *c)
{
	struct queue_row rows[PAGE];
	uint64_t after;
	size_t n;

	TRY(admin_after(c, &after));
	TRY(queue_list(tenantd.tenant.store, after, c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, describe_queue(&rows[i]));
	return admin_rows_result(c, list, "id");
}

static enum err queue_show_op(struct call *c)
{
	struct queue_row row;

	TRY(queue_get(tenantd.tenant.store,
		(uint64_t)admin_number(&c->request, "id", 0), c->arena, &row));
	c->result = describe_queue(&row);
	return ERR_OK;
}

static enum err take_queue(struct call *c)
{
	return queue_remove(tenantd.tenant.store,
		(uint64_t)admin_number(&c->request, "id", 0));
}

static enum err queue_delete_op(struct call *c)
{
	return admin_change(c, take_queue);
}

static enum err hurry_queue(struct call *c)
{
	struct store *s = tenantd.tenant.store;
	struct queue_row row;

	TRY(queue_get(s, (uint64_t)admin_number(&c->request, "id", 0), c->arena,
		&row));
	if (row.state == QUEUE_SENDING)
		return ERR_WRONGSTATE;
	row.state = QUEUE_WAITING;
	row.next_try = time(NULL);
	return queue_update(s, &row);
}

static enum err queue_retry_op(struct call *c)
{
	TRY(admin_change(c, hurry_queue));
	queue_changed(&tenantd.tenant);
	return ERR_OK;
}

/* --- audit --------------------------------------------------------------------------------------------- */

static enum err audit_list_op(struct call *c)
{
	struct audit_row rows[PAGE];
	uint64_t after;
	size_t n;

	auth_flush(); /* who just signed in is seen */
	TRY(admin_after(c, &after));
	TRY(audit_list(tenantd.tenant.store, after, c->arena, rows, PAGE, &n));
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();
		json_object_set_new(
			row, "id", json_integer((json_int_t)rows[i].id));
		json_object_set_new(row, "time", json_integer(rows[i].time));
		json_object_set_new(
			row, "account", json_integer(rows[i].account));
		json_object_set_new(row, "action", json_slice(rows[i].action));
		json_object_set_new(row, "target", json_slice(rows[i].target));
		json_object_set_new(row, "detail", json_slice(rows[i].detail));
		json_array_append_new(list, row);
	}
	return admin_rows_result(c, list, "id");
}

/* --- check --------------------------------------------------------------------------------------------- */

static void on_result(void *arg, enum err e, json_t *result)
{
	struct call *c = arg;

	c->result = result;
	admin_ran(c, e);
}

static enum err check_op(struct call *c)
{
	return admin_check(admin_text(&c->request, "after"), on_result, c);
}

/* --- the index of words ---------------------------------------------------------------------------------- */

static enum err index_show_op(struct call *c)
{
	return admin_index_show(c->account, &c->result);
}

static enum err reset_index(struct call *c)
{
	struct account *a;

	TRY(account_open(tenantd.tenant.store, c->account, &a));
	enum err e = fulltext_reset(a);
	account_close(a);
	return e;
}

static enum err index_rebuild_op(struct call *c)
{
	if (!admin_given(&c->request, "after"))
		TRY(admin_change(c, reset_index));
	return admin_index_wait(c->account, on_result, c);
}

/* --- running ---------------------------------------------------------------------------------------------- */

/* ERR_AGAIN: it goes on by itself and ends with admin_ran. */
static enum err (*const run_here[OP_COUNT])(struct call *c) = {
	[OP_DOMAIN_CREATE] = domain_create,
	[OP_DOMAIN_LIST] = domain_list_op,
	[OP_DOMAIN_DELETE] = domain_delete,
	[OP_USER_CREATE] = user_create_op,
	[OP_USER_LIST] = user_list_op,
	[OP_USER_SHOW] = user_show_op,
	[OP_USER_SET] = user_set_op,
	[OP_USER_DELETE] = user_delete_op,
	[OP_SHARE_CREATE] = share_create,
	[OP_SHARE_GRANT] = share_grant,
	[OP_SHARE_REVOKE] = share_revoke,
	[OP_SHARE_SHOW] = share_show,
	[OP_GROUP_CREATE] = group_create_op,
	[OP_GROUP_LIST] = group_list_op,
	[OP_GROUP_DELETE] = group_delete_op,
	[OP_MEMBER_CREATE] = member_create,
	[OP_MEMBER_LIST] = member_list,
	[OP_MEMBER_DELETE] = member_delete,
	[OP_ALIAS_CREATE] = alias_create,
	[OP_ALIAS_LIST] = alias_list,
	[OP_ALIAS_DELETE] = alias_delete,
	[OP_CREDENTIAL_CREATE] = credential_create,
	[OP_CREDENTIAL_LIST] = credential_list_op,
	[OP_CREDENTIAL_DELETE] = credential_delete,
	[OP_QUEUE_LIST] = queue_list_op,
	[OP_QUEUE_SHOW] = queue_show_op,
	[OP_QUEUE_DELETE] = queue_delete_op,
	[OP_QUEUE_RETRY] = queue_retry_op,
	[OP_AUDIT_LIST] = audit_list_op,
	[OP_INDEX_SHOW] = index_show_op,
	[OP_INDEX_REBUILD] = index_rebuild_op,
	[OP_CHECK] = check_op,
};

void admin_ran(struct call *c, enum err e)
{
	struct store *s = tenantd.tenant.store;

	if (e == ERR_OK && s && c->commit > store_durable(s)) {
		c->next = waiting;
		waiting = c;
		return;
	}
	finish(c, e);
}

/* "address" in normal form, and whose it is; a new one is nobody's. */
static enum err find_account(struct call *c)
{
	struct buf b;

	if (!admin_given(&c->request, "address"))
		return ERR_OK;
	buf_init(&b, 2 * LIMIT_ADDRESS);
	enum err e = admin_address(&c->request, "address", &b);
	if (e == ERR_OK) {
		c->address = arena_copy(c->arena, buf_slice(&b));
		e = c->address.p ? address_resolve(tenantd.tenant.store,
					   c->address, &c->account)
				 : ERR_NOMEM;
	}
	buf_free(&b);
	bool makes = c->request.op == OP_USER_CREATE ||
		     c->request.op == OP_SHARE_CREATE;
	return e == ERR_NOTFOUND && makes ? ERR_OK : e;
}

enum err admin_ask(struct msg_in *m)
{
	uint32_t id = msg_u32(m);
	struct slice line = msg_slice(m);

	TRY(msg_end(m));
	struct call *c = mem_new(struct call);
	struct arena *arena = arena_new(MIB(8));
	if (!c || !arena) {
		mem_free(c);
		arena_free(arena);
		return ERR_NOMEM;
	}
	c->id = id;
	c->arena = arena;
	tenantd.working++;
	idle_changed();
	enum err e = admin_parse(line, &c->request);
	if (e == ERR_OK && !run_here[c->request.op])
		e = ERR_UNSUPPORTED;
	if (e == ERR_OK)
		e = find_account(c);
	if (e == ERR_OK)
		e = run_here[c->request.op](c);
	if (e != ERR_AGAIN)
		admin_ran(c, e);
	return ERR_OK;
}
