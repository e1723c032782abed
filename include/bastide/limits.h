/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every size that somebody outside can choose has its limit here, with the
 * reason. Sizes are bytes unless the name says otherwise.
 */
#ifndef BASTIDE_LIMITS_H
#define BASTIDE_LIMITS_H

#define KIB(n) ((size_t)1024 * (n))
#define MIB(n) (1024 * KIB(n))

/* --- mail --------------------------------------------------------------- */
/* One message. Exchange Online: 150 MB, Gmail 50 MB out; larger is a file. */
#define LIMIT_MESSAGE MIB(100)
/* A header block; the largest in practice (ARC + DKIM chains) are ~60 KiB. */
#define LIMIT_HEADER KIB(512)
/* One field before it goes to libetpan, whose comment parser recurses. */
#define LIMIT_FIELD KIB(16)
/* Parentheses open at once in a field (libetpan recurses on them). */
#define LIMIT_COMMENT_DEPTH 32
/* Nested multiparts and message/rfc822; deeper parts are text/plain leaves. */
#define LIMIT_MIME_DEPTH 32
/* Parts of one message: 34 bytes of client input could make one. */
#define LIMIT_MIME_PARTS 1000
/* Addresses kept of one header field. */
#define LIMIT_ADDRESSES 1000
/* References kept of one message (threading needs the last ones). */
#define LIMIT_REFERENCES 200

/* --- IMAP --------------------------------------------------------------- */
/* A command line without literals. RFC 7162 4 asks for 8,192 at least; long
 * UID sets of real clients reach 50 KiB. */
#define LIMIT_IMAP_LINE KIB(64)
/* A literal outside APPEND: names, search words, passwords. */
#define LIMIT_IMAP_LITERAL KIB(64)
/* All literals of one command but APPEND's message. */
#define LIMIT_IMAP_COMMAND KIB(256)
/* Before login nobody needs long lines. */
#define LIMIT_PREAUTH_LINE KIB(8)
/* Parentheses open at once in a command. */
#define LIMIT_IMAP_NESTING 64
/* Ranges of one sequence set. */
#define LIMIT_SET_RANGES 20000
/* Messages in a batch of UIDBATCHES, at least: RFC 10022. */
#define LIMIT_UID_BATCH_MIN 500
/* Search keys of one SEARCH. */
#define LIMIT_SEARCH_KEYS 1000
/* Messages of one APPEND: each is open, with a chunk of 64 KiB in memory, until
 * all are there. */
#define LIMIT_APPEND_MESSAGES 100
/* Messages that one command takes (RFC 9738): more than mailboxes have, so that
 * clients that do not know it are not cut short. */
#define LIMIT_COMMAND_MESSAGES 1000000
/* Ranges of a saved search result: 2 MiB in a session, and again in each
 * command that uses it. */
#define LIMIT_SAVED_RANGES 250000
/* Messages that one SEARCH finds: each takes 32 bytes until the answer. */
#define LIMIT_SEARCH_HITS 2000000
/* Mailboxes named in one ESEARCH or NOTIFY (RFC 5465 6): each is compared with
 * every mailbox that there is. */
#define LIMIT_FILTER_NAMES 500
/* Views of sequence numbers kept for the next session that selects the mailbox,
 * and the UIDs in all of them, 4 bytes each. */
#define LIMIT_HELD_VIEWS 16
#define LIMIT_HELD_UIDS 1000000
/* Mailboxes that a session with NOTIFY remembers, 100 bytes and a name each. */
#define LIMIT_NOTIFY_MAILBOXES 5000
/* Accounts of others that it watches: each is open as long as it does, and an
 * open one holds a database connection (LIMIT_OPEN_DATABASES). */
#define LIMIT_NOTIFY_ACCOUNTS 100
/* Names of entries of metadata that others have set, until it tells of them. */
#define LIMIT_NOTIFY_METADATA KIB(64)
/* Searches that one session has kept up to date (RFC 5267 asks for one at
 * least), the results of all of them, 4 bytes each, and what one asks for. */
#define LIMIT_CONTEXTS 8
#define LIMIT_CONTEXT_RESULTS 500000
#define LIMIT_CONTEXT_PROGRAM KIB(512)
/* Keys of one SORT: 600 bytes for each of 100,000 messages. */
#define LIMIT_SORT_KEYS MIB(64)
/* Messages and missing ones that references name in one THREAD, 64 bytes each;
 * their ids and subjects. */
#define LIMIT_THREAD_NODES 2000000
#define LIMIT_THREAD_TEXTS MIB(128)
/* Steps upwards to see whether a link would close a loop: senders choose the
 * depth, and each of 200 references may walk so far. */
#define LIMIT_THREAD_WALK 5000
/* Commands refused in a row before the connection is closed. */
#define LIMIT_BAD_COMMANDS 20
/* A mailbox name in UTF-8, and levels in it. */
#define LIMIT_MAILBOX_NAME 1000
#define LIMIT_MAILBOX_LEVELS 50
#define LIMIT_MAILBOXES 20000
/* Patterns of one LIST: each is tried on each name. */
#define LIMIT_LIST_PATTERNS 50
/* Keywords of one mailbox: the store keeps them as bits. */
#define LIMIT_KEYWORDS 128
#define LIMIT_KEYWORD_NAME 100
/* Annotations (RFC 5464 4.1: 1,024 bytes and 10 at least): a value, as one
 * literal brings it; an entry's name; those of one mailbox, shared and of one
 * user, and those that one command names. */
#define LIMIT_METADATA KIB(64)
#define LIMIT_METADATA_NAME 500
#define LIMIT_METADATA_ENTRIES 100
/* The names of all capabilities, twice: what an administrator may hide. */
#define LIMIT_IMAP_WITHOUT 2000
/* Expunged messages that a mailbox remembers for QRESYNC; a client that was
 * away longer resynchronises in full. */
#define LIMIT_VANISHED 50000

/* --- SMTP --------------------------------------------------------------- */
/* RFC 5321 4.5.3.1.4: 512 at least; extensions add; AUTH needs 12,288. */
#define LIMIT_SMTP_LINE KIB(12)
/* RFC 5321 4.5.3.1.6: 1,000 at least; real mail has longer lines. */
#define LIMIT_SMTP_TEXT_LINE KIB(64)
/* RFC 5321 4.5.3.1.8: 100 at least. Each local one's copy is sealed as the
 * message streams in, and holds a chunk of 64 KiB in memory. */
#define LIMIT_RECIPIENTS 100
/* RFC 5321 4.5.3.1.1 and .3: 64, 256; SMTPUTF8 names are longer in bytes. */
#define LIMIT_ADDRESS 320
/* What another server says: a line (RFC 5321 4.5.3.1.5: 512 at least), lines
 * of one reply, and their text together. */
#define LIMIT_REPLY_LINE KIB(4)
#define LIMIT_REPLY_LINES 128
#define LIMIT_REPLY KIB(16)
/* Deliveries that relayd tries at once, and those of one tenant. */
#define LIMIT_RELAY_JOBS 500
#define LIMIT_TENANT_JOBS 20
/* Servers asked about one recipient domain, and their addresses. */
#define LIMIT_MX 8
#define LIMIT_TARGETS 16
/* Received fields before a loop is assumed (RFC 5321 6.3: 100 at least). */
#define LIMIT_RECEIVED 100

/* The last answer of a server, a trace or audit text: what is longer is cut. */
#define LIMIT_STATUS 1000
/* Rows of the trace, the oldest go first: about 200 MB. */
#define LIMIT_TRACE 1000000

/* --- directory ------------------------------------------------------------ */
#define LIMIT_DISPLAY_NAME 500
/* RFC 1035 2.3.4, without the root. */
#define LIMIT_DOMAIN 253
#define LIMIT_CREDENTIAL_LABEL 200
#define LIMIT_CREDENTIALS 100

/* Rows of one list of rights: they are read whole. Groups of one user. */
#define LIMIT_ACL 200
#define LIMIT_USER_GROUPS 500
#define LIMIT_GROUP_NAME 100

/* --- HTTP and DAV --------------------------------------------------------- */
#define LIMIT_HTTP_LINE KIB(8)
#define LIMIT_HTTP_HEAD KIB(32)
#define LIMIT_HTTP_FIELDS 100
/* A request body that is not a resource. */
#define LIMIT_DAV_BODY MIB(1)
/* An address asks for its settings. */
#define LIMIT_SETUP_BODY KIB(64)
/* A calendar or contact resource (photos inside vCards). */
#define LIMIT_RESOURCE MIB(10)
/* No entities but XML's own five: a DOCTYPE ends the request (caldav/xml.c).
 * libxml2 is quadratic in attributes: the start tag is cut before it. */
#define LIMIT_XML_TAG KIB(64)
/* Attributes of one tag: below its length libxml2 still takes 0.3 s for the
 * 13,000 that fit. */
#define LIMIT_XML_ATTRIBUTES 32
#define LIMIT_XML_DEPTH 64
#define LIMIT_XML_ELEMENTS 50000
#define LIMIT_MULTIGET 5000
#define LIMIT_COLLECTIONS 1000
#define LIMIT_SEGMENT_NAME 255
/* A UID of iCalendar or vCard; UUIDs and addresses in practice. */
#define LIMIT_UID 1000
/* Properties of one collection: clients set about 20. */
#define LIMIT_PROPERTIES 100
#define LIMIT_PROPERTY_NAME 1000
#define LIMIT_PROPERTY KIB(64)
/* Deleted resources that a collection remembers for sync reports. */
#define LIMIT_RESOURCES_GONE 10000
/* Components in one resource. */
#define LIMIT_ICAL_COMPONENTS 2000
/* Components inside one another: VCALENDAR, VEVENT, VALARM, and one more. */
#define LIMIT_ICAL_DEPTH 8
/* Properties, and parameter values, of one resource: each takes 100 bytes of
 * memory and could come from 3. */
#define LIMIT_CONTENT_LINES 50000
/* The tree of one resource, with its unfolded copies. */
#define LIMIT_CONTENT_ARENA MIB(40)
/* Spans that one resource caches, and the seconds its expansion may take. */
#define LIMIT_SPANS 2000
#define LIMIT_EXPAND_MS 1000
/* Instances of one resource that a report shows expanded (years of a daily
 * event), and the steps of a rule that are tried for them. */
#define LIMIT_INSTANCES 2000
#define LIMIT_RECUR_STEPS 200000
/* Busy periods of one free-busy-query: a full year, eleven a day. */
#define LIMIT_BUSY_PERIODS 4000

/* --- the store ------------------------------------------------------------ */
/* Pages of one database file (16 GiB; bodies lie in segments): its map is
 * 8 bytes a page in memory. */
#define LIMIT_DATABASE_PAGES (4u << 20)
/* One value of a row: resources and packs of envelope and structure. */
#define LIMIT_VALUE MIB(16)
/* One journal record: everything that one transaction changed. */
#define LIMIT_RECORD MIB(512)
/* Accounts and body extents of one transaction. */
#define LIMIT_RECORD_SECTIONS 65536
#define LIMIT_RECORD_EXTENTS 65536
/* Databases open at once, and memory of all logs that wait for a checkpoint. */
#define LIMIT_OPEN_DATABASES 1000
#define LIMIT_LOG_MEMORY MIB(64)
/* A journal or segment file; then the next one begins. */
#define LIMIT_JOURNAL_FILE MIB(64)
#define LIMIT_SEGMENT_FILE MIB(64)

/* --- connections and processes ------------------------------------------- */
/* Seconds; RFC 9051 5.4: 30 minutes at least once logged in. */
#define LIMIT_IMAP_IDLE_S (30 * 60 + 60)
#define LIMIT_PREAUTH_S 60
/* RFC 5321 4.5.3.2.7: 5 minutes. */
#define LIMIT_SMTP_IDLE_S 300
#define LIMIT_HTTP_IDLE_S 120
/* A login may be tried so often on one connection. */
#define LIMIT_AUTH_TRIES 3
/* A password or a SASL message, decoded. */
#define LIMIT_SASL_MESSAGE KIB(8)
#define LIMIT_PASSWORD 1024
/* A file of keys for tokens: it goes to a worker with each token, which tries
 * those that fit; issuers have two to ten. */
#define LIMIT_TOKEN_KEY_SET KIB(32)
#define LIMIT_TOKEN_KEYS 32
/* One IPC message: fits a SOCK_SEQPACKET's default buffer. */
#define LIMIT_IPC_MESSAGE KIB(96)
/* One line of an administrator, and of the answer: fits a message. */
#define LIMIT_ADMIN_LINE KIB(80)
/* Output waiting for a slow client: producers stop at high, go on at low. */
#define OUTPUT_HIGH KIB(256)
#define OUTPUT_LOW KIB(64)
/* Output that waits for a client at all: a producer that does not look at
 * conn_full() loses its connection, not the process its memory. */
#define OUTPUT_MAX MIB(16)
/* A slice of long work, in microseconds, and what one SQL statement may run. */
#define SLICE_US 2000
#define SQL_LIMIT_MS 50

#endif
