/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside imapd/session/: one signed-in IMAP connection in the tenantd.
 *
 *          FRAME_DONE                 begin() = ERR_AGAIN
 *   WAITING ---------> parse, begin() ------------------> RUNNING
 *      ^                 | other                           | more() until not
 *      |                 v                                 v ERR_AGAIN
 *      +---------- untagged news, tagged reply <-----------+
 *
 * A command is a row of command_rows (command.c): its function, the states in
 * which it may run, and what it needs. It returns ERR_OK (tagged OK), ERR_AGAIN
 * (call `more` again when there is room), or an error: the table of err.c makes
 * the tagged NO or BAD of it. Commands are answered one after another.
 */
#ifndef IMAPD_IMAP_H
#define IMAPD_IMAP_H

#include <bastide/conn.h>
#include <bastide/cursor.h>
#include <bastide/frame.h>
#include <bastide/mail.h>
#include <bastide/mailbox.h>
#include <bastide/session.h>

#include "../capability.h"
#include "../grammar.h"
#include "../language.h"

struct imap;
struct guest;
struct place;

/* --- between two commands: flat, without pointers --------------------------- */
struct imap_state {
	uint32_t account;
	uint64_t session;
	unsigned enabled;             /* ENABLED_* */
	struct capability_set hidden; /* from this account */
	enum language language;       /* of tagged answers */
	bool compressed;
	bool selected;
	bool examined;  /* by EXAMINE: read-only whatever the rights are */
	bool read_only; /* also for want of rights */
	uint64_t mailbox;
	unsigned rights; /* RIGHT_* on it (acl.h) */
	uint32_t uidvalidity;
	uint32_t exists;  /* as the client knows it */
	uint32_t uidnext; /* UIDs below were announced, or are gone */
	uint32_t recent;  /* UIDs from here on are \Recent to it */
	uint32_t n_recent;
	uint32_t n_keywords; /* of the mailbox, as the client knows */
	uint32_t fetched; /* UIDs below were told with FETCH, or need not be */
	uint64_t modseq;  /* flag changes up to here were told, */
	uint32_t modseq_uid;           /* and of the next one up to this UID */
	uint64_t expunge_modseq;       /* expunges up to here were told, */
	uint32_t expunge_uid;          /* and of that one up to this UID */
	uint32_t bad_commands;         /* in a row */
	enum mail_collation collation; /* RFC 5255: the active comparator */
};

/* --- the view: which UID is which sequence number ---------------------------- */
/* Loaded at first need (view.c); until then `exists` is all that is known. */
struct range {
	uint32_t from, to; /* inclusive; 0 is '*' until resolved */
};
struct view {
	bool loaded;
	uint32_t *uids; /* ascending; index + 1 is the sequence number */
	size_t n, cap;
	uint32_t next; /* while it is being loaded */
	/* The search result variable (RFC 9051 6.4.4.1): UIDs, each range
	 * without a gap in the view when it was saved. */
	struct range *saved;
	size_t n_saved;
};

/* --- sets --------------------------------------------------------------------- */
struct set {
	struct range *list;
	size_t n;
	bool saved; /* it was "$": set_to_uids knows what that is */
};

/* --- a command ------------------------------------------------------------------ */
enum { IN_AUTH = 1, IN_SELECTED = 2, IN_ANY = 3 };
enum {
	WANTS_VIEW = 1,     /* sequence numbers: load the view first */
	NO_EXPUNGE = 2,     /* RFC 9051 7.5.1: no EXPUNGE while it runs */
	UID_TOO = 4,        /* "UID <name>" exists */
	WRITES = 8,         /* refused in a mailbox opened read-only */
	ASKS_ARRIVALS = 16, /* what every client takes EXISTS from (quirk.c) */
	NO_NUMBERS = 32,    /* has no message numbers without UID either */
	GLANCES = 64,       /* audited once for a mailbox (place.c) */
	FINDS = 128,        /* tells no changed flags: a library that keeps
			     * them takes them for its next FETCH's answer */
};
struct command_row {
	const char *name;
	enum err (*begin)(struct imap *i);
	unsigned states, flags;
};
extern const struct command_row command_rows[];
extern const size_t n_command_rows;
const struct command_row *command_find(struct slice name);

struct command {
	const struct command_row *row;
	struct slice tag;
	bool uid;
	struct cursor args;
	enum err (*more)(struct imap *i);
	void (*abandon)(struct imap *i); /* frees what is not in the arena */
	void *work;                      /* the command's own, in the arena */
	bool begun;                      /* begin() was called */
	bool finishing; /* over with `result`: news, then the reply */
	enum err result;
	/* How far it is, for INPROGRESS; while `total` is 0 it cannot say, or
	 * is in the midst of a response. */
	uint32_t done, total;
	uint64_t told_us; /* when it last said so, or began */
	/* It took messages down to this UID only (message_limit.c); 0: all. */
	uint32_t limited_to;
	bool bye;               /* close after the tagged reply */
	bool tells_modseq;      /* of the selected mailbox, after its news */
	bool cut;               /* close without one: a literal broke off */
	const char *code;       /* response code of OK, "" or in the arena */
	const char *error_code; /* instead of the table's */
	const char *text;       /* instead of "... completed" */
};

struct append; /* cmd_append.c */

struct imap {
	struct tenant *tenant;
	struct conn *conn;
	struct account *account; /* the user's own */
	struct account *box;     /* of the selected mailbox */
	struct guest *guests;    /* accounts of others (place.c) */
	uint64_t audit_commit;   /* of its last audit row */
	struct {
		uint32_t account;
		uint64_t mailbox;
	} glanced[16]; /* by commands that are audited once */
	unsigned n_glanced;
	struct imap_state st;
	struct view view;
	struct imap_framer framer;
	struct arena *arena; /* lives as long as one command */
	struct buf out;      /* scratch for one response */
	struct command cmd;
	bool running; /* cmd is under way */
	bool idling;
	bool changed;      /* the selected mailbox has news */
	bool rights_stale; /* the rights on it may be others now */
	bool key_reset;    /* the key of its URLs is another */
	struct append *append;
	struct context *contexts; /* context.c */
	struct range own; /* new messages that it has made (arrivals.c) */
	struct arrivals *arrivals; /* a FETCH of new messages, under way */
	struct notify *notify;     /* NULL: NOTIFY was never used (notify.h) */
	bool acting;               /* a command of this session runs just now */
	bool delayed_only; /* what is changed waits for a command (notify.c) */
	/* The IDLE in whose midst news are told. */
	struct command held;
	bool held_idle;
	struct watcher watcher;
	/* While a mailbox of somebody else is selected: its account, and the
	 * tenant's for rights. */
	struct watcher box_watcher, rights_watcher;
	struct account *rights_account;
	struct timer *pause; /* it wants arrivals late (quirk.c), else NULL */
	bool pausing;
	struct later later;        /* the next slice, or news while idling */
	struct imap *next, **prev; /* all sessions of the process */
};

/* A command that runs longer tells how far it is (RFC 9585), and again. */
extern uint64_t imap_progress_us;

/* LIMIT_COMMAND_MESSAGES; tests take less. */
extern uint32_t imap_message_limit;

/* --- session.c --------------------------------------------------------------- */
/* Work in slices: true when this slice is used up or the output is full. */
bool imap_slice_over(struct imap *i, uint64_t started_us);
/* The selected mailbox has news: an idling client hears of them. */
void imap_news(struct imap *i);
/* A session has set an entry of metadata, which this user alone sees, or all
 * who see the mailbox: tells those who want to know (NOTIFY). */
void imap_tell_metadata(const struct imap *i, const struct account *a,
	uint64_t mailbox, bool shared, struct slice entry);
/* Another session of the user has reset the keys of URLs: of the mailbox, or,
 * with NULL, of all. */
void imap_tell_key_reset(
	const struct imap *i, const struct account *a, uint64_t mailbox);
/* Looks at the rights in a later turn, whatever it does. */
void imap_look(struct imap *i);
/* Gates what is written from now on on all that this account has committed. */
void imap_gate(struct imap *i);
/* A formatted string that lives as long as the command; "" without memory. */
const char *imap_text(struct imap *i, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "* ..." with CRLF. */
void imap_untagged(struct imap *i, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sends and empties the scratch buffer. */
void imap_flush(struct imap *i);
/* RFC 9586: ERR_SYNTAX, with its code, when message numbers are off. */
MUST_CHECK enum err imap_uid_required(struct imap *i);
/* Inside one turn: opens a transaction, and ends it by `e`. */
enum err imap_commit(struct imap *i, enum err e);

/* --- respond.c: what strings look like on the wire (RFC 9051 4.3) ---------------- */
void put_string(struct buf *b, struct slice s);  /* quoted or literal */
void put_nstring(struct buf *b, struct slice s); /* NIL when s.p is NULL */
void put_astring(struct buf *b, struct slice s); /* atom when it can be */
/* Into the scratch buffer: raw UTF-8 when the client takes it, else coded. */
void put_mailbox(struct imap *i, struct slice utf8);
void put_flags(struct buf *b, const struct flags *f, bool recent,
	const struct slice keywords[LIMIT_KEYWORDS]);
void put_internal_date(struct buf *b, int64_t time, int16_t zone);
void put_envelope(struct buf *b, const struct mail_envelope *e);
/* "1:3,7" from ascending UIDs. */
void put_uid_set(struct buf *b, const uint32_t *uids, size_t n);
/* respond_structure.c: BODYSTRUCTURE when `extended`, else BODY. */
void put_structure(struct buf *b, struct arena *a,
	const struct mail_structure *s, bool extended);

/* --- parse.c: grammar over whole commands (RFC 9051 9) ------------------------- */
/* Mailbox name in UTF-8; INBOX in upper case. With ENABLED_REV2 or ENABLED_UTF8
 * it comes as it is, else coded (utf7.c). */
bool imap_mailbox(struct imap *i, struct cursor *c, struct slice *out);
/* LIST pattern in UTF-8. */
bool imap_pattern(struct imap *i, struct cursor *c, struct slice *out);
bool imap_set(struct cursor *c, struct arena *a, struct set *out);
/* "1:500", or "-1:-500" from the end (RFC 5267 4.4, RFC 9394). */
struct partial {
	bool asked, from_end;
	uint32_t from, to; /* from <= to */
	struct slice text; /* as it came; borrowed from the command */
};
bool imap_partial(struct cursor *c, struct partial *out);
/* Which of `n` results they are: *first up to *end, exclusive. */
void partial_bounds(
	const struct partial *p, size_t n, size_t *first, size_t *end);
bool imap_date(struct cursor *c, int64_t *day);
bool imap_date_time(struct cursor *c, struct mail_date *out);
/* "(\Seen $kw)" or, when `bare` is allowed, without parentheses. */
struct flag_list {
	uint32_t system;
	struct slice keywords[LIMIT_KEYWORDS];
	size_t n_keywords;
};
bool imap_flag_list(struct cursor *c, bool bare, struct flag_list *out);
/* flags.c. The bits of a mailbox for a flag list; makes keywords when `create` (inside
 * a transaction). */
MUST_CHECK enum err flags_resolve(struct account *a, uint64_t mailbox,
	const struct flag_list *list, bool create, struct flags *out);

/* --- quirk.c: clients that take arrivals in another way ------------------------- */
/* The client's name, from ID. */
MUST_CHECK enum err quirk_learn(struct imap *i, struct slice client);
/* May the answer to the command under way have EXISTS? */
bool quirk_tells_arrivals(const struct imap *i);
/* The idling client has news: sends them in the next turn, or after its pause. */
void quirk_idle_news(struct imap *i);
void quirk_free(struct imap *i);

/* --- set.c -------------------------------------------------------------------- */
/* Sorted, joined, '*' replaced by `max` (RFC 9051: "n:*" always has the last). */
void set_resolve(struct set *s, uint32_t max);
/* Of a resolved set: the first range that does not end below `n`. */
size_t set_from(const struct set *s, uint32_t n);
/* How many of ascending `uids` are below `uid`: its index, if it is there. */
size_t uids_below(const uint32_t *uids, size_t n, uint32_t uid);
bool set_has(const struct set *s, uint32_t n);

/* --- utf7.c: modified UTF-7 (RFC 3501 5.1.3) ----------------------------------- */
MUST_CHECK enum err utf7_decode(struct slice in, struct buf *out);
enum err utf7_encode(struct slice in, struct buf *out);

/* --- view.c -------------------------------------------------------------------- */
void view_clear(struct view *v);
/* ERR_AGAIN: call again; ERR_EXPIRED: can no longer be made (say BYE). */
MUST_CHECK enum err view_load(struct imap *i);
/* For view_cache.c: room for `more`; UIDs go, also those that it never had;
 * nobody is told. */
MUST_CHECK enum err view_room(struct view *v, size_t more);
void view_forget(struct imap *i, uint32_t *uids, size_t n);
/* Sequence number of a UID, 0 when the client does not know it. */
uint32_t view_seq(const struct imap *i, uint32_t uid);
uint32_t view_max_uid(const struct imap *i);
/* How many messages of the view are in the set (UIDs). */
uint32_t view_count(const struct imap *i, const struct set *s);
/* Tells the client the news of the selected mailbox: EXPUNGE when `expunge`,
 * changed flags, EXISTS and RECENT. What is not told waits. */
MUST_CHECK enum err view_sync(struct imap *i, bool expunge);
/* Keyword names of the selected mailbox; tells the client when there are new
 * ones. */
MUST_CHECK enum err view_keywords(
	struct imap *i, struct arena *a, struct slice names[LIMIT_KEYWORDS]);
/* Sequence numbers or UIDs of a command's set, as ranges of UIDs in place.
 * ERR_SYNTAX for a sequence number that is not there. Wants the view. */
MUST_CHECK enum err set_to_uids(struct imap *i, struct set *s, bool uid);
/* Leaves of a set (of UIDs) the part of its messages in the view. */
void view_narrow(const struct imap *i, struct set *s, const struct partial *p);
/* Takes the ranges (from mem_alloc, or NULL) as the search result variable. */
void view_save(struct imap *i, struct range *list, size_t n);
/* The command walks over messages: the next batch of rows of `set` (UIDs) from
 * *next on; sets *next behind them, 0 when the set is used up. */
MUST_CHECK enum err view_rows(struct imap *i, const struct set *set,
	uint32_t *next, unsigned what, struct arena *arena,
	struct message_row *rows, size_t max, size_t *n_out);

/* --- arrivals.c ---------------------------------------------------------------- */
/* This session has made messages, whose UIDs ascend: NOTIFY fetches none of them
 * (RFC 5465 5.2). */
void arrivals_own(struct imap *i, const struct account *a, uint64_t mailbox,
	const uint32_t *uids, size_t n);

/* --- view_cache.c -------------------------------------------------------------- */
/* Is one of the selected mailbox held? */
bool view_cache_has(struct imap *i);
/* Begins the view with it, if there is one. */
MUST_CHECK enum err view_cache_take(struct imap *i);
/* Holds a copy of the loaded view. */
void view_cache_put(struct imap *i);

/* UIDs below this were announced to some session of this process that has the
 * mailbox open for writing; 0: none has. */
uint32_t imap_announced(const struct imap *i, uint64_t mailbox);

/* --- cmd_select.c ---------------------------------------------------------------- */
void imap_deselect(struct imap *i);
/* Switches ENABLED_* on, and what they imply. */
void imap_enable(struct imap *i, unsigned bits);
static inline bool imap_enabled(const struct imap *i, unsigned bits)
{
	return i->st.enabled & bits; /* any of them */
}
/* The rights of the selected mailbox changed: tells what the client may now. */
MUST_CHECK enum err select_tell_rights(struct imap *i);
/* Has \Recent for this session: never in IMAP4rev2 (RFC 9051 appendix E). */
static inline bool imap_recent(const struct imap *i, uint32_t uid)
{
	return uid >= i->st.recent && !imap_enabled(i, ENABLED_REV2);
}
/* With CONDSTORE on: HIGHESTMODSEQ in the tagged OK of a command after which
 * messages are gone. */
MUST_CHECK enum err imap_highest_code(struct imap *i);

/* --- message_limit.c ------------------------------------------------------------- */
/* Leaves of the set (UIDs) the last messages that one command may take. */
void message_limit(struct imap *i, struct set *set);
/* For commands that take all or nothing. */
MUST_CHECK enum err message_limit_refuse(struct imap *i, struct set *set);
/* Before the tagged OK. */
void message_limit_tell(struct imap *i);

/* --- fetch_flags.c -------------------------------------------------------------- */
/* "* n FETCH (" or, with UIDONLY, "* n UIDFETCH (". */
void put_fetch(struct imap *i, uint32_t seq, uint32_t uid);
/* FETCH with the flags of one row: the news of view_sync and STORE. Nothing
 * when `seq` is 0: the client does not know the message. */
void put_fetch_flags(struct imap *i, uint32_t seq,
	const struct message_row *row, bool flags,
	const struct slice keywords[LIMIT_KEYWORDS]);

/* --- cmd_status.c ---------------------------------------------------------------- */
/* "(MESSAGES UNSEEN)" as a set of bits. */
bool status_items(struct cursor *c, unsigned *wanted);
/* HIGHESTMODSEQ among them enables CONDSTORE (RFC 7162 3.1). */
void status_enables(struct imap *i, unsigned wanted);
/* How far the count of one mailbox's deleted bytes is; zeroed at first. */
struct status_count {
	uint64_t deleted_size;
	uint32_t next; /* UID */
};
/* Counts what `wanted` has that the row does not say, in slices: ERR_AGAIN. */
MUST_CHECK enum err status_count(struct imap *i, const struct place *p,
	unsigned wanted, uint64_t started_us, struct status_count *n);
/* "* STATUS name (...)" into the scratch buffer; on error half of it. */
MUST_CHECK enum err status_put(struct imap *i, const struct place *p,
	unsigned wanted, const struct status_count *n);

/* --- cmd_list.c ------------------------------------------------------------------ */
/* "Archive" of "\Archive" (RFC 6154 2). */
bool imap_special_use(struct slice name, enum special_use *out);
/* "\Archive", NULL for none. */
const char *imap_use_name(enum special_use use);
/* "* LIST" of one mailbox into the scratch buffer, with OLDNAME when the client
 * called it `old`. */
void put_list(struct imap *i, const struct mailbox_row *row, struct slice old);

/* --- cmd_append.c ---------------------------------------------------------------- */
/* What becomes of the literal that the framer announces. */
enum append_literal {
	APPEND_STRING, /* it is not APPEND's message: an ordinary string */
	APPEND_TAKEN,  /* the framer and the client were told */
	APPEND_LATER,  /* in a later turn: what is before it takes time */
};
enum append_literal append_literal(struct imap *i);
void append_data(struct imap *i, struct slice data);
void append_abort(struct imap *i);

/* --- cmd_metadata.c -------------------------------------------------------------- */
/* RFC 5464 4.3, of LIMIT_METADATA */
#define METADATA_TOO_LONG "METADATA MAXSIZE 65536"

/* --- cmd_enable.c ---------------------------------------------------------------- */
void put_capabilities(struct imap *i);
/* Reads which of them this account shall not see. */
MUST_CHECK enum err capabilities_hide(struct imap *i);

enum err cmd_append(struct imap *i);
enum err cmd_cancelupdate(struct imap *i);
enum err cmd_capability(struct imap *i);
enum err cmd_check(struct imap *i);
enum err cmd_close(struct imap *i);
enum err cmd_comparator(struct imap *i);
enum err cmd_compress(struct imap *i);
enum err cmd_copy(struct imap *i);
enum err cmd_create(struct imap *i);
enum err cmd_delete(struct imap *i);
enum err cmd_deleteacl(struct imap *i);
enum err cmd_enable(struct imap *i);
enum err cmd_esearch(struct imap *i);
enum err cmd_examine(struct imap *i);
enum err cmd_expunge(struct imap *i);
enum err cmd_fetch(struct imap *i);
enum err cmd_genurlauth(struct imap *i);
enum err cmd_getacl(struct imap *i);
enum err cmd_getmetadata(struct imap *i);
enum err cmd_getquota(struct imap *i);
enum err cmd_getquotaroot(struct imap *i);
enum err cmd_id(struct imap *i);
enum err cmd_idle(struct imap *i);
enum err cmd_language(struct imap *i);
enum err cmd_list(struct imap *i);
enum err cmd_listrights(struct imap *i);
enum err cmd_logout(struct imap *i);
enum err cmd_lsub(struct imap *i);
enum err cmd_move(struct imap *i);
enum err cmd_myrights(struct imap *i);
enum err cmd_namespace(struct imap *i);
enum err cmd_noop(struct imap *i);
enum err cmd_notify(struct imap *i);
enum err cmd_replace(struct imap *i);
enum err cmd_rename(struct imap *i);
enum err cmd_resetkey(struct imap *i);
enum err cmd_search(struct imap *i);
enum err cmd_select(struct imap *i);
enum err cmd_setacl(struct imap *i);
enum err cmd_setmetadata(struct imap *i);
enum err cmd_setquota(struct imap *i);
enum err cmd_sort(struct imap *i);
enum err cmd_status(struct imap *i);
enum err cmd_store(struct imap *i);
enum err cmd_subscribe(struct imap *i);
enum err cmd_thread(struct imap *i);
enum err cmd_uidbatches(struct imap *i);
enum err cmd_unauthenticate(struct imap *i);
enum err cmd_unselect(struct imap *i);
enum err cmd_unsubscribe(struct imap *i);
enum err cmd_urlfetch(struct imap *i);
enum err cmd_xlist(struct imap *i);

#endif
