/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The registry of tables: every table of every database, declared once, with
 * what backup and export do with it. The core makes the schema from this list
 * and `bastide check` compares against it; a table that is not here does not
 * exist. Erasure needs no column: an account's rows lie in the account's own
 * file and go with its key; a tenant's rows about an account are removed by
 * user_delete() (user.c).
 *
 * Rows are kept small where there are many: a message takes about 35 bytes.
 * WITHOUT ROWID tables are one tree in key order, so that a page of messages
 * is one run of leaves.
 */
#include "schema.h"

/* In every database. `change` is the account's one counter (schema.h).
 * Bodies finished but named by nobody: how many, the first, and the last
 * commit number when it was made (body.c). */
#define STATE                                                                  \
	"CREATE TABLE state("                                                  \
	" id INTEGER PRIMARY KEY CHECK (id = 1),"                              \
	" change INTEGER NOT NULL,"                                            \
	" bytes INTEGER NOT NULL,"                                             \
	" messages INTEGER NOT NULL,"                                          \
	" uidvalidity INTEGER NOT NULL,"                                       \
	" mailboxes INTEGER NOT NULL,"                                         \
	" subscriptions INTEGER NOT NULL,"                                     \
	" unnamed INTEGER NOT NULL,"                                           \
	" unnamed_from INTEGER NOT NULL,"                                      \
	" unnamed_commit INTEGER NOT NULL"                                     \
	") STRICT;"                                                            \
	"INSERT INTO state VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0);"

/* `ref` is the segment's reference; NULL: the bytes are in body_small. */
#define BODY                                                                   \
	"CREATE TABLE body("                                                   \
	" id INTEGER PRIMARY KEY,"                                             \
	" refs INTEGER NOT NULL,"                                              \
	" size INTEGER NOT NULL,"                                              \
	" oid BLOB NOT NULL,"                                                  \
	" ref BLOB,"                                                           \
	" envelope BLOB,"                                                      \
	" structure BLOB"                                                      \
	") STRICT"

#define BODY_SMALL                                                             \
	"CREATE TABLE body_small("                                             \
	" id INTEGER PRIMARY KEY,"                                             \
	" data BLOB NOT NULL"                                                  \
	") STRICT"

/* A parent only has selectable 0 and no messages. `recent`: see mailbox.h;
 * the others: struct counters in schema.h. */
#define MAILBOX                                                                \
	"CREATE TABLE mailbox("                                                \
	" id INTEGER PRIMARY KEY,"                                             \
	" oid BLOB NOT NULL,"                                                  \
	" special INTEGER NOT NULL,"                                           \
	" selectable INTEGER NOT NULL,"                                        \
	" uidvalidity INTEGER NOT NULL,"                                       \
	" uidnext INTEGER NOT NULL,"                                           \
	" modseq INTEGER NOT NULL,"                                            \
	" total INTEGER NOT NULL,"                                             \
	" unseen INTEGER NOT NULL,"                                            \
	" deleted INTEGER NOT NULL,"                                           \
	" size INTEGER NOT NULL,"                                              \
	" recent INTEGER NOT NULL,"                                            \
	" first_unseen INTEGER NOT NULL,"                                      \
	" seen_before INTEGER NOT NULL,"                                       \
	" gone INTEGER NOT NULL,"                                              \
	" gone_floor INTEGER NOT NULL,"                                        \
	" name TEXT NOT NULL UNIQUE"                                           \
	") STRICT;"                                                            \
	"CREATE UNIQUE INDEX mailbox_special ON mailbox(special)"              \
	" WHERE special <> 0;"

/* Keyword words are NULL when no bit is set. The bits of `flags` are the
 * FLAG_ values of mailbox.h; 1 is \Seen. */
#define MESSAGE                                                                \
	"CREATE TABLE message("                                                \
	" mailbox INTEGER NOT NULL,"                                           \
	" uid INTEGER NOT NULL,"                                               \
	" modseq INTEGER NOT NULL,"                                            \
	" flags INTEGER NOT NULL,"                                             \
	" keyword0 INTEGER,"                                                   \
	" keyword1 INTEGER,"                                                   \
	" date INTEGER NOT NULL,"                                              \
	" zone INTEGER NOT NULL,"                                              \
	" saved INTEGER NOT NULL,"                                             \
	" body INTEGER NOT NULL,"                                              \
	" size INTEGER NOT NULL,"                                              \
	" PRIMARY KEY (mailbox, uid)"                                          \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX message_modseq ON message(mailbox, modseq);"             \
	"CREATE INDEX message_unseen ON message(mailbox, uid)"                 \
	" WHERE (flags & 1) = 0;"

#define VANISHED                                                               \
	"CREATE TABLE vanished("                                               \
	" mailbox INTEGER NOT NULL,"                                           \
	" modseq INTEGER NOT NULL,"                                            \
	" uid INTEGER NOT NULL,"                                               \
	" PRIMARY KEY (mailbox, modseq, uid)"                                  \
	") STRICT, WITHOUT ROWID"

#define KEYWORD                                                                \
	"CREATE TABLE keyword("                                                \
	" mailbox INTEGER NOT NULL,"                                           \
	" bit INTEGER NOT NULL,"                                               \
	" name TEXT NOT NULL COLLATE NOCASE,"                                  \
	" PRIMARY KEY (mailbox, bit),"                                         \
	" UNIQUE (mailbox, name)"                                              \
	") STRICT, WITHOUT ROWID"

#define SUBSCRIPTION                                                           \
	"CREATE TABLE subscription("                                           \
	" name TEXT PRIMARY KEY"                                               \
	") STRICT, WITHOUT ROWID"

/* Annotations (metadata.h): mailbox 0 is the account as a whole, account 0
 * everybody. */
#define METADATA                                                               \
	"CREATE TABLE metadata("                                               \
	" mailbox INTEGER NOT NULL,"                                           \
	" account INTEGER NOT NULL,"                                           \
	" entry TEXT NOT NULL COLLATE NOCASE,"                                 \
	" value BLOB NOT NULL,"                                                \
	" PRIMARY KEY (mailbox, account, entry)"                               \
	") STRICT, WITHOUT ROWID"

#define COLLECTION                                                             \
	"CREATE TABLE collection("                                             \
	" id INTEGER PRIMARY KEY,"                                             \
	" oid BLOB NOT NULL,"                                                  \
	" kind INTEGER NOT NULL,"                                              \
	" sync INTEGER NOT NULL,"                                              \
	" sync_oldest INTEGER NOT NULL,"                                       \
	" resources INTEGER NOT NULL,"                                         \
	" size INTEGER NOT NULL,"                                              \
	" gone INTEGER NOT NULL,"                                              \
	" name TEXT NOT NULL,"                                                 \
	" UNIQUE (kind, name)"                                                 \
	") STRICT"

#define COLLECTION_PROPERTY                                                    \
	"CREATE TABLE collection_property("                                    \
	" collection INTEGER NOT NULL,"                                        \
	" name TEXT NOT NULL,"                                                 \
	" value BLOB NOT NULL,"                                                \
	" PRIMARY KEY (collection, name)"                                      \
	") STRICT, WITHOUT ROWID"

/* `first` and `last` bound all spans, `longest` is the longest one: with them
 * a range query reads one index in order of id, and spans only of candidates. */
#define RESOURCE                                                               \
	"CREATE TABLE resource("                                               \
	" id INTEGER PRIMARY KEY,"                                             \
	" oid BLOB NOT NULL,"                                                  \
	" collection INTEGER NOT NULL,"                                        \
	" etag INTEGER NOT NULL,"                                              \
	" size INTEGER NOT NULL,"                                              \
	" created INTEGER NOT NULL,"                                           \
	" modified INTEGER NOT NULL,"                                          \
	" body INTEGER NOT NULL,"                                              \
	" horizon INTEGER NOT NULL,"                                           \
	" first INTEGER NOT NULL,"                                             \
	" last INTEGER NOT NULL,"                                              \
	" longest INTEGER NOT NULL,"                                           \
	" component TEXT NOT NULL,"                                            \
	" name TEXT NOT NULL,"                                                 \
	" uid TEXT NOT NULL,"                                                  \
	" UNIQUE (collection, name),"                                          \
	" UNIQUE (collection, uid)"                                            \
	") STRICT;"                                                            \
	"CREATE UNIQUE INDEX resource_etag ON resource(collection, etag);"     \
	"CREATE INDEX resource_range ON"                                       \
	" resource(collection, id, horizon, first, last, longest, component);"

#define RESOURCE_SPAN                                                          \
	"CREATE TABLE resource_span("                                          \
	" resource INTEGER NOT NULL,"                                          \
	" start INTEGER NOT NULL,"                                             \
	" until INTEGER NOT NULL,"                                             \
	" PRIMARY KEY (resource, start, until)"                                \
	") STRICT, WITHOUT ROWID"

/* Deleted resources, for sync reports. */
#define RESOURCE_GONE                                                          \
	"CREATE TABLE resource_gone("                                          \
	" collection INTEGER NOT NULL,"                                        \
	" change INTEGER NOT NULL,"                                            \
	" resource INTEGER NOT NULL,"                                          \
	" oid BLOB NOT NULL,"                                                  \
	" name TEXT NOT NULL,"                                                 \
	" PRIMARY KEY (collection, change),"                                   \
	" UNIQUE (collection, name)"                                           \
	") STRICT, WITHOUT ROWID"

/* Lists of rights (acl.h); mailbox 0 is the root. */
#define ACL                                                                    \
	"CREATE TABLE acl("                                                    \
	" mailbox INTEGER NOT NULL,"                                           \
	" who INTEGER NOT NULL,"                                               \
	" id INTEGER NOT NULL,"                                                \
	" negative INTEGER NOT NULL,"                                          \
	" rights INTEGER NOT NULL,"                                            \
	" PRIMARY KEY (mailbox, who, id, negative)"                            \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX acl_who ON acl(who, id);"

/* Keys of URLs (RFC 4467); owner 0 is the account's own. */
#define URL_KEY                                                                \
	"CREATE TABLE url_key("                                                \
	" owner INTEGER NOT NULL,"                                             \
	" mailbox INTEGER NOT NULL,"                                           \
	" key BLOB NOT NULL,"                                                  \
	" PRIMARY KEY (owner, mailbox)"                                        \
	") STRICT, WITHOUT ROWID"

/* Deleted mailboxes (kind 1) and collections (2) that still have rows. */
#define DEAD                                                                   \
	"CREATE TABLE dead("                                                   \
	" kind INTEGER NOT NULL,"                                              \
	" id INTEGER NOT NULL,"                                                \
	" PRIMARY KEY (kind, id)"                                              \
	") STRICT, WITHOUT ROWID"

/* The index of words (fulltext.h): how far it goes, its segments, and their
 * blocks under segment << 20 | number. Made again from the bodies by
 * `bastide index rebuild`, so it is not backed up. */
#define FULLTEXT_STATE                                                         \
	"CREATE TABLE fulltext_state("                                         \
	" id INTEGER PRIMARY KEY CHECK (id = 1),"                              \
	" upto INTEGER NOT NULL,"                                              \
	" version INTEGER NOT NULL"                                            \
	") STRICT;"                                                            \
	"INSERT INTO fulltext_state VALUES(1, 0, 0);"

#define FULLTEXT_SEGMENT                                                       \
	"CREATE TABLE fulltext_segment("                                       \
	" id INTEGER PRIMARY KEY,"                                             \
	" level INTEGER NOT NULL,"                                             \
	" state INTEGER NOT NULL,"                                             \
	" blocks INTEGER NOT NULL,"                                            \
	" docs INTEGER NOT NULL,"                                              \
	" bodies BLOB NOT NULL"                                                \
	") STRICT"

#define FULLTEXT_BLOCK                                                         \
	"CREATE TABLE fulltext_block("                                         \
	" id INTEGER PRIMARY KEY,"                                             \
	" words BLOB NOT NULL,"                                                \
	" postings BLOB NOT NULL"                                              \
	") STRICT"

/* --- the tenant's database --------------------------------------------------- */

#define TENANT_STATE                                                           \
	"CREATE TABLE tenant_state("                                           \
	" id INTEGER PRIMARY KEY CHECK (id = 1),"                              \
	" account_next INTEGER NOT NULL,"                                      \
	" delivery_key BLOB"                                                   \
	") STRICT;"                                                            \
	"INSERT INTO tenant_state VALUES(1, 1, NULL);"

#define DOMAIN                                                                 \
	"CREATE TABLE domain("                                                 \
	" name TEXT PRIMARY KEY"                                               \
	") STRICT, WITHOUT ROWID"

#define USER                                                                   \
	"CREATE TABLE user("                                                   \
	" account INTEGER PRIMARY KEY,"                                        \
	" oid BLOB NOT NULL,"                                                  \
	" disabled INTEGER NOT NULL,"                                          \
	" created INTEGER NOT NULL,"                                           \
	" bytes_max INTEGER NOT NULL,"                                         \
	" messages_max INTEGER NOT NULL,"                                      \
	" address TEXT NOT NULL,"                                              \
	" name TEXT NOT NULL,"                                                 \
	" imap_without TEXT NOT NULL DEFAULT '',"                              \
	" shared INTEGER NOT NULL DEFAULT 0"                                   \
	") STRICT"

/* `folded` is compared, `given` is shown. */
#define ADDRESS                                                                \
	"CREATE TABLE address("                                                \
	" folded TEXT PRIMARY KEY,"                                            \
	" given TEXT NOT NULL,"                                                \
	" domain TEXT NOT NULL,"                                               \
	" account INTEGER NOT NULL"                                            \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX address_account ON address(account);"                    \
	"CREATE INDEX address_domain ON address(domain);"

#define CREDENTIAL                                                             \
	"CREATE TABLE credential("                                             \
	" id INTEGER PRIMARY KEY,"                                             \
	" account INTEGER NOT NULL,"                                           \
	" iterations INTEGER NOT NULL,"                                        \
	" salt BLOB NOT NULL,"                                                 \
	" stored_key BLOB NOT NULL,"                                           \
	" server_key BLOB NOT NULL,"                                           \
	" created INTEGER NOT NULL,"                                           \
	" label TEXT NOT NULL,"                                                \
	" UNIQUE (account, label)"                                             \
	") STRICT"

/* Groups of users, and `share`: in whose account (who, id) is granted
 * anything (acl.h). */
#define TEAM                                                                   \
	"CREATE TABLE team("                                                   \
	" id INTEGER PRIMARY KEY,"                                             \
	" name TEXT NOT NULL COLLATE NOCASE UNIQUE"                            \
	") STRICT"

#define GROUP_MEMBER                                                           \
	"CREATE TABLE group_member("                                           \
	" team INTEGER NOT NULL,"                                              \
	" account INTEGER NOT NULL,"                                           \
	" PRIMARY KEY (team, account)"                                         \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX group_member_account ON group_member(account);"

#define SHARE                                                                  \
	"CREATE TABLE share("                                                  \
	" who INTEGER NOT NULL,"                                               \
	" id INTEGER NOT NULL,"                                                \
	" owner INTEGER NOT NULL,"                                             \
	" PRIMARY KEY (who, id, owner)"                                        \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX share_owner ON share(owner);"

#define QUEUE_MESSAGE                                                          \
	"CREATE TABLE queue_message("                                          \
	" id INTEGER PRIMARY KEY,"                                             \
	" entries INTEGER NOT NULL,"                                           \
	" body INTEGER NOT NULL,"                                              \
	" size INTEGER NOT NULL,"                                              \
	" account INTEGER NOT NULL,"                                           \
	" utf8 INTEGER NOT NULL,"                                              \
	" eightbit INTEGER NOT NULL,"                                          \
	" created INTEGER NOT NULL,"                                           \
	" expires INTEGER NOT NULL,"                                           \
	" mail_from TEXT NOT NULL"                                             \
	") STRICT;"                                                            \
	"CREATE INDEX queue_message_account ON queue_message(account);"

#define QUEUE_ENTRY                                                            \
	"CREATE TABLE queue_entry("                                            \
	" id INTEGER PRIMARY KEY,"                                             \
	" message INTEGER NOT NULL,"                                           \
	" state INTEGER NOT NULL,"                                             \
	" tries INTEGER NOT NULL,"                                             \
	" next_try INTEGER NOT NULL,"                                          \
	" recipient TEXT NOT NULL,"                                            \
	" last_status TEXT NOT NULL"                                           \
	") STRICT;"                                                            \
	"CREATE INDEX queue_entry_due ON queue_entry(next_try)"                \
	" WHERE state = 0;"                                                    \
	"CREATE INDEX queue_entry_sending ON queue_entry(id)"                  \
	" WHERE state = 1;"                                                    \
	"CREATE INDEX queue_entry_message ON queue_entry(message);"

#define DELIVERY                                                               \
	"CREATE TABLE delivery("                                               \
	" account INTEGER NOT NULL,"                                           \
	" digest BLOB NOT NULL,"                                               \
	" time INTEGER NOT NULL,"                                              \
	" PRIMARY KEY (account, digest)"                                       \
	") STRICT, WITHOUT ROWID;"                                             \
	"CREATE INDEX delivery_time ON delivery(time);"

#define TRACE                                                                  \
	"CREATE TABLE trace("                                                  \
	" id INTEGER PRIMARY KEY,"                                             \
	" time INTEGER NOT NULL,"                                              \
	" event INTEGER NOT NULL,"                                             \
	" message INTEGER NOT NULL,"                                           \
	" account INTEGER NOT NULL,"                                           \
	" sender TEXT NOT NULL,"                                               \
	" recipient TEXT NOT NULL,"                                            \
	" detail TEXT NOT NULL"                                                \
	") STRICT"

#define AUDIT                                                                  \
	"CREATE TABLE audit("                                                  \
	" id INTEGER PRIMARY KEY,"                                             \
	" time INTEGER NOT NULL,"                                              \
	" account INTEGER NOT NULL,"                                           \
	" hash BLOB NOT NULL,"                                                 \
	" action TEXT NOT NULL,"                                               \
	" target TEXT NOT NULL,"                                               \
	" detail TEXT NOT NULL"                                                \
	") STRICT"

/* Accounts that have rows in their `dead`. */
#define REAP                                                                   \
	"CREATE TABLE reap("                                                   \
	" account INTEGER PRIMARY KEY"                                         \
	") STRICT"

const struct table_decl table_decls[] = {
	/* name, tenant, sql, backed up, exported */
	{ "state", false, STATE, true, false },
	{ "body", false, BODY, true, true },
	{ "body_small", false, BODY_SMALL, true, true },
	{ "mailbox", false, MAILBOX, true, true },
	{ "message", false, MESSAGE, true, true },
	{ "vanished", false, VANISHED, true, false },
	{ "keyword", false, KEYWORD, true, true },
	{ "subscription", false, SUBSCRIPTION, true, true },
	{ "metadata", false, METADATA, true, true },
	{ "collection", false, COLLECTION, true, true },
	{ "collection_property", false, COLLECTION_PROPERTY, true, true },
	{ "resource", false, RESOURCE, true, true },
	{ "resource_span", false, RESOURCE_SPAN, true, false },
	{ "resource_gone", false, RESOURCE_GONE, true, false },
	{ "acl", false, ACL, true, true },
	{ "url_key", false, URL_KEY, true, false },
	{ "dead", false, DEAD, true, false },
	{ "fulltext_state", false, FULLTEXT_STATE, false, false },
	{ "fulltext_segment", false, FULLTEXT_SEGMENT, false, false },
	{ "fulltext_block", false, FULLTEXT_BLOCK, false, false },

	{ "state", true, STATE, true, false },
	{ "body", true, BODY, true, false },
	{ "body_small", true, BODY_SMALL, true, false },
	{ "tenant_state", true, TENANT_STATE, true, false },
	{ "domain", true, DOMAIN, true, true },
	{ "user", true, USER, true, true },
	{ "address", true, ADDRESS, true, true },
	{ "credential", true, CREDENTIAL, true, false },
	{ "team", true, TEAM, true, true },
	{ "group_member", true, GROUP_MEMBER, true, true },
	{ "share", true, SHARE, true, false },
	{ "queue_message", true, QUEUE_MESSAGE, true, false },
	{ "queue_entry", true, QUEUE_ENTRY, true, false },
	{ "delivery", true, DELIVERY, true, false },
	{ "trace", true, TRACE, true, true },
	{ "audit", true, AUDIT, true, true },
	{ "reap", true, REAP, true, false },
};
const size_t n_table_decls = sizeof(table_decls) / sizeof(table_decls[0]);

/* Version 1 was the first. */
const struct schema_step schema_steps[] = {
	{ 2, false, FULLTEXT_STATE },
	{ 2, false, FULLTEXT_SEGMENT },
	{ 2, false, FULLTEXT_BLOCK },
	{ 2, true,
		"ALTER TABLE user ADD imap_without TEXT NOT NULL DEFAULT ''" },
	{ 3, false, METADATA },
	{ 3, false, ACL },
	{ 3, false, URL_KEY },
	{ 3, true, TEAM },
	{ 3, true, GROUP_MEMBER },
	{ 3, true, SHARE },
	{ 3, true, "ALTER TABLE user ADD shared INTEGER NOT NULL DEFAULT 0" },
};
const size_t n_schema_steps = sizeof(schema_steps) / sizeof(schema_steps[0]);

const struct schema_hooks schema_hooks = {
	.open = schema_open,
	.reap = schema_reap,
	.check_new = schema_check_new,
	.check_more = schema_check_more,
	.check_free = schema_check_free,
};
