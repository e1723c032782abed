/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of what administrators can do. */
#include <bastide/admin.h>

#define TENANT                                                                 \
	{                                                                      \
		"tenant", ARG_TENANT, true, "id or a domain of the tenant"     \
	}
#define ADDRESS                                                                \
	{                                                                      \
		"address", ARG_ADDRESS, true, "the user's address"             \
	}
#define GROUP                                                                  \
	{                                                                      \
		"group", ARG_TEXT, true, "the group's name"                    \
	}
#define WHO                                                                    \
	{                                                                      \
		"who", ARG_TEXT, true,                                         \
			"an address, \"$\" and a group's name, or \"anyone\""  \
	}
#define MAILBOX                                                                \
	{                                                                      \
		"mailbox", ARG_TEXT, false, "one mailbox; without: all"        \
	}
#define RIGHTS                                                                 \
	{                                                                      \
		"rights", ARG_TEXT, false,                                     \
			"letters of RFC 4314; without: lrswipkxte"             \
	}
#define AFTER                                                                  \
	{                                                                      \
		"after", ARG_TEXT, false, "go on after this row"               \
	}

const struct admin_row admin_rows[OP_COUNT] = {
	[OP_TENANT_CREATE] = { "tenant", "create", AT_BASTIDED,
		{ { "domain", ARG_DOMAIN, true, "its first domain" } },
		"make a tenant with its key and an empty store" },
	[OP_TENANT_LIST] = { "tenant", "list", AT_BASTIDED, { AFTER },
		"list the tenants" },
	[OP_TENANT_SHOW] = { "tenant", "show", AT_BASTIDED, { TENANT },
		"show a tenant's domains and process" },
	[OP_TENANT_DELETE] = { "tenant", "delete", AT_BASTIDED,
		{ TENANT, { "confirm", ARG_DOMAIN, true,
				  "one of its domains: say again which" } },
		"destroy a tenant's key, then its data: no way back" },
	[OP_DOMAIN_CREATE] = { "domain", "create", AT_TENANTD,
		{ TENANT, { "domain", ARG_DOMAIN, true, "the new domain" } },
		"give a tenant one more domain" },
	[OP_DOMAIN_LIST] = { "domain", "list", AT_TENANTD, { TENANT, AFTER },
		"list a tenant's domains" },
	[OP_DOMAIN_DELETE] = { "domain", "delete", AT_TENANTD,
		{ TENANT, { "domain", ARG_DOMAIN, true,
				  "a domain without addresses" } },
		"take a domain from a tenant" },
	[OP_USER_CREATE] = { "user", "create", AT_TENANTD,
		{ ADDRESS, { "name", ARG_TEXT, false, "display name" },
			{ "password", ARG_PASSWORD, false,
				"without one nobody can sign in" } },
		"make a user with mailbox, calendar and address book" },
	[OP_USER_LIST] = { "user", "list", AT_TENANTD, { TENANT, AFTER },
		"list a tenant's users" },
	[OP_USER_SHOW] = { "user", "show", AT_TENANTD, { ADDRESS },
		"show a user with quota and use" },
	[OP_USER_SET] = { "user", "set", AT_TENANTD,
		{ ADDRESS, { "name", ARG_TEXT, false, "display name" },
			{ "disabled", ARG_BOOL, false,
				"yes: may not sign in, still gets mail" },
			{ "quota-bytes", ARG_NUMBER, false, "0: no limit" },
			{ "quota-messages", ARG_NUMBER, false, "0: no limit" },
			{ "imap-without", ARG_TEXT, false,
				"IMAP capabilities to hide, with commas" },
			{ "shared", ARG_BOOL, false,
				"yes: nobody's own, nobody signs in as it" } },
		"change a user" },
	[OP_USER_DELETE] = { "user", "delete", AT_TENANTD,
		{ ADDRESS,
			{ "confirm", ARG_ADDRESS, true, "the address again" } },
		"destroy a user's key, then the data: no way back" },
	[OP_SHARE_CREATE] = { "share", "create", AT_TENANTD,
		{ { "address", ARG_ADDRESS, true, "its address, to write to" },
			WHO, { "name", ARG_TEXT, false, "display name" },
			RIGHTS },
		"make a shared mailbox and give it to somebody" },
	[OP_SHARE_GRANT] = { "share", "grant", AT_TENANTD,
		{ ADDRESS, WHO, MAILBOX, RIGHTS },
		"let others use the mailboxes of a user or a share" },
	[OP_SHARE_REVOKE] = { "share", "revoke", AT_TENANTD,
		{ ADDRESS, WHO, MAILBOX }, "take a grant back, at once" },
	[OP_SHARE_SHOW] = { "share", "show", AT_TENANTD, { ADDRESS, AFTER },
		"show who may do what with somebody's mailboxes" },
	[OP_GROUP_CREATE] = { "group", "create", AT_TENANTD, { TENANT, GROUP },
		"make a group of users" },
	[OP_GROUP_LIST] = { "group", "list", AT_TENANTD, { TENANT, AFTER },
		"list a tenant's groups" },
	[OP_GROUP_DELETE] = { "group", "delete", AT_TENANTD, { TENANT, GROUP },
		"take a group away, with what it was granted" },
	[OP_MEMBER_CREATE] = { "member", "create", AT_TENANTD,
		{ ADDRESS, GROUP }, "put a user into a group" },
	[OP_MEMBER_LIST] = { "member", "list", AT_TENANTD,
		{ TENANT, GROUP, AFTER }, "list who is in a group" },
	[OP_MEMBER_DELETE] = { "member", "delete", AT_TENANTD,
		{ ADDRESS, GROUP }, "take a user out of a group" },
	[OP_ALIAS_CREATE] = { "alias", "create", AT_TENANTD,
		{ ADDRESS, { "alias", ARG_ADDRESS, true, "the new address" } },
		"give a user one more address" },
	[OP_ALIAS_LIST] = { "alias", "list", AT_TENANTD, { TENANT, AFTER },
		"list all addresses of a tenant" },
	[OP_ALIAS_DELETE] = { "alias", "delete", AT_TENANTD,
		{ { "address", ARG_ADDRESS, true, "the alias" } },
		"take an alias away" },
	[OP_CREDENTIAL_CREATE] = { "credential", "create", AT_TENANTD,
		{ ADDRESS,
			{ "label", ARG_TEXT, false,
				"name of an app password; \"password\" is the "
				"main one" },
			{ "password", ARG_PASSWORD, true, "the secret" } },
		"set a password, or add an app password" },
	[OP_CREDENTIAL_LIST] = { "credential", "list", AT_TENANTD, { ADDRESS },
		"list a user's passwords by label" },
	[OP_CREDENTIAL_DELETE] = { "credential", "delete", AT_TENANTD,
		{ ADDRESS, { "label", ARG_TEXT, true, "which" } },
		"take a password away" },
	[OP_KEY_LIST] = { "key", "list", AT_BASTIDED, { { .type = ARG_NONE } },
		"list the tenants that have a key" },
	[OP_KEY_SHOW] = { "key", "show", AT_BASTIDED, { TENANT },
		"say whether a tenant's key is there" },
	[OP_QUEUE_LIST] = { "queue", "list", AT_TENANTD, { TENANT, AFTER },
		"list the outgoing mail that waits" },
	[OP_QUEUE_SHOW] = { "queue", "show", AT_TENANTD,
		{ TENANT, { "id", ARG_NUMBER, true, "number in the queue" } },
		"show one entry of the queue" },
	[OP_QUEUE_DELETE] = { "queue", "delete", AT_TENANTD,
		{ TENANT, { "id", ARG_NUMBER, true, "number in the queue" } },
		"throw an entry away without a bounce" },
	[OP_QUEUE_RETRY] = { "queue", "retry", AT_TENANTD,
		{ TENANT, { "id", ARG_NUMBER, true, "number in the queue" } },
		"send an entry now, before its time" },
	[OP_HEALTH_SHOW] = { "health", "show", AT_BASTIDED,
		{ { .type = ARG_NONE } }, "show the processes" },
	[OP_AUDIT_LIST] = { "audit", "list", AT_TENANTD, { TENANT, AFTER },
		"list logins and administrative acts" },
	[OP_INDEX_SHOW] = { "index", "show", AT_TENANTD, { ADDRESS },
		"show how much of a user's mail the search index has" },
	[OP_INDEX_REBUILD] = { "index", "rebuild", AT_TENANTD,
		{ ADDRESS, AFTER },
		"make a user's search index again from the mail" },
	[OP_CHECK] = { "check", "", AT_BASTIDED,
		{ { "tenant", ARG_TENANT, false,
			  "id or a domain of the tenant; without it: all" },
			AFTER },
		"verify everything that is stored, while it serves" },
};

enum admin_op admin_find(struct slice noun, struct slice verb)
{
	for (enum admin_op op = 0; op < OP_COUNT; op++)
		if (slice_eqs(noun, admin_rows[op].noun) &&
			slice_eqs(verb, admin_rows[op].verb))
			return op;
	return OP_COUNT;
}

size_t admin_n_args(const struct admin_row *row)
{
	size_t n = 0;

	while (n < ADMIN_ARGS && row->args[n].type != ARG_NONE)
		n++;
	return n;
}
