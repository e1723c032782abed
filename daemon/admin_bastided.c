/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Administrators' operations that bastided runs itself, and the way of the
 * others to their tenantd. What changes the router's table is on the disk
 * before the answer goes out.
 */
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bastide/domain.h>
#include <bastide/log.h>

#include "admin_bastided.h"
#include "admin_json.h"
#include "bastided.h"

#define PAGE 40

struct call {
	struct admin_client *client;
	struct admin_request request;
	struct tenant_entry *tenant;
	struct buf domain; /* normal form of "domain" */
	enum err failed;   /* why a half-made tenant is taken back */
};

/* --- answering ----------------------------------------------------------------------- */

static void finish(struct call *c, enum err e, json_t *result)
{
	struct buf line;

	buf_init(&line, LIMIT_ADMIN_LINE);
	if (e == ERR_OK && router_dirty())
		e = router_save(false);
	if (e != ERR_OK) {
		json_decref(result);
		result = NULL;
	}
	if (admin_reply(e, result, &line) != ERR_OK) {
		/* Too long: the pages are made so that it is not. */
		buf_reset(&line);
		if (admin_reply(ERR_LIMIT, NULL, &line) != ERR_OK)
			buf_reset(&line);
	}
	admin_answer(c->client, buf_slice(&line));
	buf_free(&line);
	buf_free(&c->domain);
	admin_request_free(&c->request);
	mem_free(c);
}

static void put_domain(void *arg, struct slice name)
{
	json_array_append_new(arg, json_slice(name));
}

static json_t *describe(struct tenant_entry *t)
{
	char id[OID_TEXT + 1];
	struct tenant_status s;
	json_t *row = json_object(), *domains = json_array();

	oid_text(&t->oid, id);
	tenant_status(t, &s);
	router_domains(t, put_domain, domains);
	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "domains", domains);
	json_object_set_new(row, "state", json_string(s.state));
	json_object_set_new(row, "pid", json_integer(s.pid));
	json_object_set_new(row, "sessions", json_integer(s.sessions));
	return row;
}

/* --- tenant create ---------------------------------------------------------------------- */

static enum err make_tenant_dir(struct tenant_entry *t)
{
	char name[OID_TEXT + 1];
	uid_t uid = uid_of(UID_TENANTS + t->number);

	oid_text(&t->oid, name);
	if (mkdirat(bastided.tenants_dir, name, 0700) != 0)
		return err_from_errno(errno);
	if (bastided.root && fchownat(bastided.tenants_dir, name, uid, uid,
				     AT_SYMLINK_NOFOLLOW) != 0)
		return err_from_errno(errno);
	return fsync(bastided.tenants_dir) == 0 ? ERR_OK : ERR_IO;
}

/* One level: a tenant's directory holds files only. */
static enum err remove_tenant_dir(struct tenant_entry *t)
{
	char name[OID_TEXT + 1];
	int fd = tenant_dir_open(t);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	enum err e = ERR_OK;

	if (!d)
		return ERR_OK; /* gone already */
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0 &&
			unlinkat(dirfd(d), entry->d_name, 0) != 0)
			e = err_from_errno(errno);
	closedir(d);
	oid_text(&t->oid, name);
	if (unlinkat(bastided.tenants_dir, name, AT_REMOVEDIR) != 0)
		e = err_from_errno(errno);
	return e;
}

static void on_key_destroyed(void *arg, enum err e, struct slice unused)
{
	struct call *c = arg;

	if (e == ERR_OK)
		e = remove_tenant_dir(c->tenant);
	if (e == ERR_OK) {
		tenant_forget(c->tenant);
		router_tenant_remove(c->tenant);
		e = router_save(false);
	}
	finish(c, c->failed != ERR_OK ? c->failed : e, NULL);
}

static void on_stopped(void *arg, enum err e)
{
	struct call *c = arg;

	e = keyd_ask(KEYD_DESTROY, &c->tenant->oid, on_key_destroyed, c);
	if (e != ERR_OK)
		finish(c, c->failed != ERR_OK ? c->failed : e, NULL);
}

/* The entry stays, marked, until nothing is left of the tenant: should we be
 * stopped in the middle, it can be deleted again. */
static void remove_tenant(struct call *c)
{
	c->tenant->life = DELETING;
	enum err e = router_save(false);
	if (e != ERR_OK)
		finish(c, e, NULL);
	else
		tenant_stop(c->tenant, on_stopped, c);
}

static void on_domain_added(void *arg, enum err e, struct slice reply)
{
	struct call *c = arg;

	if (e == ERR_OK) {
		finish(c, ERR_OK, describe(c->tenant));
		return;
	}
	c->failed = e;
	remove_tenant(c);
}

/* The store is there; its first domain is its own business. */
static void on_created(void *arg, enum err e)
{
	struct call *c = arg;

	if (e != ERR_OK) {
		c->failed = e;
		remove_tenant(c);
		return;
	}
	c->tenant->life = LIVE;
	json_t *request = json_pack("{s:s,s:s,s:{s:s%,s:s%}}", "noun", "domain",
		"verb", "create", "args", "tenant", c->domain.p, c->domain.n,
		"domain", c->domain.p, c->domain.n);
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	tenant_admin(c->tenant, slice_str(text), on_domain_added, c);
	mem_free(text);
}

static void on_key_created(void *arg, enum err e, struct slice unused)
{
	struct call *c = arg;

	if (e == ERR_OK)
		e = make_tenant_dir(c->tenant);
	if (e != ERR_OK) {
		c->failed = e;
		remove_tenant(c);
		return;
	}
	tenant_create(c->tenant, on_created, c);
}

static void tenant_create_op(struct call *c)
{
	enum err e = admin_domain(&c->request, "domain", &c->domain);

	if (e == ERR_OK && tenant_by_domain(buf_slice(&c->domain)))
		e = ERR_EXISTS;
	if (e == ERR_OK)
		e = router_tenant_new(&c->tenant);
	if (e == ERR_OK) {
		e = router_domain_add(c->tenant, buf_slice(&c->domain));
		/* Known before anything of it exists: nothing is orphaned. */
		if (e == ERR_OK)
			e = router_save(false);
		if (e == ERR_OK)
			e = keyd_ask(KEYD_CREATE, &c->tenant->oid,
				on_key_created, c);
		if (e != ERR_OK)
			router_tenant_remove(c->tenant);
	}
	if (e != ERR_OK)
		finish(c, e, NULL);
}

static void tenant_delete_op(struct call *c)
{
	enum err e = admin_domain(&c->request, "confirm", &c->domain);

	if (e == ERR_OK && tenant_by_domain(buf_slice(&c->domain)) != c->tenant)
		e = ERR_CONFLICT;
	if (e != ERR_OK)
		finish(c, e, NULL);
	else
		remove_tenant(c);
}

/* --- showing ---------------------------------------------------------------------------------- */

static void tenant_list_op(struct call *c)
{
	struct tenant_entry *t = router_tenants(), *last = NULL;
	json_t *rows = json_array(), *result = json_object();
	struct slice after = admin_text(&c->request, "after");
	struct oid id;
	char text[OID_TEXT + 1];

	if (after.n) {
		if (oid_parse(after, &id) != ERR_OK ||
			!(t = tenant_by_oid(&id))) {
			json_decref(rows);
			json_decref(result);
			finish(c, ERR_NOTFOUND, NULL);
			return;
		}
		t = t->next;
	}
	for (; t && json_array_size(rows) < PAGE; t = t->next) {
		json_array_append_new(rows, describe(t));
		last = t;
	}
	json_object_set_new(result, "rows", rows);
	if (t && last) {
		oid_text(&last->oid, text);
		json_object_set_new(result, "next", json_string(text));
	}
	finish(c, ERR_OK, result);
}

static void tenant_show_op(struct call *c)
{
	finish(c, ERR_OK, describe(c->tenant));
}

static void on_keys(void *arg, enum err e, struct slice list)
{
	struct call *c = arg;
	json_t *rows = json_array(), *result = json_object();
	bool one = c->tenant != NULL;
	char wanted[OID_TEXT + 1] = "";

	if (one)
		oid_text(&c->tenant->oid, wanted);
	while (list.n) {
		struct slice id = slice_cut(list, ' ', &list);
		if (!one || slice_eqs(id, wanted)) {
			json_t *row = json_object();
			json_object_set_new(row, "tenant", json_slice(id));
			json_object_set_new(
				row, "kind", json_string("passphrase file"));
			json_array_append_new(rows, row);
		}
	}
	if (e == ERR_OK && one && !json_array_size(rows))
		e = ERR_NOKEY;
	json_object_set_new(result, "rows", rows);
	finish(c, e, result);
}

static void key_list_op(struct call *c)
{
	enum err e = keyd_ask(KEYD_LIST, NULL, on_keys, c);

	if (e != ERR_OK)
		finish(c, e, NULL);
}

static void put_process(void *arg, const char *name, pid_t pid)
{
	json_t *row = json_object();

	json_object_set_new(row, "program", json_string(name));
	json_object_set_new(row, "pid", json_integer(pid));
	json_array_append_new(arg, row);
}

static void health_op(struct call *c)
{
	json_t *rows = json_array(), *result = json_object();
	size_t tenants = 0, awake = 0, sessions = 0;

	put_process(rows, "bastided", getpid());
	put_process(rows, "keyd", keyd_pid());
	fronts_each(put_process, rows);
	relay_each(put_process, rows);
	for (struct tenant_entry *t = router_tenants(); t; t = t->next) {
		struct tenant_status s;
		tenant_status(t, &s);
		tenants++;
		awake += s.pid != 0;
		sessions += s.sessions;
		if (s.pid && json_array_size(rows) < PAGE)
			put_process(rows, "tenantd", s.pid);
	}
	json_object_set_new(result, "rows", rows);
	json_object_set_new(
		result, "tenants", json_integer((json_int_t)tenants));
	json_object_set_new(result, "awake", json_integer((json_int_t)awake));
	json_object_set_new(
		result, "sessions", json_integer((json_int_t)sessions));
	json_object_set_new(result, "uptime_s",
		json_integer(
			(json_int_t)((loop_now_ms() - bastided.started_ms) /
				     1000)));
	finish(c, ERR_OK, result);
}

/* --- check ----------------------------------------------------------------------------------- */

/* Where a check of all tenants goes on: "ID:" and what the tenantd said. */
static void set_next(json_t *result, struct tenant_entry *t, const char *at)
{
	char id[OID_TEXT + 1];

	oid_text(&t->oid, id);
	json_object_set_new(result, "next", json_sprintf("%s:%s", id, at));
}

/* A store that was refused says where: that is a finding. */
static json_t *refused(struct tenant_entry *t, enum err e, struct slice why)
{
	json_t *result = json_object(), *rows = json_array();
	json_t *row = json_object();
	char id[OID_TEXT + 1];

	oid_text(&t->oid, id);
	json_object_set_new(row, "tenant", json_string(id));
	json_object_set_new(row, "finding",
		why.n ? json_slice(why) : json_string(err_info(e)->text));
	json_array_append_new(rows, row);
	json_object_set_new(result, "rows", rows);
	json_object_set_new(result, "verdict", json_string(err_info(e)->name));
	return result;
}

static void on_check_reply(void *arg, enum err e, struct slice reply)
{
	struct call *c = arg;
	bool one = admin_given(&c->request, "tenant");
	bool damage = e == ERR_CORRUPT || e == ERR_VERSION || e == ERR_NOKEY;
	json_error_t error;
	json_t *result;

	if (e != ERR_OK && one && !damage) {
		finish(c, e, NULL);
		return;
	}
	result = e == ERR_OK ? json_loadb(reply.p, reply.n, 0, &error)
			     : refused(c->tenant, e, reply);
	const char *at = json_string_value(json_object_get(result, "next"));
	if (at) {
		char keep[24];
		snprintf(keep, sizeof(keep), "%s", at);
		set_next(result, c->tenant, keep);
	} else if (!one && c->tenant->next) {
		set_next(result, c->tenant->next, "");
	}
	finish(c, result ? ERR_OK : ERR_BUG, result);
}

/* The tenant that is asked for, that "after" names, or the first. */
static enum err check_whom(struct call *c, struct slice *after_out)
{
	struct slice after = admin_text(&c->request, "after"), id;
	struct oid oid;

	*after_out = slice_of("", 0);
	if (!after.n) {
		if (!c->tenant)
			c->tenant = router_tenants();
		return c->tenant ? ERR_OK : ERR_NOTFOUND;
	}
	id = slice_cut(after, ':', after_out);
	TRY(oid_parse(id, &oid));
	c->tenant = tenant_by_oid(&oid);
	return c->tenant ? ERR_OK : ERR_NOTFOUND;
}

static void check_op(struct call *c)
{
	struct slice after;
	enum err e = check_whom(c, &after);

	if (e != ERR_OK) {
		finish(c, e, NULL);
		return;
	}
	json_t *request = json_pack("{s:s,s:s,s:{s:s%}}", "noun", "check",
		"verb", "", "args", "after", after.p, after.n);
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	tenant_admin(c->tenant, slice_str(text), on_check_reply, c);
	mem_free(text);
}

static void (*const run_here[OP_COUNT])(struct call *c) = {
	[OP_TENANT_CREATE] = tenant_create_op,
	[OP_TENANT_LIST] = tenant_list_op,
	[OP_TENANT_SHOW] = tenant_show_op,
	[OP_TENANT_DELETE] = tenant_delete_op,
	[OP_KEY_LIST] = key_list_op,
	[OP_KEY_SHOW] = key_list_op,
	[OP_HEALTH_SHOW] = health_op,
	[OP_CHECK] = check_op,
};

/* --- the tenants' operations ------------------------------------------------------------------- */

/* A domain is one tenant's, and only bastided knows all of them: it is taken
 * before the tenant writes it down, and given back if that fails. */
static void on_tenant_reply(void *arg, enum err e, struct slice reply)
{
	struct call *c = arg;

	if (e != ERR_OK && c->request.op == OP_DOMAIN_CREATE)
		router_domain_remove(buf_slice(&c->domain));
	if (e == ERR_OK && c->request.op == OP_DOMAIN_DELETE)
		router_domain_remove(buf_slice(&c->domain));
	json_error_t error;
	json_t *result = e == ERR_OK ? json_loadb(reply.p ? reply.p : "",
					       reply.n, 0, &error)
				     : NULL;
	finish(c, e, result);
}

static void pass_on(struct call *c)
{
	enum err e = ERR_OK;

	if (c->request.op == OP_DOMAIN_CREATE ||
		c->request.op == OP_DOMAIN_DELETE)
		e = admin_domain(&c->request, "domain", &c->domain);
	if (e == ERR_OK && c->request.op == OP_DOMAIN_CREATE)
		e = router_domain_add(c->tenant, buf_slice(&c->domain));
	if (e == ERR_OK && c->request.op == OP_DOMAIN_DELETE &&
		tenant_by_domain(buf_slice(&c->domain)) != c->tenant)
		e = ERR_NOTFOUND;
	if (e != ERR_OK) {
		finish(c, e, NULL);
		return;
	}
	char *text = json_dumps(c->request.root, JSON_COMPACT);
	tenant_admin(c->tenant, slice_str(text), on_tenant_reply, c);
	mem_wipe(text, strlen(text));
	mem_free(text);
}

/* By "tenant", else by the domain of "address". */
static enum err find_tenant(struct call *c)
{
	struct buf address;

	if (admin_given(&c->request, "tenant")) {
		c->tenant = tenant_by_name(admin_text(&c->request, "tenant"));
		return c->tenant ? ERR_OK : ERR_NOTFOUND;
	}
	if (!admin_given(&c->request, "address"))
		return ERR_OK;
	buf_init(&address, 2 * LIMIT_ADDRESS);
	enum err e = admin_address(&c->request, "address", &address);
	if (e == ERR_OK) {
		c->tenant =
			tenant_by_domain(address_domain(buf_slice(&address)));
		e = c->tenant ? ERR_OK : ERR_NOTFOUND;
	}
	buf_free(&address);
	return e;
}

void admin_run(struct admin_client *client, struct slice line)
{
	struct call *c = mem_new(struct call);

	if (!c) {
		admin_answer(client, slice_str("{\"ok\":false}\n"));
		return;
	}
	c->client = client;
	buf_init(&c->domain, 1024);
	enum err e = admin_parse(line, &c->request);
	if (e == ERR_OK)
		e = find_tenant(c);
	if (e != ERR_OK) {
		finish(c, e, NULL);
		return;
	}
	log_event(LOG_INFO_, "admin", "op=%s-%s",
		admin_rows[c->request.op].noun, admin_rows[c->request.op].verb);
	if (admin_rows[c->request.op].where == AT_TENANTD)
		pass_on(c);
	else
		run_here[c->request.op](c);
}
