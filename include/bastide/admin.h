/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an administrator can do: one table (lib/admin.c), from which the
 * command line, its help, and the checks of requests come. A request is one
 * line of JSON on DIR/admin.sock, the reply another:
 *
 *	{"noun":"user","verb":"create","args":{"address":"a@b.org",...}}
 *	{"ok":true,"result":{...}}
 *	{"ok":false,"error":"exists","text":"It exists already"}
 *
 * A list's result is {"rows":[...],"next":"..."}; "next", when it is there, is
 * given as "after" for the rows that follow. A long one may have "progress", a
 * text, and "verdict", the name of an error that is the exit status.
 */
#ifndef BASTIDE_ADMIN_H
#define BASTIDE_ADMIN_H

#include <bastide/slice.h>

enum admin_op {
	OP_TENANT_CREATE,
	OP_TENANT_LIST,
	OP_TENANT_SHOW,
	OP_TENANT_DELETE,
	OP_DOMAIN_CREATE,
	OP_DOMAIN_LIST,
	OP_DOMAIN_DELETE,
	OP_USER_CREATE,
	OP_USER_LIST,
	OP_USER_SHOW,
	OP_USER_SET,
	OP_USER_DELETE,
	OP_SHARE_CREATE,
	OP_SHARE_GRANT,
	OP_SHARE_REVOKE,
	OP_SHARE_SHOW,
	OP_GROUP_CREATE,
	OP_GROUP_LIST,
	OP_GROUP_DELETE,
	OP_MEMBER_CREATE,
	OP_MEMBER_LIST,
	OP_MEMBER_DELETE,
	OP_ALIAS_CREATE,
	OP_ALIAS_LIST,
	OP_ALIAS_DELETE,
	OP_CREDENTIAL_CREATE,
	OP_CREDENTIAL_LIST,
	OP_CREDENTIAL_DELETE,
	OP_KEY_LIST,
	OP_KEY_SHOW,
	OP_QUEUE_LIST,
	OP_QUEUE_SHOW,
	OP_QUEUE_DELETE,
	OP_QUEUE_RETRY,
	OP_HEALTH_SHOW,
	OP_AUDIT_LIST,
	OP_INDEX_SHOW,
	OP_INDEX_REBUILD,
	OP_CHECK,
	OP_COUNT
};

/* A tenantd's operations are passed on to the tenant that "tenant", or the
 * domain of "address", names. */
enum admin_where { AT_BASTIDED, AT_TENANTD };

enum admin_type {
	ARG_NONE, /* ends the list */
	ARG_TEXT,
	ARG_NUMBER,
	ARG_BOOL,
	ARG_ADDRESS,
	ARG_DOMAIN,
	ARG_TENANT,  /* its id, or one of its domains */
	ARG_PASSWORD /* never on a command line */
};

struct admin_arg {
	const char *name;
	enum admin_type type;
	bool required; /* on the command line: by place, in this order; an
			* optional tenant as well */
	const char *help;
};

#define ADMIN_ARGS 7
struct admin_row {
	const char *noun, *verb; /* the verb may be "" */
	enum admin_where where;
	struct admin_arg args[ADMIN_ARGS];
	const char *help;
};

/* Indexed by enum admin_op. */
extern const struct admin_row admin_rows[OP_COUNT];
/* OP_COUNT: no such operation. */
enum admin_op admin_find(struct slice noun, struct slice verb);
/* Number of its arguments. */
size_t admin_n_args(const struct admin_row *row);

#endif
